"""The form that a server takes, behind the server that `tunesmith serve` runs: what clients get beside what was judged.

Every prompt is asked twice over HTTP, for a whole answer and for a streamed one, and the test items once more, by the
routes and the defaults that clients use. What a reply says is held against the tokens that the engine wrote for it, and
those against the judged model's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from httpx2 import Client
from numpy.typing import NDArray
from transformers import PreTrainedModel

from tunesmith.artifacts.bundle import BundleBody, Form, FormFigures
from tunesmith.chat import Chat
from tunesmith.engine.ask import ask
from tunesmith.engine.batching import BatchingEngine
from tunesmith.engine.interface import Delta, OnDelta, Request
from tunesmith.engine.likeness import share_of
from tunesmith.lifecycle.certificate.answers import Wrote, agreeing, altered, refuse_altered
from tunesmith.lifecycle.certificate.hearing import MAX_NEW_TOKENS, speed
from tunesmith.lifecycle.certificate.limits import SERVED, refuse_unknown
from tunesmith.lifecycle.certificate.over_http import Asker, Reply, is_sayable, worded
from tunesmith.lifecycle.certificate.reference import Certifying, Reference, canaries_of
from tunesmith.recipe.export import FormName
from tunesmith.recipe.serve import Limits, Serve
from tunesmith.records import Completion, Message, Sampling
from tunesmith.serve.classify import text_of
from tunesmith.serve.deployment import Deployment, ServedModels
from tunesmith.serve.recording import Recorder
from tunesmith.serve.run import serving_beside
from tunesmith.serve.start import ANSWERING, Opened, Shipped, open_form
from tunesmith.store import open_store

AT_ONCE: Final = 16
"""Answers to test items that are on their way together."""
TEXTS_AT_ONCE: Final = 64
"""Test items that one request labels."""
A_DAY: Final = 86_400.0
"""No answer takes so many seconds: the limit on them is the operator's, and not what is proved."""
GREEDY: Final[dict[str, Any]] = {"temperature": 0.0, "top_p": 1.0, "max_tokens": MAX_NEW_TOKENS}

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Served:
    """What came through a server."""

    figures: FormFigures
    apart: float
    """Largest difference of the log-probabilities of the canaries' tokens."""
    num_over_http: int
    """Prompts that were asked over HTTP, both ways."""


def served_form(body: BundleBody, figures: Sequence[FormFigures], wanted: FormName | None) -> Form:
    """The form that is wanted; else that which a server takes: the adapter, or the quickest that was measured of those
    that it takes."""
    speeds = {each.form: each.tokens_per_second for each in figures if each.form in ANSWERING}
    quickest = "adapter" if "adapter" in speeds else max(speeds, key=lambda form: speeds[form])
    return next(form for form in body.forms if form.name == (wanted or quickest))


def measure_served(certifying: Certifying, reference: Reference, folder: Path, body: BundleBody, form: Form) -> Served:
    """Open one form as `tunesmith serve` does, and ask it over HTTP what the judged model was asked.

    A server tells no probabilities of the whole vocabulary: there is no divergence, and tokens are compared up to where
    an answer parts. Places where the judged model's own logits are one number to it are left out. Raises RunFailed
    `certificate-failed` for a figure that is none, `certificate-altered` for a reply that is not what the engine wrote,
    and what `Asker` raises.
    """
    with _serving(certifying, reference, folder, body, form) as server:
        heard = server.answers(reference)
        logs = server.scores(reference)
        judged = reference.exam.of_writer(server.write, server.choose, certifying.progress.advance)
    scored = {number: float(np.abs(logs[number] - reference.logs[number]).max(initial=0.0)) for number in logs}
    apart = float(np.max([*scored.values(), *(each.apart for each in heard.values())], initial=0.0))
    refuse_unknown(SERVED, {"max_logit_difference": apart})
    difference = None if judged is None else reference.exam.difference(SERVED, judged, reference.judged)
    if judged is not None:
        refuse_unknown(SERVED, {"metric": math.nan if difference is None else difference.mean})
    asked, answers = list(heard), [each.ids for each in heard.values()]
    streamed = [each.streamed_ids for each in heard.values()]
    num_tokens, num_near_ties, num_agreeing = agreeing(reference, answers, asked)
    figures = FormFigures(
        form=SERVED,
        against=certifying.arm,
        num_prompts=len(asked),
        num_tokens=num_tokens,
        token_agreement=share_of(num_agreeing, num_tokens - num_near_ties),
        num_near_ties=num_near_ties,
        num_same_answers=sum(each.is_same(reference.answers[number]) for number, each in heard.items()),
        widest_parting=max(reference.widest_parting(said, asked) for said in (answers, streamed)),
        mean_kl=None,
        max_logit_difference=apart,
        metric=difference,
        num_bytes=form.num_bytes,
        tokens_per_second=speed([(len(each.ids), each.seconds) for each in heard.values()]),
    )
    on_canaries = max((scored[number] for number in reference.canaries), default=0.0)
    return Served(figures, on_canaries, sum(each.was_over_http for each in heard.values()))


