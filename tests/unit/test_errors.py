from __future__ import annotations

import pickle

import pytest

from tunesmith.errors import ExitCode, ManyErrors, Phrase, Place, RunFailed, TunesmithError


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("a.yaml"), "a.yaml"),
        (Place("a.yaml", 3), "a.yaml:3"),
        (Place("a.yaml", 3, 7), "a.yaml:3:7"),
        (Place("rows.csv", 3, field="answer"), "rows.csv:3 (answer)"),
    ],
)
def test_a_place_reads_as_editors_print_it(place: Place, text: str) -> None:
    assert str(place) == text


def test_an_error_speaks_both_languages_and_shows_its_code_and_place() -> None:
    error = TunesmithError("recipe-duplicate-key", place=Place("a.yaml", 2, 1), key="seed")
    assert str(error) == "[recipe-duplicate-key] `seed` is given twice at a.yaml:2:1"
    assert error.message("zh") == "`seed` 写了两次"
    assert error.hint() == "delete one of them"
    assert error.hint("zh") == "请删去其中一处"


def test_a_phrase_within_an_error_is_said_in_the_readers_language() -> None:
    error = TunesmithError(
        "recipe-value", key="train.epochs", problem=Phrase("recipe.problem.greater", {"gt": 0}), got="-1"
    )
    assert error.message() == "`train.epochs`: must be greater than 0; got -1"
    assert error.message("zh") == "`train.epochs`：必须大于 0；现为 -1"


def test_many_errors_print_one_a_line_and_count_themselves() -> None:
    errors = [TunesmithError("recipe-duplicate-key", key=key) for key in ("a", "b")]
    many = ManyErrors(errors)
    assert str(many).splitlines() == [str(error) for error in errors]
    assert many.message() == "2 mistakes"
    assert many.message("zh") == "2 处错误"


def test_exit_codes_tell_usage_from_failure() -> None:
    assert TunesmithError("recipe-missing").exit_code == ExitCode.USAGE == 2
    assert ManyErrors([]).exit_code == 2
    assert RunFailed("run-busy", process="1").exit_code == ExitCode.FAILED == 1
    assert (ExitCode.DONE, ExitCode.INTERRUPTED) == (0, 130)


def test_errors_survive_the_pipe_between_processes() -> None:
    error = RunFailed("run-busy", place=Place("runs/a"), process="12")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is RunFailed
    assert str(copy) == str(error)
    many = ManyErrors([error, error])
    assert str(pickle.loads(pickle.dumps(many))) == str(many)


def test_a_code_without_an_entry_is_a_defect() -> None:
    with pytest.raises(KeyError):
        TunesmithError("no-such-code").message()
