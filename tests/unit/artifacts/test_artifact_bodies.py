from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import ValidationError

from tunesmith.artifacts import Dataset, DatasetReport, Identity, Plan, Scorecard, TunedModel, publish
from tunesmith.artifacts.dataset import (
    Characters,
    Conflicts,
    Overlap,
    Quantiles,
    Reason,
    Reasoning,
    SplitProof,
    read_examples,
    write_examples,
    write_rejects,
)
from tunesmith.artifacts.plan import Choice, PlanBody
from tunesmith.artifacts.scorecard import Arm, Difference, Estimate, ScorecardBody, Verdict, write_samples
from tunesmith.errors import Place, TunesmithError
from tunesmith.records import Example, Message, Rejected, Sample, Sampling

EXAMPLES = [
    Example(
        id="a1",
        messages=(
            Message("system", "您是客服。"),
            Message("user", "第一行\n第二行\u2028 \U0001f600\r\x00"),
            Message("assistant", "好", reasoning="", weight=0.5),
        ),
        place=Place("rows.csv", 3, field="answer"),
        label="退款",
        group="g",
        split="test",
        metadata={"language": "zh"},
    ),
    Example(id="b2", messages=(Message("user", "q"), Message("assistant", "a", "why")), place=Place("b.jsonl", 1)),
]
BODY = PlanBody(
    method="lora",
    learning_rate=2e-4,
    precision="bf16",
    num_steps=10,
    evaluate_every=1,
    checkpoint_every=1,
    micro_batch_tokens=16384,
    num_parameters=100,
    num_trainable=10,
    num_train_rows=5,
    num_train_tokens=50,
    num_supervised_tokens=20,
    longest_row_tokens=12,
    choices=[Choice(name="rate", value=2e-4, reason="plan.reason.rate", parameters={"rank": 8})],
)
DIFFERENCE = Difference(
    suite="test", metric="accuracy", arm="tuned", against="base", mean=0.2, low=0.1, high=0.3, p_value=0.01, n=50
)
CARD = ScorecardBody(
    task="labels",
    metric="accuracy",
    num_items={"test": 50},
    arms=[Arm(name="base", metrics={"test": {"accuracy": Estimate(value=0.5, low=0.4, high=0.6, n=50)}}, seconds=1.5)],
    differences=[DIFFERENCE],
    forgetting=[],
    verdicts=[
        Verdict(
            word="better", arm="tuned", metric="accuracy", difference=DIFFERENCE, reasons=[("verdict.a", {"n": 50})]
        )
    ],
    max_loss=0.05,
)
SAMPLES = [
    Sample(
        arm="tuned",
        suite="test",
        item="a1",
        index=index,
        prompt=(Message("user", "问\u2028题"),),
        reference="答",
        raw="<think>想</think>答",
        reasoning="想",
        answer="答",
        scores={"exact_match": 1.0},
        sampling=Sampling(temperature=0.6, num_samples=2),
        num_tokens=5,
        finish_reason="stop",
    )
    for index in range(2)
]


QUANTILES = Quantiles(min=1, p25=1, p50=2, p75=2, p95=2, max=2)
REPORT = DatasetReport(
    task="labels",
    read=3,
    kept=2,
    rejected=1,
    bad=1,
    duplicates=0,
    reasons={"empty-answer": Reason(count=1, places=["a.csv:7"])},
    splits={"train": 0, "validation": 0, "test": 2},
    sources=[],
    decoded_as_gb18030=0,
    conflicting=Conflicts(prompts=0, rows=0),
    repeats_within_test=0,
    labels={"退货": {"train": 0, "validation": 0, "test": 2}},
    languages={"train": {}, "validation": {}, "test": {"zh": 2}},
    characters=Characters(prompt=QUANTILES, reasoning=None, answer=QUANTILES),
    reasoning=Reasoning(present=0, absent=2),
    proof=SplitProof(
        shared={"train/test": Overlap(prompts=0, groups=0)}, distinct_prompts={"test": 2}, distinct_groups={"test": 0}
    ),
)


def identity(kind: str) -> Identity:
    return Identity(kind, 1, {}, {}, 0, {})


