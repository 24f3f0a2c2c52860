"""How much personal data `find_personal` finds, and how often it is wrong: recall and precision with intervals.

Measured on the labelled sentences of `privacy_set`, which share no whole name, place or sentence with the detector; on
those of `privacy_held_out`, from which no rule was made and on which no weight was fitted, and which have no goals; and
by the finds per 1,000 words on real sets, where every find counts as false (Han characters and Latin words count one).
The Chinese weights were fitted with every other row of `alpaca_zh_demo`, and their threshold was chosen with all of it.
`python -m benchmarks.privacy` writes the counts that the package quotes wherever it calls data anonymised.
"""

from __future__ import annotations

import csv
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.outcome import Goal, Outcome
from benchmarks.privacy_held_out import make_held_out
from benchmarks.privacy_set import LANGUAGES, Labelled, make_set
from benchmarks.process import REPOSITORY
from tunesmith.stats.intervals import wilson
from tunesmith.text.personal import CHECKED_TYPES, Span, find_personal
from tunesmith.text.personal.measured import FILE
from tunesmith.text.tokens import words

REAL_SETS: Final = REPOSITORY.parent / "shared" / "data"
"""Where the real sets lie; those that are absent are left out."""
REAL_FILES: Final = ("banking77_train.csv", "medical_o1_150.jsonl", "gsm8k_2000.jsonl", "alpaca_zh_demo.json")
NUM_PER_TYPE: Final = 500
NUM_FIRST: Final = 24
"""Sentences per type that a quick look takes: the first of the whole set."""
SEED: Final = 20
KINDS: Final = {"in no list": "name in no list", "everyday": "everyday name"}
"""Subsets of names whose recall is counted apart."""
GOALS: Final = {
    **{f"recall/{kind}/{language}": Goal(minimum=0.97) for kind in CHECKED_TYPES for language in LANGUAGES},
    **{f"precision/{kind}/{language}": Goal(minimum=0.95) for kind in CHECKED_TYPES for language in LANGUAGES},
    **{f"recall/{kind}/{language}": Goal(minimum=0.90) for kind in ("name", "address") for language in LANGUAGES},
    **{f"recall/name in no list/{language}": Goal(minimum=0.80) for language in LANGUAGES},
    **{f"precision/name/{language}": Goal(minimum=0.80) for language in LANGUAGES},
    **{
        f"finds_per_1000_words/{Path(file).stem}": Goal(maximum=1.0)
        for file in REAL_FILES
        if (REAL_SETS / file).exists()
    },
}


@dataclass
class Count:
    """Labelled spans found and missed of one type, and finds that are right and wrong."""

    found: int = 0
    missed: int = 0
    right: int = 0
    wrong: int = 0
    examples: list[str] = field(default_factory=list)
    """Some sentences with a miss or a wrong find."""


def run(*, quick: bool) -> Outcome:
    """Measure on the labelled set and the real ones; `quick` takes few sentences and no real set."""
    counts = measure(make_set(NUM_FIRST if quick else NUM_PER_TYPE, SEED))
    held_out = measure(make_held_out(SEED))
    figures: dict[str, float] = {}
    table = [["", "labelled", "recall", "95 %", "finds", "precision", "95 %"]]
    table += _rows(counts, figures, "") + _rows(held_out, figures, "held_out/")
    real = {} if quick else {name: _on_real(texts) for name, texts in _real_sets()}
    for name, (num_words, finds, seconds, num_bytes) in real.items():
        figures[f"finds_per_1000_words/{name}"] = 1000 * finds.total() / num_words
        figures[f"microseconds_per_kb/{name}"] = seconds * 1e6 / (num_bytes / 1000)
        by_kind = ", ".join(f"{kind} {number}" for kind, number in finds.most_common())
        table.append(
            [name, f"{num_words} words", f"{figures[f'finds_per_1000_words/{name}']:.3f}", by_kind, "", "", ""]
        )
    details: dict[str, Any] = {
        "counts": {f"{kind}/{language}": vars(count) for (kind, language), count in counts.items()},
        "held_out": {f"{kind}/{language}": vars(count) for (kind, language), count in held_out.items()},
        "finds": {name: dict(finds) for name, (_, finds, _, _) in real.items()},
    }
    return Outcome(figures, table, details=details)


