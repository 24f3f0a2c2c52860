"""The form that a server takes, heard through the server's own engine: what a client gets beside what was judged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.bundle import BundleBody, Form, FormFigures
from tunesmith.engine.ask import Said, ask
from tunesmith.engine.batching import BatchingEngine
from tunesmith.engine.interface import Engine, Request
from tunesmith.engine.likeness import share_of
from tunesmith.lifecycle.certificate.hearing import MAX_NEW_TOKENS, speed
from tunesmith.lifecycle.certificate.limits import SERVED, refuse_unknown
from tunesmith.lifecycle.certificate.reference import Certifying, Reference
from tunesmith.model.form import form_base, load_form
from tunesmith.model.load import compute_dtype, load_model
from tunesmith.model.lora import CONFIG_FILE
from tunesmith.recipe.export import FormName
from tunesmith.records import Completion, Message, Sampling

AT_ONCE: Final = 16
"""Test items on their way together."""


@dataclass(frozen=True, slots=True)
class Served:
    """What came through an engine."""

    figures: FormFigures
    apart: float
    """Largest difference of the log-probabilities of the canaries' tokens."""


def served_form(body: BundleBody, figures: Sequence[FormFigures], wanted: FormName | None) -> Form:
    """The form that is wanted; else that which a server takes: the adapter, or the quickest that was measured."""
    speeds = {each.form: each.tokens_per_second for each in figures}
    quickest = "adapter" if "adapter" in speeds else max(speeds, key=lambda form: speeds[form])
    return next(form for form in body.forms if form.name == (wanted or quickest))


def measure_served(certifying: Certifying, reference: Reference, folder: Path, body: BundleBody, form: Form) -> Served:
    """Open an engine over one form, as `tunesmith serve` does, and ask it what the judged model was asked.

    An engine tells no probabilities of the whole vocabulary: there is no divergence, and tokens are compared up to
    where an answer parts. Places where the judged model's own logits are one number to it are left out. Raises
    RunFailed `certificate-failed` for a figure that is none.
    """
    with opened(certifying, folder, body, form) as (engine, adapter):
        heard = _Engine(engine, adapter, certifying)
        said = heard.answers(reference)
        logs = heard.scores(reference)
        judged = reference.exam.of_writer(heard.write, heard.choose, certifying.progress.advance)
    asked = [number for number, question in enumerate(reference.questions) if question.prompt]
    apart_by_answer = {
        number: float(np.abs(logs[number] - reference.logs[number]).max(initial=0.0)) for number in asked
    }
    apart = max(apart_by_answer.values(), default=0.0)
    refuse_unknown(SERVED, {"max_logit_difference": apart})
    difference = None if judged is None else reference.exam.difference(SERVED, judged, reference.judged)
    if judged is not None:
        refuse_unknown(SERVED, {"metric": math.nan if difference is None else difference.mean})
    answers = [tuple(one.ids) for one in said]
    num_tokens, num_near_ties, num_agreeing = _agreeing(reference, answers, asked)
    figures = FormFigures(
        form=SERVED,
        against=certifying.arm,
        num_prompts=len(asked),
        num_tokens=num_tokens,
        token_agreement=share_of(num_agreeing, num_tokens - num_near_ties),
        num_near_ties=num_near_ties,
        num_same_answers=sum(mine == reference.answers[number] for mine, number in zip(answers, asked, strict=True)),
        widest_parting=reference.widest_parting(answers, asked),
        mean_kl=None,
        max_logit_difference=apart,
        metric=difference,
        num_bytes=form.num_bytes,
        tokens_per_second=speed([(len(one.ids), one.seconds) for one in said]),
    )
    return Served(figures, max((apart_by_answer[number] for number in reference.canaries), default=0.0))


@contextmanager
def opened(certifying: Certifying, folder: Path, body: BundleBody, form: Form) -> Iterator[tuple[Engine, str | None]]:
    """The engine that serves a form, and the name of its adapter there."""
    evaluation, device = certifying.evaluation, certifying.runtime.device
    dtype = compute_dtype(evaluation.precision)
    adapter = body.name if form.name == "adapter" and _is_lora(folder / form.name) else None
    if adapter is None:
        model = load_form(folder, body, form.name, dtype=dtype, device=device)
    else:
        base = form_base(folder, body, form.name)
        model = load_model(base.folder, dtype=dtype, device=device, four_bit=body.base.four_bit)
    engine = BatchingEngine(model, evaluation.chat, max_tokens=evaluation.base.max_tokens)
    try:
        if adapter is not None:
            engine.load_adapter(adapter, folder / form.name)
        yield engine, adapter
    finally:
        engine.close()


def _is_lora(folder: Path) -> bool:
    """An engine takes these beside its base; a prompt or a prefix is attached before it begins."""
    config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    return bool(config["peft_type"] == "LORA")


@dataclass(frozen=True)
class _Engine:
    engine: Engine
    adapter: str | None
    certifying: Certifying

    def answers(self, reference: Reference) -> list[Said]:
        """To the conversations among the questions, one at a time."""
        sampling = Sampling(max_new_tokens=MAX_NEW_TOKENS)
        found = []
        for question in reference.questions:
            if question.prompt:
                found += ask(self.engine, [Request(question.prompt, sampling, self.adapter)], 1)
            self.certifying.progress.advance()
        return found

    def scores(self, reference: Reference) -> dict[int, NDArray[np.float64]]:
        """By question, log-probability of each token of the judged model's answer."""
        return {
            number: np.array(self.engine.score(question.prompt, reference.answers[number], self.adapter))
            for number, question in enumerate(reference.questions)
            if question.prompt
        }

    def write(self, prompts: Sequence[tuple[Message, ...]], sampling: Sampling) -> list[list[Completion]]:
        chat = self.certifying.evaluation.chat
        requests = [
            Request(prompt, sampling, self.adapter, sample=number)
            for prompt in prompts
            for number in range(sampling.num_samples)
        ]
        told = [
            Completion(
                said.text,
                chat.parse(said.text).message,
                said.num_prompt_tokens,
                len(said.ids),
                said.finish_reason,
            )
            for said in ask(self.engine, requests, AT_ONCE)
        ]
        each = sampling.num_samples
        return [told[start : start + each] for start in range(0, len(told), each)]

    def choose(self, prompts: Sequence[tuple[Message, ...]], labels: Sequence[str]) -> list[list[float]]:
        return self.engine.label(prompts, labels, self.adapter)


def _agreeing(reference: Reference, answers: Sequence[tuple[int, ...]], asked: Sequence[int]) -> tuple[int, int, int]:
    """Tokens, near-ties and agreeing ones without these, of each answer up to and with the first other token."""
    num_tokens = num_near_ties = num_agreeing = 0
    for mine, number in zip(answers, asked, strict=True):
        for theirs, own, is_tie in zip(mine, reference.answers[number], reference.is_tie[number], strict=False):
            num_tokens += 1
            num_near_ties += bool(is_tie)
            num_agreeing += bool(theirs == own and not is_tie)
            if theirs != own:
                break
    return num_tokens, num_near_ties, num_agreeing
