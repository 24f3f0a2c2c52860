"""How many threads a training computes with: measured on this machine once, then remembered.

Two logical cores often share the units that multiply, and a small model's sums are not worth dividing: half of the
threads can be faster than all. Another number rounds sums differently, so the choice is kept beside the caches, and in
every checkpoint: the same training on the same machine does not choose twice.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch

from tunesmith.artifacts import write_whole
from tunesmith.errors import RunFailed
from tunesmith.model.kernels import describe_kernels
from tunesmith.train.drive import Loop
from tunesmith.train.random_state import random_state, restore_random_state
from tunesmith.train.step import forward_backward, is_out_of_memory

MIN_GAIN: Final = 0.05
"""Share of the time that half the threads must save: less may be noise."""
MEASURED_TOKENS: Final = 512
"""Most tokens of the micro-batch that is timed, unless its first row has more."""
NUM_TIMED: Final = 2


def chosen_threads(loop: Loop, decisive: str, cache: Path, most: int) -> int:
    """The number for this training, at most `most`: that of an earlier start or, on a CPU, measured now.

    `decisive` names the model, method and precision. Leaves the loop as it was. Raises RunFailed `out-of-memory`.
    """
    if most == 1 or loop.source.layout.device != "cpu":
        return most
    key = hashlib.sha256(f"{decisive} {most} {describe_kernels('cpu')}".encode()).hexdigest()
    file = cache / "threads" / f"{key[:32]}.json"
    if file.is_file():
        return int(json.loads(file.read_text(encoding="utf-8"))["num_threads"])
    num_threads = fewest_as_fast(lambda number: _seconds(loop, number), most)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({"num_threads": num_threads}).encode())
    return num_threads


def fewest_as_fast(seconds: Callable[[int], float], most: int) -> int:
    """`most`, halved as long as that makes a step faster by MIN_GAIN."""
    number, least = most, seconds(most)
    while number > 1:
        halved = seconds(number // 2)
        if halved > (1 - MIN_GAIN) * least:
            break
        number, least = number // 2, halved
    return number


def _seconds(loop: Loop, num_threads: int) -> float:
    """The least of a few passes over a small micro-batch of the first rows, after one that warms up."""
    before, layout = random_state(), loop.source.layout
    torch.set_num_threads(num_threads)
    loop.source.limit(min(MEASURED_TOKENS, layout.micro_batch_tokens))
    batch = loop.source.next_step()[0]
    loop.source.limit(layout.micro_batch_tokens)
    passes = []
    for _ in range(1 + NUM_TIMED):
        start = time.perf_counter()
        try:
            forward_backward(loop.model, loop.optimizer, loop.objective, batch)
        except (MemoryError, RuntimeError) as failure:
            if not is_out_of_memory(failure):
                raise
            raise RunFailed("out-of-memory", step=1, tokens=batch.num_tokens) from failure
        passes.append(time.perf_counter() - start)
    loop.optimizer.discard()
    restore_random_state(before)
    return min(passes[1:])
