from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from pages import Page, numbers
from report_material import MAX_LOSS, NUM_STEPS, Options, dataset_report, make_products

from tunesmith.artifacts import DatasetReport, read_metrics
from tunesmith.artifacts.dataset import Overlap
from tunesmith.artifacts.history import Taken
from tunesmith.artifacts.plan import Choice
from tunesmith.artifacts.scorecard import Difference, Estimate
from tunesmith.evaluate.confidence import calibration_table, stated_of
from tunesmith.i18n.report import TEXTS
from tunesmith.metrics.wording import Language, Words, direction
from tunesmith.recipe import load_recipe
from tunesmith.report import Products, ReportFiles, report
from tunesmith.report.facts import ChoiceView, data_view, method_view
from tunesmith.report.view import CURVES
from tunesmith.stats.verdict import Outcome, ReasonCode


def write(products: Products, out: Path, language: Language = "en") -> ReportFiles:
    return report(products, language=language, out=out)


Shown = tuple[Page, str, Products]


def show(products: Products, out: Path, language: Language = "en") -> Shown:
    text = write(products, out, language).html.read_text(encoding="utf-8")
    return Page(text), text, products


def page_of(tmp_path: Path, options: Options) -> Shown:
    return show(make_products(tmp_path, options), tmp_path / "out")


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Products:
    """A run without peculiarities; tests only read it."""
    return make_products(tmp_path_factory.mktemp("usual"))


