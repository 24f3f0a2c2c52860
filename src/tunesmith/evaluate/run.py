"""The evaluate stage: every arm on the same frozen items, the general suites before and after, and a verdict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import torch

from tunesmith.artifacts import Run, Scorecard, TunedModel, publish
from tunesmith.artifacts.calibration import FILE as CALIBRATION
from tunesmith.artifacts.calibration import CalibrationFile
from tunesmith.artifacts.dataset import METHOD_COLUMN, SAFETY
from tunesmith.artifacts.head import Head
from tunesmith.artifacts.ratings import JUDGE, write_judged
from tunesmith.artifacts.scorecard import (
    BODY,
    KIND,
    SAMPLES,
    Difference,
    Forgetting,
    ScorecardBody,
    Task,
    WeakSlice,
    write_samples,
)
from tunesmith.engine.endpoint import endpoint_at
from tunesmith.engine.local import LocalEngine
from tunesmith.engine.texts import Texts
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.evaluate import arms, baselines, harness, memorisation, safety, slices, summary, sureness
from tunesmith.evaluate.confidence import Judging, Mended, judge_confidence, num_to_fit
from tunesmith.evaluate.content import content_findings
from tunesmith.evaluate.endpoint_arm import EndpointArm
from tunesmith.evaluate.evaluation import Evaluation, check_metrics, task_of
from tunesmith.evaluate.few_shot import few_shot_prompts
from tunesmith.evaluate.forgetting import forgetting
from tunesmith.evaluate.items import Item, general_items, suite_items, test_items
from tunesmith.evaluate.judge import judge
from tunesmith.evaluate.kept import Kept, open_kept
from tunesmith.evaluate.kinds import kinds_of
from tunesmith.evaluate.measure import Wanted, measure
from tunesmith.evaluate.mistakes import error_changes, errors_by_kind
from tunesmith.evaluate.protected import model_bias
from tunesmith.evaluate.remedies import with_remedies
from tunesmith.evaluate.summary import Judged
from tunesmith.evaluate.swaps import SwapSheet, swap_sheet
from tunesmith.metrics.mistakes import judge_of
from tunesmith.metrics.registry import verdict_metric
from tunesmith.model.base import Base
from tunesmith.model.load import ModelSource, compute_dtype, ready_models
from tunesmith.recipe import Decoding, Prepare
from tunesmith.recipe.confidence import HELD_OUT, AnswerConfidence
from tunesmith.recipe.metrics import AUTO
from tunesmith.records import REHEARSAL, Example, Sample, Sampling
from tunesmith.runtime import Progress, Runtime

GENERAL_MAX_NEW_TOKENS: Final = 96
"""Room for an answer to a question of a suite; a model whose prompt opens its thinking has the recipe's, if more."""
_OWN_SUITES: Final = frozenset({"test", *safety.SUITES, *memorisation.SUITES})
"""What is not asked to see what was forgotten."""
FREE_FORM: Final = {"base": "base_free_form", "tuned": "tuned_free_form"}
"""Models that also write what they choose, and the arms in which they do."""


@dataclass
class _Sheet:
    """What was asked, and what each arm made of it."""

    task: Task
    labels: list[str]
    train: list[Example]
    items: dict[str, list[Item]]
    """Items by suite."""
    sampling: Sampling
    swaps: SwapSheet
    kinds: tuple[AnswerConfidence, ...] = ()
    """Confidences of free answers."""
    held_out: list[Item] = field(default_factory=list)
    """Validation rows that maps of confidence are fitted on."""
    judged: dict[str, dict[str, Judged]] = field(default_factory=dict)
    """By arm, then suite."""
    asides: dict[str, list[Sample]] = field(default_factory=dict)
    """By arm, samples that confidence is computed from, in suites of their own."""


