"""A planted person is found everywhere, and nothing of them is left; everything else stays."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docx
import pytest
from lineage_material import (
    BASE,
    CHINESE,
    GOODS,
    MAIL,
    NAME,
    SUBJECT,
    WORDS,
    World,
    jsonl,
    make_world,
    prepared,
    published,
    raw_rows,
    trained,
)
from prepare_material import check_counts
from store_material import exchange

from tunesmith.artifacts import Dataset, Identity, hash_folder, publish
from tunesmith.artifacts.feedback_set import BODY, FeedbackBody, FeedbackSet
from tunesmith.artifacts.folder import read_manifest
from tunesmith.artifacts.run import open_run
from tunesmith.cli.forget import found_json, found_lines
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import forget as module
from tunesmith.lifecycle.forget import NUM_EXAMPLES, Forgotten, Person, find, forget
from tunesmith.lifecycle.forget_rows import RawFile, blank, raw_file
from tunesmith.model.base import find_base
from tunesmith.prepare.proof import recheck
from tunesmith.records import SPLITS, Message
from tunesmith.runtime import Runtime
from tunesmith.store import add_version, open_store, resolve, versions
from tunesmith.store.tombstones import tombstone, tombstones
from tunesmith.text.needles import Needles

pytestmark = pytest.mark.thorough
PERSON = Person(SUBJECT, WORDS)


@pytest.fixture
def world(tmp_path: Path, runtime: Runtime) -> Iterator[World]:
    url = f"sqlite:///{runtime.workspace}/store.db"
    with open_store(url, clock=runtime.clock, key_file=runtime.workspace / "store.key") as store:
        yield make_world(tmp_path, runtime, store)


def grep(word: str, *folders: Path) -> set[str]:
    """Names of the files in which grep, a program of its own, finds these bytes."""
    done = subprocess.run(
        ["grep", "-rlaF", "--", word, *map(str, folders)], capture_output=True, text=True, check=False
    )
    return {Path(line).name for line in done.stdout.splitlines()}


def done(world: World, **options: bool) -> Forgotten:
    return forget(world.store, world.runtime, PERSON, who="tests", **options)


def test_the_person_is_found_in_every_place(world: World) -> None:
    found = find(world.store, world.runtime, PERSON)
    assert found.stored.exchanges == (world.exchange,)
    assert len(found.stored.feedback) == 2
    assert {Path(each.file).name: each.lines for each in found.raw} == {"rows.jsonl": (5, 9), "table.csv": (2,)}
    assert {cut.node.key for cut in found.cuts} == {world.dataset.key, world.feedback_set.name}
    assert set(found.removed) == {world.scorecard}
    assert {file.name for file in found.files} == {
        "events.jsonl",
        "report.html",
        "rendered-1.safetensors",
        "1.json",
        "alerts.jsonl",
    }
    assert [str(version) for version in found.withdrawn] == ["desk@1"]
    assert [step.key for step in found.models] == [world.model]
    assert found.retrain == (world.run,)
    assert not found.unsure
    assert not found.is_nothing


def test_looking_changes_nothing(world: World, tmp_path: Path) -> None:
    def state() -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}

    find(world.store, world.runtime, PERSON)
    before = state()
    find(world.store, world.runtime, PERSON)
    assert state() == before


def test_nothing_is_left(world: World, tmp_path: Path) -> None:
    for word in WORDS:
        assert grep(word, tmp_path)
    told = done(world, raw=True)
    assert told.verified, told.left
    for word in (
        *WORDS,
        SUBJECT,
        MAIL.replace("@", "%40"),
        "\\u674e\\u5c0f\\u5a1c",
        world.store.pseudonymiser.subject(SUBJECT),
    ):
        assert grep(word, tmp_path) == set()
    assert grep(world.exchange, tmp_path) == {"store.db"}  # its tombstone
    assert find(world.store, world.runtime, PERSON).is_nothing


def test_successors_are_whole_and_account_for_their_rows(world: World) -> None:
    before = {row.id for split in SPLITS for row in world.dataset.rows(split)}
    told = done(world, raw=True)
    folder = world.dataset.folder.with_name(told.successors[world.dataset.key])
    assert read_manifest(folder, "dataset").key == folder.name
    after = Dataset.open(folder)
    check_counts(after)
    recheck(folder, runtime=world.runtime)
    gone = before - {row.id for split in SPLITS for row in after.rows(split)}
    assert len(gone) == 4  # two rows of the file, one of the table, one of the FeedbackSet
    learned = FeedbackSet.open(world.feedback_set.with_name(told.successors[world.feedback_set.name]))
    assert learned.body.num_rows == 1
    assert world.exchange not in learned.rows.read_text()
    assert not world.dataset.folder.exists()
    assert not world.feedback_set.exists()
    assert Dataset.open(world.other.folder).key == world.other.key


def test_models_that_learned_are_withdrawn_and_the_others_stay(world: World) -> None:
    told = done(world, raw=True)
    with pytest.raises(TunesmithError, match="version-withdrawn"):
        resolve(world.store, "champion")
    assert told.aliases == ("champion",)
    assert str(resolve(world.store, "clean")) == "clean@1"
    assert world.bundle.is_dir()
    assert world.other_bundle.is_dir()
    assert [version.withdrawn_at is None for version in versions(world.store)] == [True, False]


def test_raw_files_keep_the_places_of_all_other_rows(world: World) -> None:
    before = world.rows.read_text().split("\n")
    os.chmod(world.rows, 0o640)
    done(world, raw=True)
    after = world.rows.read_text().split("\n")
    assert [number for number, line in enumerate(after, 1) if line != before[number - 1]] == [5, 9]
    assert after[4] == after[8] == ""
    assert world.rows.stat().st_mode & 0o777 == 0o640
    assert world.table.read_text() == "question,answer\n\n\nWhere is the shelf?,On its way.\n"


def test_raw_files_are_named_and_left_without_a_word(world: World) -> None:
    before = world.rows.read_bytes()
    told = done(world)
    assert world.rows.read_bytes() == before
    assert not told.verified
    assert {(Path(each.place).name, each.form) for each in told.left} == {
        ("rows.jsonl:5", "raw-row"),
        ("rows.jsonl:9", "raw-row"),
        ("table.csv:2", "raw-row"),
    }
    assert done(world, raw=True).verified


def test_lines_of_others_stay(world: World) -> None:
    done(world, raw=True)
    events = (world.run / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["type"] for line in events] == ["artifact"]
    assert (world.run / "card.md").is_file()
    assert not (world.run / "report.html").exists()
    assert (world.runtime.workspace / "alerts.jsonl").read_text() == '{"url": "/"}\n'
    assert [each.id for each in world.store.exchanges()] == ["ex-000000000000000000000002"]
    assert [each.id for each in world.store.feedback()] == [f"fb-{23:024x}"]


def test_tombstones_say_nothing_of_the_content(world: World) -> None:
    ids = {row.id for split in SPLITS for row in world.dataset.rows(split)}
    done(world, raw=True)
    stones = tombstones(world.store)
    assert {stone.kind for stone in stones} == {"exchange", "feedback", "row", "artifact", "taught", "blanked"}
    assert [stone.id for stone in tombstones(world.store, "taught")] == [world.dataset.key]
    assert not ids & {stone.id for stone in stones}
    (row,) = [id for id in ids if tombstone(world.store, "row", id) is not None][:1]
    assert row in ids
    assert tombstone(world.store, "exchange", world.exchange) is not None
    assert tombstone(world.store, "exchange", "ex-000000000000000000000002") is None


STEPS = ("bury", "withdraw", "_clean", "_remove_folder", "write_successor", "blank", "remove", "left")


@pytest.mark.parametrize("step", STEPS)
def test_a_command_that_was_killed_is_finished_by_the_next(
    world: World, step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Killed as it comes to each step, and once more as it comes to it the second time."""
    real, calls = getattr(module, step), 0

    def killed(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls in (1, 3):
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(module, step, killed)
    for _ in range(2):
        try:
            done(world, raw=True)
        except KeyboardInterrupt:
            continue
    monkeypatch.setattr(module, step, real)
    told = done(world, raw=True)
    assert told.verified
    assert told.found.retrain == (world.run,)
    assert all(not grep(word, tmp_path) for word in (*WORDS, SUBJECT))
    assert [version.withdrawn_at is None for version in versions(world.store)] == [True, False]


def test_what_is_to_be_trained_again_is_told_until_it_was(world: World) -> None:
    for _ in range(3):
        assert done(world, raw=True).found.retrain == (world.run,)
    assert find(world.store, world.runtime, Person("somebody-else")).retrain == (world.run,)
    again, _ = trained(world.runtime, world.other.key, name="again")
    with open_run(world.run, "name: desk\n", world.runtime.clock) as record:
        record.record("artifact", kind="tuned_model", key=again.name)
    assert done(world, raw=True).found.retrain == ()


def test_a_user_that_is_a_word_of_everybodys_is_told_and_takes_nobody_along(world: World) -> None:
    """Requests of exactly that user are the person's; `parcel` stands in every answer."""
    own = exchange(30, subject="Parcel", prompt=(Message("user", "Good morning."),))
    world.store.record(own).result()
    others = [exchange(31), exchange(32, subject="Parcels", prompt=(Message("user", "Parcels of mine"),))]
    for each in others:
        world.store.record(each).result()
    found = find(world.store, world.runtime, Person("Parcel"))
    assert found.stored.exchanges == (own.id,)
    assert not found.raw
    assert not found.cuts
    (mention,) = found.mentions
    assert (mention.text, mention.is_removed, mention.num, mention.num_inside) == ("Parcel", False, 40 + 30 + 1, 1)
    assert len(mention.examples) == NUM_EXAMPLES
    assert others[1].id in mention.examples
    told = forget(world.store, world.runtime, Person("Parcel"), who="tests")
    assert told.verified
    assert {each.id for each in world.store.exchanges()} >= {each.id for each in others}
    assert world.dataset.folder.is_dir()
    # named as a text, it is the person's wherever it stands
    found = find(world.store, world.runtime, Person("Parcel", ("Parcel",)))
    assert others[1].id in found.stored.exchanges
    assert {Path(each.file).name: len(each.lines) for each in found.raw} == {"rows.jsonl": 40, "clean.jsonl": 30}


def test_a_user_that_is_nobodys_word_is_searched_for_in_the_store_as_bytes(world: World, tmp_path: Path) -> None:
    told = done(world, raw=True)
    assert told.verified
    assert grep(SUBJECT, tmp_path) == set()
    with (world.runtime.workspace / "store.db").open("ab") as stream:
        stream.write(SUBJECT.encode())
    (left,) = module.left(world.store, world.runtime, PERSON, told.found)
    assert Path(left.place).name == "store.db"


def test_files_that_rows_are_made_with_are_searched_whatever_they_are(world: World, tmp_path: Path) -> None:
    """WordNet's are `data.noun` and the like; a key's trace and a name of the Hub are no files."""
    words = tmp_path / "of 10:30" / "data.noun"
    words.parent.mkdir()
    words.write_text(f"lamp light\n{NAME} person\n")
    inputs = {str(words): "0" * 64, "personal.key": "0" * 16, "hub:owner/set.v2:default:train": "0" * 64}
    published(world.runtime, "dataset", inputs, {"train.jsonl": b""})
    found = find(world.store, world.runtime, PERSON)
    assert found.missing == ()
    assert [(each.lines, each.can_rewrite) for each in found.raw if Path(each.file) == words] == [((2,), False)]


def test_a_header_that_names_the_person_is_told_and_left(tmp_path: Path) -> None:
    table = tmp_path / "headed.csv"
    table.write_text(f"question,answer,asked by {NAME}\nWhat of {NAME}?,Gone.,yes\nIs it open?,Yes.,no\n")
    needles = Needles((NAME,))
    found = raw_file(table, needles)
    assert found == RawFile(str(table), (1, 2), can_rewrite=True)
    blank(found)
    assert table.read_text() == f"question,answer,asked by {NAME}\n\nIs it open?,Yes.,no\n"
    assert raw_file(table, needles) == RawFile(str(table), (1,), can_rewrite=True)


def test_a_label_that_only_the_persons_rows_had_goes_with_them(world: World, tmp_path: Path) -> None:
    """The command given again finds nothing more, and takes no rows of others along."""
    rows = [
        {"text": f"Ticket {n}: the {GOODS[n % 8]} is late", "label": NAME if n % 10 == 0 else ("desk", "yard")[n % 2]}
        for n in range(40)
    ]
    tickets = prepared(world.runtime, jsonl(tmp_path / "data" / "tickets.jsonl", rows))
    assert NAME in tickets.report().labels
    body = FeedbackBody(
        num_rows=2, num_preferences=0, num_ratings=0, num_feedback=2, new_labels={f"to {NAME}": 1, "refund": 1}
    )
    said = [
        {"text": f"Is {label} right?", "label": label, "exchange": "ex", "feedback": "fb"} for label in body.new_labels
    ]
    lines = "".join(json.dumps(row) + "\n" for row in said).encode()
    files = {"rows.jsonl": lines, "preferences.jsonl": b"", "ratings.jsonl": b"", BODY: body.model_dump_json().encode()}
    learned = published(world.runtime, "feedback_set", {"exchanges": "1" * 64}, files)
    told = done(world, raw=True)
    assert told.verified, told.left
    after = Dataset.open(tickets.folder.with_name(told.successors[tickets.key]))
    assert set(after.report().labels) == {"desk", "yard"}
    heir = FeedbackSet.open(learned.with_name(told.successors[learned.name]))
    assert heir.body.new_labels == {"refund": 1}
    assert done(world, raw=True).found.is_nothing
    assert after.folder.is_dir()


def test_what_annotators_work_on_is_searched(world: World, tmp_path: Path) -> None:
    """What they decided is a source like any other: its lines keep their places."""
    folder = world.runtime.workspace / "annotation" / "desk"
    texts = [f"Is {NAME} in?", *(f"Whose {one} is this, of order {n}?" for n, one in enumerate(GOODS))]
    rows = jsonl(folder / "rows.jsonl", [{"text": text, "label": f"a{len(text) % 2}"} for text in texts])
    tasks = [{"data": {"text": text}} for text in texts]
    (folder / "tasks.json").write_text(json.dumps(tasks))
    (folder / "labels.xml").write_text("<View/>")
    disputes = jsonl(folder / "adjudication.jsonl", tasks)
    prepared(world.runtime, rows)
    told = done(world)
    assert [Path(each.place).name for each in told.left if "annotation" in each.place] == ["rows.jsonl:1"]
    assert done(world, raw=True).verified
    assert grep(NAME, tmp_path) == set()
    assert sorted(file.name for file in folder.iterdir()) == ["adjudication.jsonl", "labels.xml", "rows.jsonl"]
    assert [len(file.read_text().splitlines()) for file in (rows, disputes)] == [len(texts), len(texts) - 1]


def test_a_row_whose_mention_was_masked_is_followed_by_its_place(world: World, tmp_path: Path) -> None:
    mail = "jan.bakker@example.org"
    rows = [
        {"question": f"Order {number}: write to {mail if number == 7 else 'me'}", "answer": "Soon."}
        for number in range(30)
    ]
    masked = prepared(world.runtime, jsonl(tmp_path / "data" / "masked.jsonl", rows), personal={"mode": "mask"})
    assert not grep(mail, masked.folder)
    (cut,) = find(world.store, world.runtime, Person(words=(mail,))).cuts
    assert cut.node.key == masked.key
    (row,) = (row for split in SPLITS for row in masked.rows(split) if row.id in cut.ids)
    assert row.place.line == 8


def test_rows_of_others_on_the_same_line_stay(world: World, tmp_path: Path) -> None:
    """A list in JSON is mostly one line."""
    file = tmp_path / "data" / "list.json"
    rows = [{"question": f"Room {number}: is it warm?", "answer": "Yes."} for number in range(20)]
    rows[6]["guest"] = "jan.bakker@example.org"
    file.write_text(json.dumps(rows))
    dataset = prepared(world.runtime, file)
    found = find(world.store, world.runtime, Person(words=("jan.bakker@example.org",)))
    assert [(each.lines, each.can_rewrite) for each in found.raw] == [((1,), False)]
    (cut,) = found.cuts
    (row,) = (row for split in SPLITS for row in dataset.rows(split) if row.id in cut.ids)
    assert row.messages[0].content == "Room 6: is it warm?"


def test_a_page_is_followed_where_there_are_no_lines(world: World, tmp_path: Path) -> None:
    file = tmp_path / "data" / "letters.docx"
    document = docx.Document()
    mail = "jan.bakker@example.org"
    for number in range(12):
        document.add_paragraph(
            f"Letter {number} to {mail if number == 3 else 'the office'}, about the {number}th lamp."
        )
    document.save(str(file))
    source = {"path": str(file), "format": "text"}
    masked = prepared(world.runtime, sources=[source], personal={"mode": "mask"})
    assert not grep(mail, masked.folder)
    (cut,) = find(world.store, world.runtime, Person(words=(mail,))).cuts
    (row,) = (row for split in SPLITS for row in masked.rows(split) if row.id in cut.ids)
    assert row.place.field == "paragraph 4"


def test_what_no_row_of_a_page_shows_is_searched_too(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(f'<html><body><a href="mailto:{MAIL}">Write to the desk.</a></body></html>')
    assert raw_file(page, Needles((MAIL,))) == RawFile(str(page), (1,), can_rewrite=False)


def test_the_file_behind_a_link_is_changed(world: World, tmp_path: Path) -> None:
    link = tmp_path / "data" / "linked.jsonl"
    link.symlink_to(jsonl(tmp_path / "share" / "rows.jsonl", raw_rows()))
    prepared(world.runtime, link)
    assert done(world, raw=True).verified
    assert link.is_symlink()
    assert not grep(NAME, tmp_path / "share")


def test_a_training_whose_checkpoint_would_go_is_not_touched(world: World) -> None:
    run = world.runtime.workspace / "runs" / "again-87654321"
    with open_run(run, "name: again\n", world.runtime.clock):
        checkpoint = Identity("checkpoint", 1, {"dataset": world.dataset.key}, {}, 0, {})
        with publish(run / "checkpoints" / "tuned" / "1", checkpoint) as staging:
            (staging / "state.safetensors").touch()
        with pytest.raises(TunesmithError, match="run-busy"):
            done(world)
    assert world.dataset.folder.is_dir()
    assert done(world, raw=True).verified
    assert not (run / "checkpoints" / "tuned" / "1").exists()


def test_what_a_kill_left_of_a_removal_is_removed_wherever_it_lies(world: World, tmp_path: Path) -> None:
    """Weights without the manifest by which they were found."""
    moved = tmp_path / "shipped" / "desk"
    shutil.copytree(world.bundle, moved)
    add_version(world.store, moved, who="tests")
    left = (world.run / "checkpoints" / "tuned" / ".1.1.retired", moved.with_name(".desk.1.retired"))
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "weights.safetensors").touch()
    done(world, raw=True)
    assert not [folder for folder in left if folder.exists()]


def test_a_run_that_is_going_on_is_not_touched(world: World) -> None:
    with (world.run / ".lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TunesmithError, match="run-busy"):
            done(world)
    assert world.dataset.folder.is_dir()
    assert world.store.num_exchanges == 2


@pytest.mark.parametrize(
    ("person", "code"),
    [(Person(), "forget-nobody"), (Person(words=("Ann",)), "forget-short"), (Person("x", ("李",)), "forget-short")],
)
def test_who_cannot_be_told_from_others_is_refused(world: World, person: Person, code: str) -> None:
    with pytest.raises(TunesmithError, match=code):
        find(world.store, world.runtime, person)


def test_a_short_user_is_found_by_requests_alone(world: World) -> None:
    found = find(world.store, world.runtime, Person("7"))
    assert found.is_nothing
    assert "7" not in found.needles.words


def test_a_model_whose_rows_are_gone_is_told_of(world: World) -> None:
    (world.other.folder / "manifest.json").unlink()
    found = find(world.store, world.runtime, Person(words=(NAME,)))
    assert [str(version) for version in found.unsure] == ["clean@1"]
    assert CHINESE not in found.needles.words


def test_a_model_that_learned_is_withdrawn_though_its_rows_have_a_successor(world: World) -> None:
    """Somebody of the test rows, from which nothing was learned, was forgotten first."""
    asked = [row.messages[0].content for row in world.dataset.rows("test")]
    first = Person(words=(next(text for text in asked if text.startswith("Order")).partition(" where")[0],))
    told = forget(world.store, world.runtime, first, raw=True, who="tests")
    assert world.dataset.key in told.successors
    assert "desk@1" not in map(str, told.found.withdrawn)
    found = find(world.store, world.runtime, PERSON)
    assert not found.unsure
    assert "desk@1" in map(str, found.withdrawn)
    assert world.run in done(world, raw=True).found.retrain
    assert world.run in done(world, raw=True).found.retrain


@pytest.mark.parametrize("named", ["base", "start"])
def test_a_model_that_went_on_from_one_that_learned_is_withdrawn_too(world: World, named: str) -> None:
    weights = world.runtime.workspace / "artifacts" / "tuned_model" / world.model / "weights"
    base = find_base(str(weights)).content_hash if named == "base" else BASE
    more = {"start": hash_folder(weights)} if named == "start" else {}
    _, bundle = trained(world.runtime, world.other.key, base=base, name="further", **more)
    add_version(world.store, bundle, who="tests")
    found = find(world.store, world.runtime, PERSON)
    assert {str(version) for version in found.withdrawn} == {"desk@1", "further@1"}


def test_lines_of_an_edited_raw_file_take_no_rows_of_others_along(world: World) -> None:
    """Row 9 names the person in a column that no model sees; a line more above it, and row 8 stands on line 9."""
    rows = [row for split in SPLITS for row in world.dataset.rows(split)]
    innocent = {row.id for row in rows if row.place.file == str(world.rows) and row.place.line in (6, 10)}
    assert len(innocent) == 2
    world.rows.write_text("\n" + world.rows.read_text())
    found = find(world.store, world.runtime, PERSON)
    assert found.edited == {str(world.rows): (world.dataset.key,)}
    assert not innocent & {id for cut in found.cuts for id in cut.ids}
    assert {Path(each.file).name: each.lines for each in found.raw}["rows.jsonl"] == (6, 10)
    assert any("put back as it was" in line for line in found_lines(found))
    assert found_json(found)["raw_edited"] == {str(world.rows): [world.dataset.key]}


def test_rows_behind_those_that_were_read_and_a_forgetting_are_no_edit(world: World) -> None:
    with world.rows.open("a") as stream:
        stream.write('{"question": "Is it new?", "answer": "It is."}\n')
    found = find(world.store, world.runtime, PERSON)
    assert found.edited == {}
    assert sum(len(cut.ids) for cut in found.cuts if cut.node.key == world.dataset.key) == 4
    assert done(world, raw=True).found.edited == {}
    assert find(world.store, world.runtime, PERSON).edited == {}
    assert find(world.store, world.runtime, Person(words=("Order 12:",))).edited == {}


def test_a_folder_that_is_called_as_the_person_is_makes_no_mention(tmp_path: Path, runtime: Runtime) -> None:
    """Every row, manifest and event names the file that it came from."""
    home = tmp_path / "home" / MAIL
    here = replace(runtime, workspace=home / "work", cache=home / "cache")
    for folder in (here.workspace, here.cache):
        folder.mkdir(parents=True)
    url = f"sqlite:///{here.workspace}/store.db"
    with open_store(url, clock=here.clock, key_file=here.workspace / "store.key") as store:
        world = make_world(home, here, store)
        (world.run / "log.txt").write_text(f"reads {world.rows}\n")
        person = Person(words=(MAIL,))
        found = find(store, here, person)
        assert sum(len(cut.ids) for cut in found.cuts if cut.node.key == world.dataset.key) == 2  # lines 5 and 9
        assert world.other.folder not in [cut.node.folder for cut in found.cuts]
        assert {file.name for file in found.files} == {"report.html", "alerts.jsonl", "rendered-1.safetensors"}
        assert found_json(found)["in_paths"] == [str(home)]
        assert any(f"The path {home} holds" in line for line in found_lines(found))
        told = forget(store, here, person, raw=True, who="tests")
        assert told.verified, told.left
        assert (world.run / "log.txt").is_file()
        assert Dataset.open(world.other.folder).key == world.other.key
        assert MAIL not in world.rows.read_text()


def test_a_folder_beside_the_recipe_that_is_called_as_the_person_is_hides_nothing(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    dataset = prepared(runtime, jsonl(Path(NAME) / "rows.jsonl", raw_rows()))
    alerts = jsonl(runtime.workspace / "alerts.jsonl", [{"who": NAME}, {"file": f"{NAME}/rows.jsonl"}])
    url = f"sqlite:///{runtime.workspace}/store.db"
    with open_store(url, clock=runtime.clock, key_file=runtime.workspace / "store.key") as store:
        found = find(store, runtime, Person(words=(NAME,)))
        assert [(cut.node.key, len(cut.ids)) for cut in found.cuts] == [(dataset.key, 1)]
        assert list(found.files) == [alerts]
        assert forget(store, runtime, Person(words=(NAME,)), raw=True, who="tests").verified