@pytest.fixture(scope="module")
def shown(usual: Products, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return show(usual, tmp_path_factory.mktemp("out"))


def rounded(*values: float | None) -> list[float]:
    return [round(value, 3) + 0.0 for value in values if value is not None]


def figures(estimate: Estimate) -> list[float]:
    return rounded(estimate.value, estimate.low, estimate.high)


def test_the_table_of_arms_holds_the_scorecards_figures(shown: Shown) -> None:
    page, _, products = shown
    header, *rows = page.tables["arms"]
    assert [cell.strip() for cell in header[1:4]] == ["ROUGE-L", "Exact match", "Well-formed thinking"]
    arms = products.scorecard.body.arms
    assert len(rows) == len(arms)
    differences = {d.arm: d for d in products.scorecard.body.differences if d.against == "base"}
    for arm, row in zip(arms, rows, strict=True):
        for cell, metric in zip(row[1:4], ("rouge_l", "exact_match", "well_formed_thinking"), strict=True):
            assert numbers(cell) == pytest.approx(figures(arm.metrics["test"][metric]))
        if arm.name in differences:
            d = differences[arm.name]
            assert numbers(row[4]) == pytest.approx(rounded(d.mean, d.low, d.high))
        if arm.num_prompt_tokens_mean:
            assert numbers(row[5])[0] == pytest.approx(arm.num_prompt_tokens_mean, abs=0.051)


def test_forgetting_compares_each_suite_before_and_after(shown: Shown) -> None:
    page, _, products = shown
    rows = page.tables["forgetting"][1:]
    for forgetting, row in zip(products.scorecard.body.forgetting, rows, strict=True):
        d = forgetting.difference
        assert numbers(row[2]) == pytest.approx(figures(forgetting.before))
        assert numbers(row[3]) == pytest.approx(figures(forgetting.after))
        assert numbers(row[4]) == pytest.approx(rounded(d.mean, d.low, d.high))
        wanted = "exceeded" if d.high < 0 else "perhaps exceeded"
        assert row[5].split(maxsplit=1)[1].strip() == (wanted if d.mean < -MAX_LOSS else "within")
        assert numbers(row[6]) == [len(forgetting.lost), len(forgetting.won)]
    lost = products.scorecard.body.forgetting[0].lost
    questions = {s.item: s.prompt[-1].content for s in products.scorecard.samples() if s.suite == "general_en"}
    assert lost
    assert all(questions[item] in page.texts["lost"] for item in lost)


def test_the_data_section_counts_everything(shown: Shown) -> None:
    page, _, products = shown
    contract = products.dataset.report()
    assert contract == dataset_report(60)
    assert numbers(page.texts["splits"]) == [1180, 131, 60]
    read, kept, rejected = numbers(page.texts["counts"])
    assert (read, kept, rejected) == (1638, 1371, 267)
    assert read == kept + rejected
    for row, (reason, found) in zip(page.tables["rejects"][1:], contract.reasons.items(), strict=True):
        assert row[0].strip() == Words("en")(f"reject.{reason}")
        assert numbers(row[1]) == [found.count]
        assert row[2].split() == found.places
    rows = {row[0].strip(): numbers(" ".join(row[1:])) for row in page.tables["labels"][1:]}
    assert rows == {"returns": [400, 44, 20, 464, 33.8], "发票": [780, 87, 40, 907, 66.2]}
    rows = {row[0].strip(): numbers(" ".join(row[1:])) for row in page.tables["languages"][1:]}
    assert list(rows) == ["Chinese", "English", "Mixed"]
    assert rows["Chinese"] == [590, 70, 30, 690, 50.3]
    assert rows["Mixed"] == [10, 0, 0, 10, 0.729]
    for row, name in zip(page.tables["lengths"][1:], ("prompt", "reasoning", "answer"), strict=True):
        quantiles = contract.characters.model_dump()[name]
        assert numbers(" ".join(row[1:])) == list(quantiles.values())
    assert numbers(page.texts["proof"]) == [1100 + 129 + 59, 240 + 31 + 29]


def test_the_facts_about_the_data_stand_by_their_names(shown: Shown) -> None:
    facts = dict(data_view(dataset_report(60), Words("en")).facts)
    assert facts == {
        "Task": "writing an answer",
        "Rows kept, by thinking": "1,251 with, 120 without",
        "Rejected as unusable": "154",
        "Rejected as exact duplicates": "104",
        "Rejected for repeating held-out rows": "58",
        "Prompts with more than one answer": "2 (on 5 rows)",
        "Test rows that nearly repeat another, kept as declared": "8",
        "Rows decoded as GB18030 (GBK)": "263",
    }
    page, _, _ = shown
    assert all(name in page.texts["data-facts"] and value in page.texts["data-facts"] for name, value in facts.items())


def test_every_source_says_how_it_was_read(shown: Shown) -> None:
    page, _, _ = shown
    tickets, old, broken = ([cell.strip() for cell in row] for row in page.tables["sources"][1:])
    assert tickets == [
        *("examples/support_desk/tickets.jsonl", "messages", "the recipe (messages)", "UTF-8", "–"),
        *("1,368", "1,111", "257"),
    ]
    assert old[1:5] == ["question_answer", "its columns (question=问题, answer=回答)", "GB18030 (GBK)", "Training"]
    assert broken == ["broken.jsonl", "–", "–", "UTF-8", "–", "7", "3", "4"]


@pytest.mark.parametrize(("num_labels", "is_open"), [(20, True), (21, False)])
def test_a_long_list_of_labels_is_folded(tmp_path: Path, num_labels: int, is_open: bool) -> None:
    labels = {f"label {number}": {"train": 1, "validation": 0, "test": 0} for number in range(num_labels)}
    _, text, _ = page_of(tmp_path, Options(edit_report=lambda report: report.model_copy(update={"labels": labels})))
    assert ('<details open data-testid="label-list">' in text) == is_open
    assert len(labels) == text.partition('data-testid="labels"')[2].partition("</table>")[0].count("<tr>") - 1


@pytest.mark.thorough
def test_overlap_between_splits_is_cried_out(tmp_path: Path) -> None:
    def leak(report: DatasetReport) -> DatasetReport:
        shared = {**report.proof.shared, "train/test": Overlap(prompts=3, groups=1)}
        return report.model_copy(update={"proof": report.proof.model_copy(update={"shared": shared})})

    page, _, _ = page_of(tmp_path, Options(edit_report=leak))
    assert "share 3 prompts and 1 groups" in page.texts["note"]
    assert "broken" in page.classes


@pytest.mark.thorough
def test_what_the_data_does_not_have_leaves_no_empty_table(tmp_path: Path) -> None:
    def without(report: DatasetReport) -> DatasetReport:
        characters = report.characters.model_copy(update={"reasoning": None})
        nothing = {"reasons": {}, "labels": {}, "decoded_as_gb18030": 0, "repeats_within_test": 0}
        return report.model_copy(update={"characters": characters, **nothing})

    page, _, _ = page_of(tmp_path, Options(edit_report=without, with_plan=False))
    assert numbers(page.texts["splits"]) == [1180, 131, 60]
    assert not {"rejects", "labels", "choices"} & set(page.tables)
    assert [row[0].strip() for row in page.tables["lengths"][1:]] == ["Prompt", "Answer"]
    assert "GB18030" not in page.texts["data-facts"]


@pytest.mark.thorough
def test_a_tuned_model_that_loses_to_simpler_ways_is_told_so(tmp_path: Path) -> None:
    shares = {"base": 0.1, "base_few_shot": 0.4, "classic": 0.95, "tuned": 0.4}
    page, _, products = page_of(tmp_path / "loses", Options(share_right=shares))
    against = next(d for d in products.scorecard.body.differences if d.against == "classic")
    assert against.high < 0
    assert "loses to Classic baseline" in page.texts["note"]
    assert numbers(page.texts["note"])[2] == pytest.approx(round(against.mean, 3))
    page, _, _ = page_of(tmp_path / "wins", Options(share_right={"base": 0.1, "classic": 0.3, "tuned": 0.9}))
    assert "note" not in page.texts


def test_the_verdict_stands_in_words_with_its_interval(shown: Shown) -> None:
    page, _, products = shown
    verdict = products.scorecard.body.verdicts[0]
    text = page.texts["verdict"]
    assert Words("en")("verdict.better") in text
    for value in rounded(verdict.difference.mean, verdict.difference.low, verdict.difference.high):
        assert value in numbers(text)


@pytest.mark.thorough
def test_the_embedded_base_is_called_a_demonstration_and_others_are_not(shown: Shown, tmp_path: Path) -> None:
    page, _, _ = shown
    assert "not a model to deploy" in page.texts["embedded"]
    page, _, _ = page_of(tmp_path, Options(base="Qwen/Qwen2.5-1.5B"))
    assert "embedded" not in page.texts


@pytest.mark.thorough
def test_markup_in_data_and_answers_stays_text(tmp_path: Path) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)> \x00\ud800 </style>"

    def poison(contract: DatasetReport) -> DatasetReport:
        source = contract.sources[0].model_copy(update={"file": "<script>"})
        labels = {attack.replace("\ud800", ""): {"train": 1, "validation": 1, "test": 1}}
        return contract.model_copy(update={"labels": labels, "sources": [source]})

    products = make_products(tmp_path, Options(question=attack.replace("\ud800", ""), edit_report=poison))
    files = write(products, tmp_path / "out")
    page = Page(files.html.read_text(encoding="utf-8"))
    assert not {"script", "img"} & set(page.tags)
    assert page.tags.count("style") == 1
    assert "<script>alert(1)</script>" in page.tables["labels"][1][0]
    assert "\x00" not in files.html.read_text(encoding="utf-8")


