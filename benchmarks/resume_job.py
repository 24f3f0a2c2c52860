"""A small training that is harmed on purpose, in processes forked from one that has everything imported.

Twelve steps over two epochs of a random model of 70 thousand weights, a validation every third step, a checkpoint
after every step. Nothing may be lost without a trace: the loss is multiplied by a number from torch's own generator,
the rate rises from step to step, and so far that the best weights are not the last.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from errno import ENOSPC
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from tunesmith.artifacts import Dataset, Plan, is_whole, open_run
from tunesmith.artifacts.folder import MANIFEST
from tunesmith.chat import Chat, load_chat
from tunesmith.errors import Interrupted, TunesmithError
from tunesmith.model.base import BUILTIN, Base, find_base
from tunesmith.model.layout import MicroBatch
from tunesmith.model.load import load_model
from tunesmith.plan.run import Planning
from tunesmith.plan.run import plan as plan_stage
from tunesmith.prepare import prepare
from tunesmith.recipe import Evaluate, Full, Lora, Prepare, Train
from tunesmith.runtime import Runtime, Silent, utc_now
from tunesmith.train.checkpoint import newest_checkpoint
from tunesmith.train.drive import Driver, Loop
from tunesmith.train.interrupt import deferred_signals
from tunesmith.train.random_state import random_state
from tunesmith.train.run import build, finish
from tunesmith.train.sampler import RowSampler
from tunesmith.train.step import LossSum, Objective
from tunesmith.train.training import Training

GEOMETRY: Final = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "vocab_size": 4096,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
}
NUM_ROWS: Final = 32
ROWS_A_STEP: Final = 4
NUM_EPOCHS: Final = 2
WORDS: Final = ("kettle", "lamp", "tent", "jacket", "order", "parcel", "refund", "street", "blue", "seven", "never")
FAILED, DISK_FULL, INTERRUPTED = 1, 28, 130


@dataclass(frozen=True)
class Case:
    """One way to train."""

    method: Literal["full", "lora"] = "full"
    share_prefixes: bool = True
    accumulation: Literal[1, 4] = 1
    num_threads: int = 1
    evaluate_every: int = 3
    max_steps: int | None = None

    def section(self) -> Train:
        return Train(
            method=Full() if self.method == "full" else Lora(rank=4),
            epochs=NUM_EPOCHS,
            max_steps=self.max_steps,
            batch_rows=ROWS_A_STEP,
            micro_batch_tokens=16384 if self.accumulation == 1 else 1,
            share_prefixes=self.share_prefixes,
            learning_rate=2.0,
            warmup=0.9,
            evaluate_every=self.evaluate_every,
            checkpoint_every=1,
            trackers=(),
        )


@dataclass(frozen=True)
class Harm:
    """A signal in the middle of a step, `times` over: at its `micro_batch`-th micro-batch, counted from 1."""

    step: int = 0
    micro_batch: int = 1
    number: signal.Signals = signal.SIGKILL
    times: int = 1


UNHARMED: Final = Harm()


@dataclass(frozen=True)
class Desk:
    """Base and rows, ready in memory, and the folder that holds them."""

    folder: Path
    base: Base
    chat: Chat
    dataset: Dataset

    def training(self, case: Case) -> Training:
        """What the case trains; its plan is made when it is first asked for."""
        section = case.section()
        runtime = self.runtime(case)
        planning = Planning("tuned", self.dataset, self.base, self.chat, section, Evaluate(), RowSampler, 0, runtime)
        out = self.folder / "plans" / planning.identity().key()
        plan = Plan.open(out) if is_whole(out) else plan_stage(planning, progress=Silent(), out=out)
        return Training("tuned", self.dataset, self.base, self.chat, plan, section, 0)

    def runtime(self, case: Case) -> Runtime:
        return Runtime(self.folder, self.folder / "cache", num_threads=case.num_threads)


def make_desk(folder: Path) -> Desk:
    """Write base and rows in a child, so that this process stays without threads of its own, then read them."""
    if fork(partial(_write, folder), folder / "log"):
        raise RuntimeError((folder / "log").read_text(encoding="utf-8"))
    torch.set_num_threads(1)
    base = find_base(str(folder / "base"))
    load_model(base.folder, dtype=torch.float32, device="cpu")  # imports what every attempt needs
    return Desk(folder, base, load_chat(base.folder), Dataset.open(folder / "dataset"))


def _write(folder: Path) -> None:
    torch.manual_seed(0)
    config = Qwen2Config(**GEOMETRY, bos_token_id=None, eos_token_id=2, pad_token_id=0, initializer_range=0.2)
    Qwen2ForCausalLM(config).save_pretrained(folder / "base")
    for file in find_base(BUILTIN).folder.iterdir():
        if not (folder / "base" / file.name).exists():
            shutil.copy(file, folder / "base" / file.name)
    draw = random.Random(0)
    system = {"role": "system", "content": " ".join(WORDS)}
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as stream:
        for number in range(NUM_ROWS):
            asked, said = (" ".join(draw.choices(WORDS, k=draw.randint(4, 20))) for _ in range(2))
            turns = [{"role": "user", "content": f"{number} {asked}"}, {"role": "assistant", "content": said}]
            stream.write(json.dumps({"messages": [system, *turns]}) + "\n")
    section = Prepare.model_validate(
        {"sources": str(folder / "rows.jsonl"), "validation_share": 0.2, "test_share": 0.05}
    )
    prepare(section, seed=0, runtime=Runtime(folder, folder / "cache"), progress=Silent(), out=folder / "dataset")


def fork(job: Callable[[], None], log: Path) -> int:
    """Run `job` in a child and wait for it: its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(begin(job, log), 0)[1])


