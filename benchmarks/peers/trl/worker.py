"""TRL's side of a training comparison: SFTTrainer with its documented defaults, one JSON line in, one out.

Runs in TRL's own environment and imports nothing of this project. The first line is a TrainingJob, whose `settings`
are fields of SFTConfig to put over the defaults; the answer is `{"versions": ...}` once training is about to begin.
Each further line asks for one optimiser step; the answer is its `seconds`, `loss`, `grad_norm`, `num_tokens` and the
process's `peak_bytes` so far. A step is timed from the request to its log entry, so it holds what the trainer does
around forward and backward too.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

import peft
import torch
import transformers
import trl
from datasets import Dataset
from peft import PeftConfig, load_peft_weights, set_peft_model_state_dict
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]


class StepOnRequest(TrainerCallback):  # type: ignore[misc]
    """Holds the trainer between two steps until the next line arrives; the end of input ends training."""

    def __init__(self, answers: TextIO, device: str) -> None:
        self._answers = answers
        self._device = device
        self._started = 0.0
        self._num_tokens = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        versions = {module.__name__: module.__version__ for module in (trl, peft, transformers, torch)}
        self._answer(versions=versions)
        self._wait(control)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "loss" in logs:  # the entry at the end of training has none
            seconds = time.perf_counter() - self._started
            num_tokens = int(logs["num_tokens"])  # of all steps so far, by the attention mask
            self._answer(
                seconds=seconds,
                loss=float(logs["loss"]),
                grad_norm=float(logs["grad_norm"]),
                num_tokens=num_tokens - self._num_tokens,
                peak_bytes=peak_bytes(self._device),
            )
            self._num_tokens = num_tokens
            self._wait(control)

    def _answer(self, **values: Any) -> None:
        print(json.dumps(values), file=self._answers, flush=True)

    def _wait(self, control: Any) -> None:
        if not sys.stdin.readline():
            control.should_training_stop = True
        self._started = time.perf_counter()


def build_trainer(job: dict[str, Any], output: str, answers: TextIO) -> SFTTrainer:
    """What the job does not name is left at TRL's default."""
    settings = SFTConfig(**given_settings(job, output) | job["settings"])
    adapter = PeftConfig.from_pretrained(job["adapter"])
    adapter.inference_mode = False
    trainer = SFTTrainer(
        model=job["model"],
        args=settings,
        train_dataset=Dataset.from_list(rows_in_order(job)),
        peft_config=adapter,
        callbacks=[StepOnRequest(answers, job["device"])],
    )
    set_peft_model_state_dict(trainer.model, load_peft_weights(job["adapter"], device="cpu"))
    return trainer


def given_settings(job: dict[str, Any], output: str) -> dict[str, Any]:
    """What every side is given, in SFTConfig's words."""
    return {
        "output_dir": output,
        "use_cpu": job["device"] == "cpu",
        "bf16": job["precision"] == "bf16",
        "per_device_train_batch_size": job["rows_per_step"],
        "max_steps": job["max_steps"],
        "learning_rate": job["learning_rate"],
        "lr_scheduler_type": "constant",
        "adam_beta1": job["beta1"],
        "adam_beta2": job["beta2"],
        "adam_epsilon": job["epsilon"],
        "weight_decay": job["weight_decay"],
        "max_grad_norm": job["max_grad_norm"],
        "completion_only_loss": True,
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def rows_in_order(job: dict[str, Any]) -> list[dict[str, list[int]]]:
    """Enough repetitions of the rows for all steps, so that no epoch ends inside the run."""
    rows = [json.loads(line) for line in Path(job["rows"]).read_text(encoding="utf-8").splitlines()]
    return [rows[place % len(rows)] for place in range(job["max_steps"] * job["rows_per_step"])]


def peak_bytes(device: str) -> int:
    """Largest memory of this process so far: on a GPU what torch allocated there, else the kernel's VmHWM
    (`ru_maxrss` would count the parent's too)."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def main() -> None:
    # libraries print to standard output; only the answers may reach the pipe
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    torch.set_num_threads(job["num_threads"])
    with tempfile.TemporaryDirectory() as output:
        build_trainer(job, output, answers).train()


if __name__ == "__main__":
    main()
