"""The section `augment`: more training rows, made from those there are, each checked against the one it came from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.endpoint import Endpoint
from tunesmith.recipe.section import PositiveInt, Section, Share


class _Making(Section):
    """What every way to make rows has: which rows it starts from, and how many it makes of each."""

    copies: Annotated[PositiveInt, Field(description="Rows to make from each row.")] = 1
    share: Annotated[
        float, Field(description="Share of the training rows to start from, drawn by the seed.", gt=0.0, le=1.0)
    ] = 1.0
    labels: Annotated[
        tuple[str, ...], Field(description="Start from rows with one of these labels only.", strict=False)
    ] = ()
    languages: Annotated[
        tuple[Literal["en", "zh", "mixed", "other"], ...],
        Field(description="Start from rows whose user writes one of these languages only.", strict=False),
    ] = ()


class _Editing(_Making):
    """An edit of single words."""

    words: Annotated[float, Field(description="Share of the words to change; at least one is.", gt=0.0, le=0.5)] = 0.1


class Synonyms(_Editing):
    """Replaces words by synonyms of a named source (Wei and Zou 2019, arXiv:1901.11196)."""

    name: Annotated[Literal["synonyms"], Field(description="Names the method.")] = "synonyms"
    source: Annotated[
        str | None,
        Field(
            description="Synonyms: the data folder of WordNet, or a UTF-8 file, one group of words a line with commas "
            "or tabs between them, or the lines of Cilin (`Aa01A01= 人 士 人物`); absent: the neighbours of words in "
            "`model.base`."
        ),
    ] = None


class Insertion(_Editing):
    """Puts a synonym of one of the words somewhere else into the text (Wei and Zou 2019)."""

    name: Annotated[Literal["insertion"], Field(description="Names the method.")] = "insertion"
    source: Annotated[str | None, Field(description="Synonyms, as for `synonyms`.")] = None


class Swap(_Editing):
    """Lets two words of a sentence change places (Wei and Zou 2019)."""

    name: Annotated[Literal["swap"], Field(description="Names the method.")] = "swap"


class Deletion(_Editing):
    """Leaves words out (Wei and Zou 2019)."""

    name: Annotated[Literal["deletion"], Field(description="Names the method.")] = "deletion"


class BackTranslation(_Making):
    """Translates to another language and back (Sennrich et al. 2016, arXiv:1511.06709)."""

    name: Annotated[Literal["back-translation"], Field(description="Names the method.")] = "back-translation"
    there: Annotated[
        str | None, Field(description="Folder of a sequence-to-sequence model (Marian and alike) out of the language.")
    ] = None
    back: Annotated[str | None, Field(description="Folder of the model back into the language.")] = None
    endpoint: Annotated[Endpoint | None, Field(description="Translates in place of the two models.")] = None
    via: Annotated[str, Field(description="The language between, as an endpoint is told it.")] = "German"

    @model_validator(mode="after")
    def _has_one_translator(self) -> BackTranslation:
        has_models = self.there is not None and self.back is not None
        if has_models == (self.endpoint is not None) or (self.there is None) != (self.back is None):
            raise PydanticCustomError("one_translator", "give `there` and `back`, or `endpoint`")
        return self


class Paraphrase(_Making):
    """Has an endpoint say the same in other words."""

    name: Annotated[Literal["paraphrase"], Field(description="Names the method.")] = "paraphrase"
    endpoint: Annotated[Endpoint, Field(description="Who paraphrases.")]


class Synthetic(_Making):
    """Has an endpoint write a new row like a given one: a new text for its label, or a new question with its answer."""

    name: Annotated[Literal["synthetic"], Field(description="Names the method.")] = "synthetic"
    endpoint: Annotated[Endpoint, Field(description="Who writes.")]


class Counterfactual(_Making):
    """Says a row about somebody else, its label as it was, so that a model cannot learn to tell by who it is.

    One row for each attribute that its texts name (Kaushik et al. 2020, arXiv:1909.12434; Lu et al. 2018,
    arXiv:1807.11714).
    """

    name: Annotated[Literal["counterfactual"], Field(description="Names the method.")] = "counterfactual"
    swap: Annotated[
        tuple[Literal["gender", "name", "region"], ...],
        Field(
            description="What to swap. Names and regions only in rows with a label or a numeric target: elsewhere they "
            "may be what the answer is about.",
            strict=False,
            min_length=1,
        ),
    ] = ("gender", "name", "region")


def _method_from_name(value: object) -> object:
    """`methods: [swap]` is short for `methods: [{name: swap}]`."""
    return {"name": value} if isinstance(value, str) else value


AnyMaking = Annotated[
    Synonyms | Insertion | Swap | Deletion | Counterfactual | BackTranslation | Paraphrase | Synthetic,
    Field(discriminator="name"),
]
Making = Annotated[
    AnyMaking,
    BeforeValidator(
        _method_from_name,
        json_schema_input_type=AnyMaking | Literal["synonyms", "insertion", "swap", "deletion", "counterfactual"],
    ),
]


class Augment(Section):
    """Rows made from training rows; the numbers, names and negations of a row always stay as they are."""

    methods: Annotated[
        tuple[Making, ...], Field(description="How to make rows, one after the other.", strict=False, min_length=1)
    ]
    protect: Annotated[
        tuple[str, ...],
        Field(description="Further words and phrases that no edit may touch.", strict=False),
    ] = ()
    min_similarity: Annotated[
        Share,
        Field(
            description="Least cosine similarity, by weighted character n-grams, of a reworded text to that of its row."
        ),
    ] = 0.2
    classifier: Annotated[
        bool,
        Field(description="Reject a row that a classifier of the training rows gives another label than its row."),
    ] = True
