from __future__ import annotations

import errno
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tunesmith import __version__
from tunesmith.cli import guard
from tunesmith.cli.app import app, options
from tunesmith.cli.forget import mention_line
from tunesmith.cli.session import OPTIONS, Options, coloured, show
from tunesmith.errors import ExitCode, RunFailed, TunesmithError
from tunesmith.lifecycle.forget import Mention

HEAVY = ("torch", "transformers", "rich", "polars", "pydantic", "numpy", "yaml", "tokenizers", "datasets")
LONG = "x" * 300
VERBS = [
    *(
        ["init"],
        ["check"],
        ["prepare"],
        ["plan"],
        ["train"],
        ["evaluate"],
        ["compare"],
        ["explain"],
        ["run"],
        ["report"],
        ["runs"],
    ),
    *(["recipes"], ["recipes", "list"], ["recipes", "show"], ["recipes", "copy"]),
    *(["annotate"], ["annotate", "export"], ["annotate", "import"], ["annotate", "agreement"]),
    *(["config"], ["config", "schema"], ["config", "check"], ["doctor"], ["unseal"], ["rate"]),
    *(["export"], ["certificate"]),
    *(["keys"], ["keys", "create"], ["keys", "list"], ["keys", "revoke"]),
    *(["store"], ["store", "show"], ["store", "expire"], ["store", "forget"]),
    *(["models", *verb] for verb in ([], ["add"], ["list"], ["alias"], ["withdraw"], ["history"])),
    *(["search"], ["autopilot"]),
    *(["serve"], ["chat"], ["monitor"], ["watch"]),
    *(["feedback", *verb] for verb in ([], ["list"], ["show"], ["accept"], ["dismiss"], ["correct"], ["curate"])),
    *(["feedback", "review"], ["improve"], ["promote"], ["rollback"], ["history"], ["trace"], ["forget"]),
    *(["push"], ["loadtest"]),
]


@pytest.fixture(autouse=True)
def fresh_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)


@pytest.mark.thorough
def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tunesmith.cli.app import app; app(['--help'], standalone_mode=False);"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = told.stdout.splitlines()
    assert lines[0].startswith("Usage:")
    assert lines[-1] == "[]"


@pytest.mark.thorough
@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_tells_what_it_takes(verb: list[str]) -> None:
    told = CliRunner().invoke(app, [*verb, "--help"])
    assert told.exit_code == 0
    assert told.stdout.startswith("Usage:")
    assert "[[" not in told.stdout
    assert (
        verb in (["recipes"], ["config"], ["annotate"], ["keys"], ["models"], ["store"], ["feedback"])
        or "--json" in told.stdout
    )


def test_every_verb_is_in_the_table_above() -> None:
    groups = {str(group.name): group.typer_instance for group in app.registered_groups}
    found = [
        [*prefix, str(info.name or (info.callback and info.callback.__name__))]
        for prefix, owner in [([], app), *(([name], group) for name, group in groups.items())]
        for info in owner.registered_commands
    ]
    assert sorted([*found, *([name] for name in groups)]) == sorted(VERBS)


def test_help_lists_the_verbs_in_the_order_of_the_work() -> None:
    listed = [
        line.split()[0]
        for line in CliRunner().invoke(app, ["--help"]).stdout.partition("Commands:")[2].splitlines()[1:]
    ]
    assert listed[:7] == ["init", "check", "prepare", "unseal", "plan", "train", "evaluate"]
    assert [listed.index(verb) for verb in ("run", "export", "serve", "monitor", "improve")] == sorted(
        listed.index(verb) for verb in ("run", "export", "serve", "monitor", "improve")
    )


@pytest.mark.thorough
def test_the_bare_command_shows_its_help_and_version_needs_no_verb() -> None:
    bare = CliRunner().invoke(app, [])
    assert bare.exit_code == ExitCode.USAGE
    assert bare.stdout == ""
    assert bare.stderr.startswith("Usage:")
    assert "error" not in bare.stderr
    assert CliRunner().invoke(app, ["--version"]).stdout == f"{__version__}\n"
    asked = CliRunner().invoke(app, ["--json"])
    assert isinstance(asked.exception, TunesmithError)
    assert asked.exception.message("en") == "a verb is missing"


def test_json_may_stand_before_or_behind_the_verb() -> None:
    behind = CliRunner().invoke(app, ["recipes", "list", "--json"]).stdout
    OPTIONS.json = False
    assert CliRunner().invoke(app, ["--json", "recipes", "list"]).stdout == behind
    assert {"name", "about"} == set(json.loads(behind)[0])