@pytest.mark.thorough
def test_half_a_surrogate_pair_in_an_answer_does_not_stop_the_report(tmp_path: Path) -> None:
    products = make_products(tmp_path)
    samples = products.scorecard.folder / "samples.jsonl"
    samples.write_text(samples.read_text(encoding="utf-8").replace("I do not know", "\\ud83d know"), encoding="utf-8")
    assert "? know what you mean." in write(products, tmp_path / "out").html.read_text(encoding="utf-8")


def test_the_page_needs_nothing_but_itself(shown: Shown) -> None:
    page, text, _ = shown
    assert not {"script", "iframe", "object", "img"} & set(page.tags)
    assert not re.findall(r"(?:src|href|url\()\s*=?\s*[\"']?(?:https?:)?//", text)
    assert "default-src 'none'" in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_both_languages_say_everything(usual: Products, tmp_path: Path, language: Language) -> None:
    page, text, products = show(usual, tmp_path, language)
    words = Words(language)
    assert words("verdict.better") in page.texts["verdict"]
    assert not re.search(
        r"\b(?:report|verdict|metric|arm|suite|reject)\.[a-z_]+\.?[a-z_]*\b", text.partition("</style>")[2]
    )
    assert {f'data-metric="{metric}"' for metric in CURVES} <= set(re.findall(r'data-metric="[^"]+"', text))
    assert products.scorecard.body.arms[0].name == "base"
    assert words("arm.base") in page.tables["arms"][1][0]


def test_reasons_name_things_in_words_and_round_their_numbers() -> None:
    values: dict[str, str | int | float] = {
        "suite": "general_zh",
        "max_loss": 0.05,
        "mean": -0.1234,
        "low": -0.2,
        "high": -0.05,
        "n": 1200,
    }
    assert Words("zh").reason("verdict.reason.loss_beyond_limit", values) == (
        "通用问题（中文）：退步超出限度 0.05：−0.123，95% 置信区间 −0.200 至 −0.050，共 1,200 题"
    )


