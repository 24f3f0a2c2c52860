"""One table of metrics: what the recipe, the words and the errors say of them comes from it."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from tunesmith.errors import TunesmithError
from tunesmith.evaluate.summary import NOT_PAIRED
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.metrics.registry import LOWER_IS_BETTER, METRICS, known, require_fit, standard, verdict_metric
from tunesmith.metrics.scorers import PLAIN
from tunesmith.recipe import Evaluate
from tunesmith.recipe.metrics import AUTO, KNOWN, RESERVED, AnyMetric, Metrics, check_verdict_metric, metric_name

# figures that come with others, with rows that hold thinking, or with `evaluate.safety`
NOT_ASKED_FOR = {
    "content_broken",
    "refused",
    "over_refused",
    "extracted",
    "exposure",
    "said_number",
    "well_formed_thinking",
    "style_formality",
    "style_person",
    "style_banned",
    "style_length",
}


def metrics(*wanted: object) -> tuple[AnyMetric, ...]:
    found: tuple[AnyMetric, ...] = TypeAdapter(Metrics).validate_python(list(wanted))
    return found


def refusal(wanted: str, asked: tuple[AnyMetric, ...], task: str, *, has_thinking: bool = True) -> TunesmithError:
    with pytest.raises(TunesmithError) as caught:
        require_fit(wanted, asked, task, has_thinking=has_thinking)  # type: ignore[arg-type]
    assert caught.value.code == "metric-unfit"
    return caught.value


def test_the_recipe_knows_the_metrics_of_the_table_and_no_other() -> None:
    assert set(KNOWN) | NOT_ASKED_FOR == set(METRICS)
    assert len(KNOWN) == len(set(KNOWN))
    assert set(PLAIN) <= set(KNOWN)


def test_a_function_has_the_name_of_no_other_score() -> None:
    assert {AUTO, *NOT_PAIRED, *NOT_ASKED_FOR} == RESERVED
    assert metric_name(metrics({"function": "a:confident"})[0]) == "confident"


def test_every_metric_has_a_name_in_both_languages() -> None:
    assert [name for name in METRICS if name != "function" and f"metric.{name}" not in CATALOGUE] == []


def test_what_is_less_the_better() -> None:
    losses = {"mae", "mse", "rmse", "bits_per_byte", "perplexity", "first_token_seconds", "cost_per_answer"}
    losses |= {"content_broken", "over_refused", "extracted", "exposure"}
    assert losses == LOWER_IS_BETTER
    assert (known("mae").best, known("mae").worst) == (0.0, None)
    assert (known("bleu").best, known("bleu").worst) == (100.0, 0.0)
    assert (known("thinking_characters").best, known("thinking_characters").worst) == (None, None)
    assert known("some_function") is METRICS["function"]


def test_each_task_has_a_verdict_and_what_is_always_there() -> None:
    tasks = ("labels", "text", "numbers", "documents")
    assert [verdict_metric("auto", task) for task in tasks] == ["accuracy", "rouge_l", "mae", "bits_per_byte"]
    assert verdict_metric("token_f1", "text") == "token_f1"
    assert standard("labels") == ["accuracy", "macro_f1"]
    assert set(standard("text")) == {"rouge_l", "exact_match", "bits_per_byte", "perplexity"}


def test_a_metric_of_another_task_is_refused_with_those_that_fit() -> None:
    failure = refusal("rouge_l", (), "numbers")
    assert "the rows ask for a number, and it judges: text" in failure.message()
    assert "这些数据要求给出数值，而该指标只用于：text" in failure.message("zh")
    assert failure.hint() == "those that fit: mae, mse"
    failure = refusal("auto", metrics("accuracy", "bleu"), "labels")
    assert (failure.place and failure.place.field, failure.parameters["metric"]) == ("evaluate.metrics[1]", "bleu")
    assert "mcc" in str(failure.parameters["fitting"]).split(", ")
    assert "rouge_l" not in str(failure.parameters["fitting"])


def test_a_verdict_needs_a_figure_of_single_items_that_can_be_better() -> None:
    assert "one figure of all items" in refusal("bleu", (), "text").message()
    assert "neither more nor less" in refusal("thinking_characters", (), "text").message()
    assert "they hold none" in refusal("thinking_rouge_l", (), "text", has_thinking=False).message()
    asked = metrics({"function": "shop:solved"}, "bleu")
    require_fit("solved", asked, "text", has_thinking=False)
    require_fit("token_f1", asked, "text", has_thinking=False)
    require_fit("auto", metrics("thinking_rouge_l"), "text", has_thinking=True)
    assert "solved" in str(refusal("chrf", asked, "text").parameters["fitting"]).split(", ")


def test_names_alone_functions_and_settings() -> None:
    asked = metrics("bleu", {"function": "a.b:solved"}, {"name": "style", "person": "we"})
    assert [metric_name(metric) for metric in asked] == ["bleu", "solved", "style"]
    assert Evaluate.model_validate({"metric": "solved", "metrics": [{"function": "a:solved"}]}).metric == "solved"
    assert check_verdict_metric("auto", ()) == "auto"


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ({"metric": "rouge"}, "literal_error"),
        ({"metric": "bertscore"}, "literal_error"),
        ({"metrics": ["blue"]}, "union_tag_invalid"),
        ({"metrics": ["bertscore"]}, "missing"),
        ({"metrics": ["bleu", "bleu"]}, "metric_twice"),
        ({"metrics": [{"function": "a:bleu"}]}, "metric_twice"),
        ({"metrics": [{"function": "a.b"}]}, "function_path"),
        ({"metrics": [{"function": "a:confidence"}]}, "metric_reserved"),
        ({"metrics": [{"function": "a.b:bits"}]}, "metric_reserved"),
        ({"metrics": [{"name": "style"}]}, "style_rules"),
        ({"metrics": [{"name": "cost_per_answer"}]}, "cost_prices"),
    ],
)
def test_metrics_that_cannot_be_meant_are_refused(section: dict[str, object], kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Evaluate.model_validate(section)
    assert [error["type"] for error in caught.value.errors()] == [kind]
