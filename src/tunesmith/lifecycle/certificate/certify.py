"""The export certificate: every form of a bundle asked what the judged model was asked, and held against it.

The judged model is loaded exactly as the evaluation loaded it and answers fixed prompts greedily, one at a time. Each
form then answers them too, and reads the judged model's answers, so that both predict the same tokens from the same
tokens; layer by layer it is given the same input; and the test items are judged once more by the evaluation's own
functions. The form that a server takes is asked once more, over HTTP; a GGUF file is read back, and asked in llama.cpp
where that is installed. What is beyond a limit, or has a figure that is none, is not shipped, nor anything beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch

from tunesmith.artifacts import hash_file
from tunesmith.artifacts.bundle import BundleBody, Certificate, Form, FormFigures
from tunesmith.chat import load_chat
from tunesmith.engine.likeness import likeness, token_logs
from tunesmith.evaluate.again import exam_of
from tunesmith.export.exporting import Certified
from tunesmith.export.gguf import FILE
from tunesmith.export.gguf_check import read_header
from tunesmith.export.gguf_reading import has_chat, load_gguf
from tunesmith.lifecycle.certificate.hearing import hear, predict
from tunesmith.lifecycle.certificate.limits import (
    GAIN,
    LLAMA_CPP,
    ROUNDING,
    SERVED,
    Broken,
    Rule,
    broken,
    refuse_unknown,
    rule_of,
)
from tunesmith.lifecycle.certificate.llama_cpp import is_there, measure_llama_cpp
from tunesmith.lifecycle.certificate.reference import Certifying, Reference, ask_judged, canaries_of, questions_of
from tunesmith.lifecycle.certificate.served import measure_served, served_form
from tunesmith.model.form import load_form
from tunesmith.model.gains import gain_errors
from tunesmith.model.load import compute_dtype
from tunesmith.recipe.export import FormName
from tunesmith.serve.start import ANSWERING

__all__ = ["Certifying", "certify"]

CANARY_FLOOR: Final[dict[str, float]] = {"fp32": 0.01}
CANARY_FLOOR_16_BITS: Final = 0.1
"""In nats: what another machine's order of sums may change beyond what was measured here."""
CANARY_FACTOR: Final = 2.0
TEMPLATE: Final = "chat_template.jinja"


@dataclass
class _Findings:
    """What was measured so far."""

    figures: list[FormFigures] = field(default_factory=list)
    canary_tolerances: dict[str, float] = field(default_factory=dict)
    not_measured: dict[str, str] = field(default_factory=dict)
    served: FormName | None = None
    num_over_http: int = 0


def certify(certifying: Certifying, folder: Path, body: BundleBody, served: FormName | None = None) -> Certified:
    """Measure every form that lies in a bundle's folder, published or not yet.

    `served` is the form that is also heard through a server; None takes the one that a server would.

    Raises RunFailed `certificate-failed` with the first figure that is beyond its limit, what `exam_of`, `load_form`,
    `load_gguf` and `measure_served` raise.
    """
    torch.set_num_threads(certifying.runtime.num_threads)
    for form in body.forms:
        _refuse_other_chat(certifying, folder, form)
    asked, exam = questions_of(certifying), exam_of(certifying.evaluation, certifying.arm)
    is_served = certifying.head is None and any(form.name in ANSWERING for form in body.forms)
    gguf = next((form for form in body.forms if form.name == "gguf"), None)
    is_in_llama_cpp = gguf is not None and is_there()
    num_models = len(body.forms) + (certifying.scorecard is None)
    num_rounds = 1 + len(body.forms) + is_served + is_in_llama_cpp
    total = num_rounds * len(asked) + num_models * exam.num_told + is_served * exam.num_items
    certifying.progress.begin("task.certificate", total)
    reference = ask_judged(certifying, asked, exam)
    found = _Findings(served=served)
    for form in body.forms:
        _measure(certifying, reference, folder, body, form, found)
    if is_served:
        _measure_served(certifying, reference, folder, body, found)
    elif certifying.head is None:
        found.not_measured[SERVED] = "no-form"
    if gguf is not None and is_in_llama_cpp:
        figures = measure_llama_cpp(certifying, reference, folder / gguf.name / FILE, gguf)
        _keep(certifying, reference, figures, "fewer_bits", found)
    elif gguf is not None:
        found.not_measured[LLAMA_CPP] = "llama-cpp"
    certifying.progress.end()
    return Certified(_certificate(certifying, reference, found), tuple(canaries_of(reference)))


def _refuse_other_chat(certifying: Certifying, folder: Path, form: Form) -> None:
    """A form's own tokenizer, end tokens and template must be those that the judged model was asked with."""
    chat, own = certifying.evaluation.chat, folder / form.name
    if form.name == "gguf":
        found = chat.fingerprint if has_chat(read_header(own / FILE), chat) else "-"
    elif form.name == "adapter":  # its chat is the base's, but for a style's template beside it
        template = own / TEMPLATE
        is_own = not template.is_file() or template.read_text(encoding="utf-8") == chat.source
        found = chat.fingerprint if is_own else hash_file(template)
    else:
        found = load_chat(own, reads_only=chat.reads_only).fingerprint
    if found != chat.fingerprint:
        raise Broken("template", found[:12], f"= {chat.fingerprint[:12]}").error(form.name)


