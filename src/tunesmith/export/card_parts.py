"""The parts of a card, each a title with sentences, facts and tables, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tunesmith.artifacts.bundle import BundleBody, Certificate, FormFigures
from tunesmith.artifacts.dataset import DatasetReport
from tunesmith.artifacts.figures import Difference, Estimate
from tunesmith.artifacts.model_bias import ModelBias
from tunesmith.artifacts.scorecard import ScorecardBody
from tunesmith.export.card_data import TEST, CardFacts
from tunesmith.export.use import EMBEDDED
from tunesmith.metrics.wording import Words, count, figure, proof_sentence, signed, significant
from tunesmith.recipe import Recipe

ABSENT: Final = "–"
NUM_METRICS: Final = 3
"""Of the table of models: with more it is wider than a page."""
SHOWN: Final = 0.05
"""Gaps of single labels are told below this corrected p-value."""
PURPOSES: Final = ("intended_use", "out_of_scope", "limitations", "contact")


@dataclass(frozen=True, slots=True)
class Table:
    """The first `num_names` columns stand to the left, the others are numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    num_names: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    title: str
    paragraphs: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Told:
    """What the parts are told from."""

    key: str
    body: BundleBody
    certificate: Certificate
    recipe: Recipe
    dataset: DatasetReport
    training: Mapping[str, Any]
    scorecard: ScorecardBody | None
    facts: CardFacts


def parts_of(told: Told, words: Words) -> tuple[Part, ...]:
    """In the order of the card; a part that has nothing to say is left out, one that should have says so."""
    makers: tuple[Callable[[Told, Words], Part | None], ...] = (
        _what,
        _purpose,
        _judged,
        _forgetting,
        _groups,
        _safety,
        _certificate,
        _data,
        _training,
        _licences,
        _lineage,
    )
    return tuple(part for part in (make(told, words) for make in makers) if part is not None)


def _what(told: Told, words: Words) -> Part:
    body = told.body
    what = words(
        "card.what",
        base=told.facts.base,
        method=words(f"report.method.name.{told.training['method']}"),
        task=words(f"card.task.{body.task}", num=count(len(body.labels))),
    )
    rows = tuple((words(f"card.form.{form.name}"), form.dtype, count(form.num_bytes)) for form in body.forms)
    notes = (words("card.embedded"),) if body.base.reference == EMBEDDED else ()
    head = (words("card.form"), words("card.dtype"), words("card.bytes"))
    return Part(words("report.card.what"), (what, *notes), tables=(Table(head, rows, 2),))


def _purpose(told: Told, words: Words) -> Part:
    said = told.recipe.export.card.model_dump()
    facts = tuple((words(f"card.{name}"), said[name] or words("card.unsaid")) for name in PURPOSES)
    return Part(words("card.purpose"), (words("card.purpose.about"),), facts)


def _judged(told: Told, words: Words) -> Part:
    title = words("card.judged")
    if told.scorecard is None:
        return Part(title, (words("card.unjudged"),))
    body = told.scorecard
    objections = (words(f"card.objection.{one.code}", suite=words.suite(one.suite)) for one in told.body.objections)
    return Part(title, (*_verdict(body, told.body.arm, words), *objections), tables=(_arms(body, words),))


def _verdict(body: ScorecardBody, arm: str, words: Words) -> Iterator[str]:
    verdict = next(verdict for verdict in body.verdicts if verdict.arm == arm)
    difference = verdict.difference
    yield words("card.verdict", word=words(f"verdict.{verdict.word}"), meaning=words.meaning(verdict, body))
    before, after = (_estimate(body, name, verdict.metric) for name in (difference.against, arm))
    yield words(
        "report.verdict.sentence",
        metric=words.metric(verdict.metric),
        n=count(difference.n),
        before=figure(before.value),
        after=figure(after.value),
        mean=signed(difference.mean),
        interval=words.interval_of_difference(difference),
    )
    yield from (words.reason(key, values) for key, values in verdict.reasons)


def _estimate(body: ScorecardBody, arm_name: str, metric: str) -> Estimate:
    return next(arm.metrics[TEST][metric] for arm in body.arms if arm.name == arm_name)


def _arms(body: ScorecardBody, words: Words) -> Table:
    """All models on the same test items, the verdict's metric first."""
    found = dict.fromkeys(metric for arm in body.arms for metric in arm.metrics.get(TEST, {}))
    metrics = [body.metric, *(metric for metric in found if metric != body.metric)][:NUM_METRICS]
    rows = tuple(
        (words.arm(arm.name), *(_cell(arm.metrics.get(TEST, {}).get(metric), words) for metric in metrics))
        for arm in body.arms
    )
    return Table((words("report.table.arm"), *map(words.metric, metrics)), rows)


