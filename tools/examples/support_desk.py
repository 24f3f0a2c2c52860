"""Maker of `examples/support_desk`: good rows from situations, then faults planted at recorded places."""

from __future__ import annotations

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import wording_en, wording_zh
from .personal_data import LOOKALIKES, PERSONAL_DATA, Plant
from .situations import LANGUAGES, Situation, choose_situations

SEED = 20_250_301
WORDINGS = {"en": wording_en.WORDINGS, "zh": wording_zh.WORDINGS}
GREETINGS = {"en": wording_en.GREETINGS, "zh": wording_zh.GREETINGS}
CLOSINGS = {"en": wording_en.CLOSINGS, "zh": wording_zh.CLOSINGS}

# In reading order: of two equal rows the one read first is the original.
FORMATS = {
    "tickets_en.jsonl": "messages",
    "tickets_zh.csv": "question_reasoning_answer",
    "chats_zh.jsonl": "sharegpt",
    "faq.jsonl": "alpaca",
    "tickets_zh_old.csv": "question_reasoning_answer",
}
ENCODINGS = {"tickets_zh.csv": "utf-8-sig", "tickets_zh_old.csv": "gbk"}
GBK_FILE = "tickets_zh_old.csv"
SHARES = {
    "en": (("tickets_en.jsonl", 0.74), ("faq.jsonl", 0.26)),
    "zh": (("tickets_zh.csv", 0.54), ("chats_zh.jsonl", 0.32), ("faq.jsonl", 0.14)),
}
LANGUAGES_OF = {
    "tickets_en.jsonl": ("en",),
    "tickets_zh.csv": ("zh",),
    "chats_zh.jsonl": ("zh",),
    "faq.jsonl": ("en", "zh"),
    GBK_FILE: ("zh",),
}
CSV_COLUMNS = ("question", "reasoning", "answer", "situation", "intent")

NUM_DUPLICATES_BY_FILE = {"tickets_en.jsonl": 20, "tickets_zh.csv": 14, "chats_zh.jsonl": 8, "faq.jsonl": 6}
NUM_DUPLICATES_ACROSS = {"tickets_en.jsonl": 6, "tickets_zh.csv": 6}
NUM_VARIANTS_BY_FILE = {"tickets_en.jsonl": 20, "tickets_zh.csv": 12, "chats_zh.jsonl": 8}
NUM_EMPTY_BY_FILE = {"tickets_en.jsonl": 8, "tickets_zh.csv": 6, "chats_zh.jsonl": 5, "faq.jsonl": 5}
NUM_BROKEN_BY_FILE = {"tickets_en.jsonl": 6, "chats_zh.jsonl": 5, "faq.jsonl": 4}
NUM_MISSING_BY_FILE = {"tickets_en.jsonl": 3, "tickets_zh.csv": 5, "chats_zh.jsonl": 3, "faq.jsonl": 5}
NUM_UNANSWERED_BY_FILE = {"tickets_en.jsonl": 5, "chats_zh.jsonl": 3}
NUM_CONFLICTS_BY_FILE = {"tickets_en.jsonl": 1, "tickets_zh.csv": 1}
NUM_GBK_ROWS = 40


@dataclass(frozen=True)
class Row:
    """One question with the reasoning and the answer that its situation gives."""

    question: str
    reasoning: str
    answer: str
    situation: str
    intent: str
    language: str


@dataclass(eq=False)
class Entry:
    """One line of a file. `fault` is None for a good row; `note` goes to planted.json."""

    row: Row
    file: str
    fault: str | None = None
    original: Entry | None = None
    note: dict[str, str] = field(default_factory=dict)
    line: int = 0


