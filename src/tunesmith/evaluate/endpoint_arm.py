"""The arm of a model behind an OpenAI-compatible API: it writes, whatever the task, and may say how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from tunesmith.artifacts.scorecard import Task
from tunesmith.chat.parse import parse_answer
from tunesmith.engine.endpoint import TIMEOUT, Endpoint
from tunesmith.engine.reply import Reply
from tunesmith.errors import RunFailed
from tunesmith.evaluate.arms import Answers, OnDone, Prompt, said_number_sample, written_sample
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.sureness import PERCENT_TOKENS, how_sure, said_how_sure, with_scores
from tunesmith.metrics.faults import label_forms, label_told
from tunesmith.recipe.confidence import AnswerConfidence
from tunesmith.records import Completion, FinishReason, Message, Sample, Sampling

NAME_A_LABEL: Final = {
    "en": "Reply with one of these labels alone, spelled as here:\n{labels}",
    "zh": "请只回复下列标签中的一个，写法与此处完全一致：\n{labels}",
}


_FINISHED: Final[dict[str, FinishReason]] = {"length": "length", TIMEOUT: "timeout"}


@dataclass(frozen=True)
class EndpointArm:
    """What is asked in which words."""

    name: str
    endpoint: Endpoint
    sampling: Sampling
    task: Task
    labels: Sequence[str] = ()
    unsaid: float = 0.0
    """Stands for an answer without a number, where numbers are asked for."""
    kinds: Sequence[AnswerConfidence] = ()
    """Confidences of free answers."""

    def answer(self, items: Sequence[Item], on_done: OnDone) -> Answers:
        """Raises what `Endpoint.replies` does. Seconds are those of the requests over how many are under way at once.

        Prompt tokens and the time to the first token are absent where the endpoint does not tell them. Requests that
        timed out are samples of their own kind; where all of them did, RunFailed `endpoint-failed` says so.
        """
        jobs = [(item, number) for item in items for number in range(self.sampling.num_samples)]
        prompts = [self._prompt(item) for item, _ in jobs]
        wants_logprobs = self.task == "labels" or "likelihood" in self.kinds
        endpoint = replace(self.endpoint, counts_timeouts=True, streams=True, wants_logprobs=wants_logprobs)
        replies = endpoint.replies(prompts, [self.sampling.seed + number for _, number in jobs], on_done)
        samples = [
            replace(self._sample(item, prompt, reply), index=number, sampling=self.sampling)
            for (item, number), prompt, reply in zip(jobs, prompts, replies, strict=True)
        ]
        sure = {s.item: self._sure(s, reply) for s, reply in zip(samples, replies, strict=True) if s.index == 0}
        came = [reply for reply in replies if reply.finish_reason != TIMEOUT]
        if not came:
            raise RunFailed("endpoint-failed", url=endpoint.url, model=endpoint.model, problem="ReadTimeout")
        told = [reply.num_prompt_tokens for reply in came if reply.num_prompt_tokens is not None]
        waited = [reply.first_piece_seconds for reply in came if reply.first_piece_seconds is not None]
        answers = Answers(
            tuple(samples),
            sum(told) / len(told) if len(told) == len(came) else None,
            sum(reply.seconds for reply in replies) / endpoint.parallel,
            first_token_seconds=sum(waited) / len(waited) if waited else None,
        )
        return with_scores(answers, sure)

    def stated(self, items: Sequence[Item], answers: Answers, on_done: OnDone) -> tuple[Answers, list[Sample]]:
        """The answers with how sure the model says it is when it is asked, and the samples that hold what it was asked.

        It has as much room as for an answer: it may think, and not show that. Raises what `Endpoint.replies` does.
        """
        if "verbalised" not in self.kinds:
            return answers, []
        first = {sample.item: sample for sample in answers.samples if sample.index == 0}
        told = [(item, self._prompt(item), first[item.id]) for item in items]
        whole = [one for one in told if _is_whole(one[2])]
        on_done(len(told) - len(whole))
        sampling = Sampling(max_new_tokens=max(PERCENT_TOKENS, self.sampling.max_new_tokens), seed=self.sampling.seed)
        endpoint = replace(self.endpoint, counts_timeouts=True, temperature=0.0, max_tokens=sampling.max_new_tokens)
        prompts = [how_sure(*one) for one in whole]
        replies = endpoint.replies(prompts, [sampling.seed] * len(prompts), on_done)
        asked = [
            said_how_sure(sample, prompt, _completion(reply), sampling)
            for (_, _, sample), prompt, reply in zip(whole, prompts, replies, strict=True)
        ]
        return with_scores(answers, {sample.item: sample.scores for sample in asked}), asked

    @cached_property
    def _forms(self) -> dict[str, str]:
        return label_forms(self.labels)

    def _sure(self, sample: Sample, reply: Reply) -> dict[str, float]:
        """How likely the model found what it wrote: all of a label, or a token of a free answer on average."""
        if not _is_whole(sample):
            return {}
        if self.task == "labels" and reply.answer_logprob is not None:
            is_label = label_told(sample.answer, self._forms) is not None
            return {"confidence": min(1.0, math.exp(reply.answer_logprob))} if is_label else {}
        if "likelihood" in self.kinds and reply.mean_logprob is not None:
            return {"likelihood": min(1.0, math.exp(reply.mean_logprob))}
        return {}

    def _prompt(self, item: Item) -> Prompt:
        if self.task != "labels":
            return item.prompt
        asked = NAME_A_LABEL["zh" if item.language == "zh" else "en"].format(labels="\n".join(self.labels))
        return (Message("system", asked), *item.prompt)

    def _sample(self, item: Item, prompt: Prompt, reply: Reply) -> Sample:
        completion = _completion(reply)
        if self.task == "numbers":
            return said_number_sample(self.name, item, prompt, completion, self.unsaid)
        return written_sample(self.name, item, prompt, completion, prefilled=False)


def _completion(reply: Reply) -> Completion:
    return Completion(
        text=reply.text,
        message=parse_answer(reply.text, prefilled=False).message,
        num_prompt_tokens=reply.num_prompt_tokens or 0,
        num_tokens=reply.num_tokens or 0,
        finish_reason=_FINISHED.get(reply.finish_reason, "stop"),
    )


def _is_whole(sample: Sample) -> bool:
    """Whether there is an answer, and it was not cut."""
    return sample.finish_reason == "stop" and bool(sample.answer)