def _cell(estimate: Estimate | None, words: Words) -> str:
    if estimate is None:
        return ABSENT
    interval = words.interval(estimate)
    return f"{figure(estimate.value)} ({interval})" if interval else figure(estimate.value)


def _difference(difference: Difference, words: Words) -> str:
    return f"{signed(difference.mean)} ({words.interval_of_difference(difference)})"


def _forgetting(told: Told, words: Words) -> Part:
    title = words("report.forgetting")
    losses = [] if told.scorecard is None else [f for f in told.scorecard.forgetting if f.arm == told.body.arm]
    if told.scorecard is None or not losses:
        return Part(title, (words("report.forgetting.not_asked"),))
    rows = tuple(
        (
            words.suite(loss.suite),
            _cell(loss.before, words),
            _cell(loss.after, words),
            _difference(loss.difference, words),
        )
        for loss in losses
    )
    caption = words("report.forgetting.caption", max_loss=figure(told.scorecard.max_loss))
    return Part(title, (caption,), tables=(Table((words("report.table.suite"), *_before_after(words)), rows),))


def _before_after(words: Words) -> tuple[str, str, str]:
    return words("report.verdict.before"), words("report.verdict.after"), words("report.verdict.difference")


def _groups(told: Told, words: Words) -> Part:
    title = words("card.groups")
    body, arm = told.scorecard, told.body.arm
    if body is None or not (body.slices or body.bias):
        return Part(title, (words("card.groups.none"),))
    about = words("card.groups.about", metric=words.metric(body.metric))
    weak = _weak(body, words) if arm == body.verdicts[0].arm else ()
    tables = [_slices(body, arm, words)] if body.slices else []
    if body.bias is not None:
        tables += [table for table in (_gaps(body, body.bias, arm, words), _swaps(body.bias, arm, words)) if table.rows]
    return Part(title, (about, *weak), tables=tuple(tables))


def _slices(body: ScorecardBody, arm: str, words: Words) -> Table:
    rows = tuple(
        (
            words.slice(kind),
            words.slice_value(kind, value),
            count(max(estimate.n for estimate in estimates.values())),
            _cell(estimates.get("base"), words),
            _cell(estimates.get(arm), words),
        )
        for kind, by_value in body.slices.items()
        for value, estimates in by_value.items()
    )
    head = ("", words("card.group"), words("card.items"), words.arm("base"), words.arm(arm))
    return Table(head, rows, 2)


def _weak(body: ScorecardBody, words: Words) -> tuple[str, ...]:
    """Slices in which the model of the first verdict does worse than in the others."""
    return tuple(
        words(
            "card.groups.weak",
            kind=words.slice(slice.kind),
            value=words.slice_value(slice.kind, slice.value),
            n=count(slice.inside.n),
            inside=figure(slice.inside.value),
            inside_interval=words.interval(slice.inside),
            outside=figure(slice.outside.value),
            outside_interval=words.interval(slice.outside),
        )
        for slice in body.weak_slices
    )


def _gaps(body: ScorecardBody, bias: ModelBias, arm: str, words: Words) -> Table:
    """Gaps of the verdict's metric, and of single labels where they are more than chance."""
    shown = [gap for gap in bias.gaps if gap.arm == arm and (gap.figure == "score" or gap.p_adjusted <= SHOWN)]
    rows = tuple(
        (
            words.attribute(gap.attribute),
            words(
                "bias.against",
                group=words.group(gap.group, gap.attribute),
                against=words.group(gap.against, gap.attribute) if gap.against else words("bias.others"),
            ),
            words.metric(body.metric) if gap.figure == "score" else words(f"bias.figure.{gap.figure}", label=gap.label),
            _cell(gap.inside, words),
            _cell(gap.outside, words),
            f"{signed(gap.difference)} ({words.between(signed(gap.low), signed(gap.high))})",
        )
        for gap in shown
    )
    named = ("report.bias.groups", "report.bias.figure", "report.bias.inside", "report.bias.outside")
    head = (words("card.gaps"), *map(words, named), words("report.verdict.difference"))
    return Table(head, rows, 3)


def _swaps(bias: ModelBias, arm: str, words: Words) -> Table:
    rows = tuple(
        (
            words(f"bias.swap.{effect.attribute}"),
            words.language_name(effect.language) if effect.language else words("bias.all_languages"),
            count(effect.changed.n),
            _cell(effect.changed, words),
            _difference(effect.difference, words),
        )
        for effect in bias.swaps
        if effect.arm == arm
    )
    named = ("card.swaps", "report.bias.language", "card.items", "card.swapped", "report.bias.difference")
    return Table(tuple(map(words, named)), rows, 2)


