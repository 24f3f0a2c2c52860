"""Thinking split off while it streams is thinking split off a whole text, whatever the cuts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.chat.parse import CLOSE, OPEN, parse_answer
from tunesmith.chat.stream import ThinkingSplitter

PARTS = st.sampled_from([OPEN, CLOSE, "<", ">", "/", "think", "<th", "</think", " ", "\n", "\u3000", "答", "a b", "x"])
TEXTS = st.lists(PARTS, max_size=12).map("".join)


def split(text: str, cuts: list[int], *, prefilled: bool, unopened: bool) -> tuple[str, str, str]:
    splitter = ThinkingSplitter(prefilled=prefilled, unopened=unopened)
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    pieces = [splitter.feed(text[a:b]) for a, b in pairwise(places)] + [splitter.finish()]
    return "".join(p.reasoning for p in pieces), "".join(p.content for p in pieces), splitter.thinking


@pytest.mark.thorough
@given(TEXTS, st.lists(st.integers(0, 80), max_size=20), st.booleans())
def test_pieces_joined_are_what_the_parser_makes_of_the_whole(text: str, cuts: list[int], prefilled: bool) -> None:
    parsed = parse_answer(text, prefilled=prefilled)
    expected = (parsed.message.reasoning or "", parsed.message.content, parsed.thinking)
    assert split(text, cuts, prefilled=prefilled, unopened=True) == expected


@given(TEXTS, st.lists(st.integers(0, 80), max_size=20), st.booleans())
def test_without_unopened_thinking_only_a_stray_closing_tag_is_read_otherwise(
    text: str, cuts: list[int], prefilled: bool
) -> None:
    parsed = parse_answer(text, prefilled=prefilled)
    expected = (parsed.message.reasoning or "", parsed.message.content, parsed.thinking)
    if CLOSE in text and not prefilled and not text.strip().startswith(OPEN):
        expected = ("", text.strip(), "none")
    assert split(text, cuts, prefilled=prefilled, unopened=False) == expected


@given(TEXTS)
def test_all_but_a_tag_begun_and_whitespace_is_told_at_once(text: str) -> None:
    """So that an answer streams: what is held back is shorter than a tag, but for whitespace."""
    splitter = ThinkingSplitter(prefilled=False, unopened=False)
    told, fed = "", ""
    for character in text:
        piece = splitter.feed(character)
        told, fed = told + piece.reasoning + piece.content, fed + character
        assert len("".join(fed.replace(OPEN, "").replace(CLOSE, "").split())) <= len("".join(told.split())) + len(CLOSE)


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        (["<th", "ink>", "so </", "think>", " yes"], [("", ""), ("", ""), ("so", ""), ("", ""), ("", "yes")]),
        (["Yes", " and", " no "], [("", "Yes"), ("", " and"), ("", " no")]),
        (["a </b", "> c"], [("", "a </b"), ("", "> c")]),
    ],
)
def test_what_is_told_when(pieces: list[str], told: list[tuple[str, str]]) -> None:
    splitter = ThinkingSplitter(prefilled=False, unopened=False)
    assert [tuple(splitter.feed(piece)) for piece in pieces] == told
