"""A person is forgotten: found in all that is kept, taken out of it, and looked for once more, byte by byte.

What is rows gets a successor without the person's; what only quotes them is removed, and can be made again; a model
that learned from them is withdrawn, since weights cannot be searched for a person. The order is that of a walk back:
what a person is found by goes last, so that a command that was killed finds the rest when it is given again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tunesmith.artifacts.bundle import KIND as BUNDLE
from tunesmith.artifacts.dataset import KIND as DATASET
from tunesmith.artifacts.feedback_set import KIND as FEEDBACK_SET
from tunesmith.artifacts.folder import MANIFEST, open_manifest, sweep
from tunesmith.artifacts.run import RunBusy
from tunesmith.artifacts.tuned_model import KIND as MODEL
from tunesmith.errors import Place, TunesmithError
from tunesmith.lifecycle.forget_rows import (
    Cut,
    RawFile,
    Spot,
    blank,
    blanked,
    cut_of,
    drop_lines,
    passages,
    raw_file,
    spots_of,
    successor_identity,
    write_successor,
)
from tunesmith.lifecycle.lineage import Lineage, newest_in, read_lineage
from tunesmith.lifecycle.monitor import SAID, TRAFFIC
from tunesmith.lifecycle.raw_files import absolute, edited, note_blanked, sources_of
from tunesmith.lifecycle.trace import Step, learned_from
from tunesmith.monitor.reference import KIND as REFERENCE
from tunesmith.runtime import Runtime
from tunesmith.store import Store, Version, aliases, versions, withdraw
from tunesmith.store.tombstones import Held, bury, held, remove, tombstones
from tunesmith.text.needles import Form, Needles, holding, is_long_enough, stands_alone

REASON: Final = "rows of a person who is to be forgotten"
NUM_EXAMPLES: Final = 5
WEIGHTS: Final = (".safetensors", ".gguf")
OURS: Final = (
    "artifacts",
    "runs",
    "reports",
    "ratings",
    "annotation",
    "probes",
    "watch",
    "history.jsonl",
    "alerts.jsonl",
)
"""What of a workspace is the program's own; all else in that folder is its owner's."""


@dataclass(frozen=True, slots=True)
class Person:
    """What identifies somebody."""

    subject: str | None = None
    """The `user` of requests."""
    words: tuple[str, ...] = ()
    """Names, addresses, numbers, each as it is written."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A text, and in how many passages it stands: exchanges, and rows of raw files."""

    text: str
    is_removed: bool
    """False of the `user` of requests, which is no text of the person's unless it was given as one."""
    num: int
    num_inside: int
    """Of them, those in which it only stands inside of longer words: `Keller` in `Kellermann`."""
    examples: tuple[str, ...]
    """Where the first of them are."""


@dataclass(frozen=True)
class Found:
    """All that holds a person, before anything is touched."""

    needles: Needles
    stored: Held
    raw: tuple[RawFile, ...]
    missing: tuple[str, ...]
    """Files of raw rows that are not where they were."""
    edited: dict[str, tuple[str, ...]]
    """Files of raw rows that are not what they were, and the keys of the datasets that were read from them then: no row
    of those is found by its line."""
    cuts: tuple[Cut, ...]
    removed: tuple[Path, ...]
    """Folders of other artifacts, and of checkpoints."""
    files: dict[Path, Form]
    """Files of runs, pages and caches: of JSON lines the person's lines go, any other file goes."""
    withdrawn: tuple[Version, ...]
    models: tuple[Step, ...]
    """Trained on the person's rows."""
    unsure: tuple[Version, ...]
    """Versions whose training rows are not on this disk: nobody can tell whether the person was among them."""
    retrain: tuple[Path, ...]
    """Folders of the runs whose newest model learned from this person's rows, or from those of somebody who was
    forgotten before."""
    mentions: tuple[Mention, ...]
    """Of the person's words, and of the `user` of requests."""

    @property
    def is_nothing(self) -> bool:
        return self.stored.is_empty and not (self.raw or self.cuts or self.removed or self.files)


