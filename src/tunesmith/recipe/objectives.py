"""What training minimises: which tokens are learned, or what a head on the model learns to say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import BeforeValidator

from tunesmith.recipe.section import PositiveFloat, PositiveInt, Section, Share

Supervise = Literal["answers", "last", "all"]
"""What of a conversation is learned: every answer, its last answer, or every token."""
SuperviseField = Annotated[
    Supervise,
    Field(
        description="What is learned: `answers`, only the `last` answer, or `all` tokens; a message's own `weight` "
        "counts too."
    ),
]


RevisionField = Annotated[str | None, Field(description="Commit, tag or branch of a teacher on the Hub.")]


class Sft(Section):
    """Supervised fine-tuning: the likelihood of what the assistant says."""

    name: Annotated[Literal["sft"], Field(description="Names the objective.")] = "sft"
    supervise: SuperviseField = "answers"


class Text(Section):
    """Continued pretraining: every token of plain texts, which end tokens part (sources of `format: text`)."""

    name: Annotated[Literal["text"], Field(description="Names the objective.")] = "text"


class Distill(Section):
    """Learning from a larger model's probabilities of every token (Hinton et al. 2015, arXiv:1503.02531)."""

    name: Annotated[Literal["distill"], Field(description="Names the objective.")] = "distill"
    teacher: Annotated[
        str | None,
        Field(
            description="Model to learn from, named like `model.base`; it must have the base's tokenizer. Absent: the "
            "base as it was before `model.changes`."
        ),
    ] = None
    revision: RevisionField = None
    temperature: Annotated[
        PositiveFloat, Field(description="Divides the logits of both; above 1, unlikely tokens count for more.")
    ] = 1.0
    share: Annotated[
        Share, Field(description="Share of the divergence from the teacher in the loss; the rest is that of `sft`.")
    ] = 0.5
    supervise: SuperviseField = "answers"


class DistillText(Section):
    """Learning the answers that a larger model writes to the rows' prompts (Kim & Rush 2016, arXiv:1606.07947)."""

    name: Annotated[Literal["distill-text"], Field(description="Names the objective.")] = "distill-text"
    teacher: Annotated[
        str, Field(description="Model that answers, greedily, named like `model.base`; its tokenizer may be another.")
    ]
    revision: RevisionField = None
    max_new_tokens: Annotated[
        PositiveInt, Field(description="A longer answer is not learned, nor is one that says nothing.")
    ] = 512


class Classification(Section):
    """One of the classes of the label column, by a head on the prompt's last token (an encoder's first)."""

    name: Annotated[Literal["classification"], Field(description="Names the objective.")] = "classification"


class Regression(Section):
    """A number, by a head on the prompt's last token (an encoder's first): squared error of the standardised target."""

    name: Annotated[Literal["regression"], Field(description="Names the objective.")] = "regression"


def _objective_from_name(value: object) -> object:
    """`objective: sft` is short for `objective: {name: sft}`."""
    return {"name": value} if isinstance(value, str) else value


AnyObjective = Annotated[Sft | Text | Classification | Regression | Distill | DistillText, Field(discriminator="name")]
Objective = Annotated[
    AnyObjective,
    BeforeValidator(
        _objective_from_name,
        json_schema_input_type=AnyObjective | Literal["sft", "text", "classification", "regression", "distill"],
    ),
]
