"""What a reply says beside the tokens that an engine wrote for it, and those beside the judged model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from tunesmith.chat import Chat
from tunesmith.chat.parse import CLOSE, OPEN
from tunesmith.engine.text_out import HALF
from tunesmith.errors import Phrase, RunFailed
from tunesmith.lifecycle.certificate.limits import FORMS
from tunesmith.lifecycle.certificate.over_http import Reply
from tunesmith.lifecycle.certificate.reference import Reference
from tunesmith.records import Message

MAX_SHOWN: Final = 60


@dataclass(frozen=True)
class Wrote:
    """An answer as an engine wrote it, and what the evaluation makes of such tokens."""

    ids: tuple[int, ...]
    """With the end token, where it came to one."""
    num_prompt_tokens: int
    chat: Chat

    @property
    def is_ended(self) -> bool:
        return bool(self.ids) and self.ids[-1] in self.chat.end_ids

    @property
    def finish_reason(self) -> Literal["stop", "length"]:
        return "stop" if self.is_ended else "length"

    @cached_property
    def text(self) -> str:
        """Without half a character at its end: what was cut there is never told."""
        return self.chat.decode(self.ids[:-1] if self.is_ended else self.ids).rstrip(HALF)

    @property
    def message(self) -> Message:
        told = self.chat.parse(self.text).message
        return Message(told.role, told.content, told.reasoning or None)

    @property
    def as_it_came(self) -> Message | None:
        """What a stream makes of a thinking that is closed but was not opened; None where there is none such."""
        is_opened = self.chat.prefilled or self.text.lstrip().startswith(OPEN)
        return Message("assistant", self.text.strip()) if CLOSE in self.text and not is_opened else None

    def says(self, message: Message) -> bool:
        return message == self.message

    def refuse_other(self, message: Message) -> None:
        """Raises RunFailed `certificate-altered`."""
        if not self.says(message):
            raise altered("answer", _shown(message), _shown(self.message))


def altered(what: Literal["answer", "prompt", "usage"], said: str, wrote: str) -> RunFailed:
    """What a server tells otherwise than its engine has it; `what` ends an entry `certificate.altered.*`."""
    phrase = Phrase(f"certificate.altered.{what}")
    return RunFailed("certificate-altered", place=FORMS, what=phrase, said=said, wrote=wrote)


def refuse_altered(wrote: Wrote, reply: Reply, *, tells_as_it_comes: bool = False) -> None:
    """Raises RunFailed `certificate-altered` for a reply that is not what the engine wrote: its text, its thinking, why
    it ended, or how many tokens it has. A stream may tell a closing tag that nothing opened."""
    (message,), (finish_reason,) = reply.messages, reply.finish_reasons
    if not (tells_as_it_comes and message == wrote.as_it_came):
        wrote.refuse_other(message)
    told = (finish_reason, reply.num_prompt_tokens, reply.num_tokens)
    own = (wrote.finish_reason, wrote.num_prompt_tokens, len(wrote.ids))
    if told != own:
        raise altered("usage", _listed(told), _listed(own))


def agreeing(reference: Reference, answers: Sequence[tuple[int, ...]], asked: Sequence[int]) -> tuple[int, int, int]:
    """Tokens, near-ties and agreeing ones without these, of each answer up to and with the first other token."""
    num_tokens = num_near_ties = num_agreeing = 0
    for mine, number in zip(answers, asked, strict=True):
        for theirs, own, is_tie in zip(mine, reference.answers[number], reference.is_tie[number], strict=False):
            num_tokens += 1
            num_near_ties += bool(is_tie)
            num_agreeing += bool(theirs == own and not is_tie)
            if theirs != own:
                break
    return num_tokens, num_near_ties, num_agreeing


def _shown(message: Message) -> str:
    """The end is where most differ."""
    said = message.content if message.reasoning is None else f"{message.reasoning}{CLOSE}{message.content}"
    return repr(said if len(said) <= MAX_SHOWN else f"…{said[-MAX_SHOWN:]}")


def _listed(told: Sequence[object]) -> str:
    return ", ".join(map(str, told))
