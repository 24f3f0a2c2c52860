"""Which figures of a shipped form may be how far from the judged model, and what to do about one that is beyond."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from tunesmith.artifacts.bundle import FormFigures
from tunesmith.artifacts.figures import Difference
from tunesmith.errors import Phrase, Place, RunFailed
from tunesmith.evaluate.again import largest_loss
from tunesmith.evaluate.summary import margin_of
from tunesmith.recipe.export import CertificateLimits

SERVED: Final = "served"
LLAMA_CPP: Final = "llama.cpp"
ROUNDING: Final = 1e-3
"""Two logits of one model in fp32, computed in another order, are no further apart."""
GAIN: Final = 0.01
"""Rounding to 8 or 4 bits averages out along a layer's output; what is left is a fault."""

Rule = Literal["exact", "close", "fewer_bits"]
"""exact: the same weights in fp32, equal to the token. close: the same weights, rounded to 16 bits here and there.
fewer_bits: other weights."""


def rule_of(form: str, dtype: str, precision: str) -> Rule:
    """By a form's name and the type of its weights, and what the judged model computed in."""
    if form not in ("adapter", "merged"):
        return "fewer_bits"
    return "exact" if precision == dtype == "fp32" else "close"


FORMS: Final = Place("recipe", field="export.forms")
"""Where the remedy lies; the folder of a form that is refused is gone when that is read."""


FAULTS: Final = {SERVED: "served", LLAMA_CPP: "llama-cpp"}
"""What to do about a fault of what is no form itself."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A figure beyond its limit; `figure` is an entry `certificate.figure.*`, `remedy` of `certificate.remedy.*`."""

    figure: str
    found: str
    limit: str
    remedy: str = "fault"

    def error(self, form: str) -> RunFailed:
        remedy = FAULTS.get(form, self.remedy) if self.remedy == "fault" else self.remedy
        return RunFailed(
            "certificate-failed",
            place=FORMS,
            form=form,
            figure=Phrase(f"certificate.figure.{self.figure}"),
            found=self.found,
            limit=self.limit,
            remedy=Phrase(f"certificate.remedy.{remedy}"),
        )


def refuse_unknown(form: str, figures: dict[str, float]) -> None:
    """Raises RunFailed `certificate-failed` for a figure that is none: what cannot be told is not shipped."""
    for name, value in figures.items():
        if not math.isfinite(value):
            raise Broken(name, str(value), "-").error(form)


def broken(figures: FormFigures, rule: Rule, limits: CertificateLimits, judged_value: float) -> Iterator[Broken]:
    """Every limit that a form breaks. `judged_value` is the judged model's own metric, in whose share some are told."""
    if rule == "exact":
        yield from _above("widest_parting", figures.widest_parting, ROUNDING)
        yield from _above("max_logit_difference", figures.max_logit_difference or 0.0, ROUNDING)
    else:
        knob = "token_agreement" if rule == "close" else "int8_token_agreement"
        least: float = limits.token_agreement if rule == "close" else limits.int8_token_agreement
        if figures.token_agreement < least:
            yield Broken("token_agreement", f"{figures.token_agreement:.4f}", f">= {least:g}", knob)
    yield from _above("mean_kl", figures.mean_kl or 0.0, limits.mean_kl, "mean_kl")
    yield from _above("max_gain_error", figures.max_gain_error or 0.0, GAIN)
    if figures.metric is not None:
        yield from _of_metric(figures.metric, rule, limits.metric_loss, judged_value)


def _of_metric(difference: Difference, rule: Rule, most: float, judged_value: float) -> Iterator[Broken]:
    if rule == "fewer_bits":
        limit = margin_of(difference.metric, most, judged_value)
        yield from _above("metric_loss", largest_loss(difference), limit, "metric_loss")
    elif not difference.low <= 0.0 <= difference.high:
        yield Broken("metric", f"[{difference.low:+.4f}, {difference.high:+.4f}]", "0")


def _above(figure: str, found: float, most: float, knob: str = "fault") -> Iterator[Broken]:
    if not found <= most:
        yield Broken(figure, f"{found:.4g}", f"<= {most:.4g}", knob)