@dataclass(frozen=True, slots=True)
class Left:
    """Bytes of the person that are still there."""

    place: str
    form: str


@dataclass(frozen=True)
class Forgotten:
    """What was done, and what is left."""

    found: Found
    successors: dict[str, str]
    """The new key of each artifact of rows, by the old one."""
    aliases: tuple[str, ...]
    """Those that point to a version that is withdrawn now."""
    left: tuple[Left, ...]

    @property
    def verified(self) -> bool:
        """Whether a search of all that could be searched found nothing more."""
        return not self.left


def find(store: Store, runtime: Runtime, person: Person) -> Found:
    """Look everywhere, and change nothing. Raises TunesmithError `forget-nobody`, `forget-short`."""
    words = _words(store, person)
    stored = held(store, person.subject, Needles(words))
    ids = {*stored.exchanges, *stored.feedback}
    known = versions(store)
    lineage = read_lineage(runtime.workspace, [version.folder for version in known])
    raw, missing = _raw(lineage, Needles(words, frozenset(ids)))
    was_edited = edited(lineage, store, lineage.of_kind(DATASET))
    paths = _paths(runtime, lineage, words)
    cuts = _cuts(
        lineage,
        Needles(words, paths=paths),
        ids,
        {spot for file in raw for spot in file.spots},
        was_edited,
    )
    needles = Needles(words, frozenset(ids.union(*(cut.ids for cut in cuts))), paths)
    datasets = {key for cut in cuts if cut.node.kind == DATASET for key in cut.node.keys}
    taught = set(_taught(cuts))
    learned = learned_from(lineage, taught)
    kept = {cut.node.folder for cut in cuts}
    derived = _derived(lineage, datasets, stored)
    holders = [folder for folder in _all_folders(runtime, lineage) if folder in derived or _holds(folder, needles)]
    removed = [*(folder for folder in holders if folder not in kept), *_checkpoints(runtime, datasets)]
    withdrawn = {node.key for node in [*learned, *lineage.of_kind(BUNDLE)] if node in learned or node.folder in removed}
    usable = [version for version in known if version.withdrawn_at is None]
    models = tuple(Step(node.kind, node.key, str(node.folder)) for node in learned if node.kind == MODEL)
    return Found(
        needles=needles,
        stored=stored,
        raw=tuple(raw),
        missing=tuple(missing),
        edited={str(file): tuple(keys) for file, keys in was_edited.items() if file.is_file()},
        cuts=tuple(cuts),
        removed=tuple(removed),
        files=holding(_loose_files(runtime, [*removed, *_raw_files(lineage)]), needles),
        withdrawn=tuple(version for version in usable if version.bundle in withdrawn),
        models=models,
        unsure=tuple(version for version in usable if _is_unsure(lineage, version)),
        retrain=tuple(_to_retrain(lineage, taught.union(stone.id for stone in tombstones(store, "taught")))),
        mentions=tuple(_mentions(store, lineage, person)),
    )


def _taught(cuts: Iterable[Cut]) -> list[str]:
    """Keys of datasets whose rows that go a training learned from."""
    return [key for cut in cuts if cut.node.kind == DATASET and cut.learned for key in sorted(cut.node.keys)]


def _to_retrain(lineage: Lineage, taught: set[str]) -> list[Path]:
    """Told by what is there and what was removed: the same however often the command was given or killed."""
    models = {node.key for node in learned_from(lineage, taught) if node.kind == MODEL}
    return [run for run in lineage.runs_of(models) if newest_in(run, MODEL) in models]


def _mentions(store: Store, lineage: Lineage, person: Person) -> Iterator[Mention]:
    """How common each text is: a word of everybody's shows itself before anything is removed."""
    texts = dict.fromkeys(person.words, True)
    if person.subject is not None and is_long_enough(person.subject):
        texts.setdefault(person.subject, False)
    needles = {text: Needles((text,)) for text in texts}
    num: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    examples: dict[str, list[str]] = {text: [] for text in texts}
    for place, passage in _passages(store, lineage):
        for text, needle in needles.items():
            form = needle.found_in(passage)
            if form is not None:
                num[text] += 1
                inside[text] += form == "raw" and not stands_alone(text, passage.decode("utf-8", "replace"))
                examples[text] += [place] if len(examples[text]) < NUM_EXAMPLES else []
    for text, is_removed in texts.items():
        yield Mention(text, is_removed, num[text], inside[text], tuple(examples[text]))


