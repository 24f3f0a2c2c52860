"""The history of trainings: appended, read back, torn lines left out."""

from __future__ import annotations

from pathlib import Path

from tunesmith.artifacts.history import FILE, Taken, append_taken, read_history

TAKEN = Taken(
    time="2026-01-01T12:00:00",
    run="desk-1",
    name="tuned",
    base="builtin:tiny",
    method="lora",
    precision="bf16",
    device="cpu",
    num_steps=3,
    num_tokens=50,
    predicted_bytes=5,
    measured_bytes=None,
    predicted_seconds=None,
    measured_seconds=1.5,
)


def test_trainings_are_read_back_in_order_and_a_torn_line_is_left_out(tmp_path: Path) -> None:
    assert read_history(tmp_path) == []
    second = TAKEN.model_copy(update={"run": "desk-2"})
    append_taken(tmp_path / "new", TAKEN)
    append_taken(tmp_path / "new", second)
    with (tmp_path / "new" / FILE).open("a") as stream:
        stream.write(TAKEN.model_dump_json()[:40])
    assert read_history(tmp_path / "new") == [TAKEN, second]
    append_taken(tmp_path / "new", second)
    assert read_history(tmp_path / "new") == [TAKEN, second, second]
