"""Artifacts as lines for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tunesmith.artifacts import Dataset, DatasetReport, Plan, QualityReport, Scorecard, read_events
from tunesmith.artifacts.dataset import SplitProof
from tunesmith.artifacts.scorecard import Arm, Estimate, ScorecardBody, Verdict
from tunesmith.chat import Chat
from tunesmith.chat.pieces import pieces
from tunesmith.cli.rate import plain
from tunesmith.cli.session import visible
from tunesmith.i18n import translate
from tunesmith.metrics.faults import REFUSED
from tunesmith.metrics.registry import LOWER_IS_BETTER
from tunesmith.metrics.wording import Language, Words, figure
from tunesmith.records import SPLITS, Example, Rendered, Sample

if TYPE_CHECKING:
    from tunesmith.evaluate.recheck import Recheck
    from tunesmith.lifecycle.parity import Result
    from tunesmith.prepare.changes import Change
    from tunesmith.train.health import Finding

SUPERVISED: Final = "\x1b[32m"
PLAIN: Final = "\x1b[0m"
TOLD: Final = frozenset(
    f"verdict.reason.{code}" for code in ("format_only", "detectable", "items_needed", "more_items_needed")
)


def dataset_lines(dataset: Dataset, language: str) -> list[str]:
    """What was read, kept and rejected, and why."""
    report = dataset.report()
    lines = [
        translate(
            "cli.dataset.counts",
            language,
            read=report.read,
            kept=report.kept,
            rejected=report.rejected,
            train=report.splits["train"],
            validation=report.splits["validation"],
            test=report.splits["test"],
        )
    ]
    for reason, found in report.reasons.items():
        places = visible(", ".join(found.places[:2]))
        lines.append(f"  {found.count:>6}  {translate(f'reject.{reason}', language)}  ({places})")
    lines += [f"  {count:>6}  {translate(f'change.{code}', language)}" for code, count in report.changes.items()]
    left = report.unhidden
    if left is not None and left.rows:
        types = ", ".join(f"{translate(f'data.personal.{kind}', language)} {rows}" for kind, rows in left.types.items())
        told = {"rows": left.rows, "looked_at": left.looked_at, "types": types}
        lines.append(translate("say.prepare.unhidden", language, **told))
    quality = dataset.quality()
    if quality is not None:
        lines += quality_lines(quality, language)
    lines.append(translate("cli.dataset.at", language, folder=dataset.folder))
    return lines


def diff_lines(report: DatasetReport, changes: Mapping[str, Sequence[Change]], language: str) -> list[str]:
    """By rule, the rows that it changed, before and after."""
    lines: list[str] = []
    for code, found in changes.items():
        change = translate(f"change.{code}", language)
        lines += ["", translate("cli.diff.rule", language, code=code, rows=report.changes[code], change=change)]
        for one in found:
            lines += [f"  {visible(str(one.place))}", *(f"    {line}" for line in one.lines)]
    return lines[1:] or [translate("cli.diff.none", language)]


def dataset_json(dataset: Dataset) -> dict[str, Any]:
    """The report, and the 3C score in its numbers alone."""
    quality = dataset.quality()
    return dataset.report().model_dump(mode="json") | {"quality": None if quality is None else quality.numbers}


def quality_lines(quality: QualityReport, language: str) -> list[str]:
    """The three numbers, the parts that lower them, and what share of the expected inputs is covered."""
    not_judged = translate("cli.dataset.not-judged", language)
    numbers = {name: not_judged if score is None else f"{score:.3f}" for name, score in quality.numbers.items()}
    lines = [translate("cli.dataset.quality", language, **numbers)]
    for criterion in (quality.consistency, quality.completeness, quality.correctness):
        for name, part in criterion.parts.items():
            if part.faulty:
                said = translate(f"quality.part.{name}", language)
                lines.append(f"  {part.faulty:>6}  {said}  ({part.score:.3f})")
    expected = quality.representativeness
    if expected is not None:
        lines.append(
            translate(
                "cli.dataset.representativeness",
                language,
                covered=f"{expected.covered:.1%}",
                alike=f"{expected.covered_if_alike:.0%}",
                texts=expected.texts,
                p_value=f"{expected.p_value:.3f}",
            )
        )
    return lines


def proof_lines(proof: SplitProof, language: str) -> list[str]:
    """What any two splits share, counted; nothing, or the proof would have failed."""
    return [
        translate(
            "cli.proof",
            language,
            pair=pair,
            first=proof.distinct_prompts[one],
            second=proof.distinct_prompts[other],
            **shared.model_dump(),
        )
        for (one, other), (pair, shared) in zip(combinations(SPLITS, 2), proof.shared.items(), strict=True)
    ]


def row_lines(chat: Chat, example: Example, language: str, *, colour: bool) -> list[str]:
    """A row as the model sees it, once for each row that training makes of it."""
    rows = chat.training_rows([example])
    return [line for row in rows for line in _training_row_lines(chat, example, row, language, colour=colour)]


def _training_row_lines(chat: Chat, example: Example, rendered: Rendered, language: str, *, colour: bool) -> list[str]:
    """Supervised tokens green, or between ⟦ ⟧ where there is no colour."""
    opened, closed = (SUPERVISED, PLAIN) if colour else ("⟦", "⟧")
    text = "".join(
        f"{opened}{visible(piece.text)}{closed}" if piece.is_supervised else visible(piece.text)
        for piece in pieces(chat, rendered)
    )
    tokens, supervised_tokens = len(rendered.ids_T), rendered.num_supervised
    head = translate("cli.row", language, place=example.place, tokens=tokens, supervised=supervised_tokens)
    return [visible(head), *text.split("\n")]


def plan_lines(name: str, plan: Plan, language: str) -> list[str]:
    body = plan.body
    lines = [
        translate(
            "cli.plan",
            language,
            name=name,
            method=body.method,
            steps=body.num_steps,
            rows=body.num_train_rows,
            tokens=f"{body.num_train_tokens:,}",
            supervised=f"{body.num_supervised_tokens:,}",
            rate=f"{body.learning_rate:g}",
            precision=body.precision,
            trainable=f"{body.num_trainable:,}",
            parameters=f"{body.num_parameters:,}",
        )
    ]
    lines += [
        f"  {choice.name} = {choice.value}: {translate(choice.reason, language, **choice.parameters)}"
        for choice in body.choices
    ]
    return lines


def scorecard_lines(body: ScorecardBody, language: Language) -> list[str]:
    """The table of arms, what was forgotten, and the verdict on each tuned arm."""
    metrics = _metrics(body)
    header = [
        "",
        *(Words(language).metric(metric) for metric in metrics),
        translate("cli.table.seconds", language),
    ]
    rows = [
        [Words(language).arm(arm.name), *(_cell(arm, m) for m in metrics), f"{arm.seconds:.1f}"] for arm in body.arms
    ]
    lines = table([header, *rows])
    lines += _fault_lines(body, language)
    if body.forgetting:
        lines.append("")
    for loss in body.forgetting:
        lines.append(
            translate(
                "cli.forgetting",
                language,
                arm=Words(language).arm(loss.arm),
                suite=Words(language).suite(loss.suite),
                before=f"{loss.before.value:.3f}",
                after=f"{loss.after.value:.3f}",
                difference=f"{loss.difference.mean:+.3f} [{loss.difference.low:+.3f}, {loss.difference.high:+.3f}]",
            )
        )
    lines += _new_failures(body, language)
    for verdict in body.verdicts:
        difference, against = verdict.difference, verdict.difference.against
        lines += [
            "",
            translate(
                "cli.verdict",
                language,
                arm=Words(language).arm(verdict.arm),
                word=translate(f"verdict.{verdict.word}", language),
                metric=Words(language).metric(verdict.metric),
                difference=f"{difference.mean:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]",
                against=translate("cli.verdict.base", language) if against == "base" else Words(language).arm(against),
                n=difference.n,
            ),
        ]
        lines += [*_power(verdict, language), *_loses_to(body, verdict.arm, language)]
    return lines


def _power(verdict: Verdict, language: str) -> list[str]:
    """What so many items can show, and how many would settle what they do not."""
    told = {
        key: {name: f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" for name, value in values.items()}
        for key, values in verdict.reasons
        if key in TOLD
    }
    return [f"  {translate(key, language, **values)}" for key, values in told.items()]


def _loses_to(body: ScorecardBody, arm: str, language: Language) -> list[str]:
    """Plain words where a baseline does better."""
    lines = []
    for difference in body.differences:
        if difference.arm != arm or difference.against == "base" or difference.metric != body.metric:
            continue
        worse = difference.low > 0 if body.metric in LOWER_IS_BETTER else difference.high < 0
        if worse:
            against = Words(language).arm(difference.against)
            lines.append(
                "  " + translate("cli.loses-to", language, against=against, difference=f"{difference.mean:+.3f}")
            )
    return lines


def _new_failures(body: ScorecardBody, language: Language) -> list[str]:
    """Disallowed requests that the base refuses and a tuned arm answers; nothing where there are none."""
    changes = [found.change for found in body.safety if found.change.metric == REFUSED and found.change.worse]
    lines = [
        translate(
            "cli.safety",
            language,
            arm=Words(language).arm(change.arm),
            suite=Words(language).suite(change.suite),
            count=len(change.worse),
        )
        for change in changes
    ]
    return ["", *lines] if lines else []


def _fault_lines(body: ScorecardBody, language: Language) -> list[str]:
    """Of each arm the answers that are none, and what they may have cost."""
    lines = []
    for arm in body.arms:
        if arm.details is None or not (arm.details.faults or arm.details.bounds):
            continue
        faults = [f"{translate(f'fault.{kind}', language)} {num}" for kind, num in arm.details.faults.items()]
        line = translate("cli.faults", language, arm=Words(language).arm(arm.name), faults=", ".join(faults) or "-")
        if arm.details.bounds is not None:
            ends = (arm.details.bounds.all_wrong, arm.details.bounds.all_right)
            low, high = ("-" if end is None else f"{end:.3f}" for end in ends)
            metric = Words(language).metric(body.metric)
            line += translate("cli.fault-bounds", language, metric=metric, all_wrong=low, all_right=high)
        lines.append(line)
    return ["", *lines] if lines else []


def recheck_lines(found: Recheck, language: str) -> list[str]:
    """How far off the figures of a scorecard are, at most."""
    lines = [
        translate(
            "cli.recheck",
            language,
            figures=f"{found.num_figures:,}",
            samples=f"{found.num_samples:,}",
            largest=f"{found.largest:.1e}",
            where=found.where,
        )
    ]
    if found.unchecked:
        lines.append(translate("cli.recheck.unchecked", language, names=", ".join(found.unchecked)))
    return lines


def before_after(scorecard: Scorecard, num: int) -> list[dict[str, Any]]:
    """The first test items with the answers of the base and the tuned model."""
    by_item: dict[str, dict[str, Sample]] = {}
    for sample in scorecard.samples():
        if sample.suite == "test" and sample.index == 0 and sample.arm in ("base", "tuned"):
            by_item.setdefault(sample.item, {})[sample.arm] = sample
    pairs = []
    for arms in list(by_item.values())[:num]:
        first = next(iter(arms.values()))
        answers = {name: {"reasoning": sample.reasoning, "answer": sample.answer} for name, sample in arms.items()}
        pairs.append({"prompt": first.prompt[-1].content, "reference": first.reference, "answers": answers})
    return pairs


def before_after_lines(pairs: Sequence[dict[str, Any]], language: Language) -> list[str]:
    lines: list[str] = []
    for pair in pairs:
        lines += ["", f"▸ {plain(pair['prompt'])}"]
        for arm, said in pair["answers"].items():
            thinking = f"({said['reasoning']}) " if said["reasoning"] else ""
            lines.append(f"  {Words(language).arm(arm)}: {plain(thinking + said['answer'])}")
        lines.append(f"  {translate('cli.reference', language)}: {plain(pair['reference'])}")
    return lines[1:]


def health_json(found: Mapping[str, Sequence[Finding]], language: str) -> dict[str, list[dict[str, Any]]]:
    """By model what its training shows, in figures and in words."""
    return {
        model: [
            {
                "code": finding.code,
                "level": finding.level,
                "steps": [finding.first_step, finding.last_step],
                "figures": dict(finding.figures),
                "message": translate(f"health.{finding.code}", language, **finding.parameters),
                "hint": translate(f"health.{finding.code}.change", language, **finding.parameters),
            }
            for finding in findings
        ]
        for model, findings in found.items()
    }


def run_rows(folder: Path) -> list[dict[str, str]]:
    """Each run with its newest state."""
    rows = []
    for run in sorted(path for path in folder.glob("*") if path.is_dir()):
        states = [event.data["state"] for event in read_events(run) if event.type == "state"]
        rows.append({"run": str(run), "state": states[-1] if states else "queued"})
    return rows


def parity_lines(results: Sequence[Result], language: str) -> list[str]:
    return [
        f"{'+' if result.passed else '!'} {translate(f'cli.parity.{result.name}', language)}  {result.detail}"
        for result in results
    ]


def _metrics(body: ScorecardBody) -> list[str]:
    """The verdict's metric first, then the others in the order in which arms have them."""
    names = [name for arm in body.arms for name in arm.metrics["test"]]
    return list(dict.fromkeys([body.metric, *names]))


def _cell(arm: Arm, metric: str) -> str:
    estimate: Estimate | None = arm.metrics["test"].get(metric)
    if estimate is None:
        return "-"
    return (
        f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
        if estimate.low is not None
        else figure(estimate.value)
    )


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell, Chinese characters counted double."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _width(text: str) -> int:
    """Columns on a terminal: East Asian wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
