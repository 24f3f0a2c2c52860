"""Encoders with a head against transformers' own sequence classifiers and PEFT's adapters for them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import peft
import pytest
import torch
from flat_rows import gradient
from peft.tuners.lora import LoraLayer
from tiny_bases import ENCODERS, FIRST_ID, make_encoder, save_base
from tiny_models import VOCABULARY
from torch import Tensor
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.errors import TunesmithError
from tunesmith.model.base import find_base
from tunesmith.model.fits import is_of_head
from tunesmith.model.layout import lay_out
from tunesmith.model.load import hidden_states
from tunesmith.model.lora import LoraLinear, load_adapter, save_adapter
from tunesmith.model.method import begin_method
from tunesmith.model.score import begin_score, load_with_head, row_scores
from tunesmith.recipe import Freeze, Full, Lora, Method
from tunesmith.recipe.optimizers import AdamW
from tunesmith.records import Rendered
from tunesmith.train.objectives import classification, regression
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import Objective, train_steps

CLASSES = Head(kind="classification", classes=("no", "yes", "也许"))
NUMBER = Head(kind="regression", mean=2.0, scale=3.0)
LORA = Lora(rank=4, alpha=12.0)
LENGTHS = (3, 4, 17, 31, 33, 64, 64, 90, 258, 300, 300, 12)
# PEFT asks for a property that transformers has renamed
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: save_base(tmp_path_factory.mktemp("base") / name, make_encoder(name)) for name in ENCODERS}


def rows(head: Head, lengths: Sequence[int] = LENGTHS) -> list[Rendered]:
    """Some weigh more, and one of a classifier's has a class that it does not know."""
    random = np.random.default_rng(1)
    prefix = random.integers(FIRST_ID, VOCABULARY, 20)
    made = []
    for number, length in enumerate(lengths):
        ids_T = random.integers(FIRST_ID, VOCABULARY, length).astype(np.int32)
        ids_T[: min(20, length)] = prefix[: min(20, length)]  # what decoders would share
        target = float(random.integers(3)) if head.classes else float(random.normal(2.0, 3.0))
        made.append(Rendered(str(number), ids_T, np.zeros(length, np.float32), 1, target, 0.5 + number % 3))
    if head.classes:
        made.append(replace(made[0], id="unknown", target=math.nan))
    return made


def begun(folder: Path, head: Head, method: Method = Full()) -> PreTrainedModel:  # noqa: B008 - it is frozen
    model = load_with_head(folder, head, dtype=torch.float32, device="cpu")
    begin_method(model, method, seed=0)
    begin_score(model, 0, seed=3)
    return model


def objective_of(head: Head) -> Objective:
    return classification.loss if head.classes else partial(regression.loss, head=head)


def plain_loss(model: PreTrainedModel, row: Rendered, head: Head) -> Tensor:
    logits_1C = model(torch.from_numpy(row.ids_T.astype(np.int64))[None]).logits
    if head.classes:
        return torch.nn.functional.cross_entropy(logits_1C, torch.tensor([int(row.target)]))
    return torch.nn.functional.mse_loss(logits_1C[0, 0], torch.tensor((row.target - head.mean) / head.scale))


def in_order(model: PreTrainedModel, given: Sequence[Rendered], budget: int = 100_000) -> Tensor:
    """(R, C) our scores of the rows."""
    found = {}
    with torch.no_grad():
        for batch in lay_out(given, budget, share=True, is_causal=False):
            found |= dict(zip(batch.row_ids, row_scores(model, hidden_states(model, batch), batch), strict=True))
    return torch.stack([found[row.id] for row in given])


def padded(model: torch.nn.Module, given: Sequence[Rendered]) -> Tensor:
    """(R, C) transformers' scores of the rows as one padded batch."""
    width, pad = max(len(row.ids_T) for row in given), 1
    ids_BS = torch.full((len(given), width), pad)
    for number, row in enumerate(given):
        ids_BS[number, : len(row.ids_T)] = torch.from_numpy(row.ids_T.astype(np.int64))
    with torch.no_grad():
        logits: Tensor = model(ids_BS, attention_mask=(ids_BS != pad).long()).logits
    return logits


