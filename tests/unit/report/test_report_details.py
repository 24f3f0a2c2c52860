"""What stands behind the figures: faults with bounds, classes, confusions, terms; and many metrics on one page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pages import Page, numbers
from report_material import make_products
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from tunesmith.artifacts.scorecard import Arm, Bounds, ClassScores, Details, Estimate, ScorecardBody, TermRecall
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.metrics.wording import Language, Words
from tunesmith.report import report
from tunesmith.report.details import details_view
from tunesmith.report.heat_map import UNDER_TEXT, cut, heat_map

LABELS = ["card_lost", "refund", "发票", "top_up"]
CUT = "…"


def of_labels(true: list[str], told: list[str]) -> Details:
    """As scikit-learn counts them; what is no label is told as ""."""
    scores = precision_recall_fscore_support(true, told, labels=LABELS, zero_division=0)
    classes = {
        label: ClassScores(precision=p, recall=r, f1=f, num_items=n)
        for label, p, r, f, n in zip(LABELS, *scores, strict=True)
    }
    matrix = confusion_matrix(true, told, labels=[*LABELS, ""])
    confusion = {
        one: {other: int(num) for other, num in zip([*LABELS, ""], row, strict=True) if num}
        for one, row in zip([*LABELS, ""], matrix, strict=True)
        if row.any()
    }
    return Details(classes=classes, confusion=confusion)


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> ScorecardBody:
    """The usual run's, with details of labels, faults and terms."""
    rng = np.random.default_rng(3)
    true = [LABELS[n] for n in rng.integers(0, 4, 90)]
    told = {
        arm: [label if rng.random() < share else [*LABELS, ""][rng.integers(0, 5)] for label in true]
        for arm, share in (("base", 0.3), ("tuned", 0.7), ("lora_small", 0.5))
    }
    details = {arm: of_labels(true, said) for arm, said in told.items()}
    details["base"] = details["base"].model_copy(
        update={
            "faults": {"truncated": 4, "refused": 2},
            "failed": {"short": 3},
            "bounds": Bounds(all_wrong=0.125, all_right=0.25),
            "terms": {"利率": TermRecall(expected=8, found=2), "余额": TermRecall(expected=4, found=4)},
        }
    )
    more = {"terms": {"利率": TermRecall(expected=8, found=7), "余额": TermRecall(expected=4, found=1)}}
    details["tuned"] = details["tuned"].model_copy(update={"faults": {"empty": 1}, **more})
    made = make_products(tmp_path_factory.mktemp("details")).scorecard.body
    return made.model_copy(
        update={"arms": [arm.model_copy(update={"details": details.get(arm.name)}) for arm in made.arms]}
    )


def page(body: ScorecardBody, folder: Path, language: Language = "en") -> tuple[Page, str]:
    products = make_products(folder)
    products = replace(products, scorecard=replace(products.scorecard, body=body))
    text = report(products, language=language, out=folder / "out").html.read_text(encoding="utf-8")
    return Page(text), text


def test_answers_that_are_none_stand_by_kind_with_their_bounds(body: ScorecardBody) -> None:
    found = details_view(body, Words("en"))
    assert found.faults is not None
    assert found.faults.kinds == ("cut off", "empty", "refused")  # in the order in which a fault is looked for
    base, tuned = found.faults.rows
    assert (base.arm, base.counts, base.all_wrong, base.all_right) == ("Base model", ("4", "0", "2"), "0.125", "0.250")
    assert (tuned.counts, tuned.all_wrong) == (("0", "1", "0"), "–")
    arm = next(arm for arm in body.arms if arm.name == "base")
    assert base.value == f"{arm.metrics['test']['rouge_l'].value:.3f}"
    assert found.failed == (Words("en")("report.details.failed", arm="Base model", metric="short", n="3"),)


def test_classes_stand_the_worst_first_beside_those_of_the_base(body: ScorecardBody) -> None:
    by_arm = {arm.name: arm.details for arm in body.arms if arm.details}
    first, second = details_view(body, Words("en")).classes
    assert (first.arm, second.arm) == ("Tuned model", "lora_small")
    scores = by_arm["tuned"].classes
    assert [row.name for row in first.rows] == sorted(scores, key=lambda label: scores[label].f1)
    for row in first.rows:
        after, before = scores[row.name], by_arm["base"].classes[row.name]
        assert [float(one) for one in (row.precision, row.recall, row.f1, row.f1_before)] == pytest.approx(
            [after.precision, after.recall, after.f1, before.f1], abs=5e-4
        )
        assert numbers(row.change) == pytest.approx([after.f1 - before.f1], abs=5e-4)
        assert row.num_items == str(after.num_items)


def test_what_is_taken_for_what_most_often_comes_first(body: ScorecardBody) -> None:
    confusion = next(arm.details for arm in body.arms if arm.name == "tuned").confusion  # type: ignore[union-attr]
    wrong = {(true, told): num for true, row in confusion.items() for told, num in row.items() if true != told}
    shown = details_view(body, Words("zh")).classes[0].confused
    assert [int(pair.num_items) for pair in shown] == sorted(wrong.values(), reverse=True)[:10]
    for pair in shown:
        told = "" if pair.told == "（不在标签之列）" else pair.told
        assert wrong[pair.true, told] == int(pair.num_items)
        share = 100 * wrong[pair.true, told] / sum(confusion[pair.true].values())
        assert float(pair.share.rstrip("%")) == pytest.approx(share, rel=5e-3)


