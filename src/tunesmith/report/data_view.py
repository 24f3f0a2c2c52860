"""The data card as data: a pure function from a Dataset to frozen dataclasses of ready words and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

from tunesmith.artifacts import Dataset, DatasetReport
from tunesmith.artifacts.dataset import AugmentReport, BalanceReport, LongText, Refusals
from tunesmith.artifacts.folder import Manifest
from tunesmith.metrics.wording import Words, count, percent, significant
from tunesmith.recipe import Prepare
from tunesmith.recipe.tree import dump_yaml
from tunesmith.records import SPLITS
from tunesmith.report.data_bias import BiasPart, bias_parts
from tunesmith.report.data_privacy import PrivacyView, privacy_view
from tunesmith.report.data_quality import QualityView, quality_view
from tunesmith.report.data_rows import Reader, SeenView, seen_view
from tunesmith.report.data_teachers import TeacherRow, teacher_rows, traced_facts
from tunesmith.report.facts import ABSENT, MAX_OPEN_LABELS, DataView, Pair, data_view

Tone = Literal["good", "warn", "bad", "plain"]
MAX_INPUTS_SHOWN: Final = 100
_NAMED_INPUTS: Final = ("fits", "personal.key")


@dataclass(frozen=True)
class Card:
    """What the card is made from."""

    dataset: Dataset
    name: str
    reader: Reader | None
    """The model that the rows are for; None where the dataset is looked at alone."""


@dataclass(frozen=True)
class Check:
    """One finding at a glance, with the section that has the detail."""

    tone: Tone
    title: str
    detail: str
    anchor: str


@dataclass(frozen=True)
class Line:
    """A bar with its name and numbers; `share` of the longest, 0 to 1."""

    name: str
    counts: tuple[str, ...]
    share: float


@dataclass(frozen=True)
class BalanceRow:
    """One category before and after."""

    name: str
    counts: tuple[str, ...]
    """Rows before; rows that stayed; rows that an epoch visits; weight of each row."""
    before: float
    """Share of the largest count before or after, 0 to 1; `after` counts visits times their weight."""
    after: float


@dataclass(frozen=True)
class BalanceView:
    sentence: str
    rows: tuple[BalanceRow, ...]
    fold: bool


@dataclass(frozen=True)
class LongView:
    """Rows that were too long, and what became of them."""

    title: str
    facts: tuple[Pair, ...]
    """None where no row was."""


@dataclass(frozen=True)
class MadeRow:
    """What one method of augmentation made."""

    method: str
    model: str
    made: str
    kept: str
    rejected: str
    """Why the others were not kept, with their numbers."""


@dataclass(frozen=True)
class OverlapRow:
    pair: str
    counts: tuple[str, ...]
    """Prompts, groups, clusters and parents in both."""


@dataclass(frozen=True)
class SplitRow:
    name: str
    num_rows: str
    num_prompts: str
    num_groups: str
    ids_sha256: str


@dataclass(frozen=True)
class ContaminationRow:
    against: str
    counts: tuple[str, ...]
    """Its rows, training rows cut for it, and those left that share 8 and 13 words in a row."""
    places: tuple[str, ...]


@dataclass(frozen=True)
class FileRow:
    name: str
    sha256: str
    size: str


@dataclass(frozen=True)
class Lineage:
    facts: tuple[Pair, ...]
    inputs: tuple[Pair, ...]
    num_more_inputs: int
    files: tuple[FileRow, ...]
    recipe_yaml: str


@dataclass(frozen=True)
class CardView:
    title: str
    key: str
    base: str
    tone: Tone
    headline: str
    sentence: str
    checks: tuple[Check, ...]
    data: DataView
    facts: tuple[Pair, ...]
    """Of `data.facts` those that no other section tells."""
    reasons: tuple[Line, ...]
    """In the order of `data.rejects`."""
    changes: tuple[Line, ...]
    labels: tuple[Line, ...]
    fold_labels: bool
    balance: BalanceView | None
    """None where the training rows were not balanced."""
    long_text: LongView | None
    """None where the rows were prepared for no model."""
    made: tuple[MadeRow, ...]
    """By method of augmentation."""
    traced: tuple[Pair, ...]
    """What became of the answers of a teacher who thought for rows without reasoning."""
    teachers: tuple[TeacherRow, ...]
    """The models that wrote parts of the rows."""
    refusals: tuple[Pair, ...]
    """Blocked topics with the visits of rows that refuse them."""
    duplicates: tuple[Pair, ...]
    quality: QualityView | None
    """None where the 3C score was not asked for."""
    privacy: PrivacyView
    overlaps: tuple[OverlapRow, ...]
    splits: tuple[SplitRow, ...]
    contamination: tuple[ContaminationRow, ...]
    bias: tuple[BiasPart, ...]
    seen: SeenView | None
    lineage: Lineage


def card_view(card: Card, words: Words) -> CardView:
    report, manifest = card.dataset.report(), card.dataset.manifest
    section = Prepare.model_validate(manifest.section)
    measured = card.dataset.quality()
    quality = quality_view(measured, words) if measured else None
    privacy = privacy_view(report, section.personal, words)
    bias = bias_parts(report, words)
    checks = _checks(report, quality, privacy, bias, words)
    num_marked = sum(check.tone in ("warn", "bad") for check in checks)
    return CardView(
        title=card.name,
        key=manifest.key,
        base=card.reader.base if card.reader else "",
        tone=_worst(checks),
        headline=words("data.headline.marked", num=num_marked) if num_marked else words("data.headline.clean"),
        sentence=_sentence(report, words),
        checks=checks,
        data=data_view(report, words),
        facts=_facts(report, words),
        reasons=_bars({words(f"reject.{code}"): (found.count,) for code, found in report.reasons.items()}, words),
        changes=_bars({words(f"change.{code}"): (number,) for code, number in report.changes.items()}, words),
        labels=_labels(report, words),
        fold_labels=len(report.labels) > MAX_OPEN_LABELS,
        balance=_balance(report.balance, words) if report.balance else None,
        long_text=_long_text(report.long_text, words) if report.long_text else None,
        made=_made(report.augment, words) if report.augment else (),
        traced=traced_facts(report.synthesis, words) if report.synthesis else (),
        teachers=teacher_rows(section, words),
        refusals=_refusals(report.refusals, words) if report.refusals else (),
        duplicates=_duplicates(report, words),
        quality=quality,
        privacy=privacy,
        overlaps=_overlaps(report, words),
        splits=_splits(report, words),
        contamination=_contamination(report, words),
        bias=bias,
        seen=seen_view(card.dataset, card.reader, words) if card.reader else None,
        lineage=_lineage(manifest, words),
    )


def _worst(checks: Sequence[Check]) -> Tone:
    tones = {check.tone for check in checks}
    return "bad" if "bad" in tones else "warn" if "warn" in tones else "good"


def _sentence(report: DatasetReport, words: Words) -> str:
    splits = {split: count(number) for split, number in report.splits.items()}
    numbers = {"read": count(report.read), "kept": count(report.kept), "rejected": count(report.rejected)}
    sentence = words("data.sentence", **numbers, **splits)
    if report.augment is None:
        return sentence
    return words.sentences(sentence, words("data.sentence.made", made=count(report.augment.kept)))


def _checks(
    report: DatasetReport, quality: QualityView | None, privacy: PrivacyView, bias: Sequence[BiasPart], words: Words
) -> tuple[Check, ...]:
    def check(name: str, tone: Tone, detail: str, anchor: str = "") -> Check:
        return Check(tone, words(f"data.check.{name}"), detail, anchor or name)

    shared = sum(overlap.total for overlap in report.proof.shared.values())
    same_runs = sum(found.sharing_13_grams for found in report.contamination)
    marked = sum(note.tone == "warn" for part in bias for note in part.notes)
    empty = [words(f"report.split.{split}") for split in SPLITS if not report.splits[split]]
    return (
        check("rows", "good", _sum_of_rows(report, words)),
        check("split", "bad" if shared else "good", words("data.check.split.detail", shared=count(shared))),
        *((check("empty", "warn", words.listed(empty), "split"),) if empty else ()),
        check(
            "contamination",
            "warn" if same_runs else "good",
            words(f"data.check.contamination.{'some' if same_runs else 'none'}", rows=count(same_runs)),
        ),
        check("duplicates", "good", words("data.check.duplicates.detail", **_repeat_counts(report))),
        *((check("quality", _quality_tone(quality), _scores(quality)),) if quality else ()),
        check("privacy", privacy.tone, privacy.glance),
        check(
            "bias",
            "warn" if marked else "good",
            words("data.check.bias.marked", num=marked) if marked else words("data.check.bias.none"),
        ),
    )


def _sum_of_rows(report: DatasetReport, words: Words) -> str:
    if report.added:
        return words("data.check.rows.added", added=count(report.added), bad=count(report.bad))
    return words("data.check.rows.detail", bad=count(report.bad))


def _quality_tone(quality: QualityView) -> Tone:
    tones = [criterion.tone for criterion in quality.criteria] + ([quality.covered.tone] if quality.covered else [])
    return "warn" if "warn" in tones else "good"


def _scores(quality: QualityView) -> str:
    return " · ".join(f"{criterion.name} {criterion.score}" for criterion in quality.criteria)


def _facts(report: DatasetReport, words: Words) -> tuple[Pair, ...]:
    reasoning = {"present": count(report.reasoning.present), "absent": count(report.reasoning.absent)}
    facts = {
        "task": words(f"report.data.task.{report.task}"),
        "reasoning": words("report.data.with_and_without", **reasoning),
        "bad": count(report.bad),
    }
    if report.decoded_as_gb18030:
        facts["gb18030"] = count(report.decoded_as_gb18030)
    return tuple((words(f"report.data.{name}"), value) for name, value in facts.items())


def _repeat_counts(report: DatasetReport) -> dict[str, str]:
    return {"exact": count(report.duplicates), "near": count(report.near_duplicates)}


def _bars(numbers_by_name: dict[str, tuple[int, ...]], words: Words) -> tuple[Line, ...]:
    longest = max((numbers[0] for numbers in numbers_by_name.values()), default=1)
    return tuple(
        Line(name, tuple(map(count, numbers)), numbers[0] / longest) for name, numbers in numbers_by_name.items()
    )


def _labels(report: DatasetReport, words: Words) -> tuple[Line, ...]:
    """The most frequent first: training rows, and those of all splits with their share."""
    ordered = sorted(report.labels.items(), key=lambda item: -item[1]["train"])
    longest = max((numbers["train"] for numbers in report.labels.values()), default=1) or 1
    num_rows = sum(report.splits.values())
    return tuple(
        Line(
            name,
            (*(count(numbers[split]) for split in SPLITS), percent(sum(numbers.values()) / num_rows)),
            numbers["train"] / longest,
        )
        for name, numbers in ordered
    )


def _balance(balance: BalanceReport, words: Words) -> BalanceView:
    after = {name: category.visits * category.weight for name, category in balance.categories.items()}
    longest = max(*after.values(), *(category.before for category in balance.categories.values()))
    named = balance.by in ("label", "language", "source", "cluster")
    by = words(f"data.balance.by.{balance.by}") if named else f"`{balance.by}`"
    return BalanceView(
        sentence=words(f"data.balance.{balance.method}", by=by),
        rows=tuple(
            BalanceRow(
                words.language_name(name) if balance.by == "language" else name,
                (*map(count, (category.before, category.rows, category.visits)), significant(category.weight, 3)),
                category.before / longest,
                after[name] / longest,
            )
            for name, category in balance.categories.items()
        ),
        fold=len(balance.categories) > MAX_OPEN_LABELS,
    )


def _long_text(long_text: LongText, words: Words) -> LongView:
    most = count(long_text.max_tokens)
    if not long_text.rows:
        return LongView(words("data.long.none", most=most), ())
    facts = long_text.model_dump(include={"rows", "cut", "windowed", "windows", "dropped"})
    return LongView(
        words("data.long", most=most),
        tuple((words(f"data.long.{name}"), count(number)) for name, number in facts.items() if number),
    )


def _made(augment: AugmentReport, words: Words) -> tuple[MadeRow, ...]:
    return tuple(
        MadeRow(
            method=words(f"data.made.{making.method}"),
            model=making.model or ABSENT,
            made=count(making.made),
            kept=count(making.kept),
            rejected=words.listed([f"{words(f'reject.{code}')} {count(n)}" for code, n in making.rejected.items()]),
        )
        for making in augment.methods
    )


def _refusals(refusals: Refusals, words: Words) -> tuple[Pair, ...]:
    topics = tuple((topic, count(visits)) for topic, visits in refusals.visits.items())
    return (*topics, (words("data.refusals.share"), percent(refusals.share)))


def _duplicates(report: DatasetReport, words: Words) -> tuple[Pair, ...]:
    near_cut = report.reasons.get("near-duplicate")
    facts = {
        "exact": count(report.duplicates),
        "near_cut": count(near_cut.count if near_cut else 0),
        "near_kept": count(report.near_duplicates),
        "clusters": count(report.clusters),
        "conflicting": words(
            "report.data.prompts_and_rows",
            prompts=count(report.conflicting.prompts),
            rows=count(report.conflicting.rows),
        ),
        "within_test": count(report.repeats_within_test),
    }
    return tuple((words(f"data.duplicates.{name}"), value) for name, value in facts.items())


def _overlaps(report: DatasetReport, words: Words) -> tuple[OverlapRow, ...]:
    rows = []
    for one, other in combinations(SPLITS, 2):
        shared = report.proof.shared[f"{one}/{other}"]
        pair = words("data.split.pair", one=words(f"report.split.{one}"), other=words(f"report.split.{other}"))
        rows.append(
            OverlapRow(pair, tuple(map(count, (shared.prompts, shared.groups, shared.clusters, shared.families))))
        )
    return tuple(rows)


def _splits(report: DatasetReport, words: Words) -> tuple[SplitRow, ...]:
    proof = report.proof
    return tuple(
        SplitRow(
            words(f"report.split.{split}"),
            count(report.splits[split]),
            count(proof.distinct_prompts[split]),
            count(proof.distinct_groups[split]),
            proof.ids_sha256.get(split, ""),
        )
        for split in SPLITS
    )


def _contamination(report: DatasetReport, words: Words) -> tuple[ContaminationRow, ...]:
    return tuple(
        ContaminationRow(
            words("report.split.test") if found.against == "test" else found.against,
            tuple(map(count, (found.rows, found.cut, found.sharing_8_grams, found.sharing_13_grams))),
            tuple(found.places),
        )
        for found in report.contamination
    )


def _lineage(manifest: Manifest, words: Words) -> Lineage:
    facts = {
        "key": manifest.key,
        "version": str(manifest.stage_version),
        "seed": str(manifest.seed),
        "libraries": words.listed([f"{name} {version}" for name, version in manifest.libraries.items()]),
    }
    inputs = tuple(manifest.inputs.items())
    return Lineage(
        facts=tuple((words(f"data.lineage.{name}"), value) for name, value in facts.items()),
        inputs=tuple((words(f"data.lineage.{name}") if name in _NAMED_INPUTS else name, key) for name, key in inputs)[
            :MAX_INPUTS_SHOWN
        ],
        num_more_inputs=max(0, len(inputs) - MAX_INPUTS_SHOWN),
        files=tuple(FileRow(name, entry.sha256, _size(entry.num_bytes)) for name, entry in manifest.files.items()),
        recipe_yaml=dump_yaml({"seed": manifest.seed, "prepare": manifest.section}),
    )


def _size(num_bytes: int) -> str:
    """In binary units with three digits."""
    size, units = float(num_bytes), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.3g} {units[0]}"
