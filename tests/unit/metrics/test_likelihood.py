import math

import pytest

from tunesmith.metrics.likelihood import bits_per_byte


def test_a_uniform_guess_over_bytes_costs_eight_bits() -> None:
    num_bytes = len("银行卡 card".encode())
    assert bits_per_byte(-num_bytes * math.log(1 / 256), num_bytes) == pytest.approx(8.0, rel=1e-14)
    assert bits_per_byte(0.0, 5) == 0.0


def test_no_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        bits_per_byte(1.0, 0)
