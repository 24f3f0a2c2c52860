"""The floor of a LoRA step: its matrix products, each timed alone at its shape, type and threads, and summed.

A step that takes as long as this does nothing but multiply. The list is written out from the model's geometry and
the step's rows, for real tokens and supervised pairs only: no padding, no filling up of buffers. Of the products
inside attention a causal mask needs only the lower triangle, so that share of their time and work is counted. Norms,
activations, softmax, the optimiser and every byte moved for them are no part of it, nor is anything computed twice.

As a worker (`python -m benchmarks.floor`) it answers each request with the floor of that step, measured then and
there, so that it takes turns with the steps it is compared with.

Shapes: T tokens of a step, P supervised pairs, L tokens of a document, N documents of one length, I inputs, O
outputs, R rank, H query heads, K key heads, G = H / K, D head size, V vocabulary.
"""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig

from benchmarks.training_job import TakenStep, TrainingJob
from benchmarks.worker import peak_bytes, read_rows, rows_of_step, serve
from tunesmith.model.load import compute_dtype
from tunesmith.records import Rendered

HEAD_ROWS: Final = 1024
"""Pairs whose logits exist at once: enough to read the head's weight seldom, few enough for memory."""
MIN_TIMES: Final = 5
MAX_TIMES: Final = 50
MIN_SECONDS: Final = 0.01
"""A product is repeated until this long was measured, MIN_TIMES at least and MAX_TIMES at most."""


@dataclass(frozen=True)
class Geometry:
    """What decides the products of a dense decoder whose linear layers are frozen and carry LoRA."""

    num_layers: int
    hidden_size: int
    inner_size: int
    """Of the gated feed-forward layer."""
    num_heads: int
    num_key_heads: int
    head_size: int
    vocab_size: int

    @property
    def linears(self) -> dict[str, tuple[int, int]]:
        """Inputs and outputs of each linear layer of one decoder layer."""
        queries, keys = self.num_heads * self.head_size, self.num_key_heads * self.head_size
        return {
            "q": (self.hidden_size, queries),
            "k": (self.hidden_size, keys),
            "v": (self.hidden_size, keys),
            "o": (queries, self.hidden_size),
            "gate": (self.hidden_size, self.inner_size),
            "up": (self.hidden_size, self.inner_size),
            "down": (self.inner_size, self.hidden_size),
        }


def read_geometry(model: Path) -> Geometry:
    """From the configuration in a model's folder."""
    config = AutoConfig.from_pretrained(model, local_files_only=True)
    # Qwen2 leaves the head size to be computed, Llama names it
    head_size = config.to_dict().get("head_dim") or config.hidden_size // config.num_attention_heads
    return Geometry(
        num_layers=config.num_hidden_layers,
        hidden_size=config.hidden_size,
        inner_size=config.intermediate_size,
        num_heads=config.num_attention_heads,
        num_key_heads=config.num_key_value_heads,
        head_size=head_size,
        vocab_size=config.vocab_size,
    )


@dataclass(frozen=True)
class Shape:
    """`batch` products (rows, inner) x (inner, columns) in one call. An operand that is `..._transposed` lies in
    memory the other way round, as the step has it."""

    rows: int
    inner: int
    columns: int
    left_transposed: bool = False
    right_transposed: bool = False
    batch: int = 1

    @property
    def flops(self) -> float:
        """A multiplication and an addition each count one."""
        return 2.0 * self.batch * self.rows * self.inner * self.columns


@dataclass(frozen=True)
class Product:
    """One matrix product of the step, taken `count` times."""

    name: str
    shape: Shape
    count: int
    share: float = 1.0
    """Part of the result that is needed."""

    @property
    def flops(self) -> float:
        return self.shape.flops * self.count * self.share


def products(geometry: Geometry, lengths: Sequence[int], num_pairs: int, rank: int) -> list[Product]:
    """Every matrix product of one step over documents of `lengths` tokens that supervises `num_pairs` of them."""
    return [
        *(product for name in geometry.linears for product in _linear(geometry, name, sum(lengths), rank)),
        *(product for length, num in sorted(Counter(lengths).items()) for product in _attention(geometry, length, num)),
        *_head(geometry, num_pairs),
    ]


def _linear(geometry: Geometry, name: str, num_tokens: int, rank: int) -> Iterator[Product]:
    """y = x W^T + (x A^T) B^T with W (O, I) frozen; the first layer's queries, keys and values read the frozen
    embedding, which wants no gradient."""
    inputs, outputs = geometry.linears[name]
    everywhere = geometry.num_layers
    above_first = everywhere - 1 if name in ("q", "k", "v") else everywhere
    yield Product(f"{name}", Shape(num_tokens, inputs, outputs, right_transposed=True), everywhere)
    yield Product(f"{name} input gradient", Shape(num_tokens, outputs, inputs), above_first)
    yield Product(f"{name} A", Shape(num_tokens, inputs, rank, right_transposed=True), everywhere)
    yield Product(f"{name} B", Shape(num_tokens, rank, outputs, right_transposed=True), everywhere)
    yield Product(f"{name} A output gradient", Shape(num_tokens, outputs, rank), everywhere)
    yield Product(f"{name} B gradient", Shape(outputs, num_tokens, rank, left_transposed=True), everywhere)
    yield Product(f"{name} A gradient", Shape(rank, num_tokens, inputs, left_transposed=True), everywhere)
    yield Product(f"{name} A input gradient", Shape(num_tokens, rank, inputs), above_first)


