"""Each limit of a certificate, alone."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tunesmith.artifacts.bundle import FormFigures
from tunesmith.artifacts.figures import Difference
from tunesmith.errors import Place, RunFailed
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.lifecycle.certificate.limits import Rule, broken, refuse_unknown, rule_of
from tunesmith.recipe.export import CertificateLimits
from tunesmith.stats.paired import paired_shares

LIMITS = CertificateLimits()


def figures(metric: Difference | None = None, **changes: Any) -> FormFigures:
    same = FormFigures(
        form="merged",
        against="tuned",
        num_prompts=32,
        num_tokens=1000,
        token_agreement=1.0,
        num_near_ties=3,
        num_same_answers=32,
        mean_kl=0.0,
        max_logit_difference=0.0,
        max_gain_error=0.0,
        metric=metric,
        num_bytes=10,
        tokens_per_second=1.0,
    )
    return same.model_copy(update=changes)


def difference(mean: float, low: float, high: float, metric: str = "accuracy") -> Difference:
    return Difference(
        suite="test", metric=metric, arm="int8", against="tuned", mean=mean, low=low, high=high, p_value=0.5, n=100
    )


def names(found: FormFigures, rule: Rule, value: float = 0.9) -> list[str]:
    return [each.figure for each in broken(found, rule, LIMITS, value)]


def test_rules_follow_the_form_and_what_it_computes_in() -> None:
    assert rule_of("adapter", "fp32", "fp32") == rule_of("merged", "fp32", "fp32") == "exact"
    assert rule_of("merged", "bf16", "fp32") == rule_of("adapter", "fp32", "bf16") == "close"
    assert {rule_of(form, "fp32", "fp32") for form in ("int8", "gguf")} == {"fewer_bits"}


@pytest.mark.parametrize(
    ("rule", "changes", "figure"),
    [
        ("exact", {"widest_parting": 0.002}, "widest_parting"),
        ("exact", {"max_logit_difference": 0.0011}, "max_logit_difference"),
        ("exact", {"max_logit_difference": math.nan}, "max_logit_difference"),
        ("exact", {"max_gain_error": 0.011}, "max_gain_error"),
        ("close", {"token_agreement": 0.9899}, "token_agreement"),
        ("close", {"mean_kl": 0.051}, "mean_kl"),
        ("close", {"metric": difference(-0.01, -0.02, -0.001)}, "metric"),
        ("close", {"metric": difference(0.01, 0.001, 0.02)}, "metric"),
        ("fewer_bits", {"token_agreement": 0.899}, "token_agreement"),
        ("fewer_bits", {"mean_kl": 0.051}, "mean_kl"),
        ("fewer_bits", {"max_gain_error": 0.02}, "max_gain_error"),
        ("fewer_bits", {"metric": difference(-0.005, -0.0201, 0.01)}, "metric_loss"),
        ("fewer_bits", {"metric": difference(0.01, -0.01, 0.0191, "bits_per_byte")}, "metric_loss"),
    ],
)
def test_each_limit_alone_is_broken(rule: Rule, changes: dict[str, Any], figure: str) -> None:
    assert names(figures(**changes), rule) == [figure]
    assert f"certificate.figure.{figure}" in CATALOGUE


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("exact", {"widest_parting": 9e-4, "max_logit_difference": 9e-4, "num_same_answers": 31}),
        ("close", {"token_agreement": 0.99, "max_logit_difference": 0.4, "metric": difference(0.0, -0.03, 0.03)}),
        ("fewer_bits", {"token_agreement": 0.9, "metric": difference(-0.01, -0.0199, 0.001), "mean_kl": 0.05}),
        ("fewer_bits", {"mean_kl": None, "max_gain_error": None, "max_logit_difference": None}),
        # of what is less the better the limit is a share of the judged model's own figure
        ("fewer_bits", {"metric": difference(0.01, -0.01, 0.0179, "bits_per_byte")}),
    ],
)
def test_what_lies_within_is_kept(rule: Rule, changes: dict[str, Any]) -> None:
    assert names(figures(**changes), rule) == []


def test_few_items_cannot_show_that_little_is_lost() -> None:
    """Not one item of 60 differs, and the loss may still be above two points; of 3,080 it may not."""
    for n, expected in ((60, ["metric_loss"]), (3080, [])):
        none = paired_shares(0, 0, n)
        found = figures(metric=difference(none.mean, none.low, none.high))
        assert names(found, "fewer_bits") == expected


def test_the_error_says_what_to_do_and_what_is_no_number_is_refused() -> None:
    (found,) = broken(figures(mean_kl=0.2), "fewer_bits", LIMITS, 0.9)
    failure = found.error("int8")
    assert (failure.code, failure.place) == ("certificate-failed", Place("recipe", field="export.forms"))
    assert "0.2" in failure.message()
    assert "export.certificate.mean_kl=" in failure.hint()
    assert "export.certificate.mean_kl=" in failure.hint("zh")
    (found,) = broken(figures(widest_parting=0.2), "exact", LIMITS, 0.9)
    hints = [found.error(form).hint() for form in ("merged", "served", "llama.cpp")]
    assert ["Ship without it" in hints[0], "a server" in hints[1], "without gguf" in hints[2]] == [True] * 3
    with pytest.raises(RunFailed) as caught:
        refuse_unknown("int8", {"mean_kl": 0.1, "max_gain_error": math.nan})
    assert "nan" in caught.value.message()
