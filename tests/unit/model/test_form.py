"""A form loads as the judged model; a damaged, foreign or harmful one is refused by name before it is read."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from export_material import certified, conversation, exporting, tuned_model
from tiny_models import make_model, save_model

from tunesmith.artifacts.bundle import Bundle, Form
from tunesmith.artifacts.folder import Identity, publish
from tunesmith.artifacts.head import Head
from tunesmith.chat import load_chat
from tunesmith.engine.local import LocalEngine
from tunesmith.errors import TunesmithError
from tunesmith.export.run import export
from tunesmith.model.base import find_base
from tunesmith.model.form import form_base, load_form
from tunesmith.model.harmless import refuse_harmful
from tunesmith.model.load import load_model
from tunesmith.model.method import attached
from tunesmith.recipe import Lora
from tunesmith.recipe.export import FormName
from tunesmith.records import Sampling
from tunesmith.runtime import Runtime, Silent

IDS = torch.arange(40)[None] * 11 % 320
LORA = Lora(rank=4, alpha=12.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """An adapter and a merged model over a base of the user's own."""
    folder = tmp_path_factory.mktemp("made")
    base = find_base(str(save_model(folder / "base", make_model("qwen2"))))
    model = tuned_model(folder / "tuned", base, LORA)
    runtime = Runtime(workspace=folder, cache=folder)
    what = exporting(folder, str(base.folder), model)
    return export(what, runtime=runtime, progress=Silent(), out=folder / "bundle", certify=certified())


@pytest.fixture
def bundle(made: Bundle, tmp_path: Path) -> Bundle:
    """One to be damaged."""
    return Bundle.open(Path(shutil.copytree(made.folder, tmp_path / "bundle")))


def load(bundle: Bundle, form: FormName) -> torch.nn.Module:
    return load_form(bundle.folder, bundle.body, form, dtype=torch.float32, device="cpu")


def code(call: Callable[[], object]) -> str:
    with pytest.raises(TunesmithError) as told:
        call()
    assert told.value.hint("en")
    assert told.value.message("zh") != told.value.message("en")
    return told.value.code


@pytest.mark.thorough
def test_both_forms_answer_as_the_judged_model(made: Bundle) -> None:
    judged = load_model(Path(made.body.base.reference), dtype=torch.float32, device="cpu")
    chat = load_chat(Path(made.body.base.reference))

    def answers(model: torch.nn.Module) -> list[str]:
        found = LocalEngine(model, chat, 256).generate([conversation()], Sampling(max_new_tokens=12))  # type: ignore[arg-type]
        return [each.text for each in found[0]]

    with torch.no_grad(), attached(judged, made.folder / "adapter"):
        expected, said = judged(IDS).logits, answers(judged)
        for form in ("adapter", "merged"):
            model = load(made, form)
            largest = (model(IDS).logits - expected).abs().max().item()
            print(f"{form}: largest difference {largest:.1e}")
            assert largest == 0.0 if form == "adapter" else largest < 1e-4
            assert answers(model) == said
    for form in ("adapter", "merged"):
        found = form_base(made.folder, made.body, form)
        assert load_chat(found.folder, made.body.style_of(form)).fingerprint == chat.fingerprint


@pytest.mark.thorough
def test_a_head_is_loaded_with_it(tmp_path: Path, runtime: Runtime) -> None:
    base = find_base(str(save_model(tmp_path / "base", make_model("qwen2"))))
    model = tuned_model(tmp_path / "tuned", base, LORA, Head(kind="classification", classes=("a", "b", "c")))
    what = exporting(tmp_path, str(base.folder), model)
    bundle = export(what, runtime=runtime, progress=Silent(), out=tmp_path / "bundle", certify=certified())
    with torch.no_grad():
        found = [load(bundle, form)(IDS).logits for form in ("adapter", "merged")]
    assert found[0].shape == (1, 3)
    assert (found[0] - found[1]).abs().max() < 1e-4


def test_a_base_that_is_not_the_one_trained_on_is_refused(made: Bundle, bundle: Bundle, tmp_path: Path) -> None:
    other = save_model(tmp_path / "other", make_model("qwen2", seed=1))
    base = bundle.body.base.model_copy(update={"reference": str(other)})
    body = bundle.body.model_copy(update={"base": base})
    assert code(lambda: form_base(bundle.folder, body, "adapter")) == "bundle-base"
    assert form_base(bundle.folder, body, "merged").folder == bundle.folder / "merged"
    gone = bundle.body.model_copy(update={"base": base.model_copy(update={"reference": "./nowhere"})})
    assert code(lambda: form_base(bundle.folder, gone, "adapter")) == "model-missing"


def test_a_form_that_is_not_there_or_not_for_here_is_refused(made: Bundle) -> None:
    assert code(lambda: load(made, "int8")) == "bundle-form"
    form = Form(name="gguf", dtype="Q8_0", num_bytes=1, use={})
    body = made.body.model_copy(update={"forms": [form]})
    assert code(lambda: form_base(made.folder, body, "gguf")) == "bundle-elsewhere"


