"""What tests of GGUF files share: 200 prompts in two languages, of examples and of what tokenizers trip over."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Final

from tunesmith.records import Message

EXAMPLES: Final = Path(__file__).parents[1] / "examples" / "support_desk"
HARD: Final = (
    "I'll say it's 3.14159, isn't it? They'VE said: \"1,234,567\"!",
    "a  b   c\td\n\n\ne \r\n f",
    "  two spaces before, two behind  ",
    "naïve café résumé Ελλάδα привет 日本語 한국어",
    "emoji 👩‍👩‍👧‍👦 🇨🇳 and x² + y² = z²",
    "def f(x):\n    return {'a': [1, 2, 3]}  # done",
    "https://example.com/a?b=c&d=%20#e",
    "价格是￥１２３４，折扣为50%；请于2026年1月2日前回复。",
    "“引号”、《书名》——破折号……省略号",
    "１２３　全角空格　ＡＢＣ",
    "HTTPServer2XMLParser_v3.0-beta+build.77",
    "don't DON'T we're WE'RE she'd I'm you've 'tis",
)


def texts() -> list[str]:
    """200 texts, half of them English and half Chinese or mixed."""
    lines = (EXAMPLES / "tickets_en.jsonl").read_text(encoding="utf-8")
    # some lines are no JSON, on purpose: the strings in them are
    english = [json.loads(text) for text in re.findall(r'"content": ("(?:[^"\\]|\\.)*")', lines)]
    with (EXAMPLES / "tickets_zh.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    chinese = [row[column] for row in rows for column in ("question", "reasoning", "answer") if row[column]]
    parts = (english, chinese)
    longest = [sorted(set(part), key=lambda text: (-len(text), text))[:94] for part in parts]
    found = [*HARD, *longest[0], *longest[1]]
    assert len(found) == 200
    return found


def conversations() -> list[tuple[Message, ...]]:
    """The 200 texts as prompts; every third with a system message, every fifth as a second question."""
    found = []
    for number, text in enumerate(texts()):
        talk = [Message("user", text)]
        if number % 5 == 0:
            talk = [Message("user", "First. 首先。"), Message("assistant", "Yes. 好的。"), *talk]
        if number % 3 == 0:
            talk = [Message("system", "You answer briefly. 请简短回答。"), *talk]
        found.append(tuple(talk))
    return found
