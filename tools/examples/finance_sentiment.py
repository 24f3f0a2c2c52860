"""Maker of `examples/finance_sentiment`: labelled news sentences by rule, then planted noise and duplicates."""

from __future__ import annotations

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .finance_text import (
    BAD_EVENTS,
    BAD_METRICS,
    COMPANIES,
    DAYS,
    DOWN,
    FORMS,
    GOOD_EVENTS,
    GOOD_METRICS,
    LOSSES,
    MORE_TERMS,
    PERIODS,
    UP,
    Form,
    Metric,
    Needs,
)

SEED = 20_250_302
LABELS = {1: "positive", -1: "negative", 0: "neutral"}
NUM_SENTENCES = {"positive": 220, "negative": 220, "neutral": 170}
NUM_NOISY_LABELS = 36
NUM_DUPLICATES = 106
METRICS = {Needs.ANY: GOOD_METRICS + BAD_METRICS, Needs.GOOD: GOOD_METRICS, Needs.BAD: BAD_METRICS}


@dataclass(frozen=True)
class Sentence:
    """One row of news.csv."""

    text: str
    label: str
    language: str
    pattern: str


@dataclass(eq=False)
class Entry:
    """One line of news.csv; `true_label` is set where the label was changed, `original` where it is a repeat."""

    sentence: Sentence
    true_label: str | None = None
    original: Entry | None = None


def _amount(rng: random.Random, language: str) -> str:
    return f"{rng.randint(2, 95)} million dollars" if language == "en" else f"{rng.randint(2, 95)}亿元"


def _change(rng: random.Random, language: str, metric: Metric) -> str:
    if not metric.is_ratio:
        return f"{rng.randint(2, 38)}%"
    return f"{rng.randint(2, 9)} percentage points" if language == "en" else f"{rng.randint(2, 9)}个百分点"


def _upper_first(text: str) -> str:
    return text[0].upper() + text[1:]


def compose(rng: random.Random, language: str, form: Form) -> Sentence:
    """Fill a form; the label follows from the form's effect and, where it counts, the metric's polarity."""
    side = 0 if language == "en" else 1
    metric = rng.choice(METRICS.get(form.needs, GOOD_METRICS))
    names = {
        "m": (metric.en, metric.zh)[side],
        "g": rng.choice([(m.en, m.zh)[side] for m in GOOD_METRICS]),
        "b": rng.choice([(m.en, m.zh)[side] for m in BAD_METRICS]),
    }
    # A ratio rises and falls in Chinese; only an amount can be said to increase by so much.
    ratio_zh = language == "zh" and metric.is_ratio
    slots = {
        **names,
        **{key.upper(): _upper_first(name) for key, name in names.items()},
        "co": rng.choice(COMPANIES[language]),
        "up": "上升" if ratio_zh else rng.choice(UP[language]),
        "down": "下降" if ratio_zh else rng.choice(DOWN[language]),
        "x": _change(rng, language, metric),
        "v": _amount(rng, language),
        "q": rng.choice(PERIODS)[side],
        "day": rng.choice(DAYS)[side],
        "loss": rng.choice(LOSSES)[side],
        "good": rng.choice(GOOD_EVENTS)[side],
        "bad": rng.choice(BAD_EVENTS)[side],
    }
    text = rng.choice(form.en if language == "en" else form.zh).format(**slots)
    sign = form.effect * (metric.polarity if form.needs is Needs.ANY else 1)
    return Sentence(text, LABELS[sign], language, form.pattern)


def make_sentences(rng: random.Random) -> list[Sentence]:
    """Distinct sentences, the same number of each label in each language, in random order."""
    found: dict[str, Sentence] = {}
    for language in COMPANIES:
        missing = Counter(NUM_SENTENCES)
        while missing.total() > 0:
            sentence = compose(rng, language, rng.choice(FORMS))
            if missing[sentence.label] > 0 and sentence.text not in found:
                found[sentence.text] = sentence
                missing[sentence.label] -= 1
    sentences = list(found.values())
    rng.shuffle(sentences)
    return sentences


def plant(rng: random.Random, sentences: Sequence[Sentence]) -> list[Entry]:
    """Change some labels and repeat some of the other rows, each repeat after its original."""
    entries = [Entry(sentence) for sentence in sentences]
    chosen = rng.sample(entries, NUM_NOISY_LABELS + NUM_DUPLICATES)
    for entry in chosen[:NUM_NOISY_LABELS]:
        entry.true_label = entry.sentence.label
        wrong = rng.choice([label for label in NUM_SENTENCES if label != entry.true_label])
        entry.sentence = replace(entry.sentence, label=wrong)
    for original in chosen[NUM_NOISY_LABELS:]:
        place = rng.randint(entries.index(original) + 1, len(entries))
        entries.insert(place, Entry(original.sentence, original=original))
    return entries


def summarise(entries: Sequence[Entry]) -> dict[str, object]:
    """The content of planted.json; lines count from 1 and the header is line 1."""
    line = {id(entry): number for number, entry in enumerate(entries, start=2)}
    kept = [entry.sentence for entry in entries if entry.original is None]
    noisy = [
        {"line": line[id(e)], "label": e.sentence.label, "true_label": e.true_label} for e in entries if e.true_label
    ]
    repeats = [{"line": line[id(e)], "same_as": line[id(e.original)]} for e in entries if e.original]
    return {
        "file": "news.csv",
        "num_rows": len(entries),
        "num_distinct_rows": len(kept),
        "num_distinct_rows_by_language": dict(sorted(Counter(s.language for s in kept).items())),
        "num_distinct_rows_by_label": dict(sorted(Counter(s.label for s in kept).items())),
        "num_distinct_rows_by_pattern": dict(sorted(Counter(s.pattern for s in kept).items())),
        "faults": {
            "noisy_label": {"count": len(noisy), "rows": noisy},
            "exact_duplicate": {"count": len(repeats), "rows": repeats},
        },
    }


def _csv_bytes(rows: Sequence[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode()


def glossary() -> list[tuple[str, str]]:
    """English and Chinese finance terms: the metrics, the losses, and what else the sentences speak of."""
    return [*((metric.en, metric.zh) for metric in GOOD_METRICS + BAD_METRICS), *LOSSES, *MORE_TERMS]


def make(out: Path) -> None:
    """Write news.csv, glossary.csv and planted.json into the folder `out`; the same bytes every time."""
    rng = random.Random(SEED)
    entries = plant(rng, make_sentences(rng))
    out.mkdir(parents=True, exist_ok=True)
    rows = [(s.text, s.label, s.language, s.pattern) for s in (entry.sentence for entry in entries)]
    (out / "news.csv").write_bytes(_csv_bytes([("text", "label", "language", "pattern"), *rows]))
    (out / "glossary.csv").write_bytes(_csv_bytes([("en", "zh"), *glossary()]))
    text = json.dumps(summarise(entries), ensure_ascii=False, indent=1)
    (out / "planted.json").write_bytes((text + "\n").encode())
