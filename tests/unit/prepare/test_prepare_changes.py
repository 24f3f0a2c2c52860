"""What the rules did to rows, shown; pseudonyms undone from the command line."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prepare_material import write_jsonl
from typer.testing import CliRunner

from tunesmith.artifacts import Dataset
from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.errors import TunesmithError
from tunesmith.prepare import Fits, changed_rows, prepare
from tunesmith.prepare.unseal import secret_name, unseal_file
from tunesmith.recipe import Prepare
from tunesmith.runtime import Runtime, Silent

KEY = "thirty-two bytes or more of secret"
SETTINGS: dict[str, Any] = {
    "system": "be kind",
    "prompt_style": "Q: {prompt}",
    "clean": {"rewrite": ["white-space", "numbers"], "fill": {"city": "unknown"}, "language_tag": True},
}


@pytest.fixture(autouse=True)
def fresh_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)


def rows() -> list[dict[str, str]]:
    plain = [{"question": f"topic {n}?", "answer": f"y{n}", "city": "here"} for n in range(9)]
    broken = {"question": "CafÃ© a\u200bt 1.5亿  \nnow", "answer": "fine  \nso", "city": ""}
    return [
        *plain,
        broken,
        {"question": "tea\u200bpot", "answer": "ok", "city": "here"},
        {"question": "", "answer": "x"},
    ]


@pytest.mark.thorough
def test_each_rule_shows_what_it_did_alone(tmp_path: Path, runtime: Runtime) -> None:
    section = Prepare.model_validate({"sources": write_jsonl(tmp_path / "a.jsonl", rows()), **SETTINGS})
    dataset = prepare(section, seed=0, runtime=runtime, progress=Silent(), out=tmp_path / "out")
    counts = dataset.report().changes
    found = changed_rows(section, counts, 9, runtime=runtime)
    assert {code: len(changes) for code, changes in found.items()} == {**counts, "clean.language-tag": 9}
    assert counts["clean.language-tag"] == 11
    shown = {code: changes[0].lines for code, changes in found.items()}
    assert [line[:7] for line in shown["clean.mojibake"]] == ["@@ mess", "-CafÃ© ", "+Café a"]
    assert [line[:8] for line in shown["clean.zero-width"][1:]] == ["-Café a\\", "+Café at"]
    assert [line[0:3] for line in shown["clean.white-space"]] == ["@@ ", "-Ca", "+Ca", "@@ ", "-fi", "+fi"]
    assert shown["clean.filled"] == ["@@ city @@", "+unknown"]
    assert shown["clean.numbers"][-1].startswith("+Café at 150000000")
    # neither the recipe's system message nor its style is a change of the row
    assert not any("be kind" in line or "Q:" in line for lines in shown.values() for line in lines)
    assert [change.place.line for change in found["clean.zero-width"]] == [10, 11]


def test_reading_ends_when_all_is_shown(tmp_path: Path, runtime: Runtime) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", rows())
    section = Prepare.model_validate({"sources": file, **SETTINGS})
    # a rule without rows is shown without any
    assert changed_rows(section, {"clean.zero-width": 2, "clean.control": 0}, 1, runtime=runtime)["clean.control"] == []
    missing = replace(runtime)
    assert changed_rows(section, {}, 3, runtime=missing) == {}


def test_a_cut_prompt_is_shown(tmp_path: Path, runtime: Runtime) -> None:
    file = write_jsonl(
        tmp_path / "a.jsonl", [*rows()[:9], {"question": "abcdefghij" * 5, "answer": "x", "city": "here"}]
    )
    section = Prepare.model_validate({"sources": file, "too_long": "cut-prompt"})
    letters = Fits(
        lambda row: sum(len(message.content) for message in row.messages),
        lambda text: [(place, place + 1) for place in range(len(text))], 20, "letters",
    )  # fmt: skip
    (change,) = changed_rows(section, {"long.cut-prompt": 1}, 3, runtime=runtime, fits=letters)["long.cut-prompt"]
    assert change.lines[-1] == "+abcdefgh … cdefghij"


@pytest.mark.thorough
def test_the_command_shows_rows_before_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_jsonl(tmp_path / "a.jsonl", rows())
    (tmp_path / "r.yaml").write_text("name: r\nprepare:\n  sources: a.jsonl\n", encoding="utf-8")
    told = CliRunner().invoke(app, ["prepare", "r.yaml", "--diff"], catch_exceptions=False)
    lines = told.stdout.splitlines()
    assert lines[0].startswith("clean.zero-width: 2 rows")
    assert lines[1:5] == ["  a.jsonl:10", "    @@ messages[0] user @@", "    -Café a\\u200bt 1.5亿  \\nnow",
                          "    +Café at 1.5亿  \\nnow"]  # fmt: skip
    found = json.loads(CliRunner().invoke(app, ["prepare", "r.yaml", "--diff", "--show", "1", "--json"]).stdout)
    assert [len(found[code]) for code in ("clean.zero-width", "clean.mojibake")] == [1, 1]


@pytest.fixture
def sealed(tmp_path: Path, runtime: Runtime) -> Dataset:
    data = [{"question": f"mail ann.lee{n}@example.org or 139{n:08}", "answer": f"done {n}"} for n in range(30)]
    settings = {"sources": write_jsonl(tmp_path / "a.jsonl", data), "personal": {"mode": "pseudonym", "key": "MY_KEY"}}
    machine = replace(runtime, secrets={"MY_KEY": KEY})
    section = Prepare.model_validate(settings)
    return prepare(section, seed=0, runtime=machine, progress=Silent(), out=tmp_path / "dataset")


def test_a_file_is_unsealed_with_its_key_alone(tmp_path: Path, sealed: Dataset) -> None:
    file, out = sealed.folder / "train.jsonl", tmp_path / "plain.jsonl"
    assert secret_name(file) == "MY_KEY"
    assert secret_name(tmp_path / "a.jsonl") is None
    done = unseal_file(file, KEY.encode(), out)
    read = {json.loads(line)["question"] for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()}
    texts = [json.loads(line)["messages"][0]["content"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert done == (len(texts), len(texts))
    assert set(texts) <= read
    assert b"ann.lee" not in file.read_bytes()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600

    out.unlink()
    with pytest.raises(TunesmithError, match="personal-key-wrong") as caught:
        unseal_file(file, b"another key of thirty-two bytes!!", out)
    assert str(caught.value.place) == f"{file}:1"
    with pytest.raises(TunesmithError, match="unseal-row"):
        unseal_file(tmp_path / "a.jsonl", KEY.encode(), out)
    with pytest.raises(TunesmithError, match="data-missing"):
        secret_name(tmp_path / "no-such-file.jsonl")
    with pytest.raises(TunesmithError, match="data-missing"):
        unseal_file(tmp_path / "absent.jsonl", KEY.encode(), out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "cache", "dataset"]


@pytest.mark.thorough
def test_the_command_takes_the_key_from_the_environment(
    tmp_path: Path, sealed: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out = str(sealed.folder / "test.jsonl"), tmp_path / "plain.jsonl"

    def code_of(*arguments: str) -> str:
        told = CliRunner().invoke(app, ["unseal", *arguments, "--out", str(out)])
        assert isinstance(told.exception, TunesmithError)
        assert not out.exists()
        return told.exception.code

    monkeypatch.delenv("MY_KEY", raising=False)
    assert code_of(file) == "personal-key-unset"
    assert code_of(str(tmp_path / "a.jsonl")) == "unseal-key"
    monkeypatch.setenv("MY_KEY", "short")
    assert code_of(file) == "personal-key-short"
    monkeypatch.setenv("MY_KEY", "another key of thirty-two bytes!!")
    assert code_of(file) == "personal-key-wrong"
    monkeypatch.setenv("OTHER", KEY)
    told = CliRunner().invoke(app, ["unseal", file, "--key", "OTHER", "--out", str(out), "--json"])
    assert json.loads(told.stdout) == {"file": str(out), "rows": 3, "unsealed": 3}
    assert "ann.lee" in out.read_text(encoding="utf-8")
