"""`check_model` on folders shaped like published R1 distills, on broken ones, and the recipes that name them.

The folders keep what decides how such a model is read: configuration keys as published, grouped heads, biases, an
untied head, scaled rotary positions, R1's tokens and chat template. Sizes are cut and weights are random.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM
from typer.testing import CliRunner

from tunesmith import lifecycle
from tunesmith.artifacts import read_events
from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.lifecycle.parity import CONVERSATIONS, TEXTS, Result, check_model
from tunesmith.model.base import find_base
from tunesmith.recipe import load_recipe
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[2]
MEDICAL = ROOT.parent / "shared" / "data" / "medical_o1_150.jsonl"
BOS, EOS, USER, ASSISTANT = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"
PARTS = ["model", "template", "prefix", "tokenizer", "round_trip", "end_token", "logits", "adapter", "training"]
# pre-tokenisation as published: Qwen2 takes digits one by one, Llama 3 up to three at a time
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CUTTING = "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"

QWEN_1_5B: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "attention_dropout": 0.0,
    "hidden_act": "silu",
    "hidden_size": 96,  # 1536 in 12 heads of 128: 12 heads of 8
    "initializer_range": 0.02,
    "intermediate_size": 560,  # 8960
    "max_position_embeddings": 131072,
    "max_window_layers": 21,
    "num_attention_heads": 12,
    "num_hidden_layers": 2,  # 28
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000,
    "sliding_window": 4096,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_mrope": False,
    "use_sliding_window": False,
}
LLAMA_8B: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "hidden_act": "silu",
    "hidden_size": 128,  # 4096 in 32 heads of 128: 16 heads of 8
    "initializer_range": 0.02,
    "intermediate_size": 448,  # 14336
    "max_position_embeddings": 131072,
    "mlp_bias": False,
    "num_attention_heads": 16,
    "num_hidden_layers": 2,  # 32
    "num_key_value_heads": 4,  # 8: four query heads a key head
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "factor": 8.0,
        "high_freq_factor": 4.0,
        "low_freq_factor": 1.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
}


def published_template() -> str:
    """The template of the R1 distills, as the trl wheel ships it."""
    spec = find_spec("trl")
    if spec is None or spec.origin is None:
        pytest.skip("trl is not installed: it ships the published R1 distill template")
    return (Path(spec.origin).parent / "chat_templates" / "deepseek_r1_distill.jinja").read_text(encoding="utf-8")


def make_tokenizer(digits: str, normalizer: normalizers.Normalizer | None) -> Tokenizer:
    """Byte-level BPE with R1's tokens, of which only begin and end are called special."""
    tokenizer = Tokenizer(models.BPE())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS % digits), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    spoken = [f"{message.content}\n{message.reasoning or ''}\n\n" for talk in CONVERSATIONS for message in talk]
    tokenizer.train_from_iterator([*spoken, *TEXTS], trainer)
    tokenizer.add_special_tokens([AddedToken(BOS, special=True), AddedToken(EOS, special=True)])
    plain = [USER, ASSISTANT, "<think>", "</think>"]
    tokenizer.add_tokens([AddedToken(token, normalized=False, special=False) for token in plain])
    bos = tokenizer.token_to_id(BOS)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, bos)])
    return tokenizer