def _passages(store: Store, lineage: Lineage) -> Iterator[tuple[str, bytes]]:
    """All that may be an innocent's: what was asked and answered, and the raw rows, each with its place."""
    for exchange in store.exchanges():
        said = [*exchange.prompt, *([exchange.answer] if exchange.answer else [])]
        yield exchange.id, "\n".join(message.content for message in said).encode("utf-8", "surrogatepass")
    for file in _raw_files(lineage):
        if file.is_file():
            yield from ((str(place), passage) for place, passage in passages(file))


def _words(store: Store, person: Person) -> tuple[str, ...]:
    if person.subject is None and not person.words:
        raise TunesmithError("forget-nobody")
    for word in person.words:
        if not is_long_enough(word):
            raise TunesmithError("forget-short", word=word)
    if person.subject is None:
        return person.words
    # requests of exactly that `user` are found as such; as a text it may be a word of everybody's
    return tuple(dict.fromkeys([store.pseudonymiser.subject(person.subject), *person.words]))


def _is_unsure(lineage: Lineage, version: Version) -> bool:
    bundle = lineage.nodes.get(version.bundle)
    return bundle is None or lineage.find(bundle.manifest.inputs.get("dataset", "")) is None


def _raw(lineage: Lineage, needles: Needles) -> tuple[list[RawFile], list[str]]:
    """Where the person stands in the files that datasets were read from, FeedbackSets aside; and which files are gone.

    Raises what `read_file` raises of a file that cannot be read any more: nobody could say that it is clean.
    """
    files = _raw_files(lineage)
    found = [hit for file in files if file.is_file() and (hit := raw_file(file, needles)) is not None]
    return found, [str(file) for file in files if not file.is_file()]


def _raw_files(lineage: Lineage) -> list[Path]:
    """What datasets were read from, there or not; artifacts are none."""
    names = dict.fromkeys(name for node in lineage.of_kind(DATASET) for name in sources_of(node))
    own = (lineage.workspace / "artifacts").absolute()
    return [file for file in dict.fromkeys(map(absolute, names)) if not file.is_relative_to(own)]


def _paths(runtime: Runtime, lineage: Lineage, words: Iterable[str]) -> tuple[str, ...]:
    """The shortest beginnings of the paths of our files, and of raw ones, in which a word stands.

    Every row and manifest names its files: a folder that is called as the person is makes a mention of none of them.
    """
    ours = (runtime.workspace, runtime.cache)
    known = [*map(Path.absolute, ours), *map(Path.resolve, ours), *_raw_files(lineage)]
    known += [Path(name) for node in lineage.of_kind(DATASET) for name in sources_of(node)]
    found = (_naming(path, word) for path in dict.fromkeys(known) for word in words)
    return tuple(dict.fromkeys(path for path in found if path is not None))


def _naming(path: Path, word: str) -> str | None:
    """The shortest beginning of a path that a word stands in, and is not: a relative one may be a person's name."""
    parts = map(str, [*reversed(path.parents), path])
    return next((part for part in parts if word in part and (path.is_absolute() or word != part)), None)


def _cuts(
    lineage: Lineage, needles: Needles, ids: set[str], gone: set[Spot], was_edited: Mapping[Path, Collection[str]]
) -> list[Cut]:
    """From the artifacts of rows, until no row names one that goes: rows are made from rows.

    On the lines of a file that was edited since it was read may be the rows of others, who are to stay.
    """
    nodes = [*lineage.of_kind(FEEDBACK_SET), *lineage.of_kind(DATASET)]
    moved = {node.key: {str(file) for file, keys in was_edited.items() if node.key in keys} for node in nodes}
    while True:
        wanted = replace(needles, ids=frozenset(ids))
        found = (cut_of(node, wanted, {spot for spot in gone if spot[0] not in moved[node.key]}) for node in nodes)
        cuts = [cut for cut in found if cut is not None]
        new_ids, new_gone = ids.union(*(cut.ids for cut in cuts)), gone.union(*map(spots_of, cuts))
        if (new_ids, new_gone) == (ids, gone):
            return cuts
        ids, gone = new_ids, new_gone


