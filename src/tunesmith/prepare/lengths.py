"""Rows that are longer than the model reads: refused, their prompt cut, or taken apart into windows.

Only one text of a row is ever cut: the longest that a user or a tool says, without the recipe's prompt style around it
and without a language tag. Answers, thinking and the system message stay whole. What is left of a row knows where it
stood (`KEPT`), and windows name the row that they were cut from, so that they are one family and stay in one split.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tunesmith.errors import TunesmithError
from tunesmith.prepare.clean import TAGS
from tunesmith.prepare.rows import PARENT_COLUMN
from tunesmith.recipe import Prepare
from tunesmith.records import Entity, Example, PlainText, Rejected

CONTROL_TOKEN: Final = "control-token"
TOO_LONG: Final = "too-long"
CUT: Final = "long.cut-prompt"
WINDOW: Final = "long.window"
KEPT: Final = "kept_characters"
"""Metadata of a row that was cut: the path of the text and the ranges of its characters that are left."""
WINDOW_COLUMN: Final = "text_window"
"""Metadata of a window: which of how many, from 1, as `2/5`."""
MARK: Final = " … "
"""Stands where the middle of a prompt was cut out."""
# Tokens at a new border may join otherwise than before, so that a cut is measured and repeated.
_MAX_ATTEMPTS: Final = 5

Ranges = Sequence[tuple[int, int]]
Identify = Callable[[Example], Example]


@dataclass(frozen=True, slots=True)
class Fits:
    """How rows look to the model that they are prepared for; only the caller knows that model."""

    count: Callable[[Example], int | Rejected]
    """Tokens of the longest training row that the model makes of a row; `CONTROL_TOKEN` for one it cannot be shown."""
    spans: Callable[[str], Sequence[tuple[int, int]]]
    """Where each token of a text begins and ends, in characters."""
    max_tokens: int
    """Tokens that the model reads at most."""
    key: str
    """Names everything that decides what the others say."""
    folder: Path | None = None
    """Of the model, whose neighbouring words may be asked for; None where only its tokens are known."""


@dataclass(frozen=True, slots=True)
class _Cuttable:
    """The part of a row that may be cut: characters [begin, end) of one message, and its tokens."""

    index: int
    begin: int
    end: int
    length: int
    """Of the whole message."""
    spans: Sequence[tuple[int, int]]
    """In characters of the message."""


def max_tokens_of(section: Prepare, fits: Fits) -> int:
    """Most tokens of a row: what the recipe allows, never more than what the model reads."""
    return min(fits.max_tokens, section.long_text.max_tokens or fits.max_tokens)


def need_tokenizer(section: Prepare, fits: Fits | None) -> None:
    """Raises TunesmithError `tokens-unknown` where a recipe counts in tokens and there is no model to count with."""
    if fits is None and (section.too_long in ("cut-prompt", "window") or section.long_text.max_tokens is not None):
        raise TunesmithError("tokens-unknown", policy=section.too_long)


def refused(example: Example, section: Prepare, fits: Fits) -> Rejected | None:
    """Why the model cannot read the row as it is, if so."""
    num_tokens, limit = fits.count(example), max_tokens_of(section, fits)
    if isinstance(num_tokens, Rejected):
        return num_tokens
    return Rejected(example.place, TOO_LONG, f"{num_tokens} > {limit}") if num_tokens > limit else None


def fitted(example: Example, section: Prepare, fits: Fits, identify: Identify) -> tuple[Example, ...] | Rejected:
    """The row as the model can read it: itself, cut, or its windows. `identify` gives what was cut its id."""
    too_long = refused(example, section, fits)
    if too_long is None:
        return (example,)
    if too_long.reason != TOO_LONG:
        return too_long
    # what the answer to marked entities names may be cut away
    if section.too_long in ("stop", "drop") or any(isinstance(one, Entity) for one in example.annotations):
        return too_long
    if section.too_long == "cut-prompt" and example.text is not None:  # a text with a gap is no text
        return too_long
    part = _cuttable(example, section, fits)
    if section.too_long == "window":
        return _windows(example, part, section, fits, identify) or too_long
    return _cut_prompt(example, part, max_tokens_of(section, fits), fits, identify) or too_long


def _cuttable(example: Example, section: Prepare, fits: Fits) -> _Cuttable:
    """The longest text of a user or a tool before the answer; an example has one."""
    asked = [index for index, message in enumerate(example.prompt) if message.role in ("user", "tool")]
    index = max(asked, key=lambda place: len(example.messages[place].content))
    text = example.messages[index].content
    begin, end = frame_of(text, section.user_style)
    spans = [(begin + start, begin + stop) for start, stop in fits.spans(text[begin:end])]
    return _Cuttable(index, begin, end, len(text), spans)


def frame_of(text: str, pattern: str) -> tuple[int, int]:
    """Where the user's own words begin and end within what the recipe's style and a language tag put around them."""
    before, _, after = pattern.partition("{prompt}")
    is_styled = text.startswith(before) and text.endswith(after) and len(text) >= len(before) + len(after)
    begin, end = (len(before), len(text) - len(after)) if is_styled else (0, len(text))
    return begin + next((len(tag) for tag in TAGS.values() if text.startswith(tag, begin, end)), 0), end


def _cut_prompt(
    example: Example, part: _Cuttable, limit: int, fits: Fits, identify: Identify
) -> tuple[Example, ...] | None:
    """The row without the middle of its text, where instruction and question seldom stand; None where that is short."""
    row, num_kept = example, len(part.spans)
    for _ in range(_MAX_ATTEMPTS):
        num_tokens = fits.count(row)
        if isinstance(num_tokens, Rejected):
            return None
        if num_tokens <= limit:
            return (row,)
        num_kept -= num_tokens - limit
        if num_kept < 2:
            return None
        num_first = (num_kept + 1) // 2
        begin, end = part.spans[num_first - 1][1], part.spans[num_first - num_kept][0]
        row = identify(_kept(example, part.index, ((0, begin), (max(begin, end), part.length)), CUT, MARK))
    return None


def _windows(
    example: Example, part: _Cuttable, section: Prepare, fits: Fits, identify: Identify
) -> tuple[Example, ...] | None:
    """Windows over the text, each with all else of the row; None where even so a window is too long."""
    size, stride = section.long_text.window_tokens, section.long_text.stride
    num_tokens = len(part.spans)
    num_windows = 1 + max(0, -(-(num_tokens - size) // stride))
    if num_windows == 1:
        return None
    limit = max_tokens_of(section, fits)
    windows = []
    for number in range(num_windows):
        first, last = number * stride, min(number * stride + size, num_tokens) - 1
        ranges = ((0, part.begin), (part.spans[first][0], part.spans[last][1]), (part.end, part.length))
        window = _kept(example, part.index, ranges, WINDOW)
        parent = example.metadata.get(PARENT_COLUMN) or example.id
        named = {PARENT_COLUMN: parent, WINDOW_COLUMN: f"{number + 1}/{num_windows}"}
        if example.text is not None:
            seen = part.spans[min(first - stride + size, num_tokens) - 1][1] if number else 0
            overlap = max(0, part.begin + seen - part.spans[first][0]) if number else 0
            window = replace(window, text=PlainText(overlap, number == num_windows - 1))
        window = identify(replace(window, metadata={**window.metadata, **named}))
        found = fits.count(window)
        if isinstance(found, Rejected) or found > limit:
            return None
        windows.append(window)
    return tuple(windows)


def _kept(example: Example, index: int, ranges: Ranges, code: str, mark: str = "") -> Example:
    """The row with these characters of one message alone, a mark between them."""
    message = example.messages[index]
    kept = [(begin, end) for begin, end in ranges if begin < end]
    content = mark.join(message.content[begin:end] for begin, end in kept)
    messages = (*example.messages[:index], replace(message, content=content), *example.messages[index + 1 :])
    said = f"messages.{index}.content " + (mark or " ").join(f"{begin}-{end}" for begin, end in kept)
    return replace(
        example,
        messages=messages,
        metadata={**example.metadata, KEPT: said},
        changes=(*example.changes, code),
    )


_KEPT: Final = re.compile(rf"(messages\.\d+\.content)((?:(?:{MARK}| )\d+-\d+)+)")


@dataclass(frozen=True, slots=True)
class Kept:
    """Which characters of a text are left."""

    path: str
    ranges: Ranges
    mark: str
    """What stands between them."""

    def place(self, start: int, length: int) -> int | None:
        """Where characters [start, start + length) of the whole text stand in what is left; None where they are cut."""
        before = 0
        for begin, end in self.ranges:
            if begin <= start and start + length <= end:
                return before + start - begin
            before += end - begin + len(self.mark)
        return None


def kept_of(example: Example) -> Kept | None:
    """What is left of the text of a row that was cut; None for any other row."""
    found = _KEPT.fullmatch(example.metadata.get(KEPT, ""))
    if found is None:
        return None
    pairs = (pair.split("-") for pair in found[2].replace(MARK, " ").split())
    return Kept(found[1], [(int(begin), int(end)) for begin, end in pairs], MARK if MARK in found[2] else "")
