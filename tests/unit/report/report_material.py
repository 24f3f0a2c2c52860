"""A small run made by hand, published as a real run would: rows, judged samples, training curves."""

from __future__ import annotations

import json
import math
import random
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter

from tunesmith.artifacts import (
    Dataset,
    DatasetReport,
    Identity,
    Plan,
    Scorecard,
    TunedModel,
    open_run,
    publish,
    read_metrics,
)
from tunesmith.artifacts.dataset import (
    Characters,
    Conflicts,
    Overlap,
    Quantiles,
    Reason,
    Reasoning,
    SourceReport,
    SplitProof,
)
from tunesmith.artifacts.plan import Choice, PlanBody
from tunesmith.artifacts.scorecard import Arm, Difference, Estimate, Forgetting, ScorecardBody, Verdict, write_samples
from tunesmith.artifacts.tuned_model import METRICS, write_events
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.recipe import Recipe, dump_recipe
from tunesmith.records import Message, Sample, Sampling, Split
from tunesmith.report.view import Products

NUM_STEPS = 120
LIBRARIES = {"torch": "2.13.0", "transformers": "5.23.0", "tokenizers": "0.23.1"}
MAX_LOSS = 0.05

SITUATIONS = [
    ("How long do I have to return shoes I have worn once?", "You can return them within 30 days.", "en"),
    ("My parcel says delivered, but it is not here.", "I am sorry. We open a search with the carrier today.", "en"),
    ("Can I change the delivery address after paying?", "Yes, until the parcel leaves our warehouse.", "en"),
    ("The zip of my jacket broke after two weeks.", "Send us a photo; we repair or replace it free of charge.", "en"),
    ("Do you ship to Norway?", "Yes, within five to seven working days.", "en"),
    ("买了三天就降价了，能退差价吗？", "可以，七天内降价都能退还差价。", "zh"),
    ("发票抬头写错了怎么办？", "请把正确的抬头发给我们，当天为您重开。", "zh"),
    ("收到的杯子碎了，要怎么处理？", "很抱歉，请拍照发来，我们马上补寄一只。", "zh"),
    ("可以货到付款吗？", "目前暂不支持货到付款，可用微信或支付宝支付。", "zh"),
    ("会员积分什么时候过期？", "积分在获得之后的第二年年底过期。", "zh"),
]
SHARE_RIGHT = {"base": 0.15, "base_few_shot": 0.35, "classic": 0.55, "lora_small": 0.6, "tuned": 0.8}
EXPERTS = {"0": [100, 250, 50, 0], "1": [90, 110, 95, 105]}
"""Tokens that each expert of each layer got."""
GENERAL_RIGHT = {"base": 0.86, "tuned": 0.8, "lora_small": 0.85}


@dataclass(frozen=True)
class Options:
    """What differs between the runs that tests look at."""

    base: str = "builtin:tiny"
    form: str = "adapter"
    share_right: Mapping[str, float] | None = None
    with_plan: bool = True
    question: str | None = None
    """Put in place of every question."""
    answer: str | None = None
    num_items: int = 60
    methods: Mapping[str, str] | None = None
    """Of the trained arms, by name; `lora` where nothing is said."""
    edit_report: Callable[[DatasetReport], DatasetReport] | None = None


def make_products(folder: Path, options: Options | None = None) -> Products:
    options = options or Options()
    recipe = Recipe.model_validate(
        {
            "name": "support_desk",
            "seed": 7,
            "model": {"base": options.base},
            "prepare": {"sources": "examples/support_desk/*.jsonl"},
            "variants": {"lora_small": {"method": {"name": "lora", "rank": 4}}},
        }
    )
    run_folder = _run(folder / "runs" / "bold-heron", recipe)
    return Products(
        run_folder=run_folder,
        recipe=recipe,
        dataset=_dataset(folder, options),
        plan=_plan(folder) if options.with_plan else None,
        models={name: _model(folder, name, options, run_folder) for name in ("tuned", "lora_small")},
        scorecard=_scorecard(folder, options),
    )


def _identity(kind: str, **inputs: str) -> Identity:
    return Identity(kind, 1, inputs, {}, 7, LIBRARIES)


def _run(folder: Path, recipe: Recipe) -> Path:
    """Two trainings one after the other, as `lifecycle` does them, with the figures of every objective; fixed noise."""
    random_source = random.Random(3)
    clock = iter(datetime(2026, 3, 14, 9, tzinfo=UTC) + timedelta(seconds=number) for number in range(10_000))
    with open_run(folder, dump_recipe(recipe), lambda: next(clock)) as run:
        for model in ("tuned", "lora_small"):
            for step in range(1, NUM_STEPS + 1):
                run.record("metric", step=step, model=model, **_figures(model, step, random_source))
                if step % 12 == 0:
                    run.record("experts", step=step, model=model, layers=EXPERTS)
        run.set_state("succeeded")
    return folder