def _derived(lineage: Lineage, datasets: set[str], stored: Held) -> set[Path]:
    """What monitoring keeps as numbers: of texts and of what was said, which name nobody and tell of everybody. Made
    again.
    """
    references = [node for node in lineage.of_kind(REFERENCE) if datasets & node.named]
    traffic = lineage.of_kind(TRAFFIC) if stored.exchanges else lineage.descendants(node.key for node in references)
    said = lineage.of_kind(SAID) if not stored.is_empty else []
    return {node.folder for node in (*references, *traffic, *said) if node.kind in (REFERENCE, TRAFFIC, SAID)}


def _all_folders(runtime: Runtime, lineage: Lineage) -> list[Path]:
    """Of artifacts, and of bundles that are registered from elsewhere."""
    folders = _folders(runtime)
    return [*folders, *(node.folder for node in lineage.nodes.values() if node.folder not in folders)]


def _holds(folder: Path, needles: Needles) -> bool:
    return any(map(needles.found_in_file, _searched(folder)))


def _folders(runtime: Runtime) -> list[Path]:
    """Of artifacts, whole or not; those that begin with a dot are being written, or `sweep` removes them."""
    found = sorted((runtime.workspace / "artifacts").glob("*/*"))
    return [folder for folder in found if folder.is_dir() and not folder.name.startswith(".")]


def _checkpoints(runtime: Runtime, datasets: set[str]) -> Iterator[Path]:
    """Weights of trainings on these datasets that were broken off: they learned too, and nothing goes on from them."""
    for file in sorted((runtime.workspace / "runs").rglob(MANIFEST)):
        try:
            manifest = open_manifest(file.parent, "checkpoint")
        except TunesmithError:
            continue
        if datasets & set(manifest.inputs.values()):
            yield file.parent


def _searched(folder: Path) -> Iterator[Path]:
    """Its files but for arrays: weights, and what `_derived` removes as a whole."""
    return (
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.is_symlink() and file.suffix not in WEIGHTS
    )


def _loose_files(runtime: Runtime, but: Iterable[Path]) -> Iterator[Path]:
    """Files of the workspace that belong to no artifact, and all of the cache, where rendered rows are tensors; none
    that are among others or lie under them.
    """
    others = {absolute(str(path)) for path in but}
    for name in OURS:
        at = runtime.workspace / name
        found = [at] if at.is_file() else at.glob("*/*") if name == "artifacts" else at.rglob("*")
        for file in sorted(found):
            here = absolute(str(file))
            if file.is_file() and file.suffix not in WEIGHTS and others.isdisjoint((here, *here.parents)):
                yield file
    yield from (file for file in sorted(runtime.cache.rglob("*")) if file.is_file() and not file.is_symlink())


def forget(store: Store, runtime: Runtime, person: Person, *, raw: bool = False, who: str) -> Forgotten:
    """Take a person out of everything. Given again, it does what is left to do.

    `raw`: files of raw rows are changed as well, where they are lines or plain tables. Raises TunesmithError
    `forget-nobody`, `forget-short`, RunFailed `run-busy` before anything is changed, `store-busy`.
    """
    _sweep(store, runtime)
    found = find(store, runtime, person)
    with _held_runs(found):
        bury(store, "taught", _taught(found.cuts))
        bury(store, "artifact", _names(found))
        bury(store, "row", sorted(id for cut in found.cuts for id in cut.ids))
        for version in found.withdrawn:
            withdraw(store, str(version), who=who, reason=REASON)
        for file in found.files:
            _clean(file, found.needles)
        for folder in found.removed:
            _remove_folder(folder)
        successors = {cut.node.key: _succeed(cut, found.needles) for cut in found.cuts}
    lineage = read_lineage(runtime.workspace)
    to_blank = [each for each in found.raw if raw and each.can_rewrite]
    note_blanked(lineage, store, {Path(each.file): blanked(each) for each in to_blank})
    for each in to_blank:
        blank(each)
    remove(store, found.stored)
    _sweep(store, runtime)
    pointed = tuple(alias for alias, version in aliases(store).items() if version.withdrawn_at is not None)
    return Forgotten(found, successors, pointed, tuple(left(store, runtime, person, found)))