def test_every_outcome_and_finding_of_the_verdict_has_its_words() -> None:
    words = Words("zh")
    numbers_of_any = {"mean": 0.1, "low": 0.0, "high": 0.2, "n": 9, "suite": "general_en", "max_loss": 0.05}
    numbers_of_any |= {"margin": 0.02}
    for outcome in Outcome:
        assert words(f"verdict.{outcome}")
        assert words(f"verdict.meaning.{outcome}")
    for code in ReasonCode:
        assert words.reason(f"verdict.reason.{code}", numbers_of_any)
    assert words.reason("verdict.reason.items_needed", {"num_items_needed": 1500}).count("1,500") == 1
    power = Words("en").reason("verdict.reason.detectable", {"n": 1500, "detectable": 0.03217})
    assert power.startswith("With 1,500 items this test can detect a true difference of 0.03217 or more")


def test_the_plans_choices_stand_with_their_reasons(usual: Products) -> None:
    plan = usual.plan
    assert plan is not None
    choice = Choice(
        name="learning_rate",
        value=2e-4,
        reason="verdict.reason.gain_too_small",
        parameters={"high": 0.5, "margin": 0.6},
    )
    body = plan.body.model_copy(update={"choices": [choice]})
    view = method_view(replace(plan, body=body), {}, (), Words("en"))
    assert view.choices == (
        ChoiceView(
            "learning_rate", "2e-4", "The gain is at most +0.500, less than the margin of 0.6: it hardly matters"
        ),
    )
    facts = dict(view.facts)
    assert (facts["Trainable"], facts["Peak learning rate"]) == ("98,304 (5.99%)", "2e-4")


@pytest.mark.thorough
def test_predicted_and_measured_stand_side_by_side_the_newest_first(tmp_path: Path) -> None:
    old = Taken(
        time="2026-01-01T12:00:00",
        run="bold-heron",
        name="tuned",
        base="builtin:tiny",
        method="lora",
        precision="bf16",
        device="cpu",
        num_steps=10,
        num_tokens=1000,
        predicted_bytes=1_610_000_000,
        measured_bytes=1_540_000_000,
        predicted_seconds=61.0,
        measured_seconds=64.0,
    )
    new = old.model_copy(update={"run": "calm-otter", "predicted_seconds": None, "measured_bytes": None})
    files = report(replace(make_products(tmp_path), history=[old, new]), language="en", out=tmp_path)
    table = Page(files.html.read_text(encoding="utf-8")).tables["history"]
    first, second = ([cell.strip() for cell in row] for row in table[1:])
    assert (first[0].split()[0], second[0].split()[0]) == ("calm-otter", "bold-heron")
    assert first[2:5] == ["1.61 GB", "–", "–"]
    assert second[2:4] == ["1.61 GB", "1.54 GB"]
    assert second[4:] == [Words("en").duration(61.0), Words("en").duration(64.0)]


def test_the_curves_are_those_of_the_events(shown: Shown) -> None:
    _, text, products = shown
    for model in ("tuned", "lora_small"):
        losses = [e.data["train/loss"] for e in read_metrics(products.run_folder) if e.data["model"] == model]
        assert len(losses) == NUM_STEPS
        assert f"from {losses[0]:.3g} to {losses[-1]:.3g}, lowest {min(losses):.3g}, highest {max(losses):.3g}" in text


def test_the_recipe_on_the_page_runs_again(shown: Shown, tmp_path: Path) -> None:
    page, _, products = shown
    file = tmp_path / "again.yaml"
    file.write_text(page.texts["recipe"].removeprefix(Words("en")("report.repeat.recipe")), encoding="utf-8")
    assert load_recipe(file).fingerprint() == products.recipe.fingerprint()


def test_the_command_to_repeat_a_run_names_its_folder(shown: Shown) -> None:
    _, text, products = shown
    assert f"tunesmith run {shlex.quote(str(products.run_folder))}" in text


@pytest.mark.parametrize(("form", "library"), [("adapter", "peft"), ("weights", "transformers")])
def test_the_card_has_the_hubs_front_matter_and_the_same_table(tmp_path: Path, form: str, library: str) -> None:
    products = make_products(tmp_path, Options(form=form, base="Qwen/Qwen2.5-1.5B"))
    card = write(products, tmp_path / "out").card.read_text(encoding="utf-8")
    _, front, body = card.split("---\n", 2)
    assert yaml.safe_load(front) == {
        "base_model": "Qwen/Qwen2.5-1.5B",
        "library_name": library,
        "pipeline_tag": "text-generation",
        "language": ["en", "zh"],
        "license": "other",
        "tags": ["tunesmith", "sft", "lora"],
    }
    lines = [line for line in body.splitlines() if line.startswith("| Tuned model |")]
    tuned = next(arm for arm in products.scorecard.body.arms if arm.name == "tuned")
    assert numbers(lines[0].split("|")[2]) == pytest.approx(figures(tuned.metrics["test"]["rouge_l"]))
    code = body.partition("```python\n")[2].partition("```")[0]
    compile(code, "card", "exec")
    assert ("PeftModel" in code) == (form == "adapter")
    assert str(tmp_path) not in card