def evaluate(evaluation: Evaluation, *, runtime: Runtime, progress: Progress, run: Run, out: Path) -> Scorecard:
    """Judge the arms of the section and publish the scorecard with every sample at `out`.

    Answers are kept in the run's folder as they come: one that was stopped asks only for those that are missing.
    Raises TunesmithError `no-test-rows`, what `check_metrics` raises, and RunFailed `metric-silent` where the verdict's
    metric says nothing of any item that base and tuned model both answered.
    """
    torch.set_num_threads(runtime.num_threads)
    sheet = _sheet(evaluation)
    metric = verdict_metric(evaluation.section.metric, sheet.task)
    check_metrics(evaluation.section, sheet.task, evaluation.dataset.report())
    progress.begin("task.evaluate", _num_questions(evaluation, sheet))
    _judge_baselines(evaluation, sheet)
    _judge_endpoints(evaluation, sheet, runtime, progress)
    with open_kept(run.folder / "answers" / f"{evaluation.identity().key()}.jsonl") as kept:
        _judge_models(evaluation, sheet, runtime, progress, kept)
        progress.end()
        answers = [s for suites in sheet.judged.values() for s in suites["test"].answers.samples]
        judgements = judge(evaluation, answers, kept, runtime, progress)
    section = evaluation.section
    rules = () if sheet.task == "documents" else section.safety.content  # read, not asked
    wanted = Wanted(sheet.task, metric, section.metrics, sheet.labels, rules)
    measure(sheet.judged, sheet.items["test"], wanted)
    sheet.swaps.measure(wanted)
    mended = _confidence(evaluation, sheet)
    body = _body(evaluation, sheet, wanted, mended)
    with publish(out, evaluation.identity()) as staging:
        samples = [s for suites in sheet.judged.values() for judged in suites.values() for s in judged.answers.samples]
        samples += [sample for of_arm in sheet.asides.values() for sample in of_arm]
        write_samples(staging / SAMPLES, samples + sheet.swaps.samples())
        if judgements is not None:
            write_judged(staging / JUDGE, *judgements)
        (staging / BODY).write_text(body.model_dump_json(indent=1), encoding="utf-8")
        if mended.maps:
            maps = CalibrationFile(maps=mended.maps).model_dump_json(indent=1)
            (staging / CALIBRATION).write_text(maps, encoding="utf-8")
    run.record("artifact", kind=KIND, key=evaluation.identity().key())
    return Scorecard.open(out)


def _judge_models(evaluation: Evaluation, sheet: _Sheet, runtime: Runtime, progress: Progress, kept: Kept) -> None:
    dtype = compute_dtype(evaluation.precision)
    for name, model in ready_models(_sources(evaluation), dtype=dtype, device=runtime.device):
        engine = LocalEngine(model, evaluation.chat, evaluation.base.max_tokens)
        asking = arms.Asking(engine, kept, progress.advance)
        _judge_model(evaluation, sheet, name, asking)
        _ask_swapped(evaluation, sheet, name, asking)
        del asking, engine, model
    # the models in the recipe's order, whatever they were loaded with
    sheet.judged |= {name: sheet.judged.pop(name) for name in evaluation.models if name in sheet.judged}


def _sources(evaluation: Evaluation) -> dict[str, ModelSource]:
    """The base alone as it is under `tuned`, in 4 bits or not, and each tuned model over the base it was trained on."""
    # an encoder says nothing before it has a head
    untuned: dict[str, TunedModel | None] = {} if evaluation.base.is_encoder else {"base": None}
    is_asked = {name: name != "tuned" or name in evaluation.section.arms for name in evaluation.models}
    models = {name: model for name, model in evaluation.models.items() if is_asked[name]}
    under_tuned = evaluation.models["tuned"].is_four_bit
    return {
        name: ModelSource(model, evaluation.base_of(model), under_tuned if model is None else model.is_four_bit)
        for name, model in (untuned | models).items()
    }


