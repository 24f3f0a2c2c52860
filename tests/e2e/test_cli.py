"""The command line as a user meets it: real processes, from the first `init` to a killed and resumed training."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml
from cli_material import (
    COMMAND,
    RECIPE,
    Told,
    desk_rows,
    ended,
    events,
    files_under,
    make_desk,
    start,
    tell,
    tell_terminal,
    trained,
    wait_for_checkpoints,
    write_rows,
)

ESCAPE = "\x1b["
COLOUR = re.compile(r"\x1b\[(?:3[0-7]|9[0-7])")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def first_run(desk: Path) -> Told:
    """`tunesmith run recipe.yaml` where nothing was made before."""
    return tell(["run", "recipe.yaml"], desk)


def test_run_prints_the_result_on_stdout_and_progress_on_stderr(desk: Path, first_run: Told) -> None:
    assert first_run.code == 0, first_run.err
    for words in ("Base model", "Tuned model", "Classic baseline", "ROUGE-L", "against the base, 95% interval, n = 8"):
        assert words in first_run.out
    page = re.search(r"^Report: (runs/.+/report\.html)$", first_run.out, re.MULTILINE)
    assert page is not None
    assert (desk / page[1]).read_text(encoding="utf-8").startswith("<!doctype html>")
    card = re.search(r"^Data card: (runs/.+/prepare\.html)$", first_run.out, re.MULTILINE)
    assert card is not None
    assert Path(card[1]).parent == Path(page[1]).parent
    assert 'href="prepare.html"' in (desk / page[1]).read_text(encoding="utf-8")
    assert re.search(r"^train  12/12  \d+ s  loss", first_run.err, re.MULTILINE)
    assert "80 of 80 rows kept: 65 train, 7 validation, 8 test" in first_run.err
    assert ESCAPE not in first_run.out + first_run.err
    assert [event["data"]["state"] for event in events(desk) if event["type"] == "state"] == ["running", "succeeded"]
    assert events(desk)[-1]["attempt"] == 1


def test_the_same_command_again_finds_everything_made(desk: Path, first_run: Told) -> None:
    """In JSON this time: one value, whose scorecard is the one that the first run printed."""
    before = files_under(desk / "artifacts")
    again = tell(["run", "recipe.yaml", "--json"], desk)
    assert again.code == 0, again.err
    assert files_under(desk / "artifacts") == before
    assert again.err == ""
    assert again.cpu_seconds < first_run.cpu_seconds
    result = again.json()
    assert {"run", "report", "card", "data_page", "data_card", "models", "health", "scorecard"} == set(result)
    (verdict,) = result["scorecard"]["verdicts"]
    difference = verdict["difference"]
    assert f"{difference['mean']:+.3f} [{difference['low']:+.3f}, {difference['high']:+.3f}]" in first_run.out
    assert result["report"] in first_run.out
    assert (desk / result["models"]["tuned"] / "manifest.json").is_file()


def test_a_model_found_from_an_earlier_run_brings_its_curves(desk: Path, first_run: Told, tmp_path: Path) -> None:
    first = re.search(r"^Report: (.+)$", first_run.out, re.MULTILINE)
    desk = shutil.copytree(desk, tmp_path / "desk")
    told = tell(["run", "recipe.yaml", "report.num_before_after=2", "--json"], desk)
    assert told.code == 0, told.err
    again = told.json()["report"]
    assert first is not None
    assert again != first[1]
    pages = [(desk / page).read_text(encoding="utf-8") for page in (first[1], again)]
    curves = [re.findall(r"<svg.*?</svg>", page, re.S) for page in pages]
    assert curves[0] == curves[1] != []


def test_rows_with_labels_end_in_a_report(tmp_path: Path) -> None:
    """The label written as text, the likeliest one taken: every score that a sample has is named on the page."""
    asked = (("My parcel is late", "delivery"), ("Take the money back", "refund"), ("灯泡坏了", "repair"))
    rows = [{"text": f"{text}, order {n}", "label": label} for n in range(20) for text, label in asked]
    write_rows(tmp_path / "rows.jsonl", rows)
    recipe = RECIPE.replace("max_steps: 12", "max_steps: 2").replace("evaluate: {", "evaluate: {few_shot: 1, ")
    (tmp_path / "recipe.yaml").write_text(recipe, encoding="utf-8")
    told = tell(["run", "recipe.yaml", "--json"], tmp_path)
    assert told.code == 0, told.err
    page = (tmp_path / told.json()["report"]).read_text(encoding="utf-8")
    assert "Accuracy" in page
    assert "Confidence" in page
    assert "How far confidence may be believed" in page
    (scorecard,) = (tmp_path / "artifacts" / "scorecard").iterdir()
    checked = tell(["evaluate", "--recheck", str(scorecard), "--json"], tmp_path)
    assert checked.code == 0, checked.err
    assert checked.json()["largest"] < 1e-9
    assert checked.json()["num_figures"] > 100
    samples = scorecard / "samples.jsonl"
    samples.write_text(samples.read_text(encoding="utf-8").replace("delivery", "refund", 1), encoding="utf-8")
    edited = tell(["evaluate", "--recheck", str(scorecard)], tmp_path)
    assert edited.code == 1
    assert "error[artifact-damaged]" in edited.err


def test_python_can_run_the_package() -> None:
    told = subprocess.run([sys.executable, "-m", "tunesmith", "--version"], capture_output=True, text=True, check=True)
    assert told.stdout == subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True).stdout


def test_report_speaks_chinese(desk: Path, first_run: Told) -> None:
    told = tell(["report", "recipe.yaml"], desk, TUNESMITH_LANG="zh")
    assert told.code == 0, told.err
    assert "微调后的模型" in told.out
    assert "95% 置信区间，n = 8" in told.out
    path = re.search(r"^报告：(.+)$", told.out, re.MULTILINE)
    assert path is not None
    assert 'lang="zh' in (desk / path[1]).read_text(encoding="utf-8")[:200]


def test_report_makes_nothing_but_pages(desk: Path, first_run: Told) -> None:
    there = sorted(desk.rglob("*"))
    told = tell(["report", "recipe.yaml", "seed=9"], desk)
    assert told.code == 2
    assert "error[run-unmade]: the dataset of this run is not there" in told.err
    told = tell(["report", "recipe.yaml", "train.learning_rate=1e-5"], desk)
    assert told.code == 2
    assert "tunesmith run" in told.err
    assert [each for each in sorted(desk.rglob("*")) if each.is_dir()] == [each for each in there if each.is_dir()]


def test_prepare_writes_the_data_card_and_report_that_of_a_datasets_folder(desk: Path, tmp_path: Path) -> None:
    made = tell(["-w", str(tmp_path), "prepare", "recipe.yaml", "--json"], desk)
    assert made.code == 0, made.err
    page = (desk / made.json()["page"]).read_text(encoding="utf-8")
    assert 'data-testid="tokens"' in page
    assert 'data-testid="seen"' in page
    assert (desk / made.json()["card"]).name == "DATACARD.md"
    alone = tell(["-w", str(tmp_path), "report", made.json()["folder"]], desk, TUNESMITH_LANG="zh")
    assert alone.code == 0, alone.err
    path = re.search(r"^数据卡：(.+)$", alone.out, re.MULTILINE)
    assert path is not None
    again = Path(path[1]).read_text(encoding="utf-8")
    assert 'lang="zh' in again[:200]
    assert 'data-testid="tokens"' not in again
    proof = re.compile(r'data-testid="frozen".*?</table>', re.S)
    hashes = [re.findall("[0-9a-f]{64}", proof.findall(text)[0]) for text in (page, again)]
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 3


def test_every_figure_of_written_answers_comes_out_again(desk: Path, first_run: Told) -> None:
    (scorecard,) = (desk / "artifacts" / "scorecard").iterdir()
    told = tell(["evaluate", "--recheck", str(scorecard)], desk)
    assert told.code == 0, told.err
    assert "largest difference" in told.out
    assert "bits_per_byte" not in told.out.partition("not in the samples")[2]


def test_compare_shows_the_same_prompts_before_and_after(desk: Path, first_run: Told) -> None:
    told = tell(["compare", "recipe.yaml", "-n", "2", "--json"], desk)
    assert told.code == 0, told.err
    pairs = told.json()
    assert len(pairs) == 2
    for pair in pairs:
        assert set(pair["answers"]) == {"base", "tuned"}
        assert "order" in pair["reference"] or "订单" in pair["reference"]


def test_plan_tells_steps_and_reasons(desk: Path) -> None:
    told = tell(["plan", "recipe.yaml"], desk, TUNESMITH_LANG="zh")
    assert told.code == 0, told.err
    assert "tuned：full，65 条数据共 12 步" in told.out
    assert re.search(r"learning_rate = \S+: .*隐藏维度", told.out)


def test_runs_are_listed_with_their_state(desk: Path, first_run: Told) -> None:
    told = tell(["runs", "--json"], desk)
    assert told.code == 0
    (row,) = told.json()
    assert (row["state"], row["run"]) == ("succeeded", str(next(Path(desk, "runs").iterdir()).relative_to(desk)))
    assert tell(["-w", "elsewhere", "runs"], desk, TUNESMITH_LANG="zh").out.startswith("还没有运行")


def test_prepare_shows_rows_as_the_model_sees_them(desk: Path) -> None:
    plain = tell(["prepare", "recipe.yaml", "--show", "2"], desk)
    assert plain.code == 0, plain.err
    assert plain.out.startswith("80 rows read = 80 kept + 0 rejected; train 65, validation 7, test 8\n")
    assert len(re.findall(r"^--- rows\.jsonl:\d+  \d+ tokens, \d+ supervised$", plain.out, re.MULTILINE)) == 2
    supervised = re.findall(r"⟦(.*?)⟧", plain.out, re.DOTALL)
    assert len(supervised) == 2
    for answer in supervised:
        assert "</think>" in answer
        assert "Order 2: where" not in answer
    as_json = tell(["prepare", "recipe.yaml", "--show", "1", "--json"], desk, TUNESMITH_LANG="zh").json()
    assert as_json["splits"] == {"train": 65, "validation": 7, "test": 8}
    assert len(as_json["shown"]) == 1
    assert "个参与训练" in as_json["shown"][0][0]


def test_a_terminal_gets_a_live_bar_and_colour(desk: Path) -> None:
    code, screen = tell_terminal(["-w", "terminal", "prepare", "recipe.yaml", "--show", "1"], desk)
    assert code == 0, screen
    assert "━" in screen
    assert screen.count("\x1b[?25l") == screen.count("\x1b[?25h") == 1, "the cursor is hidden and given back"
    assert "\x1b[32m<think>" in screen
    code, screen = tell_terminal(["-w", "grey", "prepare", "recipe.yaml", "--show", "1"], desk, NO_COLOR="1")
    assert code == 0, screen
    assert "━" in screen
    assert COLOUR.search(screen) is None
    assert "⟦<think>" in screen


def test_an_error_on_a_terminal_leaves_no_bar_behind(desk: Path) -> None:
    code, screen = tell_terminal(["-w", "recipe.yaml", "prepare", "recipe.yaml"], desk)
    assert code == 2
    shown, hidden = screen.rfind("\x1b[?25h"), screen.rfind("\x1b[?25l")
    assert 0 <= hidden < shown < screen.index("error[not-a-folder]")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_dry_run_prints_a_recipe_that_is_the_same_recipe(desk: Path, language: str) -> None:
    told = tell(["run", "recipe.yaml", "train.learning_rate=2e-4", "--dry-run"], desk, TUNESMITH_LANG=language)
    assert told.code == 0, told.err
    printed = re.search(r"^# (hash|哈希) ([0-9a-f]{64})$", told.out, re.MULTILINE)
    assert printed is not None
    (desk / "resolved.yaml").write_text(told.out, encoding="utf-8")
    again = tell(["run", "resolved.yaml", "--dry-run", "--json"], desk).json()
    assert again["hash"] == printed[2]
    assert again["recipe"]["train"]["learning_rate"] == 2e-4
    assert tell(["config", "check", "recipe.yaml", "--json"], desk).json()["hash"] != printed[2]


def test_a_run_folder_is_a_recipe(desk: Path, first_run: Told) -> None:
    (folder,) = (desk / "runs").iterdir()
    told = tell(["run", str(folder), "--dry-run", "--json"], desk)
    assert told.json()["hash"].startswith(folder.name.removeprefix("desk-"))


def test_the_schema_fits_recipes_and_refuses_others(desk: Path) -> None:
    schema = tell(["config", "schema"], desk).json()
    assert tell(["config", "schema", "--json"], desk).json() == schema
    jsonschema.Draft202012Validator.check_schema(schema)
    recipe = yaml.safe_load(RECIPE)
    jsonschema.validate(recipe, schema)
    recipe["train"]["epocs"] = 2
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(recipe, schema)


def test_a_project_starts_from_a_shipped_recipe(tmp_path: Path) -> None:
    named = [recipe["name"] for recipe in tell(["recipes", "list", "--json"], tmp_path).json()]
    assert "quickstart" in named
    shown = tell(["recipes", "show", "quickstart"], tmp_path).out
    assert tell(["recipes", "copy", "quickstart", "mine/copied.yaml"], tmp_path).out == "mine/copied.yaml\n"
    assert (tmp_path / "mine" / "copied.yaml").read_text(encoding="utf-8").rstrip() == shown.rstrip()
    told = tell(["init", "demo"], tmp_path, TUNESMITH_LANG="zh")
    assert told.code == 0, told.err
    assert told.out.splitlines()[-1] == "下一步：cd demo && tunesmith run recipe.yaml"
    dry = tell(["run", "recipe.yaml", "--dry-run", "--json"], tmp_path / "demo").json()
    assert all((tmp_path / "demo" / source["path"]).is_file() for source in dry["recipe"]["prepare"]["sources"])


def test_doctor_looks_and_changes_nothing(tmp_path: Path) -> None:
    told = tell(["-w", "not/yet", "doctor", "--json"], tmp_path)
    assert told.code == 0, told.err
    findings = {finding["key"].removeprefix("cli.doctor."): finding for finding in told.json()}
    assert {"python", "torch", "threads", "memory", "disk"} < set(findings)
    assert findings["threads"]["parameters"]["threads"] == "1"
    assert findings["hub-no"]["parameters"]["host"] == "127.0.0.1"
    assert not (tmp_path / "not").exists()


def test_a_reader_who_leaves_early_is_no_crash(tmp_path: Path) -> None:
    with start(["config", "schema"], tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_a_terminal_without_a_character_still_gets_the_text(desk: Path) -> None:
    arguments = ["prepare", "recipe.yaml", "--show", "1"]
    assert "\\u27e6<think>" in tell(arguments, desk, PYTHONIOENCODING="latin-1").out
    as_json = tell([*arguments, "--json"], desk, PYTHONIOENCODING="latin-1").json()
    assert "⟦" in "".join(as_json["shown"][0])


def test_killed_then_interrupted_training_ends_in_the_same_weights(desk: Path, first_run: Told, tmp_path: Path) -> None:
    """Kill -9 after the second checkpoint, Ctrl-C in the second attempt: the third ends as if nothing had happened."""
    arguments = ["-w", str(tmp_path), "train", "recipe.yaml"]
    killed = start(arguments, desk)
    wait_for_checkpoints(tmp_path, 1, 2, killed)
    killed.kill()
    assert ended(killed).code == -signal.SIGKILL
    assert not (tmp_path / "artifacts" / "tuned_model").exists()

    stopped = start(arguments, desk)
    wait_for_checkpoints(tmp_path, 2, 2, stopped)
    stopped.send_signal(signal.SIGINT)
    told = ended(stopped)
    assert told.code == 130, told.err
    step = [event["step"] for event in events(tmp_path) if event["type"] == "checkpoint"][-1]
    assert f"error[interrupted]: stopped at step {step}; the checkpoint is saved" in told.err
    assert "Traceback" not in told.err
    assert [event["data"]["state"] for event in events(tmp_path) if event["type"] == "state"][-1] == "paused"

    finished = tell([*arguments, "--json"], desk, OMP_NUM_THREADS="2")
    assert finished.code == 0, finished.err
    assert f"going on from the checkpoint of step {step}" in finished.err
    assert "computing with 1 threads, as this training began, not with 2" in finished.err
    weights, training = trained(tmp_path)
    uninterrupted_weights, uninterrupted = trained(desk)
    assert weights == uninterrupted_weights
    for figure in ("step", "rows_hash", "num_tokens", "best_step", "best_value"):
        assert training[figure] == uninterrupted[figure]
    assert list(finished.json()) == ["tuned"]


def test_ctrl_c_while_rows_are_read_leaves_nothing(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    write_rows(
        desk / "rows.jsonl", [row | {"answer": f"{row['answer']} {n}"} for n in range(250) for row in desk_rows()]
    )
    with start(["check", "recipe.yaml"], desk) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(("reading and checking rows", "rows.jsonl: 20000 rows"))
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
    assert process.returncode == 130
    # a slow machine says how far it is once more
    assert [line.partition(":")[0] for line in err.splitlines() if "error" in line] == ["error[stopped]"]
    assert "Traceback" not in err
    assert not (desk / "artifacts").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 MB that is nearly full."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("run as root: a small file system has to be mounted")
    (disk / "filler").write_bytes(bytes(120 * 2**20))
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_is_told_and_the_same_command_goes_on(desk: Path, first_run: Told, small_disk: Path) -> None:
    arguments = ["-w", str(small_disk), "train", "recipe.yaml"]
    full = tell([*arguments, "--json"], desk)
    assert full.code == 1, full.err
    assert [error["code"] for error in full.json()["errors"]] == ["disk-full"]
    assert "hint: free some space" in full.err
    assert "Traceback" not in full.err
    assert [path.name for path in small_disk.rglob("*.partial")] == []
    assert not (small_disk / "artifacts" / "tuned_model").exists()
    (small_disk / "filler").unlink()
    told = tell(arguments, desk)
    assert told.code == 0, told.err
    assert trained(small_disk)[0] == trained(desk)[0]


def test_json_is_one_value_also_for_a_check_of_model_and_recipe(desk: Path, tmp_path: Path) -> None:
    told = tell(["check", "recipe.yaml", "--model", str(tmp_path), "--json"], desk)
    assert told.code == 1
    result = json.loads(told.out)
    assert result["dataset"]["kept"] == 80
    assert [(part["name"], part["passed"]) for part in result["model"]] == [("model", False)]