class Overheard(BatchingEngine):
    """An engine of which is known what it wrote to whom: HTTP tells texts, not tokens."""

    def __init__(self, model: PreTrainedModel, chat: Chat, **settings: Any) -> None:
        self.written: dict[tuple[Ids, int], list[list[int]]] = {}
        """By the tokens of the prompt and the number of the sample, the answers to it."""
        super().__init__(model, chat, **settings)

    def submit(self, request: Request, on_delta: OnDelta) -> int:
        ids = list[int]()
        self.written.setdefault((tuple(self._ids_of(request.prompt)), request.sample), []).append(ids)

        def tell(delta: Delta) -> None:
            ids.extend(delta.ids)
            on_delta(delta)

        return super().submit(request, tell)


@contextmanager
def _serving(
    certifying: Certifying, reference: Reference, folder: Path, body: BundleBody, form: Form
) -> Iterator[_Server]:
    """The form behind a server on a free port of this machine. It is the recipe's model and nobody's deployment: no
    guard, no keys, nothing recorded, and limits that hold whatever is asked here."""
    runtime, sampling = certifying.runtime, reference.exam.sheet.sampling
    limits = Limits(
        max_body_bytes=1 << 28,
        max_messages=1 << 16,
        max_new_tokens=max(MAX_NEW_TOKENS, sampling.max_new_tokens),
        max_choices=sampling.num_samples,
        max_texts=TEXTS_AT_ONCE,
        request_seconds=A_DAY,
        max_waiting=AT_ONCE * sampling.num_samples,
    )
    section = Serve(port=0, record="off", retention_days=None, limits=limits)
    shipped = Shipped(folder, body, form.name, "", certifying.recipe, canaries_of(reference))
    opened = open_form(shipped, section, runtime, Overheard)
    assert isinstance(opened.engine, Overheard)
    try:
        with (
            TemporaryDirectory(prefix="tunesmith-") as place,
            open_store(f"sqlite:///{place}/store.db", clock=runtime.clock, key_file=Path(place) / "key") as store,
            serving_beside(
                Deployment(
                    bundle=None,
                    facts=opened.facts,
                    engine=opened.engine,
                    store=store,
                    section=section,
                    runtime=runtime,
                    models=ServedModels(opened.models),
                    recorder=Recorder(store, section.record),
                )
            ) as address,
            Client(base_url=f"{address}/", timeout=None, trust_env=False) as http,
        ):
            yield _Server(Asker(http, opened.facts.name), opened, opened.engine, certifying)
    finally:
        opened.engine.close()


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one prompt was answered."""

    ids: Ids
    """Of the whole answer, as the engine wrote it."""
    streamed_ids: Ids
    says_the_same: bool
    """Whether the streamed answer reads like the whole one."""
    apart: float
    """Largest difference of two log-probabilities of a token, as far as the answer is the judged one."""
    seconds: float
    was_over_http: bool = True

    def is_same(self, judged: Ids) -> bool:
        return self.ids == self.streamed_ids == judged and self.says_the_same


@dataclass(frozen=True)
class _Server:
    asker: Asker
    opened: Opened
    engine: Overheard
    certifying: Certifying

    @property
    def chat(self) -> Chat:
        return self.certifying.evaluation.chat

    @property
    def adapter(self) -> str | None:
        """Its name in the engine."""
        return self.opened.models[0].adapter

    def answers(self, reference: Reference) -> dict[int, _Heard]:
        """By question, to the conversations that leave room for an answer, one at a time."""
        found = {}
        for number, question in enumerate(reference.questions):
            if question.prompt and reference.answers[number]:
                ask_it = self._answer if is_sayable(question.prompt) else self._answer_in_process
                found[number] = ask_it(question.prompt, question.ids, reference, number)
            self.certifying.progress.advance()
        return found

    def _answer(self, prompt: tuple[Message, ...], prompt_ids: Ids, reference: Reference, number: int) -> _Heard:
        self.engine.written.clear()
        started = time.perf_counter()
        whole = self.asker.whole(prompt, logprobs=True, **GREEDY)
        seconds = time.perf_counter() - started
        streamed = self.asker.streamed(prompt, **GREEDY)
        written = self.engine.written.get((prompt_ids, 0), [])
        if len(written) != 2:  # the request became another prompt
            raise altered("prompt", str(whole.num_prompt_tokens), str(len(prompt_ids)))
        wrote, then = (Wrote(tuple(ids), len(prompt_ids), self.chat) for ids in written)
        refuse_altered(wrote, whole)
        refuse_altered(then, streamed, tells_as_it_comes=not self.opened.facts.closes_unopened)
        return _Heard(
            ids=wrote.ids,
            streamed_ids=then.ids,
            says_the_same=streamed.messages == whole.messages,
            apart=_apart(wrote.ids, whole.log_probabilities, reference, number),
            seconds=seconds,
        )

    def _answer_in_process(
        self, prompt: tuple[Message, ...], prompt_ids: Ids, reference: Reference, number: int
    ) -> _Heard:
        """No request can hold it, so the engine alone is asked."""
        (said,) = ask(self.engine, [Request(prompt, Sampling(max_new_tokens=MAX_NEW_TOKENS), self.adapter)], 1)
        ids = tuple(said.ids)
        return _Heard(ids, ids, says_the_same=True, apart=0.0, seconds=said.seconds, was_over_http=False)

    def scores(self, reference: Reference) -> dict[int, NDArray[np.float64]]:
        """By question, log-probability of each token of the judged model's answer, as `/readyz` asks the engine."""
        return {
            number: np.array(self.engine.score(question.ids, reference.answers[number], self.adapter))
            for number, question in enumerate(reference.questions)
            if question.prompt and reference.answers[number]
        }

    def write(self, prompts: Sequence[tuple[Message, ...]], sampling: Sampling) -> list[list[Completion]]:
        """Several at a time; each answer is held against what the engine wrote."""
        self.engine.written.clear()
        with ThreadPoolExecutor(max(1, AT_ONCE // sampling.num_samples)) as threads:
            return list(threads.map(partial(self._written, sampling=sampling), prompts))

    def _written(self, prompt: tuple[Message, ...], *, sampling: Sampling) -> list[Completion]:
        if not is_sayable(prompt):
            samples = range(sampling.num_samples)
            requests = [Request(prompt, sampling, self.adapter, sample=number) for number in samples]
            told = ask(self.engine, requests, 1)
            return [
                Completion(
                    one.text, self.chat.parse(one.text).message, one.num_prompt_tokens, len(one.ids), one.finish_reason
                )
                for one in told
            ]
        wanted: dict[str, Any] = {"n": sampling.num_samples, "seed": sampling.seed}
        wanted["max_tokens"] = sampling.max_new_tokens
        judged = self.opened.facts.sampling
        if (sampling.temperature, sampling.top_p) != (judged.temperature, judged.top_p):  # else the server's own word
            wanted |= {"temperature": sampling.temperature, "top_p": sampling.top_p}
        reply = self.asker.whole(prompt, **wanted)
        prompt_ids = tuple(self.chat.prompt_ids(prompt))
        return [self._completion(prompt_ids, reply, number) for number in range(sampling.num_samples)]

    def _completion(self, prompt_ids: Ids, reply: Reply, number: int) -> Completion:
        """One answer of a reply and its tokens. Equal prompts may be asked at once: any one's tokens will do."""
        written = self.engine.written.get((prompt_ids, number))
        if not written:
            raise altered("prompt", str(reply.num_prompt_tokens), str(len(prompt_ids)))
        wrote = [Wrote(tuple(ids), len(prompt_ids), self.chat) for ids in written]
        same = next((one for one in wrote if one.says(reply.messages[number])), wrote[-1])
        same.refuse_other(reply.messages[number])
        return Completion(same.text, reply.messages[number], reply.num_prompt_tokens, len(same.ids), same.finish_reason)

    def choose(self, prompts: Sequence[tuple[Message, ...]], labels: Sequence[str]) -> list[list[float]]:
        """As texts, where the server puts the item's own words around them; else as conversations."""
        texts = [text_of(prompt, self.opened.facts) for prompt in prompts]
        plain = [number for number, text in enumerate(texts) if text]
        found: dict[int, list[float]] = {}
        for start in range(0, len(plain), TEXTS_AT_ONCE):
            part = plain[start : start + TEXTS_AT_ONCE]
            rows = self.asker.probabilities(labels, input=[texts[number] for number in part])
            found |= zip(part, rows, strict=True)
        for number, prompt in enumerate(prompts):
            if number in found:
                continue
            if is_sayable(prompt):
                (found[number],) = self.asker.probabilities(labels, messages=worded(prompt))
            else:
                (found[number],) = self.engine.label([prompt], labels, self.adapter)
        return [found[number] for number in range(len(prompts))]


def _apart(ids: Ids, logs: Sequence[float], reference: Reference, number: int) -> float:
    """How far the log-probabilities of a reply lie from the judged ones, up to where the answer parts."""
    apart = 0.0
    for mine, own, log, judged in zip(ids, reference.answers[number], logs, reference.logs[number], strict=False):
        if mine != own:
            break
        apart = max(apart, abs(log - float(judged))) if math.isfinite(log) else math.nan
    return apart