def _figures(model: str, step: int, random_source: random.Random) -> dict[str, float]:
    floor = 0.4 if model == "tuned" else 0.8
    loss = floor + 2.6 * math.exp(-step / 25)
    figures = {
        "train/loss": loss + random_source.gauss(0, 0.09),
        "train/learning_rate": 2e-4 * min(1.0, step / 6) * (0.5 + 0.5 * math.cos(math.pi * step / NUM_STEPS)),
        "train/grad_norm": 0.6 + 2 * math.exp(-step / 20) + abs(random_source.gauss(0, 0.15)),
        "train/mean_token_accuracy": 1 - 0.25 * loss + random_source.gauss(0, 0.01),
        "train/grad_clipped": 0.0,
        "train/epoch": step / 40,
        "train/tokens_per_second_per_gpu": 14_000 + random_source.gauss(0, 500),
    }
    figures |= {"train/divergence": 0.2 * loss, "train/accuracy": 1 - 0.2 * loss, "train/mae": 2 * loss}
    measured = {"mean_token_accuracy": 1 - 0.24 * loss, "divergence": 0.21 * loss}
    measured |= {"expert_load_max": 2.5, "expert_load_entropy": 0.7}
    measured |= {"loss": loss + 0.12, "bits_per_byte": 0.9 * loss, "accuracy": 1 - 0.22 * loss, "mae": 2.1 * loss}
    return figures | ({f"eval/{name}": value for name, value in measured.items()} if step % 12 == 0 else {})


def _dataset(folder: Path, options: Options) -> Dataset:
    report = dataset_report(options.num_items)
    if options.edit_report:
        report = options.edit_report(report)
    out = folder / "artifacts" / "dataset" / "d1"
    with publish(out, _identity("dataset", source="1")) as staging:
        (staging / "report.json").write_text(report.model_dump_json(), encoding="utf-8")
    return Dataset.open(out)


def dataset_report(num_test: int) -> DatasetReport:
    """All counts differ, so that one shown in the place of another is noticed."""
    splits: dict[Split, int] = {"train": 1180, "validation": 131, "test": num_test}
    kept = sum(splits.values())
    reasons = {
        reason: Reason(count=120 - 31 * number, places=[f"tickets.jsonl:{line}" for line in (4, 19, 301)])
        for number, reason in enumerate(reject_reasons())
    }
    rejected = sum(reason.count for reason in reasons.values())
    return DatasetReport(
        task="text",
        read=kept + rejected,
        kept=kept,
        rejected=rejected,
        bad=rejected - 113,
        duplicates=104,
        reasons=reasons,
        splits=splits,
        sources=[
            SourceReport(
                file="examples/support_desk/tickets.jsonl",
                format="messages",
                why="declared",
                columns={"messages": "messages"},
                encoding="utf-8",
                split=None,
                read=kept + rejected - 270,
                kept=kept - 260,
                rejected=rejected - 10,
            ),
            SourceReport(
                file="examples/support_desk/客服记录.csv",
                format="question_answer",
                why="detected",
                columns={"question": "问题", "answer": "回答"},
                encoding="gb18030",
                split="train",
                read=263,
                kept=257,
                rejected=6,
            ),
            SourceReport(
                file="broken.jsonl",
                format=None,
                why=None,
                columns={},
                encoding="utf-8",
                split=None,
                read=7,
                kept=3,
                rejected=4,
            ),
        ],
        decoded_as_gb18030=263,
        conflicting=Conflicts(prompts=2, rows=5),
        repeats_within_test=8,
        labels={
            "returns": {"train": 400, "validation": 44, "test": 20},
            "发票": {"train": 780, "validation": 87, "test": num_test - 20},
        },
        languages={
            "train": {"en": 580, "zh": 590, "mixed": 10},
            "validation": {"en": 61, "zh": 70},
            "test": {"en": 30, "zh": num_test - 30},
        },
        characters=Characters(
            prompt=_quantiles(9, 31, 48, 77, 205, 913),
            reasoning=_quantiles(12, 25, 39, 52, 81, 164),
            answer=_quantiles(4, 61, 97, 150, 402, 2210),
        ),
        reasoning=Reasoning(present=1251, absent=kept - 1251),
        proof=SplitProof(
            shared={
                pair: Overlap(prompts=0, groups=0) for pair in ("train/validation", "train/test", "validation/test")
            },
            distinct_prompts={"train": 1100, "validation": 129, "test": num_test - 1},
            distinct_groups={"train": 240, "validation": 31, "test": 29},
        ),
    )


