"""A published certificate measured once more, from the bundle and what its workspace still has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tunesmith.artifacts import Dataset, Scorecard, TunedModel, is_whole
from tunesmith.artifacts.bundle import RECIPE, Bundle, Certificate, FormFigures
from tunesmith.artifacts.dataset import KIND as DATASET
from tunesmith.artifacts.scorecard import KIND as SCORECARD
from tunesmith.artifacts.tuned_model import KIND as TUNED_MODEL
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.certificate import Certifying, certify
from tunesmith.recipe import load_recipe
from tunesmith.runtime import Progress, Runtime

TOLERANCES: Final = {
    "num_bytes": 0.0,
    "token_agreement": 0.01,
    "mean_kl": 1e-3,
    "max_logit_difference": 1e-2,
    "max_gain_error": 1e-3,
    "metric": 5e-3,
}
"""How far a figure may lie from the certified one, beyond a tenth of the larger of the two: what other kernels and
another order of sums change. On the same machine with as many threads the figures are the same to the bit. Speed is
told anew and compared with nothing."""
SHARE: Final = 0.1


@dataclass(frozen=True)
class Recheck:
    """What was certified and what is found now."""

    bundle: str
    certified: Certificate
    found: Certificate
    largest: float
    """Largest difference of two figures as a share of what is allowed."""
    where: str
    """Of which form and figure."""


def recheck(folder: Path, runtime: Runtime, progress: Progress) -> Recheck:
    """Measure the bundle in `folder` again, and hold it to the limits and to what its certificate says.

    Raises TunesmithError `certificate-inputs` where the workspace lacks what the model was judged with, RunFailed
    `certificate-differs` for a figure that is not what was certified, what `certify` and `Bundle.open` raise.
    """
    bundle = Bundle.open(folder)
    certified = bundle.certificate()
    found = certify(_certifying(bundle, runtime, progress), folder, bundle.body, certified.served)
    largest, where = 0.0, "-"
    for name, said, now, allowed in _pairs(certified, found.certificate):
        share = abs(said - now) / allowed if allowed else float(said != now) * 2
        if share > largest:
            largest, where = share, name
        if share > 1.0:
            place = Place(str(folder))
            raise RunFailed("certificate-differs", place=place, figure=name, said=f"{said:.6g}", found=f"{now:.6g}")
    return Recheck(bundle.key, certified, found.certificate, largest, where)


def _certifying(bundle: Bundle, runtime: Runtime, progress: Progress) -> Certifying:
    body = bundle.body
    job = Job(load_recipe(bundle.folder / RECIPE, []), runtime, progress)
    dataset = Dataset.open(_found(runtime, DATASET, body.dataset))
    model = TunedModel.open(_found(runtime, TUNED_MODEL, body.tuned_model))
    scorecard = None if body.scorecard is None else Scorecard.open(_found(runtime, SCORECARD, body.scorecard))
    evaluation = Evaluation(
        dataset,
        job.base,
        job.chat,
        {body.arm: model},
        job.recipe.evaluate,
        body.precision,
        bundle.manifest.seed,
        job.trained_base,
    )
    return Certifying(evaluation, body.arm, scorecard, job.recipe, runtime, progress)


def _found(runtime: Runtime, kind: str, key: str) -> Path:
    folder = runtime.workspace / "artifacts" / kind / key
    if not is_whole(folder):
        raise TunesmithError("certificate-inputs", place=Place(str(folder)), kind=kind)
    return folder


def _pairs(certified: Certificate, found: Certificate) -> Iterator[tuple[str, float, float, float]]:
    """Figure, what was certified, what is found, and how far they may be apart."""
    now = {figures.form: figures for figures in found.figures}
    for figures in certified.figures:
        if figures.form in found.not_measured:  # what it takes is not installed here
            continue
        if figures.form not in now:
            yield figures.form, 1.0, 0.0, 0.0
            continue
        told = _compared(now[figures.form])
        for name, said in _compared(figures).items():
            larger = max(abs(said), abs(told[name]))
            allowed = TOLERANCES[name] + (SHARE * larger if TOLERANCES[name] else 0.0)
            yield f"{figures.form}.{name}", said, told[name], allowed


def _compared(figures: FormFigures) -> dict[str, float]:
    told = {
        "num_bytes": float(figures.num_bytes),
        "token_agreement": figures.token_agreement,
        "max_logit_difference": figures.max_logit_difference,
        "mean_kl": figures.mean_kl,
        "max_gain_error": figures.max_gain_error,
        "metric": None if figures.metric is None else figures.metric.mean,
    }
    return {name: value for name, value in told.items() if value is not None}
