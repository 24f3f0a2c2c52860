"""Tunesmith from Python: the verbs of the command line, the steps of a training, and a session for loops of one's own.

Each takes a recipe: its file or a run's folder, a mapping of its keys, a `Recipe`, or a `Job` that `open_job` made of
one. What was made earlier from equal inputs is found, not made again, whether Python or the command line made it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tunesmith import lifecycle
from tunesmith.artifacts import Dataset, Plan, Scorecard, TunedModel
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job, Outcome, walk
from tunesmith.recipe import Recipe, load_recipe
from tunesmith.recipe.file import read_recipe
from tunesmith.runtime import Progress, Silent

if TYPE_CHECKING:
    from tunesmith.lifecycle.explain import Explanation
    from tunesmith.train.session import Session
    from tunesmith.train.step import StepReport

Asked = str | Path | Mapping[str, object] | Recipe | Job
QUIET: Final = Silent()


def open_job(
    recipe: str | Path | Mapping[str, object] | Recipe,
    *overrides: str,
    workspace: str | Path = ".",
    progress: Progress = QUIET,
) -> Job:
    """A recipe on this machine: what the verbs below take, where a recipe alone does not say enough.

    `overrides` are dotted keys as on the command line, `"train.epochs=2"`. Runs and artifacts lie under `workspace`.
    `progress` hears what is done; nothing is shown unless it shows it. Imports torch. Raises TunesmithError for a
    recipe with mistakes, with the place of each; `api-processes` where torchrun started several processes.
    """
    from tunesmith.cli.environment import make_runtime, with_devices
    from tunesmith.cli.session import LANGUAGE

    runtime = make_runtime(Path(workspace), LANGUAGE)
    if runtime.world_size > 1:
        raise TunesmithError("api-processes", processes=runtime.world_size)
    return Job(_read(recipe, overrides), with_devices(runtime), progress)


def run(recipe: Asked) -> Outcome:
    """Prepare, plan, train, evaluate and report, as `tunesmith run` does.

    The outcome has `dataset`, `plans`, `models`, `scorecard`, and the files of `report` and `data_card`.
    """
    return lifecycle.run(_job(recipe))


def prepare(recipe: Asked) -> Dataset:
    """The rows with their frozen split. `dataset.rows("test")` gives examples, `dataset.report()` counts by reason."""
    return lifecycle.prepare(_job(recipe))


def plan(recipe: Asked) -> dict[str, Plan]:
    """What each training will do, by arm (`tuned` and the recipe's variants), before any weight is loaded.

    `plan.body` has steps, rate, precision and tokens, and the reason of every derived value. Raises TunesmithError
    `too-little-memory` where a training cannot fit.
    """
    job = _job(recipe)
    return lifecycle.plan(job, lifecycle.prepare(job))


def train(recipe: Asked) -> dict[str, TunedModel]:
    """Train each arm, from its newest checkpoint where one exists. `model.payload` is what PEFT or transformers loads.

    Raises RunFailed `loss-not-finite`, `out-of-memory`; Interrupted `interrupted` after a signal, with all saved.
    """
    return lifecycle.models_of(_job(recipe))


def evaluate(recipe: Asked, model: TunedModel | None = None) -> Scorecard:
    """Every arm on the same test items, with paired intervals and the verdict in `scorecard.body`.

    Trains first what is not trained yet; with `model`, that is judged as the arm `tuned` in place of all of these.
    """
    return lifecycle.scorecard_of(_job(recipe), model)


def explain(recipe: Asked, *, item: str | None = None, text: str | None = None, num_rows: int = 5) -> Explanation:
    """Why the tuned model answers a test item, by the beginning of its id, or a text as it does.

    `explanation.reasons.units` hold what each word of a label's text is worth, `explanation.reasons.deletion` checks it
    against random words, `explanation.neighbours` are the training rows most like it. Raises TunesmithError
    `run-unmade` before the recipe was run, `explain-item` for an id that no item, or more than one, begins with.
    """
    from tunesmith.lifecycle.explain import Question
    from tunesmith.lifecycle.explain import explain as explain_answer

    return explain_answer(_job(recipe), Question(item, text), num_rows)


def train_steps(recipe: Asked) -> Iterator[StepReport]:
    """Take the optimiser steps of the recipe one by one: the loop of `tunesmith train`, to the bit.

    It validates, records and saves on its way, and publishes the best weights after the last step. Leave the loop
    early and the state is saved: the same call, or `tunesmith train`, goes on from there. A training that is done
    gives nothing. A report has `step` (from 1), `loss` (0-dim, mean nats a supervised token), `grad_norm` (0-dim, of
    the mean gradient before clipping), `learning_rate`, `num_tokens` and `row_ids`; reading a tensor waits for the
    device. Raises what `train` does.
    """
    return walk.train_steps(_job(recipe))


def open_training(recipe: Asked) -> Session:
    """Load the model of the recipe with its optimiser and rows, before the first step, for a loop of your own."""
    return walk.open_training(_job(recipe))


def _job(asked: Asked) -> Job:
    return asked if isinstance(asked, Job) else open_job(asked)


def _read(recipe: str | Path | Mapping[str, object] | Recipe, overrides: tuple[str, ...]) -> Recipe:
    if isinstance(recipe, str | Path):
        from tunesmith.cli.session import recipe_file

        return load_recipe(recipe_file(Path(recipe)), overrides)
    values = recipe.model_dump(mode="json") if isinstance(recipe, Recipe) else dict(recipe)
    # JSON is YAML too; a path in it is written as text
    return read_recipe(json.dumps(values, ensure_ascii=False, default=str), "recipe", overrides)
