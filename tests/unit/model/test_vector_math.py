"""The first call of a vector function by two threads gives what every later call gives."""

from __future__ import annotations

import subprocess
import sys

import pytest

NUM_PROCESSES = 8_000
"""Without `choose_kernels` one process in some 1,500 differs."""

FIRST_CALLS = f"""
import os, torch
from tunesmith.model.vector_math import choose_kernels
torch.set_num_threads(1)
angles_T = torch.randn(4096)
num_different = 0
for _ in range({NUM_PROCESSES}):
    child = os.fork()
    if not child:
        choose_kernels()
        torch.set_num_threads(2)
        os._exit(not torch.equal(torch.cos(angles_T), torch.cos(angles_T)))
    num_different += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
print(num_different)
"""


@pytest.mark.slow
def test_first_calls_by_two_threads_are_as_exact_as_later_ones() -> None:
    told = subprocess.run([sys.executable, "-c", FIRST_CALLS], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "0"
