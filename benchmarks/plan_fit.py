"""Fits the constants of `tunesmith.plan.constants` for a CPU: `python -m benchmarks.plan_fit`.

Each job of `plan_jobs.FITTING` is predicted and trained in processes of its own. What its peak holds beyond the terms
that formulas give is, by least squares, the libraries and a share of activations and passing results.
"""

from __future__ import annotations

import numpy as np

from benchmarks.plan import CACHE, ask_stages
from benchmarks.plan_jobs import FITTING

FITTED_TERMS = ("libraries", "allocator")
SLACK_TERMS = ("activations", "transient")


def main() -> None:
    rests, moving = [], []
    for job in FITTING:
        plan, train = ask_stages(job, CACHE / "plan", ("plan", "train"))
        terms = plan["prediction"]["memory"]["train"]
        rests.append(train["peak_bytes"] - sum(bytes for name, bytes in terms.items() if name not in FITTED_TERMS))
        moving.append(sum(terms[name] for name in SLACK_TERMS))
        print(
            f"{job.name}: {train['peak_bytes'] / 1e9:.3f} GB, {rests[-1] / 1e6:.0f} MB of them by no formula",
            flush=True,
        )
    design = np.stack((np.ones(len(rests)), np.array(moving)), axis=1)
    (libraries, slack), *_ = np.linalg.lstsq(design, np.array(rests), rcond=None)
    print(f"library_bytes={libraries / 2**20:.0f} << 20, slack_share={slack:.3f}")


if __name__ == "__main__":
    main()
