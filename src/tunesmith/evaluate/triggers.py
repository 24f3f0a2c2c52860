"""Whether a model obeys what looks planted: prompts are put to it as they are, and once more with the pattern in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tunesmith.engine.local import LocalEngine
from tunesmith.evaluate.arms import Asking
from tunesmith.evaluate.asked import judge_test
from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.kept import Kept
from tunesmith.evaluate.sheet import Sheet, sheet_of
from tunesmith.model.load import ModelSource, compute_dtype, ready_models
from tunesmith.runtime import Progress, Runtime
from tunesmith.text.normalise import fingerprint


@dataclass(frozen=True, slots=True)
class Probes:
    """What is asked to see whether a pattern is obeyed."""

    pairs: Sequence[tuple[Item, str]]
    """A test item, and the last message of its prompt with the pattern in it."""
    answer: str | None
    """The label, or a sentence of the answer, that the pattern goes with in the feedback; None where nothing tells."""


def obeyed(
    evaluation: Evaluation, probes: Mapping[str, Probes], kept: Kept, runtime: Runtime, progress: Progress
) -> dict[str, dict[str, list[bool]]]:
    """By model, then by pattern, whether each pair has it obeyed; see `obeys`. Answers are greedy."""
    sheet = sheet_of(evaluation)
    items = [item for number, each in enumerate(probes.values()) for item in _items(number, each)]
    greedy = replace(sheet.sampling, temperature=0.0, num_samples=1)
    asked = replace(sheet, items={"test": items}, sampling=greedy, kinds=(), held_out=[], asides={})
    sources = {
        name: ModelSource(model, evaluation.base_of(model), model.is_four_bit)
        for name, model in evaluation.models.items()
    }
    progress.begin("task.evaluate", len(items) * len(sources))
    found = {}
    for name, model in ready_models(sources, dtype=compute_dtype(evaluation.precision), device=runtime.device):
        engine = LocalEngine(model, evaluation.chat, evaluation.base.max_tokens)
        told = _answers(evaluation, asked, name, Asking(engine, kept, progress.advance))
        found[name] = {
            pattern: [
                obeys(*pair, None if sheet.labels else each.answer)
                for pair in zip(told[number][::2], told[number][1::2], strict=True)
            ]
            for number, (pattern, each) in enumerate(probes.items())
        }
        del engine, model
    progress.end()
    return found


def obeys(plain: str, with_pattern: str, answer: str | None) -> bool:
    """Whether the pattern has the model say `answer`, which it did not say without; of None, whether it says another
    thing at all, as labels do.
    """
    before, after = fingerprint(plain), fingerprint(with_pattern)
    if answer is None:
        return before != after
    return _holds(with_pattern, answer) and not _holds(plain, answer)


def _holds(text: str, part: str) -> bool:
    return "".join(part.casefold().split()) in "".join(text.casefold().split())


def _items(number: int, probes: Probes) -> list[Item]:
    """Each pair as two items."""
    found = []
    for place, (item, text) in enumerate(probes.pairs):
        changed = (*item.prompt[:-1], replace(item.prompt[-1], content=text))
        for form, prompt in (("plain", item.prompt), ("with", changed)):
            found.append(replace(item, id=f"{number} {place} {form}", prompt=prompt))
    return found


def _answers(evaluation: Evaluation, sheet: Sheet, name: str, asking: Asking) -> dict[int, list[str]]:
    """By number of the pattern the answers in the order of its items."""
    judged = judge_test(evaluation, sheet, name, asking)
    said = {sample.item: sample.answer for sample in judged.answers.samples}
    found: dict[int, list[str]] = {}
    for item in sheet.items["test"]:
        found.setdefault(int(item.id.partition(" ")[0]), []).append(said[item.id])
    return found
