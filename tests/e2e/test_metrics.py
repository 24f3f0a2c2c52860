"""A run whose recipe asks for many metrics: the scorecard has them, the terminal and the page show them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from tunesmith import lifecycle
from tunesmith.artifacts import Scorecard
from tunesmith.cli.show import scorecard_lines
from tunesmith.lifecycle import Job
from tunesmith.metrics.answers import rouge_n
from tunesmith.recipe import Recipe
from tunesmith.records import Sample
from tunesmith.runtime import Runtime, Silent

FUNCTION = """
def short(case):
    if not case["answer"]:
        raise ValueError("no answer")
    return len(case["answer"]) < 30
"""
METRICS = [
    "bleu",
    "chrf",
    "rouge_2",
    "tokens_per_second",
    "first_token_seconds",
    "closed_thinking",
    {"name": "term_accuracy", "glossary": "terms.csv"},
    {"name": "style", "banned": ["blue"]},
    {"name": "cost_per_answer", "prompt": 1.0, "answer": 2.0},
    {"function": "own:short"},
]


def figures(scorecard: Scorecard, arm: str) -> dict[str, float]:
    (found,) = (each for each in scorecard.body.arms if each.name == arm)
    return {name: estimate.value for name, estimate in found.metrics["test"].items()}


@pytest.mark.thorough
def test_a_run_with_metrics_of_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    colours = ("red", "green", "blue")
    rows = [
        {"question": f"What colour is box {n}, the {c} one?", "answer": f"Box {n} is {c}, and {c} it stays."}
        for n, c in enumerate(colours[n % 3] for n in range(60))
    ]
    rows += [{"question": f"第{n}个盒子是什么颜色？", "answer": f"第{n}个盒子是红色的。"} for n in range(20)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "rows.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "terms.csv").write_text("source,target\n盒子,盒子\nbox,box\n", encoding="utf-8")
    (tmp_path / "own.py").write_text(FUNCTION, encoding="utf-8")
    recipe = {
        "name": "many",
        "prepare": {"sources": "rows.jsonl", "test_share": 0.3},
        "train": {"max_steps": 3, "batch_rows": 8, "trackers": []},
        "evaluate": {
            "general_suite": False,
            "arms": ["base", "classic", "tuned"],
            "decoding": {"max_new_tokens": 12, "temperature": 0.0},
            "metrics": METRICS,
            "metric": "rouge_2",
        },
    }
    job = Job(Recipe.model_validate(recipe), Runtime(tmp_path / "work", tmp_path / "cache"), Silent())
    outcome = lifecycle.run(job)
    found = {arm: figures(outcome.scorecard, arm) for arm in ("base", "classic", "tuned")}
    samples: dict[str, list[Sample]] = {}
    for sample in outcome.scorecard.samples():
        samples.setdefault(sample.arm, []).append(sample)
    for arm, told in samples.items():
        pairs = [(sample.answer, sample.reference) for sample in told]
        assert found[arm]["rouge_2"] == pytest.approx(np.mean([rouge_n(*pair, 2) for pair in pairs]))
        said, references = map(list, zip(*pairs, strict=True))
        assert found[arm]["chrf"] == pytest.approx(CHRF().corpus_score(said, [references]).score, abs=1e-9)
        by_language = [
            BLEU(tokenize="zh" if "盒" in wanted else "13a", effective_order=True).sentence_score(answer, [wanted])
            for answer, wanted in pairs
        ]
        sums = [sum(getattr(score, name) for score in by_language) for name in ("sys_len", "ref_len")]
        counts = [
            [sum(score[n] for score in told) for n in range(4)]
            for told in zip(*((b.counts, b.totals) for b in by_language), strict=True)
        ]
        expected = BLEU.compute_bleu(*counts, *sums, smooth_method="exp").score
        assert found[arm]["bleu"] == pytest.approx(expected, abs=1e-9)
        assert found[arm]["style"] == np.mean(["blue" not in sample.answer for sample in told])
    assert outcome.scorecard.body.metric == outcome.scorecard.body.verdicts[0].metric == "rouge_2"
    for arm in ("base", "tuned"):
        assert found[arm]["perplexity"] > 1.0
        assert found[arm]["tokens_per_second"] > 0.0
        assert 0.0 < found[arm]["first_token_seconds"] < 60.0
        assert 1e-6 < found[arm]["cost_per_answer"] < 1e-3
    assert not {"perplexity", "cost_per_answer", "tokens_per_second"} & found["classic"].keys()
    (base,) = (arm for arm in outcome.scorecard.body.arms if arm.name == "base")
    cut = [sample for sample in samples["base"] if sample.finish_reason == "length"]
    assert base.details is not None
    assert base.details.faults.get("truncated", 0) == len(cut) > 0
    assert base.details.bounds is not None
    assert base.details.bounds.all_right is not None
    assert base.details.bounds.all_right > found["base"]["rouge_2"]
    assert sum(recall.expected for recall in base.details.terms.values()) == len(samples["base"])
    for arm in outcome.scorecard.body.arms:
        said = [len(sample.answer) < 30 for sample in samples[arm.name] if sample.answer]
        assert found[arm.name].get("short") == (np.mean(said) if said else None)
        assert len(samples[arm.name]) - len(said) == (arm.details.failed.get("short", 0) if arm.details else 0)
    shown = "\n".join(scorecard_lines(outcome.scorecard.body, "zh"))
    for words in ("BLEU（0-100）", "术语准确率", "short", "被截断", "每个回答的费用"):
        assert words in shown
    text = outcome.report.html.read_text(encoding="utf-8")
    assert "BLEU (0-100)" in text
    assert "short" in text
    assert lifecycle.run(job).scorecard.key == outcome.scorecard.key
    (tmp_path / "terms.csv").write_text("source,target\nbox,box\n", encoding="utf-8")
    assert lifecycle.run(job).scorecard.key != outcome.scorecard.key