def test_a_markdown_table_in_a_variants_name_breaks_nothing(tmp_path: Path) -> None:
    shares = {"base": 0.1, "tuned": 0.9, "a|b <b>": 0.5}
    card = write(make_products(tmp_path, Options(share_right=shares)), tmp_path / "out").card
    line = next(line for line in card.read_text(encoding="utf-8").splitlines() if "a&#124;b &#60;b&#62;" in line)
    assert line.count("|") == 6


@pytest.mark.thorough
def test_writing_again_replaces_both_files(usual: Products, tmp_path: Path) -> None:
    first = write(usual, tmp_path / "out")
    content = first.html.read_bytes()
    assert write(usual, tmp_path / "out", "zh").html.read_bytes() != content
    assert write(usual, tmp_path / "out").html.read_bytes() == content
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["card.md", "report.html"]


def test_bits_per_byte_that_fall_are_an_improvement() -> None:
    fallen = Difference(
        suite="test",
        metric="bits_per_byte",
        arm="tuned",
        against="base",
        mean=-0.3,
        low=-0.4,
        high=-0.2,
        p_value=0,
        n=9,
    )
    assert direction(fallen) == "improved"
    assert direction(fallen.model_copy(update={"metric": "accuracy"})) == "worse"
    assert direction(fallen.model_copy(update={"high": 0.1})) == "unclear"