def test_examples_come_back_as_they_were(tmp_path: Path) -> None:
    write_examples(tmp_path / "rows.jsonl", EXAMPLES)
    assert list(read_examples(tmp_path / "rows.jsonl")) == EXAMPLES
    assert (tmp_path / "rows.jsonl").read_bytes().count(b"\n") == len(EXAMPLES)
    assert "您是客服" in (tmp_path / "rows.jsonl").read_text(encoding="utf-8")


def test_a_dataset_opens_its_rows_and_report(tmp_path: Path) -> None:
    with publish(tmp_path / "d", identity("dataset")) as folder:
        for split in ("train", "validation", "test"):
            write_examples(folder / f"{split}.jsonl", EXAMPLES if split == "test" else [])
        write_rejects(folder / "rejects.jsonl", [Rejected(Place("a.csv", 7, field="text"), "empty", "详情", "行")])
        (folder / "report.json").write_text(REPORT.model_dump_json(), encoding="utf-8")
    dataset = Dataset.open(tmp_path / "d")
    assert dataset.rows("test") == EXAMPLES
    assert dataset.rows("train") == []
    assert dataset.report() == REPORT
    assert REPORT.proof.holds
    assert not REPORT.proof.model_copy(update={"shared": {"train/test": Overlap(prompts=0, groups=1)}}).holds
    with pytest.raises(ValidationError):
        DatasetReport.model_validate({**REPORT.model_dump(), "surplus": 1})
    with pytest.raises(ValidationError):
        REPORT.kept = 3  # type: ignore[misc]
    assert dataset.key == identity("dataset").key()
    assert json.loads((tmp_path / "d" / "rejects.jsonl").read_text(encoding="utf-8")) == {
        "file": "a.csv",
        "line": 7,
        "field": "text",
        "reason": "empty",
        "detail": "详情",
        "row": "行",
    }


def test_a_sample_is_drawn_by_lot_and_is_always_the_same(tmp_path: Path) -> None:
    examples = [replace(EXAMPLES[1], id=sha256(str(number).encode()).hexdigest()[:16]) for number in range(1000)]
    with publish(tmp_path / "d", identity("dataset")) as folder:
        write_examples(folder / "train.jsonl", examples)
    dataset = Dataset.open(tmp_path / "d")
    drawn = dataset.sample("train", 100)
    assert [row.id for row in drawn] == sorted(row.id for row in examples)[:100]
    places = sorted(examples.index(row) for row in drawn)
    assert abs(sum(places) / 100 - 500) < 4 * 289 / 10
    write_examples(dataset.folder / "train.jsonl", examples[::-1])
    assert [row.id for row in dataset.sample("train", 100)] == [row.id for row in drawn]
    assert len(dataset.sample("train", 5000)) == 1000


def test_a_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    with publish(tmp_path / "p", identity("plan")) as folder:
        (folder / "plan.json").write_text(BODY.model_dump_json(), encoding="utf-8")
    assert Plan.open(tmp_path / "p").body == BODY
    assert Plan.open(tmp_path / "p").key == identity("plan").key()
    with pytest.raises(TunesmithError, match="artifact-kind"):
        Dataset.open(tmp_path / "p")


def test_a_scorecard_comes_back_with_its_samples(tmp_path: Path) -> None:
    with publish(tmp_path / "s", identity("scorecard")) as folder:
        (folder / "scorecard.json").write_text(CARD.model_dump_json(), encoding="utf-8")
        write_samples(folder / "samples.jsonl", SAMPLES)
    scorecard = Scorecard.open(tmp_path / "s")
    assert scorecard.body == CARD
    assert list(scorecard.samples()) == SAMPLES
    assert scorecard.key == identity("scorecard").key()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_figure_that_json_cannot_hold_is_refused_when_made(value: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        Estimate(value=value, n=1)
    with pytest.raises(ValidationError, match="finite"):
        PlanBody(**{**BODY.model_dump(), "learning_rate": value})


@pytest.mark.parametrize("form", ["adapter", "weights"])
def test_a_tuned_model_tells_its_form(tmp_path: Path, form: str) -> None:
    with publish(tmp_path / "m", identity("tuned_model")) as folder:
        (folder / form).mkdir()
        (folder / form / "model.safetensors").write_bytes(b"x")
        (folder / "training.json").write_text('{"num_steps": 3}', encoding="utf-8")
    model = TunedModel.open(tmp_path / "m")
    assert model.form == form
    assert model.payload == tmp_path / "m" / form
    assert model.training() == {"num_steps": 3}
    assert model.key == identity("tuned_model").key()
