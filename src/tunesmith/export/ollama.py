"""A Modelfile, by which Ollama serves a GGUF file as the model was judged.

Ollama renders conversations by templates of Go, not of Jinja. Here one is made out of what the model's own template
writes around the messages of a few conversations, and taken only where it then writes the same for others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final

from tunesmith.chat import Chat
from tunesmith.errors import TunesmithError
from tunesmith.export.gguf_tokenizer import GgufTokenizer
from tunesmith.records import Message, Sampling

FILE: Final = "Modelfile"
MAX_CONTEXT_TOKENS: Final = 8192
"""Ollama sets aside memory for all of them; of longer conversations it leaves out the beginning without a word."""
_SYSTEM, _FIRST, _ANSWER, _SECOND = "probe alpha", "probe beta", "probe gamma", "probe delta"
_TALK: Final = (Message("user", _FIRST), Message("assistant", _ANSWER), Message("user", _SECOND))


@dataclass(frozen=True, slots=True)
class Pieces:
    """What a template writes around messages."""

    begin: str
    """Before the first message where there is no system message."""
    before_system: str | None
    """None where the template takes no system message."""
    after_system: str
    before_user: str
    after_user: str
    before_answer: str
    after_answer: str
    end: str
    """After the last message: where the answer begins."""

    def rendered(self, messages: Sequence[Message]) -> str:
        """What Ollama sends for a conversation whose last turn is the user's."""
        parts = []
        if messages[0].role == "system":
            parts += [self.before_system or "", messages[0].content, self.after_system]
        else:
            parts.append(self.begin)
        for message in messages:
            if message.role == "user":
                parts += [self.before_user, message.content, self.after_user]
            elif message.role == "assistant":
                parts += [self.before_answer, message.content, self.after_answer]
        return "".join([*parts, self.end])


def write_modelfile(
    out: Path, file: str, chat: Chat, tokenizer: GgufTokenizer, sampling: Sampling, max_tokens: int
) -> Path:
    """Write a Modelfile for the GGUF file of this name into its folder; `sampling` is how answers were judged."""
    lines = [f"FROM ./{file}"]
    found = pieces_of(chat, chat.decode_all([tokenizer.begin_id]) if tokenizer.adds_begin else "")
    if found is None:
        lines.append(
            "# no TEMPLATE: this chat template does more than put text around messages; Ollama looks for its own"
        )
    else:
        lines.append(f'TEMPLATE """{go_template(found)}"""')
    lines += [f"PARAMETER {name} {value:g}" for name, value in _drawn(sampling).items()]
    lines.append(f"PARAMETER num_ctx {min(max_tokens, MAX_CONTEXT_TOKENS)}")
    lines += [f"PARAMETER stop {json.dumps(end, ensure_ascii=False)}" for end in _ends(chat)]
    (out / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return out / FILE


def _drawn(sampling: Sampling) -> dict[str, float]:
    """Ollama penalises repetitions by itself, in greedy answers too, and keeps the 40 likeliest tokens alone."""
    drawn = {"temperature": sampling.temperature, "repeat_penalty": 1.0}
    return drawn | {"top_p": sampling.top_p, "top_k": 0, "min_p": 0.0} if sampling.temperature else drawn


def model_name(name: str) -> str:
    """A name that Ollama takes, made of any other."""
    taken = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:80]
    return taken or "model"


def pieces_of(chat: Chat, begin: str = "") -> Pieces | None:
    """What the chat's template writes around messages; None where it does not write the same around each of a role.

    `begin` is left out where prompts begin with it: what the tokenizer puts there by itself.
    """
    alone, talk = _around(chat, _TALK[:1], begin), _around(chat, _TALK, begin)
    with_system = _around(chat, (Message("system", _SYSTEM), *_TALK[:1]), begin)
    if alone is None or talk is None:
        return None
    (begin_and_user, user_and_end), (_, user_and_answer, answer_and_user, _) = alone, talk
    before_system, system_and_user, _ = with_system or (None, begin_and_user, "")
    before_user = _common_end([begin_and_user, answer_and_user, system_and_user])
    after_user = _common_begin([user_and_answer, user_and_end])
    found = Pieces(
        begin=begin_and_user.removesuffix(before_user),
        before_system=before_system,
        after_system="" if before_system is None else system_and_user.removesuffix(before_user),
        before_user=before_user,
        after_user=after_user,
        before_answer=user_and_answer.removeprefix(after_user),
        after_answer=answer_and_user.removesuffix(before_user),
        end=user_and_end.removeprefix(after_user),
    )
    return found if all(_text(chat, each, begin) == found.rendered(each) for each in _others(found)) else None


def _others(found: Pieces) -> list[tuple[Message, ...]]:
    """Conversations that the pieces were not taken from."""
    again = (Message("assistant", "2 + 2 = 4。"), Message("user", "再来一个问题？\n第二行"))
    talks = [(*_TALK, *again), (Message("user", "x"), *again)]
    if found.before_system is not None:
        talks += [(Message("system", "Be brief.\n简短。"), *talk) for talk in talks]
    return talks


def _around(chat: Chat, messages: Sequence[Message], begin: str) -> list[str] | None:
    """What stands before, between and behind the messages; None where they do not stand in the text as they are."""
    text = _text(chat, messages, begin)
    parts = [] if text is None else re.split("|".join(message.content for message in messages), text)
    return parts if len(parts) == len(messages) + 1 else None


def _text(chat: Chat, messages: Sequence[Message], begin: str) -> str | None:
    """The prompt as it is served, without `begin`; None where the template refuses the conversation."""
    try:
        return chat.decode_all(chat.prompt_ids(messages)).removeprefix(begin)
    except TunesmithError:
        return None


def _common_begin(texts: list[str]) -> str:
    same = takewhile(lambda characters: len(set(characters)) == 1, zip(*texts, strict=False))
    return "".join(characters[0] for characters in same)


def _common_end(texts: list[str]) -> str:
    return _common_begin([text[::-1] for text in texts])[::-1]


def _ends(chat: Chat) -> list[str]:
    return [chat.decode_all([id]) for id in sorted(chat.end_ids)]


def go_template(found: Pieces) -> str:
    """Go's template of the pieces."""
    start = _literal(found.begin)
    if found.before_system is not None:
        system = f"{_literal(found.before_system)}{{{{ .System }}}}{_literal(found.after_system)}"
        otherwise = f"{{{{ else }}}}{start}" if start else ""
        start = f"{{{{ if .System }}}}{system}{otherwise}{{{{ end }}}}"
    user = f"{_literal(found.before_user)}{{{{ .Content }}}}{_literal(found.after_user)}"
    answer = f"{_literal(found.before_answer)}{{{{ .Content }}}}{_literal(found.after_answer)}"
    talk = f'{{{{ if eq .Role "user" }}}}{user}{{{{ else if eq .Role "assistant" }}}}{answer}{{{{ end }}}}'
    return f"{start}{{{{ range .Messages }}}}{talk}{{{{ end }}}}{_literal(found.end)}"


def _literal(text: str) -> str:
    """Text as it stands, or as a constant of Go's where it would be read as more."""
    is_plain = not any(mark in text for mark in ("{{", "}}", '"'))
    return text if is_plain else f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}"
