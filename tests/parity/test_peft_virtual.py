"""Prompt and prefix tuning against PEFT: the same logits from our folders, the same gradients, its folders in ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import peft
import pytest
import torch
from flat_rows import three_levels
from safetensors.torch import load_file
from tiny_models import VOCABULARY, make_model, random_row, save_model
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.model.layout import MicroBatch, behind, lay_out
from tunesmith.model.load import head_weight, hidden_states, load_model
from tunesmith.model.lora import WEIGHTS_FILE
from tunesmith.model.method import begin_method, load_method, save_method
from tunesmith.model.virtual import virtual_ids
from tunesmith.recipe import Prefix, Prompt
from tunesmith.records import Rendered
from tunesmith.train.objectives import sft

# PEFT asks for a property that transformers has renamed, and says that it gives positions itself
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The PEFT config's"),
    pytest.mark.filterwarnings("ignore:Position ids are not supported"),
]
METHODS = [Prompt(virtual_tokens=5), Prefix(virtual_tokens=5), Prompt(virtual_tokens=20), Prefix(virtual_tokens=20)]
ARCHITECTURES = ("llama", "mistral", "qwen2", "qwen2_moe", "qwen3")


def told(method: Prompt | Prefix) -> str:
    return f"{method.name} {method.virtual_tokens}"


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bases")
    return {name: save_model(folder / name, make_model(name)) for name in ARCHITECTURES}


def load(folder: Path) -> PreTrainedModel:
    return load_model(folder, dtype=torch.float32, device="cpu")


def tuned(folder: Path, method: Prompt | Prefix) -> PreTrainedModel:
    model = load(folder)
    begin_method(model, method, seed=3)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model


def read_by_peft(architecture: str, folder: Path) -> peft.PeftModel:
    return peft.PeftModel.from_pretrained(make_model(architecture, "eager"), folder)


def trained_by_peft(architecture: str, folder: Path) -> peft.PeftModel:
    """PEFT reads such a folder for inference alone; its tensor is put into a model that PEFT begins to train."""
    config = peft.PeftConfig.from_pretrained(str(folder))
    config.inference_mode = False
    model = peft.get_peft_model(make_model(architecture, "eager"), config)
    with torch.no_grad():
        model.prompt_encoder["default"].embedding.weight.copy_(load_file(folder / WEIGHTS_FILE)["prompt_embeddings"])
    return model.eval()


@torch.no_grad()
def our_logits(model: PreTrainedModel, row: Rendered) -> Tensor:
    """(T, V) of the row's own tokens."""
    (batch,) = lay_out(behind([row], virtual_ids(model)), 1000, share=True)
    return own(hidden_states(model, batch), batch, row) @ head_weight(model).T


def own(hidden_TD: Tensor, batch: MicroBatch, row: Rendered) -> Tensor:
    """Of the only row of a batch, what is not virtual."""
    stop = int(batch.read_R[0]) + 1
    return hidden_TD[stop - len(row.ids_T) : stop]


def ids_of(row: Rendered) -> Tensor:
    return torch.from_numpy(row.ids_T.astype(np.int64))


@torch.no_grad()
def their_logits(model: peft.PeftModel, row: Rendered) -> Tensor:
    """PEFT gives the logits of a prompt's virtual tokens too, of a prefix's none."""
    logits: Tensor = model.eval()(input_ids=ids_of(row)[None]).logits[0, -len(row.ids_T) :]
    return logits


@pytest.mark.parametrize("method", METHODS, ids=told)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_peft_reads_our_folder_and_we_read_it(
    bases: dict[str, Path], tmp_path: Path, architecture: str, method: Prompt | Prefix
) -> None:
    ours = tuned(bases[architecture], method)
    save_method(ours, method, "base", tmp_path)
    row = random_row(np.random.default_rng(0), "0", [], 40)
    theirs = read_by_peft(architecture, tmp_path)
    largest = (our_logits(ours, row) - their_logits(theirs, row)).abs().max().item()
    print(f"{architecture} {told(method)}: largest difference {largest:.1e}")
    assert largest < 1e-4
    assert (our_logits(ours, row) - our_logits(load(bases[architecture]), row)).abs().max() > 0.1
    again = load(bases[architecture])
    load_method(again, tmp_path)
    assert torch.equal(our_logits(again, row), our_logits(ours, row))


