"""The `prepare` section: where rows come from and what is done to them before a model sees any."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic.functional_validators import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError, PydanticKnownError

from tunesmith.recipe.augment import Augment
from tunesmith.recipe.balance import Balance
from tunesmith.recipe.dialogue import Dialogue
from tunesmith.recipe.lengths import LongText
from tunesmith.recipe.quality import Quality
from tunesmith.recipe.reasoning import Teacher
from tunesmith.recipe.safety import Safety
from tunesmith.recipe.section import PositiveInt, Section, Share
from tunesmith.recipe.semantic import Semantic
from tunesmith.recipe.structured import Figures, Structures

# What stands behind the user's text of a style: how the answer is written is the model's template's own matter.
_RESPONSE = re.compile(r"\s*(?:<think>\s*\{reasoning\}\s*</think>\s*)?\{answer\}\s*\Z")


def _sound_style(pattern: str) -> str:
    user = _RESPONSE.sub("", pattern)
    if "{prompt}" not in user:
        raise PydanticCustomError("prompt_placeholder", "must hold `{{prompt}}`")
    if "{reasoning}" in user or "{answer}" in user:
        raise PydanticCustomError(
            "prompt_slots", "must end with `<think>{{reasoning}}</think>{{answer}}` or with `{{answer}}`"
        )
    return pattern


def _source_from_text(value: object) -> object:
    """`sources: data.csv` is short for `sources: [{path: data.csv}]`."""
    return {"path": value} if isinstance(value, str) else value


def sources_from_one(value: object) -> object:
    return [value] if isinstance(value, (str, dict)) else value


class Join(Section):
    """A second table whose columns are added to the rows by a key."""

    path: Annotated[
        str, Field(description="File of the second table; it is held in memory, so let it be the smaller one.")
    ]
    on: Annotated[str, Field(description="Column of both tables whose equal values belong together.")]
    columns: Annotated[
        tuple[str, ...],
        Field(description="Columns of the second table to add; all when none is named.", strict=False),
    ] = ()


class Source(Section):
    """Rows of one origin: a local path or a Hub dataset."""

    path: Annotated[
        str | None,
        Field(
            description="File, folder or glob, relative to the working folder: JSONL, JSON, CSV, TSV (each also as "
            "`.gz` or `.zst`), Parquet, Arrow; or documents: text, Markdown, HTML, DOCX, PDF."
        ),
    ] = None
    hub: Annotated[str | None, Field(description="Hub dataset id, or a local dataset folder, read by `datasets`.")] = (
        None
    )
    config: Annotated[str | None, Field(description="Configuration name of a Hub dataset.")] = None
    hub_split: Annotated[str | None, Field(description="Split of a Hub dataset, slices allowed: `train[:500]`.")] = None
    format: Annotated[
        Literal[
            "auto",
            "messages",
            "prompt_completion",
            "alpaca",
            "sharegpt",
            "question_answer",
            "labels",
            "preference",
            "kto",
            "regression",
            "label_studio",
            "text",
            "dataset",
        ],
        Field(
            description="Shape of the rows; `auto` detects it from the columns and says why. Never detected are "
            "`text`, plain texts to go on training on, and `dataset`, rows that `prepare` wrote earlier and that are "
            "taken as they are."
        ),
    ] = "auto"
    columns: Annotated[
        dict[str, str],
        Field(description="Your column names by their canonical names, e.g. `{text: ticket_body, label: category}`."),
    ] = {}
    split: Annotated[
        Literal["train", "validation", "test", "rehearsal"] | None,
        Field(
            description="The split that this source is; kept as declared. Rows of `rehearsal` are trained on against "
            "forgetting, never held out."
        ),
    ] = None
    share: Annotated[
        float | None,
        Field(description="Share of the training rows that this source is to be; what is over is cut.", gt=0.0, le=1.0),
    ] = None
    max_rows: Annotated[
        PositiveInt | None,
        Field(description="At most so many of its training rows, drawn by the seed; what is over is cut."),
    ] = None
    join: Annotated[Join | None, Field(description="A second table whose columns are added by a key.")] = None
    figures: Annotated[Figures | None, Field(description="Key figures to pull from a text into columns.")] = None
    structure: Structures = ()
    licence: Annotated[
        str | None,
        Field(description="Licence of the rows, as an SPDX id; the model card names it, and `push` keeps to it."),
    ] = None

    @model_validator(mode="after")
    def _has_one_shape(self) -> Source:
        if self.structure and (self.format != "auto" or self.columns):
            raise PydanticCustomError("one_shape", "`structure` goes without `format` and `columns`")
        return self

    @model_validator(mode="after")
    def _has_one_origin(self) -> Source:
        if (self.path is None) == (self.hub is None):
            raise PydanticCustomError("one_origin", "give exactly one of `path` and `hub`")
        if self.hub is None and (self.config is not None or self.hub_split is not None):
            raise PydanticCustomError("hub_only", "`config` and `hub_split` go with `hub`")
        return self

    @model_validator(mode="after")
    def _limits_training_rows(self) -> Source:
        if self.max_rows is not None and self.split in ("validation", "test"):
            raise PydanticCustomError("held_out_whole", "`max_rows` limits training rows; what is held out stays whole")
        return self


OneSource = Annotated[Source, BeforeValidator(_source_from_text, json_schema_input_type=Source | str)]
TOLD: Final = {"sources": {"__all__": {"licence"}}, "contamination": {"__all__": {"licence"}}}
"""Keys of `prepare` that are told to others and change no row."""


class Duplicates(Section):
    """Near-duplicates: rows whose prompts are alike; they always stay in one split."""

    near: Annotated[
        Literal["keep", "drop"],
        Field(description="`drop` keeps the first of training rows with near-equal prompt and answer."),
    ] = "keep"
    threshold: Annotated[
        float,
        Field(description="Least share of common character 5-grams (Jaccard) of near-duplicates.", ge=0.5, le=1.0),
    ] = 0.8
    semantic: Annotated[
        Semantic | None, Field(description="Also rows that mean the same in other words, by a local model.")
    ] = None


class Length(Section):
    """How many characters a text may have; spaces at its ends do not count."""

    min: Annotated[int, Field(description="Fewest characters.", ge=0)] = 0
    max: Annotated[PositiveInt | None, Field(description="Most characters.")] = None

    @field_validator("max")
    @classmethod
    def _not_below_min(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and value < info.data.get("min", 0):
            raise PydanticKnownError("greater_than_equal", {"ge": info.data["min"]})
        return value


class Relevance(Section):
    """The task, by example: rows whose prompt is like none of the examples are rejected."""

    examples: Annotated[
        str, Field(description="UTF-8 file with one text of the task a line; relative to the working folder.")
    ]
    threshold: Annotated[
        Share, Field(description="Least cosine similarity to the nearest example, by weighted character n-grams.")
    ]


class Clean(Section):
    """Repairs of text, each recorded with the row that it changed, and filters, each with its reason to reject."""

    repair: Annotated[
        bool,
        Field(description="Mend wrongly decoded text; remove control and zero-width characters; one kind of line end."),
    ] = True
    rewrite: Annotated[
        tuple[Literal["markup", "full-width", "white-space", "numbers"], ...],
        Field(
            description="Also change what may be meant: HTML left over, full-width letters and digits, spaces at line "
            "ends and blank lines, numbers to plain digits (`1.5亿` to `150000000`).",
            strict=False,
        ),
    ] = ()
    fill: Annotated[
        dict[str, str],
        Field(description="Text for rows in which a column is empty or absent, by column."),
    ] = {}
    require: Annotated[
        tuple[str, ...],
        Field(description="Columns that no row may leave empty.", strict=False),
    ] = ()
    prompt_characters: Annotated[
        Length, Field(description="Length of what comes before the answer, without the system message.")
    ] = Length()
    answer_characters: Annotated[Length, Field(description="Length of the last answer, without its thinking.")] = (
        Length()
    )
    max_repetition: Annotated[
        Share | None,
        Field(description="Largest share of a text in runs of ten words or Chinese characters that it had before."),
    ] = None
    languages: Annotated[
        tuple[Literal["en", "zh", "mixed", "other"], ...],
        Field(description="Languages to keep, of the user's text and of the answer; all when empty.", strict=False),
    ] = ()
    max_mixed_share: Annotated[
        float | None,
        Field(
            description="Largest share of the rarer of Chinese and other words in a text; 0.5 is half and half.",
            ge=0.0,
            le=0.5,
        ),
    ] = None
    relevance: Annotated[Relevance | None, Field(description="Keep rows that are like given examples.")] = None
    language_tag: Annotated[
        bool, Field(description="Put `[EN]` or `[ZH]` before each text of the user, by its language.")
    ] = False


class Personal(Section):
    """Personal data in the rows: names, phones, e-mails, addresses, identity, card and account numbers, keys."""

    mode: Annotated[
        Literal["off", "mask", "remove", "pseudonym"],
        Field(
            description="`mask` puts placeholders such as `[EMAIL]`, `remove` rejects the row, `pseudonym` puts "
            "made-up values, the same for the same value everywhere, that only the key can undo."
        ),
    ] = "off"
    types: Annotated[
        tuple[
            Literal[
                "name",
                "phone",
                "email",
                "address",
                "id-card",
                "card",
                "iban",
                "ssn",
                "bank-account",
                "ip",
                "birth-date",
                "secret",
            ],
            ...,
        ],
        Field(description="What to treat.", strict=False),
    ] = (
        *("name", "phone", "email", "address", "id-card", "card", "iban", "ssn"),
        *("bank-account", "ip", "birth-date", "secret"),
    )
    key: Annotated[
        str | None,
        Field(description="Name of the environment variable that holds the key of the pseudonyms, 16 bytes or more."),
    ] = None
    model: Annotated[
        str | None,
        Field(description="Folder of a token-classification model that finds names and addresses beside the rules."),
    ] = None

    @model_validator(mode="after")
    def _names_its_key(self) -> Personal:
        if self.mode == "pseudonym" and self.key is None:
            raise PydanticCustomError("pseudonym_key", "pseudonyms need `key`, the name of a secret")
        return self


class Prepare(Section):
    """Raw rows to a Dataset with frozen splits."""

    sources: Annotated[
        tuple[OneSource, ...],
        BeforeValidator(sources_from_one, json_schema_input_type=tuple[OneSource, ...] | Source | str),
        Field(description="Where the rows come from.", strict=False, min_length=1),
    ]
    system: Annotated[str | None, Field(description="System message put before rows that have none.")] = None
    prompt_style: Annotated[
        str,
        AfterValidator(_sound_style),
        Field(
            description="Pattern around the user's text of single-turn rows; must hold `{prompt}`, and may go on with "
            "the slots `<think>{reasoning}</think>{answer}`, which the model's own template fills."
        ),
    ] = "{prompt}"
    reasoning: Annotated[
        Literal["keep", "drop", "require", "synthesise"],
        Field(
            description="What to do with the thinking of a row: keep it, drop it, reject rows without it, or have "
            "`teacher` think for training rows without it."
        ),
    ] = "keep"
    teacher: Annotated[Teacher | None, Field(description="Who thinks, with `reasoning: synthesise`.")] = None
    validation_share: Annotated[Share, Field(description="Share of the training rows held out to steer training.")] = (
        0.1
    )
    test_share: Annotated[
        Share,
        Field(
            description="Share of rows held out for the verdict, unless a source is it; with `validation_share` less "
            "than 1.",
            validate_default=True,
        ),
    ] = 0.1
    group_by: Annotated[
        str | None, Field(description="Column whose equal values stay in one split (customer, document, situation).")
    ] = None
    duplicates: Annotated[Duplicates, Field(description="What counts as a near-duplicate, and what becomes of it.")] = (
        Duplicates()
    )
    split_by_time: Annotated[
        str | None,
        Field(description="Column with each row's time: the newest rows become the test, the next validation."),
    ] = None
    contamination: Annotated[
        tuple[OneSource, ...],
        BeforeValidator(sources_from_one, json_schema_input_type=tuple[OneSource, ...] | Source | str),
        Field(
            description="Benchmarks that training rows must not repeat; read like sources, never kept.", strict=False
        ),
    ] = ()
    clean: Annotated[Clean, Field(description="Repairs of text and filters of rows.")] = Clean()
    personal: Annotated[Personal, Field(description="What becomes of personal data.")] = Personal()
    augment: Annotated[Augment | None, Field(description="More training rows, made from those there are.")] = None
    balance: Annotated[Balance | None, Field(description="Even out the categories of the training rows.")] = None
    safety: Annotated[Safety | None, Field(description="Requests that the model is to refuse.")] = None
    dialogue: Annotated[Dialogue, Field(description="Conversations that teach nothing.")] = Dialogue()
    quality: Annotated[Quality, Field(description="What the 3C score is held against.")] = Quality()
    too_long: Annotated[
        Literal["stop", "drop", "cut-prompt", "window"],
        Field(
            description="Rows longer than the model allows: stop with the count, reject them one by one, cut the "
            "middle out of their prompt, or take their text apart into windows."
        ),
    ] = "stop"
    long_text: Annotated[LongText, Field(description="What counts as long, and how large windows are.")] = LongText()
    max_bad_share: Annotated[Share, Field(description="Stop when more than this share of the rows is rejected.")] = 0.2

    @property
    def user_style(self) -> str:
        """The part of `prompt_style` that stands around the user's text."""
        return _RESPONSE.sub("", self.prompt_style)

    @field_validator("test_share")
    @classmethod
    def _keeps_training_rows(cls, value: float, info: ValidationInfo) -> float:
        if value + info.data.get("validation_share", 0.0) >= 1 - 1e-9:
            raise PydanticCustomError("held_out_shares", "leaves no rows to train on, together with `validation_share`")
        return value

    @model_validator(mode="after")
    def _has_its_teacher(self) -> Prepare:
        if (self.reasoning == "synthesise") != (self.teacher is not None):
            raise PydanticCustomError("needs_teacher", "`reasoning: synthesise` and `teacher` go together")
        return self

    @model_validator(mode="after")
    def _rehearses_beside_a_task(self) -> Prepare:
        if all(source.split == "rehearsal" for source in self.sources):
            raise PydanticCustomError("rehearsal_alone", "rows of `rehearsal` need a source of the task beside them")
        return self

    @model_validator(mode="after")
    def _has_sound_shares(self) -> Prepare:
        held_out = [source.share for source in self.sources if source.split in ("validation", "test")]
        training = [source.share for source in self.sources if source.split not in ("validation", "test")]
        stated = sum(share for share in training if share is not None)
        is_sound = stated < 1 - 1e-9 if None in training else abs(stated - 1) < 1e-9
        if any(held_out) or (stated > 0 and not is_sound):
            raise PydanticCustomError("source_shares", "the shares of the training sources must make at most 1")
        return self
