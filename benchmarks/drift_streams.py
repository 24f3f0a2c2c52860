"""Streams of traffic drawn from real texts: what the monitor sees of each text once, and months drawn from that.

Half of every set stands for what the model was trained on: its classes are told by the nearest mean of n-gram vectors
and its wording is modelled from there. The other half is served. The monitor's own functions look at each served text;
a month is then rows drawn with replacement, so that drift-free windows have the reference's distribution exactly.
Refusals, guard hits and what people say of answers are drawn once for each text.

Shapes: T texts, D dimensions of a vector, C classes.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.process import REPOSITORY
from tunesmith.monitor.features import (
    EMBEDDING,
    FAMILIES,
    NGRAMS,
    Features,
    Vectors,
    features_of,
    joined,
    ngram_vectors,
)
from tunesmith.monitor.reference import surprise
from tunesmith.monitor.said import RIGHT, Said, said_features
from tunesmith.records import Exchange, Feedback, FeedbackKind, Message
from tunesmith.text.ngrams import FiveGramModel

DESK: Final = REPOSITORY / "examples" / "support_desk"
DATA: Final = REPOSITORY.parent / "shared" / "data"
FILES: Final = tuple(
    DATA / name
    for name in (
        "banking77_train.csv",
        "banking77_test.csv",
        "gsm8k_2000.jsonl",
        "dpo_en_demo.json",
        "alpaca_zh_demo.json",
    )
)
NEW_INTENTS: Final = {"banking77": 17, "desk_en": 3, "desk_zh": 3}
"""So many of each set's intents, the first by name; no training row has them."""
MOST: Final = {"banking77": 2_400, "maths": 400}
"""Texts of a set that are served at most."""
NUM_OPENINGS: Final = 30
"""Instructions without an intent have their first two characters for one, the most frequent ones."""
SHARPNESS: Final = 20.0
"""Of the confidence: cosines times this, through a softmax."""
SIMULATED: Final = {"refused": 0.03, "guarded": 0.02, "thumb": 0.15, "rating": 0.05, "correction": 0.06}
"""Shares of the texts that have it."""
SAID: Final[Sequence[FeedbackKind]] = ("thumb", "rating", "correction")
NOW: Final = datetime(2026, 1, 5, tzinfo=UTC)
REFUSAL: Final = {True: "抱歉，我无法回答这个问题。", False: "I'm sorry, but I can't help with that."}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """A text of a set with the answer that it has there."""

    source: str
    question: str
    answer: str
    reasoning: str | None = None
    intent: str | None = None


@dataclass(frozen=True)
class Pool:
    """What the monitor sees of every served text, by feature."""

    texts: Sequence[str]
    sources: Sequence[str]
    is_new_T: NDArray[np.bool_]
    """Whether its intent is in no training row."""
    numbers: Mapping[str, Floats]
    """(T,) each, NaN where a text does not tell it."""
    classes: Mapping[str, tuple[Sequence[str], NDArray[np.int64]]]
    """Names, and (T,) their numbers, -1 where a text tells none."""
    shares: Mapping[str, Floats]
    """(T,) 1 or 0, NaN where a text does not tell it."""
    vectors: Mapping[str, Vectors]
    """(T, D) each."""

    def drawn(self, places: NDArray[np.int64], max_points: int) -> Features:
        """The features of a window of these texts; vectors of the first `max_points`."""
        numbers = {name: _told(values[places]) for name, values in self.numbers.items()}
        shares = {name: _told(values[places]) for name, values in self.shares.items()}
        return Features(
            {name: values for name, values in numbers.items() if len(values)},
            {name: _counts(names, codes[places]) for name, (names, codes) in self.classes.items()},
            {name: (int(values.sum()), len(values)) for name, values in shares.items() if len(values)},
            {name: vectors[places[:max_points]] for name, vectors in self.vectors.items()},
        )

    def chances(self, weights: Mapping[str, float], *, new: bool | None = None) -> Floats:
        """(T,): texts of these sets alone, each set with its weight and each text of it alike; `new` leaves those with
        new intents, or those without."""
        chance_T = np.zeros(len(self.texts))
        for source, weight in weights.items():
            is_of_it_T = np.array([each == source for each in self.sources])
            if new is not None:
                is_of_it_T &= self.is_new_T == new
            chance_T[is_of_it_T] = weight / max(1, is_of_it_T.sum())
        chance_T /= chance_T.sum()
        return chance_T


