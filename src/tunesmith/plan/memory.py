"""Peak memory of loading, training, saving and evaluating, written out term by term before a weight is loaded.

Symbols: T computed tokens of a micro-batch, c bytes of a number in the computation.
What autograd keeps was read off the modules of transformers and this project's attention, LoRA and head; a test
compares it with what autograd says it keeps. The few figures that cannot be read off stand in `constants`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tunesmith.model.fits import EXPERTS, num_trained
from tunesmith.plan.constants import FITTED
from tunesmith.plan.geometry import Geometry, Mixture
from tunesmith.plan.steps import BatchShape, StepShapes, one_document
from tunesmith.recipe import Distill, Freeze, Full, Lora, Prompt, Train, is_four_bit
from tunesmith.recipe.optimizers import AdamW8Bit, Muon, RmsProp, Sgd

COMPUTE_BYTES: Final = {"bf16": 2, "fp16": 2, "fp32": 4}
HEAD_PAIRS: Final = {"cpu": 256, "cuda": 4096}
"""Pairs of one chunk of logits, `tunesmith.model.head.CHUNK_PAIRS`, which would bring torch."""
GENERATION_TOKENS: Final = 16384
"""Cached positions of one batch of answers, `tunesmith.engine.local.MAX_BATCH_TOKENS`."""
SCORED_ROWS: Final = 64
"""Rows whose likelihood is computed together."""
DISTILLED_BYTES: Final = 32
"""For each logit of a chunk of distillation: eight float32 numbers, of both models, their logarithms and their odds."""
MUON_TOGETHER: Final = 1 << 24
"""Numbers that Muon makes orthogonal in one batch, `tunesmith.train.updates.MAX_TOGETHER`."""
MUON_COPIES: Final = 5
"""Of them in the compute type: given, scaled, two products and the result."""
EIGHT_BIT_BLOCK: Final = 256
"""Numbers of one scale, `tunesmith.train.eight_bit.BLOCK`."""
EIGHT_BIT_TOGETHER: Final = 1 << 18
"""Numbers updated together, `tunesmith.train.eight_bit.TOGETHER`."""
EIGHT_BIT_BYTES: Final = 40
"""For each of them: gradient, moments, their codes and the update, in float32."""
FOUR_BIT_BLOCK: Final = 64
"""Numbers that share a scale, `tunesmith.model.four_bit.BLOCK`."""
FOUR_BIT_SCALES: Final = 256
"""Scales of one byte that share a scale of four."""
PACKING_BYTES: Final = 14
"""Of each number of the matrix that is packed, beside it: on a CPU bitsandbytes computes in float32."""
FOUR_BIT_LIBRARY_BYTES: Final = 45 << 20
"""What importing bitsandbytes adds to a process."""
INDEX_BYTES: Final = 24
"""Of a token for one of its experts: its places before and after sorting, and its weight."""
SHORT_PRODUCTS: Final = 4
"""Different ones of whole score matrices of one shape, forward and backward."""
LONG_PRODUCTS: Final = 6
"""Different ones of the blocked kernel's backward pass for one length: three of whole blocks, three of the last."""
MICRO_BATCH_TOKENS: Final = (1024, 16384)
"""Fewest and most that a micro-batch is given where the recipe leaves it open."""
MICRO_BATCH_UNIT: Final = 256
MICRO_BATCH_BYTES: Final = 1 << 30
"""Of activations, that a CPU keeps of one micro-batch of more than the fewest tokens: it gains nothing by more."""
MAX_CACHED_PRODUCTS: Final = 1024
"""Products that oneDNN keeps compiled, its primitive cache's capacity."""
NUM_CHECKPOINTS: Final = 3
"""Kept, with the one being written."""

Terms = dict[str, int]