def _rows(counts: Mapping[tuple[str, str], Count], figures: dict[str, float], prefix: str) -> list[list[str]]:
    """Rows of the table, a type and language each; the figures are added to `figures`."""
    rows = []
    for (kind, language), count in sorted(counts.items()):
        num_labelled, num_finds = count.found + count.missed, count.right + count.wrong
        row = [f"{prefix}{kind} {language}", str(num_labelled)]
        for name, good, total in (("recall", count.found, num_labelled), ("precision", count.right, num_finds)):
            if total:
                figures[f"{prefix}{name}/{kind}/{language}"] = good / total
                interval = wilson(good, total)
                row += [f"{good / total:.3f}", f"{interval.low:.3f}-{interval.high:.3f}"] + (
                    [str(num_finds)] if name == "recall" else []
                )
        rows.append(row + [""] * (7 - len(row)))
    return rows


def measure(sentences: Iterable[Labelled]) -> Mapping[tuple[str, str], Count]:
    """Count by type and language; names in no list, and everyday ones, are types of their own for recall.

    A labelled span is found when finds of its type cover it whole. A find is right when at least half of it lies in a
    labelled span of its type.
    """
    counts: dict[tuple[str, str], Count] = {}

    def count_of(kind: str, language: str) -> Count:
        return counts.setdefault((kind, language), Count())

    for sentence in sentences:
        finds = find_personal(sentence.text)
        for span in sentence.spans:
            count = count_of(KINDS.get(sentence.subset, span.type), sentence.language)
            if _covered(span, finds) == span.stop - span.start:
                count.found += 1
            else:
                count.missed += 1
                count.examples.append(f"missed {sentence.text[span.start : span.stop]!r} in {sentence.text!r}")
        for find in finds:
            count = count_of(find.type, sentence.language)
            if 2 * _covered(find, sentence.spans) >= find.stop - find.start:
                count.right += 1
            else:
                count.wrong += 1
                count.examples.append(f"wrong {sentence.text[find.start : find.stop]!r} in {sentence.text!r}")
    for count in counts.values():
        del count.examples[20:]
    return counts


def _covered(span: Span, others: Iterable[Span]) -> int:
    """How many characters of `span` lie in `others` of its type, which do not overlap."""
    same = [other for other in others if other.type == span.type]
    return sum(max(0, min(span.stop, other.stop) - max(span.start, other.start)) for other in same)


def _on_real(texts: Iterable[str]) -> tuple[int, Counter[str], float, int]:
    """Words, finds by type, seconds and bytes."""
    finds: Counter[str] = Counter()
    num_words, seconds, num_bytes = 0, 0.0, 0
    for text in texts:
        start = time.process_time()
        spans = find_personal(text)
        seconds += time.process_time() - start
        finds.update(span.type for span in spans)
        num_words += len(words(text))
        num_bytes += len(text.encode())
    return num_words, finds, seconds, num_bytes


def _real_sets() -> Iterator[tuple[str, Iterator[str]]]:
    for name in REAL_FILES:
        file = REAL_SETS / name
        if file.is_file():
            yield file.stem, _texts(file)


def _texts(file: Path) -> Iterator[str]:
    """Every text of every row."""
    with file.open(encoding="utf-8", newline="") as stream:
        if file.suffix == ".csv":
            rows: Iterable[Mapping[str, str]] = list(csv.DictReader(stream))
        elif file.suffix == ".jsonl":
            rows = [json.loads(line) for line in stream]
        else:
            rows = json.load(stream)
    for row in rows:
        yield from row.values()


def counts_to_quote(num_per_type: int) -> dict[str, dict[str, dict[str, int]]]:
    """What the package quotes: by type and language, without examples."""
    quoted: dict[str, dict[str, dict[str, int]]] = {}
    for (kind, language), count in sorted(measure(make_set(num_per_type, SEED)).items()):
        numbers = {name: value for name, value in vars(count).items() if isinstance(value, int)}
        quoted.setdefault(kind, {})[language] = numbers
    return quoted


if __name__ == "__main__":
    whole = {"num_per_type": NUM_PER_TYPE, "counts": counts_to_quote(NUM_PER_TYPE), "first": counts_to_quote(NUM_FIRST)}
    FILE.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
