"""The test items asked once more, of another form of a judged model, and held against what the verdict is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import StringIO

import numpy as np

from tunesmith.artifacts import Scorecard
from tunesmith.artifacts.figures import Difference
from tunesmith.engine.local import LocalEngine
from tunesmith.evaluate import arms, baselines, summary
from tunesmith.evaluate.arms import Answers, Asking, Reading
from tunesmith.evaluate.asked import judge_test
from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.evaluate.kept import Kept
from tunesmith.evaluate.measure import Wanted, measure
from tunesmith.evaluate.sheet import Sheet, sheet_of
from tunesmith.evaluate.summary import Judged
from tunesmith.metrics.registry import LOWER_IS_BETTER, verdict_metric
from tunesmith.recipe.metrics import metric_name
from tunesmith.records import Completion, Message, Sampling

OnDone = Callable[[int], None]
Prompt = tuple[Message, ...]
Write = Callable[[Sequence[Prompt], Sampling], list[list[Completion]]]
"""`sampling.num_samples` answers to each prompt."""
Choose = Callable[[Sequence[Prompt], Sequence[str]], list[list[float]]]
"""The probability of each label as the answer to each prompt."""


@dataclass(frozen=True)
class Exam:
    """The test items of an evaluation, as one of its models was asked them. Use `exam_of`."""

    evaluation: Evaluation
    arm: str
    sheet: Sheet
    wanted: Wanted
    """The metric of the verdict, and nothing else."""

    @property
    def num_items(self) -> int:
        return len(self.sheet.items["test"])

    @property
    def num_told(self) -> int:
        """How many things a model is done with when it has been asked: answers, and references that are read."""
        return self.num_items * (self.sheet.sampling.num_samples + 1 if self.wanted.task == "text" else 1)

    def of_scorecard(self, scorecard: Scorecard) -> Judged:
        """What the model was found to be when it was judged, from the samples that were kept."""
        test = self.sheet.items["test"]
        samples = [each for each in scorecard.samples() if (each.arm, each.suite) == (self.arm, "test")]
        bits = {each.item: each.scores["bits"] for each in samples if "bits" in each.scores}
        reading = Reading(np.array([bits[item.id] for item in test]), None) if bits else None
        return summary.judge(Answers(tuple(samples), None, 0.0), test, reading)

    def of_model(self, engine: LocalEngine, on_done: OnDone) -> Judged:
        """A model in this process, asked exactly as the evaluation asks. Raises what `measure` raises."""
        asking = Asking(engine, Kept(StringIO(), {}), on_done)
        # how sure it is, and what it says of others' rows, is not asked again
        sheet = replace(self.sheet, kinds=(), asides={})
        return self._measured(judge_test(self.evaluation, sheet, self.arm, asking))

    def of_writer(self, write: Write, choose: Choose, on_done: OnDone) -> Judged | None:
        """A model that is only heard through an engine; None where the items are texts to be read."""
        test = self.sheet.items["test"]
        if self.wanted.task == "documents":
            return None
        if self.wanted.task == "labels":
            labels = self.wanted.labels
            shares = choose([item.prompt for item in test], labels)
            samples = [
                arms.label_sample(self.arm, item, item.prompt, labels[int(np.argmax(row))])
                for item, row in zip(test, shares, strict=True)
            ]
        elif self.wanted.task == "numbers":
            (mean,) = baselines.mean_number(self.sheet.train, test[:1])
            told = write([item.prompt for item in test], Sampling(max_new_tokens=arms.NUMBER_TOKENS))
            samples = [
                arms.said_number_sample(self.arm, item, item.prompt, one, mean)
                for item, (one,) in zip(test, told, strict=True)
            ]
        else:
            sampling, prefilled = self.sheet.sampling, self.evaluation.chat.prefilled
            told = write([item.prompt for item in test], sampling)
            samples = [
                replace(arms.written_sample(self.arm, item, item.prompt, one, prefilled=prefilled), index=number)
                for item, answers in zip(test, told, strict=True)
                for number, one in enumerate(answers)
            ]
        on_done(len(test))
        return self._measured(summary.judge(Answers(tuple(samples), None, 0.0), test, None))

    def difference(self, form: str, mine: Judged, judged: Judged) -> Difference | None:
        """Of the verdict's metric, form less judged, item by item; None where the form says nothing of it."""
        groups = summary.groups_of(self.sheet.items["test"])
        table = summary.compare("test", (form, mine), (self.arm, judged), groups, self.evaluation.seed)
        return next((each for each in table if each.metric == self.wanted.metric), None)

    def _measured(self, judged: Judged) -> Judged:
        found = {self.arm: {"test": judged}}
        measure(found, self.sheet.items["test"], self.wanted)
        return found[self.arm]["test"]


def exam_of(evaluation: Evaluation, arm: str) -> Exam:
    """Raises TunesmithError `no-test-rows`."""
    sheet = sheet_of(evaluation)
    metric = verdict_metric(evaluation.section.metric, sheet.task)
    metrics = tuple(each for each in evaluation.section.metrics if metric_name(each) == metric)
    return Exam(evaluation, arm, sheet, Wanted(sheet.task, metric, metrics, sheet.labels))


def largest_loss(difference: Difference) -> float:
    """The end of the interval at which the form is worst off, as a loss; less than 0 is a gain."""
    return difference.high if difference.metric in LOWER_IS_BETTER else -difference.low
