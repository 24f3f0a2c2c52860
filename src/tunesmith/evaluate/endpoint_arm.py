"""The arm of a model behind an OpenAI-compatible API: it writes, whatever the task; nothing is scored by likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tunesmith.artifacts.scorecard import Task
from tunesmith.chat.parse import parse_answer
from tunesmith.engine.endpoint import TIMEOUT, Endpoint, Reply
from tunesmith.errors import RunFailed
from tunesmith.evaluate.arms import Answers, OnDone, Prompt, said_number_sample, written_sample
from tunesmith.evaluate.items import Item
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

    def answer(self, items: Sequence[Item], on_done: OnDone) -> Answers:
        """Raises what `Endpoint.replies` does. Seconds are those of the requests over how many are under way at once.

        Prompt tokens are absent where the endpoint does not tell them. Requests that timed out are samples of their own
        kind; where all of them did, RunFailed `endpoint-failed` says so.
        """
        jobs = [(item, number) for item in items for number in range(self.sampling.num_samples)]
        prompts = [self._prompt(item) for item, _ in jobs]
        endpoint = replace(self.endpoint, counts_timeouts=True)
        replies = endpoint.replies(prompts, [self.sampling.seed + number for _, number in jobs], on_done)
        samples = [
            replace(self._sample(item, prompt, reply), index=number, sampling=self.sampling)
            for (item, number), prompt, reply in zip(jobs, prompts, replies, strict=True)
        ]
        came = [reply for reply in replies if reply.finish_reason != TIMEOUT]
        if not came:
            raise RunFailed("endpoint-failed", url=endpoint.url, model=endpoint.model, problem="ReadTimeout")
        told = [reply.num_prompt_tokens for reply in came if reply.num_prompt_tokens is not None]
        seconds = sum(reply.seconds for reply in replies) / endpoint.parallel
        return Answers(tuple(samples), sum(told) / len(told) if len(told) == len(came) else None, seconds)

    def _prompt(self, item: Item) -> Prompt:
        if self.task != "labels":
            return item.prompt
        asked = NAME_A_LABEL["zh" if item.language == "zh" else "en"].format(labels="\n".join(self.labels))
        return (Message("system", asked), *item.prompt)

    def _sample(self, item: Item, prompt: Prompt, reply: Reply) -> Sample:
        completion = Completion(
            text=reply.text,
            message=parse_answer(reply.text, prefilled=False).message,
            num_prompt_tokens=reply.num_prompt_tokens or 0,
            num_tokens=reply.num_tokens or 0,
            finish_reason=_FINISHED.get(reply.finish_reason, "stop"),
        )
        if self.task == "numbers":
            return said_number_sample(self.name, item, prompt, completion, self.unsaid)
        return written_sample(self.name, item, prompt, completion, prefilled=False)
