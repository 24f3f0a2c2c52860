"""The example data, read independently of its maker, holds what planted.json and the READMEs say."""

from __future__ import annotations

import csv
import json
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
DESK = REPOSITORY / "examples" / "support_desk"
FINANCE = REPOSITORY / "examples" / "finance_sentiment"
Place = tuple[str, int]


@dataclass(frozen=True)
class Read:
    """One line as read here: its fault, or its texts."""

    place: Place
    fault: str | None
    question: str = ""
    reasoning: str = ""
    answer: str = ""
    situation: str = ""
    intent: str = ""


def planted(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "planted.json").read_text(encoding="utf-8"))
    return loaded


def split_thinking(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"<think>\n(.+)\n</think>\n\n(.*)", text)
    assert match is not None, text
    return match[1], match[2]


def read_json_line(place: Place, line: str) -> Read:
    try:
        fields = json.loads(line)
    except json.JSONDecodeError:
        return Read(place, "broken_json")
    situation, intent = fields["situation"], fields["intent"]
    if "instruction" in fields:
        if "output" not in fields:
            return Read(place, "missing_column")
        return Read(place, None, fields["instruction"], *split_thinking(fields["output"]), situation, intent)
    turns = fields.get("messages", fields.get("conversations"))
    if turns is None:
        return Read(place, "missing_column")
    if len(turns) == 1:
        return Read(place, "no_assistant_message")
    user, assistant = turns
    if "messages" in fields:
        texts = user["content"], assistant["reasoning_content"], assistant["content"]
    else:
        assert (user["from"], assistant["from"]) == ("human", "gpt")
        texts = user["value"], *split_thinking(assistant["value"])
    return Read(place, None, *texts, situation, intent)


def read_csv_rows(file: str, text: str) -> Iterator[Read]:
    for number, fields in enumerate(csv.reader(text.splitlines()), start=1):
        if number == 1:
            assert fields == ["question", "reasoning", "answer", "situation", "intent"]
        elif len(fields) < 5:
            yield Read((file, number), "missing_column")
        else:
            question, reasoning, answer, situation, intent = fields
            yield Read((file, number), None, question, reasoning, answer, situation, intent)


def read_file(file: str) -> list[Read]:
    raw = (DESK / file).read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        num_lines = len(raw.decode("gbk").splitlines())
        return [Read((file, line), "wrong_encoding") for line in range(2, num_lines + 1)]
    if file.endswith(".csv"):
        return list(read_csv_rows(file, text))
    return [read_json_line((file, number), line) for number, line in enumerate(text.splitlines(), start=1)]


@pytest.fixture(scope="module")
def desk() -> dict[str, Any]:
    return planted(DESK)


@pytest.fixture(scope="module")
def reads(desk: dict[str, Any]) -> list[Read]:
    return [read for file in desk["files"] for read in read_file(file)]


@pytest.fixture(scope="module")
def found(reads: list[Read]) -> dict[str, set[Place]]:
    """Faults found by reading alone, in the order of the files; key "good" holds the rest."""
    found: dict[str, set[Place]] = defaultdict(set)
    seen_rows: set[tuple[str, str, str]] = set()
    seen_keys: set[tuple[str, str]] = set()
    answers: dict[str, set[str]] = defaultdict(set)
    for read in reads:
        if read.fault is not None or not read.answer.strip():
            found[read.fault or "empty_answer"].add(read.place)
            continue
        row = (read.question, read.reasoning, read.answer)
        question = re.sub(r"\s", "", read.question).casefold()
        if row in seen_rows:
            found["exact_duplicate"].add(read.place)
        elif (question, read.answer) in seen_keys:
            found["case_or_whitespace_duplicate"].add(read.place)
        elif answers[question]:
            found["conflicting_answer"].add(read.place)
        else:
            found["good"].add(read.place)
        seen_rows.add(row)
        seen_keys.add((question, read.answer))
        answers[question].add(read.answer)
    return found


@pytest.fixture(scope="module")
def good(reads: list[Read], found: dict[str, set[Place]]) -> list[Read]:
    return [read for read in reads if read.place in found["good"]]


