"""The pretraining text of the embedded base: short conversations with thinking, and plain paragraphs.

Nothing here shares an 8-gram with the general suite: combinations and phrasings are kept apart by construction
(`patterns.fits`, `patterns.Phrasings`), and what still coincides is drawn again.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Literal, TypedDict

from tools.tiny_base import facts, prose, skills, suite, topics
from tools.tiny_base.patterns import LANGUAGES, Language, Turn, fill, lines, tidy


class Message(TypedDict):
    """One message; `reasoning` is empty except on assistant messages, where it is always given."""

    role: Literal["system", "user", "assistant"]
    content: str
    reasoning: str


Conversation = list[Message]

SYSTEM: dict[Language, tuple[str, ...]] = {
    "en": lines("""You are a helpful assistant.
        Answer briefly.
        You are Tiny, a small model. Think first, then answer.
        Think shortly and give a short answer.
        You answer questions of customers.
        Give only the answer after thinking.
        You are a patient teacher.
        Be polite and correct."""),
    "zh": lines("""你是一个乐于助人的助手。
        请简短回答。
        你是Tiny,一个小模型。先想一想,再回答。
        想好以后给出简短的答案。
        你负责回答顾客的问题。
        思考之后只说答案。
        你是一位耐心的老师。
        回答要礼貌、正确。"""),
}
NEXT: dict[Language, tuple[str, ...]] = {
    "en": ("", "", "Thanks. ", "Next question: ", "Good. ", "And now: ", "I see. "),
    "zh": ("", "", "谢谢。", "下一个问题:", "好的。", "还有,", "明白了。"),
}
SURE: dict[Language, tuple[tuple[str, ...], str]] = {
    "en": (
        ("Are you sure?", "Is that right?", "Really?", "Please say it again."),
        "I was asked again and my answer stays the same.",
    ),
    "zh": (("你确定吗?", "真的吗?", "对吗?", "请再说一遍。"), "又问了一次,我的答案不变。"),
}
_SHARE_SYSTEM = 0.1
_SHARE_MORE_TURNS = 0.1
_SKILL_WEIGHTS = {name: sum(weight for weight, _ in makers) for name, makers in skills.SKILLS.items()}


def _turn(rng: Random, language: Language) -> Turn:
    skill = rng.choices(tuple(_SKILL_WEIGHTS), tuple(_SKILL_WEIGHTS.values()))[0]
    return skills.make(skill, rng, language, "train")


def _messages(turn: Turn) -> Conversation:
    return [
        {"role": "user", "content": turn.prompt, "reasoning": ""},
        {"role": "assistant", "content": turn.answer, "reasoning": turn.reasoning},
    ]


def _again(turn: Turn, rng: Random, language: Language) -> Turn:
    questions, reasoning = SURE[language]
    return Turn(tidy(rng.choice(questions), language), tidy(reasoning, language), turn.answer)


def _conversation(rng: Random, language: Language) -> Conversation:
    turn = _turn(rng, language)
    messages = _messages(turn)
    if rng.random() < _SHARE_SYSTEM:
        system = tidy(rng.choice(SYSTEM[language]), language)
        messages.insert(0, {"role": "system", "content": system, "reasoning": ""})
    if rng.random() < _SHARE_MORE_TURNS:
        for _ in range(rng.choice((1, 1, 2))):
            if rng.random() < 0.25:
                turn = _again(turn, rng, language)
            else:
                turn = _turn(rng, language)
                turn = turn._replace(prompt=tidy(rng.choice(NEXT[language]) + turn.prompt, language))
            messages += _messages(turn)
    return messages


def _is_held_out(message: Message) -> bool:
    content = message["content"]
    if message["role"] == "user" and suite.is_prompt(content):
        return True
    return suite.shares_gram(content) or suite.shares_gram(message["reasoning"])


def conversations(seed: int, num: int) -> Iterator[Conversation]:
    """`num` conversations, English and Chinese half and half; the same seed gives the same ones."""
    rng = Random(f"conversations {seed}")
    for _ in range(num):
        language = rng.choice(LANGUAGES)
        conversation = _conversation(rng, language)
        while any(_is_held_out(message) for message in conversation):
            conversation = _conversation(rng, language)
        yield conversation


def _topic_paragraph(rng: Random, language: Language) -> str:
    topic = rng.choice(topics.topics(language, "train"))
    slots = {**topics.slots_for(topic, rng), **prose.SENTENCES[language]}
    return tidy(fill(rng.choice(prose.PARAGRAPHS[language]), rng, slots), language)


def _fact_paragraph(rng: Random, language: Language) -> str:
    joiner = " " if language == "en" else ""
    return joiner.join(facts.statement(rng, language) for _ in range(rng.randrange(4, 10)))


def _is_fit(text: str, language: Language) -> bool:
    """20 to 120 words, or 40 to 200 characters."""
    return 20 <= len(text.split()) <= 120 if language == "en" else 40 <= len(text) <= 200


def documents(seed: int, num: int) -> Iterator[str]:
    """`num` plain paragraphs, English and Chinese half and half; the same seed gives the same ones."""
    rng = Random(f"documents {seed}")
    for _ in range(num):
        language = rng.choice(LANGUAGES)
        make = _fact_paragraph if rng.random() < 0.15 else _topic_paragraph
        text = make(rng, language)
        while not _is_fit(text, language) or suite.shares_gram(text):
            text = make(rng, language)
        yield text