def begin(job: Callable[[], None], log: Path) -> int:
    """Run `job` in a child; its process id. What it prints and why it failed is added to `log`."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = FAILED
    try:
        with log.open("a", encoding="utf-8") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        job()
        code = 0
    except Interrupted:
        code = INTERRUPTED
    except BaseException as failure:
        # safetensors tells the system's error by its text alone
        full = isinstance(failure, Exception) and os.strerror(ENOSPC) in str(failure)
        code = DISK_FULL if full else FAILED
        log.open("a", encoding="utf-8").write(traceback.format_exc())
    finally:
        os._exit(code)


def attempt(desk: Desk, case: Case, folder: Path, harm: Harm = UNHARMED) -> None:
    """Start or go on with the run in `folder`, as `tunesmith train` does; `ended.json` is written after its steps."""
    training = desk.training(case)
    with open_run(folder / "work" / "run", "", utc_now) as run:
        out = folder / "work" / "model"
        if is_whole(out):
            shutil.rmtree(training.checkpoints(run.folder), ignore_errors=True)
            return
        loop = build(training, desk.runtime(case), Silent(), run)
        with (folder / "resumed").open("a", encoding="utf-8") as stream:
            stream.write(f"{loop.progressed.step}\n")
        loop.objective = Noisy(loop, loop.objective, harm)
        with deferred_signals() as stop:
            Driver(training, loop, stop, Silent(), run, ()).drive()
        (folder / "ended.json").write_text(json.dumps(_state(loop)), encoding="utf-8")
        finish(training, loop, Silent(), run, out)


class Noisy:
    """An objective that draws from torch's generator, and is where harm is done."""

    def __init__(self, loop: Loop, objective: Objective, harm: Harm) -> None:
        self._loop = loop
        self._objective = objective
        self._harm = harm
        self._at = (0, 0)

    def __call__(self, model: PreTrainedModel, batch: MicroBatch) -> LossSum:
        step = self._loop.source.state()["next_step"]
        self._at = (step, self._at[1] + 1 if step == self._at[0] else 1)
        if self._at == (self._harm.step, self._harm.micro_batch):
            for _ in range(self._harm.times):
                os.kill(os.getpid(), self._harm.number)
        loss = self._objective(model, batch)
        return replace(loss, sum=loss.sum * (0.5 + torch.rand(())))


def _state(loop: Loop) -> dict[str, Any]:
    """Hashes of the weights after the last step, of the optimiser and the random state; the rows taken; the best."""
    tensors = loop.optimizer.state() | random_state()
    hashes = {name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest() for name, tensor in tensors.items()}
    told = loop.progressed
    best = {"best_step": told.best_step, "best_value": told.best_value, "num_without_gain": told.num_without_gain}
    return {**hashes, **best, "step": told.step, "rows": told.rows_hash, "num_tokens": told.num_tokens}


def ended(folder: Path) -> dict[str, Any]:
    """How the run in `folder` ended: the state after its last step and the hashes of what it published."""
    published = folder / "work" / "model"
    state: dict[str, Any] = json.loads((folder / "ended.json").read_text(encoding="utf-8"))
    files = json.loads((published / MANIFEST).read_text(encoding="utf-8"))["files"]
    weights = {name: entry["sha256"] for name, entry in files.items() if name.startswith(("weights", "adapter"))}
    return {**state, **weights}


def leftovers(folder: Path) -> list[str]:
    """What should not be there once a run has ended: checkpoints, and half of what was being written."""
    found = [*folder.rglob("*.partial"), *folder.rglob("*.retired"), *folder.rglob("checkpoints/*/step-*")]
    return [str(path.relative_to(folder)) for path in found]


def resumed_steps(folder: Path) -> list[int]:
    """The step from which each attempt went on, in order."""
    return [int(line) for line in (folder / "resumed").read_text(encoding="utf-8").split()]


def checkpoint_is_whole(desk: Desk, case: Case, folder: Path) -> bool:
    """Whether all checkpoints that are left open without a fault. Sets aside those that do not."""
    training = desk.training(case)
    try:
        _, damaged = newest_checkpoint(training.checkpoints(folder / "work" / "run"), training.identity())
    except TunesmithError:
        return False
    return not damaged