def test_damage_and_what_was_put_there_are_found_on_opening(bundle: Bundle, tmp_path: Path) -> None:
    folder = bundle.folder
    (folder / "merged" / "modeling.py").write_text("print('hello')")
    assert code(lambda: Bundle.open(folder)) == "bundle-file"
    (folder / "merged" / "modeling.py").unlink()
    os.symlink(folder / "bundle.json", folder / "adapter" / "link.json")
    assert code(lambda: Bundle.open(folder)) == "bundle-file"
    (folder / "adapter" / "link.json").unlink()
    Bundle.open(folder)
    weights = folder / "merged" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert code(lambda: Bundle.open(folder)) == "artifact-damaged"
    assert code(lambda: Bundle.open(folder / "merged")) == "artifact-missing"
    with publish(tmp_path / "plan", Identity("plan", 1, {}, {}, 0, {})):
        pass
    assert code(lambda: Bundle.open(tmp_path / "plan")) == "artifact-kind"
    with publish(tmp_path / "empty", Identity("bundle", 1, {}, {}, 0, {})) as staging:
        (staging / "bundle.json").write_text('{"name": 1}')
    assert code(lambda: Bundle.open(tmp_path / "empty")) == "artifact-damaged"


class Canary:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.file),)


def pickled(folder: Path) -> bytes:
    return pickle.dumps(Canary(folder / "canary"))


def zipped(folder: Path) -> bytes:
    """As torch writes it."""
    file = folder.parent / "archive"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(folder))
    return file.read_bytes()


def settings(folder: Path, name: str, **more: object) -> bytes:
    file = folder / name
    return json.dumps({**(json.loads(file.read_text()) if file.is_file() else {}), **more}).encode()


PLANTED: dict[str, tuple[str, Callable[[Path], bytes], str]] = {
    "pickle by name": ("pytorch_model.bin", lambda folder: b"anything", "bundle-pickle"),
    "pickle in capitals": ("model.PT", pickled, "bundle-file"),
    "renamed pickle": ("model.safetensors", pickled, "bundle-pickle"),
    "renamed archive": ("model.safetensors", zipped, "bundle-pickle"),
    "pickle as text": ("notes.txt", pickled, "bundle-pickle"),
    "archive as settings": ("special_tokens_map.json", zipped, "bundle-pickle"),
    "no weights": ("model.safetensors", lambda folder: b"", "bundle-weights"),
    "a header beyond all bounds": ("model.safetensors", lambda folder: b"\xff" * 8 + b"{", "bundle-weights"),
    "no gguf": ("model.gguf", lambda folder: b"GGML", "bundle-weights"),
    "code": ("modeling_desk.py", lambda folder: b"open('canary', 'w')", "bundle-file"),
    "library": ("kernel.so", lambda folder: b"\x7fELF", "bundle-file"),
    "auto_map": (
        "config.json",
        lambda folder: settings(folder, "config.json", auto_map={"AutoModel": "modeling_desk.Desk"}),
        "bundle-code",
    ),
    "auto_map of the tokenizer": (
        "tokenizer_config.json",
        lambda folder: settings(folder, "tokenizer_config.json", auto_map={"AutoTokenizer": ["a.T", None]}),
        "bundle-code",
    ),
    "private": (
        "config.json",
        lambda folder: settings(folder, "config.json", _attn_implementation_internal="someone/kernel"),
        "bundle-code",
    ),
    "private within": (
        "config.json",
        lambda folder: settings(folder, "config.json", text_config={"_experts_implementation": "x"}),
        "bundle-code",
    ),
    "code within a list": (
        "config.json",
        lambda folder: settings(folder, "config.json", parts=[{"attn_implementation": "x"}]),
        "bundle-code",
    ),
    "code of PEFT": (
        "adapter_config.json",
        lambda folder: settings(folder, "adapter_config.json", auto_mapping={"parent_library": "os"}),
        "bundle-code",
    ),
    "deep": ("config.json", lambda folder: b"[" * 100_000, "model-config"),
    "no mapping": ("config.json", lambda folder: b"[]", "model-config"),
    "another kind of model": (
        "config.json",
        lambda folder: settings(folder, "config.json", model_type="mystery"),
        "model-type",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_harmful_folder_is_refused_before_it_is_loaded(bundle: Bundle, name: str) -> None:
    """Also where the manifest agrees with it, as that of a foreign bundle does."""
    folder = bundle.folder / "merged"
    file, content, expected = PLANTED[name]
    (folder / file).write_bytes(content(folder))
    assert code(lambda: load(bundle, "merged")) == expected
    assert not (folder / "canary").exists()


def test_words_of_the_user_and_settings_of_torchao_are_no_code(tmp_path: Path) -> None:
    config = {
        "model_type": "qwen2",
        "label2id": {"_other": 0, "auto_map": 1},
        "quantization_config": {"quant_method": "torchao", "quant_type": {"default": {"_type": "X", "_data": {}}}},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    # the length of this header, 640, begins like a pickle
    (tmp_path / "model.safetensors").write_bytes(b"\x80\x02" + b"\0" * 6 + b"{" + b" " * 639)
    (tmp_path / "LICENSE").write_text("words")
    refuse_harmful(tmp_path)
