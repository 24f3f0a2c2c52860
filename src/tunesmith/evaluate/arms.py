"""How each arm answers: a model by generation or by scoring labels, a baseline by what it learned from the rows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tunesmith.engine.local import LocalEngine
from tunesmith.evaluate.items import Item
from tunesmith.metrics.answers import exact_match, rouge_l, well_formed_thinking
from tunesmith.records import Completion, Example, Message, Sample, Sampling

OnDone = Callable[[int], None]
Prompt = tuple[Message, ...]


@dataclass(frozen=True)
class Answers:
    """Everything one arm said about one suite."""

    samples: tuple[Sample, ...]
    num_prompt_tokens_mean: float | None
    seconds: float


def few_shot_prompts(items: Sequence[Item], train: Sequence[Example], num: int, seed: int) -> list[Prompt]:
    """The same `num` training rows, drawn by seed among the shorter half, shown as earlier turns of every item."""
    by_length = sorted(train, key=lambda row: (sum(len(m.content) for m in row.messages), row.id))
    shorter = by_length[: max(num, len(by_length) // 2)]
    chosen = np.random.default_rng(seed).permutation(len(shorter))[:num].tolist()
    shown = tuple(message for index in chosen for message in shorter[index].messages if message.role != "system")
    return [
        (*(m for m in item.prompt if m.role == "system"), *shown, *(m for m in item.prompt if m.role != "system"))
        for item in items
    ]


def generate(
    engine: LocalEngine, arm: str, items: Sequence[Item], prompts: Sequence[Prompt], sampling: Sampling, on_done: OnDone
) -> Answers:
    """Free answers, each scored against its item's reference."""
    started = time.perf_counter()
    answers = engine.generate(prompts, sampling, on_done)
    samples = [
        replace(
            _sample(
                arm,
                item,
                prompt,
                completion.message,
                _completion_scores(item, completion, prefilled=engine.chat.prefilled),
            ),
            index=number,
            raw=completion.text,
            sampling=sampling,
            num_tokens=completion.num_tokens,
            finish_reason=completion.finish_reason,
        )
        for item, prompt, completions in zip(items, prompts, answers, strict=True)
        for number, completion in enumerate(completions)
    ]
    lengths = [completions[0].num_prompt_tokens for completions in answers]
    return Answers(tuple(samples), float(np.mean(lengths)), time.perf_counter() - started)


def score_labels(
    engine: LocalEngine,
    arm: str,
    items: Sequence[Item],
    prompts: Sequence[Prompt],
    labels: Sequence[str],
    on_done: OnDone,
) -> Answers:
    """The likeliest of all labels, each scored as the text the model would write."""
    started = time.perf_counter()
    candidates = [Message("assistant", label) for label in labels]
    scores = engine.log_likelihoods(prompts, candidates, on_done)
    lengths = [len(engine.chat.prompt_ids(prompt)) for prompt in prompts]
    samples = []
    for item, prompt, row in zip(items, prompts, scores, strict=True):
        best = int(np.argmax(row))
        confidence = 1.0 / sum(math.exp(score - row[best]) for score in row)
        samples.append(label_sample(arm, item, prompt, labels[best], {"confidence": confidence}))
    return Answers(tuple(samples), float(np.mean(lengths)), time.perf_counter() - started)


def label_sample(arm: str, item: Item, prompt: Prompt, label: str, more: dict[str, float] | None = None) -> Sample:
    """The sample of an arm that chose a label rather than wrote it."""
    scores = {"accuracy": float(label == item.label), **(more or {})}
    return _sample(arm, item, prompt, Message("assistant", label), scores)


def text_sample(arm: str, item: Item, answer: Message) -> Sample:
    """The sample of an arm that took over a known answer."""
    return _sample(arm, item, item.prompt, answer, _text_scores(item, answer.content))


def _sample(arm: str, item: Item, prompt: Prompt, answer: Message, scores: dict[str, float]) -> Sample:
    return Sample(
        arm=arm,
        suite=item.suite,
        item=item.id,
        index=0,
        prompt=prompt,
        reference=item.answer.content,
        raw=answer.content,
        reasoning=answer.reasoning,
        answer=answer.content,
        scores=scores,
        sampling=Sampling(),
        num_tokens=0,
        finish_reason="stop",
        group=item.group,
    )


def _completion_scores(item: Item, completion: Completion, *, prefilled: bool) -> dict[str, float]:
    answer = completion.message.content
    scores = _text_scores(item, answer)
    if item.label is not None:
        scores["accuracy"] = exact_match(answer, item.accepted)
    if item.answer.reasoning is not None:
        well_formed = completion.finish_reason == "stop" and well_formed_thinking(completion.text, prefilled=prefilled)
        scores["well_formed_thinking"] = float(well_formed)
    return scores


def _text_scores(item: Item, answer: str) -> dict[str, float]:
    scores = {"exact_match": exact_match(answer, item.accepted)}
    if item.suite == "test":
        scores["rouge_l"] = rouge_l(answer, item.answer.content)
    return scores
