"""Made rows: their families, their account, no way into held-out rows, and what the judge sees and does not see."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chat_server import serving
from prepare_material import Listening, Run, write_jsonl
from pydantic import ValidationError

from tunesmith.artifacts import Dataset, DatasetReport
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare import identity, prepare, recheck
from tunesmith.prepare.offspring import Try, child_of, parent_of
from tunesmith.prepare.teacher import _question_and_answer
from tunesmith.recipe import Prepare
from tunesmith.recipe.augment import Augment
from tunesmith.records import Entity, Example, Intent, Message
from tunesmith.runtime import Runtime, Silent

GROUPS = "want, wish\norder, purchase\ndelivered, brought\nparcel, package\n包裹，邮包\n希望，盼望\n昨天，昨日\n"
ENGLISH = (
    "I want to know when parcel {} from {} will be delivered",
    "please tell me why order {} to {} is not here yet",
    "the parcel {} sent from {} was delivered with a big hole in it",
)
CHINESE = ("我希望知道{}号包裹什么时候从{}寄到", "昨天{}号包裹在{}没有送达，请帮我查一下原因")
PLACES = {"en": ("Hamburg", "Denver", "Lyon", "Porto"), "zh": ("杭州", "成都", "青岛", "厦门")}


@pytest.fixture
def source(tmp_path: Path) -> str:
    rows = []
    for number in range(80):
        texts, places = (ENGLISH, PLACES["en"]) if number % 2 else (CHINESE, PLACES["zh"])
        text = texts[number % len(texts)].format(1000 + 7 * number, places[number % 4])
        rows.append({"question": text, "answer": f"a {number}", "id": f"r{number}", "customer": f"c{number % 50}"})
    (tmp_path / "synonyms.txt").write_text(GROUPS, encoding="utf-8")
    return write_jsonl(tmp_path / "rows.jsonl", rows)


def methods(tmp_path: Path) -> list[Any]:
    synonyms = str(tmp_path / "synonyms.txt")
    return [{"name": "synonyms", "source": synonyms}, {"name": "insertion", "source": synonyms}, "swap", "deletion"]


def rejects_of(dataset: Dataset) -> list[dict[str, Any]]:
    lines = (dataset.folder / "augment_rejects.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def made_rows(dataset: Dataset) -> list[Example]:
    return [row for row in dataset.rows("train") if "augmented_by" in row.metadata]


def check_account(dataset: Dataset) -> DatasetReport:
    """Every count of the report against the files."""
    report, made = dataset.report(), made_rows(dataset)
    assert report.augment is not None
    kept: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for making in report.augment.methods:
        assert making.made == making.kept + sum(making.rejected.values())
        kept[making.method] += making.kept
        rejected.update(making.rejected)
    assert kept == Counter(row.metadata["augmented_by"] for row in made) + Counter(dict.fromkeys(kept, 0))
    assert rejected == Counter(row["reason"] for row in rejects_of(dataset))
    assert report.read == report.kept + report.rejected
    assert sum(report.splits.values()) == report.kept + report.augment.kept
    assert sum(source.kept for source in report.sources) == report.kept
    assert report.proof.holds
    return report


@pytest.mark.thorough
def test_rows_are_made_of_training_rows_alone_and_stay_in_their_families(
    run: Run, tmp_path: Path, source: str, runtime: Runtime, progress: Listening
) -> None:
    plain = run(source, out="plain", group_by="customer")
    dataset = run(source, group_by="customer", augment={"methods": methods(tmp_path)})
    for split in ("validation", "test"):
        name = f"{split}.jsonl"
        assert (dataset.folder / name).read_bytes() == (plain.folder / name).read_bytes()
    parents = {row.id: row for row in plain.rows("train")}
    assert [row for row in dataset.rows("train") if row.id in parents] == list(parents.values())
    made = made_rows(dataset)
    assert {row.metadata["augmented_by"] for row in made} == {"synonyms", "insertion", "swap", "deletion"}
    for row in made:
        parent = parents[row.metadata["parent_id"]]
        assert (row.answer, row.group, row.place) == (parent.answer, parent.group, parent.place)
        assert row.prompt[-1].content != parent.prompt[-1].content
        assert re.findall(r"\d+", row.prompt[-1].content) == re.findall(r"\d+", parent.prompt[-1].content)
        assert "id" not in row.metadata
    assert len({row.id for row in dataset.rows("train")}) == len(dataset.rows("train"))
    assert len(made) > 2 * len(parents)
    check_account(dataset)
    assert recheck(dataset.folder, runtime=runtime) == dataset.report().proof
    assert progress.said_keys().count("say.prepare.augmented") == 4


def test_made_rows_that_balance_leaves_out_are_rejects_of_augmentation(run: Run, tmp_path: Path) -> None:
    texts = [f"{word} {place} asked about number {n}" for n in range(20) for word, place in (("kettle", "alpha"),)]
    rows = [{"text": text, "label": "rare" if n < 3 else "frequent"} for n, text in enumerate(texts)]
    dataset = run(
        [{"path": write_jsonl(tmp_path / "a.jsonl", rows), "split": "train"}],
        validation_share=0.0,
        test_share=0.0,
        augment={"methods": ["swap"], "min_similarity": 0.0},
        balance={"by": "label", "method": "under", "limit": 100.0},
    )
    report = check_account(dataset)
    clusters = (dataset.folder / "clusters.jsonl").read_text().splitlines()
    named = {id for line in clusters for id in json.loads(line)["rows"]}
    assert report.near_duplicates == len(named)
    assert named <= {row.id for row in dataset.rows("train")}
    assert report.augment is not None
    assert report.augment.methods[0].rejected["under-sampled"] > 0
    assert report.reasons["under-sampled"].count > 0


def test_what_comes_near_a_held_out_row_is_cut(run: Run, tmp_path: Path) -> None:
    """The endpoint gives back held-out texts, to the letter and nearly, and once the text of another training row."""
    texts = [
        f"{word} {word[::-1]} {place} asked about the {word} number {n}"
        for n, (word, place) in enumerate(
            (word, place)
            for word in ("kettle", "lantern", "harness", "compass", "bracket")
            for place in ("alpha", "omega")
        )
    ]
    train = write_jsonl(tmp_path / "train.jsonl", [{"question": text, "answer": "a"} for text in texts[:6]])
    test = write_jsonl(tmp_path / "test.jsonl", [{"question": text, "answer": "a"} for text in texts[6:]])
    given = {texts[0]: texts[6], texts[1]: texts[7] + "!", texts[2]: texts[8] + " now", texts[3]: texts[4]}

    def answer(system: str, text: str) -> str:
        question = text.removeprefix("Question: ").partition("\n")[0]
        return json.dumps({"question": given.get(question, f"something else about {question[::-1]}"), "answer": "b"})

    with serving(answer) as server:
        dataset = run(
            [{"path": train, "split": "train"}, {"path": test, "split": "test"}],
            validation_share=0.0,
            augment={"methods": [{"name": "synthetic", "endpoint": {"url": server.url, "model": "m"}}]},
        )
    check_account(dataset)
    report = dataset.report().augment
    assert report is not None
    assert report.methods[0].rejected == {"augment-duplicate": 2, "augment-near-held-out": 2}
    assert (report.methods[0].made, report.methods[0].model) == (6, "m")
    assert [row.answer.content for row in made_rows(dataset)] == ["b", "b"]


@pytest.mark.thorough
def test_endpoints_reword_and_translate(run: Run, source: str, tmp_path: Path, runtime: Runtime) -> None:
    """A teacher that drops every fifth number, and thinks and quotes as models do."""

    def answer(system: str, text: str) -> str:
        if "Translate" in system:
            return text[::-1] if "German" in system else text[::-1].replace("parcel", "package").replace("包裹", "邮包")
        number = int(re.findall(r"\d+", text)[0])
        changed = text.replace(str(number), "42") if number % 5 == 0 else text
        return f'<think>hm</think>\n"Hello! {changed}"' if changed.isascii() else f"“您好，{changed}”"

    with serving(answer) as server:
        endpoint = {"url": server.url, "model": "teacher", "key": "TEACHER_KEY"}
        making = [
            {"name": "paraphrase", "endpoint": endpoint, "languages": ["en"]},
            {"name": "back-translation", "endpoint": endpoint, "share": 0.5},
        ]
        section = Prepare.model_validate({"sources": source, "augment": {"methods": making}})
        with pytest.raises(TunesmithError) as caught:
            run(source, augment={"methods": making})
        assert caught.value.code == "endpoint-key"
        knowing = replace(runtime, secrets={"TEACHER_KEY": "secret"})
        dataset = prepare(section, seed=0, runtime=knowing, progress=Silent(), out=tmp_path / "taught")
        assert set(server.keys) == {"Bearer secret"}
        num_asked = len(server.bodies)
    check_account(dataset)
    report = dataset.report()
    assert report.augment is not None
    paraphrase, translation = report.augment.methods
    num_english = sum(
        re.search("[a-z]{4}", row.prompt[-1].content) is not None
        for row in dataset.rows("train")
        if "augmented_by" not in row.metadata
    )
    assert paraphrase.made == num_english
    assert paraphrase.rejected.keys() == {"augment-number"}
    assert 0.1 < paraphrase.rejected["augment-number"] / paraphrase.made < 0.3
    assert 0 < translation.kept < translation.made < 0.7 * (report.splits["train"] - report.augment.kept)
    assert num_asked == paraphrase.made + 2 * translation.made
    starts = {row.prompt[-1].content[:6] for row in made_rows(dataset) if row.metadata["augmented_by"] == "paraphrase"}
    assert starts == {"Hello!"}


@pytest.mark.thorough
def test_labels_languages_and_shares_choose_the_rows(run: Run, tmp_path: Path) -> None:
    texts = {
        "card": "my card number {} was declined at the big shop",
        "loan": "can I repay the loan {} sooner than agreed",
    }
    rows = [{"text": texts[name].format(n * 37), "label": name} for name in texts for n in range(40)]
    source = write_jsonl(tmp_path / "rows.jsonl", rows)
    shares = {"validation_share": 0.0, "test_share": 0.0}
    swap = {"name": "swap", "labels": ["loan"], "share": 0.5, "copies": 2, "words": 0.3}
    dataset = run(source, **shares, augment={"methods": [swap]}, balance={"by": "label"})
    made = made_rows(dataset)
    assert {row.label for row in made} == {"loan"}
    assert 8 < len({row.metadata["parent_id"] for row in made}) < 32
    assert all("loan" in row.prompt[-1].content for row in made)
    report = dataset.report()
    assert report.balance is not None
    assert report.balance.categories["loan"].before == report.labels["loan"]["train"] == 40 + len(made)
    check_account(dataset)
    chinese = run(source, out="zh", **shares, augment={"methods": [{"name": "swap", "languages": ["zh"]}]})
    assert made_rows(chinese) == []


def example(*contents: str, **changes: Any) -> Example:
    roles = ("user", "assistant") * 3
    messages = tuple(Message(role, text) for role, text in zip(roles, contents, strict=False))  # type: ignore[arg-type]
    return Example("0" * 16, messages, Place("f", 3), **changes)


def test_the_pattern_and_the_tag_around_a_text_stay() -> None:
    row = example("hi", "yes?", "Ask: [EN] where is it? Thanks.", "here", metadata={"id": "7", "day": "1"})
    parent = parent_of(row, "Ask: {prompt} Thanks.")
    assert parent is not None
    assert parent.text == "where is it?"
    child = child_of(Try(parent, "where?"), "swap")
    assert [message.content for message in child.messages] == ["hi", "yes?", "Ask: [EN] where? Thanks.", "here"]
    assert child.metadata == {"day": "1", "parent_id": row.id, "augmented_by": "swap"}
    assert child.id != row.id
    other = parent_of(row, "Other: {prompt}")
    assert other is not None
    assert other.text == row.messages[2].content


def test_rows_with_places_in_their_text_are_left_alone() -> None:
    marked = example("Ann is here", "yes", annotations=(Entity("person", 0, 3, "Ann"),))
    assert parent_of(marked, "{prompt}") is None
    assert parent_of(replace(marked, annotations=(Intent("greet"),)), "{prompt}") is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"methods": []},
        {"methods": ["paraphrase"]},
        {"methods": [{"name": "back-translation"}]},
        {"methods": [{"name": "back-translation", "there": "a"}]},
        {
            "methods": [
                {"name": "back-translation", "there": "a", "back": "b", "endpoint": {"url": "http://x", "model": "m"}}
            ]
        },
        {"methods": [{"name": "paraphrase", "endpoint": {"url": "x", "model": "m"}}]},
    ],
)
def test_a_method_names_what_it_needs(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Augment.model_validate(wrong)


def test_the_files_that_rows_are_made_with_decide_the_dataset(tmp_path: Path, source: str) -> None:
    section = Prepare.model_validate({"sources": source, "augment": {"methods": methods(tmp_path)}})
    key = identity(section, 0).key()
    assert key != identity(section.model_copy(update={"augment": None}), 0).key()
    (tmp_path / "synonyms.txt").write_text(GROUPS + "new, novel\n", encoding="utf-8")
    assert identity(section, 0).key() != key
    missing = {"methods": [{"name": "back-translation", "there": str(tmp_path / "a"), "back": str(tmp_path / "b")}]}
    with pytest.raises(TunesmithError) as caught:
        identity(Prepare.model_validate({"sources": source, "augment": missing}), 0)
    assert caught.value.code == "translator"


def test_a_reply_nested_without_end_is_one_that_cannot_be_read() -> None:
    assert _question_and_answer("[" * 200_000) == ("", None)
    assert _question_and_answer('{"question": "a", "answer": "b"}') == ("a", "b")
