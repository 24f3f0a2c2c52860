"""The processes that take the steps of one training together, on one machine.

Each holds the whole model, computes a part of every step's rows and updates with the sum of all gradients. What the
hosts tell each other is JSON over gloo and waits for no device. A process alone exchanges nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from tunesmith.errors import RunFailed
from tunesmith.runtime import Runtime

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

PATIENCE: Final = timedelta(days=30)
"""The others wait while the first prepares and publishes; torchrun ends those whose neighbour has died."""
HEAD_BYTES: Final = 4096
"""Of what a process says, so many bytes go out at once; most is shorter."""


@dataclass(frozen=True, slots=True)
class Group:
    """This process's place among those of a training. Every method is called by all of them, in the same order.

    Raises RunFailed `process-lost` where another one has ended.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that prepares, writes and tells."""
        return self.rank == 0

    def sum_(self, tensor: Tensor) -> None:
        """Replace a tensor, of one shape everywhere, by its sum over all processes, the same bits in each."""
        if self.size == 1:
            return
        import torch.distributed as dist

        with _all_alive():
            dist.all_reduce(tensor)

    def gather(self, value: T) -> list[T]:
        """What each process says, by rank: JSON values."""
        if self.size == 1:
            return [value]
        return [json.loads(said) for said in self.gather_bytes(json.dumps(value).encode())]

    def gather_bytes(self, content: bytes) -> list[bytes]:
        """The same with bytes. One exchange where all of them are short, else two."""
        if self.size == 1:
            return [content]
        length = len(content).to_bytes(8, "little")
        heads = self._all_gather((length + content)[:HEAD_BYTES].ljust(HEAD_BYTES))
        lengths = [int.from_bytes(head[:8], "little") for head in heads]
        said = [head[8:] for head in heads]
        longest = max(lengths)
        if longest > HEAD_BYTES - 8:
            said = self._all_gather(content.ljust(longest))
        return [one[:size] for one, size in zip(said, lengths, strict=True)]

    def _all_gather(self, content: bytes) -> list[bytes]:
        """Of one length everywhere."""
        import torch
        import torch.distributed as dist

        said = [torch.empty(len(content), dtype=torch.uint8) for _ in range(self.size)]
        with _all_alive():
            dist.all_gather(said, torch.frombuffer(bytearray(content), dtype=torch.uint8))
        return [one.numpy().tobytes() for one in said]

    def wait(self) -> None:
        """Until all processes are here."""
        self.gather(None)

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """The block runs in the first process, then in the others, which find what it left on the disk."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()


ALONE: Final = Group()


@contextmanager
def joined(runtime: Runtime) -> Iterator[Group]:
    """Meet the other processes that torchrun started, and part when the block ends well.

    torch reads their address from the environment. After a failure nobody is waited for: the process is to end.
    """
    group = Group(runtime.rank, runtime.world_size)
    if group.size == 1:
        yield group
        return
    import torch.distributed as dist

    backend = "gloo" if runtime.device == "cpu" else "cpu:gloo,cuda:nccl"
    with _all_alive():
        dist.init_process_group(backend, rank=group.rank, world_size=group.size, timeout=PATIENCE)
    yield group
    group.wait()
    dist.destroy_process_group()


@contextmanager
def _all_alive() -> Iterator[None]:
    try:
        yield
    except RuntimeError as failure:  # torch's word for a closed connection too
        raise RunFailed("process-lost") from failure
