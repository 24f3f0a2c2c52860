"""The card of a bundle, read back: its numbers are the artifacts', its metadata what the Hub reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from card_material import (
    TRAINING,
    certificate,
    dataset_report,
    forms,
    make_bundle,
    make_exporting,
    recipe,
    scorecard_body,
)
from huggingface_hub import ModelCard
from pydantic import BaseModel

from tunesmith.artifacts.bundle import Bundle, Objection
from tunesmith.artifacts.figures import Estimate
from tunesmith.export.card import CARDS, card_facts, write_card
from tunesmith.export.card_data import data_licences
from tunesmith.i18n.card import TEXTS
from tunesmith.metrics.wording import Language, Words
from tunesmith.recipe import Recipe

LANGUAGES: tuple[Language, ...] = ("en", "zh")
MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def cards(bundle: Bundle) -> dict[Language, str]:
    return {language: (bundle.folder / name).read_text(encoding="utf-8") for language, name in CARDS.items()}


def tables(card: str) -> list[list[list[str]]]:
    """Rows of cells by table, the heading first."""
    found: list[list[list[str]]] = []
    before = ""
    for line in card.splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not before.startswith("|"):
                found.append([])
            if not set(line) <= set("|-:"):
                found[-1].append(cells)
        before = line
    return found


def table(card: str, first: str) -> dict[str, list[str]]:
    """The table whose heading begins so, by the first cell of its rows."""
    rows = next(rows for rows in tables(card) if rows[0][0] == first)
    return {row[0]: row[1:] for row in rows[1:]}


def numbers(cell: str) -> list[float]:
    return [
        float(number.replace(MINUS, "-").replace(",", "")) for number in re.findall(rf"[+{MINUS}]?[\d,]*\.?\d+", cell)
    ]


def rounded(estimate: Estimate) -> list[float]:
    return [round(value, 3) for value in (estimate.value, estimate.low, estimate.high) if value is not None]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_model_stands_with_its_own_numbers(cards: dict[Language, str], language: Language) -> None:
    words, body = Words(language), scorecard_body()
    found = table(cards[language], words("report.table.arm"))
    for arm in body.arms:
        metrics = arm.metrics["test"]
        cells = found[words.arm(arm.name)]
        assert [numbers(cell) for cell in cells] == [rounded(metrics[m]) for m in ("accuracy", "macro_f1", "mcc")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_verdict_and_losses_are_the_scorecards(cards: dict[Language, str], language: Language) -> None:
    words, body, card = Words(language), scorecard_body(), cards[language]
    difference = body.verdicts[0].difference
    sentence = next(line for line in card.splitlines() if f"{difference.mean:+.3f}" in line)
    before, after = (arm.metrics["test"]["accuracy"].value for arm in (body.arms[0], body.arms[2]))
    wanted = [difference.n, before, after, difference.mean, difference.low, difference.high]
    assert {round(float(number), 3) for number in wanted} <= set(numbers(sentence))
    loss = body.forgetting[0]
    suite = next(rows for rows in tables(card) if rows[0][0] == words("report.table.suite") and len(rows[0]) == 4)
    cells = suite[1]
    assert cells[0] == words.suite("general_zh")
    mean = loss.difference
    expected = [rounded(loss.before), rounded(loss.after), [round(n, 3) for n in (mean.mean, mean.low, mean.high)]]
    assert [numbers(cell) for cell in cells[1:]] == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_groups_are_told_with_intervals(cards: dict[Language, str], language: Language) -> None:
    words, body, card = Words(language), scorecard_body(), cards[language]
    rows = next(rows for rows in tables(card) if rows[0][1] == words("card.group"))
    for row, (code, by_arm) in zip(rows[1:], body.slices["language"].items(), strict=True):
        assert row[1] == words.language_name(code)
        assert int(row[2]) == max(estimate.n for estimate in by_arm.values())
        assert [numbers(cell) for cell in row[3:]] == [rounded(by_arm["base"]), rounded(by_arm["tuned"])]
    assert body.bias is not None
    gap = body.bias.gaps[0]
    row = table(card, words("card.gaps"))[words.attribute("gender")]
    assert numbers(row[-1]) == [round(number, 3) for number in (gap.difference, gap.low, gap.high)]
    swap = body.bias.swaps[0]
    assert numbers(table(card, words("card.swaps"))[words("bias.swap.name")][2]) == rounded(swap.changed)
    weak = next(line for line in card.splitlines() if "a&#124;b" in line)
    assert {*rounded(body.weak_slices[0].inside), *rounded(body.weak_slices[0].outside)} <= set(numbers(weak))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_certificate_is_told_form_by_form(cards: dict[Language, str], language: Language) -> None:
    words = Words(language)
    rows = next(rows for rows in tables(cards[language]) if rows[0][1] == words("card.against"))
    for row, figures in zip(rows[1:], certificate().figures, strict=True):
        assert row[0] == words(f"card.form.{figures.form}")
        assert numbers(row[2]) == [figures.num_tokens]
        assert numbers(row[3]) == [round(figures.token_agreement, 4)]
        assert float(row[4]) == pytest.approx(figures.mean_kl, rel=1e-3)
        assert float(row[5]) == pytest.approx(figures.max_logit_difference, rel=1e-3)
        assert (row[6] == "–") == (figures.metric is None)
        assert numbers(row[7]) == [figures.num_bytes]
        assert numbers(row[8]) == [pytest.approx(figures.tokens_per_second, rel=1e-3)]
    sizes = next(rows for rows in tables(cards[language]) if rows[0][1] == words("card.dtype"))
    assert [(row[1], *numbers(row[2])) for row in sizes[1:]] == [(form.dtype, form.num_bytes) for form in forms()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_number_is_of_nowhere(bundle: Bundle, cards: dict[Language, str], language: Language) -> None:
    """Every decimal fraction of the card is some number of an artifact, rounded."""
    told = cards[language].partition("# ")[2].partition("<!-- use -->")[0]
    artifacts = (scorecard_body(), certificate(), dataset_report(), bundle.body)
    known = {*_floats(TRAINING), *(number for part in artifacts for number in _floats(part))}
    fractions = re.findall(r"(?<![\w.-])\d+\.\d+(?:e-\d+)?", re.sub(r"`[^`]*`", "", told))
    assert len(fractions) > 100
    for fraction in fractions:
        digits = len(fraction.partition("e")[0].partition(".")[2])
        own = float(fraction)
        assert any(abs(own - number) <= max(0.5001 * 10**-digits, 1e-3 * number) for number in known), (
            f"{fraction} is in no artifact"
        )


def _floats(value: Any) -> Iterator[float]:
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, dict):
        for part in value.values():
            yield from _floats(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _floats(part)
    elif isinstance(value, float):
        yield abs(value)


def test_the_metadata_is_what_the_hub_reads(cards: dict[Language, str]) -> None:
    data = ModelCard(cards["en"]).data
    assert data.license == "apache-2.0"
    assert data.language == ["en", "zh"]
    assert data.datasets == ["acme/tickets"]
    assert data.pipeline_tag == "text-generation"
    assert data.library_name == "transformers"
    # the embedded base has no id on the Hub
    assert data.base_model is None
    results = {result.metric_type: result for result in data.eval_results}
    metrics = scorecard_body().arms[2].metrics["test"]
    assert {name: result.metric_value for name, result in results.items()} == {
        "accuracy": metrics["accuracy"].value,
        "f1": metrics["macro_f1"].value,
        "matthews_correlation": metrics["mcc"].value,
        "bleu": metrics["bleu"].value,
    }
    assert {result.dataset_split for result in results.values()} == {"test"}
    assert not cards["zh"].startswith("---")


def test_people_are_quoted_and_what_they_leave_out_is_told(cards: dict[Language, str]) -> None:
    assert "Answers &#124; &#60;b&#62;read&#60;/b&#62; first. Always &#91;so&#93;." in cards["en"]
    assert "- **Not for**: not stated" in cards["en"]
    assert "- **不适用于**：未说明" in cards["zh"]


def test_nothing_but_the_scorecard_missing_is_told(tmp_path: Path) -> None:
    """A model that nobody judged has a card too, and it says so."""
    from dataclasses import replace

    exporting = replace(make_exporting(tmp_path, recipe()), scorecard=None)
    write_card(exporting, exporting.body(forms()), certificate(), tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert Words("en")("card.unjudged") in card
    assert "model-index" not in card


def test_what_speaks_against_the_model_is_told(tmp_path: Path) -> None:
    objections = (Objection(code="loss", suite="general_zh"),)
    exporting = make_exporting(tmp_path, recipe(), objections=objections)
    write_card(exporting, exporting.body(forms()), certificate(), tmp_path)
    for language in LANGUAGES:
        words = Words(language)
        told = words("card.objection.loss", suite=words.suite("general_zh"))
        assert told in (tmp_path / CARDS[language]).read_text(encoding="utf-8")


def test_what_an_engine_does_not_tell_is_left_open(tmp_path: Path) -> None:
    whole = certificate()
    heard = whole.figures[-1].model_copy(update={"form": "llama.cpp", "mean_kl": None, "max_logit_difference": None})
    exporting = make_exporting(tmp_path, recipe())
    proof = whole.model_copy(update={"figures": [heard], "not_measured": {"served": "no-form"}})
    write_card(exporting, exporting.body(forms()), proof, tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    (row,) = next(rows for rows in tables(card) if rows[0][1] == Words("en")("card.against"))[1:]
    assert (row[0], row[4], row[5]) == (Words("en")("card.form.llama.cpp"), "–", "–")
    assert "not run" in card


def test_lineage_and_commands_lead_on(bundle: Bundle, cards: dict[Language, str]) -> None:
    for card in cards.values():
        for key in (bundle.key, bundle.body.tuned_model, bundle.body.dataset, bundle.body.base.sha256):
            assert f"`{key}`" in card
        assert "python -c \"m = load('adapter')\" BASE" in card
        assert "vllm serve merged" in card
        assert "ollama create desk -f gguf/Modelfile" in card


def test_a_local_base_is_told_by_its_name_alone(tmp_path: Path) -> None:
    exporting = make_exporting(tmp_path, recipe())
    from dataclasses import replace

    folder = tmp_path / "secret-place" / "mybase"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: other\nlicense_name: qwen\n---\n", encoding="utf-8")
    local = recipe(model={"base": str(folder)})
    facts = card_facts(replace(exporting, recipe=local, base=replace(exporting.base, folder=folder)))
    assert (facts.base, facts.hub_base, facts.base_licence, facts.licence) == ("mybase", None, "qwen", "qwen")
    hub = card_facts(replace(exporting, recipe=recipe(model={"base": "Qwen/Qwen2.5-0.5B"})))
    assert (hub.base, hub.hub_base) == ("Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-0.5B")


def test_every_source_and_every_writing_model_has_its_licence() -> None:
    made = recipe(
        prepare={
            "sources": [
                {"path": "/data/of/ann/a.jsonl", "licence": "MIT"},
                {"path": "/data/of/bob/a.jsonl"},
                {"path": "b/c.jsonl", "licence": "CC0-1.0"},
            ],
            "reasoning": "synthesise",
            "teacher": {"url": "http://127.0.0.1/v1", "model": "r1", "licence": "MIT"},
        }
    )
    assert data_licences(made.prepare) == {"a.jsonl": "MIT", "a.jsonl (2)": None, "b/c.jsonl": "CC0-1.0", "r1": "MIT"}


def test_a_licence_changes_neither_dataset_nor_run(tmp_path: Path) -> None:
    from tunesmith.prepare import identity

    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"prompt": "a", "completion": "b"}) + "\n", encoding="utf-8")
    said, unsaid = (
        Recipe.model_validate({"name": "a", "prepare": {"sources": [{"path": str(rows), **more}]}})
        for more in ({"licence": "MIT"}, {})
    )
    assert said.fingerprint() == unsaid.fingerprint()
    assert identity(said.prepare, 0).key() == identity(unsaid.prepare, 0).key()


def test_the_front_matter_is_one_yaml_mapping(cards: dict[Language, str]) -> None:
    front = yaml.safe_load(cards["en"].split("---")[1])
    assert front["tags"] == ["tunesmith"]
    assert front["model-index"][0]["name"] == "service_desk"


def test_both_languages_say_something_of_their_own() -> None:
    alike = {key for key, (english, chinese) in TEXTS.items() if english == chinese}
    assert alike <= {"push.file"}
