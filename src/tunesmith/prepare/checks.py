"""Checks on canonical rows, each `Example -> Example | Rejected`: it is refused, or passed on, perhaps changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from tunesmith.prepare.clean import cleaners, filters
from tunesmith.prepare.dialogue import dialogue_checks
from tunesmith.prepare.privacy import personal_check
from tunesmith.recipe import Prepare
from tunesmith.records import REHEARSAL, Example, Message, Rejected

Check = Callable[[Example], Example | Rejected]
OPEN: Final = "<think>"
CLOSE: Final = "</think>"


def checks_of(section: Prepare, personal_key: bytes | None = None) -> tuple[Check, ...]:
    """The checks in their order: repairs, what a row must have, what the recipe changes, its id.

    `personal_key` is the key by which pseudonyms can be undone, where the recipe wants that.
    """
    return (
        split_thinking,
        *cleaners(section.clean),
        *sound(),
        *filters(section.clean),
        *dialogue_checks(section.dialogue),
        _reasoning_policy(section),
        lambda example: add_system(example, section.system),
        lambda example: style_prompt(example, section.user_style),
        *((personal,) if (personal := personal_check(section.personal, personal_key)) else ()),
        identified,
    )


def sound() -> tuple[Check, ...]:
    """What a row must have."""
    return has_answer, has_user, in_order, has_prompt, has_label, answers_said, teaches


def run_checks(example: Example, checks: Sequence[Check]) -> Example | Rejected:
    for check in checks:
        outcome = check(example)
        if isinstance(outcome, Rejected):
            return outcome
        example = outcome
    return example


def split_thinking(example: Example) -> Example | Rejected:
    """Part `<think>...</think>` inside an answer from the answer.

    The opening tag may be missing, the first closing tag parts; without one the answer never began.
    """
    said = (*example.messages, example.rejected) if example.rejected else example.messages
    if not any("think>" in message.content for message in said):
        return example
    messages = []
    for index, message in enumerate(said):
        parted = _parted(message)
        if isinstance(parted, str):
            return _rejected(example, parted, index if index < len(example.messages) else None)
        messages.append(parted)
    num_messages = len(example.messages)
    return replace(
        example,
        messages=tuple(messages[:num_messages]),
        rejected=messages[num_messages] if example.rejected else None,
    )


def _parted(message: Message) -> Message | str:
    """The message with its thinking apart, or the reason why it cannot be."""
    if message.role != "assistant" or not (OPEN in message.content or CLOSE in message.content):
        return message
    thinking, closed, answer = message.content.partition(CLOSE)
    thinking = thinking.strip().removeprefix(OPEN)
    if not closed:
        return "unclosed-think"
    if message.reasoning is not None or OPEN in thinking or OPEN in answer or CLOSE in answer:
        return "misplaced-think"
    return replace(message, content=answer.lstrip(), reasoning=thinking.strip() or None)


def has_answer(example: Example) -> Example | Rejected:
    if not any(message.role == "assistant" for message in example.messages):
        return _rejected(example, "no-assistant-message")
    if example.messages[-1].role != "assistant":
        return _rejected(example, "no-answer-at-end", len(example.messages) - 1)
    return example


def has_user(example: Example) -> Example | Rejected:
    if any(message.role == "user" for message in example.messages):
        return example
    return _rejected(example, "no-user-message")


def in_order(example: Example) -> Example | Rejected:
    """At most one system message, first; then user and assistant in turn, tool results between two answers."""
    before = "start"
    for index, message in enumerate(example.messages):
        if before not in _MAY_FOLLOW[message.role]:
            return _rejected(example, "roles-out-of-order", index, f"{before} -> {message.role}")
        before = message.role
    return example


_MAY_FOLLOW: Final = {
    "system": ("start",),
    "user": ("start", "system", "assistant"),
    "assistant": ("user", "tool"),
    "tool": ("assistant", "tool"),
}


def has_prompt(example: Example) -> Example | Rejected:
    for index, message in enumerate(example.messages):
        if message.role == "user" and not message.content.strip():
            return _rejected(example, "empty-prompt", index)
    return example


def has_label(example: Example) -> Example | Rejected:
    return _rejected(example, "missing-label") if example.label == "" else example


def answers_said(example: Example) -> Example | Rejected:
    if example.text is not None:
        return example
    for index, message in enumerate(example.messages):
        if message.role == "assistant" and not message.content.strip():
            return _rejected(example, "empty-answer", index)
    return example


def teaches(example: Example) -> Example | Rejected:
    # an answer to unlearn has weight 0, and teaches all the same
    if example.desirable is False or any(
        message.role == "assistant" and message.weight > 0 for message in example.messages
    ):
        return example
    return _rejected(example, "nothing-to-learn")


def _reasoning_policy(section: Prepare) -> Check:
    return {
        "keep": _keep_reasoning,
        "drop": drop_reasoning,
        "require": require_reasoning,
        "synthesise": _keep_reasoning,  # rows are given theirs after the split
    }[section.reasoning]


def _keep_reasoning(example: Example) -> Example:
    return example


def drop_reasoning(example: Example) -> Example:
    """Of every answer, a worse one included."""
    return replace(
        example,
        messages=tuple(replace(message, reasoning=None) for message in example.messages),
        rejected=replace(example.rejected, reasoning=None) if example.rejected else None,
    )


def require_reasoning(example: Example) -> Example | Rejected:
    if example.answer.reasoning is not None and example.answer.reasoning.strip():
        return example
    return _rejected(example, "reasoning-missing", len(example.messages) - 1)


def add_system(example: Example, system: str | None) -> Example:
    has_own = example.messages[0].role == "system" or example.split == REHEARSAL
    if system is None or has_own or example.text is not None:
        return example
    return replace(example, messages=(Message("system", system), *example.messages))


def style_prompt(example: Example, pattern: str) -> Example:
    """Put the pattern around the user's text of a row that has exactly one user message."""
    users = [index for index, message in enumerate(example.messages) if message.role == "user"]
    if pattern == "{prompt}" or len(users) != 1 or example.text is not None or example.split == REHEARSAL:
        return example
    messages = list(example.messages)
    user = messages[users[0]]
    messages[users[0]] = replace(user, content=pattern.replace("{prompt}", user.content))
    return replace(example, messages=tuple(messages))


def identified(example: Example) -> Example:
    """Give the row its id, `content_id`."""
    return replace(example, id=content_id(example))


def content_id(example: Example) -> str:
    """The first 16 hex digits of the SHA-256 of what a row teaches, as canonical JSON.

    That is its messages and, where it has them, a worse answer, whether the answer is wanted, and a number.
    """
    turns: list[object] = [_turn(message) for message in example.messages]
    if example.rejected is not None:
        turns.append({"rejected": _turn(example.rejected)})
    if example.desirable is not None or example.target is not None:
        turns.append({"desirable": example.desirable, "target": example.target})
    return hashlib.sha256(json.dumps(turns).encode()).hexdigest()[:16]


def _turn(message: Message) -> list[object]:
    return [message.role, message.content, message.reasoning, message.weight]


def _rejected(example: Example, reason: str, index: int | None = None, detail: str = "") -> Rejected:
    field = None if index is None else f"messages[{index}]"
    return Rejected(replace(example.place, field=field), reason, detail)