def test_json_has_null_for_what_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    OPTIONS.json = True
    show({"losses": [0.5, float("nan")], "ends": (float("-inf"), 1), "on": True, "none": None}, [])
    said = capsys.readouterr().out
    assert json.loads(said, parse_constant=pytest.fail) == {
        "losses": [0.5, None],
        "ends": [None, 1],
        "on": True,
        "none": None,
    }


@pytest.mark.parametrize(
    ("failure", "code", "exit_code"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "there/x"), "disk-full", ExitCode.FAILED),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "there/x"), "disk-full", ExitCode.FAILED),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk-full", ExitCode.FAILED),
        (OSError(errno.EACCES, os.strerror(errno.EACCES), "there/x"), "no-permission", ExitCode.FAILED),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "there/x"), "no-permission", ExitCode.FAILED),
        (OSError(errno.EISDIR, os.strerror(errno.EISDIR), "there"), "no-permission", ExitCode.FAILED),
        (
            OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), f"there/{'x' * 300}"),
            "no-permission",
            ExitCode.FAILED,
        ),
        (NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), "there/x"), "not-a-folder", ExitCode.USAGE),
        (RunFailed("events-damaged"), "events-damaged", ExitCode.FAILED),
    ],
)
def test_what_the_system_refuses_has_a_code(
    failure: Exception, code: str, exit_code: ExitCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    coded = guard._coded(failure)
    assert (coded.code, coded.exit_code) == (code, exit_code)
    assert coded.message("en")
    assert coded.message("zh")
    assert coded.hint("en") != coded.hint("zh")
    if isinstance(failure, OSError):
        assert str(coded.place) == "there"


def test_the_place_is_what_stands_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    wanted = tmp_path / "file" / "runs" / "desk"
    failure = NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(wanted))
    assert str(guard._coded(failure).place) == str(tmp_path / "file")


def crash() -> None:
    raise ValueError("unforeseen")


def lost() -> None:
    raise TunesmithError("check-nothing")


def stopped() -> None:
    raise KeyboardInterrupt


def stopped_in_a_library() -> None:
    """As C code leaves that asks Python something when Ctrl-C comes."""
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as interrupt:
        raise SystemError("returned a result with an exception set") from interrupt


def run_main(monkeypatch: pytest.MonkeyPatch, verb: object, arguments: list[str]) -> object:
    """`main` with one verb of our own; its exit code."""
    only = typer.Typer()
    only.callback()(options)
    only.command("verb")(verb)  # type: ignore[type-var]
    monkeypatch.setattr(guard, "app", only)
    monkeypatch.setattr(sys, "argv", ["tunesmith", *arguments])
    with pytest.raises(SystemExit) as left:
        guard.main()
    return left.value.code


def test_a_defect_is_told_without_a_traceback_which_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run_main(monkeypatch, crash, ["--json", "verb"]) == ExitCode.FAILED
    told = capsys.readouterr()
    (kept,) = tmp_path.iterdir()
    assert "Traceback" not in told.out + told.err
    assert "error[internal]: ValueError: unforeseen" in told.err
    assert str(kept) in told.err
    assert "in crash" in kept.read_text(encoding="utf-8")
    assert [error["code"] for error in json.loads(told.out)["errors"]] == ["internal"]
    run_main(monkeypatch, crash, ["--debug", "verb"])
    assert "in crash" in capsys.readouterr().err


def test_main_leaves_with_the_documented_codes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, lost, ["verb"]) == ExitCode.USAGE
    assert run_main(monkeypatch, lambda: None, ["verb"]) == ExitCode.DONE
    for interrupted in (stopped, stopped_in_a_library):
        assert run_main(monkeypatch, interrupted, ["verb"]) == ExitCode.INTERRUPTED
        assert "error[stopped]" in capsys.readouterr().err
    assert run_main(monkeypatch, lost, ["vreb"]) == ExitCode.USAGE
    assert "error[usage]: there is no verb `vreb`" in capsys.readouterr().err


def test_commands_that_are_told_can_be_pasted(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["init", str(tmp_path / "our desk"), "--recipe", "quickstart"])
    command = told.stdout.splitlines()[-1].partition(" ")[2]
    assert shlex.split(command)[:2] == ["cd", str(tmp_path / "our desk")]
    kept = mention_line(Mention("O'Brien & sons", False, 1, 0, ("a.jsonl:1",)))
    assert shlex.split(kept[kept.index("--text") :].rstrip("."))[1] == "O'Brien & sons"


@pytest.mark.parametrize("words", [["prepare", "a", "--show", "-1"], ["compare", "a", "--num", "-1"]])
def test_fewer_than_none_cannot_be_shown(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("environment", "as_json", "expected"),
    [
        ({"TERM": "xterm"}, False, True),
        ({"TERM": "xterm"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_colours_are_for_a_terminal_that_knows_them(
    environment: dict[str, str], as_json: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    OPTIONS.json = as_json
    assert coloured() == expected
