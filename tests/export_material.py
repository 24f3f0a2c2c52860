"""Tuned models without a training, and what exports them: the numbers are drawn, the folders are those of `train`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from card_material import dataset_report
from transformers import PreTrainedModel

from tunesmith.artifacts import Dataset, Identity, TunedModel, publish
from tunesmith.artifacts.bundle import BundleBody, Canary, Certificate, FormFigures
from tunesmith.artifacts.dataset import KIND as DATASET
from tunesmith.artifacts.head import Head, write_head
from tunesmith.artifacts.tuned_model import ADAPTER, KIND, METRICS, TRAINING, WEIGHTS
from tunesmith.chat import load_chat
from tunesmith.export.exporting import Certified, Exporting
from tunesmith.model.base import Base, find_base
from tunesmith.model.load import load_model
from tunesmith.model.method import AdapterMethod, begin_method, save_method
from tunesmith.model.score import begin_score, load_with_head
from tunesmith.recipe import Method, Recipe, is_four_bit
from tunesmith.records import Message

PROMPT = [("user", "What is the answer? 答案是什么？")]


@torch.no_grad()
def shake(model: PreTrainedModel) -> None:
    """No trained number as it was at the start."""
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.add_(torch.randn(parameter.shape, generator=generator).to(parameter.dtype) * 0.1)


def tuned_model(
    out: Path, base: Base, method: Method, head: Head | None = None, *, dtype: torch.dtype = torch.float32
) -> TunedModel:
    """What a training by `method` would leave, with drawn numbers."""
    four_bit = is_four_bit(method)
    if head is None:
        model = load_model(base.folder, dtype=dtype, device="cpu", four_bit=four_bit)
    else:
        model = load_with_head(base.folder, head, dtype=dtype, device="cpu", four_bit=four_bit)
    begin_method(model, method, seed=0)
    chat = load_chat(base.folder, "bare" if base.is_encoder else None, reads_only=base.is_encoder)
    if head is not None:
        begin_score(model, chat.pad_id, seed=1)
    shake(model)
    with publish(out, Identity(KIND, 1, {"base": base.content_hash}, {}, 0, {})) as staging:
        folder = staging / (ADAPTER if isinstance(method, AdapterMethod) else WEIGHTS)
        if isinstance(method, AdapterMethod):
            save_method(model, method, base.reference, folder)
        else:
            model.save_pretrained(folder)
        if head is not None:
            write_head(folder, head)
        (staging / TRAINING).write_text(json.dumps({"method": method.name}), encoding="utf-8")
        (staging / METRICS).touch()
    return TunedModel.open(out)


def recipe(reference: str, **sections: Any) -> Recipe:
    tree = {"name": "desk", "prepare": {"sources": "rows.jsonl"}, **sections}
    return Recipe.model_validate({**tree, "model": {"base": reference, **tree.get("model", {})}})


def exporting(
    folder: Path, reference: str, tuned: TunedModel, /, *, precision: str = "fp32", **sections: Any
) -> Exporting:
    """The export of a tuned model that nobody judged, its dataset empty."""
    base, made = find_base(reference), recipe(reference, **sections)
    dataset = folder / "dataset"
    with publish(dataset, Identity(DATASET, 1, {}, {}, 0, {})) as staging:
        (staging / "report.json").write_text(dataset_report().model_dump_json(), encoding="utf-8")
    style = made.model.prompt_style
    return Exporting(
        model=tuned,
        base=base,
        chat=load_chat(base.folder, style, reads_only=base.is_encoder),
        dataset=Dataset.open(dataset),
        scorecard=None,
        recipe=made,
        precision=precision,
        task="text",
    )


def certified(seen: Callable[[Path, BundleBody], None] = lambda folder, body: None) -> Callable[..., Certified]:
    """A proof that measures nothing; `seen` is shown what there is to be proved."""

    def certify(folder: Path, body: BundleBody) -> Certified:
        seen(folder, body)
        figures = [
            FormFigures(
                form=form.name, against="judged", num_prompts=1, num_tokens=2, token_agreement=1.0, num_near_ties=0,
                num_same_answers=1, mean_kl=0.0, max_logit_difference=0.0, num_bytes=form.num_bytes,
                tokens_per_second=10.0,
            )
            for form in body.forms
        ]  # fmt: skip
        certificate = Certificate(
            precision=body.precision, device="cpu", prompts={"domain": 1}, limits={"mean_kl": 0.05}, figures=figures
        )
        # a line separator that is no end of a line
        canary = Canary(prompt=[("user", "one\u2028two")], answer_ids=[5, 2], log_probabilities=[-0.25, -0.5])
        return Certified(certificate, (canary,))

    return certify


def conversation() -> list[Message]:
    return [Message("user", PROMPT[0][1])]
