"""What is known of the rows between reading and writing."""

from __future__ import annotations

from pathlib import Path

from tunesmith.prepare.index import DTYPES, Columns


def test_a_folder_may_hold_more_files_than_two_bytes_count(tmp_path: Path) -> None:
    columns = Columns(tmp_path / "columns", {"source": DTYPES["source"]})
    columns.append(source=[70_000])
    assert columns["source"].tolist() == [70_000]
