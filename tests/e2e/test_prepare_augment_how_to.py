"""Every recipe of the how-to page on balancing and augmenting does what its page says, and both pages show the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from chat_server import serving
from test_prepare_translator import save_marian
from word_models import save_words

from tunesmith.artifacts import Dataset
from tunesmith.prepare import Fits, prepare
from tunesmith.recipe import Recipe
from tunesmith.records import Example
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[2]
PAGE = "balance-and-augment.md"
FILES = ("rows.jsonl", "more.jsonl", "synonyms.txt", "cilin.txt", "wordnet", "models/en-de", "models/de-en")
TEXTS = {
    "lost": ("my parcel {} is lost and nobody helps me", "包裹{}丢了，没有人帮我处理"),
    "refund": ("I want my money back for purchase {}", "订单{}请尽快给我退款"),
}


def recipes(language: str) -> dict[str, dict[str, Any]]:
    text = (ROOT / "docs" / language / "how-to" / PAGE).read_text(encoding="utf-8")
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    return {recipe["name"]: recipe for recipe in found}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = []
    for name, size in (("lost", 20), ("refund", 60)):
        for n in range(size):
            row = {"text": TEXTS[name][n % 4 == 0].format(100 + 7 * n), "label": name, "topic": f"t{n % 3 == 0}"}
            rows.append(row)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "synonyms.txt").write_text("money, cash\nhelps, assists\n处理，解决\n尽快，赶快\n", encoding="utf-8")
    return tmp_path


def made(name: str, folder: Path, url: str = "http://127.0.0.1:8000/v1", fits: Fits | None = None) -> Dataset:
    text = json.dumps(recipes("en")[name], ensure_ascii=False)
    text = text.replace("/usr/share/wordnet", "wordnet")
    for short in FILES:
        text = text.replace(f'"{short}"', json.dumps(str(folder / short)))
    section = Recipe.model_validate(json.loads(text.replace("http://127.0.0.1:8000/v1", url))).prepare
    runtime = Runtime(folder, folder / "cache", secrets={"TEACHER_KEY": "secret"})
    return prepare(section, seed=0, runtime=runtime, progress=Silent(), out=folder / name, fits=fits)


def methods_of(dataset: Dataset) -> Counter[str]:
    return Counter(row.metadata.get("augmented_by", "") for row in dataset.rows("train"))


def test_both_languages_show_the_same_valid_recipes() -> None:
    assert recipes("en") == recipes("zh")
    for recipe in recipes("en").values():
        Recipe.model_validate(recipe)


def test_categories_are_balanced_in_every_way(folder: Path) -> None:
    over, under = made("over-sampled", folder).rows("train"), made("under-sampled", folder)
    visits = Counter(row.label for row in over for _ in range(row.repeats))
    assert visits["lost"] == visits["refund"]
    assert under.report().reasons["under-sampled"].count > 0
    weighted = made("weighted", folder).rows("train")
    assert len({row.weight for row in weighted}) == 2
    assert sum(row.weight for row in weighted) == pytest.approx(len(weighted))
    more = [{"text": f"what became of ticket {n}?", "label": "lost"} for n in range(30)]
    (folder / "more.jsonl").write_text("".join(json.dumps(row) + "\n" for row in more), encoding="utf-8")
    of_source: Counter[str] = Counter()
    for row in made("by-source", folder).rows("train"):
        of_source[row.place.file] += row.weight
    assert of_source[str(folder / "more.jsonl")] == pytest.approx(of_source[str(folder / "rows.jsonl")])
    report = made("clustered", folder).report().balance
    assert report is not None
    assert len(report.categories) == 4


def test_words_are_edited_but_for_the_protected_ones(folder: Path) -> None:
    dataset = made("edited", folder)
    found = methods_of(dataset)
    assert set(found) == {"", "synonyms", "insertion", "swap", "deletion"}
    parents = {row.id: row for row in dataset.rows("train")}
    for row in dataset.rows("train"):
        if "parent_id" in row.metadata:
            text, parent = row.prompt[-1].content, parents[row.metadata["parent_id"]].prompt[-1].content
            assert all((word in text) == (word in parent) for word in ("parcel", "包裹", "lost", "没有", "nobody"))
    assert all(row.label == "lost" for row in dataset.rows("train") if row.metadata.get("augmented_by") == "swap")


def test_synonyms_are_looked_up(folder: Path) -> None:
    wordnet = folder / "wordnet"
    wordnet.mkdir()
    nouns = {"data.noun": "00000100 13 n 02 money 0 cash 0 000 | funds\n", "index.noun": "money n 1 0 1 0 00000100\n"}
    for part in ("noun", "verb", "adj", "adv"):
        for file in (f"data.{part}", f"index.{part}"):
            (wordnet / file).write_text(nouns.get(file, ""), encoding="utf-8")
    (folder / "cilin.txt").write_text("Hi01A01= 处理 解决\n", encoding="utf-8")
    rows = made("looked-up", folder).rows("train")
    found = Counter(row.prompt[-1].content[:9] for row in rows if row.metadata.get("augmented_by") == "synonyms")
    assert found["I want my"] > 0
    assert all(
        "cash back" in row.prompt[-1].content or "解决" in row.prompt[-1].content
        for row in rows
        if "parent_id" in row.metadata
    )
    assert any("解决" in row.prompt[-1].content for row in rows)


def test_models_translate_and_endpoints_reword(folder: Path) -> None:
    save_marian(folder / "models" / "en-de", seed=3)
    save_marian(folder / "models" / "de-en", seed=4)
    report = made("translated", folder).report().augment
    assert report is not None
    assert report.methods[0].made > 0
    with serving(lambda system, text: f"Listen, {text}" if text.isascii() else f"您看，{text}") as server:
        dataset = made("reworded", folder, server.url)
    assert set(methods_of(dataset)) >= {"", "paraphrase"}
    assert set(server.keys) == {None, "Bearer secret"}


def test_rows_are_said_about_somebody_else(folder: Path) -> None:
    people = [("Mr Smith", "him"), ("Ms Jones", "her")]
    rows = [
        {"text": f"{who} from Lagos asks us to send {whom} parcel number {100 + n}", "label": f"l{n % 2}"}
        for n in range(20)
        for who, whom in people
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    dataset = made("counterfactual", folder)
    swapped = Counter(row.metadata.get("swapped", "") for row in dataset.rows("train"))
    assert swapped["gender"] == swapped["name"] == swapped["region"] == swapped[""] > 20


def test_blocked_topics_are_refused(folder: Path) -> None:
    dataset = made("safe", folder)
    refusing = {row.prompt[-1].content: row for row in dataset.rows("train") if "blocked_topic" in row.metadata}
    assert {row.metadata["augmented_by"] for row in refusing.values()} == {"safety"}
    answers = {"weapons": {"I cannot help with that.", "抱歉，这件事我不能帮忙。"}}
    answers["medical dosage"] = {"Please ask a doctor or pharmacist.", "请咨询医生或药师。"}
    assert all(row.answer.content in answers[row.metadata["blocked_topic"]] for row in refusing.values())
    report = dataset.report().refusals
    assert report is not None
    assert report.share == pytest.approx(0.05, abs=0.01)


def few_tokens(row: Example) -> int:
    return 1


def no_spans(text: str) -> list[tuple[int, int]]:
    return []


def test_the_models_own_neighbours_are_synonyms(folder: Path) -> None:
    words = {"parcel": (1.0, 0.1), "package": (1.0, 0.0), "weather": (-1.0, 1.0), "planet": (-1.0, -1.0)}
    save_words(folder / "base", words)
    dataset = made("neighbours", folder, fits=Fits(few_tokens, no_spans, 10, "one", folder / "base"))
    made_rows = [row for row in dataset.rows("train") if "augmented_by" in row.metadata]
    assert made_rows
    assert all(row.prompt[-1].content.startswith("my package") for row in made_rows)
