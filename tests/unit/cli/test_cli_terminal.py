from __future__ import annotations

import io

import pytest
import typer

from tunesmith.cli import terminal
from tunesmith.cli.app import app
from tunesmith.cli.terminal import PlainProgress, RichProgress, error_lines, error_object, usage_problem
from tunesmith.errors import ManyErrors, Place, TunesmithError
from tunesmith.i18n import translate


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(terminal.time, "monotonic", clock)
    return clock


def test_plain_lines_come_every_ten_seconds_and_at_the_end(clock: Clock) -> None:
    stream = io.StringIO()
    progress = PlainProgress("en", stream)
    progress.begin("task.train", 40)
    for _ in range(40):
        clock.now += 0.6
        progress.advance(1, loss=2.0 - clock.now / 100, tokens_per_second=1234.56)
    progress.advance(0)
    progress.end()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "train  17/40  10 s  loss 0.898  tokens per second 1235"
    assert lines[-1] == "train  40/40  24 s  loss 0.76  tokens per second 1235"
    assert len(lines) == 3


def test_plain_lines_speak_chinese(clock: Clock) -> None:
    stream = io.StringIO()
    progress = PlainProgress("zh", stream)
    progress.begin("task.train", None)
    progress.advance(3, tokens_per_second=10)
    progress.end()
    progress.say("say.few-steps", "warning", steps=1, rows=2)
    assert stream.getvalue().splitlines()[0] == "训练  3  0 s  词元/秒 10"
    assert stream.getvalue().splitlines()[1].startswith("警告：2 条数据")


def test_each_task_has_a_bar_of_its_own_and_the_cursor_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    progress = RichProgress("en", stream)
    progress.begin("task.train", 2)
    progress.advance(2, loss=0.5)
    progress.end()
    first = stream.getvalue()
    assert "2/2" in first
    assert "loss 0.5" in first
    progress.begin("task.evaluate", 1)
    progress.close()
    progress.close()
    second = stream.getvalue().removeprefix(first)
    assert "evaluate" in second
    assert "train" not in second
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h") == 2


def test_markup_in_a_message_is_text() -> None:
    stream = io.StringIO()
    RichProgress("en", stream).say("say.checkpoint-damaged", "warning", path="[red]x[/red]")
    assert "[red]x[/red]" in stream.getvalue().replace("\n", "")


def test_several_errors_are_told_together() -> None:
    first = TunesmithError("recipe-duplicate-key", place=Place("r.yaml", 2, 1), key="seed")
    both = ManyErrors([first, TunesmithError("check-nothing")])
    assert error_lines(both, "en") == [
        "error[recipe-duplicate-key]: `seed` is given twice",
        "  --> r.yaml:2:1",
        "hint: delete one of them",
        "error[check-nothing]: nothing to check",
        f"hint: {translate('hint.check-nothing', 'en')}",
    ]
    assert error_lines(first, "zh")[0] == "错误[recipe-duplicate-key]：`seed` 写了两次"
    assert [(error["code"], error["place"]) for error in error_object(both, "zh")["errors"]] == [
        ("recipe-duplicate-key", "r.yaml:2:1"),
        ("check-nothing", None),
    ]


@pytest.mark.parametrize(
    ("said", "english", "chinese"),
    [
        (
            "No such command 'trian'. Did you mean 'train', 'trace'?",
            "there is no verb `trian`; did you mean `train`, `trace`?",
            "没有 `trian` 这个命令；您是否想写 `train`, `trace`？",
        ),
        ("No such command 'xyz'.", "there is no verb `xyz`", "没有 `xyz` 这个命令"),
        (
            "No such option: --nope (Possible options: --num)",
            "there is no option `--nope` here; did you mean `--num`?",
            "此处没有 `--nope` 这个选项；您是否想写 `--num`？",
        ),
        ("No such option: --nope", "there is no option `--nope` here", "此处没有 `--nope` 这个选项"),
        ("Missing argument 'RECIPE'.", "`RECIPE` is missing", "缺少 `RECIPE`"),
        ("Missing command.", "a verb is missing", "缺少命令"),
        ("Option '-w' requires an argument.", "`-w` needs a value", "`-w` 需要一个值"),
        ("Invalid value for '--num' / '-n': not whole", "`--num`: not whole", "`--num`：not whole"),
        ("Something new.", "Something new.", "Something new."),
    ],
)
def test_the_parser_s_words_are_put_into_the_reader_s_language(said: str, english: str, chinese: str) -> None:
    problem = usage_problem(said)
    assert translate(problem.key, "en", **problem.parameters) == english
    assert translate(problem.key, "zh", **problem.parameters) == chinese


@pytest.mark.parametrize(
    ("arguments", "english", "chinese"),
    [
        (["prepare", "a", "--show", "x"], "`--show` must be a whole number", "`--show` 应为整数"),
        (["loadtest", "u", "--p95", "x"], "`--p95` must be a number", "`--p95` 应为数字"),
        (["keys", "create", "a", "--days", "0"], "`--days` must be at least 1", "`--days` 不得小于 1"),
        (["keys", "create", "a", "--days", "99999"], "`--days` must be at most 36500", "`--days` 不得大于 36500"),
        (["run", "a", "--launcher", "x"], "`--launcher` must be one of `torchrun`", "`--launcher` 只能取 `torchrun`"),
        (
            ["feedback", "list", "--since", "x"],
            "`--since` must be one of `%Y-%m-%d`, `%Y-%m-%dT%H:%M:%S`",
            "`--since` 只能取 `%Y-%m-%d`, `%Y-%m-%dT%H:%M:%S`",
        ),
        (["runs", "a", "b"], "`a b` is too much here", "多出了 `a b`"),
        (["run", "a", "--dry-run=1"], "`--dry-run` takes no value", "`--dry-run` 不带值"),
        (["run", "a", "--dry-rum"], "there is no option `--dry-rum` here; did you mean `--dry-run`?", "此处没有"),
        (["run", "a", "--xyz"], "there is no option `--xyz` here", "此处没有 `--xyz` 这个选项"),
        (
            ["run", "a", "--epochs", "3"],
            "there is no option `--epochs` here, but the recipe has: `train.epochs=...`",
            "此",
        ),
        (["serve", "a", "--port=80"], "there is no option `--port` here, but the recipe has: `serve.port=...`", "此处"),
        (
            ["run", "a", "--learning-rates", "1"],
            "there is no option `--learning-rates` here, but the recipe has: `train.learning_rate=...`",
            "此处没有 `--learning-rates` 这个选项，但配方中有：`train.learning_rate=...`",
        ),
        (["trian"], "there is no verb `trian`; did you mean `train`, `trace`?", "没有 `trian` 这个命令"),
    ],
)
def test_what_the_parser_of_today_says_is_foreseen(arguments: list[str], english: str, chinese: str) -> None:
    with pytest.raises(typer.TyperException) as told:
        app(arguments, standalone_mode=False)
    problem = usage_problem(told.value.format_message())
    assert translate(problem.key, "en", **problem.parameters) == english
    assert translate(problem.key, "zh", **problem.parameters).startswith(chinese)
