"""A quick run of each benchmark, our side only: it measures, and neither judges nor writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import run


@pytest.mark.parametrize("name", ["startup", "prepare", "train-cpu", "resume"])
def test_a_quick_run_measures_but_writes_and_judges_nothing(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main([name, "--quick", "--results", str(tmp_path)]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["goals"] == {}
    assert list(tmp_path.iterdir()) == []
    if name == "startup":
        assert printed["figures"]["help_loads_torch"] == 0.0
        assert 0.0 < printed["figures"]["help_seconds_min"] <= printed["figures"]["help_seconds_median"]
    elif name == "resume":
        inexact = {figure: value for figure, value in printed["figures"].items() if figure.endswith("/inexact")}
        assert set(inexact.values()) == {0.0}
        assert all(printed["figures"][figure.replace("inexact", "trials")] > 1 for figure in inexact)
        assert printed["figures"]["mutants/caught"] == 5
        assert printed["figures"]["mutants/false alarms"] == 0
    elif name == "prepare":
        assert printed["void"] == []
        assert printed["figures"]["ours/2000/rows_per_second"] > 0.0
        assert printed["figures"]["ours/2000/peak_bytes"] > 1 << 26
    else:
        assert printed["figures"]["smoke/fp32/tokens_per_second"] > 0.0
        assert printed["figures"]["smoke/fp32/peak_bytes"] > 1 << 26