def _quantiles(*values: int) -> Quantiles:
    return Quantiles(**dict(zip(Quantiles.model_fields, values, strict=True)))


def reject_reasons() -> list[str]:
    """Three reasons that the catalogue knows, the last one for the sake of a held-out row."""
    known = sorted(key.removeprefix("reject.") for key in CATALOGUE if key.startswith("reject."))
    return [*known[:2], "repeats-test-row"]


def _plan(folder: Path) -> Plan:
    body = PlanBody(
        method="lora",
        learning_rate=2e-4,
        precision="bf16",
        num_steps=NUM_STEPS,
        evaluate_every=12,
        checkpoint_every=12,
        micro_batch_tokens=16384,
        num_parameters=1_640_000,
        num_trainable=98_304,
        num_train_rows=1180,
        num_train_tokens=143_220,
        num_supervised_tokens=98_410,
        longest_row_tokens=733,
        choices=[_choice(reason) for reason in sorted(key for key in CATALOGUE if key.startswith("plan.reason."))[:5]],
    )
    out = folder / "artifacts" / "plan" / "p1"
    with publish(out, _identity("plan")) as staging:
        (staging / "plan.json").write_text(body.model_dump_json(), encoding="utf-8")
    return Plan.open(out)


def _choice(reason: str) -> Choice:
    names = [name for _, name, _, _ in Formatter().parse(CATALOGUE[reason][0]) if name]
    return Choice(name=reason.rpartition(".")[2], value=2e-4, reason=reason, parameters=dict.fromkeys(names, 12))


def _model(folder: Path, name: str, options: Options, run_folder: Path) -> TunedModel:
    summary = {
        "step": NUM_STEPS,
        "num_tokens": 171_864,
        "seconds": 61.3,
        "best_step": 108,
        "best_value": 0.5546,
        "metric": "eval/loss",
        "num_threads": 2,
        "tokens_per_second": 2803.7,
        "name": name,
        "method": (options.methods or {}).get(name, "lora"),
        "environment": {"python": "3.11.7", "machine": "x86_64"},
    }
    out = folder / "artifacts" / "tuned_model" / f"m-{name}"
    with publish(out, _identity("tuned_model", name=name)) as staging:
        (staging / options.form).mkdir()
        (staging / options.form / "config.json").write_text("{}", encoding="utf-8")
        (staging / "training.json").write_text(json.dumps(summary), encoding="utf-8")
        told = [e for e in read_metrics(run_folder, "experts") if e.data["model"] == name]
        write_events(staging / METRICS, told)
    return TunedModel.open(out)


def _scorecard(folder: Path, options: Options) -> Scorecard:
    shares = dict(options.share_right or SHARE_RIGHT)
    samples = [sample for arm, share in shares.items() for sample in _test_samples(arm, share, options)]
    samples += [s for arm, share in GENERAL_RIGHT.items() if arm in shares for s in _general_samples(arm, share)]
    body = make_body(samples)
    out = folder / "artifacts" / "scorecard" / "s1"
    with publish(out, _identity("scorecard")) as staging:
        write_samples(staging / "samples.jsonl", samples)
        (staging / "scorecard.json").write_text(body.model_dump_json(), encoding="utf-8")
    return Scorecard.open(out)


def _test_samples(arm: str, share_right: float, options: Options) -> list[Sample]:
    random_source = random.Random(f"test {arm}")
    samples = []
    for number in range(options.num_items):
        question, reference, language = SITUATIONS[number % len(SITUATIONS)]
        right = random_source.random() < share_right
        wrong = "I do not know what you mean." if language == "en" else "请问您说的是什么？"
        thinking = "The customer asks; I look up the rule." if language == "en" else "客户在提问，先查一下规定。"
        sample = Sample(
            arm=arm,
            suite="test",
            item=f"{number:03d}-{language}",
            index=0,
            prompt=(
                Message("system", "You are the support desk of a small shop."),
                Message("user", options.question or f"{question} (#{1000 + number})"),
            ),
            reference=reference,
            raw="",
            reasoning=None if arm == "classic" else thinking,
            answer=(options.answer or reference) if right else wrong,
            scores={"rouge_l": 0.9 if right else 0.1, "exact_match": float(right), "well_formed_thinking": 1.0},
            sampling=Sampling(),
            num_tokens=24,
            finish_reason="stop" if number % 7 else "length",
        )
        samples.append(sample)
    return samples


