"""The metadata of a model card, which the Hub reads, and what pushing a bundle needs to know beyond its own page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, Literal

from tunesmith.artifacts.figures import Record
from tunesmith.artifacts.scorecard import ScorecardBody
from tunesmith.export.licences import Licensed, known_licence
from tunesmith.export.use import EMBEDDED
from tunesmith.recipe import Prepare, Recipe, Source
from tunesmith.recipe.augment import BackTranslation, Paraphrase, Synthetic
from tunesmith.recipe.export import FormName

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

CARD_FACTS: Final = "card.json"
RELATIONS: Final[dict[FormName, Literal["adapter", "finetune", "quantized"]]] = {
    "adapter": "adapter",
    "merged": "finetune",
    "int8": "quantized",
    "gguf": "quantized",
}
"""What the Hub calls a model of each form beside its base."""
LIBRARIES: Final[dict[FormName, str]] = {
    "adapter": "peft",
    "merged": "transformers",
    "int8": "transformers",
    "gguf": "gguf",
}
HUB_METRICS: Final = {
    "accuracy": "accuracy",
    "macro_f1": "f1",
    "mcc": "matthews_correlation",
    "exact_match": "exact_match",
    "rouge_l": "rouge",
    "bleu": "bleu",
    "chrf": "chrf",
    "perplexity": "perplexity",
    "mae": "mae",
}
"""The Hub's own names of metrics that it has; https://hf.co/metrics."""
HUB_LANGUAGES: Final = ("en", "zh")
TEST: Final = "test"


class CardFacts(Record):
    """What `card.json` holds: enough to publish the bundle without the run that made it."""

    version: int = 1
    base: str
    """A Hub id, `builtin:tiny`, or the name of the folder that it was."""
    hub_base: str | None
    """The base's id, where it is one of the Hub's."""
    num_outputs: int | None
    """Of a head that classifies or predicts a number; None for a model that writes."""
    licence: str | None
    """Of the shipped model."""
    base_licence: str | None
    data_licences: dict[str, str | None]

    @property
    def licensed(self) -> Licensed:
        return Licensed(self.licence, self.base_licence, self.data_licences)


def public_name(reference: str) -> str:
    """A model or file as others may know it: a Hub id as it is, of a path its last part alone."""
    return reference if reference == EMBEDDED or hub_id(reference) else PurePath(reference).name


def hub_id(reference: str) -> str | None:
    """The id, unless the reference is `builtin:tiny` or a path."""
    is_path = reference.startswith((".", "/", "~")) or reference.count("/") != 1 or Path(reference).is_dir()
    return None if is_path else reference


def data_licences(section: Prepare) -> dict[str, str | None]:
    """The licence of the rows of every source that is trained on, and of what models wrote for them."""
    found: dict[str, str | None] = {}
    for name, licence in _licences(section):
        place = sum(known == name or known.startswith(f"{name} (") for known in found)
        found[f"{name} ({place + 1})" if place else name] = licence
    return found


def _licences(section: Prepare) -> Iterator[tuple[str, str | None]]:
    for source in section.sources:
        yield _source_name(source), source.licence
    if section.teacher is not None:
        yield section.teacher.model, section.teacher.licence
    for making in section.augment.methods if section.augment is not None else ():
        if isinstance(making, BackTranslation) and making.endpoint is None:
            yield from ((PurePath(str(folder)).name, None) for folder in (making.there, making.back))
        elif isinstance(making, (BackTranslation, Paraphrase, Synthetic)):
            assert making.endpoint is not None
            yield making.endpoint.model, making.endpoint.licence


def _source_name(source: Source) -> str:
    if source.hub is not None:
        return source.hub if not Path(source.hub).is_dir() else PurePath(source.hub).name
    assert source.path is not None
    path = PurePath(source.path)
    return path.name if path.is_absolute() or ".." in path.parts else source.path


def hub_datasets(section: Prepare) -> list[str]:
    """Ids of the Hub's datasets that rows came from."""
    ids = (source.hub for source in section.sources)
    return list(dict.fromkeys(name for name in ids if name is not None and not Path(name).is_dir()))


def card_data(
    facts: CardFacts, recipe: Recipe, languages: Sequence[str], judged: tuple[ScorecardBody, str] | None
) -> ModelCardData:
    """The metadata but for what depends on the form at the top; `judged` is a scorecard and the arm that is shipped."""
    from huggingface_hub import ModelCardData

    results = [] if judged is None else _results(facts, recipe.name, *judged)
    return ModelCardData(
        base_model=facts.hub_base,
        **_licence(facts.licence),
        language=[code for code in HUB_LANGUAGES if code in languages or "mixed" in languages],
        datasets=hub_datasets(recipe.prepare) or None,
        pipeline_tag=_task(facts),
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        tags=["tunesmith"],
        model_name=recipe.name,
        eval_results=results or None,
    )


def set_form(data: ModelCardData, form: FormName) -> None:
    """What the metadata says of the form at the top of the repository."""
    data.library_name = LIBRARIES[form]
    if data.base_model is not None:
        data["base_model_relation"] = RELATIONS[form]


def _task(facts: CardFacts) -> str:
    return "text-generation" if facts.num_outputs is None else "text-classification"


def _licence(name: str | None) -> dict[str, Any]:
    known = known_licence(name)
    if known is not None and known.hub != "other":
        return {"license": known.hub}
    if name is None:
        return {"license": "unknown"}
    told = {"license": "other", "license_name": name.lower().replace(" ", "-")}
    return told if known is None or known.link is None else told | {"license_link": known.link}


def _results(facts: CardFacts, name: str, body: ScorecardBody, arm_name: str) -> list[Any]:
    """One entry of the model index for each metric of the shipped model on the test items."""
    from huggingface_hub import EvalResult

    metrics: Mapping[str, Any] = next(arm.metrics.get(TEST, {}) for arm in body.arms if arm.name == arm_name)
    return [
        EvalResult(
            task_type=_task(facts),
            dataset_type=name,
            dataset_name=f"{name}, held-out test items",
            dataset_split=TEST,
            metric_type=HUB_METRICS.get(metric, metric),
            metric_name=metric,
            metric_value=metrics[metric].value,
        )
        for metric in sorted(metrics, key=lambda metric: (metric != body.metric, metric))
    ]
