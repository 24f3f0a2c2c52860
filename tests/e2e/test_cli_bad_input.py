"""Bad input, one row each: what the command exits with, the code, the place and the hint, and that nothing is left."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from cli_material import change_json, copy_tiny, desk_rows, make_desk, tell, write_rows

CHECK = ("check", "recipe.yaml")
LONG = "word " * 5000
ANSWER_ONLY = {"messages": [{"role": "user", "content": "Where is order 4?"}]}
WEIGHTLESS = {"messages": [*ANSWER_ONLY["messages"], {"role": "assistant", "content": "Here.", "weight": 0}]}
DROPPING_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content.split('</think>')[-1] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class Bad:
    """What is spoiled in a folder that was sound, the command, and what it must say."""

    name: str
    spoil: Callable[[Path], None]
    arguments: tuple[str, ...]
    exit_code: int
    codes: tuple[str, ...]
    place: str | None
    """The first error's place; None where there is none to name."""
    hint: str = ""
    """Part of the first hint."""
    leaves: tuple[str, ...] = ()
    """Patterns of what may lie under artifacts/ afterwards."""


def nothing(folder: Path) -> None:
    """The fault is in the command."""


def recipe(old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        text = (folder / "recipe.yaml").read_text(encoding="utf-8")
        assert old in text
        (folder / "recipe.yaml").write_text(text.replace(old, new), encoding="utf-8")

    return spoil


def written(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def rows(*given: dict[str, Any]) -> Callable[[Path], None]:
    return lambda folder: write_rows(folder / "rows.jsonl", list(given))


def model(**changes: Any) -> Callable[[Path], None]:
    """The base becomes a local folder whose configuration says otherwise."""
    return lambda folder: change_json(copy_tiny(folder / "base") / "config.json", **changes)


def pickled(folder: Path) -> None:
    base = copy_tiny(folder / "base")
    (base / "model.safetensors").rename(base / "pytorch_model.bin")


def dropping(folder: Path) -> None:
    (copy_tiny(folder / "base") / "chat_template.jinja").write_text(DROPPING_TEMPLATE, encoding="utf-8")


def damaged(folder: Path) -> None:
    assert tell(["prepare", "recipe.yaml"], folder).code == 0
    (file,) = (folder / "artifacts" / "dataset").glob("*/train.jsonl")
    file.write_bytes(file.read_bytes().replace(b"tomorrow", b"tomorroW", 1))


BASE = "model.base=base"
TABLE = [
    Bad(
        "mistyped key",
        recipe("max_steps", "max_step"),
        ("config", "check", "recipe.yaml"),
        2,
        ("recipe-unknown-key",),
        "recipe.yaml:4:23",
        "did you mean `max_steps`?",
    ),
    Bad(
        "wrong value",
        recipe("method: full", "method: fill"),
        ("config", "check", "recipe.yaml"),
        2,
        ("recipe-choice",),
        "recipe.yaml:4:9",
    ),
    Bad(
        "several mistakes at once",
        recipe("max_steps: 12, batch_rows: 8", "max_step: 12, batch_rows: eight, batch_rows: -1"),
        ("run", "recipe.yaml", "seed=x"),
        2,
        ("recipe-duplicate-key", "recipe-value", "recipe-unknown-key", "recipe-value"),
        None,
    ),
    Bad("not YAML", written("recipe.yaml", b"name: [desk\n"), CHECK, 2, ("recipe-yaml",), "recipe.yaml:2:1"),
    Bad(
        "recipe in GBK",
        written("recipe.yaml", "name: 客服".encode("gbk")),
        CHECK,
        2,
        ("recipe-encoding",),
        "recipe.yaml:1",
    ),
    Bad("missing recipe", nothing, ("run", "recipes.yaml"), 2, ("recipe-missing",), "recipes.yaml", "recipes list"),
    Bad(
        "wrong override",
        nothing,
        ("train", "recipe.yaml", "train.epochs"),
        2,
        ("recipe-override",),
        "command line (train.epochs)",
        "train.learning_rate=2e-4",
    ),
    Bad(
        "unknown shipped recipe",
        nothing,
        ("init", "demo", "--recipe", "quickstrt"),
        2,
        ("recipe-unknown",),
        None,
        "quickstart",
    ),
    Bad("missing data", lambda folder: (folder / "rows.jsonl").unlink(), CHECK, 2, ("data-missing",), "rows.jsonl"),
    Bad("empty file", written("rows.jsonl", b""), CHECK, 2, ("data-empty",), "rows.jsonl", "prepare.sources"),
    Bad(
        "undecodable file",
        written("rows.csv", b"question,answer\nCaf\xe9 ouvert?,Oui \xff\xfe bien s\xfbr\n"),
        (*CHECK, "prepare.sources=rows.csv"),
        2,
        ("data-encoding",),
        "rows.csv:2",
        "iconv",
    ),
    Bad(
        "missing mapped column",
        nothing,
        (*CHECK, "prepare.sources={path: rows.jsonl, columns: {question: questions, answer: answer}}"),
        2,
        ("column-missing",),
        "rows.jsonl",
        "did you mean `question`?",
    ),
    Bad(
        "no assistant message",
        rows(*[ANSWER_ONLY] * 5),
        CHECK,
        1,
        ("too-many-bad-rows",),
        "rows.jsonl:1",
        "prepare.max_bad_share",
        ("dataset/*.rejects.jsonl",),
    ),
    Bad(
        "no supervised token",
        rows(*[WEIGHTLESS] * 5),
        (*CHECK, "prepare.max_bad_share=1"),
        2,
        ("no-training-rows",),
        None,
        "training source",
    ),
    Bad(
        "row longer than the model",
        rows(*desk_rows(), {"question": LONG, "answer": "No."}),
        CHECK,
        1,
        ("rows-too-long",),
        "rows.jsonl:81",
        "prepare.too_long=drop",
    ),
    Bad("missing model", nothing, (*CHECK, "model.base=./base"), 2, ("model-missing",), "./base", "builtin:tiny"),
    Bad("hub out of reach", nothing, (*CHECK, "model.base=some/model"), 2, ("model-unreachable",), None, "HF_ENDPOINT"),
    Bad("pickled weights", pickled, (*CHECK, BASE), 2, ("weights-pickle",), "base/pytorch_model.bin", ".safetensors"),
    Bad(
        "code of the model's own",
        model(auto_map={"AutoModel": "modeling.Own"}),
        (*CHECK, BASE),
        2,
        ("model-code",),
        "base/config.json (auto_map)",
    ),
    Bad(
        "unknown architecture",
        model(model_type="gpt_unheard"),
        (*CHECK, BASE),
        2,
        ("model-type",),
        "base/config.json",
        "qwen2",
    ),
    Bad(
        "broken configuration",
        lambda folder: (copy_tiny(folder / "base") / "config.json").write_text("{") and None,
        (*CHECK, BASE),
        2,
        ("model-config",),
        "base/config.json",
    ),
    Bad(
        "template that drops the reasoning",
        dropping,
        (*CHECK, BASE),
        2,
        ("template-drops-reasoning",),
        None,
        "reasoning_content",
    ),
    Bad("unknown verb", nothing, ("trian", "recipe.yaml"), 2, ("usage",), None, "tunesmith --help"),
    Bad(
        "unknown option", nothing, ("run", "recipe.yaml", "--epochs", "2"), 2, ("usage",), None, "tunesmith run --help"
    ),
    Bad("missing argument", nothing, ("run",), 2, ("usage",), None, "tunesmith run --help"),
    Bad("nothing to check", nothing, ("check",), 2, ("check-nothing",), None, "--model"),
    Bad("workspace that is a file", nothing, ("-w", "rows.jsonl", *CHECK), 2, ("not-a-folder",), "rows.jsonl"),
    Bad("project over a file", nothing, ("init", "rows.jsonl"), 2, ("not-a-folder",), "rows.jsonl"),
    Bad("project over a project", nothing, ("init", "."), 2, ("folder-not-empty",), ".", "--force"),
    Bad("copy over a file", nothing, ("recipes", "copy", "quickstart"), 2, ("file-exists",), "recipe.yaml"),
    Bad(
        "damaged artifact",
        damaged,
        CHECK,
        1,
        ("artifact-damaged",),
        "artifacts/dataset/*/train.jsonl",
        "run again",
        ("dataset/*/*",),
    ),
]


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name)
def test_bad_input_is_told_with_place_and_hint_and_leaves_nothing(bad: Bad, tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    bad.spoil(desk)
    told = tell([*bad.arguments, "--json"], desk)
    assert (told.code, told.out != "") == (bad.exit_code, True), told.err
    assert_told(told.json()["errors"], told.err, bad)
    assert_nothing_half_written(desk, bad.leaves)


def assert_told(errors: list[dict[str, Any]], err: str, bad: Bad) -> None:
    """The errors on stdout are those on stderr, complete, and no traceback stands among them."""
    assert tuple(sorted(error["code"] for error in errors)) == tuple(sorted(bad.codes))
    for error in errors:
        assert f"error[{error['code']}]: {error['message']}" in err
        assert f"hint: {error['hint']}" in err
        assert error["hint"].strip()
        assert error["place"] is None or f"  --> {error['place']}" in err
    if bad.place is not None:
        assert fnmatch(errors[0]["place"], bad.place)
    assert bad.hint in errors[0]["hint"]
    assert "Traceback" not in err


def assert_nothing_half_written(desk: Path, leaves: tuple[str, ...]) -> None:
    artifacts = desk / "artifacts"
    found = [file.relative_to(artifacts) for file in artifacts.rglob("*") if file.is_file()]
    assert [str(file) for file in found if not any(file.match(pattern) for pattern in leaves)] == []
    assert [path.name for path in desk.rglob("*.partial")] == []


def test_errors_are_told_in_chinese_with_equal_codes(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    told = tell(["run", "recipe.yaml", "train.epocs=2"], desk, TUNESMITH_LANG="zh")
    assert told.code == 2
    assert told.out == ""
    assert told.err == (
        "错误[recipe-unknown-key]：`train` 中没有键 `epocs`\n"
        "  --> command line (train.epocs)\n"
        "提示：您是否想写 `epochs`？用 `tunesmith config schema` 查看所有键\n"
    )
    assert "错误[usage]：没有 `trian` 这个命令" in tell(["trian"], desk, TUNESMITH_LANG="zh").err


def test_long_rows_are_dropped_where_the_recipe_says_so(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    rows(*desk_rows(), {"question": LONG, "answer": "No."})(desk)
    told = tell(["check", "recipe.yaml", "prepare.too_long=drop", "--json"], desk)
    assert told.code == 0, told.err
    report = told.json()
    assert (report["read"], report["kept"]) == (81, 80)
    assert report["reasons"]["too-long"]["count"] == 1
    assert report["reasons"]["too-long"]["places"] == ["rows.jsonl:81"]


def test_a_traceback_is_shown_when_it_is_asked_for(tmp_path: Path) -> None:
    told = tell(["--debug", "run", "nothing.yaml"], tmp_path)
    assert told.code == 2
    assert "error[recipe-missing]" in told.err
    assert "Traceback (most recent call last)" in told.err


def test_a_run_that_another_process_works_in_is_left_alone(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    fingerprint = tell(["config", "check", "recipe.yaml", "--json"], desk).json()["hash"]
    folder = desk / "runs" / f"desk-{fingerprint[:8]}"
    folder.mkdir(parents=True)
    with (folder / ".lock").open("w", encoding="utf-8") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = tell(["train", "recipe.yaml", "--json"], desk)
    assert told.code == 1
    (error,) = told.json()["errors"]
    assert error["code"] == "run-busy"
    assert "4711" in error["message"]
    assert Path(error["place"]) == folder.relative_to(desk)
    assert error["hint"]
    assert [path.name for path in folder.iterdir()] == [".lock"]
    assert not (desk / "artifacts").exists()


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that nothing can be written into: by its mode, or for root, whom modes do not stop, by its mount."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    if os.geteuid() != 0:
        folder.chmod(0o500)
        yield folder
        folder.chmod(0o700)
        return
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("run as another user than root: root writes everywhere")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_read_only_workspace_is_told(tmp_path: Path, read_only: Path) -> None:
    desk = make_desk(tmp_path / "desk")
    told = tell(["-w", str(read_only), "check", "recipe.yaml", "--json"], desk)
    assert told.code == 1
    (error,) = told.json()["errors"]
    assert (error["code"], error["place"]) == ("no-permission", str(read_only))
    assert "--workspace" in error["hint"]
    assert "Traceback" not in told.err
