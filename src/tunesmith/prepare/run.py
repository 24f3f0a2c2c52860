"""The stage: sources -> Dataset. Read, checks, duplicates, split, proof; meanwhile the rows wait on disk."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copyfile
from typing import Any, Final

import numpy as np

from tunesmith.artifacts import Dataset, DatasetReport, Identity, hash_folder, library_versions, publish
from tunesmith.artifacts.dataset import (
    AUGMENT_REJECTS,
    CLUSTERS,
    KIND,
    REJECTS,
    REPORT,
    TRACE_REJECTS,
    AugmentReport,
    BalanceReport,
    Contamination,
    LongText,
    Refusals,
    Synthesis,
    place_of,
)
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.prepare.augment import Workshop, augment, give_up, inputs_of_augment
from tunesmith.prepare.balance import Emphasis, balance_report, emphasise, write_rows
from tunesmith.prepare.categories import categories_of
from tunesmith.prepare.changes import Change, changes_by_rule
from tunesmith.prepare.clean import hash_examples
from tunesmith.prepare.contamination import Text, contamination_of
from tunesmith.prepare.duplicates import (
    DUPLICATE,
    HELD_OUT,
    NO_TRACE,
    OVER_SHARE,
    UNDER_SAMPLED,
    Kin,
    Left,
    duplicates,
    families,
    repeats,
)
from tunesmith.prepare.files import files_of, hash_readable
from tunesmith.prepare.index import BENCHMARK, DECLARED, Mask, Rows, training_rows
from tunesmith.prepare.lengths import CUT, TOO_LONG, WINDOW, Fits, max_tokens_of, need_tokenizer
from tunesmith.prepare.near import clusters_of, join_near, near_duplicates
from tunesmith.prepare.pool import Pool
from tunesmith.prepare.proof import prove
from tunesmith.prepare.quality.score import judge
from tunesmith.prepare.report import Account, report_of
from tunesmith.prepare.safety import MANY_VISITS, refuse
from tunesmith.prepare.seal import key_fingerprint
from tunesmith.prepare.semantic import Meaning, join_semantic, semantic_duplicates
from tunesmith.prepare.sources import inputs_of, rows_by_share, take_share
from tunesmith.prepare.split import UNUSED, Assigned, assign, num_newer
from tunesmith.prepare.telling import counted, listed, say_done, say_repeats
from tunesmith.prepare.traces import synthesise
from tunesmith.prepare.unhidden import unhidden_in
from tunesmith.prepare.walk import ADDED, Rejects, Rules, Walk, read_sources
from tunesmith.recipe import Prepare
from tunesmith.recipe.prepare import TOLD
from tunesmith.records import Rejected
from tunesmith.runtime import Progress, Runtime

VERSION: Final = 8


def prepare(
    section: Prepare, *, seed: int, runtime: Runtime, progress: Progress, out: Path, fits: Fits | None = None
) -> Dataset:
    """Read the sources, check their rows and publish them as a Dataset at `out`.

    Many rows are worked on by `runtime.num_threads` processes, `fits`, by which rows are measured, must then be
    picklable; what waits to be written lies in `runtime.cache`. Raises TunesmithError for what cannot be read (see
    `tables_of`, `layout_of`), `no-training-rows`, `tokens-unknown` (see `need_tokenizer`); RunFailed `rows-too-long`
    (unless the section says what becomes of such rows), `too-many-bad-rows` (every reject then lies in
    `<out>.rejects.jsonl`) and `split-overlap`.
    Nothing is left at `out` then.
    """
    need_tokenizer(section, fits)
    personal_key = key_of_secret(section, runtime)
    made_from = identity(section, seed, fits, personal_key)
    rules = Rules(section, fits, personal_key)
    with (
        _scratch(runtime.cache) as scratch,
        Pool(rules, runtime.num_threads) as pool,
        closing(Walk.into(scratch / "walk")) as found,
    ):
        read_sources(found, rules, pool, progress)
        if section.too_long == "stop":
            _refuse_long(found.rejects)
        chosen = _choose(found, section, pool, scratch, out, progress)
        read = assign(found.spool, chosen.kept_N, chosen.kin, found.labels, section, seed)
        if section.split_by_time and (newer := num_newer(found.spool, chosen.kept_N, chosen.kin, read)):
            progress.say("say.prepare.newer", "warning", count=newer)
        _cut_to_shares(found, chosen, read, section, seed)
        judged = scratch / "quality"
        judged.mkdir()
        if section.quality.score:  # of the rows as they were read: augmentation has a judge of its own
            judge(found, read.without(_rehearsal(found, read)), chosen.kin.cluster_N, pool, judged)
        synthesis = _reason(found, chosen, read, Workshop(rules, pool, runtime, seed, scratch / "traces"), progress)
        workshop = Workshop(rules, pool, runtime, seed, scratch / "augment")
        made, assigned = _augment(found, chosen, read, workshop, progress)
        balancing, made = _balance(found, chosen, assigned, made, workshop, progress)
        _check_splits(assigned, progress)
        decided = _Decided(chosen, assigned, synthesis, made, balancing)
        decided = _refuse(found, decided, replace(workshop, scratch=scratch / "safety"), scratch, progress)
        with publish(out, made_from) as folder:
            report = _write(found, decided, folder, pool, scratch)
            for file in judged.iterdir():
                copyfile(file, folder / file.name)
    say_done(report, progress)
    return Dataset.open(out)


def key_of_secret(section: Prepare, runtime: Runtime) -> bytes | None:
    """The value of the secret that the section names for its pseudonyms; None where it names none or it is not set."""
    secret = runtime.secrets.get(section.personal.key) if section.personal.key is not None else None
    return None if secret is None else secret.encode()


def identity(section: Prepare, seed: int, fits: Fits | None = None, personal_key: bytes | None = None) -> Identity:
    """All that decides what `prepare` makes: what is read, the section, the seed, the versions and the key's trace.

    Read are the sources, the examples of the task and the folders of models. `fits` is what rows are held against, if
    they are; `personal_key` the key of the pseudonyms, of which a fingerprint goes in. Raises TunesmithError for what
    cannot be read, and `neighbours-unknown`, `personal-key-missing`, `personal-key-short`.
    """
    inputs = {"fits": fits.key} if fits else {}
    for source in (*section.sources, *section.contamination):
        inputs |= inputs_of(source)
    if section.augment is not None:
        inputs |= inputs_of_augment(section.augment, fits)
    if section.clean.relevance is not None:
        inputs |= hash_examples(Path(section.clean.relevance.examples))
    if section.personal.mode == "pseudonym":
        inputs["personal.key"] = key_fingerprint(personal_key)
    models = (section.personal.model, section.duplicates.semantic and section.duplicates.semantic.model)
    inputs |= {f"model:{folder}": hash_folder(Path(folder)) for folder in models if folder}
    for path in (section.quality.expected, section.quality.checks.json_schema):
        inputs |= {str(file): hash_readable(file) for file in ([] if path is None else files_of(path))}
    return Identity(
        kind=KIND,
        stage_version=VERSION,
        inputs=inputs,
        section=section.model_dump(mode="json", exclude=TOLD),
        seed=seed,
        libraries=library_versions("datasets", "polars", "rensa", "scikit-learn"),
    )


def changed_rows(
    section: Prepare, counts: Mapping[str, int], num_rows: int, *, runtime: Runtime, fits: Fits | None = None
) -> dict[str, list[Change]]:
    """What the rules did to the first rows that each changed, by code (see `changes_by_rule`)."""
    return changes_by_rule(Rules(section, fits, key_of_secret(section, runtime)), counts, num_rows)


@contextmanager
def _scratch(cache: Path) -> Iterator[Path]:
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="prepare-", dir=cache) as folder:
        yield Path(folder)


@dataclass(frozen=True)
class _Chosen:
    """Which rows stay, and what ties them."""

    kept_N: Mask
    kin: Kin
    cut_for: Mapping[str, list[Rows]] = field(default_factory=dict)
    """By held-out split, the training rows that were cut for repeating it; by `benchmark` with the rows repeated."""


@dataclass(frozen=True, slots=True)
class _Balancing:
    """What becomes of each training row that stays, and how that came."""

    emphasis: Emphasis
    report: BalanceReport | None = None


@dataclass(frozen=True, slots=True)
class _Decided:
    """All that is known of the rows when they are written."""

    chosen: _Chosen
    assigned: Assigned
    synthesis: Synthesis | None
    made: AugmentReport | None
    balancing: _Balancing
    refusals: Refusals | None = None


def _choose(found: Walk, section: Prepare, pool: Pool[Any], scratch: Path, out: Path, progress: Progress) -> _Chosen:
    """Leave out duplicates, near-duplicates where the recipe says so, and repeats of held-out rows."""
    spool = found.spool
    kept_N: Mask = np.ones(len(spool), dtype=bool)
    equal = duplicates(spool)
    _leave_out(equal, found, kept_N)
    if len(equal.rows_S):
        progress.say("say.prepare.duplicates", count=len(equal.rows_S))
    _refuse_bad(found, section.max_bad_share, out, progress)
    forest, likeness = join_near(spool, kept_N, section.duplicates.threshold, pool, scratch)
    semantic = section.duplicates.semantic
    meaning = Meaning(semantic) if semantic else None
    if meaning is not None:
        join_semantic(spool, kept_N, forest, meaning, scratch)
    kin = Kin(forest.roots(), families(spool, equal), found.openings)
    cut_for: dict[str, list[Rows]] = {held_out: [] for held_out in HELD_OUT}
    for held_out, left in repeats(spool, kept_N, kin):
        _leave_out(left, found, kept_N)
        cut_for[held_out].append(left.same_as_S)
    say_repeats(found.rejects, progress)
    if section.duplicates.near == "drop":
        near = near_duplicates(spool, training_rows(spool, kept_N), kin.cluster_N, likeness, pool)
        _leave_out(near, found, kept_N)
        progress.say("say.prepare.near-duplicates", count=len(near.rows_S))
    if meaning is not None and meaning.section.action == "drop":
        left = semantic_duplicates(spool, training_rows(spool, kept_N), kin.cluster_N, meaning)
        _leave_out(left, found, kept_N)
        progress.say("say.prepare.semantic-duplicates", count=len(left.rows_S))
    return _Chosen(kept_N & (spool["declared"] != BENCHMARK), kin, cut_for)


def _rehearsal(found: Walk, assigned: Assigned) -> Rows:
    """The training rows that are none of the task."""
    train = assigned.rows("train")
    general: Rows = train[found.spool["declared"][train] == DECLARED["rehearsal"]]
    return general


def _leave_out(left: Left, found: Walk, kept_N: Mask) -> None:
    kept_N[left.rows_S] = False
    for source, reject in left.rejects(found.spool):
        found.rejects.add(reject, source)


def _cut_to_shares(found: Walk, chosen: _Chosen, assigned: Assigned, section: Prepare, seed: int) -> None:
    """Leave out training rows of sources that have more than their share or number, those drawn last by their ids."""
    shares, bounds = zip(*((source.share, source.max_rows) for source in section.sources), strict=True)
    if not any((*shares, *bounds)):
        return
    spool, train = found.spool, assigned.rows("train")
    origin_T = np.array(found.origins)[spool["source"][train]]
    counts = np.bincount(origin_T, minlength=len(shares)).tolist()
    available = [min(count, bound or count) for count, bound in zip(counts, bounds, strict=True)]
    for origin, num_rows in enumerate(rows_by_share(available, shares)):
        rows = train[origin_T == origin]
        ids = [f"{key:016x}" for key in spool["id"][rows].tolist()]
        is_cut = np.ones(len(rows), dtype=bool)
        is_cut[take_share(ids, num_rows, seed)] = False
        _take_out(rows[is_cut], found, chosen, assigned, OVER_SHARE, f"{num_rows} / {len(rows)}")


def _take_out(rows: Rows, found: Walk, chosen: _Chosen, assigned: Assigned, reason: str, detail: str = "") -> None:
    """Training rows that were sound and in their split, and become rejects all the same."""
    chosen.kept_N[rows] = False
    assigned.codes_N[rows] = UNUSED
    for row, source in zip(found.spool.written(rows), found.spool["source"][rows].tolist(), strict=True):
        found.rejects.add(Rejected(place_of(row), reason, detail), source)


def _reason(
    found: Walk, chosen: _Chosen, assigned: Assigned, workshop: Workshop, progress: Progress
) -> Synthesis | None:
    teacher = workshop.rules.section.teacher
    if teacher is None:
        return None
    synthesised = synthesise(found, assigned, workshop)
    report = synthesised.report
    progress.say(
        "say.prepare.traced",
        model=report.model,
        kept=report.kept,
        rows=report.rows,
        answers=report.answers,
        rejected=listed(report.rejected),
    )
    if teacher.without == "drop":
        _take_out(synthesised.without, found, chosen, assigned, NO_TRACE)
    return report


def _augment(
    found: Walk, chosen: _Chosen, assigned: Assigned, workshop: Workshop, progress: Progress
) -> tuple[AugmentReport | None, Assigned]:
    if workshop.rules.section.augment is None or not assigned.counts["train"]:
        return None, assigned
    general = _rehearsal(found, assigned)
    augmented = augment(found, chosen.kept_N, assigned.without(general), workshop)
    augmented.assigned.codes_N[general] = DECLARED["train"]
    for making in augmented.report.methods:
        progress.say(
            "say.prepare.augmented",
            method=making.method,
            made=making.made,
            kept=making.kept,
            rejected=listed(making.rejected),
        )
    return augmented.report, augmented.assigned


def _balance(
    found: Walk,
    chosen: _Chosen,
    assigned: Assigned,
    made: AugmentReport | None,
    workshop: Workshop,
    progress: Progress,
) -> tuple[_Balancing, AugmentReport | None]:
    """Repeats and weights of the training rows; those that under-sampling leaves out become rejects.

    A made row becomes one of augmentation, whose account is given as it then stands.
    """
    train, section = assigned.rows("train"), workshop.rules.section.balance
    if section is None or not len(train):
        return _Balancing(Emphasis.none(len(train))), made
    categories = categories_of(found, train, section, workshop.seed)
    emphasis = emphasise(categories, found.spool["id"][train], section, workshop.seed)
    report = balance_report(categories, emphasis, section)
    cut = train[emphasis.is_cut_T]
    is_made = cut >= len(chosen.kept_N)
    _take_out(cut[~is_made], found, chosen, assigned, UNDER_SAMPLED)
    if made is not None and is_made.any():
        assigned.codes_N[cut[is_made]] = UNUSED
        made = give_up(made, found.spool.written(cut[is_made]), UNDER_SAMPLED, workshop.scratch / AUGMENT_REJECTS)
    rows = [category.before for category in report.categories.values()]
    progress.say(f"say.prepare.balance-{section.method}", by=report.by, least=min(rows), most=max(rows))
    return _Balancing(emphasis.of_kept(), report), made


def _refuse(found: Walk, decided: _Decided, workshop: Workshop, scratch: Path, progress: Progress) -> _Decided:
    """With the rows that refuse what the recipe blocks."""
    if workshop.rules.section.safety is None:
        return decided
    rejects = scratch / "augment" / AUGMENT_REJECTS
    rejects.parent.mkdir(exist_ok=True)
    made = refuse(found, decided.assigned, decided.balancing.emphasis, workshop, rejects)
    report = made.report
    num_visits = sum(report.visits.values())
    progress.say("say.prepare.refusals", rows=report.rows, visits=num_visits, share=f"{report.share:.1%}")
    if num_visits > MANY_VISITS * report.rows:
        progress.say("say.prepare.few-refusals", "warning", times=round(num_visits / report.rows))
    methods = [*(decided.made.methods if decided.made else ()), made.making]
    return replace(
        decided,
        assigned=made.assigned,
        made=AugmentReport(methods=methods),
        balancing=replace(decided.balancing, emphasis=made.emphasis),
        refusals=report,
    )


def _write(found: Walk, decided: _Decided, folder: Path, pool: Pool[Any], scratch: Path) -> DatasetReport:
    """Every file of the dataset but its manifest."""
    chosen, assigned = decided.chosen, decided.assigned
    for split in ("validation", "test"):
        found.spool.copy(assigned.rows(split), folder / f"{split}.jsonl")
    write_rows(found.spool, assigned.rows("train"), decided.balancing.emphasis, folder / "train.jsonl")
    found.rejects.close()
    copyfile(found.rejects.file, folder / REJECTS)
    if decided.synthesis is not None:
        copyfile(scratch / "traces" / TRACE_REJECTS, folder / TRACE_REJECTS)
    if decided.made is not None:
        copyfile(scratch / "augment" / AUGMENT_REJECTS, folder / AUGMENT_REJECTS)
    clusters = _write_clusters(found, chosen, folder / CLUSTERS)
    account = Account(
        sources=found.sources,
        rejected=found.rejects.counts,
        first_rejects=found.rejects.of_reason,
        rejected_of_source=found.rejects.of_source,
        num_bad=found.rejects.num_bad,
        changes=found.changes,
        added_of_source=found.added_of_source,
        long_text=_long_text(found, pool.context),
        labels=found.labels,
        clusters=clusters,
        contamination=_contamination(found, chosen, assigned, folder, pool, scratch),
        synthesis=decided.synthesis,
        augment=decided.made,
        balance=decided.balancing.report,
        refusals=decided.refusals,
        num_read_rows=len(chosen.kept_N),
        personal=found.rejects.personal,
        unhidden=unhidden_in(folder, pool.context.section.personal),
        time_columns=tuple(found.time_columns),
    )
    report = report_of(account, found.spool, assigned, prove(folder, scratch, pool))
    (folder / REPORT).write_text(report.model_dump_json(indent=1), encoding="utf-8")
    return report


def _long_text(found: Walk, rules: Rules) -> LongText | None:
    if rules.fits is None:
        return None
    cut, windowed, dropped = (found.long[code] for code in (CUT, WINDOW, TOO_LONG))
    return LongText(
        policy=rules.section.too_long,
        max_tokens=max_tokens_of(rules.section, rules.fits),
        rows=cut + windowed + dropped,
        cut=cut,
        windowed=windowed,
        windows=windowed + found.long[ADDED],
        dropped=dropped,
    )


def _write_clusters(found: Walk, chosen: _Chosen, file: Path) -> tuple[int, int]:
    """The kept rows of each cluster with more than one of them, by id, the first one read in front."""
    num_clusters = num_rows = 0
    ids = found.spool["id"]
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        for rows in clusters_of(np.flatnonzero(chosen.kept_N).astype(np.int32), chosen.kin.cluster_N):
            members = [f"{key:016x}" for key in ids[rows].tolist()]
            stream.write(json.dumps({"representative": members[0], "rows": members}) + "\n")
            num_clusters += 1
            num_rows += len(members)
    return num_clusters, num_rows


def _contamination(
    found: Walk, chosen: _Chosen, assigned: Assigned, folder: Path, pool: Pool[Any], scratch: Path
) -> list[Contamination]:
    source_N = found.spool["source"]
    test = Text("test", assigned.rows("test"), sum(map(len, chosen.cut_for["test"])))
    repeated = source_N[np.concatenate([*chosen.cut_for["benchmark"], np.empty(0, dtype=np.int32)])]
    texts = [test]
    for number, benchmark in enumerate(found.benchmarks, len(found.sources)):
        rows = np.flatnonzero(source_N == number).astype(np.int32)
        texts.append(Text(benchmark.name, rows, int(np.count_nonzero(repeated == number))))
    return contamination_of(found.spool, assigned.rows("train"), texts, pool, scratch / "runs", folder)


def _refuse_long(rejects: Rejects) -> None:
    """Raises RunFailed `rows-too-long`."""
    long = rejects.of_reason.get(TOO_LONG)
    if long:
        places = "; ".join(f"{reject.place} {reject.detail}".rstrip() for reject in long)
        raise RunFailed("rows-too-long", place=long[0].place, count=rejects.counts[TOO_LONG], places=places)


def _refuse_bad(found: Walk, max_share: float, out: Path, progress: Progress) -> None:
    """Raises RunFailed `too-many-bad-rows`, after writing the rejects so far beside `out`."""
    rejects = found.rejects
    if not rejects.num_bad:
        return
    reasons = {reason: count for reason, count in rejects.counts.items() if reason != DUPLICATE}
    if rejects.num_bad <= max_share * found.num_read:
        progress.say(
            "say.prepare.rejected",
            "warning",
            count=rejects.num_bad,
            read=found.num_read,
            reasons=counted(reasons, rejects),
        )
        return
    file = out.with_name(f"{out.name}.rejects.jsonl")
    file.parent.mkdir(parents=True, exist_ok=True)
    rejects.close()
    copyfile(rejects.file, file)
    raise RunFailed(
        "too-many-bad-rows",
        place=rejects.first_bad[0].place,
        bad=rejects.num_bad,
        read=found.num_read,
        allowed=f"{max_share:.0%}",
        reasons=counted(reasons, rejects),
        places="; ".join(f"{reject.place} {reject.reason}" for reject in rejects.first_bad),
        file=str(file),
    )


def _check_splits(assigned: Assigned, progress: Progress) -> None:
    counts = assigned.counts
    if not counts["train"]:
        raise TunesmithError("no-training-rows", validation=counts["validation"], test=counts["test"])
    for split in ("validation", "test"):
        if not counts[split]:
            progress.say(f"say.prepare.no-{split}", "warning")
