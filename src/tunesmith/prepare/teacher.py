"""What an endpoint is asked, to reword a row or to write a new one, and what of its reply is taken."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

from tunesmith.engine.endpoint import Endpoint, endpoint_at
from tunesmith.prepare.offspring import Parent
from tunesmith.recipe import endpoint as recipe
from tunesmith.records import Message
from tunesmith.runtime import Runtime
from tunesmith.text.language import language_of

_REWORD: Final = (
    "Say the user's text in other words. Keep its language, its meaning, its tone, and every number, name, negation "
    "and placeholder in square brackets. Do not answer it. Reply with the new text alone."
)
_TRANSLATE: Final = (
    "Translate the user's text to {language}. Keep numbers, names and placeholders in square brackets as they are. "
    "Do not answer it. Reply with the translation alone."
)
_LIKE_LABELLED: Final = (
    "The user shows a text whose label is {label}. Write one new text with the same label, as somebody else would "
    "write it about another case, in the same language. Reply with the new text alone."
)
_LIKE_ANSWERED: Final = (
    "The user shows a question and its answer. Write one new question on the same subject that asks something else, "
    "and its correct answer, in the same language and manner. Reply with one JSON object alone: "
    '{"question": "...", "answer": "..."}'
)
_LANGUAGES: Final = {"en": "English", "zh": "Simplified Chinese"}
_THOUGHT: Final = re.compile(r"^.*?</think>", re.DOTALL)
_FENCE: Final = re.compile(r"^```\w*\n(.*?)\n?```$", re.DOTALL)
_QUOTES: Final = (("“", "”"), ('"', '"'), ("「", "」"))


def endpoint_of(section: recipe.Endpoint, runtime: Runtime) -> Endpoint:
    """The endpoint that a section names, sampled as it says. Raises TunesmithError `endpoint-key`."""
    return endpoint_at(section, runtime, temperature=section.temperature, max_tokens=section.max_tokens)


def reworded(parents: Sequence[Parent], endpoint: Endpoint, seeds: Sequence[int]) -> list[str]:
    """Each row's text in other words."""
    return _asked([(_REWORD, parent.text) for parent in parents], endpoint, seeds)


def translated_back(parents: Sequence[Parent], endpoint: Endpoint, via: str, seeds: Sequence[int]) -> list[str]:
    """Each row's text, translated to another language and back to its own."""
    there = _asked([(_TRANSLATE.format(language=via), parent.text) for parent in parents], endpoint, seeds)
    own = [_LANGUAGES.get(language_of(parent.text), "the language of the original") for parent in parents]
    pairs = zip(own, there, strict=True)
    return _asked([(_TRANSLATE.format(language=language), text) for language, text in pairs], endpoint, seeds)


def written_anew(parents: Sequence[Parent], endpoint: Endpoint, seeds: Sequence[int]) -> list[tuple[str, str | None]]:
    """A new text for each row, and for a row without a label its answer; empty where the reply cannot be read."""
    asked = [
        (_LIKE_LABELLED.replace("{label}", parent.example.label), parent.text)
        if parent.example.label is not None
        else (_LIKE_ANSWERED, f"Question: {parent.text}\n\nAnswer: {parent.example.answer.content}")
        for parent in parents
    ]
    replies = _asked(asked, endpoint, seeds)
    return [
        (reply, None) if parent.example.label is not None else _question_and_answer(reply)
        for parent, reply in zip(parents, replies, strict=True)
    ]


def _asked(requests: Sequence[tuple[str, str]], endpoint: Endpoint, seeds: Sequence[int]) -> list[str]:
    conversations = [(Message("system", system), Message("user", text)) for system, text in requests]
    return [plain_reply(reply) for reply in endpoint.answers(conversations, seeds)]


def plain_reply(reply: str) -> str:
    """A reply without its thinking, and without the fence or quotation marks that models put around a text."""
    text = _THOUGHT.sub("", reply).strip()
    if text.startswith("<think>"):  # cut before the answer began
        return ""
    fenced = _FENCE.match(text)
    text = fenced[1].strip() if fenced else text
    for opening, closing in _QUOTES:
        inner = text[1:-1]
        if len(text) > 2 and text[0] == opening and text[-1] == closing and not {opening, closing} & set(inner):
            return inner.strip()
    return text


def _question_and_answer(reply: str) -> tuple[str, str | None]:
    try:
        said = json.loads(reply)
    except (RecursionError, ValueError):
        return "", None
    if not isinstance(said, dict):
        return "", None
    question, answer = said.get("question"), said.get("answer")
    if not (isinstance(question, str) and isinstance(answer, str) and question.strip() and answer.strip()):
        return "", None
    return question.strip(), answer.strip()
