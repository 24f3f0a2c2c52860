"""The stage: sources -> Dataset. The walk is read, canonical form, checks, duplicates, split, proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tunesmith.artifacts import Dataset, DatasetReport, Identity, library_versions, publish
from tunesmith.artifacts.dataset import KIND, REJECTS, REPORT, write_examples, write_rejects
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.prepare.checks import TOO_LONG, Check, Fits, checks_of, run_checks
from tunesmith.prepare.duplicates import REPEATS, Candidate, candidate, drop_duplicates, drop_repeats
from tunesmith.prepare.files import files_of, hash_readable
from tunesmith.prepare.formats import Layout, layout_of, missing_column, to_example
from tunesmith.prepare.hub import hash_hub, read_hub
from tunesmith.prepare.read import read_file
from tunesmith.prepare.report import SourceCount, reasons_of, report_of
from tunesmith.prepare.rows import RawRow, Refused, Table
from tunesmith.prepare.split import assign, prove
from tunesmith.recipe import Prepare, Source
from tunesmith.records import SPLITS, Example, Rejected, Split
from tunesmith.runtime import Progress, Runtime

VERSION: Final = 2
_NUM_PLACES: Final = 5


def prepare(
    section: Prepare, *, seed: int, runtime: Runtime, progress: Progress, out: Path, fits: Fits | None = None
) -> Dataset:
    """Read the sources, check their rows and publish them as a Dataset at `out`.

    `runtime` is part of every stage's signature; `fits` is the last check of every row. Raises TunesmithError for what
    cannot be read (see `read_file`, `read_hub`, `layout_of`), `no-training-rows`; RunFailed `rows-too-long` (rows that
    `fits` calls so, unless the section drops them), `too-many-bad-rows` (every reject then lies in
    `<out>.rejects.jsonl`) and `split-overlap`. Nothing is left at `out` then.
    """
    made_from = identity(section, seed, fits.key if fits else "")
    sources, examples, rejects = _read(section, fits, progress)
    if section.too_long == "stop":
        _refuse_long(rejects)
    candidates, repeated = _distinct(examples, progress)
    rejects += repeated
    _refuse_bad(rejects, sum(source.num_read for source in sources), section.max_bad_share, out, progress)
    splits = assign(candidates, section, seed)
    _check_splits(splits, progress)
    with publish(out, made_from) as folder:
        for split in SPLITS:
            write_examples(folder / f"{split}.jsonl", splits[split])
        write_rejects(folder / REJECTS, rejects)
        report = report_of(sources, candidates, splits, rejects, prove(folder))
        (folder / REPORT).write_text(report.model_dump_json(indent=1), encoding="utf-8")
    _say_done(report, progress)
    return Dataset.open(out)


def identity(section: Prepare, seed: int, fits_key: str = "") -> Identity:
    """All that decides what `prepare` makes: the content of every source, the section, the seed and the versions.

    `fits_key` is the key of the `Fits` that the rows are held against, if they are.
    """
    inputs = {"fits": fits_key} if fits_key else {}
    for source in section.sources:
        if source.hub is not None:
            inputs[f"hub:{source.hub}:{source.config}:{source.hub_split}"] = hash_hub(source)
        else:
            inputs |= {str(file): hash_readable(file) for file in files_of(str(source.path))}
    return Identity(
        kind=KIND,
        stage_version=VERSION,
        inputs=inputs,
        section=section.model_dump(mode="json"),
        seed=seed,
        libraries=library_versions("datasets", "polars"),
    )


def _read(
    section: Prepare, fits: Fits | None, progress: Progress
) -> tuple[list[SourceCount], list[Example], list[Rejected]]:
    """All rows of all sources, each through its layout and the checks."""
    checks = checks_of(section, fits)
    counts: list[SourceCount] = []
    examples: list[Example] = []
    rejects: list[Rejected] = []
    columns: dict[str, None] = {}
    progress.begin("task.prepare", None)
    for source, table in _tables(section):
        layout = layout_of(table, source) if table.columns else None
        split = source.split or table.split
        counts.append(SourceCount.of(table, layout, split))
        _say_read(counts[-1], progress)
        columns.update(dict.fromkeys(table.columns))
        for row in table.rows:
            outcome = _outcome(row, layout, split, section.group_by, checks)
            if isinstance(outcome, Rejected):
                rejects.append(outcome)
            else:
                examples.append(outcome)
        progress.advance(len(table.rows))
    progress.end()
    if section.group_by is not None and section.group_by not in columns:
        raise missing_column("group_by", section.group_by, columns, Place(counts[0].name))
    return counts, examples, rejects


def _tables(section: Prepare) -> Iterator[tuple[Source, Table]]:
    """Raises `data-twice` when two sources name the same table, whose rows would then be counted twice."""
    seen: set[str] = set()
    for source in section.sources:
        tables = read_hub(source) if source.hub is not None else map(read_file, files_of(str(source.path)))
        for table in tables:
            if table.name in seen:
                raise TunesmithError("data-twice", place=Place(table.name))
            seen.add(table.name)
            yield source, table


def _outcome(
    row: RawRow | Rejected, layout: Layout | None, split: Split | None, group_by: str | None, checks: Sequence[Check]
) -> Example | Rejected:
    if isinstance(row, Rejected):
        return row
    try:
        if layout is None:
            raise Refused("no-columns")
        outcome = run_checks(to_example(row, layout, split, group_by), checks)
    except Refused as refused:
        return row.rejected(refused)
    return replace(outcome, row=row.text()) if isinstance(outcome, Rejected) else outcome


def _distinct(examples: Sequence[Example], progress: Progress) -> tuple[list[Candidate], list[Rejected]]:
    candidates, duplicates = drop_duplicates(map(candidate, examples))
    candidates, repeats = drop_repeats(candidates)
    if duplicates:
        progress.say("say.prepare.duplicates", count=len(duplicates))
    if repeats:
        progress.say("say.prepare.repeats", "warning", count=len(repeats), reasons=_counts(repeats))
    return candidates, duplicates + repeats


def _refuse_long(rejects: Sequence[Rejected]) -> None:
    """Raises RunFailed `rows-too-long`."""
    long = [reject for reject in rejects if reject.reason == TOO_LONG]
    if long:
        places = "; ".join(f"{reject.place} {reject.detail}".rstrip() for reject in long[:_NUM_PLACES])
        raise RunFailed("rows-too-long", place=long[0].place, count=len(long), places=places)


def _refuse_bad(rejects: Sequence[Rejected], num_read: int, max_share: float, out: Path, progress: Progress) -> None:
    """Raises RunFailed `too-many-bad-rows`, after writing all rejects beside `out`."""
    bad = [reject for reject in rejects if reject.reason not in REPEATS]
    if not bad:
        return
    if len(bad) <= max_share * num_read:
        progress.say("say.prepare.rejected", "warning", count=len(bad), read=num_read, reasons=_counts(bad))
        return
    file = out.with_name(f"{out.name}.rejects.jsonl")
    file.parent.mkdir(parents=True, exist_ok=True)
    write_rejects(file, rejects)
    raise RunFailed(
        "too-many-bad-rows",
        place=bad[0].place,
        bad=len(bad),
        read=num_read,
        allowed=f"{max_share:.0%}",
        reasons=_counts(bad),
        places="; ".join(f"{reject.place} {reject.reason}" for reject in bad[:_NUM_PLACES]),
        file=str(file),
    )


def _check_splits(splits: Mapping[Split, list[Example]], progress: Progress) -> None:
    if not splits["train"]:
        raise TunesmithError("no-training-rows", validation=len(splits["validation"]), test=len(splits["test"]))
    for split in ("validation", "test"):
        if not splits[split]:
            progress.say(f"say.prepare.no-{split}", "warning")


def _say_read(count: SourceCount, progress: Progress) -> None:
    if count.layout is not None:
        columns = ", ".join(f"{role}={column}" for role, column in count.layout.columns.items())
        progress.say(
            f"say.prepare.{count.layout.why}",
            file=count.name,
            format=count.layout.format,
            columns=columns,
            count=count.num_read,
        )
    if count.encoding == "gb18030":
        progress.say("say.prepare.gb18030", "warning", file=count.name)


def _say_done(report: DatasetReport, progress: Progress) -> None:
    progress.say(
        "say.prepare.done",
        kept=report.kept,
        read=report.read,
        train=report.splits["train"],
        validation=report.splits["validation"],
        test=report.splits["test"],
    )


def _counts(rejects: Sequence[Rejected]) -> str:
    return ", ".join(f"{reason} {found.count}" for reason, found in reasons_of(rejects).items())
