"""Fits the constants of `tunesmith.plan.constants` for a CPU: `python -m benchmarks.plan_fit`.

Each job of `plan_jobs.FITTING` is predicted and trained in processes of its own. What its peak holds beyond the
libraries, which are seen before a model is loaded, and the terms that formulas give is, by non-negative least squares,
so many bytes for each product that stays compiled, and a share of activations and passing results.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from benchmarks.plan import CACHE, ask_stages
from benchmarks.plan_jobs import FITTING
from tunesmith.plan.constants import FITTED

FITTED_TERMS = ("allocator", "products")
SLACK_TERMS = ("activations", "transient")


def main() -> None:
    rests, design = [], []
    for job in FITTING:
        plan, train = ask_stages(job, CACHE / "plan", ("plan", "train"))
        terms = plan["prediction"]["memory"]["train"]
        rests.append(train["peak_bytes"] - sum(bytes for name, bytes in terms.items() if name not in FITTED_TERMS))
        moving = sum(terms[name] for name in SLACK_TERMS)
        num_products = terms["products"] // FITTED["cpu"].product_bytes
        design.append((2**20 * num_products, moving))
        print(
            f"{job.name}: {train['peak_bytes'] / 1e9:.3f} GB, {rests[-1] / 1e6:.0f} MB of them by no formula, "
            f"{num_products} products, {moving / 1e6:.0f} MB move",
            flush=True,
        )
    (product, slack), _ = nnls(np.array(design, np.float64), np.array(rests, np.float64))
    print(f"product_bytes={product * 2**20:.0f}, slack_share={slack:.3f}")


if __name__ == "__main__":
    main()
