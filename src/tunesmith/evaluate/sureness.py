"""How sure a model is of a free answer: how likely it finds it, what it says when asked, how often it says the same."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from tunesmith.errors import TunesmithError
from tunesmith.evaluate import arms
from tunesmith.evaluate.arms import Answers, Asking, Prompt
from tunesmith.evaluate.items import Item
from tunesmith.recipe.confidence import VERBALISED, AnswerConfidence
from tunesmith.records import Completion, Message, Sample, Sampling
from tunesmith.text.normalise import normalise_answer
from tunesmith.text.traditional import simplified

PERCENT_TOKENS: Final = 16
HOW_SURE: Final = {
    "en": "How likely is it that your answer is right? Reply with one number from 0 (surely wrong) to 100 (surely "
    "right) and with nothing else.",
    "zh": "你刚才的回答正确的可能性有多大？请只回复一个 0 到 100 之间的数字（0 表示肯定错误，100 表示肯定正确），"
    "不要写别的。",
}
_NUMBER: Final = re.compile(r"(?P<sign>-?)(?<![\d.])(?P<digits>\d+(?:\.\d+)?)(?![\d.]*\d)")
_OF_HUNDRED: Final = re.compile(r"\s*(?:/|out of|满分)\s*100(?![\d.])")
Told = tuple[Item, Prompt, Sample]


def stated(
    asking: Asking,
    items: Sequence[Item],
    prompts: Sequence[Prompt],
    answers: Answers,
    kinds: Collection[AnswerConfidence],
) -> tuple[Answers, list[Sample]]:
    """The answers with what their model says of them as scores, and the samples that hold what it was asked.

    An answer that is none, was cut off or cannot be shown to the model again has no confidence. Every item counts as
    done once for each kind that the model is asked for.
    """
    if "agreement" in kinds:
        answers = with_agreement(answers)
    if not {"likelihood", "verbalised"}.intersection(kinds):
        return answers, []
    first = {sample.item: sample for sample in answers.samples if sample.index == 0}
    told = [(item, prompt, first[item.id]) for item, prompt in zip(items, prompts, strict=True)]
    whole = [one for one in told if one[2].finish_reason == "stop" and _is_sayable(asking, *one[1:])]
    found: dict[str, dict[str, float]] = {item.id: {} for item in items}
    asked: list[Sample] = []
    if "likelihood" in kinds:
        asking.on_done(len(told) - len(whole))
        for (item, _, _), likelihood in zip(whole, _likelihoods(asking, whole), strict=True):
            found[item.id]["likelihood"] = likelihood
    if "verbalised" in kinds:
        asking.on_done(len(told) - len(whole))
        asked = _verbalised(asking, whole)
        for sample in asked:
            found[sample.item] |= sample.scores
    return with_scores(answers, found), asked


def with_scores(answers: Answers, found: Mapping[str, Mapping[str, float]]) -> Answers:
    """The answers with more scores of each item's first one."""
    samples = tuple(
        replace(sample, scores={**sample.scores, **found.get(sample.item, {})}) if sample.index == 0 else sample
        for sample in answers.samples
    )
    return replace(answers, samples=samples)


def _is_sayable(asking: Asking, prompt: Prompt, sample: Sample) -> bool:
    """Whether there is an answer that can stand in a prompt, where nothing may steer as a template does."""
    try:
        asking.engine.chat.answer_ids(Message("assistant", sample.answer, sample.reasoning), prompt)
    except TunesmithError:
        return False
    return bool(sample.answer)


def _likelihoods(asking: Asking, told: Sequence[Told]) -> list[float]:
    """The mean probability of a token of each answer, its end included: 1 over its perplexity."""
    if not told:
        return []
    said = [
        replace(item, prompt=prompt, answer=Message("assistant", sample.answer, sample.reasoning), text=None)
        for item, prompt, sample in told
    ]
    reading = arms.bits_of(asking.engine, said, asking.on_done)
    assert reading.tokens_N is not None
    likelihoods: list[float] = (2.0 ** -(reading.bits_N / reading.tokens_N)).clip(0.0, 1.0).tolist()
    return likelihoods


def _verbalised(asking: Asking, told: Sequence[Told]) -> list[Sample]:
    """What the model says when it is asked behind its answer; a reply without a number has no score."""
    if not told:
        return []
    # a model that thinks before it answers does so again
    thinks = asking.engine.chat.prefilled or any(sample.reasoning for _, _, sample in told)
    num_tokens = max(PERCENT_TOKENS, told[0][2].sampling.max_new_tokens) if thinks else PERCENT_TOKENS
    items = [replace(item, suite=VERBALISED) for item, _, _ in told]
    prompts = [how_sure(*one) for one in told]
    sampling = Sampling(max_new_tokens=num_tokens)
    replies = asking.completions(told[0][2].arm, items, prompts, sampling)
    return [
        said_how_sure(sample, prompt, reply, sampling)
        for (_, _, sample), prompt, (reply,) in zip(told, prompts, replies, strict=True)
    ]


def how_sure(item: Item, prompt: Prompt, sample: Sample) -> Prompt:
    """What a model is asked behind its answer, in the language of the question."""
    question = HOW_SURE["zh" if item.language == "zh" else "en"]
    return (*prompt, Message("assistant", sample.answer), Message("user", question))


def said_how_sure(sample: Sample, prompt: Prompt, reply: Completion, sampling: Sampling) -> Sample:
    """The reply to that, with the share that it names as its score, where it names one."""
    share = read_percent(reply.message.content)
    return replace(
        sample,
        suite=VERBALISED,
        prompt=prompt,
        reference="",
        raw=reply.text,
        reasoning=reply.message.reasoning,
        answer=reply.message.content,
        scores={} if share is None else {"verbalised": share},
        sampling=sampling,
        num_tokens=reply.num_tokens,
        finish_reason=reply.finish_reason,
    )


def read_percent(text: str) -> float | None:
    """The one number from 0 to 100 that a text holds, as a share: `85`, `85%`, `85/100`, `８５`. None for any other.

    A fraction such as 0.9 may be meant as 0.9 of 1 or of 100, and two numbers as either: neither is guessed at.
    """
    folded = unicodedata.normalize("NFKC", text).replace("\N{MINUS SIGN}", "-")
    numbers = list(_NUMBER.finditer(_OF_HUNDRED.sub(" ", simplified(folded))))
    if len(numbers) != 1 or numbers[0]["sign"]:
        return None
    number = float(numbers[0]["digits"])
    return number / 100 if number == 0 or 1 <= number <= 100 else None


def with_agreement(answers: Answers) -> Answers:
    """The share of an item's samples that say the same as its most frequent answer, as a score of the first such one.

    Answers are compared after `normalise_answer`; of equally frequent ones the earliest counts. Samples without an
    answer agree with none.
    """
    forms: dict[str, list[tuple[int, str]]] = {}
    for place, sample in enumerate(answers.samples):
        forms.setdefault(sample.item, []).append((place, normalise_answer(sample.answer) if sample.answer else ""))
    shares: dict[int, float] = {}
    for told in forms.values():
        counts = Counter(form for _, form in told if form)
        if counts:
            form, num = counts.most_common(1)[0]
            shares[next(place for place, other in told if other == form)] = num / len(told)
    samples = tuple(
        replace(sample, scores={**sample.scores, "agreement": shares[place]}) if place in shares else sample
        for place, sample in enumerate(answers.samples)
    )
    return replace(answers, samples=samples)