def _attention(geometry: Geometry, length: int, num_documents: int) -> Iterator[Product]:
    """Scores, their mix of values, and the four gradients; the G query heads of a key head lie one after the other."""
    batch, size = num_documents * geometry.num_key_heads, geometry.head_size
    queries = geometry.num_heads // geometry.num_key_heads * length
    shapes = {
        "scores": Shape(queries, size, length, right_transposed=True, batch=batch),
        "mixed values": Shape(queries, length, size, batch=batch),
        "values gradient": Shape(length, queries, size, left_transposed=True, batch=batch),
        "shares gradient": Shape(queries, size, length, right_transposed=True, batch=batch),
        "queries gradient": Shape(queries, length, size, batch=batch),
        "keys gradient": Shape(length, queries, size, left_transposed=True, batch=batch),
    }
    for name, shape in shapes.items():
        yield Product(f"{name} of {length}", shape, geometry.num_layers, share=(length + 1) / (2 * length))


def _head(geometry: Geometry, num_pairs: int) -> Iterator[Product]:
    """Logits and the gradient of the hidden states; a frozen head has no other."""
    full, rest = divmod(num_pairs, HEAD_ROWS)
    for num_rows, count in ((HEAD_ROWS, full), (rest, 1)):
        if num_rows and count:
            shape = Shape(num_rows, geometry.hidden_size, geometry.vocab_size, right_transposed=True)
            yield Product(f"logits of {num_rows}", shape, count)
            shape = Shape(num_rows, geometry.vocab_size, geometry.hidden_size)
            yield Product(f"logits gradient of {num_rows}", shape, count)


def products_of_rows(geometry: Geometry, rows: Sequence[Rendered], rank: int) -> list[Product]:
    """The products of one step over these rows; a row's first token cannot be supervised."""
    num_pairs = sum(int(np.count_nonzero(row.weights_T[1:])) for row in rows)
    return products(geometry, [len(row.ids_T) for row in rows], num_pairs, rank)


def flops_of(listed: Sequence[Product]) -> float:
    """Useful floating-point operations of a step."""
    return sum(product.flops for product in listed)


def seconds_of(listed: Sequence[Product], dtype: torch.dtype, device: str) -> float:
    """The floor: seconds of all products, each distinct shape timed once."""
    seconds = {shape: time_shape(shape, dtype, device) for shape in {product.shape for product in listed}}
    return sum(seconds[product.shape] * product.count * product.share for product in listed)


def time_shape(shape: Shape, dtype: torch.dtype, device: str) -> float:
    """Median seconds of one product on random numbers, after a first that is not counted."""
    left = _operand(shape.batch, shape.rows, shape.inner, shape.left_transposed, dtype, device)
    right = _operand(shape.batch, shape.inner, shape.columns, shape.right_transposed, dtype, device)
    out = torch.empty(shape.batch, shape.rows, shape.columns, dtype=dtype, device=device)
    if shape.batch == 1:
        left, right, out = left[0], right[0], out[0]
    torch.matmul(left, right, out=out)
    durations: list[float] = []
    while len(durations) < MIN_TIMES or (sum(durations) < MIN_SECONDS and len(durations) < MAX_TIMES):
        _wait_for(device)
        start = time.perf_counter()
        torch.matmul(left, right, out=out)
        _wait_for(device)
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)


def _operand(batch: int, rows: int, columns: int, transposed: bool, dtype: torch.dtype, device: str) -> Tensor:
    if transposed:
        return torch.randn(batch, columns, rows, dtype=dtype, device=device).transpose(1, 2)
    return torch.randn(batch, rows, columns, dtype=dtype, device=device)


def _wait_for(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def floor_steps(job: TrainingJob) -> Iterator[TakenStep]:
    """The floor of one step after another; there is no loss to tell."""
    geometry, rows = read_geometry(Path(job.model)), read_rows(Path(job.rows))
    rank = json.loads((Path(job.adapter) / "adapter_config.json").read_text(encoding="utf-8"))["r"]
    for step in range(job.max_steps):
        taken = rows_of_step(rows, step, job.rows_per_step)
        seconds = seconds_of(products_of_rows(geometry, taken, rank), compute_dtype(job.precision), job.device)
        num_tokens = sum(len(row.ids_T) for row in taken)
        yield TakenStep(seconds, float("nan"), float("nan"), num_tokens, peak_bytes(job.device))


if __name__ == "__main__":
    serve(floor_steps)