def _measure(
    certifying: Certifying, reference: Reference, folder: Path, body: BundleBody, form: Form, found: _Findings
) -> None:
    """Load one form, ask it everything, and refuse it where it is beyond a limit."""
    evaluation, device = certifying.evaluation, certifying.runtime.device
    dtype = compute_dtype(evaluation.precision)
    if form.name == "gguf":  # what the file itself holds, without llama.cpp
        model = load_gguf(folder / form.name / FILE, dtype=dtype, device=device)
    else:
        model = load_form(folder, body, form.name, dtype=dtype, device=device)
    engine, advance = certifying.engine(model), certifying.progress.advance
    heard = hear(engine, certifying.head, reference.questions, advance)
    given = predict(engine, certifying.head, reference.questions, reference.answers)
    alike = likeness(reference.predictions, given)
    gain_error = float(np.max([*gain_errors(model, reference.probes).values()]))
    told = {"mean_kl": alike.mean_kl, "max_logit_difference": alike.max_difference, "max_gain_error": gain_error}
    refuse_unknown(form.name, told)
    difference = reference.exam.difference(form.name, reference.exam.of_model(engine, advance), reference.judged)
    refuse_unknown(form.name, {"metric": math.nan if difference is None else difference.mean})
    figures = FormFigures(
        form=form.name,
        against=certifying.arm,
        num_prompts=len(reference.questions),
        num_tokens=alike.num_tokens,
        token_agreement=alike.token_agreement,
        num_near_ties=alike.num_near_ties,
        num_same_answers=sum(a == b for a, b in zip(heard.answers, reference.answers, strict=True)),
        widest_parting=reference.widest_parting(heard.answers, range(len(reference.questions))),
        mean_kl=alike.mean_kl,
        max_logit_difference=alike.max_difference,
        max_gain_error=gain_error,
        metric=difference,
        num_bytes=form.num_bytes,
        tokens_per_second=heard.tokens_per_second,
    )
    apart = reference.canary_difference(reference.by_answer(token_logs(given)))
    found.canary_tolerances[form.name] = canary_tolerance(apart, evaluation.precision)
    _keep(certifying, reference, figures, rule_of(form.name, form.dtype, evaluation.precision), found)


def _measure_served(
    certifying: Certifying, reference: Reference, folder: Path, body: BundleBody, found: _Findings
) -> None:
    """The same behind a server; the canaries of its form have to hold for that too."""
    form, precision = served_form(body, found.figures, found.served), certifying.evaluation.precision
    served = measure_served(certifying, reference, folder, body, form)
    found.served, found.num_over_http = form.name, served.num_over_http
    tolerance = canary_tolerance(served.apart, precision)
    found.canary_tolerances[form.name] = max(found.canary_tolerances[form.name], tolerance)
    _keep(certifying, reference, served.figures, rule_of(form.name, form.dtype, precision), found)


def _keep(certifying: Certifying, reference: Reference, figures: FormFigures, rule: Rule, found: _Findings) -> None:
    """Tell what was measured, and refuse what is beyond a limit."""
    found.figures.append(figures)
    certifying.progress.say(
        "say.certificate-form",
        form=figures.form,
        agreement=f"{figures.token_agreement:.2%}",
        same=figures.num_same_answers,
        prompts=figures.num_prompts,
        num_bytes=figures.num_bytes,
    )
    for each in broken(figures, rule, certifying.section.certificate, reference.judged_value):
        raise each.error(figures.form)


def canary_tolerance(apart: float, precision: str) -> float:
    """How far a token of a canary may lie from the certified log-probability, in nats.

    Twice what the form differed on those very tokens when it was certified, and for the rounding of another machine
    0.01 in fp32, 0.1 in 16 bits.
    """
    return CANARY_FACTOR * apart + CANARY_FLOOR.get(precision, CANARY_FLOOR_16_BITS)


def _certificate(certifying: Certifying, reference: Reference, found: _Findings) -> Certificate:
    kinds = [question.kind for question in reference.questions]
    limits = certifying.section.certificate
    return Certificate(
        precision=certifying.evaluation.precision,
        device=certifying.runtime.device,
        num_threads=certifying.runtime.num_threads,
        template=certifying.evaluation.chat.fingerprint,
        num_weights=num_weights(certifying.source.weights),
        prompts={kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        limits={**limits.model_dump(), "rounding": ROUNDING, "max_gain_error": GAIN},
        figures=found.figures,
        served=found.served,
        num_over_http=found.num_over_http,
        not_measured=found.not_measured,
        canary_tolerances=found.canary_tolerances,
    )


def num_weights(folder: Path) -> int:
    """Numbers in the safetensors files of a model folder; tied ones are there once."""
    from safetensors import safe_open

    total = 0
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as stream:
            total += sum(math.prod(stream.get_slice(name).get_shape()) for name in stream.keys())  # noqa: SIM118
    return total
