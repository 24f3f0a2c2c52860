"""How each arm answers: a model by generation or by scoring labels, a baseline by what it learned from the rows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.chat import Chat
from tunesmith.engine.heads import class_probabilities, predicted_numbers
from tunesmith.engine.local import LocalEngine
from tunesmith.errors import Place
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.kept import Kept
from tunesmith.metrics.answers import exact_match, rouge_l, said_number, well_formed_thinking
from tunesmith.metrics.checks import RIGHT, is_right
from tunesmith.metrics.faults import refusal_scores
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
    writing_seconds: float | None = None
    """Of the answers alone, those of an earlier attempt included, where the engine tells it."""
    first_token_seconds: float | None = None
    """Mean time to the first token, where the engine tells it."""


@dataclass(frozen=True)
class Reading:
    """What a model needs to say the reference of each item."""

    bits_N: NDArray[np.float64]
    tokens_N: NDArray[np.float64] | None
    """Tokens that the bits are of; None of a model that has none."""


@dataclass(frozen=True)
class Asking:
    """A model in this process that is asked, and where its answers are kept until the evaluation is done."""

    engine: LocalEngine
    kept: Kept
    on_done: OnDone

    def completions(
        self, arm: str, items: Sequence[Item], prompts: Sequence[Prompt], sampling: Sampling
    ) -> list[list[Completion]]:
        """`sampling.num_samples` answers to each prompt; those that an earlier attempt has are not asked for again."""

        def ask(missing: list[int], keep: Callable[[int, Any], None]) -> None:
            self.on_done((len(prompts) - len(missing)) * sampling.num_samples)
            self.engine.generate(
                [prompts[place] for place in missing],
                sampling,
                self.on_done,
                lambda place, answers: keep(missing[place], [_packed(answer) for answer in answers]),
            )

        found = self.kept.complete(_names(arm, items), ask)
        return [[self._completion(*packed) for packed in answers] for answers in found]

    def _completion(self, text: str, *told: Any) -> Completion:
        return Completion(text, self.engine.chat.parse(text).message, *told)

    def likelihoods(
        self, arm: str, items: Sequence[Item], prompts: Sequence[Prompt], candidates: Sequence[Message]
    ) -> list[list[float]]:
        """What `LocalEngine.log_likelihoods` gives; prompts that an earlier attempt has scored are left out."""

        def ask(missing: list[int], keep: Callable[[int, Any], None]) -> None:
            self.on_done(len(prompts) - len(missing))
            asked = [prompts[place] for place in missing]
            self.engine.log_likelihoods(asked, candidates, self.on_done, lambda place, row: keep(missing[place], row))

        found: list[list[float]] = self.kept.complete(_names(arm, items), ask)
        return found


def _names(arm: str, items: Sequence[Item]) -> list[str]:
    return [f"{arm}\t{item.suite}\t{place}" for place, item in enumerate(items)]


def _packed(answer: Completion) -> list[str | int | float | None]:
    times = (answer.first_token_seconds, answer.seconds)
    return [answer.text, answer.num_prompt_tokens, answer.num_tokens, answer.finish_reason, *times]


def generate(asking: Asking, arm: str, items: Sequence[Item], prompts: Sequence[Prompt], sampling: Sampling) -> Answers:
    """Free answers, each scored against its item's reference."""
    started = time.perf_counter()
    answers = asking.completions(arm, items, prompts, sampling)
    prefilled = asking.engine.chat.prefilled
    samples = [
        replace(written_sample(arm, item, prompt, completion, prefilled=prefilled), index=number, sampling=sampling)
        for item, prompt, completions in zip(items, prompts, answers, strict=True)
        for number, completion in enumerate(completions)
    ]
    lengths = [completions[0].num_prompt_tokens for completions in answers]
    told = [one for completions in answers for one in completions]
    return Answers(
        tuple(samples),
        float(np.mean(lengths)),
        time.perf_counter() - started,
        writing_seconds=sum(one.seconds or 0.0 for one in told),
        first_token_seconds=float(np.mean([one.first_token_seconds or 0.0 for one in told])),
    )


def written_sample(arm: str, item: Item, prompt: Prompt, completion: Completion, *, prefilled: bool) -> Sample:
    """The first sample of an arm that wrote its answer greedily."""
    scores = _completion_scores(item, completion, prefilled=prefilled)
    return replace(
        _sample(arm, item, prompt, completion.message, scores),
        raw=completion.text,
        num_tokens=completion.num_tokens,
        finish_reason=completion.finish_reason,
    )


