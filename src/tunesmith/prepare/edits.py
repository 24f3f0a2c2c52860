"""Edits of single words, for English and Chinese in one text (EDA: Wei and Zou 2019, arXiv:1901.11196).

A text is cut into words and what stands between them; Chinese words are those of jieba's dictionary. Words that carry
the meaning (`text.meaning.protected`) keep their places and their form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from tunesmith.prepare.synonyms import Lexicon
from tunesmith.text.meaning import protected
from tunesmith.text.tokens import HAN

_RUN: Final = re.compile(rf"[{HAN}]+|[^\W\d_{HAN}]+(?:['’-][^\W\d_{HAN}]+)*")
_HAN: Final = re.compile(f"[{HAN}]")
_SENTENCE_END: Final = re.compile(r"[.!?;。！？；\n]")
_MIN_WORDS: Final = 3
"""A shorter text has no word to spare."""


@dataclass(slots=True)
class _Piece:
    """A word, or what stands between two words."""

    text: str
    sentence: int = 0
    is_word: bool = False
    is_free: bool = False
    """A word that may be edited."""

    @property
    def is_han(self) -> bool:
        return _HAN.match(self.text) is not None


Pieces = list[_Piece]
Edit = Callable[[Pieces, int, Random], bool]
"""Changes so many words in place; False where it finds nothing to change."""


def edited(text: str, edit: Edit, share: float, protect: Iterable[str], random: Random) -> str | None:
    """The text with `share` of its words changed, at least one; None where no edit is possible.

    `protect` are phrases that stay, beside the words that carry the meaning.
    """
    pieces = _cut(text, protect)
    num_words = sum(piece.is_word for piece in pieces)
    if num_words < _MIN_WORDS or not any(piece.is_free for piece in pieces):
        return None
    if not edit(pieces, max(1, round(share * num_words)), random):
        return None
    made = "".join(piece.text for piece in pieces)
    return made if made != text else None


def _cut(text: str, protect: Iterable[str]) -> Pieces:
    kept = _merged(protected(text, protect))
    pieces: Pieces = []
    end = sentence = 0
    for start, stop in _words(text):
        between = text[end:start]
        sentence += len(_SENTENCE_END.findall(between))
        if between:
            pieces.append(_Piece(between, sentence))
        is_free = not any(begin < stop and start < finish for begin, finish in kept)
        pieces.append(_Piece(text[start:stop], sentence, True, is_free))
        end = stop
    return [*pieces, _Piece(text[end:], sentence)]


def _words(text: str) -> Iterator[tuple[int, int]]:
    import rjieba

    for run in _RUN.finditer(text):
        start = run.start()
        for word in rjieba.cut(run[0]) if _HAN.match(run[0]) else [run[0]]:
            yield start, start + len(word)
            start += len(word)


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def replace_words(lexicon: Lexicon) -> Edit:
    """Replace words by synonyms."""

    def edit(pieces: Pieces, num_words: int, random: Random) -> bool:
        known = [piece for piece in pieces if piece.is_free and piece.text.casefold() in lexicon]
        for piece in random.sample(known, min(num_words, len(known))):
            piece.text = _cased(random.choice(lexicon[piece.text.casefold()]), piece.text)
        return bool(known)

    return edit


def insert_words(lexicon: Lexicon) -> Edit:
    """Put synonyms of words after other words of the same script."""

    def edit(pieces: Pieces, num_words: int, random: Random) -> bool:
        known = [piece for piece in pieces if piece.is_free and piece.text.casefold() in lexicon]
        chosen = random.sample(known, min(num_words, len(known)))
        added = [(piece.is_han, random.choice(lexicon[piece.text.casefold()])) for piece in chosen]
        places = {
            is_han: [piece for piece in pieces if piece.is_free and piece.is_han == is_han] for is_han, _ in added
        }
        for is_han, word in added:
            random.choice(places[is_han]).text += word if is_han else f" {word}"
        return bool(known)

    return edit


def swap_words(pieces: Pieces, num_words: int, random: Random) -> bool:
    """Let two words of one sentence and script change places, so many times."""
    places: dict[tuple[int, bool], list[_Piece]] = {}
    for piece in pieces:
        if piece.is_free:
            places.setdefault((piece.sentence, piece.is_han), []).append(piece)
    open_places = [group for group in places.values() if len({piece.text for piece in group}) > 1]
    for _ in range(num_words if open_places else 0):
        one, other = random.sample(random.choice(open_places), 2)
        one.text, other.text = _cased(other.text, one.text), _cased(one.text, other.text)
    return bool(open_places)


def delete_words(pieces: Pieces, num_words: int, random: Random) -> bool:
    """Leave words out, but for one at least; a space beside a word goes with it."""
    free = [number for number, piece in enumerate(pieces) if piece.is_free]
    num_kept = sum(piece.is_word for piece in pieces) - len(free)
    chosen = random.sample(free, min(num_words, len(free) - (num_kept == 0)))
    for number in chosen:
        pieces[number].text = ""
        before, after = pieces[number - 1] if number else None, pieces[number + 1]
        if before is not None and before.text.endswith(" "):
            before.text = before.text[:-1]
        elif before is None and after.text.startswith(" "):
            after.text = after.text[1:]
    return bool(chosen)


def _cased(word: str, model: str) -> str:
    """The word with the case of another: a capital at the start of a sentence stays there."""
    if model[:1].isupper() and not model[1:2].isupper():
        return word[:1].upper() + word[1:]
    return word[:1].lower() + word[1:] if word[:1].isupper() and word[1:].islower() and model.islower() else word
