"""`tunesmith trace`: from a served answer back to its rows, or from a row on to the models that learned it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from tunesmith.cli.keys import StoreOption, store_of
from tunesmith.cli.session import JsonOption, runtime, show, text, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tunesmith.lifecycle.trace import AnswerTrace, RowTrace, Step

EXCHANGE: Final = "ex-"
"""What the id of an exchange begins with."""
WhatArgument = Annotated[str, typer.Argument(metavar="WHAT", help=text("cli.argument.trace"))]


def trace(what: WhatArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    from dataclasses import asdict

    from tunesmith.lifecycle.trace import trace_answer, trace_row

    this = runtime(devices=False)
    with store_of(store) as opened:
        if what.startswith(EXCHANGE):
            answer = trace_answer(opened, this, what)
            show({**asdict(answer), "at": answer.at.isoformat()}, answer_lines(answer))
        else:
            row = trace_row(opened, this, what)
            show(asdict(row), row_lines(row))


def answer_lines(found: AnswerTrace) -> list[str]:
    """Each step with where it lies; what is missing says so."""
    said = [
        f"  {each.id}  {each.kind}  {'' if each.value is None else each.value}  {visible(each.text or '')}".rstrip()
        for each in found.feedback
    ]
    near = [
        f"  {row.overlap:.0%}  {visible(row.place)}  ({row.split}, {row.id})  {visible(row.text)}" for row in found.rows
    ]
    return [
        text("cli.trace.answer", exchange=found.exchange, at=f"{found.at:%Y-%m-%d %H:%M:%S}", model=found.model),
        *_headed("cli.trace.versions", (f"  {version}" for version in found.versions)),
        *_headed("cli.trace.steps", _step_lines(found.steps)),
        *_headed("cli.trace.runs", (f"  {folder}" for folder in found.runs)),
        *_headed("cli.trace.sources", (f"  {visible(name)}" for name in found.sources)),
        *_headed("cli.trace.edited", (f"  {visible(name)}" for name in found.edited)),
        *_headed("cli.trace.near", near),
        *_headed("cli.trace.feedback", said),
        *_headed("cli.trace.feedback-sets", _step_lines(found.feedback_sets)),
        *_headed("cli.trace.rounds", (f"  {id}" for id in found.rounds)),
    ]


def row_lines(found: RowTrace) -> list[str]:
    rows = [f"  {row.dataset}  {row.split:<10}  {row.id}  {visible(row.place)}" for row in found.rows]
    learned = _headed("cli.trace.learned", _step_lines(found.learned))
    return [
        *_headed("cli.trace.rows", rows),
        *_headed("cli.trace.edited", (f"  {visible(name)}" for name in found.edited)),
        *(learned or [text("cli.trace.not-learned")]),
        *_headed("cli.trace.runs", (f"  {folder}" for folder in found.runs)),
        *_headed("cli.trace.versions", (f"  {version}" for version in found.versions)),
    ]


def _headed(key: str, lines: Iterable[str]) -> list[str]:
    """Nothing where there is nothing under the heading."""
    found = list(lines)
    return [text(key), *found] if found else []


def _step_lines(steps: Iterable[Step]) -> list[str]:
    return [f"  {step.kind:<12}  {step.key}  {step.folder or text('cli.trace.missing')}" for step in steps]