def _sheet(evaluation: Evaluation) -> _Sheet:
    task = _task(evaluation)
    # what refuses or rehearses has nothing of the task: no label, no example to show
    rows = evaluation.dataset.rows("train")
    train = [row for row in rows if row.metadata.get(METHOD_COLUMN) != SAFETY and row.split != REHEARSAL]
    test = test_items(evaluation.dataset.rows("test"), evaluation.section.max_items, evaluation.seed)
    if not test:
        raise TunesmithError("no-test-rows")
    section, items = evaluation.section, {"test": test}
    if any(model.head() is None for model in evaluation.models.values()):
        shipped = general_items() if section.general_suite else []
        if safety.is_asked(section):
            taught = {row.answer.content for row in rows if row.metadata.get(METHOD_COLUMN) == SAFETY}
            shipped += safety.unseen(safety.safety_items(taught), rows)
        for item in shipped:
            items.setdefault(item.suite, []).append(item)
        items |= {name: suite_items(name, Path(file)) for name, file in section.suites.items()}
        memory = section.safety.memorisation
        items |= memorisation.memory_items(
            train, evaluation.dataset.rows("test"), memory, evaluation.chat, evaluation.seed
        )
    labels = sorted({example.label for example in train if example.label is not None}) if task == "labels" else []
    decoding = decoding_of(evaluation.section.decoding, evaluation.base, evaluation.seed)
    protected = evaluation.section.protected
    swaps = swap_sheet(protected.swap if protected else (), test, task, evaluation.seed)
    kinds = kinds_of(evaluation.section, task, decoding)
    return _Sheet(task, labels, train, items, decoding, swaps, kinds, _held_out(evaluation, task, len(test)))


def _held_out(evaluation: Evaluation, task: Task, num_test: int) -> list[Item]:
    """Labels of validation rows cost little; free answers would be written anew, and are held out from the test."""
    if task != "labels" or evaluation.section.confidence.map == "none":
        return []
    rows = evaluation.dataset.rows("validation")
    items = test_items(rows, num_to_fit(len(rows), num_test), evaluation.seed)
    return [replace(item, suite=HELD_OUT) for item in items]


def _task(evaluation: Evaluation) -> Task:
    """What the rows ask for; numbers are asked for where a model was trained to predict them."""
    heads = [model.head() for model in evaluation.models.values()]
    predicts_numbers = any(head is not None and head.kind == "regression" for head in heads)
    return task_of(evaluation.dataset.report(), predicts_numbers=predicts_numbers)


def decoding_of(wanted: Decoding, base: Base, seed: int) -> Sampling:
    """The recipe's decoding, filled from the model's generation_config (R1: 0.6 / 0.95), greedy without one."""
    settings = base.generation_config()
    draws = bool(settings.get("do_sample", False))
    temperature = wanted.temperature
    if temperature is None:
        temperature = float(settings.get("temperature", 1.0)) if draws else 0.0
    top_p = wanted.top_p if wanted.top_p is not None else float(settings.get("top_p", 1.0)) if draws else 1.0
    return Sampling(temperature, top_p, wanted.num_samples, wanted.max_new_tokens, seed)


def _num_questions(evaluation: Evaluation, sheet: _Sheet) -> int:
    """Answers that models will be asked for: the total of the progress bar."""
    num_test = len(sheet.items["test"])
    num_general = sum(len(items) for suite, items in sheet.items.items() if suite != "test")
    has_base = not evaluation.base.is_encoder
    num_speaking = has_base + sum(model.head() is None for model in evaluation.models.values())
    num_models = has_base + len(evaluation.models)
    extra = has_base * sum(name in evaluation.section.arms for name in ("base_few_shot", *FREE_FORM.values()))
    extra += len(evaluation.section.endpoints)
    num_times = 2 if sheet.task == "text" else 1
    num_writing = num_models + ("base_few_shot" in evaluation.section.arms)
    num_more = num_test * num_writing * len({"likelihood", "verbalised"}.intersection(sheet.kinds))
    num_more += len(sheet.held_out) * len(evaluation.models)
    num_more += sheet.swaps.num_items * num_times * (has_base + ("tuned" in evaluation.models))
    num_answers = num_test * (num_times * num_models + (0 if sheet.task == "documents" else extra))
    return num_answers + num_general * num_speaking + num_more


def _judge_baselines(evaluation: Evaluation, sheet: _Sheet) -> None:
    for arm in ("majority", "classic"):
        if arm in evaluation.section.arms and not (arm == "majority" and sheet.task in ("text", "documents")):
            sheet.judged[arm] = {"test": _judge_baseline(arm, sheet)}


