"""Who holds which places of the key/value store, and which hold the beginning of what is asked next. No torch here.

Places are given out in blocks. A full block of computed tokens is known by all tokens up to its end, and by the
adapter that computed them; whoever begins with these tokens shares it. A block that nobody holds any more keeps its
tokens until its places are needed: the one that was given back longest ago goes first.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

BLOCK: Final = 16
"""Tokens of a block."""


@dataclass(frozen=True, slots=True)
class Held:
    """Places of one answer: those of its prompt and of all that it may write.

    Named are the blocks of the prompt that are full without its last token, which is always left to be computed.
    """

    blocks: tuple[int, ...]
    places: NDArray[np.int64]
    names: tuple[bytes, ...]
    promised: tuple[bytes, ...]
    """Those of its names that nobody else computes."""
    num_cached: int
    """Tokens at its beginning that are computed already."""


class Blocks:
    """Block 0 is never given out: its places belong to nobody."""

    def __init__(self, max_tokens: int) -> None:
        """As many whole blocks as `max_tokens` tokens fill."""
        self.num_blocks = max(1, max_tokens // BLOCK)
        self._num_holders = [0] * (self.num_blocks + 1)
        # in the order in which they are taken
        self._free: OrderedDict[int, None] = OrderedDict.fromkeys(range(1, self.num_blocks + 1))
        self._name_of: dict[int, bytes] = {}
        self._block_of: dict[bytes, int] = {}
        self._promised: set[bytes] = set()
        """Names of blocks that somebody is going to compute."""

    @property
    def num_places(self) -> int:
        """Of the store, with those of nobody."""
        return (self.num_blocks + 1) * BLOCK

    @property
    def num_held_tokens(self) -> int:
        return (self.num_blocks - len(self._free)) * BLOCK

    @property
    def max_tokens(self) -> int:
        """Of one answer with its prompt."""
        return self.num_blocks * BLOCK

    def hold(self, names: Sequence[bytes], num_tokens: int) -> Held | None:
        """Places for so many tokens, of which the blocks at the beginning have names.

        None while others hold too many, or compute the beginning.
        """
        num_shared = next((n for n, name in enumerate(names) if name not in self._block_of), len(names))
        if num_shared < len(names) and names[num_shared] in self._promised:
            return None
        shared = [self._block_of[name] for name in names[:num_shared]]
        num_new = -(-num_tokens // BLOCK) - num_shared
        if num_new > len(self._free) - sum(block in self._free for block in shared):
            return None
        for block in shared:
            self._free.pop(block, None)
        blocks = shared + [self._take() for _ in range(num_new)]
        for block in blocks:
            self._num_holders[block] += 1
        promised = tuple(name for name in names[num_shared:] if name not in self._block_of)
        self._promised.update(promised)
        places = (np.array(blocks, np.int64)[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        return Held(tuple(blocks), places, tuple(names), promised, num_shared * BLOCK)

    def computed(self, held: Held, num_before: int, num_tokens: int) -> None:
        """So many of the prompt's tokens are computed now, so many were before: its full blocks may be shared."""
        for number in range(num_before // BLOCK, min(num_tokens // BLOCK, len(held.names))):
            if held.names[number] in self._promised:
                self._promised.discard(held.names[number])
                self._name(held.blocks[number], held.names[number])

    def written(self, held: Held, ids: Sequence[int], adapter: int) -> None:
        """Let what an answer's prompt and text have computed be found by those that go on from them."""
        for name, block in zip(block_names(ids, adapter), held.blocks, strict=False):
            if name not in self._block_of and block not in self._name_of and name not in self._promised:
                self._name(block, name)

    def give_back(self, held: Held) -> None:
        self._promised.difference_update(held.promised)
        # the end of a text is asked for less often than its beginning
        for block in reversed(held.blocks):
            self._num_holders[block] -= 1
            if not self._num_holders[block]:
                self._free[block] = None
                self._free.move_to_end(block, last=block in self._name_of)  # what nobody can find goes first

    def _name(self, block: int, name: bytes) -> None:
        self._block_of[name] = block
        self._name_of[block] = name

    def _take(self) -> int:
        block, _ = self._free.popitem(last=False)
        name = self._name_of.pop(block, None)
        if name is not None:
            del self._block_of[name]
        return block


def block_names(ids: Sequence[int], adapter: int) -> list[bytes]:
    """What each full block of tokens is known by: a hash of all tokens up to its end and of who computes them."""
    whole = np.array(ids, np.int64)
    name, names = b"%d" % adapter, []
    for start in range(0, len(whole) // BLOCK * BLOCK, BLOCK):
        name = hashlib.blake2b(name + whole[start : start + BLOCK].tobytes(), digest_size=16).digest()
        names.append(name)
    return names