def _told(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _counts(names: Sequence[str], codes: NDArray[np.int64]) -> dict[str, int]:
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    return {name: count for name, count in zip(names, counts.tolist(), strict=True) if count}


def missing_files() -> list[Path]:
    return [file for file in FILES if not file.is_file()]


def make_pool(rows: Sequence[Row], embed: Callable[[Sequence[str]], Vectors], seed: int) -> Pool:
    """Look at the served half of the rows with the monitor's functions."""
    taught, served = halves(rows, seed)
    wording = FiveGramModel.fit([row.question for row in taught])
    tellers = {source: Teller.fit(source, taught) for source in dict.fromkeys(row.source for row in served)}
    rng, seen = np.random.default_rng([seed, 1]), []
    vectors_TD = embed([row.question for row in served])
    for number, row in enumerate(served):
        exchange, feedback = _simulated(number, row, tellers[row.source], rng)
        parts = [
            features_of([exchange], {}),
            said_features([exchange], Said({exchange.id: feedback}, {}), 1),
            Features(
                surprise([row.question], wording),
                vectors={NGRAMS: ngram_vectors([row.question]), EMBEDDING: vectors_TD[number : number + 1]},
            ),
        ]
        seen.append(joined(parts))
    is_new_T = np.array([row.intent in new_intents(row.source, rows) for row in served])
    return _pool(served, is_new_T, seen)


def _pool(served: Sequence[Row], is_new_T: NDArray[np.bool_], seen: Sequence[Features]) -> Pool:
    kept = {*FAMILIES, RIGHT}

    def names(of: Callable[[Features], Mapping[str, Any]]) -> list[str]:
        return [name for name in dict.fromkeys(name for each in seen for name in of(each)) if name in kept]

    classes = {}
    for name in names(lambda each: each.classes):
        told = [next(iter(each.classes[name]), None) if name in each.classes else None for each in seen]
        known = sorted({one for one in told if one is not None})
        classes[name] = (known, np.array([-1 if one is None else known.index(one) for one in told]))
    return Pool(
        [row.question for row in served],
        [row.source for row in served],
        is_new_T,
        {
            name: np.array([float(each.numbers[name][0]) if name in each.numbers else np.nan for each in seen])
            for name in names(lambda each: each.numbers)
        },
        classes,
        {
            name: np.array([float(each.shares[name][0]) if name in each.shares else np.nan for each in seen])
            for name in names(lambda each: each.shares)
        },
        {name: np.concatenate([each.vectors[name] for each in seen]) for name in names(lambda each: each.vectors)},
    )


@dataclass(frozen=True)
class Teller:
    """Tells a question's class by the nearest mean of the n-gram vectors of each; without classes it tells none."""

    names: Sequence[str]
    mean_CD: Vectors

    @classmethod
    def fit(cls, source: str, taught: Sequence[Row]) -> Teller:
        rows = [row for row in taught if row.source == source and row.intent is not None]
        names = sorted({str(row.intent) for row in rows})
        if not names:
            return cls([], np.zeros((0, 1), np.float32))
        vectors_TD = ngram_vectors([row.question for row in rows])
        means = [vectors_TD[[row.intent == name for row in rows]].mean(axis=0) for name in names]
        mean_CD = np.array(means, np.float32)
        return cls(names, mean_CD / np.linalg.norm(mean_CD, axis=1, keepdims=True))

    def tell(self, question: str) -> tuple[str | None, float | None]:
        """The class and how sure it is."""
        if not self.names:
            return None, None
        scores_C = SHARPNESS * (self.mean_CD @ ngram_vectors([question])[0])
        chance_C = np.exp(scores_C - scores_C.max())
        return self.names[int(chance_C.argmax())], float(chance_C.max() / chance_C.sum())


def _simulated(number: int, row: Row, teller: Teller, rng: np.random.Generator) -> tuple[Exchange, list[Feedback]]:
    """A text as it was answered, and what was said of it."""
    label, confidence = teller.tell(row.question)
    has = {name: bool(rng.random() < share) for name, share in SIMULATED.items()}
    answer = REFUSAL[row.source.endswith("zh")] if has["refused"] else row.answer
    id = f"ex-{number:024x}"
    exchange = Exchange(
        id=id,
        at=NOW,
        model="m",
        version="v",
        key=None,
        subject=None,
        prompt=(Message("user", row.question),),
        answer=Message("assistant", answer, row.reasoning),
        finish_reason="stop",
        num_prompt_tokens=1,
        num_tokens=1,
        first_token_seconds=None,
        seconds=1.0,
        label=label,
        confidence=confidence,
        guarded=("rule",) if has["guarded"] else (),
    )
    values = {"thumb": 1 if rng.random() < 0.8 else -1, "rating": int(rng.integers(1, 6))}
    corrected = answer if rng.random() < 0.7 else row.question
    feedback = [
        Feedback(
            f"fb-{number:020x}{kind[:4]}",
            id,
            NOW,
            None,
            kind,
            value=values.get(kind),
            text=corrected if kind == "correction" else None,
        )
        for kind in SAID
        if has[kind]
    ]
    return exchange, feedback


def halves(rows: Sequence[Row], seed: int) -> tuple[list[Row], list[Row]]:
    """Those that are taught, without new intents, and those that are served."""
    rng = np.random.default_rng([seed, 0])
    taught, served = [], []
    for source in dict.fromkeys(row.source for row in rows):
        of_it = [row for row in rows if row.source == source]
        order = rng.permutation(len(of_it)).tolist()
        middle = max(len(of_it) // 2, len(of_it) - MOST.get(source, len(of_it)))
        new = new_intents(source, rows)
        taught += [of_it[place] for place in order[:middle] if of_it[place].intent not in new]
        served += [of_it[place] for place in order[middle:]]
    return taught, served


def new_intents(source: str, rows: Sequence[Row]) -> frozenset[str]:
    intents = sorted({row.intent for row in rows if row.source == source and row.intent is not None})
    return frozenset(intents[: NEW_INTENTS.get(source, 0)])


def desk_rows() -> list[Row]:
    """The support desk of the project's examples."""
    rows = []
    for line in (DESK / "tickets_en.jsonl").read_text(encoding="utf-8").splitlines():
        with suppress(ValueError, KeyError):  # some lines are broken on purpose
            found = json.loads(line)
            asked, told = found["messages"][:2]
            rows.append(Row("desk_en", asked["content"], told["content"], told["reasoning_content"], found["intent"]))
    with (DESK / "tickets_zh.csv").open(encoding="utf-8-sig", newline="") as stream:
        for each in csv.DictReader(stream):
            if each["intent"]:
                rows.append(Row("desk_zh", each["question"], each["answer"], each["reasoning"], each["intent"]))
    return [row for row in rows if row.question and row.answer]


def real_rows() -> Iterator[Row]:
    """The sets beside the project."""
    banking_train, banking_test, maths, chat_en, chat_zh = FILES
    for file in (banking_train, banking_test):
        with file.open(encoding="utf-8", newline="") as stream:
            for each in csv.DictReader(stream):
                yield Row("banking77", each["text"], each["category"], None, each["category"])
    for line in maths.read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        reasoning, _, answer = found["answer"].rpartition("####")
        yield Row("maths", found["question"], answer.strip(), reasoning.strip())
    for found in json.loads(chat_en.read_text(encoding="utf-8")):
        yield Row("chat_en", found["conversations"][-1]["value"], found["chosen"]["value"])
    instructions = json.loads(chat_zh.read_text(encoding="utf-8"))
    openings = [found["instruction"][:2] for found in instructions]
    frequent = sorted(set(openings), key=openings.count)[-NUM_OPENINGS:]
    for found, opening in zip(instructions, openings, strict=True):
        question = "\n".join(part for part in (found["instruction"], found["input"]) if part)
        yield Row("chat_zh", question, found["output"], None, opening if opening in frequent else None)