def write_model(folder: Path, config: dict[str, Any], template: str, **settings: Any) -> Path:
    """A model folder as DeepSeek publishes it: the template inside tokenizer_config.json, sampling at 0.6 / 0.95."""
    is_qwen = config["model_type"] == "qwen2"
    tokenizer = make_tokenizer("" if is_qwen else "{1,3}", normalizers.NFC() if is_qwen else None)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    written = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    special = {"__type": "AddedToken", **written}
    write_json(
        folder / "tokenizer_config.json",
        {
            "add_bos_token": True,
            "add_eos_token": False,
            "bos_token": {**special, "content": BOS},
            "clean_up_tokenization_spaces": False,
            "eos_token": {**special, "content": EOS},
            "legacy": True,
            "model_max_length": 16384,
            "pad_token": {**special, "content": EOS},
            "sp_model_kwargs": {},
            "unk_token": None,
            "tokenizer_class": "LlamaTokenizerFast",
            "chat_template": template,
            **settings,
        },
    )
    ends = {"bos_token_id": tokenizer.token_to_id(BOS), "eos_token_id": tokenizer.token_to_id(EOS)}
    decoding = {"do_sample": True, "temperature": 0.6, "top_p": 0.95}
    write_json(folder / "generation_config.json", {"_from_model_config": True, **ends, **decoding})
    write_json(folder / "config.json", {**config, **ends, "vocab_size": tokenizer.get_vocab_size() + 36})
    save_file(random_weights(folder), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def random_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Large enough that biases, norms and positions all show in the logits."""
    generator = torch.Generator().manual_seed(3)
    shapes = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder)).state_dict()
    return {
        name: (torch.randn(like.shape, generator=generator) * 0.1 + float(name.endswith("norm.weight"))).bfloat16()
        for name, like in shapes.items()
    }


def write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def change_json(file: Path, **changes: Any) -> None:
    write_json(file, {**json.loads(file.read_text(encoding="utf-8")), **changes})


@pytest.fixture(scope="module")
def r1_qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("r1") / "qwen", QWEN_1_5B, published_template())


@pytest.fixture(scope="module")
def r1_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("r1") / "llama", LLAMA_8B, published_template())


def failed(results: list[Result]) -> dict[str, str]:
    return {result.name: result.detail for result in results if not result.passed}


@pytest.mark.parametrize("name", ["r1_qwen", "r1_llama"])
def test_every_part_passes_on_the_geometry_of_an_r1_distill(
    name: str, request: pytest.FixtureRequest, runtime: Runtime
) -> None:
    folder: Path = request.getfixturevalue(name)
    results = check_model(str(folder), runtime, Silent())
    assert failed(results) == {}
    assert [result.name for result in results] == PARTS
    said = {result.name: result.detail for result in results}
    assert "twin" in said["template"]
    assert "become 8 training rows" in said["prefix"]
    assert said["end_token"] == EOS
    assert "loaded by peft" in said["adapter"]
    assert all(f"cli.parity.{name}" in CATALOGUE for name in PARTS)
    # a window that is switched off does not bound the conversation
    assert find_base(str(folder)).max_tokens == 131072


def test_a_folder_that_may_not_be_opened_fails_by_name(tmp_path: Path, runtime: Runtime) -> None:
    """Each refusal comes before any weight or template is read."""
    template = "{{ messages[0]['content'] }}"
    faults: dict[str, Callable[[Path], object]] = {
        "model-code": lambda folder: change_json(folder / "config.json", auto_map={"AutoModel": "modeling.Mine"}),
        "model-type": lambda folder: change_json(folder / "config.json", model_type="gpt_oss"),
        "weights-pickle": lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
        "model-config": lambda folder: (folder / "config.json").write_text("{"),
        "model-missing": lambda folder: (folder / "config.json").unlink(),
    }
    for code, spoil in faults.items():
        folder = write_model(tmp_path / code, QWEN_1_5B, template)
        spoil(folder)
        results = check_model(str(folder), runtime, Silent())
        assert [result.name for result in results] == ["model"]
        assert failed(results)["model"].startswith(f"[{code}] ")


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("{{ messages[0]['content'] }}{% if add_generation_prompt %}<think>{% endif %}", "template-drops-reasoning"),
        ("{% for message in messages %}", "template-syntax"),
        ("{{ raise_exception('never') }}", "template-refused"),
    ],
)
def test_a_template_that_cannot_be_learned_from_fails_by_name(
    tmp_path: Path, runtime: Runtime, template: str, code: str
) -> None:
    results = check_model(str(write_model(tmp_path / "model", QWEN_1_5B, template)), runtime, Silent())
    assert [result.name for result in results] == ["model", "template"]
    assert failed(results)["template"].startswith(f"[{code}] ")


def test_r1_with_another_way_to_cut_the_thinking_is_refused(tmp_path: Path, runtime: Runtime) -> None:
    """Only the known statement has a twin; nothing is guessed about any other."""
    cut = published_template().replace(CUTTING, "{% set content = content.rpartition('</think>')[2] %}")
    assert cut != published_template()
    results = check_model(str(write_model(tmp_path / "model", QWEN_1_5B, cut)), runtime, Silent())
    assert list(failed(results)) == ["template"]


def test_parts_fail_apart_from_each_other(tmp_path: Path, runtime: Runtime) -> None:
    """transformers reads other tokens here, and the weights are cut short: the rest is judged all the same."""
    folder = write_model(tmp_path / "model", LLAMA_8B, published_template(), tokenizer_class="Qwen2Tokenizer")
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    results = check_model(str(folder), runtime, Silent())
    assert [result.name for result in results] == PARTS
    assert list(failed(results)) == ["tokenizer", "logits", "adapter", "training"]
    assert "Safetensor" in failed(results)["logits"]


def test_a_damaged_row_of_the_embedding_shows(tmp_path: Path, runtime: Runtime) -> None:
    """The token stands in one later conversation only: one row of logits is not a number, the others are."""
    folder = write_model(tmp_path / "model", QWEN_1_5B, published_template())
    token = Tokenizer.from_file(str(folder / "tokenizer.json")).encode("*", add_special_tokens=False).ids[-1]
    tensors = load_file(folder / "model.safetensors")
    tensors["model.embed_tokens.weight"][token] = torch.nan
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert {"logits", "adapter"} <= set(failed(check_model(str(folder), runtime, Silent())))


def test_the_command_prints_every_part_and_tells_by_its_exit_code(tmp_path: Path, r1_qwen: Path) -> None:
    OPTIONS.json = False
    spoiled = write_model(tmp_path / "model", QWEN_1_5B, "{{ messages[0]['content'] }}")
    told = CliRunner().invoke(app, ["--workspace", str(tmp_path), "check", "--model", str(spoiled)])
    assert told.exit_code == 1
    assert [line[0] for line in told.stdout.splitlines()] == ["+", "!"]
    sound = CliRunner().invoke(app, ["--workspace", str(tmp_path), "check", "--model", str(r1_qwen), "--json"])
    OPTIONS.json = False
    assert sound.exit_code == 0, sound.output
    assert [(result["name"], result["passed"]) for result in json.loads(sound.stdout)] == [(p, True) for p in PARTS]


R1_RECIPES = {
    "r1_distill_qwen_1_5b_lora": ("r1_qwen", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"),
    "r1_distill_llama_8b_lora": ("r1_llama", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"),
}


def made_up_rows(file: Path) -> Path:
    """Rows of our own in the columns of medical-o1-reasoning-SFT."""
    signs = ["fever", "cough", "back pain", "a rash", "dizziness", "thirst", "fatigue", "a sore throat"]
    rows = [
        {
            "Question": f"A patient of {30 + 3 * number} years reports {sign} for {number + 2} days. What comes first?",
            "Complex_CoT": f"The main sign is {sign}. It has lasted {number + 2} days, so look at the history first.",
            "Response": f"Take the history, examine the patient, then treat {sign}.",
        }
        for number, sign in enumerate(signs * 2)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


@pytest.mark.parametrize("name", ["medical_o1", *R1_RECIPES])
def test_a_recipe_names_published_rows_and_says_what_it_is_for(name: str) -> None:
    recipe = load_recipe(ROOT / "recipes" / f"{name}.yaml")
    source = recipe.prepare.sources[0]
    assert (source.hub, source.config) == ("FreedomIntelligence/medical-o1-reasoning-SFT", "en")
    assert str(source.hub_split).startswith("train[:")
    assert recipe.prepare.reasoning == "require"
    assert recipe.model.base == (R1_RECIPES[name][1] if name in R1_RECIPES else "builtin:tiny")
    first = (ROOT / "recipes" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 40


@pytest.mark.parametrize("rows", ["made up", "published"])
@pytest.mark.parametrize("name", R1_RECIPES)
def test_an_r1_recipe_takes_two_steps(
    name: str, rows: str, request: pytest.FixtureRequest, runtime: Runtime, tmp_path: Path
) -> None:
    if rows == "published" and not MEDICAL.is_file():
        pytest.skip("../shared/data/medical_o1_150.jsonl is not there")
    folder: Path = request.getfixturevalue(R1_RECIPES[name][0])
    data = made_up_rows(tmp_path / "rows.jsonl")
    if rows == "published":
        data.write_bytes(b"".join(MEDICAL.read_bytes().splitlines(keepends=True)[:16]))
    overrides = [f"model.base={folder}", f"prepare.sources={data}", "train.max_steps=2", "train.batch_rows=2"]
    recipe = load_recipe(ROOT / "recipes" / f"{name}.yaml", [*overrides, "train.trackers=[]"])
    job = lifecycle.Job(recipe, runtime, Silent())
    with lifecycle.running(job) as record:
        dataset = lifecycle.prepare(job)
        models = lifecycle.train(job, dataset, lifecycle.plan(job, dataset), record)
    settings = json.loads((models["tuned"].payload / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"]) == (16, 32.0)
    trained = load_file(models["tuned"].payload / "adapter_model.safetensors")
    assert all(tensor.abs().sum() > 0 for tensor in trained.values())
    losses = [event.data["train/loss"] for event in read_events(job.run_folder) if "train/loss" in event.data]
    assert len(losses) == 2
    assert job.chat.prefilled
    assert job.base.generation_config()["temperature"] == 0.6


def test_a_base_without_a_template_is_judged_in_the_recipes_style(tmp_path: Path, runtime: Runtime) -> None:
    folder = write_model(tmp_path / "model", QWEN_1_5B, published_template())
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    assert failed(check_model(str(folder), runtime, Silent()))["template"].startswith("[template-missing] ")
    results = check_model(str(folder), runtime, Silent(), "plain")
    assert failed(results) == {}
    assert [result.name for result in results] == PARTS
