"""The accounting of places against what a plain dictionary of all that was computed says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.engine.blocks import BLOCK, Blocks, Held, block_names

NUM_BLOCKS = 6
PREFIX = tuple(range(100, 100 + 2 * BLOCK + 3))

prompts = st.tuples(st.integers(0, len(PREFIX)), st.lists(st.integers(0, 1), max_size=40)).map(
    lambda drawn: [*PREFIX[: drawn[0]], *drawn[1]] or [7]
)
asked = st.tuples(st.just("ask"), prompts, st.integers(1, 40), st.integers(0, 1))
others = st.tuples(st.sampled_from(["read", "end", "drop"]), st.integers(0, 5), st.integers(1, 30))


def hold(blocks: Blocks, prompt: list[int], room: int, adapter: int) -> Held | None:
    return blocks.hold(block_names(prompt[:-1], adapter), len(prompt) + room)


@pytest.mark.thorough
@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.one_of(asked, others), max_size=40))
def test_nothing_is_given_twice_or_lost_and_what_is_shared_is_the_same(actions: list[tuple]) -> None:
    blocks = Blocks(NUM_BLOCKS * BLOCK + 5)
    holders: list[tuple[Held, list[int], int, int]] = []  # places, tokens, adapter, tokens that are computed
    content: dict[int, tuple[int, int, int]] = {}  # of each place: who computed it last, which token, at which position
    for action in actions:
        if action[0] == "ask":
            _, prompt, room, adapter = action
            held = hold(blocks, prompt, room, adapter)
            if held is None:
                needed = -(-(len(prompt) + room) // BLOCK)
                assert holders or needed > NUM_BLOCKS  # who asks alone is never kept waiting
                continue
            assert len(held.places) >= len(prompt) + room
            assert held.num_cached <= len(prompt) - 1
            for position in range(held.num_cached):
                assert content[int(held.places[position])] == (adapter, prompt[position], position)
            holders.append((held, list(prompt), adapter, held.num_cached))
        elif holders:
            number = action[1] % len(holders)
            held, tokens, adapter, before = holders[number]
            if action[0] == "read":
                after = min(before + action[2], len(held.places))
                tokens = tokens + [9] * max(0, after - len(tokens))
                for position in range(before, after):
                    content[int(held.places[position])] = (adapter, tokens[position], position)
                blocks.computed(held, before, after)
                holders[number] = (held, tokens, adapter, after)
            else:
                if action[0] == "end":
                    blocks.written(held, tokens[:before], adapter)
                blocks.give_back(held)
                del holders[number]
        own = [set(held.blocks[held.num_cached // BLOCK :]) for held, *_ in holders]
        assert sum(map(len, own)) == len(set().union(*own))
        in_use = set().union(*(held.blocks for held, *_ in holders))
        assert 0 not in in_use
        assert blocks.num_held_tokens == len(in_use) * BLOCK
    for held, *_ in holders:
        blocks.give_back(held)
    assert blocks.num_held_tokens == 0
    assert hold(blocks, [5] * (NUM_BLOCKS * BLOCK - 1), 1, adapter=0) is not None


def test_what_begins_alike_is_computed_once_and_found_again() -> None:
    blocks = Blocks(20 * BLOCK)
    prompt = list(range(3 * BLOCK + 2))
    first = hold(blocks, prompt, 10, adapter=0)
    assert first is not None
    assert hold(blocks, prompt, 10, adapter=0) is None  # waits for the first, which computes the same
    assert hold(blocks, prompt, 10, adapter=1) is not None  # another adapter computes something else
    blocks.computed(first, 0, 2 * BLOCK)
    assert hold(blocks, prompt, 10, adapter=0) is None
    blocks.computed(first, 2 * BLOCK, len(prompt))
    second = hold(blocks, prompt, 10, adapter=0)
    assert second is not None
    assert second.num_cached == 3 * BLOCK
    assert second.blocks[:3] == first.blocks[:3]
    assert not set(second.blocks[3:]) & set(first.blocks)
    whole = [*prompt, *range(500, 500 + BLOCK)]
    blocks.written(first, whole, adapter=0)
    blocks.give_back(first)
    later = hold(blocks, [*whole, 3], 10, adapter=0)
    assert later is not None
    assert later.num_cached == 4 * BLOCK
    exact = hold(blocks, prompt[: 2 * BLOCK], 1, adapter=0)
    assert exact is not None
    assert exact.num_cached == BLOCK  # the last token is left to be computed


def test_a_computation_that_is_broken_off_is_no_promise() -> None:
    blocks = Blocks(20 * BLOCK)
    prompt = list(range(2 * BLOCK + 1))
    first = hold(blocks, prompt, 1, adapter=0)
    assert first is not None
    blocks.give_back(first)
    second = hold(blocks, prompt, 1, adapter=0)
    assert second is not None
    assert second.num_cached == 0


def test_what_was_given_back_longest_ago_goes_first() -> None:
    blocks = Blocks(4 * BLOCK)
    for first in (0, 1000):
        held = hold(blocks, [first + n for n in range(BLOCK + 1)], 1, adapter=0)
        assert held is not None
        blocks.computed(held, 0, BLOCK + 1)
        blocks.give_back(held)
    taken = hold(blocks, list(range(2000, 2000 + BLOCK)), 2 * BLOCK, adapter=0)  # the two without a name, and the older
    assert taken is not None
    blocks.give_back(taken)
    for first, num_cached in ((1000, BLOCK), (0, 0)):
        held = hold(blocks, [first + n for n in range(BLOCK + 1)], 1, adapter=0)
        assert held is not None
        assert held.num_cached == num_cached


def test_blocks_that_are_shared_are_not_taken_for_something_else() -> None:
    blocks = Blocks(4 * BLOCK)
    prompt = list(range(2 * BLOCK + 1))
    first = hold(blocks, prompt, 1, adapter=0)
    other = hold(blocks, [7], 1, adapter=0)
    assert first is not None
    assert other is not None
    blocks.computed(first, 0, len(prompt))
    blocks.give_back(first)
    assert hold(blocks, prompt, 2 * BLOCK, adapter=0) is None  # two shared and two new ones: one is somebody's
    again = hold(blocks, prompt, 1, adapter=0)
    assert again is not None
    assert again.blocks[:2] == first.blocks[:2]
