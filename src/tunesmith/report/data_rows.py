"""Rows as the model sees them: lengths in tokens, and a few rows with what is supervised told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from tunesmith.artifacts import Dataset
from tunesmith.chat import Chat
from tunesmith.chat.pieces import Piece, pieces
from tunesmith.metrics.wording import Words, count, percent
from tunesmith.records import SPLITS, Example, Rendered, Split
from tunesmith.report.charts import histogram
from tunesmith.report.facts import LengthRow

NUM_MEASURED: Final = 1000
"""Rows of each split whose tokens are counted; all of a split that has no more."""
NUM_SHOWN: Final = 3
MAX_CHARACTERS: Final = 3000
QUANTILES: Final = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Reader:
    """The model that the rows are for."""

    base: str
    chat: Chat
    max_tokens: int


@dataclass(frozen=True)
class Measured:
    """Of how many training examples the tokens were counted."""

    num: int
    total: int


@dataclass(frozen=True)
class RowView:
    """One training row as the model sees it."""

    place: str
    facts: str
    pieces: tuple[Piece, ...]
    num_more: str
    """Characters that are not shown; empty where all are."""


@dataclass(frozen=True)
class TokensView:
    """Lengths in tokens."""

    rows: tuple[LengthRow, ...]
    chart: Markup
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SeenView:
    tokens: TokensView
    rows: tuple[RowView, ...]


def seen_view(dataset: Dataset, reader: Reader, words: Words) -> SeenView:
    """What a model reads of the dataset. The dataset has at least one training row."""
    samples = {split: dataset.sample(split, NUM_MEASURED) for split in SPLITS}
    rendered = {split: reader.chat.training_rows(examples) for split, examples in samples.items()}
    measured = Measured(len(samples["train"]), dataset.report().splits["train"])
    return SeenView(
        tokens=_tokens(rendered, measured, reader, words),
        rows=tuple(_row(example, reader.chat, words) for example in samples["train"][:NUM_SHOWN]),
    )


def _tokens(
    rendered: Mapping[Split, Sequence[Rendered]], measured: Measured, reader: Reader, words: Words
) -> TokensView:
    lengths = {split: [len(row.ids_T) for row in rows] for split, rows in rendered.items()}
    supervised = {split: [row.num_supervised for row in rows] for split, rows in rendered.items()}
    names = {split: words(f"report.split.{split}") for split in SPLITS}
    parts = [(words("data.tokens.all", split=names[split]), lengths[split]) for split in SPLITS]
    parts.append((words("data.tokens.supervised", split=names["train"]), supervised["train"]))
    train = lengths["train"]
    facts = {"median": count(_quantiles(train)[2]), "longest": count(max(train)), "most": count(reader.max_tokens)}
    return TokensView(
        rows=tuple(LengthRow(name, tuple(map(count, _quantiles(values)))) for name, values in parts if values),
        chart=histogram("tokens", words("data.tokens.chart"), words("data.tokens.course", **facts), train),
        notes=_token_notes(train, sum(supervised["train"]), measured, reader, words),
    )


def _token_notes(
    train: Sequence[int], num_supervised: int, measured: Measured, reader: Reader, words: Words
) -> tuple[str, ...]:
    share = percent(num_supervised / sum(train))
    facts = {"base": reader.base, "most": count(reader.max_tokens), "share": share}
    notes = [words("data.tokens.model", longest=percent(max(train) / reader.max_tokens), **facts)]
    if len(train) > measured.num:
        notes.append(words("data.tokens.turns", num=count(measured.num), rows=count(len(train))))
    if measured.num < measured.total:
        estimate = count(sum(train) / measured.num * measured.total)
        sampled = {"num": count(measured.num), "total": count(measured.total), "estimate": estimate}
        notes.append(words("data.tokens.sampled", **sampled))
    else:
        notes.append(words("data.tokens.exact", total=count(sum(train))))
    return tuple(notes)


def _quantiles(values: Sequence[int]) -> list[int]:
    """Nearest-rank, as those of the lengths in characters."""
    ordered = sorted(values)
    return [ordered[round(share * (len(ordered) - 1))] for share in QUANTILES] if ordered else []


def _row(example: Example, chat: Chat, words: Words) -> RowView:
    """The last of the rows that training makes of an example, which has the whole conversation."""
    taught = chat.training_rows([example])
    rendered = taught[-1]
    whole = pieces(chat, rendered)
    shown, left = [], MAX_CHARACTERS
    for piece in whole:
        if left > 0:
            shown.append(Piece(piece.text[:left], piece.is_supervised))
            left -= len(piece.text)
    num_more = sum(len(piece.text) for piece in whole) - sum(len(piece.text) for piece in shown)
    facts = {"tokens": count(len(rendered.ids_T)), "supervised": count(rendered.num_supervised)}
    return RowView(
        place=str(example.place),
        facts=words("data.rows.last", rows=len(taught), **facts)
        if len(taught) > 1
        else words("data.rows.facts", **facts),
        pieces=tuple(shown),
        num_more=count(num_more) if num_more else "",
    )