def score_labels(
    asking: Asking, arm: str, items: Sequence[Item], prompts: Sequence[Prompt], labels: Sequence[str]
) -> Answers:
    """The likeliest of all labels, each scored as the text the model would write."""
    started = time.perf_counter()
    scores = asking.likelihoods(arm, items, prompts, [Message("assistant", label) for label in labels])
    lengths = [len(asking.engine.chat.prompt_ids(prompt)) for prompt in prompts]
    samples = []
    for item, prompt, row in zip(items, prompts, scores, strict=True):
        best = int(np.argmax(row))
        odds = [math.exp(score - row[best]) for score in row]
        total = sum(odds)
        sample = label_sample(arm, item, prompt, labels[best], {"confidence": 1.0 / total})
        shares = dict(zip(labels, (one / total for one in odds), strict=True))
        samples.append(replace(sample, probabilities=shares))
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


def say_numbers(asking: Asking, arm: str, items: Sequence[Item], prompts: Sequence[Prompt], unsaid: float) -> Answers:
    """The last number of a greedy answer; `unsaid` stands for an answer without one."""
    started = time.perf_counter()
    answers = asking.completions(arm, items, prompts, Sampling(max_new_tokens=NUMBER_TOKENS))
    samples = [
        said_number_sample(arm, item, prompt, completion, unsaid)
        for item, prompt, (completion,) in zip(items, prompts, answers, strict=True)
    ]
    lengths = [completions[0].num_prompt_tokens for completions in answers]
    return Answers(tuple(samples), float(np.mean(lengths)), time.perf_counter() - started)


def said_number_sample(arm: str, item: Item, prompt: Prompt, completion: Completion, unsaid: float) -> Sample:
    """The sample of an arm that wrote a number into its answer."""
    said = said_number(completion.message.content)
    scores = {"said_number": float(said is not None)}
    sample = number_sample(arm, item, prompt, unsaid if said is None else said, scores)
    return replace(
        sample,
        raw=completion.text,
        answer=completion.message.content,
        num_tokens=completion.num_tokens,
        # a number that was said in time counts, whatever was cut behind it
        finish_reason="stop" if said is not None and completion.finish_reason == "length" else completion.finish_reason,
    )


def read_documents(engine: LocalEngine, arm: str, items: Sequence[Item], on_done: OnDone) -> tuple[Answers, Reading]:
    """How many bits the model needs for each text, its end included where the document ends there."""
    started = time.perf_counter()
    reading = bits_of(engine, items, on_done)
    return documents_read(arm, items, reading.bits_N, time.perf_counter() - started), reading


def documents_read(arm: str, items: Sequence[Item], bits_N: NDArray[np.float64], seconds: float) -> Answers:
    """The samples of an arm that read texts, each with its own bits per byte."""
    samples = []
    for item, bits in zip(items, bits_N.tolist(), strict=True):
        scores = {"bits_per_byte": bits / max(1, len(item.answer.content.encode()))}
        samples.append(replace(_sample(arm, item, item.prompt, Message("assistant", ""), scores), reference=""))
    return Answers(tuple(samples), None, seconds)


def bits_of(engine: LocalEngine, items: Sequence[Item], on_done: OnDone) -> Reading:
    """Of each reference answer, thinking and end token included, or of each text."""
    rows = supervised_rows(engine.chat, items)
    bits_N = -np.array(engine.row_likelihoods(rows, on_done)) / math.log(2)
    return Reading(bits_N, np.array([row.weights_T.sum() for row in rows], np.float64))


def supervised_rows(chat: Chat, items: Sequence[Item]) -> list[Rendered]:
    """Each item with its reference as a row: thinking and end token, or the text that is read, are supervised."""
    return chat.training_rows([_example(item) for item in items], "last")


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


def recalled_sample(arm: str, item: Item, text: str, scores: dict[str, float]) -> Sample:
    """The sample of an arm that was given the beginning of the reference: `text` is what it wrote on of it."""
    return _sample(arm, item, item.prompt, Message("assistant", text), scores)


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
        kind=item.kind,
    )


def _completion_scores(item: Item, completion: Completion, *, prefilled: bool) -> dict[str, float]:
    answer = completion.message.content
    if item.must_refuse is not None:
        # of thinking that was cut nothing can be told
        is_cut = completion.finish_reason != "stop" and not answer.strip()
        return {} if is_cut else refusal_scores(answer, item.accepted, must_refuse=item.must_refuse)
    scores = _text_scores(item, answer)
    if item.label is not None:
        scores["accuracy"] = exact_match(answer, item.accepted)
    if item.answer.reasoning is not None:
        well_formed = completion.finish_reason == "stop" and well_formed_thinking(completion.text, prefilled=prefilled)
        scores["well_formed_thinking"] = float(well_formed)
    return scores


def _text_scores(item: Item, answer: str) -> dict[str, float]:
    if item.check is not None:
        return {RIGHT: float(is_right(answer, item.accepted, item.check))}
    scores = {"exact_match": exact_match(answer, item.accepted)}
    if item.is_of_task:
        scores["rouge_l"] = rouge_l(answer, item.answer.content)
    return scores