@pytest.mark.parametrize("method", METHODS, ids=told)
@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("budget", [100_000, 64])
def test_gradients_are_those_of_peft(
    bases: dict[str, Path], tmp_path: Path, method: Prompt | Prefix, share: bool, budget: int
) -> None:
    """Of rows with common beginnings, which hang on the virtual tokens; however they are cut into micro-batches."""
    ours = tuned(bases["qwen3"], method)
    save_method(ours, method, "base", tmp_path)
    theirs = trained_by_peft("qwen3", tmp_path)
    random = np.random.default_rng(3)
    rows = [*three_levels(random), random_row(random, "alone", [], 150)]
    found_loss = 0.0
    for batch in lay_out(behind(rows, virtual_ids(ours)), budget, share=share):
        loss = sft.loss(ours, batch)
        loss.sum.backward()
        found_loss += loss.sum.item()
    expected_loss = 0.0
    for row in rows:
        logits_TV = theirs(input_ids=ids_of(row)[None]).logits[0, -len(row.ids_T) :]
        losses_T = torch.nn.functional.cross_entropy(logits_TV[:-1], ids_of(row)[1:], reduction="none")
        weighted = (losses_T * torch.from_numpy(row.weights_T[1:])).sum()
        weighted.backward()
        expected_loss += weighted.item()
    assert found_loss == pytest.approx(expected_loss, rel=1e-5)
    expected = theirs.prompt_encoder["default"].embedding.weight.grad
    gradients = [parameter.grad for parameter in ours.parameters() if parameter.requires_grad]
    if isinstance(method, Prompt):
        (found,) = gradients
    else:  # keys and values of a layer after one another, a layer after another
        found = torch.stack([gradient.flatten(1) for gradient in gradients], dim=1).flatten(1)
    difference = ((found - expected).norm() / expected.norm()).item()
    print(f"{told(method)} {share} {budget}: relative difference of the gradient {difference:.1e}")
    assert difference < 1e-5


@pytest.mark.parametrize("kind", ["prompt", "prefix"])
def test_we_read_a_folder_of_peft(bases: dict[str, Path], tmp_path: Path, kind: str) -> None:
    config = (peft.PromptTuningConfig if kind == "prompt" else peft.PrefixTuningConfig)(
        task_type="CAUSAL_LM", num_virtual_tokens=6
    )
    theirs = peft.get_peft_model(make_model("llama", "eager"), config)
    theirs.save_pretrained(tmp_path)
    ours = load(bases["llama"])
    load_method(ours, tmp_path)
    row = random_row(np.random.default_rng(0), "0", [], 40)
    assert (our_logits(ours, row) - their_logits(theirs, row)).abs().max() < 1e-4


def test_a_prefix_starts_as_the_tokens_that_it_is_drawn_from(bases: dict[str, Path]) -> None:
    """At the start a prefix is a prompt, and a prompt is a row that begins with these tokens."""
    row = random_row(np.random.default_rng(0), "0", [], 40)
    prompt, prefix = load(bases["qwen3"]), load(bases["qwen3"])
    begin_method(prompt, Prompt(virtual_tokens=7), seed=5)
    begin_method(prefix, Prefix(virtual_tokens=7), seed=5)
    torch.testing.assert_close(our_logits(prefix, row), our_logits(prompt, row), rtol=1e-4, atol=1e-4)
    drawn = torch.randint(VOCABULARY, (7,), generator=torch.Generator().manual_seed(5))
    (batch,) = lay_out(behind([row], drawn.tolist()), 1000, share=True)
    plain = load(bases["qwen3"])
    with torch.no_grad():
        expected = own(hidden_states(plain, batch), batch, row) @ head_weight(plain).T
    torch.testing.assert_close(our_logits(prompt, row), expected, rtol=1e-4, atol=1e-4)
