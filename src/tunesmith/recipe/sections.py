"""What the user asks for: one frozen, closed section per stage. Loading from YAML lives in `tunesmith.recipe.file`.

Each knob is declared once, here, with its meaning; the JSON schema for editors is made from these declarations.
Defaults of `None` are derived by `plan` from the data, the model and the machine, and shown by `tunesmith plan`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.annotate import Annotate
from tunesmith.recipe.bases import Changes, ChangesField, PromptStyleField
from tunesmith.recipe.confidence import OWN_SUITES, Confidence, ConfidenceField
from tunesmith.recipe.endpoint import Address
from tunesmith.recipe.export import Export
from tunesmith.recipe.feedback import Curate
from tunesmith.recipe.few_shot import FewShot, FewShotRows
from tunesmith.recipe.harness import Harness
from tunesmith.recipe.improve import Improve
from tunesmith.recipe.judge import Judge
from tunesmith.recipe.metrics import AUTO, Metrics, check_verdict_metric
from tunesmith.recipe.monitor import Monitor
from tunesmith.recipe.objectives import Classification, Distill, Regression, Text
from tunesmith.recipe.prepare import TOLD, Prepare
from tunesmith.recipe.protected import ProtectedField
from tunesmith.recipe.safety_checks import SafetyChecks
from tunesmith.recipe.search import Search
from tunesmith.recipe.section import PositiveInt, Section, Share
from tunesmith.recipe.serve import Serve
from tunesmith.recipe.train import Train
from tunesmith.recipe.watch import WATCHING


class Model(Section):
    """What is tuned."""

    base: Annotated[
        str,
        Field(description="Base model: `builtin:tiny`, a local folder in Hugging Face format, or a Hub id."),
    ] = "builtin:tiny"
    revision: Annotated[str | None, Field(description="Commit, tag or branch of a Hub id.")] = None
    prompt_style: PromptStyleField = None
    changes: ChangesField = Changes()


class Decoding(Section):
    """How answers are drawn. Absent values come from the model's own generation_config; without one, greedy."""

    temperature: Annotated[
        float | None, Field(ge=0.0, description="Divides the logits before sampling; 0 is greedy.")
    ] = None
    top_p: Annotated[
        float | None, Field(gt=0.0, le=1.0, description="Sample from the likeliest tokens that hold this probability.")
    ] = None
    num_samples: Annotated[PositiveInt, Field(description="Answers drawn per item; an item's score is their mean.")] = 1
    max_new_tokens: Annotated[PositiveInt, Field(description="An answer is cut after so many tokens.")] = 256


SHIPPED_SUITES: Final = frozenset(
    {"test", "general_en", "general_zh", "safety_en", "safety_zh", "memory_train", "memory_held_out"}
)
ArmName = Literal[
    "base", "base_changed", "base_free_form", "base_few_shot", "classic", "majority", "tuned", "tuned_free_form"
]


class Evaluate(Section):
    """What is compared, on how many items, and what counts as a loss."""

    arms: Annotated[
        tuple[ArmName, ...],
        Field(
            description="What is compared on the same test items. `base_changed` is the base after `model.changes`, "
            "before it is trained. Where labels are chosen, `base_free_form` and `tuned_free_form` write their answers "
            "instead; with both, a gain in writing labels alone is told apart.",
            strict=False,
        ),
    ] = ("base", "base_few_shot", "classic", "tuned")
    few_shot: Annotated[
        FewShot, Field(description="Training rows shown to the few-shot arm: how many, or how they are chosen.")
    ] = FewShotRows()
    models: Annotated[
        dict[str, str],
        Field(
            description="More arms: models that other runs tuned from the same base, each by its run's folder or its "
            "own, such as `runs/march-1a2b3c4d`."
        ),
    ] = {}
    endpoints: Annotated[
        dict[str, Address], Field(description="More arms: models behind an OpenAI-compatible API, asked the same.")
    ] = {}
    decoding: Decoding = Decoding()
    max_items: Annotated[
        PositiveInt | None, Field(description="Judge a seeded sample of so many test rows; absent: all of them.")
    ] = None
    general_suite: Annotated[
        bool, Field(description="Ask the general questions before and after, to see what was forgotten.")
    ] = True
    suites: Annotated[
        dict[str, str],
        Field(
            description="Questions of your own that are asked before and after like the general ones, by name: files "
            "of JSON lines with `prompt`, `answer` and, where more is right, `aliases`; `kind` and `check` say more."
        ),
    ] = {}
    harness: Harness = None
    slices: Annotated[
        tuple[str, ...],
        Field(
            description="Parts of the test rows that are shown apart: by `language`, `label`, `length` of the "
            "question, `source` file, or any column of the rows.",
            strict=False,
        ),
    ] = ("language",)
    confidence: Annotated[
        ConfidenceField, Field(description="How sure arms are of their answers, and how that is mended.")
    ] = Confidence()
    protected: ProtectedField = None
    max_loss: Annotated[
        Share,
        Field(description="Largest tolerated loss on the general suite or one of yours, as a share of its items."),
    ] = 0.05
    margin: Annotated[
        Share,
        Field(
            description="Differences below it do not matter: a share of the items, or of the base's figure for errors "
            "and bits. *Equivalent* is said where the whole interval lies within it."
        ),
    ] = 0.02
    safety: SafetyChecks = SafetyChecks()
    judge: Annotated[
        Judge | None, Field(description="A model that judges written answers, shown beside the metrics.")
    ] = None
    metrics: Metrics = ()
    metric: Annotated[
        str,
        Field(
            description="The metric of the verdict, one without settings or one of `metrics`; `auto` is accuracy for "
            "labels, mean absolute error for numbers, bits per byte for plain texts, else ROUGE-L."
        ),
    ] = AUTO

    @field_validator("metric")
    @classmethod
    def _is_known(cls, value: str, info: ValidationInfo) -> str:
        # absent when they have mistakes of their own
        return check_verdict_metric(value, info.data["metrics"]) if "metrics" in info.data else value


