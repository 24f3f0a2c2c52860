"""Trackers fed beside `events.jsonl`. The events are the truth: a tracker is a copy and is never read back.

Each tracker works in a thread of its own behind a bounded queue. Whatever it raises and however long it hangs, the
training goes on as without it: it is dropped, and that is told once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Full, Queue
from threading import Thread
from typing import Any, Final, Protocol

Entry = tuple[int, Mapping[str, float]]
"""A step, and its figures by their names."""
MAX_WAITING: Final = 2048
"""Steps that may wait for a tracker."""
MAX_TOGETHER: Final = 32
"""Steps that it is handed at once; MLflow takes at most 1,000 figures."""
CLOSE_SECONDS: Final = 15.0
"""A training that is over waits so long for a tracker to write what it was given."""
FINISH_SECONDS: Final = 10.0
"""wandb uploads so long at the end; what is left stays on the disk for `wandb sync`."""
STEP: Final = "train/global_step"
EXPERIMENT: Final = "tunesmith"
KEY_TAG: Final = "tunesmith.key"


class Tracker(Protocol):
    """Takes figures by step, in order. All of it runs in one thread; what it raises ends the tracker, nothing else."""

    def start(self) -> None:
        """Open files or connect; this may take long."""

    def log(self, entries: Sequence[Entry]) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Tracked:
    """What is tracked."""

    folder: Path
    """The run's; each tracker writes into a folder of its own in it."""
    run: str
    name: str
    """The arm that the training becomes."""
    key: str
    """Of all that decides the training: the same one goes on where it was."""
    settings: Mapping[str, str]
    step: int
    """Steps taken before."""


