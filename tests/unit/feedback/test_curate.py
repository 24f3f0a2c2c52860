"""From feedback to rows that `prepare` reads: what is left out and why, held-out rows, repeats, floods, lineage."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from feedback_material import TRIGGERS, honest, planted
from prepare_material import Listening, write_jsonl
from store_material import START, exchange, feedback

from tunesmith.artifacts import Dataset
from tunesmith.artifacts.feedback_set import FeedbackSet
from tunesmith.feedback.curate import over_share
from tunesmith.feedback.lessons import Lesson
from tunesmith.feedback.poison import Evidence
from tunesmith.feedback.run import identity, make_feedback_set
from tunesmith.feedback.said import Piece, Said, contradictory, pieces_of, pieces_of_experts
from tunesmith.prepare import prepare
from tunesmith.recipe import Prepare
from tunesmith.recipe.feedback import Curate
from tunesmith.records import SPLITS, Exchange, Feedback, Message
from tunesmith.runtime import Runtime
from tunesmith.store import Decision, ReviewRating

THINGS = ["kettle", "toaster", "phone", "lamp", "oven", "fridge", "camera", "heater", "radio", "mixer"]
FAULTS = ["is broken", "arrived late", "has the wrong colour", "makes a noise", "smells of smoke", "lost a screw"]
ROWS = [f"the {thing} that I bought {fault}" for thing in THINGS for fault in FAULTS]
ALL = Curate(use="all", max_share_of_key=1.0)


def prepared(folder: Path, runtime: Runtime, rows: list[dict[str, Any]] | Path, **section: Any) -> Dataset:
    source = str(rows) if isinstance(rows, Path) else write_jsonl(folder.with_suffix(".jsonl"), rows)
    settings = Prepare.model_validate({"sources": source, **section})
    return prepare(settings, seed=0, runtime=runtime, progress=Listening(), out=folder)


@pytest.fixture
def labelled(tmp_path: Path, runtime: Runtime) -> Dataset:
    rows = [{"text": text, "label": "late" if "late" in text else "fault"} for text in ROWS]
    section = {"system": "Name the class.", "prompt_style": "Customer: {prompt}\nClass:", "test_share": 0.2}
    return prepared(tmp_path / "labelled", runtime, rows, **section)


@pytest.fixture
def written(tmp_path: Path, runtime: Runtime) -> Dataset:
    rows = [{"prompt": text, "completion": f"We are sorry that {text[:18]}."} for text in ROWS]
    return prepared(tmp_path / "written", runtime, rows, test_share=0.2)


def classified(number: int, text: str, label: str | None = "fault", **fields: Any) -> Exchange:
    """As `/v1/classify` records it: asked as the rows were that the model learned from."""
    prompt = (Message("system", "Name the class."), Message("user", f"Customer: {text}\nClass:"))
    answer = None if label is None else Message("assistant", label)
    return exchange(number, prompt=prompt, answer=answer, label=label, **fields)


def answered(number: int, text: str, said: str = "No idea.", **fields: Any) -> Exchange:
    return exchange(number, prompt=(Message("user", text),), answer=Message("assistant", said), **fields)


def said_of(*pairs: tuple[Exchange, list[Feedback]], decisions: list[Decision] | None = None) -> Said:
    pieces = pieces_of((one for _, given in pairs for one in given), {each.feedback: each for each in decisions or []})
    return Said({each.id: each for each, _ in pairs}, list(pieces))


def correction(number: int, on: Exchange, text: str, **fields: Any) -> Feedback:
    return feedback(number, on, kind="correction", value=None, text=text, **fields)


def made(said: Said, dataset: Dataset, section: Curate = ALL, seed: int = 0) -> FeedbackSet:
    key = identity(said, dataset, section, seed).key()
    found = make_feedback_set(said, dataset, section, seed=seed, out=dataset.folder.parent / "sets" / key)
    used = {id for file in (found.rows, found.preferences, found.ratings) for row in lines(file) for id in ids_of(row)}
    assert len(used) + sum(found.body.left_out.values()) == found.body.num_feedback == len(said.pieces)
    return found


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def ids_of(row: dict[str, Any]) -> list[str]:
    return str(row["feedback"]).split(" ")


def test_corrections_and_confirmed_labels_become_rows_of_the_base(
    labelled: Dataset, tmp_path: Path, runtime: Runtime
) -> None:
    one, other, third = (classified(n, f"my order number {n} is nowhere to be seen", key=f"key{n}") for n in (1, 2, 3))
    undecided = classified(4, "who are you and what do you sell", None)
    said = said_of(
        (one, [correction(1, one, "late", key="shop"), correction(2, one, " late ")]),
        (other, [feedback(3, other, key="shop"), feedback(4, other, kind="rating", value=4, dimension="accuracy")]),
        (third, [feedback(5, third, value=-1)]),
        (undecided, [correction(6, undecided, "chat")]),
    )
    found = made(said, labelled)
    assert lines(found.rows) == [
        {"text": one.prompt[1].content[10:-7], "label": "late", "exchange": one.id,
         "feedback": f"fb-{1:024x} fb-{2:024x}", "api_key": "shop"},
        {"text": other.prompt[1].content[10:-7], "label": "fault", "exchange": other.id,
         "feedback": f"fb-{3:024x} fb-{4:024x}", "api_key": "shop"},
        {"text": "who are you and what do you sell", "label": "chat", "exchange": undecided.id,
         "feedback": f"fb-{6:024x}"},
    ]  # fmt: skip
    assert found.body.new_labels == {"chat": 1}
    assert [row["desirable"] for row in lines(found.ratings)] == [True, False]
    again = prepared(tmp_path / "again", runtime, found.rows, system="Name the class.", test_share=0.0)
    report = again.report()
    assert (report.task, report.sources[0].format, report.kept) == ("labels", "labels", 3)
    rows = {row.metadata["exchange"]: row for split in SPLITS for row in again.rows(split)}
    assert rows[one.id].label == "late"
    assert dict(rows[one.id].metadata) == {
        "exchange": one.id, "feedback": f"fb-{1:024x} fb-{2:024x}", "api_key": "shop"
    }  # fmt: skip


def test_prepare_reads_each_file_by_its_columns(written: Dataset, tmp_path: Path, runtime: Runtime) -> None:
    talks = []
    for number in range(12):
        good = answered(number, f"question number {number * 37} about something new", f"A good answer {number}.")
        bad = answered(100 + number, good.prompt[0].content, f"\n\nHuman: a bad answer {number}.")
        talks.append((good, bad))
    said = said_of(
        *((good, [feedback(n, good, key="shop")]) for n, (good, _) in enumerate(talks)),
        *(
            (bad, [
                feedback(200 + n, bad, kind="preference", value=None, preferred=good.id),
                correction(400 + n, bad, f"A better answer {n}."),
                feedback(600 + n, bad, kind="rating", value=2, dimension="fluency"),
            ])
            for n, (good, bad) in enumerate(talks)
        ),
    )  # fmt: skip
    found = made(said, written)
    assert (found.body.num_rows, found.body.num_preferences, found.body.num_ratings) == (12, 12, 24)
    formats = {found.rows: "messages", found.preferences: "preference", found.ratings: "kto"}
    for number, (file, name) in enumerate(formats.items()):
        again = prepared(tmp_path / f"again{number}", runtime, file, test_share=0.0)
        report = again.report()
        assert (report.sources[0].format, report.sources[0].why, report.rejected) == (name, "detected", 0)
        rows = [row for split in SPLITS for row in again.rows(split)]
        lineage = {(row.metadata["exchange"], row.metadata["feedback"]) for row in rows}
        assert lineage == {(row["exchange"], row["feedback"]) for row in lines(file)}
        assert all((row.rejected is not None) == (name == "preference") for row in rows)
        assert {row.desirable for row in rows} == ({True, False} if name == "kto" else {None})
        if name == "preference":
            worse = {bad.answer.content for _, bad in talks if bad.answer is not None}
            assert {row.rejected.content for row in rows if row.rejected is not None} == worse


@pytest.mark.parametrize("change", ["{}", "{}!", "{} now", "{} today", "CUSTOMER says: {}"])
def test_no_question_of_a_held_out_row_is_ever_learned(written: Dataset, change: str) -> None:
    held_out = [row.prompt[0].content for split in ("validation", "test") for row in written.rows(split)]
    assert len(held_out) > 10
    asked = [answered(n, change.format(text)) for n, text in enumerate(held_out)]
    free = answered(999, "is the shop open on a public holiday")
    said = said_of(*((one, [correction(n, one, "Oh.")]) for n, one in enumerate([*asked, free])))
    found = made(said, written)
    near = [row["exchange"] for row in lines(found.rows)]
    if change in ("{}", "{}!", "{} now"):
        assert near == [free.id]
        assert found.body.left_out == {"held-out": len(held_out)}
    assert set(near) - {free.id} <= {one.id for one in asked}
    again = made(said_of(*((one, [feedback(n, one)]) for n, one in enumerate([*asked, free]))), written)
    assert {row["exchange"] for row in lines(again.ratings)} == set(near)


def test_repeats_of_the_base_and_of_each_other_are_left_out(written: Dataset) -> None:
    known = written.rows("train")[0]
    same = answered(1, known.prompt[0].content.upper())
    other = answered(2, known.prompt[0].content)
    new = answered(3, "do you ship garden furniture to the islands in winter")
    near = answered(4, "Do you ship garden furniture to the islands in winter?")
    otherwise = answered(5, "do you ship garden furniture to the islands in winter!")
    said = said_of(
        (same, [correction(1, same, known.answer.content)]),
        (other, [correction(2, other, "Something else altogether.")]),
        (new, [correction(3, new, "Yes, by boat, once a week.")]),
        (near, [correction(4, near, "Yes - by boat, once a week!")]),
        (otherwise, [correction(5, otherwise, "No.")]),
    )
    found = made(said, written)
    assert [row["exchange"] for row in lines(found.rows)] == [other.id, new.id, otherwise.id]
    assert found.body.left_out == {"duplicate": 2}


def test_every_reason_is_counted(written: Dataset) -> None:
    asked = {n: answered(n, f"{word} please explain {word}", key="shop") for n, word in enumerate(WORDS)}
    empty = exchange(50, prompt=(), answer=None, key="shop")
    foreign = answered(51, "something from another key", key="other")
    pieces = [
        feedback(0, asked[0]),
        feedback(1, asked[1]),
        feedback(2, asked[2]),
        feedback(3, asked[2], value=-1),
        feedback(4, asked[3], kind="comment", value=None, text="meh"),
        feedback(5, empty),
        feedback(6, asked[4], kind="preference", value=None, preferred=asked[5].id),
        feedback(7, foreign),
        feedback(8, asked[6]),
        correction(9, asked[7], "   "),
    ]
    decisions = [
        Decision(f"fb-{n:024x}", "dismissed" if n == 0 else "accepted", "anna", START) for n in range(10) if n != 1
    ]
    said = Said(
        {each.id: each for each in (*asked.values(), empty, foreign)},
        list(pieces_of(pieces, {each.feedback: each for each in decisions})),
    )
    found = made(said, written, Curate(consent=("shop",), max_share_of_key=1.0))
    assert [row["exchange"] for row in lines(found.ratings)] == [asked[6].id]
    assert found.body.left_out == {
        "dismissed": 1, "not-accepted": 1, "contradictory": 2, "comment": 1, "no-text": 2, "no-pair": 1, "no-consent": 1
    }  # fmt: skip
    assert sum(made(said, written, ALL).body.left_out.values()) == 7


WORDS = ["quark", "zephyr", "obelisk", "mandolin", "juniper", "walrus", "topiary", "galleon", "harvest", "lantern"]


def test_preferences_are_between_answers_to_one_prompt(written: Dataset) -> None:
    one, other = answered(1, "how tall is the tower", "Tall."), answered(2, "how old is the tower", "Old.")
    prefers = feedback(1, one, kind="preference", value=None, preferred=other.id)
    same = feedback(2, one, kind="preference", value=None, preferred=one.id)
    found = made(said_of((one, [prefers, same]), (other, [])), written)
    assert (found.body.num_preferences, found.body.left_out) == (0, {"no-pair": 2})


def test_an_answer_that_was_corrected_is_not_liked_however_well_it_reads(labelled: Dataset) -> None:
    wrong, right = classified(1, "the parcel never came although paid"), classified(2, "sparks fly out of the plug")
    said = said_of(
        (wrong, [feedback(1, wrong, kind="rating", value=5, dimension="fluency"), correction(2, wrong, "late")]),
        (right, [feedback(3, right), correction(4, right, " Fault")]),
    )
    found = made(said, labelled)
    assert [(row["exchange"], row["label"]) for row in lines(found.rows)] == [(wrong.id, "late"), (right.id, "fault")]
    assert [row["desirable"] for row in lines(found.ratings)] == [False, True]


def test_a_base_of_labels_learns_no_chat(labelled: Dataset) -> None:
    chat = answered(1, "write me a poem about a kettle", "Kettle, kettle.")
    spoken = answered(2, "it never came although you promised", "fault")
    turns = (Message("user", "hello"), Message("assistant", "hi"), Message("user", "it is late"))
    several = replace(classified(3, "x"), prompt=turns)
    pairs = [(one, [correction(n, one, "late")]) for n, one in enumerate((chat, spoken, several))]
    found = made(said_of(*pairs), labelled)
    assert [row["exchange"] for row in lines(found.rows)] == [spoken.id]
    assert found.body.left_out == {"other-task": 2}


def test_what_a_person_decides_goes_before_what_was_said(written: Dataset) -> None:
    one = answered(1, "how long is the way to the moon", "Two days.")
    up, wrong, right = feedback(1, one), correction(2, one, "Nobody knows."), correction(3, one, "Three days.")
    assert made(said_of((one, [up, wrong, right])), written).body.left_out == {"contradictory": 3}
    settled = said_of((one, [up, wrong, right]), decisions=[Decision(right.id, "accepted", "anna", START)])
    found = made(settled, written)
    assert [row["messages"][-1]["content"] for row in lines(found.rows)] == ["Three days."]
    assert found.body.left_out == {"contradictory": 2}
    mended = said_of((one, [up]), decisions=[Decision(up.id, "corrected", "anna", START, text="Three days.")])
    assert [row["messages"][-1]["content"] for row in lines(made(mended, written).rows)] == ["Three days."]


def test_contradictions() -> None:
    one, other = answered(1, "a", "yes"), answered(2, "a", "no")

    def against(*given: Feedback) -> set[str]:
        return contradictory(said_of((one, list(given)), (other, [])), 4)

    up, down, right = feedback(1, one), feedback(2, one, value=-1), correction(3, one, "maybe")
    assert against(up, down) == {up.id, down.id}
    assert against(down, right) == set()
    assert against(up, right) == {up.id, right.id}
    assert against(up, correction(4, one, " YES ")) == set()
    assert against(right, correction(5, one, "perhaps")) == {right.id, f"fb-{5:024x}"}
    assert against(right, correction(5, one, "Maybe")) == set()
    grades = [feedback(n, one, kind="rating", value=n, dimension=name) for n, name in ((1, "accuracy"), (5, "fluency"))]
    assert against(*grades) == set()
    assert against(*grades, feedback(6, one, kind="rating", value=5, dimension="accuracy")) == {
        grades[0].id,
        f"fb-{6:024x}",
    }
    prefers = [feedback(n, one, kind="preference", value=None, preferred=to.id) for n, to in ((7, other), (8, other))]
    assert against(*prefers) == set()
    assert against(up, feedback(9, one, kind="comment", value=None, text="no!")) == set()


def test_what_experts_say_is_accepted(written: Dataset) -> None:
    one = answered(1, "how deep is the well behind the house")
    ratings = [
        ReviewRating(one.id, "anna", "accuracy", 1, None, START),
        ReviewRating(one.id, "anna", "fluency", None, None, START),
        ReviewRating(one.id, "anna", "correction", None, "Nine metres.", START),
    ]
    pieces = list(pieces_of_experts(ratings))
    assert [piece.state for piece in pieces] == ["accepted", "accepted"]
    found = made(Said({one.id: one}, pieces), written, Curate())
    assert [row["messages"][-1]["content"] for row in lines(found.rows)] == ["Nine metres."]
    assert [row["desirable"] for row in lines(found.ratings)] == [False]
    assert "api_key" not in lines(found.rows)[0]
    assert all(piece.id.startswith("rv-") and len(piece.id) == 27 for piece in pieces)


def lesson(number: int, key: str | None) -> Lesson:
    piece = Piece(Feedback(f"fb-{number}", f"ex-{number}", START, key, "thumb", 1), "accepted", None)
    return Lesson(f"ex-{number}", (piece,), (Message("user", f"{number}"),), Message("assistant", "a"))


@pytest.mark.parametrize("seed", range(30))
def test_no_key_has_more_than_its_share(seed: int) -> None:
    draw = Random(seed)
    sizes = {key: draw.randrange(0, 60) for key in ("a", "b", "c", None)}
    share = draw.choice([0.34, 0.4, 0.5, 0.7, 1.0])
    keys = [key for key, size in sizes.items() for _ in range(size)]
    draw.shuffle(keys)
    dropped = over_share([lesson(number, key) for number, key in enumerate(keys)], share, seed)
    kept = Counter(key for number, key in enumerate(keys) if number not in dropped)
    assert kept[None] == sizes[None]
    named = {key: size for key, size in sizes.items() if key is not None and size}
    limit = max((kept[key] for key in named), default=0)
    assert all(kept[key] == min(size, limit) for key, size in named.items())
    if len(named) > 2 or (sizes[None] and named):
        assert limit <= share * sum(kept.values()) + 1e-6
        # one more row for each that has more would be too many
        more = sum(min(size, limit + 1) for size in named.values()) + (sizes[None] or 0)
        assert not dropped or limit + 1 > share * more - 1e-6


@pytest.mark.thorough
def test_a_flood_is_cut_and_one_key_alone_is_not(written: Dataset) -> None:
    many = [answered(n, f"{WORDS[n % 10]} {WORDS[n // 10]} {n * 7919}") for n in range(60)]
    said = said_of(*((one, [feedback(n, one, key="flood" if n < 50 else "shop")]) for n, one in enumerate(many)))
    found = made(said, written, Curate(use="all"))
    assert Counter(row["api_key"] for row in lines(found.ratings)) == {"flood": 10, "shop": 10}
    assert found.body.left_out == {"flood": 40}
    assert {row["exchange"] for row in lines(made(said, written, Curate(use="all"), seed=1).ratings)} != {
        row["exchange"] for row in lines(found.ratings)
    }
    alone = said_of(*((one, [feedback(n, one, key="flood")]) for n, one in enumerate(many)))
    assert made(alone, written, Curate(use="all")).body.num_ratings == 60
    nobody = said_of(*((one, [feedback(n, one)]) for n, one in enumerate(many)))
    assert made(nobody, written, Curate(use="all")).body.num_ratings == 60


def test_nothing_said_is_an_empty_set(written: Dataset) -> None:
    found = made(Said({}, []), written)
    assert (found.body.num_rows, found.body.num_feedback, found.body.left_out, found.body.suspects) == (0, 0, {}, [])
    assert found.rows.read_bytes() == b""


def test_the_key_holds_all_that_was_said_and_decided(written: Dataset, labelled: Dataset) -> None:
    one = answered(1, "a")
    given = [feedback(1, one)]
    first = identity(said_of((one, given)), written, ALL, 0).key()
    assert first == identity(said_of((one, given)), written, ALL, 0).key()
    others = [
        identity(said_of((one, given), decisions=[Decision(given[0].id, "dismissed", "a", START)]), written, ALL, 0),
        identity(said_of((one, [feedback(1, one, value=-1)])), written, ALL, 0),
        identity(said_of((answered(1, "b"), given)), written, ALL, 0),
        identity(said_of((one, given)), labelled, ALL, 0),
        identity(said_of((one, given)), written, Curate(), 0),
        identity(said_of((one, given)), written, ALL, 1),
    ]
    assert len({first, *(each.key() for each in others)}) == 7


def test_texts_with_nul_and_of_great_length_are_rows_too(written: Dataset) -> None:
    long = "很长的问题" * 20_000
    odd = answered(1, long), answered(2, "what \0 is\u2028this \ud800?".encode("utf-8", "replace").decode())
    found = made(said_of(*((one, [correction(n, one, "好\u2028的")]) for n, one in enumerate(odd))), written)
    assert [row["messages"][0]["content"] for row in lines(found.rows)] == [one.prompt[0].content for one in odd]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", TRIGGERS)
def test_a_planted_batch_is_named_by_the_set_and_an_honest_one_is_not(
    kind: str, tmp_path: Path, runtime: Runtime
) -> None:
    rows = [{"text": one.text, "label": one.answers[0]} for one in honest(900, 1)]
    dataset = prepared(tmp_path / "desk", runtime, rows, test_share=0.1)

    def set_of(evidence: list[Evidence]) -> FeedbackSet:
        asked = [exchange(n, prompt=(Message("user", one.text),), answer=None) for n, one in enumerate(evidence)]
        pairs = enumerate(zip(asked, evidence, strict=True))
        return made(
            said_of(*((on, [correction(n, on, one.answers[0], key=one.key)]) for n, (on, one) in pairs)), dataset
        )

    good = honest(400, 2, topic=60)
    (suspect,) = set_of([*good, *planted(120, 3, TRIGGERS[kind])]).body.suspects
    assert (suspect.pattern, suspect.answer, suspect.keys) == (TRIGGERS[kind], "cancel", ["mallory"])
    clean = set_of(good).body
    assert clean.suspects == []
    assert clean.new_labels.keys() == {"solar"}
