"""The section `export`: in which forms the judged model is shipped, and how far they may be from it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunesmith.recipe.section import PositiveFloat, PositiveInt, Section, Share

FormName = Literal["adapter", "merged", "int8", "gguf"]


class CertificateLimits(Section):
    """How far a shipped form may answer from the judged model. Beyond any of them nothing is exported."""

    token_agreement: Annotated[
        Share,
        Field(description="Least share of greedy tokens that agree, where the judged model is not itself undecided."),
    ] = 0.99
    int8_token_agreement: Annotated[Share, Field(description="The same of forms with fewer bits.")] = 0.9
    mean_kl: Annotated[
        PositiveFloat, Field(description="Largest mean divergence of the next token's probabilities, in nats.")
    ] = 0.05
    metric_loss: Annotated[
        Share,
        Field(description="Largest loss in the metric of the verdict: the whole 95 % interval has to lie below it."),
    ] = 0.02


class CardTexts(Section):
    """What only people know of a model; the card says it in their words."""

    intended_use: Annotated[str | None, Field(description="What the model is for.")] = None
    out_of_scope: Annotated[str | None, Field(description="What it is not for.")] = None
    limitations: Annotated[str | None, Field(description="Known limits.")] = None
    contact: Annotated[str | None, Field(description="Whom to ask.")] = None


class Export(Section):
    """The forms of the shipped model, the proof that they answer like the judged one, and its card."""

    forms: Annotated[
        Annotated[tuple[FormName, ...], Field(min_length=1, strict=False)] | None,
        Field(
            description="`adapter`: PEFT's folder; `merged`: whole weights; `int8`: whole weights, a byte each; "
            "`gguf`: for llama.cpp and Ollama. Absent: `adapter` and `merged`, as far as the method has them.",
        ),
    ] = None
    arm: Annotated[str, Field(description="Which of the judged models: `tuned`, or the name of a variant.")] = "tuned"
    certificate: CertificateLimits = CertificateLimits()
    num_prompts: Annotated[
        PositiveInt, Field(description="So many prompts of each kind (domain, general) every form answers.")
    ] = 32
    licence: Annotated[
        str | None,
        Field(description="Licence of the shipped model, as an SPDX id; absent: that of the base."),
    ] = None
    card: CardTexts = CardTexts()