def _general_samples(arm: str, share_right: float) -> list[Sample]:
    random_source = random.Random(f"general {arm}")
    samples = []
    for language in ("en", "zh"):
        for number in range(80):
            first, second = 11 + number, 3 + number % 9
            question = f"What is {first} + {second}?" if language == "en" else f"{first} 加 {second} 等于几？"
            right = random_source.random() < share_right
            answer = str(first + second + (not right))
            blank = _test_samples(arm, 1.0, Options(num_items=1))[0]
            samples.append(
                replace(
                    blank,
                    suite=f"general_{language}",
                    item=f"g{number:03d}",
                    prompt=(Message("user", question),),
                    reference=str(first + second),
                    answer=answer,
                    scores={"exact_match": float(right)},
                )
            )
    return samples


def make_body(samples: list[Sample]) -> ScorecardBody:
    """Means and differences with normal intervals: enough for a page, and known to the test."""
    scores: dict[tuple[str, str, str], dict[str, float]] = {}
    for sample in samples:
        for metric, value in sample.scores.items():
            scores.setdefault((sample.arm, sample.suite, metric), {})[sample.item] = value
    arms = list(dict.fromkeys(sample.arm for sample in samples))
    others = [arm for arm in arms if arm != "base"]
    differences = [_paired(scores, "test", "rouge_l", arm, "base") for arm in others]
    differences += [_paired(scores, "test", "rouge_l", "tuned", against) for against in others if against != "tuned"]
    trained = [arm for arm in ("tuned", "lora_small") if arm in arms]
    return ScorecardBody(
        task="text",
        metric="rouge_l",
        num_items={"test": len(scores["base", "test", "rouge_l"]), "general_en": 80, "general_zh": 80},
        arms=[_arm(arm, scores) for arm in arms],
        differences=differences,
        forgetting=[_forgetting(scores, f"general_{code}", arm) for arm in trained for code in ("en", "zh")],
        verdicts=[_verdict(_paired(scores, "test", "rouge_l", arm, "base")) for arm in trained],
        max_loss=MAX_LOSS,
        slices={
            "language": {
                code: {
                    arm: _estimate([v for item, v in scores[arm, "test", "rouge_l"].items() if item.endswith(code)])
                    for arm in arms
                }
                for code in ("en", "zh")
            }
        },
    )


def _estimate(values: list[float]) -> Estimate:
    mean, half = statistics.fmean(values), 1.96 * statistics.pstdev(values) / math.sqrt(len(values))
    return Estimate(value=mean, low=mean - half, high=mean + half, n=len(values))


def _arm(arm: str, scores: dict[tuple[str, str, str], dict[str, float]]) -> Arm:
    metrics: dict[str, dict[str, Estimate]] = {}
    for (name, suite, metric), values in scores.items():
        if name == arm:
            metrics.setdefault(suite, {})[metric] = _estimate(list(values.values()))
    generates = arm != "classic"
    return Arm(
        name=arm,
        metrics=metrics,
        num_prompt_tokens_mean=212.4 if arm == "base_few_shot" else 48.25 if generates else None,
        num_answer_tokens_mean=23.9 if generates else None,
        seconds=141.0 if arm == "base_few_shot" else 38.2 if generates else 0.4,
    )


def _paired(
    scores: dict[tuple[str, str, str], dict[str, float]], suite: str, metric: str, arm: str, against: str
) -> Difference:
    after, before = scores[arm, suite, metric], scores[against, suite, metric]
    estimate = _estimate([after[item] - before[item] for item in after])
    return Difference(
        suite=suite,
        metric=metric,
        arm=arm,
        against=against,
        mean=estimate.value,
        low=estimate.low or 0.0,
        high=estimate.high or 0.0,
        p_value=0.0004 if (estimate.low or 0.0) > 0 else 0.21,
        n=estimate.n,
    )


def _forgetting(scores: dict[tuple[str, str, str], dict[str, float]], suite: str, arm: str) -> Forgetting:
    before, after = scores["base", suite, "exact_match"], scores[arm, suite, "exact_match"]
    return Forgetting(
        suite=suite,
        arm=arm,
        before=_estimate(list(before.values())),
        after=_estimate(list(after.values())),
        difference=_paired(scores, suite, "exact_match", arm, "base"),
        lost=[item for item in before if before[item] > after[item]],
        won=[item for item in before if before[item] < after[item]],
    )


def _verdict(difference: Difference) -> Verdict:
    better = difference.low > 0
    numbers = {"mean": difference.mean, "low": difference.low, "high": difference.high, "n": difference.n}
    return Verdict(
        word="better" if better else "not_enough_evidence",
        arm=difference.arm,
        metric=difference.metric,
        difference=difference,
        reasons=[("verdict.reason.gain_shown" if better else "verdict.reason.gain_uncertain", {**numbers})],
    )