def _judge_endpoints(evaluation: Evaluation, sheet: _Sheet, runtime: Runtime, progress: Progress) -> None:
    sampling, test = sheet.sampling, sheet.items["test"]
    unsaid = baselines.mean_number(sheet.train, test[:1])[0] if sheet.task == "numbers" else 0.0
    for name, address in evaluation.section.endpoints.items():
        endpoint = endpoint_at(address, runtime, temperature=sampling.temperature, max_tokens=sampling.max_new_tokens)
        arm = EndpointArm(name, endpoint, sampling, sheet.task, sheet.labels, unsaid)
        answers = arm.answer(test, progress.advance)
        if "agreement" in sheet.kinds:
            answers = sureness.with_agreement(answers)
        sheet.judged[name] = {"test": summary.judge(answers, test, None)}


def _judge_baseline(arm: str, sheet: _Sheet) -> Judged:
    """`majority` says the same of every item, `classic` is the usual method without a language model."""
    test, train = sheet.items["test"], sheet.train
    started = time.perf_counter()
    reading = None
    if sheet.task == "documents":
        reading = arms.Reading(baselines.five_gram_bits(train, test), None)
        samples = arms.documents_read(arm, test, reading.bits_N, 0.0).samples
    elif sheet.task == "labels":
        told = baselines.majority(train, test) if arm == "majority" else baselines.classify(train, test)
        samples = tuple(arms.label_sample(arm, item, item.prompt, name) for item, name in zip(test, told, strict=True))
    elif sheet.task == "numbers":
        numbers = baselines.mean_number(train, test) if arm == "majority" else baselines.predict_number(train, test)
        samples = tuple(arms.number_sample(arm, item, item.prompt, n) for item, n in zip(test, numbers, strict=True))
    else:
        nearest = baselines.nearest_answer(train, test)
        samples = tuple(arms.text_sample(arm, item, answer) for item, answer in zip(test, nearest, strict=True))
        reading = arms.Reading(baselines.five_gram_bits(train, test), None)
    return summary.judge(arms.Answers(samples, None, time.perf_counter() - started), test, reading)


def _judge_model(evaluation: Evaluation, sheet: _Sheet, name: str, asking: arms.Asking) -> None:
    """Ask one model everything, in all its arms. A head says nothing of general questions."""
    sheet.judged[name] = {"test": _judge_test(evaluation, sheet, name, asking)}
    head = evaluation.models[name].head() if name in evaluation.models else None
    if sheet.held_out and name in evaluation.models:
        held_out = sheet.held_out
        if head is not None:
            answers = _by_head(evaluation, name, head, asking, held_out)
        else:
            answers = arms.score_labels(asking, name, held_out, [item.prompt for item in held_out], sheet.labels)
        sheet.asides[name] = [*answers.samples]
    if head is not None:
        return
    _judge_free_form(evaluation, sheet, name, asking)
    if name == "base":
        _judge_few_shot(evaluation, sheet, asking)
    for suite, items in sheet.items.items():
        if suite != "test" and not suite.startswith(harness.PREFIX):
            answers = _beside(evaluation, sheet, asking, name, suite)
            sheet.judged[name][suite] = summary.judge(answers, items, None)
    if evaluation.section.harness is not None:
        texts = Texts(asking.engine, evaluation.base.max_tokens)
        for suite, (items, judged) in harness.ask(evaluation.section.harness, texts, name).items():
            sheet.items[suite] = items
            sheet.judged[name][suite] = judged


def _beside(evaluation: Evaluation, sheet: _Sheet, asking: arms.Asking, name: str, suite: str) -> arms.Answers:
    """What a model says of another suite than the test items."""
    items = sheet.items[suite]
    memory = evaluation.section.safety.memorisation
    if memory is not None and suite in memorisation.SUITES:
        return memorisation.recall(asking.engine, name, items, memory, asking.on_done)
    room = max(GENERAL_MAX_NEW_TOKENS, sheet.sampling.max_new_tokens if evaluation.chat.prefilled else 0)
    if suite in safety.SUITES:
        room = safety.num_new_tokens(evaluation.chat, sheet.train, sheet.sampling)
    prompts = [item.prompt for item in items]
    return arms.generate(asking, name, items, prompts, Sampling(max_new_tokens=room))


