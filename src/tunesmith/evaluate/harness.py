"""Tasks of lm-evaluation-harness (EleutherAI), asked of a model in this process and judged by the library.

Each task becomes a suite: its items with the library's first metric of each, to be compared in pairs like any other.
The library is optional and imported inside the functions that need it.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from typing import Any, Final

import numpy as np

from tunesmith.engine.texts import Texts
from tunesmith.errors import RunFailed
from tunesmith.evaluate.arms import Answers
from tunesmith.evaluate.harness_tasks import task_manager
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.summary import Judged
from tunesmith.recipe.harness import HarnessTasks
from tunesmith.records import Message, Sample, Sampling

PREFIX: Final = "harness:"
"""Before the name of a task it is that of its suite."""
MAX_NEW_TOKENS: Final = 256
"""Room for an answer where the task gives none."""
FEW_SHOT_SEED: Final = 1234
"""The library's own."""
Suites = dict[str, tuple[list[Item], Judged]]


class HarnessModel:
    """What the library calls an `LM`: three kinds of questions about plain texts.

    Asked with the library's `Instance`s, whose `args` are the texts; answers are in their order.
    """

    rank = 0
    world_size = 1

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        return self._texts.likelihoods([request.args for request in requests])

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        return self._texts.whole_likelihoods([request.args[0] for request in requests])

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Up to the first of the texts that a task stops at."""
        written: dict[int, str] = {}
        by_sampling: dict[Sampling, list[int]] = {}
        for place, request in enumerate(requests):
            by_sampling.setdefault(_sampling(request.args[1]), []).append(place)
        for sampling, places in by_sampling.items():
            found = self._texts.continued([requests[place].args[0] for place in places], sampling)
            written |= zip(places, found, strict=True)
        return [_up_to(written[place], request.args[1].get("until", ())) for place, request in enumerate(requests)]


def _sampling(settings: Mapping[str, Any]) -> Sampling:
    temperature = float(settings.get("temperature", 1.0)) if settings.get("do_sample", False) else 0.0
    return Sampling(temperature=temperature, max_new_tokens=int(settings.get("max_gen_toks", MAX_NEW_TOKENS)))


def _up_to(text: str, stops: str | Sequence[str]) -> str:
    for stop in [stops] if isinstance(stops, str) else stops:
        if stop:
            text = text.split(stop, 1)[0]
    return text


def ask(wanted: HarnessTasks, texts: Texts, arm: str) -> Suites:
    """Every task asked of a model, by the suite's name. Raises RunFailed `harness-metric` for one that is not judged
    item by item, by a number of which more is better.
    """
    from lm_eval.evaluator import evaluate

    started = time.perf_counter()
    # progress bars, which would stand between our own
    with redirect_stderr(io.StringIO()):
        loaded = task_manager(wanted).load(list(wanted.tasks))
        for task in loaded["tasks"].values():
            task.set_fewshot_seed(seed=FEW_SHOT_SEED)
        model = HarnessModel(texts)
        found = evaluate(lm=model, task_dict=loaded, limit=wanted.max_items, bootstrap_iters=0, log_samples=True)
    seconds = (time.perf_counter() - started) / len(found["samples"])
    return {
        f"{PREFIX}{task}": _suite(task, rows, found["higher_is_better"][task], arm, seconds)
        for task, rows in found["samples"].items()
    }


def _suite(
    task: str, rows: Sequence[Mapping[str, Any]], is_better: Mapping[str, bool], arm: str, seconds: float
) -> tuple[list[Item], Judged]:
    """By the first metric of the task's first way to read its answers."""
    metric, reading = rows[0]["metrics"][0], rows[0]["filter"]
    rows = sorted((row for row in rows if row["filter"] == reading), key=lambda row: int(row["doc_id"]))
    values = [row[metric] for row in rows]
    if not is_better[metric] or not all(isinstance(value, int | float | np.number) for value in values):
        raise RunFailed("harness-metric", task=task, metric=metric)
    items = [_item(task, row) for row in rows]
    samples = [
        _sample(arm, item, str(row["filtered_resps"][0]), {metric: float(value)})
        for item, row, value in zip(items, rows, values, strict=True)
    ]
    return items, Judged(Answers(tuple(samples), None, seconds), {metric: np.array(values, np.float64)})


def _item(task: str, row: Mapping[str, Any]) -> Item:
    target = str(row["target"])
    return Item(
        id=f"{task}-{row['doc_id']}",
        suite=f"{PREFIX}{task}",
        prompt=(Message("user", str(row["arguments"][0][0])),),
        answer=Message("assistant", target),
        accepted=(target,),
    )


def _sample(arm: str, item: Item, answer: str, scores: Mapping[str, float]) -> Sample:
    return Sample(
        arm=arm,
        suite=item.suite,
        item=item.id,
        index=0,
        prompt=item.prompt,
        reference=item.answer.content,
        raw=answer,
        reasoning=None,
        answer=answer,
        scores=scores,
        sampling=Sampling(),
        num_tokens=0,
        finish_reason="stop",
    )
