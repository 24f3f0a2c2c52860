"""GPT-2 against transformers and PEFT: loss and gradient, generation with a cache, adapters on `Conv1D`, heads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import peft
import pytest
import torch
from flat_rows import CASES, LAYOUTS, TOLERANCE, largest_difference, tokens
from tiny_bases import NUM_POSITIONS, make_gpt2, save_base
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.chat import load_chat
from tunesmith.engine.local import LocalEngine
from tunesmith.model.base import find_base
from tunesmith.model.fits import num_trained, weight_shapes
from tunesmith.model.layout import behind, lay_out
from tunesmith.model.load import head_weight, hidden_states, load_model
from tunesmith.model.lora import LoraLinear, load_adapter, save_adapter
from tunesmith.model.method import begin_method, load_method, save_method
from tunesmith.model.score import begin_score, load_with_head, row_scores
from tunesmith.model.virtual import virtual_ids
from tunesmith.recipe import Full, Lora, Prompt
from tunesmith.recipe.optimizers import AdamW
from tunesmith.records import Message, Rendered, Sampling
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import train_steps

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("gpt2"), make_gpt2())


def loaded(folder: Path) -> PreTrainedModel:
    return load_model(folder, dtype=torch.float32, device="cpu")


@torch.no_grad()
def shake(model: PreTrainedModel) -> None:
    """LoRA's second matrix is 0 at first."""
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)


def a_row(num: int = 40) -> Rendered:
    ids_T = np.asarray(tokens(np.random.default_rng(3), num), np.int32)
    return Rendered("0", ids_T, np.ones(num, np.float32))


@torch.no_grad()
def logits(model: PreTrainedModel, row: Rendered) -> Tensor:
    """(T, V), ours."""
    (batch,) = lay_out(behind([row], virtual_ids(model)), 1000, share=True)
    stop = int(batch.read_R[0]) + 1
    return hidden_states(model, batch)[stop - len(row.ids_T) : stop] @ head_weight(model).T


@torch.no_grad()
def plain_logits(model: torch.nn.Module, row: Rendered) -> Tensor:
    """(T, V), transformers' or PEFT's."""
    found: Tensor = model(input_ids=torch.from_numpy(row.ids_T.astype(np.int64))[None]).logits[0]
    return found[-len(row.ids_T) :]


def test_loss_and_gradient_are_those_of_transformers(folder: Path) -> None:
    random = np.random.default_rng(11)
    rows = [replace(each, id=f"{case.__name__} {each.id}") for case in CASES[1:5] for each in case(random)]
    worst = largest_difference(loaded(folder), rows, LAYOUTS[:2])
    print(f"gpt2: {worst:.1e}")
    assert worst < TOLERANCE


@pytest.mark.parametrize("method", [Lora(rank=4, alpha=12.0), Lora(rank=4, dora=True)], ids=["lora", "dora"])
def test_peft_reads_our_adapter_and_we_read_it(folder: Path, tmp_path: Path, method: Lora) -> None:
    model = loaded(folder)
    begin_method(model, method, seed=0)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert num_trained(weight_shapes(folder), method, 64) == sum(parameter.numel() for parameter in trained)
    assert sum(isinstance(module, LoraLinear) for module in model.modules()) == 8
    shake(model)
    save_adapter(model, method, "base", tmp_path)
    read = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), tmp_path).eval()
    largest = (logits(model, a_row()) - plain_logits(read, a_row())).abs().max().item()
    print(f"largest difference {largest:.1e}")
    assert largest < 1e-4
    again = loaded(folder)
    assert (logits(again, a_row()) - logits(model, a_row())).abs().max() > 0.1
    load_adapter(again, tmp_path)
    assert torch.equal(logits(again, a_row()), logits(model, a_row()))


def test_the_gradient_of_an_adapter_is_that_of_peft(folder: Path, tmp_path: Path) -> None:
    model, method = loaded(folder), Lora(rank=4, alpha=12.0)
    begin_method(model, method, seed=0)
    shake(model)
    save_adapter(model, method, "base", tmp_path)
    base = AutoModelForCausalLM.from_pretrained(folder)
    read = peft.PeftModel.from_pretrained(base, tmp_path, is_trainable=True).eval()
    (batch,) = lay_out([a_row()], 1000, share=True)
    sft.loss(model, batch).sum.backward()
    ids_1T = torch.from_numpy(a_row().ids_T.astype(np.int64))[None]
    (read(input_ids=ids_1T, labels=ids_1T).loss * 39).backward()
    theirs = {name.replace(".default", ""): p.grad for name, p in read.named_parameters() if p.requires_grad}
    for name, layer in model.named_modules():
        if isinstance(layer, LoraLinear):
            for side, ours in (("lora_A", layer.lora_a_SRI), ("lora_B", layer.lora_b_SOR)):
                wanted = theirs[f"base_model.model.{name}.{side}.weight"]
                assert ours.grad is not None
                assert wanted is not None
                assert ((ours.grad[0] - wanted).norm() / wanted.norm()).item() < 1e-5


