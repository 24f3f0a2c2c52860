"""How each arm answers: a model by generation or by scoring labels, a baseline by what it learned from the rows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.chat import Chat
from tunesmith.engine.heads import class_probabilities, predicted_numbers
from tunesmith.engine.local import LocalEngine
from tunesmith.errors import Place
from tunesmith.evaluate.items import Item
from tunesmith.metrics.answers import exact_match, last_number, rouge_l, well_formed_thinking
from tunesmith.records import Completion, Example, Message, Rendered, Sample, Sampling

NOWHERE: Final = Place("")
NUMBER_TOKENS: Final = 32
"""An answer that says a number is cut after so many tokens."""
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


def classify(
    model: PreTrainedModel, head: Head, chat: Chat, arm: str, items: Sequence[Item], on_done: OnDone
) -> Answers:
    """The class that the model's head finds likeliest, with the probabilities of all."""
    started = time.perf_counter()
    rows = prompt_rows(chat, items)
    samples = []
    for item, odds_C in zip(items, class_probabilities(model, rows, on_done).tolist(), strict=True):
        best = int(np.argmax(odds_C))
        sample = label_sample(arm, item, item.prompt, head.classes[best], {"confidence": odds_C[best]})
        samples.append(replace(sample, probabilities=dict(zip(head.classes, odds_C, strict=True))))
    return Answers(tuple(samples), _mean_length(rows), time.perf_counter() - started)


def predict(
    model: PreTrainedModel, head: Head, chat: Chat, arm: str, items: Sequence[Item], on_done: OnDone
) -> Answers:
    """The number that the model's head gives."""
    started = time.perf_counter()
    rows = prompt_rows(chat, items)
    numbers = predicted_numbers(model, head, rows, on_done).tolist()
    samples = [number_sample(arm, item, item.prompt, number) for item, number in zip(items, numbers, strict=True)]
    return Answers(tuple(samples), _mean_length(rows), time.perf_counter() - started)


def say_numbers(
    engine: LocalEngine, arm: str, items: Sequence[Item], prompts: Sequence[Prompt], unsaid: float, on_done: OnDone
) -> Answers:
    """The last number of a greedy answer; `unsaid` stands for an answer without one."""
    started = time.perf_counter()
    answers = engine.generate(prompts, Sampling(max_new_tokens=NUMBER_TOKENS), on_done)
    samples = []
    for item, prompt, (completion,) in zip(items, prompts, answers, strict=True):
        said = last_number(completion.message.content)
        number = unsaid if said is None else said
        sample = number_sample(arm, item, prompt, number, {"said_number": float(said is not None)})
        samples.append(replace(sample, raw=completion.text, answer=completion.message.content))
    lengths = [completions[0].num_prompt_tokens for completions in answers]
    return Answers(tuple(samples), float(np.mean(lengths)), time.perf_counter() - started)


def read_documents(
    engine: LocalEngine, arm: str, items: Sequence[Item], on_done: OnDone
) -> tuple[Answers, NDArray[np.float64]]:
    """How many bits the model needs for each text, its end included where the document ends there."""
    started = time.perf_counter()
    bits_N = bits_of(engine, items, on_done)
    return documents_read(arm, items, bits_N, time.perf_counter() - started), bits_N


def documents_read(arm: str, items: Sequence[Item], bits_N: NDArray[np.float64], seconds: float) -> Answers:
    """The samples of an arm that read texts, each with its own bits per byte."""
    samples = []
    for item, bits in zip(items, bits_N.tolist(), strict=True):
        scores = {"bits_per_byte": bits / max(1, len(item.answer.content.encode()))}
        samples.append(replace(_sample(arm, item, item.prompt, Message("assistant", ""), scores), reference=""))
    return Answers(tuple(samples), None, seconds)


def bits_of(engine: LocalEngine, items: Sequence[Item], on_done: OnDone) -> NDArray[np.float64]:
    """(N,) bits that the model needs for each reference answer, thinking and end token included, or for each text."""
    rows = engine.chat.training_rows([_example(item) for item in items], "last")
    return -np.array(engine.row_likelihoods(rows, on_done)) / math.log(2)


def prompt_rows(chat: Chat, items: Sequence[Item]) -> list[Rendered]:
    return chat.prompt_rows([_example(item) for item in items])


def _example(item: Item) -> Example:
    answer = item.answer if item.text is None else Message("assistant", "")
    return Example(item.id, (*item.prompt, answer), NOWHERE, text=item.text)


def _mean_length(rows: Sequence[Rendered]) -> float:
    return float(np.mean([len(row.ids_T) for row in rows]))


def number_sample(arm: str, item: Item, prompt: Prompt, number: float, more: dict[str, float] | None = None) -> Sample:
    """The sample of an arm that predicted a number."""
    assert item.target is not None
    error = number - item.target
    scores = {"mae": abs(error), "mse": error * error, **(more or {})}
    return _sample(arm, item, prompt, Message("assistant", f"{number:.6g}"), scores)


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