class Report(Section):
    """The page at the end."""

    language: Annotated[Literal["en", "zh"] | None, Field(description="Absent: the language of the terminal.")] = None
    num_before_after: Annotated[PositiveInt, Field(description="Test items shown before and after.")] = 6


class Recipe(Section):
    """A whole run."""

    version: Annotated[Literal[1], Field(description="Version of this format.")] = 1
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", description="Names the run's folder.")]
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="Drives split, order, initialisation and sampling.")] = 0
    model: Model = Model()
    prepare: Prepare
    annotate: Annotated[Annotate | None, Field(description="Rows for people to label.")] = None
    train: Train = Train()
    variants: Annotated[
        dict[str, Train],
        Field(description="More ways to train on the same rows; each becomes an arm of the same table."),
    ] = {}
    evaluate: Evaluate = Evaluate()
    report: Report = Report()
    export: Export = Export()
    serve: Serve = Serve()
    monitor: Monitor = Monitor()
    feedback: Curate = Curate()
    improve: Improve = Improve()
    search: Search = Search()

    @field_validator("train", "variants")
    @classmethod
    def _learns_what_the_rows_are(
        cls, value: Train | dict[str, Train], info: ValidationInfo
    ) -> Train | dict[str, Train]:
        prepare = info.data.get("prepare")  # absent when it has mistakes of its own
        formats = {source.format for source in prepare.sources} if isinstance(prepare, Prepare) else set()
        refuses = isinstance(prepare, Prepare) and prepare.safety is not None
        model = info.data.get("model")
        is_unchanged = isinstance(model, Model) and model.changes.is_none
        for section in [value] if isinstance(value, Train) else value.values():
            if refuses and isinstance(section.objective, Text | Classification | Regression):
                raise PydanticCustomError("objective_safety", "rows of `prepare.safety` refuse in words")
            if is_unchanged and isinstance(section.objective, Distill) and section.objective.teacher is None:
                raise PydanticCustomError("distill_itself", "the base would be its own teacher")
            if formats and formats != {"text"} and ("text" in formats or isinstance(section.objective, Text)):
                raise PydanticCustomError("objective_format", "plain texts are learned by `objective: text`")
            if formats == {"text"} and not isinstance(section.objective, Text):
                raise PydanticCustomError("objective_format", "plain texts are learned by `objective: text`")
        return value

    @field_validator("variants")
    @classmethod
    def _have_names_of_their_own(cls, value: dict[str, Train]) -> dict[str, Train]:
        for name in value:
            if name in get_args(ArmName):
                raise PydanticCustomError("arm_twice", "`{arm}` is the name of another arm", {"arm": name})
            # the folder of a variant's checkpoints has its name, and goes when it is trained
            if not name or name.startswith(".") or "/" in name:
                raise PydanticCustomError("arm_folder", "`{arm}` names no folder", {"arm": name})
        return value

    @field_validator("evaluate")
    @classmethod
    def _judges_what_is_learned(cls, value: Evaluate, info: ValidationInfo) -> Evaluate:
        train = info.data.get("train")
        name = train.objective.name if isinstance(train, Train) else "sft"
        taken = {*get_args(ArmName), *info.data.get("variants", {})}
        twice = sorted((taken | value.models.keys()) & value.endpoints.keys() | taken & value.models.keys())
        if twice:
            raise PydanticCustomError("arm_twice", "`{arm}` is the name of another arm", {"arm": twice[0]})
        model = info.data.get("model")
        if "base_changed" in value.arms and isinstance(model, Model) and model.changes.is_none:
            raise PydanticCustomError("arm_changed", "`model.changes` changes nothing")
        if value.suites.keys() & (SHIPPED_SUITES | OWN_SUITES):
            raise PydanticCustomError("suite_name", "is the name of a shipped suite")
        if name == "text" and value.endpoints:
            raise PydanticCustomError("arm_documents", "an endpoint does not tell how likely a text is")
        return value

    def fingerprint(self) -> str:
        """SHA-256 of the resolved recipe, 64 hex digits: equal fingerprints mean an equal judged model.

        What a training saves and shows on the way is left out, since that may change while it runs, and so are the
        licences of the rows and how the model is shipped, served, watched, improved and searched for.
        """
        shown = self.model_dump(
            mode="json",
            exclude={
                "prepare": TOLD,
                "train": WATCHING,
                "variants": {"__all__": WATCHING},
                "export": True,
                "serve": True,
                "monitor": True,
                "feedback": True,
                "improve": True,
                "search": True,
            },
        )
        canonical = json.dumps(shown, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()
