"""A bundle made by hand, as `export` publishes one: every number in it is another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from tunesmith.artifacts import Dataset, Identity, Scorecard, TunedModel, publish
from tunesmith.artifacts.bundle import (
    BODY,
    CANARIES,
    CERTIFICATE,
    RECIPE,
    Bundle,
    Canary,
    Certificate,
    Form,
    FormFigures,
    Objection,
    write_canaries,
)
from tunesmith.artifacts.dataset import (
    Characters,
    Conflicts,
    DatasetReport,
    Overlap,
    Quantiles,
    Reasoning,
    SourceReport,
    SplitProof,
)
from tunesmith.artifacts.figures import Difference, Estimate
from tunesmith.artifacts.model_bias import GroupGap, ModelBias, SwapEffect
from tunesmith.artifacts.scorecard import (
    Arm,
    Change,
    Forgetting,
    KindCount,
    SafetyChange,
    ScorecardBody,
    Verdict,
    WeakSlice,
)
from tunesmith.chat import load_chat
from tunesmith.export.card import write_card
from tunesmith.export.exporting import Exporting
from tunesmith.model.base import find_base
from tunesmith.recipe import Recipe
from tunesmith.recipe.prepare import TOLD

RECIPE_TREE: dict[str, Any] = {
    "name": "service_desk",
    "model": {"base": "builtin:tiny"},
    "prepare": {
        "sources": [
            {"path": "rows.jsonl", "licence": "CC-BY-4.0"},
            {"hub": "acme/tickets", "licence": "Apache-2.0"},
        ]
    },
    "export": {
        "forms": ["adapter", "merged", "gguf"],
        "card": {"intended_use": "Answers | <b>read</b> first.\nAlways [so].", "contact": "desk@example.com"},
    },
}
PROMPT_OF_A_TEST_ROW = "Where is parcel 4711 of Ann Lee?"


def recipe(**sections: Any) -> Recipe:
    return Recipe.model_validate({**RECIPE_TREE, **sections})


class Numbers:
    """Estimates and differences of which no two are alike."""

    def __init__(self) -> None:
        self._count = count(1)

    def _next(self) -> float:
        return (next(self._count) * 0.0137 + 0.1234) % 0.9

    def estimate(self, n: int = 217) -> Estimate:
        value = self._next()
        return Estimate(value=value, low=value - 0.0173, high=value + 0.0211, n=n)

    def difference(self, metric: str, arm: str = "tuned", suite: str = "test", sign: int = 1) -> Difference:
        mean = sign * self._next() / 3
        return Difference(
            suite=suite, metric=metric, arm=arm, against="base", mean=mean, low=mean - 0.0119, high=mean + 0.0107,
            p_value=0.0004, n=217,
        )  # fmt: skip


def scorecard_body() -> ScorecardBody:
    numbers = Numbers()
    arms = [
        Arm(
            name=name,
            metrics={"test": {metric: numbers.estimate() for metric in ("accuracy", "macro_f1", "mcc", "bleu")}},
            seconds=3.5,
        )
        for name in ("base", "classic", "tuned")
    ]
    lost = numbers.difference("exact_match", suite="general_zh", sign=-1)
    forgetting = Forgetting(
        suite="general_zh", arm="tuned", before=numbers.estimate(), after=numbers.estimate(), difference=lost,
        lost=["a"], won=[],
    )  # fmt: skip
    change = Change(
        suite="safety_en", arm="tuned", metric="refused", before=numbers.estimate(), after=numbers.estimate(),
        difference=numbers.difference("refused", suite="safety_en", sign=-1), worse=["x"], better=[],
    )  # fmt: skip
    verdict = Verdict(
        word="better",
        arm="tuned",
        metric="accuracy",
        difference=numbers.difference("accuracy"),
        reasons=[],
    )
    return ScorecardBody(
        task="labels",
        metric="accuracy",
        num_items={"test": 217},
        arms=arms,
        differences=[verdict.difference],
        forgetting=[forgetting],
        verdicts=[verdict],
        max_loss=0.05,
        labels=["refund", "delivery", "发票"],
        slices={
            "language": {
                code: {arm: numbers.estimate(90 + len(arm)) for arm in ("base", "tuned")} for code in ("en", "zh")
            }
        },
        weak_slices=[
            WeakSlice(
                kind="phrase", value="a|b", inside=numbers.estimate(31), outside=numbers.estimate(186), p_value=0.01,
                num_train_rows=3, worst=[],
            )
        ],
        safety=[SafetyChange(change=change, kinds={"fraud": KindCount(n=4, before=3, after=2)}, num_unjudged=0)],
        bias=_bias(numbers),
    )  # fmt: skip


def _bias(numbers: Numbers) -> ModelBias:
    gap = GroupGap(
        arm="tuned", attribute="gender", group="female", against="male", figure="score",
        inside=numbers.estimate(40), outside=numbers.estimate(41), difference=0.0457, low=-0.0381, high=0.1295,
        p_value=0.2, p_adjusted=0.4,
    )  # fmt: skip
    swap = SwapEffect(
        arm="tuned", attribute="name", language="zh", changed=numbers.estimate(44),
        difference=numbers.difference("accuracy"), items=[],
    )  # fmt: skip
    return ModelBias(group_sizes={"gender": {"female": 40, "male": 41}}, gaps=[gap], swaps=[swap])


def dataset_report(file: str = "rows.jsonl") -> DatasetReport:
    one = Quantiles(min=1, p25=2, p50=3, p75=4, p95=5, max=6)
    return DatasetReport(
        task="labels",
        read=4321,
        kept=4107,
        rejected=214,
        bad=11,
        duplicates=203,
        reasons={},
        splits={"train": 3480, "validation": 410, "test": 217},
        sources=[
            SourceReport(
                file=file, format="labels", why="detected", columns={}, encoding="utf-8", split=None,
                read=4321, kept=4107, rejected=214,
            )
        ],
        decoded_as_gb18030=0,
        conflicting=Conflicts(prompts=0, rows=0),
        repeats_within_test=0,
        labels={},
        languages={"train": {"en": 2001, "zh": 1479}, "validation": {"en": 410}, "test": {"zh": 217}},
        characters=Characters(prompt=one, reasoning=None, answer=one),
        reasoning=Reasoning(present=0, absent=4107),
        proof=SplitProof(
            shared={
                pair: Overlap(prompts=0, groups=0) for pair in ("train/validation", "train/test", "validation/test")
            },
            distinct_prompts={"train": 3470, "validation": 409, "test": 216},
            distinct_groups={"train": 0, "validation": 0, "test": 0},
        ),
    )  # fmt: skip


TRAINING = {
    "method": "lora",
    "step": 1740,
    "num_tokens": 812_345,
    "seconds": 93.0,
    "tokens_per_second": 8734.9,
    "best_step": 1600,
    "best_value": 0.31234,
    "metric": "eval/loss",
}


def forms(base: str = "{base}") -> list[Form]:
    return [
        Form(
            name="adapter",
            dtype="fp32",
            num_bytes=123_456,
            use={"transformers": f"python -c \"m = load('adapter')\" {base}"},
        ),
        Form(name="merged", dtype="bf16", num_bytes=3_286_017, use={"vllm": "vllm serve merged"}),
        Form(name="gguf", dtype="Q8_0", num_bytes=1_777_213, use={"ollama": "ollama create desk -f gguf/Modelfile"}),
    ]


def certificate() -> Certificate:
    figures = [
        FormFigures(
            form=form, against="judged", num_prompts=96, num_tokens=2_345 + place, token_agreement=0.99123 - place / 97,
            num_near_ties=3, num_same_answers=90, mean_kl=0.000123 * (place + 1),
            max_logit_difference=0.0456 + place / 100,
            metric=Numbers().difference("accuracy", sign=-1) if form == "merged" else None,
            num_bytes=3_286_017 + place, tokens_per_second=812.3 + place,
        )
        for place, form in enumerate(("adapter", "merged", "gguf", "served"))
    ]  # fmt: skip
    limits = {"token_agreement": 0.99, "mean_kl": 0.05}
    return Certificate(
        precision="fp32", device="cpu", prompts={"domain": 32, "general_en": 32, "general_zh": 32}, limits=limits,
        figures=figures,
    )  # fmt: skip


def make_exporting(folder: Path, made: Recipe, *, objections: tuple[Objection, ...] = ()) -> Exporting:
    section = made.prepare.model_dump(mode="json", exclude=TOLD)
    identity = Identity("dataset", 1, {f"{folder}/rows.jsonl": "1" * 64}, section, 0, {})
    with publish(folder / "artifacts" / "dataset" / identity.key(), identity) as staging:
        (staging / "report.json").write_text(dataset_report(f"{folder}/rows.jsonl").model_dump_json(), encoding="utf-8")
    dataset = Dataset.open(folder / "artifacts" / "dataset" / identity.key())
    with publish(folder / "model", Identity("tuned_model", 1, {}, {}, 0, {})) as staging:
        (staging / "adapter").mkdir()
        (staging / "adapter" / "adapter_config.json").write_text("{}", encoding="utf-8")
        (staging / "training.json").write_text(json.dumps(TRAINING), encoding="utf-8")
        (staging / "metrics.jsonl").touch()
    with publish(folder / "scorecard", Identity("scorecard", 1, {}, {}, 0, {})) as staging:
        (staging / "scorecard.json").write_text(scorecard_body().model_dump_json(), encoding="utf-8")
        (staging / "samples.jsonl").touch()
    base = find_base(made.model.base)
    return Exporting(
        model=TunedModel.open(folder / "model"),
        base=base,
        chat=load_chat(base.folder),
        dataset=dataset,
        scorecard=Scorecard.open(folder / "scorecard"),
        recipe=made,
        precision="fp32",
        task="labels",
        labels=("refund", "delivery", "发票"),
        objections=objections,
    )


def payload(machine_path: str) -> Mapping[str, bytes]:
    """The files of the forms; libraries wrote down where they loaded the base from."""
    return {
        "adapter/adapter_config.json": json.dumps({"base_model_name_or_path": machine_path, "r": 8}).encode(),
        "adapter/adapter_model.safetensors": b"a" * 2_000,
        "merged/config.json": json.dumps({"_name_or_path": machine_path, "model_type": "llama"}).encode(),
        "merged/README.md": b"the base's own card",
        "merged/model.safetensors": b"m" * 3_000,
        "merged/tokenizer.json": b'{"version": "1.0"}',
        "gguf/Modelfile": b"FROM ./desk.gguf\n",
        "gguf/desk.gguf": b"GGUF" * 500,
    }


def make_bundle(folder: Path, *, with_card: bool = True, **sections: Any) -> Bundle:
    """`folder` becomes a workspace with one bundle; its rows stand in the canaries alone."""
    exporting = make_exporting(folder, recipe(**sections))
    out = folder / "artifacts" / "bundle" / exporting.identity().key()
    with publish(out, exporting.identity()) as staging:
        for name, content in payload(f"{folder}/models/base").items():
            (staging / name).parent.mkdir(exist_ok=True)
            (staging / name).write_bytes(content)
        body = exporting.body(forms())
        (staging / BODY).write_text(body.model_dump_json(), encoding="utf-8")
        (staging / CERTIFICATE).write_text(certificate().model_dump_json(), encoding="utf-8")
        (staging / RECIPE).write_text(exporting.shown_recipe, encoding="utf-8")
        canary = Canary(prompt=[("user", PROMPT_OF_A_TEST_ROW)], answer_ids=[5], log_probabilities=[-0.5])
        write_canaries(staging / CANARIES, (canary,))
        if with_card:
            write_card(exporting, body, certificate(), staging)
    return Bundle.open(out)