def _sweep(store: Store, runtime: Runtime) -> None:
    """Remove what killed processes left of artifacts, of checkpoints, and of bundles that are registered from
    elsewhere."""
    checkpoints = {left.parent for left in (runtime.workspace / "runs").rglob(".*.retired")}
    for folder in (*(runtime.workspace / "artifacts").glob("*"), *checkpoints):
        sweep(folder)
    for version in versions(store):
        sweep(version.folder.parent, version.folder.name)


def _names(found: Found) -> list[str]:
    return [*(cut.node.key for cut in found.cuts), *(folder.name for folder in found.removed)]


def _clean(file: Path, needles: Needles) -> None:
    if file.suffix == ".jsonl":
        drop_lines(file, needles)
    else:
        file.unlink(missing_ok=True)


def _succeed(cut: Cut, needles: Needles) -> str:
    write_successor(cut, needles)
    _remove_folder(cut.node.folder)
    return successor_identity(cut).key()


def _remove_folder(folder: Path) -> None:
    """Out of sight at once; what a kill leaves of it, the next `sweep` removes."""
    if folder.is_dir():
        retired = folder.with_name(f".{folder.name}.{os.getpid()}.retired")
        folder.rename(retired)
        shutil.rmtree(retired)


@contextmanager
def _held_runs(found: Found) -> Iterator[None]:
    """Hold the locks of the runs whose files and checkpoints change. Raises RunBusy `run-busy`."""
    changing = [*found.files, *found.removed]
    folders = {parent for path in changing for parent in path.parents if (parent / ".lock").is_file()}
    streams = [(folder / ".lock").open("a+", encoding="utf-8") for folder in sorted(folders)]
    try:
        for stream in streams:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as failure:
                stream.seek(0)
                place = Place(str(Path(stream.name).parent))
                raise RunBusy("run-busy", place=place, process=stream.read().strip()) from failure
        yield
    finally:
        for stream in streams:
            stream.close()


def left(store: Store, runtime: Runtime, person: Person, found: Found) -> Iterator[Left]:
    """Where a person's bytes still stand: in the workspace and its cache, raw files, the store and its files.

    Not searched are weights, which hold no text, and the files of a database that is a server.
    """
    lineage = read_lineage(runtime.workspace)
    files = [file for folder in sorted((runtime.workspace / "artifacts").glob("*/*")) for file in _searched(folder)]
    for file, form in holding([*files, *_loose_files(runtime, _raw_files(lineage))], found.needles).items():
        yield Left(str(file), form)
    raw, _ = _raw(lineage, replace(found.needles, paths=()))
    for each in raw:
        yield from (Left(f"{each.file}:{line}", "raw-row") for line in each.lines)
    words = found.needles.words
    if not held(store, person.subject, Needles(words)).is_empty:
        yield Left(store.place, "rows")
    if person.subject is not None and is_long_enough(person.subject):
        is_text = not held(store, None, Needles((person.subject,))).is_empty  # somebody else's, or not yet given as one
        words = words if is_text else (*words, person.subject)
    # the registry names the folders of bundles
    for file, form in holding(_database_files(store), Needles(words, paths=_paths(runtime, lineage, words))).items():
        yield Left(str(file), form)


def _database_files(store: Store) -> list[Path]:
    """SQLite's file and its log."""
    if store.database.dialect.name != "sqlite":
        return []
    file = Path(str(store.database.url.database))
    return [each for each in (file, file.with_name(f"{file.name}-wal")) if each.is_file()]