def _judge_test(evaluation: Evaluation, sheet: _Sheet, name: str, asking: arms.Asking) -> Judged:
    """One model on the test items of the sheet."""
    test, engine, on_done = sheet.items["test"], asking.engine, asking.on_done
    head = evaluation.models[name].head() if name in evaluation.models else None
    if head is not None:
        return summary.judge(_by_head(evaluation, name, head, asking, test), test, None)
    reading = None
    if sheet.task == "documents":
        answers, reading = arms.read_documents(engine, name, test, on_done)
    else:
        answers = _asked(sheet, asking, name, [item.prompt for item in test])
    if sheet.task == "text":
        reading = arms.bits_of(engine, test, on_done)
    return summary.judge(answers, test, reading)


def _by_head(evaluation: Evaluation, name: str, head: Head, asking: arms.Asking, items: Sequence[Item]) -> arms.Answers:
    ask = arms.classify if head.kind == "classification" else arms.predict
    return ask(asking.engine.model, head, evaluation.chat, name, items, asking.on_done)


def _ask_swapped(evaluation: Evaluation, sheet: _Sheet, name: str, asking: arms.Asking) -> None:
    """The test items about somebody else, which the base and the tuned model are asked."""
    if name not in ("base", "tuned"):
        return
    for attribute, swapped in sheet.swaps.items.items():
        # how sure a model is of these is not asked
        about_others = replace(sheet, items={"test": [one.item for one in swapped]}, kinds=(), asides={})
        sheet.swaps.judged.setdefault(attribute, {})[name] = _judge_test(evaluation, about_others, name, asking)


def _asked(sheet: _Sheet, asking: arms.Asking, arm: str, prompts: Sequence[arms.Prompt]) -> arms.Answers:
    """The test items as the task asks them, under these prompts."""
    test = sheet.items["test"]
    if sheet.task == "labels":
        return arms.score_labels(asking, arm, test, prompts, sheet.labels)
    if sheet.task == "numbers":
        (mean,) = baselines.mean_number(sheet.train, test[:1])
        return arms.say_numbers(asking, arm, test, prompts, mean)
    answers = arms.generate(asking, arm, test, prompts, sheet.sampling)
    answers, asked = sureness.stated(asking, test, prompts, answers, sheet.kinds)
    sheet.asides.setdefault(arm, []).extend(asked)
    return answers


def _judge_few_shot(evaluation: Evaluation, sheet: _Sheet, asking: arms.Asking) -> None:
    test = sheet.items["test"]
    if "base_few_shot" in evaluation.section.arms and sheet.train and sheet.task != "documents":
        prompts = few_shot_prompts(test, sheet.train, evaluation.section.few_shot, evaluation.seed)
        shown = _asked(sheet, asking, "base_few_shot", prompts)
        sheet.judged["base_few_shot"] = {"test": summary.judge(shown, test, None)}


def _judge_free_form(evaluation: Evaluation, sheet: _Sheet, name: str, asking: arms.Asking) -> None:
    """Where a model chooses among labels, what it writes when it may write anything."""
    arm = FREE_FORM.get(name)
    if arm in evaluation.section.arms and sheet.task == "labels":
        test = sheet.items["test"]
        free = arms.generate(asking, arm, test, [item.prompt for item in test], sheet.sampling)
        sheet.judged[arm] = {"test": summary.judge(free, test, None)}


def _confidence(evaluation: Evaluation, sheet: _Sheet) -> Mended:
    section = evaluation.section
    metric = "exact_match" if section.metric == AUTO else section.metric
    asked = {
        name: [kind for kind in sheet.kinds if kind == "agreement" or name not in section.endpoints]
        for name in sheet.judged
        if name not in ("majority", "classic")
    }
    models = {name: model.key for name, model in evaluation.models.items()}
    judging = Judging(metric, asked, section.confidence, evaluation.seed, models)
    samples = {name: suites["test"].answers.samples for name, suites in sheet.judged.items()}
    held_out = {name: [one for one in of_arm if one.suite == HELD_OUT] for name, of_arm in sheet.asides.items()}
    return judge_confidence(samples, held_out, judging)


