"""Every arm is asked everything on the sheet: baselines, endpoints, and the models of this process in turn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tunesmith.artifacts.head import Head
from tunesmith.engine.endpoint import endpoint_at
from tunesmith.engine.local import LocalEngine
from tunesmith.engine.texts import Texts
from tunesmith.evaluate import arms, baselines, harness, memorisation, safety, summary, sureness
from tunesmith.evaluate.endpoint_arm import EndpointArm
from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.evaluate.few_shot import few_shot_prompts
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.kept import Kept
from tunesmith.evaluate.sheet import FREE_FORM, Sheet
from tunesmith.evaluate.summary import Judged
from tunesmith.model.load import ModelSource, compute_dtype, ready_models
from tunesmith.records import Sampling
from tunesmith.runtime import Progress, Runtime

GENERAL_MAX_NEW_TOKENS: Final = 96
"""Room for an answer to a question of a suite; a model whose prompt opens its thinking has the recipe's, if more."""


def judge_baselines(evaluation: Evaluation, sheet: Sheet) -> None:
    """What needs no language model."""
    for arm in ("majority", "classic"):
        if arm in evaluation.section.arms and not (arm == "majority" and sheet.task in ("text", "documents")):
            sheet.judged[arm] = {"test": _judge_baseline(arm, sheet)}


def _judge_baseline(arm: str, sheet: Sheet) -> Judged:
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


def judge_endpoints(evaluation: Evaluation, sheet: Sheet, runtime: Runtime, progress: Progress) -> None:
    """Models behind an API. Raises what `Endpoint.replies` does."""
    sampling, test = sheet.sampling, sheet.items["test"]
    unsaid = baselines.mean_number(sheet.train, test[:1])[0] if sheet.task == "numbers" else 0.0
    for name, address in evaluation.section.endpoints.items():
        endpoint = endpoint_at(address, runtime, temperature=sampling.temperature, max_tokens=sampling.max_new_tokens)
        arm = EndpointArm(name, endpoint, sampling, sheet.task, sheet.labels, unsaid, sheet.kinds)
        answers, asked = arm.stated(test, arm.answer(test, progress.advance), progress.advance)
        sheet.asides.setdefault(name, []).extend(asked)
        if "agreement" in sheet.kinds:
            answers = sureness.with_agreement(answers)
        sheet.judged[name] = {"test": summary.judge(answers, test, None)}


def judge_models(evaluation: Evaluation, sheet: Sheet, runtime: Runtime, progress: Progress, kept: Kept) -> None:
    """The base and what was made of it, one after the other; `kept` has what an earlier attempt was told."""
    dtype = compute_dtype(evaluation.precision)
    for name, model in ready_models(sources_of(evaluation), dtype=dtype, device=runtime.device):
        engine = LocalEngine(model, evaluation.chat, evaluation.base.max_tokens)
        asking = arms.Asking(engine, kept, progress.advance)
        _judge_model(evaluation, sheet, name, asking)
        _ask_swapped(evaluation, sheet, name, asking)
        del asking, engine, model
    # the models in the recipe's order, whatever they were loaded with
    sheet.judged |= {name: sheet.judged.pop(name) for name in evaluation.models if name in sheet.judged}


def sources_of(evaluation: Evaluation) -> dict[str, ModelSource]:
    """The bases alone as they are under `tuned`, in 4 bits or not, and each tuned model over the base it was trained
    on."""
    is_asked = {name: name != "tuned" or name in evaluation.section.arms for name in evaluation.models}
    models = {name: model for name, model in evaluation.models.items() if is_asked[name]}
    under_tuned = evaluation.models["tuned"].is_four_bit
    return {name: ModelSource(None, base, under_tuned) for name, base in evaluation.untuned().items()} | {
        name: ModelSource(model, evaluation.base_of(model), model.is_four_bit) for name, model in models.items()
    }


def _judge_model(evaluation: Evaluation, sheet: Sheet, name: str, asking: arms.Asking) -> None:
    """Ask one model everything, in all its arms. A head says nothing of general questions."""
    sheet.judged[name] = {"test": judge_test(evaluation, sheet, name, asking)}
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


def _beside(evaluation: Evaluation, sheet: Sheet, asking: arms.Asking, name: str, suite: str) -> arms.Answers:
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


def judge_test(evaluation: Evaluation, sheet: Sheet, name: str, asking: arms.Asking) -> Judged:
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


def _ask_swapped(evaluation: Evaluation, sheet: Sheet, name: str, asking: arms.Asking) -> None:
    """The test items about somebody else, which the base and the tuned model are asked."""
    if name not in ("base", "tuned"):
        return
    for attribute, swapped in sheet.swaps.items.items():
        # how sure a model is of these is not asked
        about_others = replace(sheet, items={"test": [one.item for one in swapped]}, kinds=(), asides={})
        sheet.swaps.judged.setdefault(attribute, {})[name] = judge_test(evaluation, about_others, name, asking)


def _asked(sheet: Sheet, asking: arms.Asking, arm: str, prompts: Sequence[arms.Prompt]) -> arms.Answers:
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


def _judge_few_shot(evaluation: Evaluation, sheet: Sheet, asking: arms.Asking) -> None:
    test = sheet.items["test"]
    if "base_few_shot" in evaluation.section.arms and sheet.train and sheet.task != "documents":
        prompts = few_shot_prompts(test, sheet.train, evaluation.section.few_shot, evaluation.seed)
        shown = _asked(sheet, asking, "base_few_shot", prompts)
        sheet.judged["base_few_shot"] = {"test": summary.judge(shown, test, None)}


def _judge_free_form(evaluation: Evaluation, sheet: Sheet, name: str, asking: arms.Asking) -> None:
    """Where a model chooses among labels, what it writes when it may write anything."""
    arm = FREE_FORM.get(name)
    if arm in evaluation.section.arms and sheet.task == "labels":
        test = sheet.items["test"]
        free = arms.generate(asking, arm, test, [item.prompt for item in test], sheet.sampling)
        sheet.judged[arm] = {"test": summary.judge(free, test, None)}