def test_the_map_holds_every_count_in_its_row_and_column(body: ScorecardBody) -> None:
    details = next(arm.details for arm in body.arms if arm.name == "tuned")
    assert details is not None
    classes = details_view(body, Words("en")).classes[0]
    svg = classes.heat_map
    assert svg.partition('-desc">')[2].partition("</desc>")[0].count(";") == len(classes.confused) - 1
    assert "(none of the labels)" in svg
    spot = (
        r'<rect class="(hit|miss)" x="([\d.]+)" y="([\d.]+)"[^>]*fill-opacity="([\d.]+)"><title>(.*?) → (.*?): (\d+)<'
    )
    cells = re.findall(spot, svg)
    assert len(cells) == sum(len(row) for row in details.confusion.values())
    columns, rows = ({float(cell[place]) for cell in cells} for place in (1, 2))
    assert (len(columns), len(rows)) == (5, 4)
    for kind, x, y, strength, true, told, num in cells:
        label = "" if told == "(none of the labels)" else told
        assert details.confusion[true][label] == int(num)
        assert (kind == "hit") == (true == label)
        assert sorted(columns).index(float(x)) == [*LABELS, ""].index(label)
        assert sorted(rows).index(float(y)) == LABELS.index(true)
        assert float(strength) <= UNDER_TEXT[1]
    assert svg.count('class="n"') == len(cells)


def test_many_classes_make_smaller_cells_not_a_wider_map() -> None:
    names = {f"class_{n}": f"class_{n}" for n in range(77)}
    svg = heat_map("h", "t", "d", names, {name: {name: 3} for name in names})
    assert float(re.findall(r'width="(\d+)"', svg)[0]) <= 984
    assert 'class="n"' not in svg
    assert [int(n) for n in re.findall(r'class="x"[^>]*>(\d+)<', svg)] == list(range(5, 78, 5))
    assert "<script>" not in heat_map("h", "<script>", "d", {"<script>": "<script>"}, {"<script>": {"<script>": 1}})
    assert (cut("a" * 26), cut("a" * 27)) == ("a" * 26, "a" * 26 + CUT)
    assert (cut("类" * 13), cut("类" * 14)) == ("类" * 13, "类" * 13 + CUT)


def test_terms_that_the_tuned_model_leaves_out_come_first(body: ScorecardBody) -> None:
    terms = details_view(body, Words("en")).terms
    assert terms is not None
    assert terms.arms == ("Base model", "Tuned model")
    assert terms.rows == (("余额", ("4 / 4 (100%)", "1 / 4 (25%)")), ("利率", ("2 / 8 (25%)", "7 / 8 (87.5%)")))


@pytest.mark.thorough
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_shows_it_in_both_languages(body: ScorecardBody, tmp_path: Path, language: Language) -> None:
    shown, text = page(body, tmp_path, language)
    words = Words(language)
    for table in ("faults", "confused", "classes", "terms"):
        assert len(shown.tables[table]) > 1
    assert len(shown.tables["classes"]) == 2 * (1 + len(LABELS))
    assert text.count('class="heat-map"') == 2
    assert f'<a href="#details">{words("report.details")}</a>' in text
    told = text.partition("</style>")[2]
    assert not re.search(r"\b(?:report|fault|metric|arm)\.[a-z_]+(?:\.[a-z_]+)*\b", told.replace("report.html", ""))


@pytest.mark.thorough
def test_a_run_without_details_has_no_such_section(tmp_path: Path) -> None:
    _, text = page(make_products(tmp_path / "made").scorecard.body, tmp_path)
    assert 'id="details"' not in text
    assert "#details" not in text.partition("</style>")[2]


@pytest.mark.thorough
def test_metrics_beyond_the_third_unfold(body: ScorecardBody, tmp_path: Path) -> None:
    more = {"perplexity": Estimate(value=7.25, low=6.5, high=8.0, n=60), "own": Estimate(value=0.5, n=60)}
    arms = [with_metrics(arm, more if arm.name != "classic" else {}) for arm in body.arms]
    shown, text = page(body.model_copy(update={"arms": arms}), tmp_path)
    header, *rows = ([cell.strip() for cell in row] for row in shown.tables["arms"])
    assert header[1:5] == ["ROUGE-L", "Exact match", "Well-formed thinking", "Difference to the base"]
    assert {len(row) for row in rows} == {len(header)} == {8}
    names, perplexity, own = ([cell.strip() for cell in row] for row in shown.tables["figures"])
    assert names[1:] == [row[0] for row in rows]
    assert numbers(perplexity[1]) == [7.25, 6.5, 8.0]
    assert (own[0], own[1]) == ("own", "0.500")  # a user's own comes last
    classic = names.index("Classic baseline")
    assert perplexity[classic] == "–"
    labels = re.findall(r'data-label="([^"]+)"', text)
    assert labels[: len(header) - 1] == header[1:]


def with_metrics(arm: Arm, more: dict[str, Estimate]) -> Arm:
    return arm.model_copy(update={"metrics": {**arm.metrics, "test": {**arm.metrics["test"], **more}}})


@pytest.mark.thorough
def test_differences_of_all_suites_stand_with_what_can_be_detected(body: ScorecardBody, tmp_path: Path) -> None:
    one, *others = body.differences
    changed = body.model_copy(update={"differences": [one.model_copy(update={"detectable": 0.0643}), *others]})
    shown, _ = page(changed, tmp_path)
    rows = [[cell.strip() for cell in row] for row in shown.tables["differences"][1:]]
    assert len(rows) == len(body.differences) + len(body.forgetting)
    assert (rows[0][7], rows[1][7]) == ("0.064", "–")
    assert rows[-1][0] == Words("en").suite(body.forgetting[-1].suite)


def test_every_kind_of_fault_has_a_name() -> None:
    from tunesmith.metrics.faults import FAULTS

    assert {f"fault.{kind}" for kind in FAULTS} <= set(CATALOGUE)
