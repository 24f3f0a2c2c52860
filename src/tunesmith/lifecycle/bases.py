"""Compare bases on the rows of a recipe: what their files tell, and what they know before any training."""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from tunesmith import lifecycle
from tunesmith.artifacts import Dataset
from tunesmith.errors import Place, TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.model.base import Base
from tunesmith.model.licence import licence_of
from tunesmith.plan.bases import BaseAdvice, BaseFacts, Floats, advise_base, row_facts
from tunesmith.plan.run import plan_body
from tunesmith.records import Example, Message

if TYPE_CHECKING:
    from tunesmith.engine.local import LocalEngine

NUM_PROBED: Final = 100
"""Validation rows on which each base is tried untrained."""


def advise_bases(job: Job, references: Sequence[str]) -> BaseAdvice:
    """Look at each of the bases beside the rows that the recipe's own base reads. Loads one after the other.

    Raises TunesmithError `encoder-untuned` for a base that writes nothing.
    """
    dataset = lifecycle.prepare(job)
    task = dataset.report().task
    facts, scores = [], {}
    job.progress.begin("task.bases", len(references))
    for reference in references:
        model = job.recipe.model.model_copy(update={"base": reference, "revision": None})
        this = replace(job, recipe=job.recipe.model_copy(update={"model": model, "variants": {}}))
        if this.base.is_encoder:
            raise TunesmithError("encoder-untuned", place=Place(reference), type=this.base.model_type)
        facts.append(_facts(this, dataset))
        scores[reference] = _zero_shot(this, dataset, task)
        job.progress.advance(1)
    job.progress.end()
    metric = "accuracy" if task == "labels" else "bits_per_byte"
    return advise_base(facts, metric, scores, job.recipe.seed)


def _facts(job: Job, dataset: Dataset) -> BaseFacts:
    planning = lifecycle.plannings_of(job, dataset)["tuned"]
    section, body = plan_body(planning)
    prediction = planning.work.prediction(section, body.precision)
    quantiles, share, rates = row_facts(job.chat, job.base, dataset.rows("train"))
    limit = job.runtime.memory_bytes
    return BaseFacts(
        reference=job.recipe.model.base,
        num_parameters=body.num_parameters,
        max_tokens=job.base.max_tokens,
        length_quantiles=quantiles,
        share_that_fits=share,
        tokens_per_character=rates,
        licence=licence_of(job.base.folder),
        train_bytes=prediction.train_bytes,
        fits_memory=limit is None or prediction.peak_bytes <= limit,
    )


def _zero_shot(job: Job, dataset: Dataset, task: str) -> Floats:
    """One score a validation row, higher is better: whether the likeliest label is right, or minus bits per byte."""
    import torch

    from tunesmith.engine.local import LocalEngine
    from tunesmith.model.load import compute_dtype, load_model

    rows = dataset.rows("validation")[:NUM_PROBED] or dataset.rows("train")[:NUM_PROBED]
    torch.set_num_threads(job.runtime.num_threads)
    dtype = compute_dtype("bf16" if job.runtime.has_bf16_products else "fp32")
    model = load_model(job.base.folder, dtype=dtype, device=job.runtime.device)
    engine = LocalEngine(model, job.chat, job.base.max_tokens)
    scores = _accuracy(engine, rows, dataset) if task == "labels" else _minus_bits(engine, rows, job.base)
    del engine, model
    gc.collect()
    return scores


def _accuracy(engine: LocalEngine, rows: Sequence[Example], dataset: Dataset) -> Floats:
    labels = sorted({row.label for row in dataset.rows("train") if row.label is not None})
    found = engine.log_likelihoods([row.prompt for row in rows], [Message("assistant", label) for label in labels])
    pairs = zip(found, rows, strict=True)
    return np.array([float(labels[int(np.argmax(scores))] == row.label) for scores, row in pairs])


def _minus_bits(engine: LocalEngine, rows: Sequence[Example], base: Base) -> Floats:
    """Bits over the mean bytes of an answer, so that vocabularies do not matter; a row too long for a base is cut."""
    rendered = [
        replace(row, ids_T=row.ids_T[: base.max_tokens], weights_T=row.weights_T[: base.max_tokens])
        for row in engine.chat.training_rows(rows, "last")
    ]
    written = [_written(row) for row in rows]
    bits = np.array(engine.row_likelihoods(rendered)) / math.log(2)
    return bits / float(np.mean([len(text.encode()) for text in written]))


def _written(row: Example) -> str:
    if row.text is not None:
        return row.messages[0].content[row.text.num_context :]
    return (row.answer.reasoning or "") + row.answer.content
