"""The sentence and paragraph patterns of both languages, ready to fill."""

from __future__ import annotations

from types import ModuleType

from tools.tiny_base import prose_en, prose_zh
from tools.tiny_base.patterns import Language, Phrasings, Slots, lines, phrasings

MESSAGES: dict[Language, Phrasings] = {
    "en": phrasings(prose_en.MESSAGES, prose_en.SUITE_MESSAGES),
    "zh": phrasings(prose_zh.MESSAGES, prose_zh.SUITE_MESSAGES),
}
PARAGRAPHS: dict[Language, tuple[str, ...]] = {"en": lines(prose_en.PARAGRAPHS), "zh": lines(prose_zh.PARAGRAPHS)}


def _sentences(module: ModuleType) -> Slots:
    return {
        "ask": lines(module.MESSAGES),
        "trouble": lines(module.TROUBLE),
        "cause": lines(module.CAUSE),
        "advice": lines(module.ADVICE),
        "steps": lines(module.STEPS),
        "result": lines(module.RESULT),
        "explain": lines(module.EXPLAIN),
        "think": lines(module.THINK),
        "reply": lines(module.REPLY),
    }


SENTENCES: dict[Language, Slots] = {"en": _sentences(prose_en), "zh": _sentences(prose_zh)}
