"""A GGUF file heard through llama.cpp itself, where its Python package is installed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tunesmith.artifacts.bundle import Form, FormFigures
from tunesmith.chat import Chat
from tunesmith.engine.likeness import share_of
from tunesmith.lifecycle.certificate.answers import agreeing
from tunesmith.lifecycle.certificate.hearing import MAX_NEW_TOKENS, speed
from tunesmith.lifecycle.certificate.limits import LLAMA_CPP, Broken
from tunesmith.lifecycle.certificate.reference import Certifying, Reference

if TYPE_CHECKING:
    from llama_cpp import Llama

PACKAGE: Final = "llama_cpp"


def is_there() -> bool:
    """Whether llama.cpp can be asked: `pip install 'tunesmith[gguf]'` brings it."""
    return find_spec(PACKAGE) is not None


def measure_llama_cpp(certifying: Certifying, reference: Reference, file: Path, form: Form) -> FormFigures:
    """Let llama.cpp read the prompts' texts and write the answers greedily, one at a time.

    It is compared as a server is: up to where an answer parts, without a divergence. The metric is that of the file as
    it was read for the form itself. Raises RunFailed `certificate-failed` where it reads a prompt in other tokens.
    """
    from llama_cpp import Llama

    asked = [number for number, answer in enumerate(reference.answers) if answer]
    questions = [reference.questions[number] for number in asked]
    num_places = max((len(question.ids) for question in questions), default=0) + MAX_NEW_TOKENS
    model = Llama(str(file), n_ctx=num_places, n_threads=certifying.runtime.num_threads, verbose=False)
    chat = certifying.evaluation.chat
    _refuse_other_tokens(model, chat, [question.ids for question in questions if question.prompt])
    answers, seconds = [], []
    for question in questions:
        started = time.perf_counter()
        answers.append(_answer(model, question.ids, chat))
        seconds.append(time.perf_counter() - started)
    certifying.progress.advance(len(reference.questions))
    num_tokens, num_near_ties, num_agreeing = agreeing(reference, answers, asked)
    return FormFigures(
        form=LLAMA_CPP,
        against=certifying.arm,
        num_prompts=len(asked),
        num_tokens=num_tokens,
        token_agreement=share_of(num_agreeing, num_tokens - num_near_ties),
        num_near_ties=num_near_ties,
        num_same_answers=sum(mine == reference.answers[number] for mine, number in zip(answers, asked, strict=True)),
        widest_parting=reference.widest_parting(answers, asked),
        mean_kl=None,
        max_logit_difference=None,
        num_bytes=form.num_bytes,
        tokens_per_second=speed(list(zip(map(len, answers), seconds, strict=True))),
    )


def _refuse_other_tokens(model: Llama, chat: Chat, prompts: Sequence[tuple[int, ...]]) -> None:
    texts = (chat.decode_all(ids).encode() for ids in prompts)
    read = [tuple(model.tokenize(text, add_bos=False, special=True)) for text in texts]
    num_others = sum(mine != own for mine, own in zip(read, prompts, strict=True))
    if num_others:
        raise Broken("prompt_tokens", f"{num_others}/{len(prompts)}", "= 0").error(LLAMA_CPP)


def _answer(model: Llama, prompt_ids: Sequence[int], chat: Chat) -> tuple[int, ...]:
    model.reset()
    ids = []
    for token in islice(model.generate(prompt_ids, top_k=1, temp=0.0, repeat_penalty=1.0), MAX_NEW_TOKENS):
        ids.append(token)
        if token in chat.end_ids:
            break
    return tuple(ids)
