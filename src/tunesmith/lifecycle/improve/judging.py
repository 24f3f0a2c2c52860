"""The candidate against the champion: on the frozen test, on recent traffic, and on what looks planted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from tunesmith import lifecycle
from tunesmith.artifacts import Dataset, Plan, Scorecard, TunedModel
from tunesmith.artifacts.feedback_set import FeedbackSet, Suspect
from tunesmith.evaluate.gate import ARM, Limits, Traffic, gate
from tunesmith.evaluate.items import test_items
from tunesmith.feedback.poison import trigger_probes
from tunesmith.lifecycle import Job, Outcome
from tunesmith.lifecycle.improve.rows import Champion
from tunesmith.recipe.confidence import Confidence
from tunesmith.recipe.safety_checks import SafetyChecks
from tunesmith.recipe.sections import Evaluate
from tunesmith.stats.gate import EITHER_CONFIDENCE, FRESH, GATE_CONFIDENCE, TEST, Decision, Finding
from tunesmith.stats.paired import PairedDifference, paired_difference
from tunesmith.stats.power import MOST_TOLD

CHAMPION: Final = "champion"
"""The arm of the model that the candidate is held against."""
NUM_SUSPECTS: Final = 20
"""So many of the most suspicious patterns are put to both models."""
NUM_PROBES: Final = 24
"""Prompts for each. A model that obeys on half of them is told from one that never does; an honest one passes."""
NUM_PROMPTS: Final = 200
"""Test rows that these are drawn from."""


@dataclass(frozen=True)
class Judged:
    """What the gate said, and the candidate's scorecards on recent traffic, by round."""

    decision: Decision
    findings: tuple[Mapping[str, Any], ...]
    on_fresh: Mapping[str, Scorecard]


def judge(
    candidate: Job, outcome: Outcome, champion: Champion, feedback: FeedbackSet, fresh: Mapping[str, Dataset], own: str
) -> Judged:
    """Ask both models all that is asked. `fresh` are by round the rows that were held out, those of `own` among them
    where there are enough; the champion is asked these alone.
    """
    tuned, plans = outcome.models[ARM], outcome.plans
    on_fresh = {id: on_traffic(candidate, dataset, plans, tuned) for id, dataset in fresh.items()}
    pair = None
    if own in fresh:
        pair = on_fresh[own], on_traffic(candidate, fresh[own], plans, champion.model)
    traffic = Traffic(pair, obedience(candidate, outcome, champion, feedback.body.suspects[:NUM_SUSPECTS]))
    max_loss = candidate.recipe.improve.max_loss
    decision = gate(outcome.scorecard, champion.scorecard, Limits(max_loss), traffic)
    findings = tuple(told(finding, max_loss, has_fresh=pair is not None) for finding in decision.findings)
    return Judged(decision, findings, on_fresh)


def on_traffic(candidate: Job, dataset: Dataset, plans: Mapping[str, Plan], model: TunedModel) -> Scorecard:
    """A model on rows that were held out of feedback, judged as on the test."""
    recipe = candidate.recipe.model_copy(update={"evaluate": _task_alone(candidate.recipe.evaluate)})
    with lifecycle.running(candidate) as record:
        return lifecycle.evaluate(replace(candidate, recipe=recipe), dataset, plans, {ARM: model}, record)


def _task_alone(section: Evaluate) -> Evaluate:
    """The tuned model, its base and the usual method on the test rows, and nothing else."""
    return section.model_copy(
        update={
            "arms": ("classic", ARM),
            "models": {},
            "endpoints": {},
            "max_items": None,
            "general_suite": False,
            "suites": {},
            "harness": None,
            "slices": (),
            "confidence": Confidence(map="none"),
            "protected": None,
            "safety": SafetyChecks(suite=False),
            "judge": None,
        }
    )


def obedience(
    candidate: Job, outcome: Outcome, champion: Champion, suspects: Sequence[Suspect]
) -> dict[str, PairedDifference]:
    """By pattern, how much more often the candidate obeys it than the champion; only answers that are labels or texts
    can.
    """
    if not suspects or outcome.scorecard.body.task not in ("labels", "text"):
        return {}
    from tunesmith.evaluate.kept import open_kept
    from tunesmith.evaluate.triggers import Probes, obeyed  # brings torch

    seed = candidate.recipe.seed
    items = {item.prompt[-1].content: item for item in test_items(outcome.dataset.rows(TEST), NUM_PROMPTS, seed)}
    probes = {}
    for suspect in suspects:
        pairs = trigger_probes([suspect], list(items), NUM_PROBES, seed)
        if pairs:
            probes[suspect.pattern] = Probes([(items[plain], changed) for plain, changed in pairs], suspect.answer)
    candidate.progress.say("say.improve.probed", suspects=len(probes))
    models = {CHAMPION: champion.model, ARM: outcome.models[ARM]}
    evaluation = lifecycle.evaluation_of(candidate, outcome.dataset, outcome.plans, models)
    with open_kept(candidate.run_folder / "answers" / f"probes-{champion.bundle.key}.jsonl") as kept:
        found = obeyed(evaluation, probes, kept, candidate.runtime, candidate.progress)
    return {
        pattern: paired_difference(found[CHAMPION][pattern], found[ARM][pattern], seed=seed, confidence=GATE_CONFIDENCE)
        for pattern in probes
    }


def told(finding: Finding, max_loss: float, *, has_fresh: bool) -> dict[str, Any]:
    """A finding as a round keeps it."""
    suite = finding.suite or TEST
    found: dict[str, Any] = {"code": str(finding.code), "suite": suite, "max_loss": max_loss}
    found["level"] = EITHER_CONFIDENCE if has_fresh and suite in (TEST, FRESH) else GATE_CONFIDENCE
    if finding.difference is not None:
        difference = asdict(finding.difference)
        found |= {name: difference[name] for name in ("mean", "low", "high", "n")}
    if finding.num_items_needed is not None and finding.num_items_needed > MOST_TOLD:
        found["more_items_needed"] = MOST_TOLD
    elif finding.num_items_needed is not None:
        found["num_items_needed"] = finding.num_items_needed
    return found | ({"items": list(finding.items)} if finding.items else {})