@dataclass
class Desk:
    """The files being made: good rows, spare rows for the faults, one random source."""

    rng: random.Random
    entries: dict[str, list[Entry]]
    spare: dict[str, list[Row]]
    wrong_answers: dict[str, str]

    def insert(self, entry: Entry, after: int = -1) -> None:
        lines = self.entries[entry.file]
        lines.insert(self.rng.randint(after + 1, len(lines)), entry)

    def sample_plain(self, file: str, language: str, count: int) -> list[Entry]:
        """Good rows that carry nothing planted and are the original of nothing yet."""
        used = {id(entry.original) for lines in self.entries.values() for entry in lines}
        good = [e for e in self.entries[file] if e.fault is None and not e.note and id(e) not in used]
        return self.rng.sample([entry for entry in good if entry.row.language == language], count)

    def take_spare(self, file: str, count: int) -> list[Row]:
        languages = LANGUAGES_OF[file]
        return [self.spare[languages[index % len(languages)]].pop() for index in range(count)]


def fill(situation: Situation) -> tuple[str, str]:
    """The reasoning and the answer of a situation."""
    case = WORDINGS[situation.language][situation.problem.name].cases[situation.case]
    label = situation.product.label[situation.language]
    return case.reasoning.format(p=label), case.answer.format(p=label)


def ask(rng: random.Random, situation: Situation, template: str) -> str:
    """One customer's question: greeting, wording, circumstance, closing; some write without capitals."""
    language = situation.language
    case = WORDINGS[language][situation.problem.name].cases[situation.case]
    body = template.format(p=situation.product.label[language], c=rng.choice(case.says))
    question = rng.choice(GREETINGS[language]) + body + rng.choice(CLOSINGS[language])
    return question.lower() if language == "en" and rng.random() < 0.08 else question


def rows_of(rng: random.Random, situation: Situation) -> list[Row]:
    """One row per way of asking; the first `num_rows` become good rows, the rest are spare."""
    asks = list(WORDINGS[situation.language][situation.problem.name].asks)
    rng.shuffle(asks)
    reasoning, answer = fill(situation)
    intent = situation.problem.intent
    return [
        Row(ask(rng, situation, template), reasoning, answer, situation.name, intent, situation.language)
        for template in asks
    ]


def _wrong_answer(situation: Situation) -> str:
    other = next(case for case in situation.problem.cases if case != situation.case)
    return fill(replace(situation, case=other))[1]


def make_desk(rng: random.Random) -> Desk:
    """Good rows in their files, in random order, and the spare rows."""
    desk = Desk(rng, {file: [] for file in FORMATS}, {language: [] for language in LANGUAGES}, {})
    for situation in choose_situations(rng):
        rows = rows_of(rng, situation)
        desk.wrong_answers[situation.name] = _wrong_answer(situation)
        desk.spare[situation.language].extend(rows[situation.problem.num_rows :])
        for row in rows[: situation.problem.num_rows]:
            files, shares = zip(*SHARES[situation.language], strict=True)
            file = rng.choices(files, shares)[0]
            desk.entries[file].append(Entry(row, file))
    for lines in desk.entries.values():
        rng.shuffle(lines)
    for rows in desk.spare.values():
        rng.shuffle(rows)
    return desk


def plant_personal_data(desk: Desk, plants: Sequence[Plant]) -> None:
    """Add a sentence with an invented value to the question of good rows; the rows stay good."""
    for plant in plants:
        files = [file for file, _ in SHARES[plant.language]]
        for index in range(plant.count):
            file = files[index % len(files)]
            (entry,) = desk.sample_plain(file, plant.language, 1)
            value = plant.value(desk.rng, index)
            gap = " " if plant.language == "en" else ""
            sentence = desk.rng.choice(plant.sentences).format(v=value)
            entry.row = replace(entry.row, question=entry.row.question + gap + sentence)
            entry.note = {"kind": plant.kind, "language": plant.language, "value": value}


