"""Floating-point operations of steps and validations: what the seconds of probed steps are scaled by.

Symbols as in `memory`. A product of T tokens with a weight of n numbers is 2 T n operations forward, as many for the
gradient of its input, and as many for that of the weight where the weight is trained (Kaplan et al. 2020,
arXiv:2001.08361, appendix B.1, for the counting). Attention multiplies every score's query twice, by key and by value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tunesmith.plan.memory import Computation
from tunesmith.plan.steps import BatchShape
from tunesmith.recipe.optimizers import Muon

MUON_ITERATIONS: Final = 5
"""`tunesmith.train.updates.NUM_ITERATIONS`, which would bring torch."""


def step_operations(job: Computation, batches: Sequence[BatchShape]) -> float:
    """Of one optimiser step, forward, backward and update."""
    return sum(_forward(job, batch) + _backward(job, batch) for batch in batches) + update_operations(job)


def update_operations(job: Computation) -> float:
    """Matrix products of the update alone: Muon's, whatever the tokens of a step.

    An iteration multiplies a matrix of a by b numbers, a <= b, with its transpose, the (a, a) result with itself and
    then with the matrix.
    """
    if not isinstance(job.section.optimizer, Muon):
        return 0.0
    sides = (sorted(shape) for shape in job.geometry.linear_shapes())
    return sum(MUON_ITERATIONS * (4.0 * a * a * b + 2.0 * a**3) for a, b in sides)


def validation_operations(job: Computation, batches: Sequence[BatchShape]) -> float:
    """Of the loss over these micro-batches, without gradients."""
    return sum(_forward(job, batch) for batch in batches)


def _forward(job: Computation, batch: BatchShape) -> float:
    geometry = job.geometry
    layers = 2.0 * batch.num_tokens * (geometry.num_linear + (0 if job.trains_base else job.num_trained))
    return layers + _scores(job, batch) + 2.0 * batch.num_pairs * geometry.num_head


def _backward(job: Computation, batch: BatchShape) -> float:
    geometry = job.geometry
    inputs = 2.0 * batch.num_tokens * geometry.num_linear + 2.0 * batch.num_pairs * geometry.num_head
    # of an adapter's two small weights both gradients are needed
    weights = inputs if job.trains_base else 4.0 * batch.num_tokens * job.num_trained
    return inputs + weights + 2.0 * _scores(job, batch)


def _scores(job: Computation, batch: BatchShape) -> float:
    return 4.0 * job.geometry.num_layers * job.geometry.query * batch.num_scores
