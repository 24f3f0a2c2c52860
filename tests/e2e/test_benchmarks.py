"""A quick run of each benchmark, our side only: it measures, and neither judges nor writes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from benchmarks import run

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name",
    [
        *("startup", "prepare", "train-cpu", "train-prefix", "train-gpu", "resume", "method-advice", "statistics"),
        *("label-scoring", "drift", "search", "serve"),
    ],
)
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
    elif name == "method-advice":
        assert printed["figures"]["num_best_or_tied"] == printed["figures"]["smoke/best_or_tied"]
        assert all(0.0 <= printed["figures"][f"smoke/{method}"] <= 1.0 for method in ("full", "lora", "prefix"))
        assert sum("advised_minus" in figure for figure in printed["figures"]) == 2
    elif name == "statistics":
        assert 0.85 <= printed["figures"]["coverage/pair/50"] <= 1.0
        assert printed["figures"]["false better/score pair/100"] <= 0.2
        assert abs(printed["figures"]["calibration/ECE less its null/50"]) < 0.03
        assert printed["figures"]["gate/promoted without a gain"] <= 0.2
    elif name == "label-scoring":
        assert printed["figures"]["largest_margin"] < 1e-3
        assert printed["figures"]["num_likeliest_checked"] == 3
        assert all(printed["figures"][f"{side}_ratio"] > 0.0 for side in ("generate_loop", "batched_generate"))
    elif name == "drift":
        # two months of four windows, of three streams and two sizes
        assert printed["figures"]["num_windows"] == 48
        assert printed["figures"]["ours/all/at least"] <= 1.0
        assert printed["figures"]["ours found/Chinese +20 points/200"] == 1.0
    elif name == "serve":
        figures = printed["figures"]
        lost = ("crowd/lost", "crowd/leaked", "queue/taken_beyond_limit", "drain/cut", "kill/lost", "kill/damaged")
        assert {figure: figures[figure] for figure in lost} == dict.fromkeys(lost, 0.0)
        assert figures["hostile/requests"] > 50
        assert figures["hostile/accepted"] == 0.0
        assert 0.0 < figures["hostile/worst_milliseconds"] < 1000.0
        assert figures["layer/builtin:tiny"] < 1.0
    elif name == "search":
        assert printed["figures"]["halving/full_trials_in_steps"] == 2.5
        assert printed["figures"]["one pass/largest_loss_difference"] < 1e-5
        assert printed["figures"]["killed/kills"] == 1
        assert printed["figures"]["killed/lost_trials"] == printed["figures"]["killed/changed_trials"] == 0
    elif name == "prepare":
        assert printed["void"] == []
        assert printed["figures"]["ours/2000/rows_per_second"] > 0.0
        assert printed["figures"]["ours/2000/peak_bytes"] > 1 << 26
    elif name == "train-cpu":
        assert printed["figures"]["smoke/fp32/tokens_per_second"] > 0.0
        assert printed["figures"]["smoke/fp32/floor_ratio"] > 1.0
        assert printed["figures"]["smoke/fp32/peak_bytes"] > 1 << 26
    elif name == "train-prefix":
        assert printed["figures"]["smoke/fp32/bound"] > 5.0
        assert printed["figures"]["smoke/fp32/sharing_ratio"] > 1.0
        assert printed["figures"]["smoke/fp32/sharing_gradient_difference"] < 1e-5
    else:
        assert printed["figures"]["smoke/64/tokens_per_second"] > 0.0
        assert 0.0 < printed["figures"]["smoke/64/product_rate_share"] < 1.0


def test_the_script_for_gpus_says_so_where_there_is_none(tmp_path: Path) -> None:
    script = ROOT / "benchmarks" / "gpu.sh"
    # an interpreter without torch stands for a machine without a device
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)
    ran = subprocess.run([script], env=os.environ | {"PYTHON": str(python)}, capture_output=True, text=True, check=True)
    assert ran.stdout == "No CUDA device here: nothing was measured.\n"
