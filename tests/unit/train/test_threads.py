"""Half the threads are taken where they are faster."""

from __future__ import annotations

import pytest

from tunesmith.train.threads import fewest_as_fast


@pytest.mark.parametrize(
    ("seconds", "most", "chosen"),
    [
        ({8: 4.0, 4: 3.0, 2: 3.1}, 8, 4),
        ({8: 4.0, 4: 3.9}, 8, 8),  # might be noise
        ({8: 4.0, 4: 3.0, 2: 2.0, 1: 1.0}, 8, 1),
        ({6: 4.0, 3: 3.0, 1: 9.0}, 6, 3),
        ({2: 1.0, 1: 1.9}, 2, 2),
    ],
)
def test_threads_are_halved_as_long_as_that_gains(seconds: dict[int, float], most: int, chosen: int) -> None:
    assert fewest_as_fast(seconds.__getitem__, most) == chosen