def _body(evaluation: Evaluation, sheet: _Sheet, wanted: Wanted, mended: Mended) -> ScorecardBody:
    seed, max_loss, judged, metric = evaluation.seed, evaluation.section.max_loss, sheet.judged, wanted.metric
    test, tests = sheet.items["test"], {name: suites["test"] for name, suites in judged.items()}
    table = [
        summary.arm_of(name, {s: (j, sheet.items[s]) for s, j in suites.items()}, sheet.labels, seed)
        for name, suites in judged.items()
    ]
    # an encoder, which has nothing to say untuned, is held against the usual method without one
    before: str = next(name for name in ("base", "classic", "majority") if name in judged)
    tuned = [name for name in evaluation.models if name in judged]
    differences, losses = _differences(sheet, before, tuned, seed), _losses(sheet, tuned, seed)
    gains = {d.arm: d for d in differences if d.against == before and d.metric == metric}
    silent = next((name for name in tuned if name not in gains), None)
    if silent is not None:
        raise RunFailed("metric-silent", metric=metric, arm=silent)
    free_form = next((d for d in differences if d.against == FREE_FORM["base"] and d.metric == metric), None)
    untuned = next(arm.metrics["test"][metric].value for arm in table if arm.name == before)
    margin = summary.margin_of(metric, evaluation.section.margin, untuned)
    judge = judge_of(sheet.task, metric, sheet.labels, (name for arm in table for name in arm.metrics["test"]))
    errors = {name: errors_by_kind(found, test, judge, seed) for name, found in tests.items()}
    protected = evaluation.section.protected
    return ScorecardBody(
        task=sheet.task,
        metric=metric,
        num_items={suite: len(items) for suite, items in sheet.items.items()},
        arms=table,
        differences=differences,
        forgetting=losses,
        verdicts=[
            summary.conclude(
                metric,
                gains[name],
                [f for f in losses if f.arm == name],
                max_loss,
                margin,
                free_form if name == "tuned" else None,
            )
            for name in tuned
        ],
        max_loss=max_loss,
        margin=margin,
        labels=sheet.labels,
        calibration=mended.tables,
        unstated=mended.unstated,
        slices=slices.declared(evaluation.section.slices, test, tests, metric, seed),
        weak_slices=_weak_slices(evaluation, sheet, metric) if "tuned" in judged else [],
        errors={name: kinds for name, kinds in errors.items() if kinds},
        error_changes=error_changes(tests, before, tuned, test, judge, seed),
        bias=(
            model_bias(
                protected, sheet.swaps, {n: tests[n] for n in (before, "tuned") if n in tests}, test, wanted, seed
            )
            if protected
            else None
        ),
        safety=safety.changes(judged, sheet.items, tuned, seed),
        content=content_findings(wanted.content, judged, sheet.items["test"], seed),
        memorisation=memorisation.memorised(judged, sheet.items, tuned, seed),
    )


def _weak_slices(evaluation: Evaluation, sheet: _Sheet, metric: str) -> list[WeakSlice]:
    test, train = sheet.items["test"], sheet.train
    found = slices.weak(test, train, sheet.judged["tuned"]["test"], metric, evaluation.seed)
    return with_remedies(found, train, Prepare.model_validate(evaluation.dataset.manifest.section), metric)


def _differences(sheet: _Sheet, before: str, tuned: Sequence[str], seed: int) -> list[Difference]:
    """Every arm against the untuned one, and the tuned ones against what can be had without tuning."""
    judged, groups = sheet.judged, summary.groups_of(sheet.items["test"])
    pairs = [(name, before) for name in judged if name != before]
    others = [name for name in ("base_few_shot", "classic") if name in judged and name != before]
    pairs += [(name, other) for name in tuned for other in others]
    if all(name in judged for name in FREE_FORM.values()):
        pairs.append((FREE_FORM["tuned"], FREE_FORM["base"]))
    return summary.adjusted(
        [
            difference
            for arm, against in pairs
            for difference in summary.compare(
                "test", (arm, judged[arm]["test"]), (against, judged[against]["test"]), groups, seed
            )
        ]
    )


def _losses(sheet: _Sheet, tuned: Sequence[str], seed: int) -> list[Forgetting]:
    """The general suites before and after, of each tuned arm."""
    losses = [
        forgetting(suite, (name, sheet.judged[name][suite]), sheet.judged["base"][suite], items, seed)
        for name in tuned
        for suite, items in sheet.items.items()
        if suite in sheet.judged[name] and suite not in _OWN_SUITES
    ]
    corrected = summary.adjusted([loss.difference for loss in losses])
    return [
        loss.model_copy(update={"difference": difference}) for loss, difference in zip(losses, corrected, strict=True)
    ]