def test_no_text_is_written_twice() -> None:
    source = Path(__file__).parents[3] / "src" / "tunesmith" / "i18n" / "report.py"
    keys = re.findall(r'^    "([a-z_0-9.]+)": \(', source.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(keys) == len(set(keys)) == len(TEXTS)


def test_the_load_of_each_layers_experts_is_told(shown: Shown) -> None:
    page, _, _ = shown
    header, *rows = ([cell.strip() for cell in row] for row in page.tables["experts"])
    assert len(header) == 7
    # of 400 tokens each: 250 are 62.5 %, 110 are 27.5 %, 90 are 22.5 %
    assert rows[0][1:6] == ["0", "4", "no. 1: 62.5%", "no. 3: 0%", "1"]
    assert rows[1][1:6] == ["1", "4", "no. 1: 27.5%", "no. 0: 22.5%", "0"]
    assert [row[0] for row in rows] == [Words("en").arm("tuned")] * 2 + ["lora_small"] * 2
    assert float(rows[0][6]) < float(rows[1][6]) < 1.0


@pytest.mark.thorough
def test_what_was_judged_over_a_base_in_four_bits_is_told(usual: Products, tmp_path: Path) -> None:
    assert "4 bits" not in write(usual, tmp_path).html.read_text(encoding="utf-8")
    told = [
        write(make_products(tmp_path / name, Options(methods=methods)), tmp_path / name).html.read_text(
            encoding="utf-8"
        )
        for name, methods in (("all", {"tuned": "qlora"}), ("variant", {"lora_small": "qlora"}))
    ]
    base = Words("en")("report.note.four_bit_base")
    assert [base in text for text in told] == [True, False]
    for text, arm in zip(told, (Words("en").arm("tuned"), "lora_small"), strict=True):
        assert Words("en")("report.note.four_bit", arm=arm) in text


def test_p_values_stand_beside_those_corrected_for_their_number(tmp_path: Path) -> None:
    products = make_products(tmp_path)
    body = products.scorecard.body
    differences = [body.differences[0].model_copy(update={"p_value": 0.02, "p_adjusted": 0.061}), *body.differences[1:]]
    scorecard = replace(products.scorecard, body=body.model_copy(update={"differences": differences}))
    page, text, _ = show(replace(products, scorecard=scorecard), tmp_path / "out")
    first, second = ([cell.strip() for cell in row] for row in page.tables["differences"][1:3])
    assert (first[5:7], second[6]) == (["0.020", "0.061"], "–")
    assert "McNemar" in text


def test_confidence_is_judged_beside_what_a_perfect_model_would_show(tmp_path: Path) -> None:
    products = make_products(tmp_path)
    confidence = [0.55] * 40 + [0.95] * 60
    samples = [
        replace(sample, scores={"confidence": sure, "accuracy": float(number % 2)})
        for number, (sure, sample) in enumerate(
            zip(confidence, [next(products.scorecard.samples())] * 100, strict=True)
        )
    ]
    stated = stated_of(samples, "label", "accuracy")
    assert stated is not None
    table = calibration_table(stated, "accuracy", seed=0)
    body = products.scorecard.body.model_copy(update={"calibration": {"tuned": {"label": table}}})
    page, _, _ = show(replace(products, scorecard=replace(products.scorecard, body=body)), tmp_path / "out")
    heading, row = ([cell.strip() for cell in row] for row in page.tables["calibration"])
    assert len(heading) == len(row) == 8
    assert row[1:5] == ["0.790", "0.500", f"{(0.05 * 40 + 0.45 * 60) / 100:.3f}", f"{table.ece_of_calibrated:.3f}"]
    assert row[5] == "0.001"
    assert row[7] == "0.500 / 0.500"
    bins = [[cell.strip() for cell in cells] for cells in page.tables["reliability"][1:]]
    assert [(cells[0], cells[3]) for cells in bins] == [("0.550", "40"), ("0.950", "60")]


@pytest.mark.thorough
def test_few_items_bring_the_coverage_that_was_measured(tmp_path: Path) -> None:
    few = page_of(tmp_path / "few", Options(num_items=30))[1]
    assert "With 30 items such intervals were measured to hold the true value in 93% of evaluations" in few
    assert "such intervals were measured" not in page_of(tmp_path / "many", Options(num_items=120))[1]


@pytest.mark.thorough
def test_test_rows_that_were_not_asked_are_told_with_the_reason(tmp_path: Path) -> None:
    more = Options(edit_report=lambda report: report.model_copy(update={"splits": {**report.splits, "test": 80}}))
    products = make_products(tmp_path, more)
    assert "Judged on 60 of the 80 test rows: the answers of the others have weight 0" in show(products, tmp_path)[1]
    evaluate = products.recipe.evaluate.model_copy(update={"max_items": 60})
    drawn = replace(products, recipe=products.recipe.model_copy(update={"evaluate": evaluate}))
    assert "Judged on a seeded sample of 60 of the 80 test rows." in show(drawn, tmp_path)[1]


def test_what_was_not_asked_before_tuning_is_held_against_what_it_names(usual: Products, tmp_path: Path) -> None:
    verdict = usual.scorecard.body.verdicts[0]
    beside = verdict.model_copy(update={"difference": verdict.difference.model_copy(update={"against": "classic"})})
    body = usual.scorecard.body.model_copy(update={"verdicts": [beside]})
    page, _, _ = show(replace(usual, scorecard=replace(usual.scorecard, body=body)), tmp_path)
    said = page.texts["verdict"]
    classic = next(arm for arm in body.arms if arm.name == "classic").metrics["test"][verdict.metric].value
    assert f", Classic baseline {classic:.3f}. Difference" in said
    assert f"Classic baseline{classic:.3f}" in said
    assert not any(word in said for word in ("before tuning", "Before", "After"))


def test_without_a_base_no_column_of_differences_to_it_stands_empty(usual: Products, tmp_path: Path) -> None:
    """As of an encoder, which is held against the classic baseline."""
    verdict = usual.scorecard.body.verdicts[0]
    classic = verdict.difference.model_copy(update={"against": "classic"})
    update = {
        "verdicts": [verdict.model_copy(update={"difference": classic})],
        "differences": [one for one in usual.scorecard.body.differences if not one.against.startswith("base")],
        "arms": [arm for arm in usual.scorecard.body.arms if not arm.name.startswith("base")],
        "forgetting": [],
    }
    body = usual.scorecard.body.model_copy(update=update)
    headless = replace(usual, scorecard=replace(usual.scorecard, body=body))
    page, text, _ = show(headless, tmp_path)
    header, *rows = page.tables["arms"]
    assert {len(row) for row in rows} == {len(header)} == {7}
    assert "Difference to the base" not in text
    card = write(headless, tmp_path).card.read_text(encoding="utf-8")
    table = next(part for part in card.split("\n\n") if "\n| Tuned model |" in part).splitlines()
    assert table[1].startswith("|---|")
    assert len({line.count("|") for line in table}) == 1
    assert "Difference to the base" not in card
