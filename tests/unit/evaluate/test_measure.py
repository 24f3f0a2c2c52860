"""What a recipe asks for beside the standard metrics: scores, figures, bounds and what is counted apart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter
from sacrebleu.metrics import BLEU
from sklearn.metrics import classification_report, confusion_matrix, matthews_corrcoef

from tunesmith.evaluate import arms, summary
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.measure import Wanted, measure
from tunesmith.evaluate.summary import Judged
from tunesmith.recipe.metrics import AnyMetric, Metrics
from tunesmith.records import Message, Sample, Sampling

LABELS = ["card", "loan", "退款"]


def metrics(*wanted: object) -> tuple[AnyMetric, ...]:
    found: tuple[AnyMetric, ...] = TypeAdapter(Metrics).validate_python(list(wanted))
    return found


def item(number: int, answer: str, thinking: str | None = None, label: str | None = None) -> Item:
    prompt = (Message("user", f"question {number} on the interest rate"),)
    return Item(f"i{number}", "test", prompt, Message("assistant", answer, thinking), (answer,), label=label)


def generated(each: Item, raw: str, finish: str = "stop", index: int = 0) -> Sample:
    """As a model that thinks would have written it."""
    thinking, closed, answer = raw.partition("</think>")
    if not closed:
        thinking, answer = (raw, "") if raw.startswith("<think>") else ("", raw)
    reasoning = thinking.removeprefix("<think>") if thinking else None
    plain = arms.text_sample("tuned", each, Message("assistant", answer, reasoning))
    return replace(plain, raw=raw, num_tokens=len(raw), finish_reason=finish, sampling=Sampling(), index=index)


def measured(samples: list[Sample], items: list[Item], wanted: Wanted, seconds: float = 2.0) -> Judged:
    judged = {"tuned": {"test": summary.judge(arms.Answers(tuple(samples), 30.0, seconds), items, None)}}
    measure(judged, items, wanted)
    return judged["tuned"]["test"]


def figures(judged: Judged, items: list[Item], labels: list[str] | None = None) -> dict[str, float]:
    return {name: found.value for name, found in summary.estimates(judged, items, labels or [], seed=0).items()}


def test_text_metrics_are_kept_with_every_sample_and_in_the_table() -> None:
    items = [item(0, "the cat sat on the mat"), item(1, "今天的天气很好"), item(2, "the answer is 7")]
    told = ["the cat sat on a mat", "今天天气很好吗", "so it is 7."]
    samples = [generated(each, text) for each, text in zip(items, told, strict=True)]
    wanted = Wanted("text", "numeric_match", metrics("bleu", "rouge_1", "token_f1", "characters_per_second"), [])
    judged = measured(samples, items, wanted)
    assert [sample.scores["numeric_match"] for sample in judged.answers.samples] == [0.0, 0.0, 1.0]
    # the cat sat on ... mat: 5 of 6 and 6 units; 今天天气很好: 6 of 7 and 7; is 7: 2 of 4 and 4
    assert [sample.scores["rouge_1"] for sample in judged.answers.samples] == pytest.approx([5 / 6, 6 / 7, 1 / 2])
    found = figures(judged, items)
    assert found["token_f1"] == pytest.approx((5 / 6 + 6 / 7 + 1 / 2) / 3)
    assert found["characters_per_second"] == sum(map(len, told)) / 2.0
    # a set of Chinese alone has sacrebleu's own score
    chinese = [item(n, "今天的天气很好，我们去公园吧。" + str(n)) for n in range(3)]
    told = ["今天天气很好，我们去公园。", "天气很好，去公园吧。1", "不知道"]
    samples = [generated(each, text) for each, text in zip(chinese, told, strict=True)]
    bleu = figures(measured(samples, chinese, replace(wanted, metric="rouge_l")), chinese)["bleu"]
    references = [[each.answer.content for each in chinese]]
    assert bleu == pytest.approx(BLEU(tokenize="zh").corpus_score(told, references).score, abs=1e-9)


def test_faults_are_counted_apart_and_bound_the_verdicts_metric() -> None:
    items = [item(n, "yes") for n in range(6)]
    told = [("yes", "stop"), ("no", "stop"), ("", "stop"), ("yes and", "length"), ("I'm sorry, I can't help.", "stop")]
    samples = [generated(each, text, finish) for each, (text, finish) in zip(items, told, strict=False)]
    samples.append(generated(items[5], "", "timeout"))
    judged = measured(samples, items, Wanted("text", "exact_match", (), []))
    assert judged.details is not None
    assert judged.details.faults == {"timed_out": 1, "truncated": 1, "empty": 1, "refused": 1}
    assert judged.details.bounds is not None
    assert (judged.details.bounds.all_wrong, judged.details.bounds.all_right) == pytest.approx((1 / 6, 5 / 6))
    assert judged.details.bounds.all_wrong == pytest.approx(figures(judged, items)["exact_match"])
    assert measured(samples[:2], items[:2], Wanted("text", "exact_match", (), [])).details is None
    # several samples of an item: the fault is one of two
    twice = [generated(items[0], "yes"), generated(items[0], "", index=1), generated(items[1], "no")]
    details = measured(twice, items[:2], Wanted("text", "exact_match", (), [])).details
    assert details is not None
    assert details.bounds is not None
    assert (details.bounds.all_wrong, details.bounds.all_right) == pytest.approx((0.25, 0.5))


def test_an_error_has_no_worst_value() -> None:
    items = [replace(item(n, "3"), target=3.0) for n in range(2)]
    samples = [arms.number_sample("base", each, each.prompt, 5.0) for each in items]
    samples = [replace(samples[0], answer="none"), samples[1]]
    details = measured(samples, items, Wanted("numbers", "mae", (), [])).details
    assert details is not None
    assert details.faults == {"unparsable": 1}
    assert details.bounds is not None
    assert (details.bounds.all_wrong, details.bounds.all_right) == (None, 1.0)


def test_thinking_is_scored_apart_from_the_answer() -> None:
    items = [item(n, "7", "three and four make seven") for n in range(4)]
    raw = ["<think>three and four</think>7", "<think>five</think>8", "<think>three and", "7"]
    samples = [generated(each, text) for each, text in zip(items, raw, strict=True)]
    asked = metrics("closed_thinking", "thinking_characters", "thinking_rouge_l", "right_given_closed")
    judged = measured(samples, items, Wanted("text", "exact_match", asked, []))
    found = figures(judged, items)
    assert found["closed_thinking"] == 0.5
    assert found["right_given_closed"] == 0.5  # of the two that closed, one is right
    assert found["exact_match"] == 0.5
    assert found["thinking_characters"] == np.mean([14, 4, 9, 0])
    # three and four: 2 * 3 / (3 + 5); five: nothing; three and: 2 * 2 / (2 + 5)
    assert judged.values["thinking_rouge_l"] == pytest.approx([6 / 8, 0.0, 4 / 7, 0.0])
    never = measured(samples[2:3], items[2:3], Wanted("text", "exact_match", asked, []))
    assert "right_given_closed" not in figures(never, items[2:3])


def test_labels_have_every_class_and_the_matrix() -> None:
    rng = np.random.default_rng(5)
    true = [LABELS[place] for place in rng.integers(0, 3, 60)]
    said = [label if rng.random() < 0.6 else [*LABELS, "no idea"][rng.integers(0, 4)] for label in true]
    items = [item(n, label, label=label) for n, label in enumerate(true)]
    samples = [arms.label_sample("tuned", each, each.prompt, label) for each, label in zip(items, said, strict=True)]
    judged = measured(samples, items, Wanted("labels", "accuracy", metrics("mcc", "weighted_recall"), LABELS))
    assert judged.details is not None
    report = classification_report(true, said, labels=LABELS, output_dict=True, zero_division=0)
    for label, scores in judged.details.classes.items():
        expected = report[label]
        assert (scores.precision, scores.recall, scores.f1, scores.num_items) == pytest.approx(
            (expected["precision"], expected["recall"], expected["f1-score"], expected["support"])
        )
    told = [label if label in LABELS else "" for label in said]
    matrix = confusion_matrix(true, told, labels=[*LABELS, ""])
    assert judged.details.confusion == {
        one: {other: matrix[row, column] for column, other in enumerate([*LABELS, ""]) if matrix[row, column]}
        for row, one in enumerate(LABELS)
    }
    found = figures(judged, items, LABELS)
    assert found["mcc"] == pytest.approx(matthews_corrcoef(true, told))
    assert found["weighted_recall"] == pytest.approx(report["weighted avg"]["recall"])
    assert judged.details.faults == {"unparsable": said.count("no idea")}


def test_a_label_that_no_training_row_has_stands_in_the_matrix_too() -> None:
    true = ["card", "loan", "new", "new", "new"]
    said = ["card", "card", "loan", "new", "退款"]
    items = [item(n, label, label=label) for n, label in enumerate(true)]
    samples = [arms.label_sample("tuned", each, each.prompt, label) for each, label in zip(items, said, strict=True)]
    judged = measured(samples, items, Wanted("labels", "accuracy", metrics("mcc"), LABELS))
    assert judged.details is not None
    assert judged.details.confusion == {
        "card": {"card": 1},
        "loan": {"card": 1},
        "": {"loan": 1, "退款": 1, "": 1},
    }
    told = ["card", "card", "loan", "nothing", "退款"]
    assert figures(judged, items, LABELS)["mcc"] == pytest.approx(matthews_corrcoef(true, told))


def test_a_label_is_told_in_any_case_and_with_a_full_stop() -> None:
    items = [item(n, label, label=label) for n, label in enumerate(LABELS)]
    samples = [generated(each, text) for each, text in zip(items, ("Card.", "a loan", "退款。"), strict=True)]
    samples = [replace(sample, scores={"accuracy": 0.0}) for sample in samples]
    judged = summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)
    assert summary.told_labels(judged.answers, items, LABELS) == ["card", None, "退款"]


def test_terms_style_schema_and_a_function_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "terms.csv").write_text("source,target\ninterest rate,利率\n,余额\n", encoding="utf-8")
    (tmp_path / "schema.json").write_text(json.dumps({"type": "array"}), encoding="utf-8")
    (tmp_path / "own.py").write_text("def short(case):\n    return 1 / (len(case['answer']) - 4) > 0\n")
    asked = metrics(
        {"name": "term_accuracy", "glossary": "terms.csv"},
        {"name": "style", "max_characters": 5},
        {"name": "json_schema", "file": "schema.json"},
        {"function": "own:short"},
        {"name": "cost_per_answer", "prompt": 1.0, "answer": 2.0},
    )
    items = [item(0, "利率"), item(1, "余额"), item(2, "好")]
    told = ["您的利率是三", "[余额]", "[12,"]
    samples = [generated(each, text) for each, text in zip(items, told, strict=True)]
    judged = measured(samples, items, Wanted("text", "short", asked, []))
    found = summary.estimates(judged, items, [], seed=0)
    assert judged.values["term_accuracy"].tolist() == [1.0, 0.5, 0.0]
    assert judged.values["style"].tolist() == judged.values["style_length"].tolist() == [0.0, 1.0, 1.0]
    assert judged.values["json_schema"].tolist() == [0.0, 0.0, 0.0]
    assert found["cost_per_answer"].value == pytest.approx((30 + 2 * np.mean([6, 4, 4])) / 1e6)
    # four characters are divided by zero: two of three items could not be judged
    assert (found["short"].value, found["short"].n) == (1.0, 1)
    assert "short" not in judged.answers.samples[1].scores
    assert judged.details is not None
    assert judged.details.failed == {"short": 2}
    assert judged.details.terms["interest rate"].model_dump() == {"expected": 3, "found": 1}
    assert judged.details.terms["余额"].model_dump() == {"expected": 1, "found": 1}
    assert judged.details.bounds is not None
    # unreadable as JSON are all three, and what is set apart counts whole
    assert (judged.details.bounds.all_wrong, judged.details.bounds.all_right) == (0.0, 1.0)
    assert judged.details.faults == {"unparsable": 3}


def test_arms_are_compared_where_both_have_a_value() -> None:
    values = {"tuned": np.array([1.0, np.nan, 1.0, 0.5]), "base": np.array([0.0, 1.0, np.nan, 0.0])}
    tuned, base = (Judged(arms.Answers((), None, 0.0), {"own": values[name]}) for name in ("tuned", "base"))
    [found] = summary.compare("test", ("tuned", tuned), ("base", base), ["a", "b", "c", "d"], seed=0)
    assert (found.mean, found.n) == (0.75, 2)
    nothing = Judged(arms.Answers((), None, 0.0), {"own": np.full(4, np.nan)})
    assert summary.compare("test", ("tuned", tuned), ("base", nothing), None, seed=0) == []
    estimate = summary.estimate(values["tuned"], None, 0)
    assert (estimate.value, estimate.n) == (pytest.approx(2.5 / 3), 3)
    assert summary.estimates(nothing, [], [], seed=0) == {}


def test_perplexity_is_that_of_all_tokens() -> None:
    items = [item(0, "four"), item(1, "猫猫")]
    samples = [arms.text_sample("base", each, each.answer) for each in items]
    reading = arms.Reading(np.array([8.0, 3.0]), np.array([2.0, 3.0]))
    judged = summary.judge(arms.Answers(tuple(samples), None, 1.0), items, reading)
    found = figures(judged, items)
    # the product of the tokens' probabilities, over their number: 2^-11, 5 tokens
    assert found["perplexity"] == pytest.approx((1 / 2**-11) ** (1 / 5), abs=1e-12)


def test_a_function_that_judges_nothing_leaves_its_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("def broken(case):\n    raise ValueError('no')\n")
    items = [item(n, "yes") for n in range(2)]
    samples = [generated(each, "yes") for each in items]
    judged = measured(samples, items, Wanted("text", "broken", metrics({"function": "own:broken"}), []))
    assert "broken" not in figures(judged, items)
    assert judged.details is not None
    assert judged.details.failed == {"broken": 2}
    assert judged.details.bounds is not None
    assert (judged.details.bounds.all_wrong, judged.details.bounds.all_right) == (0.0, 1.0)
