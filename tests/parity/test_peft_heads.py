"""Models with a head as transformers and PEFT load them: the same logits, also of a padded batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import peft
import pytest
import torch
from tiny_models import make_model, random_row, save_model
from torch import Tensor
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from tunesmith.artifacts.head import Head, read_head, write_head
from tunesmith.model.layout import lay_out
from tunesmith.model.load import hidden_states
from tunesmith.model.lora import LoraLinear, attach_lora, load_adapter, save_adapter
from tunesmith.model.score import begin_score, load_with_head, row_scores
from tunesmith.recipe import Lora
from tunesmith.records import Rendered

PAD = 319
METHOD = Lora(rank=4, alpha=12.0)
HEADS = [Head(kind="classification", classes=("no", "yes", "也许")), Head(kind="regression", mean=2.0, scale=3.0)]
# PEFT asks for a property that transformers has renamed
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


def rows() -> list[Rendered]:
    random = np.random.default_rng(0)
    prefix = random.integers(0, PAD, 30).tolist()
    drawn = [random_row(random, str(n), prefix if n % 2 else [], 5 + 7 * n) for n in range(5)]
    return [Rendered(row.id, row.ids_T % PAD, row.weights_T) for row in drawn]


@torch.no_grad()
def ours(model: PreTrainedModel) -> Tensor:
    (batch,) = lay_out(rows(), 10_000, share=True)
    found = dict(zip(batch.row_ids, row_scores(model, hidden_states(model, batch), batch), strict=True))
    return torch.stack([found[row.id] for row in rows()])


@torch.no_grad()
def theirs(model: torch.nn.Module) -> Tensor:
    """As a padded batch, which transformers reads up to the last token that is no padding."""
    width = max(len(row.ids_T) for row in rows())
    ids_BS = torch.full((len(rows()), width), PAD)
    for number, row in enumerate(rows()):
        ids_BS[number, : len(row.ids_T)] = torch.from_numpy(row.ids_T.astype(np.int64))
    logits: Tensor = model(ids_BS, attention_mask=(ids_BS != PAD).long()).logits
    return logits


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.kind)
@pytest.mark.parametrize("architecture", ["llama", "mistral", "qwen2", "qwen3"])
def test_transformers_reads_our_folder(tmp_path: Path, architecture: str, head: Head) -> None:
    base = save_model(tmp_path / "base", make_model(architecture))
    model = load_with_head(base, head, dtype=torch.float32, device="cpu")
    begin_score(model, PAD, seed=1)
    model.save_pretrained(tmp_path / "tuned")
    write_head(tmp_path / "tuned", head)
    read = AutoModelForSequenceClassification.from_pretrained(tmp_path / "tuned").eval()
    largest = (ours(model) - theirs(read)).abs().max().item()
    print(f"{architecture} {head.kind}: logits up to {ours(model).abs().max():.1f}, largest difference {largest:.1e}")
    assert largest < 1e-4
    assert ours(model).abs().max() > 0.05
    names = list(head.classes) or ["value"]
    assert [read.config.id2label[number] for number in range(len(names))] == names
    again = load_with_head(tmp_path / "tuned", head, dtype=torch.float32, device="cpu")
    # equal numbers at another place in memory: a product with one output may round otherwise
    assert all(torch.equal(weight, again.get_parameter(name)) for name, weight in model.named_parameters())
    torch.testing.assert_close(ours(again), ours(model))
    assert read_head(tmp_path / "tuned") == head


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.kind)
def test_peft_reads_our_adapter_and_we_read_it(tmp_path: Path, head: Head) -> None:
    base = save_model(tmp_path / "base", make_model("qwen2"))
    model = load_with_head(base, head, dtype=torch.float32, device="cpu")
    attach_lora(model, METHOD, seed=0)
    begin_score(model, PAD, seed=1)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoraLinear):
                layer.lora_b_SOR.copy_(torch.randn(layer.lora_b_SOR.shape, generator=generator) * 0.1)
    save_adapter(model, METHOD, "base", tmp_path / "adapter")
    plain = AutoModelForSequenceClassification.from_pretrained(base, num_labels=head.num_outputs, pad_token_id=PAD)
    read = peft.PeftModel.from_pretrained(plain.eval(), tmp_path / "adapter")
    assert read.peft_config["default"].task_type == "SEQ_CLS"
    largest = (ours(model) - theirs(read)).abs().max().item()
    print(f"{head.kind}: largest difference {largest:.1e}")
    assert largest < 1e-4
    again = load_with_head(base, head, dtype=torch.float32, device="cpu")
    load_adapter(again, tmp_path / "adapter")
    assert torch.equal(ours(again), ours(model))


def test_we_read_a_classifier_of_peft(tmp_path: Path) -> None:
    base = save_model(tmp_path / "base", make_model("qwen2"))
    plain = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3, pad_token_id=PAD)
    config = peft.LoraConfig(
        r=3, lora_alpha=7, target_modules="all-linear", task_type="SEQ_CLS", init_lora_weights=False
    )
    read = peft.get_peft_model(plain, config).eval()
    read.save_pretrained(tmp_path / "adapter")
    model = load_with_head(base, HEADS[0], dtype=torch.float32, device="cpu")
    load_adapter(model, tmp_path / "adapter")
    assert (ours(model) - theirs(read)).abs().max() < 1e-4