def plant_duplicates(desk: Desk) -> None:
    """Repeat rows exactly: within a file, and from a ticket file in the FAQ, which is read later."""
    for file, count in NUM_DUPLICATES_BY_FILE.items():
        languages = LANGUAGES_OF[file]
        for language in languages:
            for original in desk.sample_plain(file, language, count // len(languages)):
                duplicate = Entry(original.row, file, "exact_duplicate", original)
                desk.insert(duplicate, after=desk.entries[file].index(original))
    for file, count in NUM_DUPLICATES_ACROSS.items():
        for original in desk.sample_plain(file, LANGUAGES_OF[file][0], count):
            desk.insert(Entry(original.row, "faq.jsonl", "exact_duplicate", original))


def vary(question: str, language: str, index: int) -> tuple[str, str]:
    """The question changed in case or whitespace only, and the name of the change."""
    if index % 2 == 0:
        return f"\u3000{question} " if language == "zh" else f"  {question} ", "outer_whitespace"
    if language == "zh":
        return question.replace("，", "， ").replace("。", "。 "), "inner_whitespace"
    if index % 4 == 1:
        return question.replace(" ", "  ", 2), "inner_whitespace"
    return question.upper(), "case"


def plant_variants(desk: Desk) -> None:
    """Repeat rows with a question that differs in case or whitespace only."""
    for file, count in NUM_VARIANTS_BY_FILE.items():
        for index, original in enumerate(desk.sample_plain(file, LANGUAGES_OF[file][0], count)):
            question, change = vary(original.row.question, original.row.language, index)
            row = replace(original.row, question=question)
            entry = Entry(row, file, "case_or_whitespace_duplicate", original, {"change": change})
            desk.insert(entry, after=desk.entries[file].index(original))


def plant_conflicts(desk: Desk) -> None:
    """Repeat a question with the answer of another circumstance."""
    for file, count in NUM_CONFLICTS_BY_FILE.items():
        for original in desk.sample_plain(file, LANGUAGES_OF[file][0], count):
            row = replace(original.row, answer=desk.wrong_answers[original.row.situation])
            desk.insert(Entry(row, file, "conflicting_answer", original), after=desk.entries[file].index(original))


def plant_spoiled(desk: Desk) -> None:
    """Rows of their own that cannot be used: empty, broken, lacking a column, lacking the assistant, in GBK."""
    spoiled = {
        "empty_answer": NUM_EMPTY_BY_FILE,
        "broken_json": NUM_BROKEN_BY_FILE,
        "missing_column": NUM_MISSING_BY_FILE,
        "no_assistant_message": NUM_UNANSWERED_BY_FILE,
        "wrong_encoding": {GBK_FILE: NUM_GBK_ROWS},
    }
    for fault, num_by_file in spoiled.items():
        for file, count in num_by_file.items():
            for index, row in enumerate(desk.take_spare(file, count)):
                empty = replace(row, answer="" if index % 2 == 0 else "  ")
                desk.insert(Entry(empty if fault == "empty_answer" else row, file, fault))


def _thinking(row: Row) -> str:
    return f"<think>\n{row.reasoning}\n</think>\n\n{row.answer}"


def _messages(row: Row) -> dict[str, object]:
    assistant = {"role": "assistant", "reasoning_content": row.reasoning, "content": row.answer}
    return {"messages": [{"role": "user", "content": row.question}, assistant]}


def _sharegpt(row: Row) -> dict[str, object]:
    turns = [{"from": "human", "value": row.question}, {"from": "gpt", "value": _thinking(row)}]
    return {"conversations": turns}


def _alpaca(row: Row) -> dict[str, object]:
    return {"instruction": row.question, "input": "", "output": _thinking(row)}


JSON_FORMS: dict[str, Callable[[Row], dict[str, object]]] = {
    "messages": _messages,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
}


def json_line(entry: Entry) -> str:
    """The line of a JSONL file, spoiled as its fault says."""
    fields = JSON_FORMS[FORMATS[entry.file]](entry.row)
    first = next(iter(fields))
    if entry.fault == "missing_column":
        del fields["output" if first == "instruction" else first]
    turns = fields.get(first)
    if entry.fault == "no_assistant_message" and isinstance(turns, list):
        turns.pop()
    text = json.dumps({**fields, "situation": entry.row.situation, "intent": entry.row.intent}, ensure_ascii=False)
    if entry.fault != "broken_json":
        return text
    # Three ways in which exports break: cut off, no closing brace, a lost comma.
    return (text[: text.rindex('"', 0, len(text) // 2)], text[:-1], text.replace('", "', '" "', 1))[len(text) % 3]


def csv_text(entries: Sequence[Entry]) -> str:
    """A CSV file; a row that lacks columns ends after its second field."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for entry in entries:
        row = entry.row
        fields = (row.question, row.reasoning, row.answer, row.situation, row.intent)
        writer.writerow(fields[:2] if entry.fault == "missing_column" else fields)
    return buffer.getvalue()


def write_files(desk: Desk, out: Path) -> None:
    """Write every file and note the line on which each entry came to stand (CSV: the header is line 1)."""
    for file, entries in desk.entries.items():
        is_csv = file.endswith(".csv")
        for line, entry in enumerate(entries, start=2 if is_csv else 1):
            entry.line = line
        text = csv_text(entries) if is_csv else "".join(json_line(entry) + "\n" for entry in entries)
        (out / file).write_bytes(text.encode(ENCODINGS.get(file, "utf-8")))


def _place(entry: Entry) -> dict[str, object]:
    return {"file": entry.file, "line": entry.line}


def _noted(entry: Entry) -> dict[str, object]:
    origin = {} if entry.original is None else {"same_as": _place(entry.original)}
    return {**_place(entry), **entry.note, **origin}


def _listed(entries: Sequence[Entry]) -> dict[str, object]:
    return {"count": len(entries), "rows": [_noted(entry) for entry in entries]}


def summarise(desk: Desk) -> dict[str, object]:
    """The content of planted.json."""
    every = [entry for lines in desk.entries.values() for entry in lines]
    good = [entry for entry in every if entry.fault is None]
    faults = sorted({entry.fault for entry in every if entry.fault is not None})
    personal_kinds = {plant.kind for plant in PERSONAL_DATA}
    noted = [entry for entry in good if entry.note]
    personal = [entry for entry in noted if entry.note["kind"] in personal_kinds]
    lookalikes = [entry for entry in noted if entry.note["kind"] not in personal_kinds]
    return {
        "files": {
            file: {
                "format": FORMATS[file],
                "encoding": ENCODINGS.get(file, "utf-8"),
                "num_rows": len(lines),
                "num_good_rows": sum(entry.fault is None for entry in lines),
            }
            for file, lines in desk.entries.items()
        },
        "num_rows": len(every),
        "num_good_rows": len(good),
        "num_good_rows_by_language": dict(sorted(Counter(entry.row.language for entry in good).items())),
        "num_situations": len({entry.row.situation for entry in good}),
        "num_good_rows_by_intent": dict(Counter(entry.row.intent for entry in good).most_common()),
        "faults": {fault: _listed([e for e in every if e.fault == fault]) for fault in faults},
        "personal_data": {
            "count_by_kind": dict(sorted(Counter(entry.note["kind"] for entry in personal).items())),
            **_listed(personal),
        },
        "lookalikes": _listed(lookalikes),
    }


def make(out: Path) -> None:
    """Write the data files and planted.json into the folder `out`; the same bytes every time."""
    desk = make_desk(random.Random(SEED))
    plant_personal_data(desk, (*PERSONAL_DATA, *LOOKALIKES))
    plant_duplicates(desk)
    plant_variants(desk)
    plant_conflicts(desk)
    plant_spoiled(desk)
    out.mkdir(parents=True, exist_ok=True)
    write_files(desk, out)
    text = json.dumps(summarise(desk), ensure_ascii=False, indent=1)
    (out / "planted.json").write_bytes((text + "\n").encode())