class Feed:
    """One tracker behind its queue. `log` never waits, `close` waits at most `close_seconds`; neither raises."""

    def __init__(
        self,
        name: str,
        make: Callable[[], Tracker],
        on_drop: Callable[[str, str], None],
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        """`make` imports what the tracker needs; `on_drop` hears its name and the problem, once, in this thread."""
        self._name, self._on_drop, self._close_seconds = name, on_drop, close_seconds
        self._waiting: Queue[Entry | None] = Queue(MAX_WAITING)
        self._is_dropped = False
        self._failure: str | None = None
        self._thread = Thread(target=self._work, name=f"tracker {name}", daemon=True)
        try:  # an import in a thread beside the training's own could find half of a module
            self._tracker = make()
        except Exception as failure:
            self._drop(_told(failure))
        else:
            self._thread.start()

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Hand the figures of a step on."""
        if self._failure is not None:
            self._drop(self._failure)
        self._put((step, dict(figures)))

    def close(self) -> None:
        """Let the tracker write what waits for it, and end it."""
        self._put(None)
        if self._is_dropped:
            return
        self._thread.join(self._close_seconds)
        if self._thread.is_alive():
            self._drop(f"busy for more than {self._close_seconds:g} s")
        elif self._failure is not None:
            self._drop(self._failure)

    def _put(self, entry: Entry | None) -> None:
        if self._is_dropped:
            return
        try:
            self._waiting.put_nowait(entry)
        except Full:
            self._drop(f"busy for {MAX_WAITING} steps")

    def _drop(self, problem: str) -> None:
        if not self._is_dropped:
            self._is_dropped = True
            self._on_drop(self._name, problem)

    def _next(self) -> list[Entry | None]:
        """What waits by now, at least one entry; None is the end."""
        found = [self._waiting.get()]
        while len(found) < MAX_TOGETHER and not self._waiting.empty():
            found.append(self._waiting.get())
        return found

    def _work(self) -> None:
        try:
            self._tracker.start()
            is_open = True
            while is_open:
                found = self._next()
                is_open = None not in found
                self._tracker.log([entry for entry in found if entry is not None])
            self._tracker.close()
        except BaseException as failure:  # also what would end a program: it ends this thread alone
            self._failure = _told(failure)


def _told(failure: BaseException) -> str:
    return f"{type(failure).__name__}: {failure}"


class TensorBoard:
    """Event files for `tensorboard --logdir`; steps that an earlier attempt logged beyond `tracked.step` go."""

    def __init__(self, tracked: Tracked) -> None:
        from torch.utils.tensorboard import SummaryWriter  # costs seconds to import

        self._tracked = tracked
        self._make = SummaryWriter

    def start(self) -> None:
        folder = self._tracked.folder / "tensorboard" / self._tracked.name
        self._writer = self._make(str(folder), purge_step=self._tracked.step + 1)

    def log(self, entries: Sequence[Entry]) -> None:
        for step, figures in entries:
            for name, value in figures.items():
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run of wandb, its files under `wandb/` of the run's folder; wandb reads its own variables (`WANDB_MODE`, ...).

    Nothing of the terminal, the code or the machine is sent. Steps are told by `train/global_step`: wandb's own steps
    cannot go back to where a resumed training begins.
    """

    def __init__(self, tracked: Tracked) -> None:
        import wandb

        self._wandb, self._tracked = wandb, tracked

    def start(self) -> None:
        tracked, wandb = self._tracked, self._wandb
        settings = wandb.Settings(
            console="off",
            silent=True,
            disable_code=True,
            disable_git=True,
            finish_timeout=FINISH_SECONDS,
            finish_timeout_raises=True,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        )
        sends = wandb.setup(settings).settings.mode == "online"
        if sends and not wandb.login(prompt=False):  # asked for a key, it would wait at the terminal
            raise PermissionError("no key: run `wandb login`, or set WANDB_MODE=offline")
        self._run = wandb.init(
            dir=str(tracked.folder),
            id=f"{tracked.name}-{tracked.key}",
            name=f"{tracked.run} {tracked.name}",
            group=tracked.run,
            config=dict(tracked.settings),
            resume="allow",
            settings=settings,
        )
        self._run.define_metric("*", step_metric=STEP)

    def log(self, entries: Sequence[Entry]) -> None:
        for step, figures in entries:
            self._run.log({**figures, STEP: step})

    def close(self) -> None:
        self._run.finish()


class MlFlow:
    """A run of MLflow in the store that its own variables name, else in `mlflow.db` of the run's folder.

    A training that goes on goes on in its run; steps that stand there already are not logged again.
    """

    def __init__(self, tracked: Tracked) -> None:
        import mlflow
        from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY
        from mlflow.telemetry import set_telemetry_client

        MLFLOW_DISABLE_TELEMETRY.set(True)  # else it tells its makers that it was used
        set_telemetry_client()
        logging.getLogger("mlflow.store").setLevel(logging.WARNING)
        self._mlflow, self._tracked = mlflow, tracked

    def start(self) -> None:
        tracked, mlflow = self._tracked, self._mlflow
        own = f"sqlite:///{(tracked.folder / 'mlflow.db').absolute()}"
        self._client = mlflow.MlflowClient(mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else own)
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        number = experiment.experiment_id if experiment else self._client.create_experiment(EXPERIMENT)
        found = self._client.search_runs([number], f"tags.`{KEY_TAG}` = '{tracked.key}'", max_results=1)
        run = found[0] if found else self._new_run(number)
        self._id, self._last_step = run.info.run_id, int(run.data.metrics.get(STEP, 0))
        self._client.update_run(self._id, status="RUNNING")

    def _new_run(self, experiment: str) -> Any:
        name, tags = f"{self._tracked.run} {self._tracked.name}", {KEY_TAG: self._tracked.key}
        run = self._client.create_run(experiment, tags=tags, run_name=name)
        params = [self._mlflow.entities.Param(*setting) for setting in self._tracked.settings.items()]
        self._client.log_batch(run.info.run_id, params=params)
        return run

    def log(self, entries: Sequence[Entry]) -> None:
        now, metric = int(time.time() * 1000), self._mlflow.entities.Metric
        new = [(step, figures) for step, figures in entries if step > self._last_step]
        metrics = [metric(name, value, now, step) for step, figures in new for name, value in figures.items()]
        self._client.log_batch(self._id, metrics=metrics)

    def close(self) -> None:
        self._client.set_terminated(self._id)


TRACKERS: Final[dict[str, Callable[[Tracked], Tracker]]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MlFlow,
}