@dataclass(frozen=True, slots=True)
class Computation:
    """A model, what of it is trained, and the numbers it computes in."""

    geometry: Geometry
    section: Train
    precision: str
    device: str
    num_outputs: int = 0
    """Of a head in place of the language model's; 0 where there is none."""
    teacher: Geometry | None = None
    """Of the model whose probabilities or answers are learned."""

    @property
    def c(self) -> int:
        return COMPUTE_BYTES[self.precision]

    @property
    def micro_batch_tokens(self) -> int:
        """Most tokens laid out at once: as the recipe says, else as many as a device has use for."""
        if self.section.micro_batch_tokens is not None:
            return self.section.micro_batch_tokens
        fewest, most = MICRO_BATCH_TOKENS
        if self.device != "cpu":
            return most
        affordable = fewest * MICRO_BATCH_BYTES // saved_bytes(self, one_document(fewest))
        return min(most, max(fewest, affordable // MICRO_BATCH_UNIT * MICRO_BATCH_UNIT))

    @property
    def rank(self) -> int:
        """Of LoRA; 0 with another method."""
        method = self.section.method
        return method.rank if isinstance(method, Lora) else 0

    def trains(self, layer: str) -> bool:
        """Whether the linear layer of this name has a gradient of its own."""
        method = self.section.method
        if not isinstance(method, Lora):
            return self.trains_base
        return "all-linear" in method.targets or layer in method.targets

    @property
    def trains_experts(self) -> bool:
        method = self.section.method
        return EXPERTS in method.targets if isinstance(method, Lora) else self.trains_base

    @property
    def trains_base(self) -> bool:
        """Whether weights of the base change, rather than what is put beside them."""
        return isinstance(self.section.method, Full | Freeze)

    @property
    def trains_embeddings(self) -> bool:
        method = self.section.method
        return isinstance(method, Full) or (isinstance(method, Freeze) and not method.embeddings)

    @property
    def trains_head(self) -> bool:
        return self.trains_base and (self.trains_embeddings or not self.geometry.is_tied)

    @property
    def num_layers_kept(self) -> int:
        """Layers whose activations wait for a backward pass: none below the first weight that is trained."""
        match self.section.method:
            case Freeze(layers=num_below, embeddings=True) | Lora(layers=(num_below, _)):
                return self.geometry.num_layers - num_below
        return self.geometry.num_layers

    @property
    def num_trained(self) -> int:
        shapes, hidden = self.geometry.shapes, self.geometry.hidden
        return num_trained(shapes, self.section.method, hidden) + self._num_own_head

    @property
    def _num_own_head(self) -> int:
        """Weights of a head in place of the language model's; an encoder's has a dense layer before its outputs."""
        hidden = self.geometry.hidden
        if not (self.geometry.is_encoder and self.num_outputs):
            return self.num_outputs * hidden
        return (hidden + self.num_outputs) * (hidden + 1)

    @property
    def is_four_bit(self) -> bool:
        return is_four_bit(self.section.method)

    @property
    def weight_bytes(self) -> int:
        """Of the base as it stands in memory: whole, or the matrices of its layers in 4 bits."""
        g = self.geometry
        if not self.is_four_bit:
            return self.c * g.num_parameters
        packed = sum(four_bit_bytes(math.prod(shape)) for shape in g.linear_shapes())
        return packed + self.c * (g.num_parameters - g.num_linear)

    @property
    def num_packed(self) -> int:
        """Numbers of the largest matrix that is in 4 bits; 0 where none is."""
        return max(map(math.prod, self.geometry.linear_shapes())) if self.is_four_bit else 0

    @property
    def unpacked_bytes(self) -> int:
        """The largest matrix of a base in 4 bits, which is whole while a product with it lasts, and its scales."""
        return self.c * self.num_packed + 4 * self.num_packed // FOUR_BIT_BLOCK

    @property
    def taught_bytes(self) -> int:
        """Weights of a teacher that stands beside the model."""
        stands = self.teacher is not None and isinstance(self.section.objective, Distill)
        return self.c * self.teacher.num_parameters if self.teacher is not None and stands else 0


def load_terms(job: Computation) -> Terms:
    """The files stay mapped while their numbers are turned into others.

    What is to be in 4 bits is packed as it is read; where a CPU computes in another type than the files have, all is
    whole in that type before.
    """
    is_mapped = job.device == "cpu" and job.precision == job.geometry.stored_precision
    whole = 0 if is_mapped else job.c * job.geometry.num_parameters
    packs_at_once = job.is_four_bit and (is_mapped or job.device != "cpu")
    packing = PACKING_BYTES * job.num_packed if is_mapped else 0  # else the files are closed by then
    library = FOUR_BIT_LIBRARY_BYTES if job.is_four_bit and job.device == "cpu" else 0
    return {
        "libraries": FITTED[job.device].library_bytes + library,
        "files": job.geometry.num_stored_bytes if job.device == "cpu" else 0,
        "weights": job.weight_bytes if packs_at_once else whole,
    } | ({"packing": packing} if packing else {})


def train_terms(job: Computation, steps: StepShapes) -> Terms:
    """The heaviest moment of a step or of a validation, whichever needs more."""
    fixed = _held(job)
    held_batches = sum(batch.num_layout_bytes for batch in steps.validation)
    moments = [
        {"layout": held_batches + sum(batch.num_layout_bytes for batch in step), **_step_terms(job, batch)}
        for step in steps.every
        for batch in step
    ]
    moments += [
        {"layout": held_batches, "activations": 0, "transient": _forward_transient(job, batch)}
        for batch in steps.validation
    ]
    moments.append({"layout": held_batches, "activations": 0, "transient": _update_transient(job)})
    worst = max(moments, key=lambda terms: sum(terms.values()))
    fitted = FITTED[job.device]
    worst["allocator"] = int(fitted.slack_share * (worst["activations"] + worst["transient"]))
    return fixed | worst | {"products": _product_bytes(job, steps)}


def _product_bytes(job: Computation, steps: StepShapes) -> int:
    """Compiled bf16 products that stay: of each shape of a linear layer for each size of a micro-batch, and of
    attention for each of its shapes."""
    if job.precision != "bf16":
        return 0
    method, shapes = job.section.method, set(job.geometry.linear_shapes())
    num = 2 * len(shapes)  # forward and for the input's gradient
    if isinstance(method, Lora):
        adapted = job.geometry.adapted_shapes(method)
        # each of an adapter's two weights forward, for its own gradient and for its input's
        num += 3 * len({shape[0] for shape in adapted}) + 3 * len({shape[1] for shape in adapted})
    elif job.trains_base:
        num += len(shapes)
    num = num * steps.num_sizes + SHORT_PRODUCTS * steps.num_short_shapes + LONG_PRODUCTS * steps.num_long_shapes
    return min(MAX_CACHED_PRODUCTS, num) * FITTED[job.device].product_bytes


def save_terms(job: Computation, steps: StepShapes) -> Terms:
    """The best weights are read back beside everything that training holds, then the tuned model is written."""
    copies = 0 if job.trains_base else 4 * job.num_trained
    products = _product_bytes(job, steps)
    return _held(job) | {"best": 4 * job.num_trained, "copies": copies, "products": products}


def evaluate_terms(job: Computation, rows: Sequence[int], prompts: Sequence[int], max_new_tokens: int) -> Terms:
    """The heavier of writing answers to prompts of these lengths and of scoring rows of these lengths, in tokens."""
    weights = load_terms(job)
    if job.is_four_bit:
        weights |= {"files": 0, "packing": 0, "weights": job.weight_bytes}
    elif job.precision == job.geometry.stored_precision:
        weights["files"] = job.geometry.num_stored_bytes
    elif job.device == "cpu":
        weights["files"] = 0
    tokens = min(GENERATION_TOKENS, sum(sorted(rows)[-SCORED_ROWS:]))
    scored = _no_grad_bytes(job, max(tokens, *rows))
    written = 0
    if not job.geometry.is_encoder:
        written = _generation_bytes(job, max(prompts), len(prompts), max_new_tokens)
        scored += _logit_bytes(job, sum(rows))
    adapter = 0 if job.trains_base else job.c * job.num_trained
    fitted = FITTED[job.device]
    peak = max(written, scored)
    slack = int(fitted.slack_share * peak)
    return weights | {"adapter": adapter, "transient": peak, "allocator": slack}


def four_bit_bytes(num: int) -> int:
    """Of `num` numbers in NF4 with double quantisation: half a byte each, and the scales of their blocks."""
    num_blocks = -(-num // FOUR_BIT_BLOCK)
    return -(-num // 2) + num_blocks + 4 * -(-num_blocks // FOUR_BIT_SCALES)


def disk_bytes(job: Computation) -> int:
    """Most that a training holds on disk at once: its checkpoints, each with the best weights, and the tuned model."""
    state = state_bytes(job) + 4 * job.num_trained
    tuned = job.c * job.geometry.num_parameters if job.trains_base else 4 * job.num_trained
    return NUM_CHECKPOINTS * state + tuned


def state_bytes(job: Computation) -> int:
    """Of one checkpoint: the trained numbers in float32 and their moments."""
    return 4 * job.num_trained + _moment_bytes(job)


def _moment_bytes(job: Computation) -> int:
    """What the optimiser keeps of the steps before."""
    match job.section.optimizer:
        case AdamW8Bit():  # two codes of a byte each, and two scales a block
            return 2 * job.num_trained + 8 * -(-job.num_trained // EIGHT_BIT_BLOCK)
        case Sgd(momentum=momentum):
            each = 4 if momentum else 0
        case RmsProp(momentum=momentum):
            each = 8 if momentum else 4
        case Muon():  # one moment of the layers' matrices, two of all else
            return 8 * job.num_trained - 4 * job.geometry.num_linear
        case _:
            each = 8
    return each * job.num_trained


def _update_transient(job: Computation) -> int:
    """What the update needs beside weights, gradients and moments, when no activation is left."""
    match job.section.optimizer:
        case AdamW8Bit():
            return EIGHT_BIT_BYTES * min(EIGHT_BIT_TOGETHER, job.num_trained)
        case Muon():
            return MUON_COPIES * job.c * min(MUON_TOGETHER, job.geometry.num_linear)
        case RmsProp():
            return 4 * job.num_trained
        case _:
            return 4 * job.num_trained if job.section.l1 else 0


def _held(job: Computation) -> Terms:
    """What is there in every step: libraries, weights, gradients, moments, and float32 copies of what is in bf16."""
    trained, c = job.num_trained, job.c
    terms = load_terms(job) | {"teacher": job.taught_bytes}
    if job.trains_base:  # what is trained becomes one vector of its own; the files are closed
        terms |= {"files": 0, "weights": c * max(trained, job.geometry.num_parameters)}
    elif job.is_four_bit:
        terms |= {"files": 0, "packing": 0, "weights": job.weight_bytes + c * trained}
    elif terms["weights"]:
        terms |= {"files": 0, "weights": terms["weights"] + c * trained}
    else:
        terms["weights"] = c * trained
    master = 4 * trained if c < 4 else 0
    held = trained if job.trains_base and job.geometry.has_held_zeros else 0  # a flag for each number
    return terms | {"gradients": c * trained + master, "moments": _moment_bytes(job), "master": master + held}


def member_bytes(job: Computation) -> int:
    """What each further training over the same frozen base holds: adapter, which a pass puts together with those of the
    others once more, gradients, moments, float32 copies."""
    held = _held(job)
    return 2 * job.c * job.num_trained + held["gradients"] + held["moments"] + held["master"]


def _step_terms(job: Computation, batch: BatchShape) -> Terms:
    """Activations that wait for their backward pass, gradients that the head leaves, and the largest other moment.

    The head's gradients stay as long as the graph does. Beside them comes the loss, then the backward pass of a layer;
    where all is trained the gradient of the embedding comes last, when no activation is left.
    """
    g, c, T = job.geometry, job.c, batch.num_tokens
    head = c * g.hidden * T + (c * (job.num_outputs * g.hidden or g.num_head) if job.trains_head else 0)
    loss = _logit_bytes(job, batch.num_pairs) + c * g.hidden * T
    activations, transient = saved_bytes(job, batch), max(loss, _backward_transient(job, batch))
    last = c * g.num_head if job.trains_embeddings else 0
    if last > activations + transient:
        activations, transient = 0, last
    return {"activations": activations, "head": head, "transient": transient}


def saved_bytes(job: Computation, batch: BatchShape) -> int:
    """What autograd keeps of all layers between the forward and the backward pass."""
    g, c, T = job.geometry, job.c, batch.num_tokens
    norm = c * g.hidden + 4  # its input and the factor of each token
    per_layer = (2 * norm + _projected_bytes(job)) * T + _attention_bytes(job, batch)
    rotary = 2 * c * g.head_size * T
    layers = job.num_layers_kept * per_layer + _feed_forward_bytes(job) * T
    return layers + norm * T - _frozen_start_bytes(job) * T + rotary + _mask_bytes(job) * T


def _mask_bytes(job: Computation) -> int:
    """What dropout keeps of a token in all layers: a factor of each number on a CPU, a flag on a GPU and in LoRA."""
    g, method = job.geometry, job.section.method
    factor = job.c if job.device == "cpu" else 1
    ends = 2 * factor * g.hidden * job.num_layers_kept if job.section.dropout else 0
    if not isinstance(method, Lora) or not method.dropout:
        return ends
    return ends + sum(shape[1] for shape in g.adapted_shapes(method))


def _projected_bytes(job: Computation) -> int:
    """A token's normed states, where a trained layer reads them; Qwen3's queries and keys before their norms."""
    g, c = job.geometry, job.c
    readers = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
    read = sum(c * g.hidden for layers in readers if any(map(job.trains, layers)))
    return read + (_head_norm_bytes(job, "q_proj") + _head_norm_bytes(job, "k_proj") if g.norms_queries else 0)


def _head_norm_bytes(job: Computation, layer: str) -> int:
    width, heads = (job.geometry.query, job.geometry.num_heads)
    if layer == "k_proj":
        width, heads = (job.geometry.key, job.geometry.num_key_heads)
    return job.c * width + 4 * heads


def _frozen_start_bytes(job: Computation) -> int:
    """What the first layer does not keep of a token, because nothing before its first adapter has a gradient."""
    g, c = job.geometry, job.c
    if job.trains_base or isinstance(job.section.method, Prompt):  # what comes before is trained
        return 0
    frozen = [layer for layer in ("q_proj", "k_proj") if g.norms_queries and not job.trains(layer)]
    return c * g.hidden + 4 + sum(_head_norm_bytes(job, layer) for layer in frozen)


def _attention_bytes(job: Computation, batch: BatchShape) -> int:
    """Queries, keys, values and result; whole scores of short documents, copied keys of long ones."""
    g, c, T = job.geometry, job.c, batch.num_tokens
    is_grouped = 1 < g.num_key_heads < g.num_heads  # whose keys are repeated for each query head
    copied = 2 * g.query * batch.num_long_keys if is_grouped else 2 * g.key * batch.num_gathered_keys
    looked_at = 0 if is_grouped else batch.num_long_keys - batch.num_gathered_keys
    has_others = bool(batch.num_fused_tokens or batch.num_short_tokens)
    states = g.query * T + (2 * g.key * T if has_others else 2 * g.key * looked_at) + copied
    # with dropout each score has a factor
    scores = g.num_heads * batch.num_short_scores * (2 if job.section.attention_dropout else 1)
    log_sums = 4 * g.num_heads * (batch.num_fused_tokens + batch.num_long_tokens)
    joined = g.query * T if batch.num_pieces > 1 and job.trains("o_proj") else 0
    low = sum(job.rank * T for layer in ("q_proj", "k_proj", "v_proj", "o_proj") if job.trains(layer))
    beside = _joint_numbers(g, batch) if g.has_joint_projection else 0
    return c * (states + beside + g.query * T + scores + joined + low) + log_sums


def _joint_numbers(g: Geometry, batch: BatchShape) -> int:
    """Where one layer computes queries, keys and values, its output stays whole beside what is copied from it."""
    if batch.num_fused_tokens:
        return 3 * g.query * (batch.num_tokens - batch.num_fused_tokens)
    return 2 * g.key * batch.num_gathered_keys


def _feed_forward_bytes(job: Computation) -> int:
    """Of a token, in all layers."""
    g, num = job.geometry, job.num_layers_kept
    mixture = g.mixture
    num_routed = 0 if mixture is None else min(num, mixture.num_layers)
    routed = 0 if mixture is None else _routed_bytes(job, mixture)
    return (num - num_routed) * _mlp_bytes(job, g.intermediate, kept=1 + g.is_gated) + num_routed * routed


def _mlp_bytes(job: Computation, width: int, kept: int) -> int:
    """A token's gate and the other half, or what is activated; the result where the layer behind is trained."""
    low = sum(job.c * job.rank for layer in ("gate_proj", "up_proj", "down_proj") if job.trains(layer))
    return job.c * width * (kept + job.trains("down_proj")) + low


def _routed_bytes(job: Computation, mixture: Mixture) -> int:
    """A token's part in a layer of a mixture: for each of its experts gate, other half, activated gate and result.

    Where experts are trained, what goes into both matrices too. Beside them the shared expert, and its result.
    """
    c, hidden = job.c, job.geometry.hidden
    each = c * (3 * mixture.expert + hidden) + INDEX_BYTES
    if job.trains_experts:
        each += c * (hidden + mixture.expert + 2 * job.rank)
    return mixture.num_chosen * each + _mlp_bytes(job, mixture.shared, kept=3) + c * hidden


def _logit_bytes(job: Computation, num_pairs: int) -> int:
    """Logits of one chunk, which become their own gradient, beside those of the chunk before."""
    size = HEAD_PAIRS[job.device]
    chunks = min(num_pairs, 2 * size) * job.c
    # the plain kernel computes in float32, beside what it is given
    wide = 0 if job.device == "cpu" else 8 * min(num_pairs, size)
    if job.taught_bytes:
        wide = DISTILLED_BYTES * min(num_pairs, size)
    return job.geometry.vocabulary * (chunks + wide)


def _backward_transient(job: Computation, batch: BatchShape) -> int:
    """In a layer's MLP: three gradients of its width less the product that is no longer kept, or a weight's own; or in
    attention with dropout.
    """
    g, c, T = job.geometry, job.c, batch.num_tokens
    weight = c * g.intermediate * g.hidden if job.trains_base else 0
    mlp = max((3 - job.trains("down_proj")) * c * g.intermediate * T, c * g.intermediate * T + weight)
    # what is kept of the scores and their gradient
    dropped = 2 * c * g.num_heads * batch.num_short_scores if job.section.attention_dropout else 0
    return max(mlp, dropped) + c * g.hidden * T + job.unpacked_bytes


def _forward_transient(job: Computation, batch: BatchShape) -> int:
    logits = _logit_bytes(job, batch.num_pairs)
    scores = job.c * job.geometry.num_heads * batch.num_short_scores
    return max(_no_grad_bytes(job, batch.num_tokens) + scores, logits + job.c * job.geometry.hidden * batch.num_tokens)


def _no_grad_bytes(job: Computation, num_tokens: int) -> int:
    """The widest moment of one layer: the MLP beside the residual, or attention beside the norm."""
    g, c = job.geometry, job.c
    mlp = c * (2 * g.hidden + 3 * g.intermediate)
    attention = c * (3 * g.hidden + 4 * g.query) + 8 * g.hidden
    return max(mlp, attention) * num_tokens + job.unpacked_bytes


def _generation_bytes(job: Computation, prompt: int, num_prompts: int, max_new_tokens: int) -> int:
    """Cache and first pass of one batch; the cache of one layer is there twice while it grows."""
    g, c = job.geometry, job.c
    width = prompt + max_new_tokens
    num = max(1, min(num_prompts, GENERATION_TOKENS // width))
    cache = c * 2 * g.key * num * width * (g.num_layers + 1)
    mask = (c + 2) * num * prompt * prompt
    return cache + mask + _no_grad_bytes(job, num * prompt) + num * g.vocabulary * (c + 4)
