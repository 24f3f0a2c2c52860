"""What licences allow, case by case, against what their texts say."""

from __future__ import annotations

import pytest

from tunesmith.export.licences import Licensed, conflicts, known_licence
from tunesmith.i18n import translate

FREE = {"rows.jsonl": "CC-BY-4.0"}


def found(
    model: str | None, base: str | None = "Apache-2.0", data: dict[str, str | None] | None = None, repo: str = "a/desk"
) -> list[tuple[str, bool]]:
    these = conflicts(Licensed(model, base, FREE if data is None else data), repo)
    for conflict in these:
        for language in ("en", "zh"):
            assert translate(conflict.reason.key, language, **conflict.reason.parameters)
    return [(conflict.reason.key.removeprefix("licence."), conflict.is_certain) for conflict in these]


@pytest.mark.parametrize(
    ("name", "hub"),
    [
        ("Apache-2.0", "apache-2.0"),
        ("apache 2.0", "apache-2.0"),
        ("Apache License, Version 2.0", "apache-2.0"),
        ("MIT", "mit"),
        ("GPL-3.0-or-later", "gpl-3.0"),
        ("AGPL-3.0-only", "agpl-3.0"),
        ("CC-BY-NC-SA-4.0", "cc-by-nc-sa-4.0"),
        ("cc0", "cc0-1.0"),
        ("llama3.1", "llama3.1"),
        ("Llama-3.1", "llama3.1"),
        ("qwen", "other"),
        ("gemma", "gemma"),
    ],
)
def test_a_licence_is_known_by_its_usual_names(name: str, hub: str) -> None:
    licence = known_licence(name)
    assert licence is not None
    assert licence.hub == hub


def test_others_are_not_known() -> None:
    assert [known_licence(name) for name in (None, "LICENSE.txt", "other", "unknown", "CC-BY", "proprietary")] == [
        None
    ] * 6


def test_free_licences_go_together() -> None:
    assert found("MIT") == []
    assert found("Apache-2.0", "MIT", {"a": "CC0-1.0", "b": "ODC-By"}) == []
    assert found("CC-BY-NC-4.0", "Apache-2.0", {"a": "CC-BY-NC-4.0"}) == []


def test_non_commercial_data_and_bases_rule_out_a_licence_that_allows_commerce() -> None:
    assert found("MIT", data={"a": "CC-BY-NC-4.0"}) == [("data-non-commercial", True)]
    assert found("MIT", "CC-BY-NC-4.0") == [("base-non-commercial", True)]
    assert found("Apache-2.0", "qwen-research") == [("base-family", True), ("base-non-commercial", True)]


def test_no_tuned_model_of_a_base_without_derivatives_is_shipped() -> None:
    assert found("CC-BY-ND-4.0", "CC-BY-ND-4.0") == [("base-no-derivatives", True)]
    assert ("base-no-derivatives", True) in found("MIT", "CC-BY-NC-ND-4.0")


def test_a_licence_that_goes_with_changed_versions_stays() -> None:
    assert found("MIT", "CC-BY-SA-4.0") == [("base-family", True)]
    assert found("CC-BY-SA-4.0", "CC-BY-SA-3.0") == []
    assert found("Apache-2.0", "gemma") == [("base-family", True)]
    assert found("gemma", "gemma") == []
    assert found("qwen", "qwen") == []
    assert found("GPL-3.0", "GPL-2.0") == [("base-family", True)]


def test_a_llama_model_is_called_so() -> None:
    assert found("llama3.1", "llama3.1") == [("base-name", True)]
    assert found("llama3.1", "llama3.1", repo="acme/Llama-3.1-desk") == []
    assert found("llama3", "llama3", repo="acme/Llama-desk") == [("base-name", True)]
    assert found("llama3", "llama3", repo="acme/Llama-3-desk") == []
    assert found("llama2", "llama2") == []


def test_what_is_not_known_or_not_settled_is_asked_about() -> None:
    assert found("MIT", None) == [("base-unknown.unsaid", False)]
    assert found("MIT", "LICENSE.txt") == [("base-unknown", False)]
    assert found(None, "Apache-2.0") == [("model-unknown.unsaid", False)]
    assert found("house rules") == [("model-unknown", False)]
    assert found("MIT", data={"a": None, "b": "terms of B"}) == [
        ("data-unknown.unsaid", False),
        ("data-unknown", False),
    ]
    assert found("MIT", data={"a": "CC-BY-SA-4.0"}) == [("data-family", False)]
    assert found("MIT", data={"a": "CC-BY-ND-4.0"}) == [("data-no-derivatives", False)]


def test_what_is_certain_comes_first() -> None:
    assert found("MIT", data={"a": None, "b": "CC-BY-NC-4.0"}) == [
        ("data-non-commercial", True),
        ("data-unknown.unsaid", False),
    ]
