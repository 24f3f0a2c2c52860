"""`tunesmith loadtest`: requests per second that a server answers within a target."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tunesmith.cli.session import JsonOption, runtime, show, text
from tunesmith.errors import ExitCode, Place, TunesmithError

if TYPE_CHECKING:
    from tunesmith.serve.loadtest import Level, LoadReport, Quantiles


class TargetName(StrEnum):
    """What the target is of."""

    FIRST_TOKEN = "first-token"
    LATENCY = "latency"


def loadtest(  # noqa: PLR0913 - an argument for each option
    url: Annotated[str, typer.Argument(metavar="URL", help=text("cli.argument.url"))],
    model: Annotated[str | None, typer.Option("--model", help=text("cli.option.load-model"))] = None,
    key: Annotated[str, typer.Option("--key", metavar="NAME", help=text("cli.option.load-key"))] = "TUNESMITH_API_KEY",
    prompts: Annotated[Path | None, typer.Option("--prompts", help=text("cli.option.load-prompts"))] = None,
    target: Annotated[TargetName, typer.Option("--of", help=text("cli.option.load-of"))] = TargetName.FIRST_TOKEN,
    target_seconds: Annotated[float, typer.Option("--p95", min=0.001, help=text("cli.option.load-p95"))] = 1.0,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help=text("cli.option.load-seconds"))] = 10.0,
    max_clients: Annotated[int, typer.Option("--max-clients", min=1, help=text("cli.option.load-clients"))] = 64,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help=text("cli.option.load-tokens"))] = 64,
    as_json: JsonOption = False,
) -> None:
    import asyncio

    from tunesmith.serve.loadtest import PROMPTS, Load, first_model, measure

    base = url.rstrip("/")
    base = base if base.endswith("/v1") else f"{base}/v1"
    secret = runtime(devices=False).secrets.get(key)
    load = Load(
        url=base,
        model=model or first_model(base, secret),
        key=secret,
        prompts=PROMPTS if prompts is None else read_prompts(prompts),
        target=target.value,
        target_seconds=target_seconds,
        seconds=seconds,
        max_clients=max_clients,
        max_tokens=max_tokens,
    )
    report = asyncio.run(measure(load, _tell))
    show(_as_json(report, load.target, target_seconds), _lines(report, load.target, target_seconds))
    if report.best is None:
        raise typer.Exit(ExitCode.FAILED)


def read_prompts(file: Path) -> tuple[str, ...]:
    """A prompt a line; of a `.jsonl` file the key `prompt` of each.

    Raises TunesmithError `loadtest-prompts` where there is none to be had.
    """
    try:
        # a prompt may hold what `splitlines` takes for the end of a line
        lines = [line for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]
        found = tuple(json.loads(line)["prompt"] if file.suffix == ".jsonl" else line for line in lines)
    except (OSError, ValueError, KeyError, TypeError) as failure:
        raise TunesmithError("loadtest-prompts", place=Place(str(file))) from failure
    if not found or not all(isinstance(prompt, str) for prompt in found):
        raise TunesmithError("loadtest-prompts", place=Place(str(file)))
    return found


def _tell(level: Level) -> None:
    """Each level as it is measured, beside the result."""
    rate = f"{level.requests_per_second:.2f}"
    typer.echo(text("loadtest.level", clients=level.num_clients, rate=rate), err=True)


def _as_json(report: LoadReport, target: str, target_seconds: float) -> dict[str, Any]:
    from dataclasses import asdict

    best = None if report.best is None else asdict(report.best)
    levels = [asdict(level) for level in report.levels]
    return {"model": report.model, "target": target, "p95_seconds": target_seconds, "best": best, "levels": levels}


def _lines(report: LoadReport, target: str, target_seconds: float) -> list[str]:
    from tunesmith.cli.show import table

    names = ("clients", "requests", "tokens", "first", "latency", "errors", "kept")
    head = [text(f"loadtest.{name}") for name in names]
    lines = table([head, *map(_row, report.levels)])
    said = {"target": text(f"loadtest.of.{target}"), "seconds": f"{target_seconds:g}"}
    best = report.best
    if best is None:
        return [*lines, "", text("loadtest.none", **said)]
    rate, tokens = f"{best.requests_per_second:.2f}", f"{best.tokens_per_second:.1f}"
    return [*lines, "", text("loadtest.answer", rate=rate, tokens=tokens, clients=best.num_clients, **said)]


def _row(level: Level) -> list[str]:
    errors = ", ".join(f"{name}: {count}" for name, count in level.errors.items())
    return [
        str(level.num_clients),
        f"{level.requests_per_second:.2f}",
        f"{level.tokens_per_second:.1f}",
        _both(level.first_token),
        _both(level.latency),
        errors or "0",
        text("loadtest.yes" if level.keeps_target else "loadtest.no"),
    ]


def _both(quantiles: Quantiles | None) -> str:
    return "-" if quantiles is None else f"{quantiles.p50:.3f} / {quantiles.p95:.3f}"
