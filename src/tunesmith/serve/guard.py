"""What is not answered, and what no answer may hold, by the recipe's rules; instead there is a stated reply.

An answer is judged piece by piece, a piece being a sentence or a line, whether it is streamed or not. Nothing of a
piece goes out before the answer up to its end was judged. One that breaks a rule, or holds personal data that the
recipe refuses, is left out with all that follows, and the reply stands in its place. Pieces depend on the text alone,
so the same answer gives the same text however it was cut into deltas.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tunesmith.i18n import translate
from tunesmith.metrics.content import Rule, broken_rules
from tunesmith.recipe.serve import Guard
from tunesmith.records import FinishReason, Message
from tunesmith.text.language import language_of
from tunesmith.text.personal import find_personal

PERSONAL: Final = "personal"
"""The name of the rule on personal data."""
MAX_PIECE_CHARACTERS: Final = 400
"""A sentence that is longer is judged in parts."""
_LOOK_AHEAD: Final = 8
"""So many characters more decide whether a sentence ends before that."""
# a full stop ends a sentence behind four letters at least, not behind a number or a title such as `Dr`; a line
# that ends with a comma or a colon goes on in the next
_END: Final = re.compile(
    r"""(?:[。！？…；]|[!?]["')\]]{0,3}(?=\s)|(?<=[^\W\d_]{4})\.["')\]]{0,3}(?=\s)|(?<![,，、:：])\n)"""
    r"""[。！？…；”’」』）\s]*"""
)
_TOPIC_CONTEXT: Final = 64
"""Characters in which a word of a topic has room, however it is written."""
_FOLDING: Final = 3
"""Folding makes one character of so many, at most."""
_SPACES: Final = re.compile(r"\s+")
_UNSAID: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is answered to a request that is not to be answered, and the names of the rules that say so."""

    reply: str
    rules: tuple[str, ...]


class ContentGuard:
    """The rules of one server; cheap to ask, from any thread."""

    def __init__(self, section: Guard) -> None:
        self.section = section
        self._requests = tuple(map(Rule, section.requests))
        self._answers = tuple(map(Rule, section.answers))
        if section.personal != "allow":
            find_personal("Ms Ann Lee, 李安")  # reads its word lists, for which no request should wait

    def refuses(self, messages: Sequence[Message]) -> Verdict | None:
        """Why a request is not answered; None where it is. Messages of every role are held to the rules, and the
        thinking in them: a caller writes them all."""
        found = [broken for text in _texts(messages) for broken in broken_rules(text, self._requests)]
        if not found:
            return None
        return Verdict(self._reply(messages), tuple(dict.fromkeys(broken.rule for broken in found)))

    def answering(self, prompt: Sequence[Message]) -> AnswerGuard:
        """The guard of one answer to this prompt."""
        is_personal = self.section.personal != "allow"
        known = _folded("\n".join(_texts(prompt))) if is_personal else ""
        return AnswerGuard(self.section, self._answers, self._reply(prompt), known)

    def _reply(self, messages: Sequence[Message]) -> str:
        """In the language of the last message; what mixes both is Chinese with some English words."""
        asked = language_of(messages[-1].content if messages else "")
        language: Literal["en", "zh"] = "zh" if asked in ("zh", "mixed") else "en"
        return self.section.reply.get(language) or translate("serve.guard.reply", language)


class AnswerGuard:
    """Gives out what may be told of one answer while it is written: `feed` its text, `finish` when it ends.

    Thinking comes first, by `feed_reasoning` and `finish_reasoning`; a rule that it breaks ends the answer too.
    """

    def __init__(self, section: Guard, rules: tuple[Rule, ...], reply: str, known: str) -> None:
        self.is_open = not rules and section.personal == "allow"
        """Whether text goes out as it comes. Where it does not, tokens must not go out beside it either, such as in
        log-probabilities: what is left out would be read there."""
        self.rules: tuple[str, ...] = ()
        """Names of the rules that left something out or masked it."""
        self._thinking = _Pieces(section, rules, known)
        self._answer = _Pieces(section, rules, known)
        self._reply = reply
        self._room = section.max_answer_characters
        self._is_broken = False
        self._is_finished = False

    @property
    def is_over(self) -> bool:
        """Whether nothing that is still written will go out: the engine can stop."""
        return self._is_broken or self._room == 0

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the answer ended before the model ended it."""
        if self._is_broken:
            return "content_filter"
        return "length" if self._room == 0 else None

    def feed_reasoning(self, text: str) -> str:
        """What may go out now of the thinking."""
        return "".join(self._told(self._thinking, text, is_last=False))

    def finish_reasoning(self) -> str:
        """The rest of the thinking."""
        return "".join(self._told(self._thinking, "", is_last=True))

    def feed(self, text: str) -> str:
        """What may go out now of the answer."""
        return "".join(map(self._within_room, self._told(self._answer, text, is_last=False)))

    def finish(self) -> str:
        """The rest of the answer, or the stated reply where a rule was broken. Once."""
        if self._is_finished:
            return ""
        self._is_finished = True
        rest = "".join(map(self._within_room, self._told(self._answer, "", is_last=True)))
        return rest + (self._reply if self._is_broken else "")

    def _told(self, pieces: _Pieces, text: str, *, is_last: bool) -> Iterator[str]:
        """Piece by piece, so that none is judged behind the one that filled the room."""
        if self.is_open and not self.is_over:
            yield text
        elif not self.is_over:
            pieces.take(text)
            while not self.is_over and (piece := pieces.next_piece(is_last=is_last)):
                told, broken = pieces.judge(piece)
                self.rules = tuple(dict.fromkeys((*self.rules, *broken)))
                self._is_broken = told is None
                yield told or ""

    def _within_room(self, text: str) -> str:
        if self._room is None:
            return text
        told = text[: self._room]
        self._room -= len(told)
        return told


class _Pieces:
    """A text that comes in deltas, judged by whole pieces."""

    def __init__(self, section: Guard, rules: tuple[Rule, ...], known: str) -> None:
        self._personal = section.personal
        self._rules = rules
        self._known = known
        """The request, folded: personal data in it may be said again."""
        longest = max((len(word) for rule in rules for word in rule.section.words), default=0)
        self._context = max(_TOPIC_CONTEXT, _FOLDING * longest)
        self._judged = ""
        self._last = ""
        """The piece before, with which names and addresses may begin."""
        self._words = ""
        """The last characters, one space between words: where a phrase of several words may have begun."""
        self._pending = ""

    def take(self, text: str) -> None:
        # half of a surrogate pair can neither be matched nor sent
        self._pending += text.encode("utf-8", "replace").decode("utf-8")

    def next_piece(self, *, is_last: bool) -> str:
        """The next whole piece; nothing where there is none yet."""
        end = _piece_end(self._pending, is_last=is_last)
        piece, self._pending = self._pending[:end], self._pending[end:]
        return piece

    def judge(self, piece: str) -> tuple[str | None, list[str]]:
        """The piece as it may go out, None where nothing may any more, and the names of the rules that it broke."""
        self._judged += piece
        self._words = _SPACES.sub(" ", self._words + piece)
        suspects = [rule for rule in self._rules if _may_break(rule, self._judged, self._words)]
        self._words = self._words[-self._context :]
        broken = broken_rules(self._judged, suspects)
        if broken:
            return None, [each.rule for each in broken]
        told = piece if self._personal == "allow" else self._masked(piece)
        self._last = piece
        if told == piece:
            return piece, []
        return (told if self._personal == "mask" else None), [PERSONAL]

    def _masked(self, piece: str) -> str:
        """The piece with placeholders for personal data that the request does not hold."""
        window, start = self._last + piece, len(self._last)
        told, place = [], start
        for span in find_personal(window):
            if span.stop > start and _folded(window[span.start : span.stop]) not in self._known:
                told += [window[place : max(span.start, start)], f"[{span.type.upper().replace('-', '_')}]"]
                place = span.stop
        return "".join([*told, window[place:]])


def _texts(messages: Sequence[Message]) -> Iterator[str]:
    """All that stands in them."""
    for message in messages:
        yield message.content
        if message.reasoning is not None:
            yield message.reasoning


def _piece_end(text: str, *, is_last: bool) -> int:
    """Where the first piece of a text ends; 0 where only more text can tell."""
    found = _END.search(text)
    if found is not None and found.start() < MAX_PIECE_CHARACTERS:
        # the next character shows that the end is whole
        return found.end() if is_last or found.end() < len(text) else 0
    if len(text) >= MAX_PIECE_CHARACTERS + _LOOK_AHEAD:
        return text.rfind(" ", 1, MAX_PIECE_CHARACTERS) + 1 or MAX_PIECE_CHARACTERS
    return len(text) if is_last else 0


def _may_break(rule: Rule, whole: str, words: str) -> bool:
    """Whether what came last may have broken the rule, seen without reading everything again: patterns are quick,
    words are looked for in the last characters only, and one word of a topic asks for a closer look."""
    return (
        any(finder.isinstance_python(whole) for _, finder in rule.patterns)
        or bool(rule.words.find(words))
        or any(finder.find(words) for _, finder in rule.topics)
    )


def _folded(text: str) -> str:
    """Letters and digits alone, in one width and case."""
    return _UNSAID.sub("", unicodedata.normalize("NFKC", text).casefold())
