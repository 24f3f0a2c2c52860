"""How the values of one row become a conversation, format by format. Values come by canonical name (see `formats`)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tunesmith.prepare.rows import Refused
from tunesmith.records import Annotation, Message, PlainText, Role
from tunesmith.text.traditional import simplified

Values = Mapping[str, Any]
ROLES: Final[dict[str, Role]] = {
    **dict.fromkeys(("system", "developer", "系统"), "system"),
    **dict.fromkeys(("user", "human", "用户", "使用者"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "model", "助手", "助理"), "assistant"),
    **dict.fromkeys(("tool", "function", "function_response", "observation"), "tool"),
}
# A turn may also hold what was asked and what was answered under one pair of these keys.
PAIRS: Final = (("human", "assistant"), ("user", "assistant"), ("input", "output"))
_TRANSCRIPT: Final = re.compile(r"\n\n(Human|Assistant):")


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a reader makes of one row; the fields are those of `records.Example`."""

    messages: tuple[Message, ...]
    label: str | None = None
    rejected: Message | None = None
    desirable: bool | None = None
    target: float | None = None
    text: PlainText | None = None
    annotations: tuple[Annotation, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the row that lie deeper than its columns."""


Reader = Callable[[Values], Conversation]
"""Raises Refused."""


def messages(values: Values) -> Conversation:
    return Conversation(with_system(values, turns(values["messages"], "messages")))


def sharegpt(values: Values) -> Conversation:
    return Conversation(with_system(values, turns(values["conversations"], "conversations")))


def prompt_completion(values: Values) -> Conversation:
    return Conversation(with_system(values, (*_asked(values), *_answers(values, "completion"))))


def question_answer(values: Values) -> Conversation:
    return Conversation(with_system(values, (*_asked(values), *_answers(values, "answer"))))


def alpaca(values: Values) -> Conversation:
    return Conversation(with_system(values, (*_asked(values), *_answers(values, "output"))))


def labels(values: Values) -> Conversation:
    label = values["label"]
    if isinstance(label, list):
        if len(label) != 1:
            raise Refused("several-labels", str(len(label)), field="label")
        label = label[0]
    label = text_of(label, "label").strip()
    exchange = (Message("user", text_of(values["text"], "text")), Message("assistant", label))
    return Conversation(with_system(values, exchange), label)


def regression(values: Values) -> Conversation:
    """The answer says the number as the row has it."""
    said = text_of(values["target"], "target").strip()
    exchange = (Message("user", text_of(values["text"], "text")), Message("assistant", said))
    return Conversation(with_system(values, exchange), target=number_of(values["target"], "target"))


def plain_text(values: Values) -> Conversation:
    """A text to be read, with nothing to answer."""
    exchange = (Message("user", text_of(values["text"], "text")), Message("assistant", ""))
    return Conversation(exchange, text=PlainText())


def preference(values: Values) -> Conversation:
    """Two answers to one prompt: texts, messages, or whole conversations that part at their last message."""
    chosen, rejected = (_candidates(values[role], role) for role in ("chosen", "rejected"))
    num_shared = 0
    while num_shared < min(len(chosen), len(rejected)) - 1 and chosen[num_shared] == rejected[num_shared]:
        num_shared += 1
    better, worse = chosen[num_shared:], rejected[num_shared:]
    if len(better) != 1 or len(worse) != 1 or {better[0].role, worse[0].role} != {"assistant"}:
        raise Refused("bad-pair", field="rejected")
    if better == worse:
        raise Refused("equal-pair", field="rejected")
    prompt = chosen[:num_shared] or _prompt_of_pair(values)
    return Conversation(with_system(values, (*prompt, *better)), rejected=worse[0])


def kto(values: Values) -> Conversation:
    """One answer and whether it is desirable; an undesirable one gets weight 0, so that nothing learns to say it."""
    desirable = truth_of(values["desirable"])
    if desirable is None:
        raise Refused("bad-label", str(values["desirable"]), field="desirable")
    for role in ("messages", "conversations"):
        if role in values:
            said = turns(values[role], role)
            break
    else:
        said = (*_asked(values), *_answers(values, "completion"))
    if not desirable:
        said = tuple(replace(message, weight=0.0) if message.role == "assistant" else message for message in said)
    return Conversation(with_system(values, said), desirable=desirable)


def with_system(values: Values, said: tuple[Message, ...]) -> tuple[Message, ...]:
    system = text_of(values.get("system"), "system")
    if not system.strip() or (said and said[0].role == "system"):
        return said
    return Message("system", system), *said


def turns(value: object, field: str) -> tuple[Message, ...]:
    return tuple(
        message for index, turn in enumerate(_list(value, field)) for message in _turn(turn, f"{field}[{index}]")
    )


def truth_of(value: object) -> bool | None:
    """true, false, 1 or 0, also as text; None for anything else."""
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return bool(value) if value in (0, 1) else None


def number_of(value: object, field: str) -> float:
    """A number, also as text."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Refused("not-a-number", str(value), field=field)
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise Refused("not-a-number", str(value), field=field) from error
    if not math.isfinite(number):
        raise Refused("not-finite", str(value), field=field)
    return number


def text_of(value: object, field: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    raise Refused("not-text", field=field)


def _asked(values: Values) -> tuple[Message, ...]:
    """Earlier turns, then the user's text: `prompt` (also as messages), `question` or `instruction`, then `input`."""
    past = tuple(message for turn in _list(values.get("history"), "history") for message in _past_turn(turn))
    if isinstance(values.get("prompt"), list):
        return (*past, *turns(values["prompt"], "prompt"))
    main = next((role for role in ("prompt", "question", "instruction") if role in values), "prompt")
    parts = [text_of(values.get(role), role) for role in (main, "input")]
    return (*past, Message("user", "\n".join(part for part in parts if part.strip())))


def _answers(values: Values, role: str) -> tuple[Message, ...]:
    if isinstance(values[role], list):
        return turns(values[role], role)
    reasoning = text_of(values.get("reasoning"), "reasoning")
    return (Message("assistant", text_of(values[role], role), reasoning or None),)


def _candidates(value: object, field: str) -> tuple[Message, ...]:
    """One side of a pair: an answer alone, or the conversation that ends with it."""
    if isinstance(value, Mapping):
        return tuple(_turn(value, field))
    if isinstance(value, list):
        return turns(value, field)
    said = text_of(value, field)
    if not said.startswith("\n\nHuman:"):
        return (Message("assistant", said),)
    # transcripts in the manner of hh-rlhf
    _, *pieces = _TRANSCRIPT.split(said)
    roles = (ROLES[name.lower()] for name in pieces[::2])
    return tuple(Message(role, piece.strip()) for role, piece in zip(roles, pieces[1::2], strict=True))


def _prompt_of_pair(values: Values) -> tuple[Message, ...]:
    for role in ("conversations", "messages"):
        if role in values:
            return turns(values[role], role)
    return _asked(values)


def _past_turn(turn: object) -> tuple[Message, Message]:
    if not isinstance(turn, (list, tuple)) or len(turn) != 2:
        raise Refused("bad-turn", field="history")
    asked, answered = (text_of(text, "history") for text in turn)
    return Message("user", asked), Message("assistant", answered)


def _turn(turn: object, field: str) -> Iterator[Message]:
    """OpenAI's `role`, `content`, ShareGPT's `from`, `value`, or one of `PAIRS`."""
    if not isinstance(turn, Mapping):
        raise Refused("bad-turn", field=field)
    named = turn.get("role", turn.get("from"))
    pair = next((pair for pair in PAIRS if named is None and pair[1] in turn), None)
    if pair is not None:
        if text_of(turn.get("system"), field).strip():
            yield Message("system", turn["system"])
        yield Message("user", text_of(turn.get(pair[0]), field))
        yield Message("assistant", text_of(turn[pair[1]], field))
        return
    if turn.get("tool_calls") or turn.get("function_call") or named == "function_call":
        raise Refused("tool-calls", field=field)
    role = ROLES.get(simplified(named.strip().lower())) if isinstance(named, str) else None
    if role is None:
        raise Refused("unknown-role", str(named), field=field)
    content = _joined(turn.get("content", turn.get("value")), field)
    reasoning = turn.get("reasoning_content") or turn.get("reasoning") or turn.get("thinking")
    yield Message(role, content, text_of(reasoning, field) or None, _weight(turn.get("weight"), field))


def _joined(content: object, field: str) -> str:
    """The text of a message; OpenAI allows a list of parts, of which only text is known here."""
    if not isinstance(content, list):
        return text_of(content, field)
    texts = [part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
    if len(texts) != len(content):
        raise Refused("not-text", field=field)
    return "".join(text_of(text, field) for text in texts)


def _weight(value: object, field: str) -> float:
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value < math.inf:
        raise Refused("bad-weight", str(value), field=field)
    return float(value)


def _list(value: object, field: str) -> list[Any]:
    """A list, also as JSON text, which is how it stands in a CSV cell."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (RecursionError, ValueError) as error:
            raise Refused("not-a-list", field=field) from error
    if not isinstance(value, list):
        raise Refused("not-a-list", field=field)
    return value