@pytest.mark.thorough
def test_maker_rewrites_the_same_bytes(tmp_path: Path) -> None:
    command = [sys.executable, str(REPOSITORY / "tools" / "make_examples.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True, cwd=tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    committed = {
        path.relative_to(REPOSITORY / "examples"): path.read_bytes()
        for folder in (DESK, FINANCE)
        for path in folder.iterdir()
        if path.suffix != ".md"
    }
    assert made == committed


def test_every_fault_of_the_desk_is_found_where_it_was_planted(
    desk: dict[str, Any], found: dict[str, set[Place]]
) -> None:
    listed = {fault: {(row["file"], row["line"]) for row in entry["rows"]} for fault, entry in desk["faults"].items()}
    assert {fault: places for fault, places in found.items() if fault != "good"} == listed
    assert {fault: len(places) for fault, places in listed.items()} == {
        fault: entry["count"] for fault, entry in desk["faults"].items()
    }


def test_repeats_point_to_an_earlier_row_of_the_same_situation(desk: dict[str, Any], reads: list[Read]) -> None:
    order = {read.place: index for index, read in enumerate(reads)}
    for fault in ("exact_duplicate", "case_or_whitespace_duplicate", "conflicting_answer"):
        for row in desk["faults"][fault]["rows"]:
            index = order[row["file"], row["line"]]
            original = order[row["same_as"]["file"], row["same_as"]["line"]]
            assert original < index
            assert reads[original].situation == reads[index].situation
    across = [row for row in desk["faults"]["exact_duplicate"]["rows"] if row["file"] != row["same_as"]["file"]]
    assert len(across) == 12


def test_counts_of_the_desk(desk: dict[str, Any], reads: list[Read], good: list[Read]) -> None:
    assert desk["num_rows"] == len(reads) >= 1700
    assert desk["num_good_rows"] == len(good) >= 1500
    rows_by_file = Counter(read.place[0] for read in reads)
    good_by_file = Counter(read.place[0] for read in good)
    for file, entry in desk["files"].items():
        assert (entry["num_rows"], entry["num_good_rows"]) == (rows_by_file[file], good_by_file[file])
    assert desk["num_good_rows_by_intent"] == Counter(read.intent for read in good)
    assert desk["num_good_rows_by_language"] == Counter(read.situation[:2] for read in good)
    intents = Counter(read.intent for read in good).most_common()
    assert intents[0][1] > 10 * intents[-1][1]


def test_situations_decide_answers_and_are_many(desk: dict[str, Any], good: list[Read]) -> None:
    texts: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for read in good:
        texts[read.situation].add((read.reasoning, read.answer, read.intent))
    assert all(len(each) == 1 for each in texts.values())
    assert len(texts) == desk["num_situations"] >= 300
    by_language = Counter(situation[:2] for situation in texts)
    assert abs(by_language["en"] - by_language["zh"]) <= 20
    # What a situation is apart from its language occurs in one language only.
    assert len({situation[3:] for situation in texts}) == len(texts)


@pytest.mark.parametrize("seed", range(8))
def test_a_fifth_of_the_situations_makes_a_test_set_whose_parts_are_seen(good: list[Read], seed: int) -> None:
    situations = sorted({read.situation for read in good})
    held_out = set(random.Random(seed).sample(situations, len(situations) // 5))
    assert sum(read.situation in held_out for read in good) >= 300

    def parts(names: set[str]) -> set[tuple[str, ...]]:
        split = [name.split("-") for name in names]
        return {(lang, product) for lang, product, _, _ in split} | {(lang, p, c) for lang, _, p, c in split}

    assert parts(held_out) <= parts(set(situations) - held_out)


def test_lengths_of_good_rows(good: list[Read]) -> None:
    for read in good:
        if read.situation.startswith("en"):
            assert 10 <= len(read.reasoning.split()) <= 30, read
            assert 12 <= len(read.answer.split()) <= 35, read
            assert len(read.question.split()) <= 35, read
        else:
            assert 15 <= len(read.reasoning) <= 45, read
            assert 20 <= len(read.answer) <= 60, read
            assert len(read.question) <= 65, read


def longest_common_part(texts: list[str]) -> str:
    shortest = min(texts, key=len)
    parts = {shortest[i:j] for i in range(len(shortest)) for j in range(i + 2, len(shortest) + 1)}
    return max((part for part in parts if all(part in text for text in texts)), key=len).strip()


def test_reasoning_and_answers_name_the_product_and_each_problem_is_asked_in_six_ways(good: list[Read]) -> None:
    texts: dict[tuple[str, str], set[str]] = defaultdict(set)
    for read in good:
        language, product, _, _ = read.situation.split("-")
        texts[language, product] |= {read.reasoning, read.answer}
    # The only thing that all texts about a product share is its name.
    names = {key: longest_common_part(sorted(each)) for key, each in texts.items()}
    assert len(names) == 48
    assert len(set(names.values())) == 48
    ways: dict[tuple[str, str], set[str]] = defaultdict(set)
    for read in good:
        language, product, problem, _ = read.situation.split("-")
        name = names[language, product]
        clauses = re.split(r"[.?!,。？，]", read.question.casefold())
        ways[language, problem] |= {
            clause.replace(name.casefold(), "{}").strip() for clause in clauses if name.casefold() in clause
        }
    assert len(ways) == 28
    assert min(len(each) for each in ways.values()) >= 6


def passes_luhn(number: str) -> bool:
    digits = [int(character) for character in number if character.isdigit()]
    doubled = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    return (sum(digits[-1::-2]) + sum(doubled[digit] for digit in digits[-2::-2])) % 10 == 0


def passes_id_card(number: str) -> bool:
    """ISO 7064 MOD 11-2: the sum of character times 2^(position from the right) leaves 1."""
    values = [10 if character == "X" else int(character) for character in number]
    return sum((value << power) for power, value in enumerate(reversed(values))) % 11 == 1


def test_known_numbers_pass_the_formulas_written_here() -> None:
    assert passes_luhn("79927398713")
    assert not passes_luhn("79927398710")
    assert passes_id_card("11010519491231002X")
    assert not passes_id_card("110105194912310021")


def test_personal_data_is_well_formed_and_stands_where_listed(desk: dict[str, Any], good: list[Read]) -> None:
    shapes = {
        "email": r"[a-z.0-9]+@example\.(com|org|net)",
        "phone": r"(\+1 )?(\(\d{3}\) |\d{3}-)555-01\d\d",
        "mobile_cn": r"1[3-9]\d{9}",
        "id_card_cn": r"\d{6}(19|20)\d{2}(0[1-9]|1[0-2])([01]\d|2[0-8])\d{3}[\dX]",
        "bank_card": r"\d{4} \d{4} \d{4} \d{4}|\d{19}",
        "order_name": r"[A-Z][a-z]+ [A-Z][a-z]+|[\u4e00-\u9fff]{3}",
    }
    questions = {read.place: read.question for read in good}
    rows = desk["personal_data"]["rows"]
    for row in rows:
        assert row["value"] in questions[row["file"], row["line"]]
        assert re.fullmatch(shapes[row["kind"]], row["value"]), row
        assert row["kind"] != "bank_card" or passes_luhn(row["value"])
        assert row["kind"] != "id_card_cn" or passes_id_card(row["value"])
    assert Counter(row["kind"] for row in rows) == desk["personal_data"]["count_by_kind"]
    assert len({row["value"] for row in rows if row["kind"] != "order_name"}) == len(rows) - 20
    assert {row["language"] for row in rows} == {"en", "zh"}


def test_lookalikes_fail_the_checks(desk: dict[str, Any]) -> None:
    rows = desk["lookalikes"]["rows"]
    assert Counter(row["kind"] for row in rows) == {"not_bank_card": 6, "not_id_card_cn": 6}
    for row in rows:
        assert not (passes_luhn(row["value"]) if row["kind"] == "not_bank_card" else passes_id_card(row["value"]))


def test_no_personal_data_beyond_what_is_listed(desk: dict[str, Any], good: list[Read]) -> None:
    listed = {(row["file"], row["line"]) for part in ("personal_data", "lookalikes") for row in desk[part]["rows"]}
    for read in good:
        if read.place not in listed:
            assert not re.search(
                r"@|\d{3}", " ".join((read.question, read.reasoning, read.answer)).replace("200元", "")
            )


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
@pytest.mark.parametrize("folder", [DESK, FINANCE], ids=["support_desk", "finance_sentiment"])
def test_readme_states_the_planted_counts(folder: Path, readme: str) -> None:
    truth = planted(folder)
    text = (folder / readme).read_text(encoding="utf-8")
    counts = {fault: entry["count"] for fault, entry in truth["faults"].items()}
    counts |= truth.get("personal_data", {}).get("count_by_kind", {})
    table = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", text, re.MULTILINE))
    assert {name: int(count) for name, count in table.items()} == counts
    files = dict(re.findall(r"^\| `([\w.]+)` \|.*\| (\d+ \| \d+) \|$", text, re.MULTILINE))
    assert files == {
        file: f"{entry['num_rows']} | {entry['num_good_rows']}" for file, entry in truth.get("files", {}).items()
    }
    numbers = [int(number) for number in re.findall(r"\d+", text.replace(",", ""))]
    intents = truth.get("num_good_rows_by_intent", {})
    assert {truth["num_rows"], truth.get("num_situations", truth["num_rows"])} <= set(numbers)
    assert dict(re.findall(r"`(\w+)`[ （(]+(?:合格行 )?(\d+)", text)) == {k: str(v) for k, v in intents.items()}


@pytest.fixture(scope="module")
def news() -> list[tuple[int, dict[str, str]]]:
    with (FINANCE / "news.csv").open(encoding="utf-8", newline="") as file:
        return list(enumerate(csv.DictReader(file), start=2))


def test_counts_of_the_news(news: list[tuple[int, dict[str, str]]]) -> None:
    truth = planted(FINANCE)
    first: dict[str, int] = {}
    repeats = []
    for line, row in news:
        if row["text"] in first:
            repeats.append({"line": line, "same_as": first[row["text"]]})
            assert row == dict(news[first[row["text"]] - 2][1])
        else:
            first[row["text"]] = line
    assert repeats == truth["faults"]["exact_duplicate"]["rows"]
    assert len(repeats) == truth["faults"]["exact_duplicate"]["count"]
    assert truth["num_rows"] == len(news)
    assert truth["num_distinct_rows"] == len(first) >= 1200
    assert 0.07 <= len(repeats) / len(news) <= 0.09
    assert 0.02 <= truth["faults"]["noisy_label"]["count"] / len(first) <= 0.05
    distinct = [row for line, row in news if first[row["text"]] == line]
    for column in ("language", "label", "pattern"):
        assert Counter(row[column] for row in distinct) == truth[f"num_distinct_rows_by_{column}"]


# Whole phrases whose meaning is beyond doubt, written apart from the maker's forms.
READINGS = (
    (r"narrowed its|shrank to|收窄[至到]|from a loss to a profit|扭亏为盈", "positive"),
    (r"widened its|grew to|扩大[至到]|from a profit to a loss|由盈转亏", "negative"),
    (r"(not|failed to) narrow|并未收窄|未能收窄", "negative"),
    (r"not widen|loss of .* did not grow|并未扩大|没有扩大", "positive"),
    (r"than feared|小于市场担忧|beat forecasts|好于预期", "positive"),
    (r"than hoped|小于市场期待|missed forecasts|不及预期", "negative"),
    (r"in line with forecasts|符合预期|unchanged|stayed level|持平|基本不变", "neutral"),
    (r"failed to (secure|avoid)|未能(获得|避免)| faced |面临", "negative"),
    (r" secured | avoided |季度获得|成功避免", "positive"),
    (r"^(.* said r|R)evenue .*did not (rise|increase)|营业收入(并未|没有)增", "negative"),
    (r"bad loans did not (rise|increase)|不良贷款(并未|没有)增", "positive"),
    (r"raised .* for (bad loans|net debt)|上调全年(不良贷款|净负债)", "negative"),
    (r"raised .* for (revenue|net profit)|上调全年(营业收入|净利润)", "positive"),
)


def test_labels_mean_what_the_sentence_says_except_the_planted_noise(news: list[tuple[int, dict[str, str]]]) -> None:
    noisy = {row["line"]: row for row in planted(FINANCE)["faults"]["noisy_label"]["rows"]}
    num_read = 0
    for line, row in news:
        meanings = {label for pattern, label in READINGS if re.search(pattern, row["text"])}
        assert len(meanings) <= 1, row
        if line in noisy:
            assert row["label"] == noisy[line]["label"] != noisy[line]["true_label"]
        truth = noisy[line]["true_label"] if line in noisy else row["label"]
        assert meanings <= {truth}, row
        num_read += bool(meanings)
    assert num_read > len(news) / 2


def test_no_movement_word_gives_the_label_away(news: list[tuple[int, dict[str, str]]]) -> None:
    for word in ("rose", "fell", "climbed", "dropped", "did not", "profit", "loss", "增", "下降", "收窄", "预期", "未"):
        labels = Counter(row["label"] for _, row in news if word in row["text"])
        assert labels.total() >= 20, word
        assert labels.most_common(1)[0][1] / labels.total() <= 0.75, (word, labels)


def test_glossary_pairs_terms_of_the_news(news: list[tuple[int, dict[str, str]]]) -> None:
    with (FINANCE / "glossary.csv").open(encoding="utf-8", newline="") as file:
        pairs = [(row["en"], row["zh"]) for row in csv.DictReader(file)]
    assert len(pairs) >= 60
    assert len({en for en, _ in pairs}) == len({zh for _, zh in pairs}) == len(pairs)
    text = " ".join(row["text"].casefold() for _, row in news)
    assert sum(en.casefold() in text and zh in text for en, zh in pairs) >= 30
