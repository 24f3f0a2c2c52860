"""The evaluate stage: every arm on the same frozen items, the general suites before and after, and a verdict."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from tunesmith.artifacts import Run, Scorecard, publish
from tunesmith.artifacts.dataset import METHOD_COLUMN, SAFETY
from tunesmith.artifacts.scorecard import BODY, KIND, SAMPLES, Estimate, ScorecardBody, write_samples
from tunesmith.engine.local import LocalEngine
from tunesmith.errors import Place, TunesmithError
from tunesmith.evaluate import arms, baselines, summary
from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.evaluate.items import Item, general_items, test_items
from tunesmith.evaluate.summary import Judged
from tunesmith.model.base import Base
from tunesmith.model.load import compute_dtype, load_tuned
from tunesmith.recipe import Decoding, Evaluate
from tunesmith.records import Example, Sampling
from tunesmith.runtime import Progress, Runtime

GENERAL_MAX_NEW_TOKENS: Final = 96
NOWHERE: Final = Place("")
METRICS: Final = {
    "labels": ("accuracy",),
    "text": ("rouge_l", "exact_match", "bits_per_byte"),
}


@dataclass
class _Sheet:
    """What was asked, and what each arm made of it."""

    task: Literal["labels", "text"]
    labels: list[str]
    train: list[Example]
    items: dict[str, list[Item]]
    """Items by suite."""
    sampling: Sampling
    judged: dict[str, dict[str, Judged]] = field(default_factory=dict)
    """By arm, then suite."""


def evaluate(evaluation: Evaluation, *, runtime: Runtime, progress: Progress, run: Run, out: Path) -> Scorecard:
    """Judge the arms of the section and publish the scorecard with every sample at `out`.

    Raises TunesmithError `no-test-rows`, or `metric-unfit` when the verdict's metric does not fit the task.
    """
    torch.set_num_threads(runtime.num_threads)
    sheet = _sheet(evaluation)
    metric = _metric(evaluation.section, sheet.task)
    progress.begin("task.evaluate", _num_questions(evaluation, sheet))
    _judge_baselines(evaluation, sheet, progress)
    for name, model in ({"base": None} | dict(evaluation.models)).items():
        if name == "tuned" and "tuned" not in evaluation.section.arms:
            continue
        loaded = load_tuned(model, evaluation.base, dtype=compute_dtype(evaluation.precision), device=runtime.device)
        _judge_model(evaluation, sheet, name, loaded, progress)
        del loaded
        gc.collect()
    progress.end()
    body = _body(evaluation, sheet, metric)
    with publish(out, evaluation.identity()) as staging:
        samples = [s for suites in sheet.judged.values() for judged in suites.values() for s in judged.answers.samples]
        write_samples(staging / SAMPLES, samples)
        (staging / BODY).write_text(body.model_dump_json(indent=1), encoding="utf-8")
    run.record("artifact", kind=KIND, key=evaluation.identity().key())
    return Scorecard.open(out)


def _sheet(evaluation: Evaluation) -> _Sheet:
    task = evaluation.dataset.report().task
    # what refuses has nothing of the task: no label, no example to show
    train = [row for row in evaluation.dataset.rows("train") if row.metadata.get(METHOD_COLUMN) != SAFETY]
    test = test_items(evaluation.dataset.rows("test"), evaluation.section.max_items, evaluation.seed)
    if not test:
        raise TunesmithError("no-test-rows")
    items = {"test": test}
    if evaluation.section.general_suite:
        for item in general_items():
            items.setdefault(item.suite, []).append(item)
    labels = sorted({example.label for example in train if example.label is not None}) if task == "labels" else []
    decoding = decoding_of(evaluation.section.decoding, evaluation.base, evaluation.seed)
    return _Sheet(task, labels, train, items, decoding)


def decoding_of(wanted: Decoding, base: Base, seed: int) -> Sampling:
    """The recipe's decoding, filled from the model's generation_config (R1: 0.6 / 0.95), greedy without one."""
    settings = base.generation_config()
    draws = bool(settings.get("do_sample", False))
    temperature = wanted.temperature
    if temperature is None:
        temperature = float(settings.get("temperature", 1.0)) if draws else 0.0
    top_p = wanted.top_p if wanted.top_p is not None else float(settings.get("top_p", 1.0)) if draws else 1.0
    return Sampling(temperature, top_p, wanted.num_samples, wanted.max_new_tokens, seed)


def _metric(section: Evaluate, task: Literal["labels", "text"]) -> str:
    if section.metric == "auto":
        return METRICS[task][0]
    if section.metric not in METRICS[task]:
        raise TunesmithError("metric-unfit", metric=section.metric, task=task, fitting=", ".join(METRICS[task]))
    return section.metric


def _num_questions(evaluation: Evaluation, sheet: _Sheet) -> int:
    """Answers that models will be asked for: the total of the progress bar."""
    num_test = len(sheet.items["test"])
    num_general = sum(len(items) for suite, items in sheet.items.items() if suite != "test")
    num_models = 1 + len(evaluation.models)
    extra = sum(name in evaluation.section.arms for name in ("base_few_shot", "base_free_form"))
    return (num_test * (1 if sheet.task == "labels" else 2) + num_general) * num_models + num_test * extra


def _judge_baselines(evaluation: Evaluation, sheet: _Sheet, progress: Progress) -> None:
    test = sheet.items["test"]
    for arm in ("majority", "classic"):
        if arm not in evaluation.section.arms or (arm == "majority" and sheet.task == "text"):
            continue
        started = time.perf_counter()
        bits = None
        if sheet.task == "labels":
            told = baselines.majority(sheet.train, test) if arm == "majority" else baselines.classify(sheet.train, test)
            samples = [arms.label_sample(arm, item, item.prompt, label) for item, label in zip(test, told, strict=True)]
        else:
            nearest = baselines.nearest_answer(sheet.train, test)
            samples = [arms.text_sample(arm, item, answer) for item, answer in zip(test, nearest, strict=True)]
            bits = baselines.five_gram_bits(sheet.train, test)
        answers = arms.Answers(tuple(samples), None, time.perf_counter() - started)
        sheet.judged[arm] = {"test": summary.judge(answers, test, bits)}


def _judge_model(evaluation: Evaluation, sheet: _Sheet, name: str, model: PreTrainedModel, progress: Progress) -> None:
    """Ask one model everything; the base also in its other arms."""
    engine = LocalEngine(model, evaluation.chat, evaluation.base.max_tokens)
    test = sheet.items["test"]
    prompts = [item.prompt for item in test]
    on_done = progress.advance
    if sheet.task == "labels":
        answers = arms.score_labels(engine, name, test, prompts, sheet.labels, on_done)
        sheet.judged[name] = {"test": summary.judge(answers, test, None)}
    else:
        answers = arms.generate(engine, name, test, prompts, sheet.sampling, on_done)
        bits = _bits(engine, test, on_done)
        sheet.judged[name] = {"test": summary.judge(answers, test, bits)}
    if name == "base":
        _judge_other_base_arms(evaluation, sheet, engine, progress)
    general = Sampling(max_new_tokens=GENERAL_MAX_NEW_TOKENS)
    for suite, items in sheet.items.items():
        if suite != "test":
            answers = arms.generate(engine, name, items, [item.prompt for item in items], general, on_done)
            sheet.judged[name][suite] = summary.judge(answers, items, None)


def _judge_other_base_arms(evaluation: Evaluation, sheet: _Sheet, engine: LocalEngine, progress: Progress) -> None:
    test, wanted = sheet.items["test"], evaluation.section.arms
    if "base_free_form" in wanted and sheet.task == "labels":
        free = arms.generate(
            engine, "base_free_form", test, [item.prompt for item in test], sheet.sampling, progress.advance
        )
        sheet.judged["base_free_form"] = {"test": summary.judge(free, test, None)}
    if "base_few_shot" in wanted and sheet.train:
        prompts = arms.few_shot_prompts(test, sheet.train, evaluation.section.few_shot, evaluation.seed)
        if sheet.task == "labels":
            shown = arms.score_labels(engine, "base_few_shot", test, prompts, sheet.labels, progress.advance)
        else:
            shown = arms.generate(engine, "base_few_shot", test, prompts, sheet.sampling, progress.advance)
        sheet.judged["base_few_shot"] = {"test": summary.judge(shown, test, None)}


def _bits(engine: LocalEngine, items: Sequence[Item], on_done: arms.OnDone) -> NDArray[np.float64]:
    """Bits that the model needs for each reference answer, thinking and end token included."""
    examples = [Example(item.id, (*item.prompt, item.answer), place=NOWHERE) for item in items]
    rows = engine.chat.render_many(examples)
    return -np.array(engine.row_likelihoods(rows, on_done)) / math.log(2)


def _body(evaluation: Evaluation, sheet: _Sheet, metric: str) -> ScorecardBody:
    seed, judged = evaluation.seed, sheet.judged
    groups = summary.groups_of(sheet.items["test"])
    table = [
        summary.arm_of(name, {s: (j, sheet.items[s]) for s, j in suites.items()}, sheet.labels, seed)
        for name, suites in judged.items()
    ]
    pairs = [(name, "base") for name in judged if name != "base"]
    tuned = [name for name in evaluation.models if name in judged]
    pairs += [(name, other) for name in tuned for other in ("base_few_shot", "classic") if other in judged]
    differences = [
        difference
        for arm, against in pairs
        for difference in summary.compare(
            "test", (arm, judged[arm]["test"]), (against, judged[against]["test"]), groups, seed
        )
    ]
    losses = [
        summary.forgetting(suite, (name, judged[name][suite]), judged["base"][suite], items, seed)
        for name in tuned
        for suite, items in sheet.items.items()
        if suite != "test"
    ]
    gains = {d.arm: d for d in differences if d.against == "base" and d.metric == metric}
    return ScorecardBody(
        task=sheet.task,
        metric=metric,
        num_items={suite: len(items) for suite, items in sheet.items.items()},
        arms=table,
        differences=differences,
        forgetting=losses,
        verdicts=[
            summary.conclude(
                name, metric, gains[name], [loss for loss in losses if loss.arm == name], evaluation.section.max_loss
            )
            for name in tuned
        ],
        max_loss=evaluation.section.max_loss,
        slices={"language": _slices(sheet, metric, seed)},
    )


def _slices(sheet: _Sheet, metric: str, seed: int) -> dict[str, dict[str, Estimate]]:
    """The verdict's metric by the language of the question."""
    test = sheet.items["test"]
    languages = sorted({item.language for item in test})
    if len(languages) < 2:
        return {}
    found: dict[str, dict[str, Estimate]] = {}
    for language in languages:
        chosen = np.array([item.language == language for item in test])
        items = [item for item in test if item.language == language]
        found[language] = {
            arm: summary.estimate(suites["test"].values[metric][chosen], summary.groups_of(items), seed)
            for arm, suites in sheet.judged.items()
            if metric in suites["test"].values
        }
    return found