def test_a_prompt_is_read_by_peft(folder: Path, tmp_path: Path) -> None:
    model, method = loaded(folder), Prompt(virtual_tokens=6)
    begin_method(model, method, seed=0)
    save_method(model, method, "base", tmp_path)
    read = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), tmp_path).eval()
    assert (logits(model, a_row()) - plain_logits(read, a_row())).abs().max() < 1e-4
    again = loaded(folder)
    load_method(again, tmp_path)
    assert torch.equal(logits(again, a_row()), logits(model, a_row()))


def test_greedy_answers_are_those_of_transformers(folder: Path) -> None:
    """In one padded batch, up to the last position that the model has."""
    chat = load_chat(folder, "plain")
    limit = find_base(str(folder)).max_tokens
    assert limit == NUM_POSITIONS
    asked = [[Message("user", word * times)] for word, times in (("a", 1), ("apples and pears, ", 30), ("是", 100))]
    near_the_end = "ab" * 600
    while len(chat.prompt_ids([Message("user", near_the_end)])) > limit - 9:
        near_the_end = near_the_end[:-1]
    asked.append([Message("user", near_the_end)])
    answers = LocalEngine(loaded(folder), chat, limit).generate(asked, Sampling(max_new_tokens=40))
    plain = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    lengths = []
    for messages, (answer,) in zip(asked, answers, strict=True):
        ids = chat.prompt_ids(messages)
        room = min(40, limit - len(ids))
        written = plain.generate(
            torch.tensor([ids]), max_new_tokens=room, do_sample=False, eos_token_id=0, pad_token_id=0
        )[0, len(ids) :].tolist()
        assert answer.text == chat.decode(written)
        lengths.append(answer.num_tokens)
    assert lengths[-1] == 9  # learned positions end, and with them the answer


def test_labels_are_scored_as_one_plain_pass_scores_them(folder: Path) -> None:
    chat, model = load_chat(folder, "plain"), loaded(folder)
    engine = LocalEngine(model, chat, NUM_POSITIONS)
    asked = [[Message("user", "Which colour?")], [Message("user", "And which number of apples?")]]
    labels = [Message("assistant", label) for label in ("red", "green and blue", "六")]
    found = engine.log_likelihoods(asked, labels)
    for messages, row in zip(asked, found, strict=True):
        for label, value in zip(labels, row, strict=True):
            prompt, written = chat.prompt_ids(messages), chat.answer_ids(label, messages)
            ids_T = np.asarray(prompt + written, np.int32)
            logs_TV = plain_logits(model, Rendered("0", ids_T, np.ones(len(ids_T), np.float32))).log_softmax(1)
            wanted = sum(logs_TV[len(prompt) + n - 1, token].item() for n, token in enumerate(written))
            assert value == pytest.approx(wanted, rel=1e-4)


def test_a_head_reads_the_last_token(folder: Path) -> None:
    head = Head(kind="classification", classes=("no", "yes", "也许"))
    model = load_with_head(folder, head, dtype=torch.float32, device="cpu")
    begin_score(model, 0, seed=1)
    plain = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3).eval()
    plain.load_state_dict(model.state_dict())
    (batch,) = lay_out([a_row()], 1000, share=True)
    with torch.no_grad():
        ours = row_scores(model, hidden_states(model, batch), batch)[0]
        theirs = plain(torch.from_numpy(a_row().ids_T.astype(np.int64))[None]).logits[0]
    assert (ours - theirs).abs().max() < 1e-5


def test_a_few_steps_learn_and_transformers_reads_what_came_of_it(folder: Path, tmp_path: Path) -> None:
    model = loaded(folder)
    begin_method(model, Full(), seed=0)
    optimizer = FlatOptimizer(model.named_parameters(), AdamW(weight_decay=0.0))
    source = RowSource([a_row(), a_row(25)], RowSampler(2, 2, seed=0), LayoutSettings(1000, True, "cpu"))
    reports = list(train_steps(model, source, sft.loss, optimizer, lambda _: 3e-3, range(10)))
    assert reports[-1].loss_sum < 0.5 * reports[0].loss_sum
    model.save_pretrained(tmp_path)
    read = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert (logits(model, a_row()) - plain_logits(read, a_row())).abs().max() < 1e-4
