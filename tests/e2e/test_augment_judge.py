"""How well the judge of made rows tells changed meanings from kept ones, on real rows: one in five is changed.

Neither the changes nor the honest rewordings use anything of the judge. Figures are printed, by kind and by set.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tunesmith.prepare.preserved import Judge, Pair

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
Change = Callable[[str, Random], str | None]
CONTRACTED = {
    "can't": "cannot",
    "don't": "do not",
    "I'm": "I am",
    "isn't": "is not",
    "it's": "it is",
    "didn't": "did not",
}
WORDS = dict(enumerate(["two", "three", "four", "five", "six", "seven", "eight", "nine"], 2))
REWORDED = {
    "I want to": "I would like to",
    "How do I": "How can I",
    "What is": "What's",
    "Please": "Kindly",
    "why": "for what reason",
    "how many": "what number of",
    "need": "require",
    "money": "cash",
    "received": "got",
    "help": "assist",
    "people": "persons",
    "什么": "哪些",
    "如何": "怎样",
    "请": "麻烦",
    "一个": "一种",
    "关于": "有关",
    "给出": "提供",
    "写": "撰写",
    "以下": "下列",
    "为什么": "为何",
    "描述": "叙述",
    "建议": "提议",
    "列出": "罗列",
    "解释": "说明",
}
OPPOSED = {
    "more": "less",
    "before": "after",
    "buy": "sell",
    "increase": "decrease",
    "open": "close",
    "提高": "降低",
    "增加": "减少",
}
NAMES = {"en": ("Natalia", "Mexico", "Visa", "Apple", "Monday"), "zh": ("北京", "上海", "广州")}


def replace_one(text: str, words: dict[str, str], random: Random) -> str | None:
    known = [word for word in words if re.search(rf"(?<![A-Za-z]){re.escape(word)}(?![A-Za-z])", text)]
    if not known:
        return None
    word = random.choice(known)
    return re.sub(rf"(?<![A-Za-z]){re.escape(word)}(?![A-Za-z])", words[word], text, count=1)


def greet(text: str, random: Random) -> str:
    return (
        f"您好，{text}"
        if not text.isascii()
        else f"Hello, {text[:1].lower() + text[1:] if not text.startswith('I') else text}"
    )


def spell_number(text: str, random: Random) -> str | None:
    found = re.search(r"(?<![\d.,/$:-])[2-9](?![\d.,/%:-])", text)
    return text[: found.start()] + WORDS[int(found[0])] + text[found.end() :] if found and text.isascii() else None


def change_number(text: str, random: Random) -> str | None:
    found = list(re.finditer(r"\d+", text))
    if not found:
        return None
    one = random.choice(found)
    return text[: one.start()] + str(int(one[0]) + random.randint(2, 9)) + text[one.end() :]


def add_negation(text: str, random: Random) -> str | None:
    for pattern, new in (
        (r"\b(is|are|was|were|can|will|should|do|does|did)\b", r"\1 not"),
        (r"(?<!不)(是|能|会|要|应该)", r"不\1"),
    ):
        if re.search(pattern, text):
            return re.sub(pattern, new, text, count=1)
    return None


def drop_negation(text: str, random: Random) -> str | None:
    changed = re.sub(r"n't\b| not\b|\bnever |没有|(?<![^，。])不", "", text, count=1)
    return changed if changed != text else None


def change_name(text: str, random: Random) -> str | None:
    found = re.search(r"(?<=[a-z,] )[A-Z][a-z]{2,}|北京|上海|广东|美国", text)
    language = "en" if text.isascii() else "zh"
    return text[: found.start()] + random.choice(NAMES[language]) + text[found.end() :] if found else None


HONEST: dict[str, Change] = {
    "reworded": lambda text, random: replace_one(text, REWORDED, random),
    "expanded": lambda text, random: replace_one(text, CONTRACTED, random),
    "greeted": greet,
    "number spelt": spell_number,
}
PLANTED: dict[str, Change] = {
    "number": change_number,
    "negation added": add_negation,
    "negation dropped": drop_negation,
    "name": change_name,
    "opposite": lambda text, random: replace_one(text, OPPOSED, random),
}


def rows(name: str) -> list[tuple[str, str | None]]:
    if name == "banking77":
        with (REAL / "banking77_train.csv").open(encoding="utf-8") as stream:
            return [(row["text"], row["category"]) for row in csv.DictReader(stream)]
    if name == "gsm8k":
        lines = (REAL / "gsm8k_2000.jsonl").read_text(encoding="utf-8").splitlines()
        return [(json.loads(line)["question"], None) for line in lines]
    return [
        (row["instruction"] + row["input"], None)
        for row in json.loads((REAL / "alpaca_zh_demo.json").read_text(encoding="utf-8"))
    ]


def planted(found: list[tuple[str, str | None]], random: Random) -> list[tuple[str, Pair]]:
    """Pairs by kind: one in five is changed, by a kind that fits it or into another row."""
    pairs = []
    for number, (text, label) in enumerate(found):
        kinds = dict(PLANTED if number % 5 == 0 else HONEST)
        # a greeting fits every row: only where nothing else does
        for name in sorted(random.sample(sorted(kinds), len(kinds)), key="greeted".__eq__):
            new = kinds[name](text, random)
            if new is not None and new != text:
                break
        else:
            name, new = "other row", None
        if number % 5 == 0 and (new is None or random.random() < 0.2):
            name = "other row"
            new = random.choice([other for other, its in found if its != label or (label is None and other != text)])
        if new is not None:
            pairs.append((name, Pair(text, new, label)))
    return pairs


@pytest.mark.parametrize("name", ["banking77", "gsm8k", "alpaca_zh"])
def test_planted_changes_are_seen_and_honest_rewording_passes(name: str) -> None:
    random = Random(7)
    known = rows(name)
    random.shuffle(known)
    judge = Judge.fit([text for text, _ in known], [label for _, label in known], 0.2, classify=True)
    pairs = planted(known[:1500], random)
    seen: Counter[str] = Counter()
    total = Counter(kind for kind, _ in pairs)
    for (kind, _), refusal in zip(pairs, judge.refusals([pair for _, pair in pairs]), strict=True):
        seen[kind] += refusal is not None
    changed = [kind for kind in total if kind in PLANTED or kind == "other row"]
    honest = [kind for kind in total if kind in HONEST]
    num_changed, num_honest = sum(total[kind] for kind in changed), sum(total[kind] for kind in honest)
    recall = sum(seen[kind] for kind in changed) / num_changed
    false = sum(seen[kind] for kind in honest) / num_honest
    print(f"{name}: recall {recall:.3f} of {num_changed}, false positives {false:.3f} of {num_honest}")
    for kind in (*changed, *honest):
        print(f"  {kind}: refused {seen[kind]} of {total[kind]}")
    assert len(changed) >= 5
    assert recall >= 0.95
    assert false <= 0.03