def _safety(told: Told, words: Words) -> Part | None:
    asked = [] if told.scorecard is None else [one for one in told.scorecard.safety if one.change.arm == told.body.arm]
    if not asked:
        return Part(words("report.safety"), (words("report.safety.not_asked"),))
    rows = tuple(
        (
            words.suite(one.change.suite),
            words.metric(one.change.metric),
            _cell(one.change.before, words),
            _cell(one.change.after, words),
            _difference(one.change.difference, words),
        )
        for one in asked
    )
    head = (words("report.table.suite"), words("report.safety.measure"), *_before_after(words))
    return Part(words("report.safety"), (words("report.safety.caption"),), tables=(Table(head, rows, 2),))


def _certificate(told: Told, words: Words) -> Part:
    found = told.certificate
    kinds = words.listed([f"{kind}: {count(num)}" for kind, num in found.prompts.items()])
    limits = words.listed([f"{name}: {significant(limit)}" for name, limit in found.limits.items()])
    about = words(
        "card.certificate.about",
        num=count(sum(found.prompts.values())),
        kinds=kinds,
        precision=found.precision,
        device=found.device,
        limits=limits,
    )
    metric = words.metric(told.scorecard.metric) if told.scorecard is not None else ABSENT
    head = (
        *map(words, ("card.form", "card.against", "card.tokens", "card.token_agreement", "card.mean_kl")),
        words("card.max_logit_difference"),
        words("card.metric", metric=metric),
        words("card.bytes"),
        words("card.tokens_per_second"),
    )
    rows = tuple(_certified(one, words) for one in found.figures)
    missing = (words(f"certificate.why.{reason}", form=form) for form, reason in found.not_measured.items())
    return Part(words("card.certificate"), (about, *missing), tables=(Table(head, rows, 2),))


def _certified(figures: FormFigures, words: Words) -> tuple[str, ...]:
    return (
        words(f"card.form.{figures.form}"),
        figures.against,
        count(figures.num_tokens),
        f"{figures.token_agreement:.4f}",
        ABSENT if figures.mean_kl is None else significant(figures.mean_kl),
        ABSENT if figures.max_logit_difference is None else significant(figures.max_logit_difference),
        ABSENT if figures.metric is None else _difference(figures.metric, words),
        count(figures.num_bytes),
        significant(figures.tokens_per_second),
    )


def _data(told: Told, words: Words) -> Part:
    report = told.dataset
    counts = {"read": report.read, "kept": report.kept, "rejected": report.rejected}
    facts = [(words(f"report.data.{name}"), count(number)) for name, number in counts.items()]
    for code in dict.fromkeys(code for by_language in report.languages.values() for code in by_language):
        total = sum(by_language.get(code, 0) for by_language in report.languages.values())
        facts.append((words.language_name(code), count(total)))
    splits = words("report.card.data", **{split: count(number) for split, number in report.splits.items()})
    personal = words(f"data.privacy.what.{told.recipe.prepare.personal.mode}")
    rows = tuple((source, licence or words("card.unsaid")) for source, licence in told.facts.data_licences.items())
    table = Table((words("card.data.source"), words("card.data.licence")), rows, 2)
    return Part(words("card.data"), (splits, proof_sentence(report.proof, words), personal), tuple(facts), (table,))


def _training(told: Told, words: Words) -> Part:
    writers: dict[str, Callable[[Any], str]] = {
        "step": count,
        "num_tokens": count,
        "seconds": words.duration,
        "tokens_per_second": significant,
        "best_step": count,
    }
    training = told.training
    facts = [(words("report.fact.method"), words(f"report.method.name.{training['method']}"))]
    facts += [(words("report.fact.precision"), told.body.precision)]
    facts += _present(training, writers, words)
    if training.get("best_value") is not None:
        best = f"{significant(training['best_value'])} ({training['metric']})"
        facts.append((words("report.fact.best_value"), best))
    return Part(words("report.card.training"), facts=tuple(facts))


def _present(
    training: Mapping[str, Any], writers: Mapping[str, Callable[[Any], str]], words: Words
) -> Sequence[tuple[str, str]]:
    return [
        (words(f"report.fact.{key}"), write(training[key]))
        for key, write in writers.items()
        if training.get(key) is not None
    ]


def _licences(told: Told, words: Words) -> Part:
    facts, unsaid = told.facts, words("card.unsaid")
    named = (
        (words("card.licence.model"), facts.licence or unsaid),
        (words("card.licence.base", base=facts.base), facts.base_licence or unsaid),
    )
    return Part(words("card.licences"), facts=named)


def _lineage(told: Told, words: Words) -> Part:
    body = told.body
    keys = {
        "bundle": told.key,
        "tuned_model": body.tuned_model,
        "scorecard": body.scorecard,
        "dataset": body.dataset,
        "base": body.base.sha256,
        "revision": body.base.revision,
        "recipe": told.recipe.fingerprint(),
    }
    facts = tuple((words(f"card.lineage.{name}"), f"`{key}`") for name, key in keys.items() if key is not None)
    return Part(words("card.lineage"), (words("card.lineage.about"),), facts)
