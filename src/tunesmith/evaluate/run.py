"""The evaluate stage: every arm on the same frozen items, the general suites before and after, and a verdict."""

from __future__ import annotations

from pathlib import Path

import torch

from tunesmith.artifacts import Run, Scorecard, publish
from tunesmith.artifacts.calibration import FILE as CALIBRATION
from tunesmith.artifacts.calibration import CalibrationFile
from tunesmith.artifacts.ratings import JUDGE, write_judged
from tunesmith.artifacts.scorecard import BODY, KIND, SAMPLES, write_samples
from tunesmith.evaluate.asked import judge_baselines, judge_endpoints, judge_models
from tunesmith.evaluate.body import body_of, confidence_of
from tunesmith.evaluate.evaluation import Evaluation, check_metrics
from tunesmith.evaluate.judge import judge
from tunesmith.evaluate.kept import open_kept
from tunesmith.evaluate.measure import Wanted, measure
from tunesmith.evaluate.rated import Answered, of_judge
from tunesmith.evaluate.rating import first_answers
from tunesmith.evaluate.sheet import num_questions, sheet_of
from tunesmith.metrics.registry import verdict_metric
from tunesmith.runtime import Progress, Runtime


def evaluate(evaluation: Evaluation, *, runtime: Runtime, progress: Progress, run: Run, out: Path) -> Scorecard:
    """Judge the arms of the section and publish the scorecard with every sample at `out`.

    Answers are kept in the run's folder as they come: one that was stopped asks only for those that are missing.
    Raises TunesmithError `no-test-rows`, what `check_metrics` raises, and RunFailed `metric-silent` where the verdict's
    metric says nothing of any item that base and tuned model both answered.
    """
    torch.set_num_threads(runtime.num_threads)
    sheet = sheet_of(evaluation)
    metric = verdict_metric(evaluation.section.metric, sheet.task)
    check_metrics(evaluation.section, sheet.task, evaluation.dataset.report())
    progress.begin("task.evaluate", num_questions(evaluation, sheet))
    judge_baselines(evaluation, sheet)
    judge_endpoints(evaluation, sheet, runtime, progress)
    with open_kept(run.folder / "answers" / f"{evaluation.identity().key()}.jsonl") as kept:
        judge_models(evaluation, sheet, runtime, progress, kept)
        progress.end()
        answers = [s for suites in sheet.judged.values() for s in suites["test"].answers.samples]
        judgements = judge(evaluation, answers, kept, runtime, progress)
    section = evaluation.section
    rules = () if sheet.task == "documents" else section.safety.content  # read, not asked
    wanted = Wanted(sheet.task, metric, section.metrics, sheet.labels, rules)
    measure(sheet.judged, sheet.items["test"], wanted)
    sheet.swaps.measure(wanted)
    mended = confidence_of(evaluation, sheet)
    body = body_of(evaluation, sheet, wanted, mended)
    if judgements is not None:
        said = of_judge(Answered(first_answers(answers), evaluation.seed), *judgements, people=())
        body = body.model_copy(update={"judge": said})
    with publish(out, evaluation.identity()) as staging:
        samples = [s for suites in sheet.judged.values() for judged in suites.values() for s in judged.answers.samples]
        samples += [sample for of_arm in sheet.asides.values() for sample in of_arm]
        write_samples(staging / SAMPLES, samples + sheet.swaps.samples())
        if judgements is not None:
            write_judged(staging / JUDGE, *judgements)
        (staging / BODY).write_text(body.model_dump_json(indent=1), encoding="utf-8")
        if mended.maps:
            maps = CalibrationFile(maps=mended.maps).model_dump_json(indent=1)
            (staging / CALIBRATION).write_text(maps, encoding="utf-8")
    run.record("artifact", kind=KIND, key=evaluation.identity().key())
    return Scorecard.open(out)