@pytest.mark.parametrize("head", [CLASSES, NUMBER], ids=lambda head: head.kind)
@pytest.mark.parametrize("architecture", ENCODERS)
def test_loss_and_gradient_are_those_of_transformers(folders: dict[str, Path], architecture: str, head: Head) -> None:
    model = begun(folders[architecture], head)
    twin = AutoModelForSequenceClassification.from_pretrained(
        folders[architecture], num_labels=head.num_outputs, attn_implementation="eager"
    ).eval()
    twin.load_state_dict(model.state_dict())
    given = rows(head)
    expected = 0.0
    for row in given:
        if not math.isnan(row.target):
            loss = plain_loss(twin, row, head) * row.target_weight
            loss.backward()
            expected += loss.item()
    wanted = gradient(twin)
    for budget in (100_000, 200):
        model.zero_grad()
        batches = lay_out(given, budget, share=True, is_causal=False)
        assert sum(batch.num_row_tokens for batch in batches) == sum(len(row.ids_T) for row in given)
        found = [objective_of(head)(model, batch) for batch in batches]
        torch.stack([loss.sum for loss in found]).sum().backward()
        difference = ((gradient(model) - wanted).norm() / wanted.norm()).item()
        print(f"{architecture} {head.kind} {budget}: gradient {difference:.1e}")
        assert sum(loss.sum.item() for loss in found) == pytest.approx(expected, rel=1e-5)
        assert difference < 1e-5


@pytest.mark.parametrize("architecture", ENCODERS)
def test_transformers_reads_our_folder(folders: dict[str, Path], tmp_path: Path, architecture: str) -> None:
    model = begun(folders[architecture], CLASSES)
    model.save_pretrained(tmp_path)
    read = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    given = rows(CLASSES)
    largest = (in_order(model, given) - padded(read, given)).abs().max().item()
    print(f"{architecture}: largest difference {largest:.1e}")
    assert largest < 1e-5
    assert in_order(model, given).std(0).min() > 0.05
    assert [read.config.id2label[number] for number in range(3)] == list(CLASSES.classes)
    assert read.config.pad_token_id == find_base(str(folders[architecture])).config["pad_token_id"]
    again = load_with_head(tmp_path, CLASSES, dtype=torch.float32, device="cpu")
    assert torch.equal(in_order(again, given), in_order(model, given))


@pytest.mark.parametrize("dora", [False, True])
@pytest.mark.parametrize("architecture", ENCODERS)
def test_peft_reads_our_adapter_and_we_read_it(
    folders: dict[str, Path], tmp_path: Path, architecture: str, dora: bool
) -> None:
    method = Lora(rank=4, alpha=12.0, dora=dora)
    model = begun(folders[architecture], CLASSES, method)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if isinstance(model.get_submodule(name.rpartition(".")[0]), LoraLinear) and parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
            elif is_of_head(name):  # the pooler is trained with the head
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
    save_adapter(model, method, "base", tmp_path)
    plain = AutoModelForSequenceClassification.from_pretrained(folders[architecture], num_labels=3).eval()
    read = peft.PeftModel.from_pretrained(plain, tmp_path).eval()
    given = rows(CLASSES)
    largest = (in_order(model, given) - padded(read, given)).abs().max().item()
    print(f"{architecture}: largest difference {largest:.1e}")
    assert largest < 1e-5
    adapted = sum(isinstance(module, LoraLinear) for module in model.modules())
    assert sum(isinstance(module, LoraLayer) for module in read.modules()) == adapted  # none in the head
    again = load_with_head(folders[architecture], CLASSES, dtype=torch.float32, device="cpu")
    before = in_order(again, given)
    load_adapter(again, tmp_path)
    assert torch.equal(in_order(again, given), in_order(model, given))
    assert (in_order(again, given) - before).abs().max() > 0.1


