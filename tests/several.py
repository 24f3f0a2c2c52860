"""Runs a function in several processes that form a group, as torchrun would start them.

The processes are forked from the test, so that they need not import anything.
"""

from __future__ import annotations

import json
import os
import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tunesmith.runtime import Runtime
from tunesmith.train.group import Group, joined


def together(num_processes: int, folder: Path, job: Callable[[Group], Any]) -> list[Any]:
    """What `job` returned in each process, by rank: JSON values."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    children = [
        _fork(Runtime(folder, folder, rank=r, world_size=num_processes), port, job) for r in range(num_processes)
    ]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    said = [(folder / f"said-{rank}").read_text() for rank in range(num_processes)]
    assert codes == [0] * num_processes, "\n".join(said)
    return [json.loads(one) for one in said]


def _fork(runtime: Runtime, port: int, job: Callable[[Group], Any]) -> int:
    child = os.fork()
    if child:
        return child
    said = runtime.workspace / f"said-{runtime.rank}"
    # a pool of threads that the test's process had would be waited for, and is not there
    torch.set_num_threads(runtime.num_threads)
    try:
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        with joined(runtime) as group:
            result = job(group)
        said.write_text(json.dumps(result))
        os._exit(0)
    except BaseException:
        said.write_text(traceback.format_exc())
        os._exit(1)
