"""The merged folder as transformers alone loads it, against PEFT's own model of base and adapter."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from export_material import certified, exporting, tuned_model
from safetensors.torch import load_file
from tiny_bases import make_encoder, make_gpt2, save_base
from tiny_models import TEMPLATE, make_model, save_model
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedModel

from tunesmith.artifacts import TunedModel
from tunesmith.artifacts.head import Head
from tunesmith.chat import load_chat
from tunesmith.errors import TunesmithError
from tunesmith.export.adapter import write_adapter
from tunesmith.export.exporting import Exporting, Making
from tunesmith.export.merge import merged_model, save, write_merged
from tunesmith.export.run import export
from tunesmith.model.base import BUILTIN, find_base
from tunesmith.model.load import load_model
from tunesmith.model.method import attached
from tunesmith.recipe import Freeze, Full, Lora, Method, Prefix, Prompt
from tunesmith.runtime import Runtime, Silent

IDS = torch.arange(40)[None] * 11 % 320
HEAD = Head(kind="classification", classes=("no", "yes", "_也许"))
# what PEFT asks of transformers it has renamed
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

LORA = Lora(rank=4, alpha=12.0)
CASES: dict[str, tuple[str, Method]] = {
    "llama": ("llama", LORA),
    "mistral": ("mistral", Lora(rank=4, alpha=12.0, targets=("q_proj", "down_proj"))),
    "qwen2": ("qwen2", Lora(rank=4, alpha=6.0, rslora=True)),
    "qwen3": ("qwen3", Lora(rank=4, alpha=12.0, layers=(1, 1))),
    "dora": ("qwen2", Lora(rank=4, alpha=6.0, dora=True, rslora=True, layers=(0, 0))),
    "gpt2": ("gpt2", LORA),
    "gpt2 dora": ("gpt2", Lora(rank=4, alpha=12.0, dora=True)),
    "qwen2_moe": ("qwen2_moe", Lora(rank=4, alpha=12.0, targets=("all-linear", "experts"))),
    "deepseek_v3": ("deepseek_v3", Lora(rank=3, alpha=6.0, targets=("all-linear", "experts"), rslora=True)),
}


def base_folder(folder: Path, architecture: str) -> Path:
    if architecture == "gpt2":
        return save_base(folder, make_gpt2(), template=TEMPLATE)
    return save_model(folder, make_model(architecture))


def making(name: str, shipped: Exporting, folder: Path, runtime: Runtime) -> Making:
    (folder / name).mkdir(parents=True)
    return Making(shipped, folder / "merged", folder / name, runtime)


def logits(model: nn.Module, **inputs: Any) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(IDS, **inputs).logits
    return found.float()


def read(folder: Path, **settings: Any) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", **settings)
    return model.eval()


@pytest.mark.thorough
@pytest.mark.parametrize("name", CASES)
def test_merged_is_what_peft_computes(tmp_path: Path, runtime: Runtime, name: str) -> None:
    architecture, method = CASES[name]
    folder = base_folder(tmp_path / "base", architecture)
    base = find_base(str(folder))
    shipped = exporting(tmp_path, str(folder), tuned_model(tmp_path / "tuned", base, method))
    write_merged(making("merged", shipped, tmp_path, runtime))
    write_adapter(making("adapter", shipped, tmp_path, runtime))
    theirs = peft.PeftModel.from_pretrained(read(folder), tmp_path / "adapter")
    merged = read(tmp_path / "merged")
    largest = (logits(merged) - logits(theirs)).abs().max().item()
    print(f"{name}: logits up to {logits(theirs).abs().max():.1f}, largest difference {largest:.1e}")
    assert largest < 1e-4
    assert (logits(merged) - logits(read(folder))).abs().max() > 0.1
    # the same tensors under the same names as the base, and nothing of this project's
    assert tensors(tmp_path / "merged").keys() == tensors(folder).keys()


def tensors(folder: Path) -> dict[str, Tensor]:
    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(file).items()}


@pytest.mark.parametrize("judged", ["bf16", "fp32"])
@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16])
def test_a_sum_is_rounded_once_to_what_was_judged(
    tmp_path: Path, runtime: Runtime, judged: str, stored: torch.dtype
) -> None:
    save_model(tmp_path / "base", make_model("qwen2").to(stored))
    base = find_base(str(tmp_path / "base"))
    model = tuned_model(tmp_path / "tuned", base, LORA)
    shipped = exporting(tmp_path, str(base.folder), model, precision=judged)
    write_merged(making("merged", shipped, tmp_path, runtime))
    own, adapter, found = tensors(base.folder), tensors(model.payload), tensors(tmp_path / "merged")
    dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[judged]
    num_adapted = 0
    for name, tensor in own.items():
        sides = [f"base_model.model.{name.removesuffix('weight')}lora_{side}.weight" for side in "AB"]
        exact = tensor.double()
        if sides[0] in adapter:
            num_adapted += 1
            a, b = (adapter[side].double() for side in sides)
            exact = exact + 3.0 * b @ a
        error = (found[name].double() - exact).abs()
        # half a unit in the last place, and what a sum in float32 may be off
        assert found[name].dtype == dtype
        assert (error <= exact.abs() * (2.0**-8 if judged == "bf16" else 0.0) + 1e-6).all()
        if sides[0] not in adapter:
            assert torch.equal(found[name], tensor.to(dtype))
    assert num_adapted == 14
    assert json.loads((tmp_path / "merged" / "config.json").read_text())["dtype"] == str(dtype).removeprefix("torch.")


@pytest.mark.thorough
@pytest.mark.parametrize("dora", [False, True])
def test_a_base_in_four_bits_is_merged_as_it_was_judged(tmp_path: Path, runtime: Runtime, dora: bool) -> None:
    base = find_base(str(save_model(tmp_path / "base", make_model("qwen2"))))
    model = tuned_model(tmp_path / "tuned", base, Lora(name="qlora", rank=4, alpha=12.0, dora=dora))
    shipped = exporting(tmp_path, str(base.folder), model)
    write_merged(making("merged", shipped, tmp_path, runtime))
    judged = load_model(base.folder, dtype=torch.float32, device="cpu", four_bit=True)
    with attached(judged, model.payload):
        expected = logits(judged)
    assert (logits(read(tmp_path / "merged")) - expected).abs().max() < 1e-4
    whole = load_model(base.folder, dtype=torch.float32, device="cpu")
    with attached(whole, model.payload):
        assert (logits(whole) - expected).abs().max() > 1e-2


@pytest.mark.thorough
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "bert", "distilbert", "roberta"])
def test_a_trained_head_is_part_of_it(tmp_path: Path, runtime: Runtime, architecture: str) -> None:
    is_encoder = architecture in ("bert", "distilbert", "roberta")
    template = None if is_encoder else TEMPLATE
    folder = (
        save_base(tmp_path / "base", make_encoder(architecture, pooler=False), template=template)
        if is_encoder
        else base_folder(tmp_path / "base", architecture)
    )
    base = find_base(str(folder))
    style = {"model": {"prompt_style": "bare"}} if is_encoder else {}
    model = tuned_model(tmp_path / "tuned", base, LORA, HEAD)
    shipped = exporting(tmp_path, str(folder), model, **style)
    write_merged(making("merged", shipped, tmp_path, runtime))
    write_adapter(making("adapter", shipped, tmp_path, runtime))
    classes = AutoModelForSequenceClassification
    # a RoBERTa numbers its positions by the padding token
    padding = {} if is_encoder else {"pad_token_id": shipped.chat.pad_id}
    plain = classes.from_pretrained(folder, num_labels=3, **padding).eval()
    theirs = peft.PeftModel.from_pretrained(plain, tmp_path / "adapter")
    merged = classes.from_pretrained(tmp_path / "merged").eval()
    mask = torch.ones_like(IDS)
    assert (logits(merged, attention_mask=mask) - logits(theirs, attention_mask=mask)).abs().max() < 1e-4
    assert merged.config.id2label == {0: "no", 1: "yes", 2: "_也许"}
    assert (tmp_path / "merged" / "head.json").read_bytes() == (model.payload / "head.json").read_bytes()


@pytest.mark.parametrize("method", [Full(), Freeze(layers=1)])
def test_tuned_weights_are_their_own_merged_form(tmp_path: Path, runtime: Runtime, method: Method) -> None:
    base = find_base(str(save_model(tmp_path / "base", make_model("qwen3"))))
    model = tuned_model(tmp_path / "tuned", base, method)
    shipped = exporting(tmp_path, str(base.folder), model)
    assert shipped.forms() == ("merged",)
    form = write_merged(making("merged", shipped, tmp_path, runtime))
    found, own = tensors(tmp_path / "merged"), tensors(model.payload)
    assert found.keys() == own.keys()
    assert all(torch.equal(found[name], own[name]) for name in own)
    assert form.num_bytes == sum(file.stat().st_size for file in model.payload.glob("*.safetensors"))
    assert torch.equal(logits(read(tmp_path / "merged")), logits(read(model.payload)))


def test_large_weights_are_cut_into_files(tmp_path: Path, runtime: Runtime) -> None:
    base = find_base(str(save_model(tmp_path / "base", make_model("llama"))))
    shipped = exporting(tmp_path, str(base.folder), tuned_model(tmp_path / "tuned", base, LORA))
    model = merged_model(shipped, "cpu")
    save(model, tmp_path / "merged", shard_bytes=100_000)
    files = sorted((tmp_path / "merged").glob("*.safetensors"))
    assert len(files) > 2
    assert all(file.stat().st_size < 120_000 for file in files)
    model.set_attn_implementation("eager")
    assert torch.equal(logits(read(tmp_path / "merged")), logits(model.eval()))


@pytest.mark.parametrize("style", [None, "plain-zh"])
def test_the_folder_holds_the_chat_that_was_judged(tmp_path: Path, runtime: Runtime, style: str | None) -> None:
    base = find_base(BUILTIN)
    model = tuned_model(tmp_path / "tuned", base, LORA)
    shipped = exporting(tmp_path, BUILTIN, model, precision="bf16", model={"prompt_style": style})
    write_merged(making("merged", shipped, tmp_path, runtime))
    merged = tmp_path / "merged"
    assert load_chat(merged).fingerprint == shipped.chat.fingerprint
    assert read(merged).dtype == torch.bfloat16
    settings = json.loads((merged / "generation_config.json").read_text())
    assert settings["eos_token_id"] == 2
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        assert not [key for key in json.loads((merged / name).read_text()) if key.startswith("_")]
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(merged)
    messages = [{"role": "user", "content": "What is it? 是什么？"}]
    ids = tokenizer(
        tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True), add_special_tokens=False
    ).input_ids
    from tunesmith.records import Message

    assert ids == shipped.chat.prompt_ids([Message("user", "What is it? 是什么？")])


@pytest.mark.parametrize("method", [Prompt(virtual_tokens=4), Prefix(virtual_tokens=4)])
def test_learned_tokens_are_not_merged(tmp_path: Path, runtime: Runtime, method: Method) -> None:
    base = find_base(str(save_model(tmp_path / "base", make_model("qwen2"))))
    model = tuned_model(tmp_path / "tuned", base, method)
    shipped = exporting(tmp_path, str(base.folder), model)
    assert shipped.forms() == ("adapter",)
    with pytest.raises(TunesmithError) as told:
        merged_model(shipped, "cpu")
    assert told.value.code == "form-virtual"
    write_adapter(making("adapter", shipped, tmp_path, runtime))
    theirs = peft.PeftModel.from_pretrained(read(base.folder), tmp_path / "adapter")
    assert (logits(theirs)[:, -40:] - logits(read(base.folder))).abs().max() > 1e-3


def test_an_adapter_of_another_base_is_refused(tmp_path: Path) -> None:
    base = find_base(str(save_model(tmp_path / "base", make_model("qwen2"))))
    other = find_base(str(save_model(tmp_path / "other", make_model("qwen2", num_hidden_layers=1))))
    model = tuned_model(tmp_path / "tuned", base, LORA)
    shipped = exporting(tmp_path, str(other.folder), model)
    with pytest.raises(TunesmithError) as told:
        merged_model(shipped, "cpu")
    assert told.value.code == "adapter-base"
    assert "layers.1" in str(told.value.parameters["difference"])


def test_the_adapter_is_the_trained_one_to_the_byte(tmp_path: Path, runtime: Runtime) -> None:
    base = find_base(BUILTIN)
    model: TunedModel = tuned_model(tmp_path / "tuned", base, LORA)
    shipped = exporting(tmp_path, BUILTIN, model)
    form = write_adapter(making("adapter", shipped, tmp_path, runtime))
    name = "adapter_model.safetensors"
    assert (tmp_path / "adapter" / name).read_bytes() == (model.payload / name).read_bytes()
    assert form.num_bytes == (model.payload / name).stat().st_size
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == BUILTIN
    assert str(tmp_path) not in json.dumps(config)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("style", [None, "alpaca"])
def test_the_commands_answer(
    tmp_path: Path,
    runtime: Runtime,
    style: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tuned = tuned_model(tmp_path / "tuned", find_base(BUILTIN), LORA)
    what = exporting(tmp_path, BUILTIN, tuned, model={"prompt_style": style})
    bundle = export(what, runtime=runtime, progress=Silent(), out=tmp_path / "out", certify=certified())
    monkeypatch.chdir(bundle.folder)
    told = []
    for form in bundle.body.forms:
        program, option, code, *arguments = shlex.split(form.commands(str(find_base(BUILTIN).folder))["transformers"])
        assert (program, option) == ("python", "-c")
        monkeypatch.setattr("sys.argv", ["-c", *arguments])
        torch.manual_seed(0)
        exec(code, {})
        told.append(capsys.readouterr().out)
    assert told[0] == told[1] != ""