def test_we_read_a_classifier_of_peft(folders: dict[str, Path], tmp_path: Path) -> None:
    plain = AutoModelForSequenceClassification.from_pretrained(folders["roberta"], num_labels=3)
    targets = ["query", "value"]
    config = peft.LoraConfig(r=3, lora_alpha=7, target_modules=targets, task_type="SEQ_CLS", init_lora_weights=False)
    read = peft.get_peft_model(plain, config).eval()
    read.save_pretrained(tmp_path)
    model = load_with_head(folders["roberta"], CLASSES, dtype=torch.float32, device="cpu")
    load_adapter(model, tmp_path)
    assert (in_order(model, rows(CLASSES)) - padded(read, rows(CLASSES))).abs().max() < 1e-5


@pytest.mark.parametrize("architecture", ENCODERS)
@pytest.mark.parametrize("method", [Full(), Freeze(layers=1), LORA], ids=lambda method: method.name)
def test_a_few_steps_learn_and_change_only_what_is_trained(
    folders: dict[str, Path], architecture: str, method: Method
) -> None:
    model = begun(folders[architecture], CLASSES, method)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    given = [row for row in rows(CLASSES, (9, 12, 14, 18, 21, 25)) if not math.isnan(row.target)]
    optimizer = FlatOptimizer(model.named_parameters(), AdamW(weight_decay=0.0))
    source = RowSource(given, RowSampler(6, 6, seed=0), LayoutSettings(100_000, True, "cpu", is_causal=False))
    rate = 1e-2 if isinstance(method, Lora) else 2e-3
    reports = list(train_steps(model, source, classification.loss, optimizer, lambda _: rate, range(12)))
    losses = [report.loss_sum.item() / report.weight for report in reports]
    print(f"{architecture} {method.name}: loss {losses[0]:.2f} -> {losses[-1]:.2f}")
    assert losses[-1] < 0.5 * losses[0]
    changed = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    # no row is as long as the table of positions, and padding has no gradient
    assert changed == trained
    assert any(is_of_head(name) for name in changed)


@pytest.mark.parametrize("architecture", ENCODERS)
def test_what_the_configuration_says_of_dropout_drops_nothing(folders: dict[str, Path], architecture: str) -> None:
    """LoRA's own dropout stands before matrices that are 0 at first."""
    model = begun(folders[architecture], CLASSES, Lora(rank=4, dropout=0.3))
    assert model.training
    given = rows(CLASSES)
    assert torch.equal(in_order(model, given), in_order(model.eval(), given))


def test_what_a_base_lacks_is_drawn_the_same_way_each_time(tmp_path: Path) -> None:
    folder = save_base(tmp_path, make_encoder("bert", pooler=False))
    first, second = (begun(folder, CLASSES) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first.parameters(), second.parameters(), strict=True))
    other = load_with_head(folder, CLASSES, dtype=torch.float32, device="cpu")
    begin_score(other, 0, seed=4)
    weights = [model.get_submodule("classifier").weight for model in (first, other)]
    assert not torch.equal(*weights)
    assert weights[0].std().item() == pytest.approx(0.15, rel=0.2)


@pytest.mark.parametrize(
    ("field", "value"),
    [("is_decoder", True), ("add_cross_attention", True), ("position_embedding_type", "relative_key")],
)
def test_settings_that_make_another_model_are_refused(tmp_path: Path, field: str, value: object) -> None:
    folder = save_base(tmp_path, make_encoder("bert"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, field: value}), encoding="utf-8")
    with pytest.raises(TunesmithError) as refused:
        find_base(str(folder))
    assert refused.value.code == "model-setting"
    assert refused.value.place is not None
    assert refused.value.place.field == field


@pytest.mark.parametrize(("architecture", "limit"), [("bert", 640), ("roberta", 638), ("distilbert", 640)])
def test_the_longest_text(folders: dict[str, Path], architecture: str, limit: int) -> None:
    base = find_base(str(folders[architecture]))
    assert base.max_tokens == limit
    model = begun(folders[architecture], NUMBER)
    longest = Rendered("0", np.full(limit, FIRST_ID, np.int32), np.zeros(limit, np.float32), 1, 1.0, 1.0)
    assert in_order(model, [longest]).isfinite().all()
