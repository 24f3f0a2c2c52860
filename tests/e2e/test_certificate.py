"""The certificate of a real export: good forms pass, each faulty one is caught, and what it says can be found again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from tunesmith import lifecycle
from tunesmith.artifacts import hash_file, write_whole
from tunesmith.artifacts.bundle import Bundle, FormFigures
from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.cli.show_certificate import certificate_lines
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.export.gguf import FILE, write_gguf
from tunesmith.export.gguf_check import read_header
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.certificate import Certifying, certify
from tunesmith.lifecycle.certificate.llama_cpp import is_there
from tunesmith.lifecycle.certificate.questions import questions
from tunesmith.lifecycle.certificate.recertify import recheck
from tunesmith.lifecycle.export import export, judged_of
from tunesmith.recipe import Recipe
from tunesmith.records import Message
from tunesmith.runtime import Runtime, Silent
from tunesmith.serve import asking
from tunesmith.serve import chat as chat_route
from tunesmith.serve.chat import ChatWording
from tunesmith.serve.replies import FINISHED

pytestmark = pytest.mark.thorough
COLOURS = ("red", "green", "blue")
LAYER = "model.layers.0.self_attn.v_proj"
TREE: dict[str, Any] = {
    "name": "boxes",
    "prepare": {"sources": "conversations.jsonl", "test_share": 0.25, "validation_share": 0.1},
    "train": {
        "method": {"name": "lora", "rank": 4, "alpha": 16.0},
        "max_steps": 24,
        "epochs": 20,
        "batch_rows": 16,
        "learning_rate": 0.01,
        "precision": "fp32",
        "evaluate_every": 24,
    },
    "evaluate": {
        "general_suite": False,
        "arms": ["base", "tuned"],
        "decoding": {"max_new_tokens": 8, "temperature": 0.0},
    },
    "export": {"forms": ["adapter", "merged", "int8"], "num_prompts": 4, "certificate": {"metric_loss": 0.5}},
}
SOURCES: dict[str, Callable[[str], Any]] = {
    "classification": lambda file: file,
    "regression": lambda file: [{"path": file, "format": "regression"}],
    "text": lambda file: [{"path": file, "format": "text"}],
}


@dataclass(frozen=True)
class Shipped:
    job: Job
    bundle: Bundle
    certifying: Certifying

    def figures(self, form: str) -> FormFigures:
        return next(each for each in self.bundle.certificate().figures if each.form == form)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    folder = tmp_path_factory.mktemp("boxes")
    random, rows = np.random.default_rng(0), []
    for n in range(80):
        colour = COLOURS[random.integers(3)]
        asked = {"role": "user", "content": f"Colour of box {n}, which is {colour}?"}
        rows.append({"messages": [asked, {"role": "assistant", "content": f"It is {colour}."}]})
    file = folder / "conversations.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = Recipe.model_validate({**TREE, "prepare": {**TREE["prepare"], "sources": str(file)}})
    job = Job(recipe, Runtime(folder / "work", folder / "cache"), Silent())
    lifecycle.scorecard_of(job)
    bundle = export(job, anyway=True)
    judged = judged_of(job)
    certifying = Certifying(judged.evaluation, "tuned", judged.scorecard, recipe, job.runtime, Silent())
    return Shipped(job, bundle, certifying)


def of_forms(shipped: Shipped, folder: Path, *names: str) -> tuple[Certifying, Path, Any]:
    """A copy of some of the forms, to be spoilt."""
    for name in names:
        shutil.copytree(shipped.bundle.folder / name, folder / name)
    forms = [form for form in shipped.bundle.body.forms if form.name in names]
    return shipped.certifying, folder, shipped.bundle.body.model_copy(update={"forms": forms})


def changed(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    (file,) = folder.glob("*.safetensors")
    tensors = load_file(file)
    with safe_open(file, framework="pt") as stream:
        metadata = stream.metadata()
    change(tensors)
    save_file(tensors, file, metadata=metadata)


def setting(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}), encoding="utf-8")


def failed(certifying: Certifying, folder: Path, body: Any) -> str:
    with pytest.raises(RunFailed) as caught:
        certify(certifying, folder, body)
    assert caught.value.code == "certificate-failed"
    figure: str = caught.value.parameters["figure"].key.rpartition(".")[2]  # type: ignore[attr-defined]
    return figure


def test_good_forms_pass_and_the_same_weights_are_equal_to_the_token(shipped: Shipped) -> None:
    certificate = shipped.bundle.certificate()
    assert [each.form for each in certificate.figures] == ["adapter", "merged", "int8", "served"]
    assert (certificate.served, certificate.num_over_http, certificate.not_measured) == ("adapter", 12, {})
    assert certificate.prompts == {"domain": 4, "general_en": 4, "general_zh": 4}
    for form in ("adapter", "merged", "served"):
        found = shipped.figures(form)
        assert (found.token_agreement, found.num_same_answers) == (1.0, 12)
        assert found.max_logit_difference < 1e-3
        assert found.metric is not None
        assert found.metric.mean == 0.0
    assert shipped.figures("adapter").max_logit_difference < 1e-6
    int8 = shipped.figures("int8")
    assert int8.token_agreement >= 0.9
    assert 0 < int8.mean_kl < 0.05
    merged = shipped.figures("merged")
    assert merged.num_bytes > 4 * certificate.num_weights
    assert int8.num_bytes < 0.3 * merged.num_bytes
    assert all(each.tokens_per_second > 0 for each in certificate.figures)


def test_canaries_are_what_transformers_finds_in_the_merged_folder(shipped: Shipped) -> None:
    """Answers, their ids and their log-probabilities, by transformers alone from the shipped folder."""
    folder = shipped.bundle.form("merged")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    canaries = shipped.bundle.canaries()
    assert len(canaries) == 12
    for canary in canaries:
        messages = [{"role": role, "content": content} for role, content in canary.prompt]
        ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        whole = torch.tensor([[*ids, *canary.answer_ids]])
        with torch.no_grad():
            logs_TV = model(whole).logits[0].double().log_softmax(1)
        places = torch.arange(len(ids) - 1, whole.shape[1] - 1)
        assert logs_TV[places].argmax(1).tolist() == canary.answer_ids
        expected = logs_TV[places, torch.tensor(canary.answer_ids)].numpy()
        np.testing.assert_allclose(canary.log_probabilities, expected, atol=1e-3)
    tolerances = shipped.bundle.certificate().canary_tolerances
    assert set(tolerances) == {"adapter", "merged", "int8"}
    assert 0.01 <= tolerances["merged"] < 0.02 < tolerances["int8"]


def test_the_judged_model_asked_anew_is_the_one_of_the_scorecard(shipped: Shipped, tmp_path: Path) -> None:
    certifying, folder, body = of_forms(shipped, tmp_path, "merged")
    anew = certify(replace(certifying, scorecard=None), folder, body)
    again = certify(certifying, folder, body)
    for one, other in zip(anew.certificate.figures, again.certificate.figures, strict=True):
        assert one.model_copy(update={"tokens_per_second": 0.0}) == other.model_copy(update={"tokens_per_second": 0.0})
    assert anew.canaries == again.canaries


def test_a_merge_without_the_scale_is_caught(shipped: Shipped, tmp_path: Path) -> None:
    """W + B A in place of W + s B A."""
    certifying, folder, body = of_forms(shipped, tmp_path, "merged")
    base = load_file(next(shipped.job.base.folder.glob("*.safetensors")))

    def unscaled(tensors: dict[str, torch.Tensor]) -> None:
        for name in tensors:
            whole = base[name].float()
            tensors[name] = whole + (tensors[name] - whole) / 4.0

    changed(folder / "merged", unscaled)
    assert failed(certifying, folder, body) in ("widest_parting", "max_logit_difference")


def test_rows_in_another_order_are_caught(shipped: Shipped, tmp_path: Path) -> None:
    certifying, folder, body = of_forms(shipped, tmp_path, "merged")

    def swapped(tensors: dict[str, torch.Tensor]) -> None:
        weight_OI = tensors[f"{LAYER}.weight"]
        tensors[f"{LAYER}.weight"] = weight_OI[[1, 0, *range(2, len(weight_OI))]].contiguous()

    changed(folder / "merged", swapped)
    assert failed(certifying, folder, body) in ("widest_parting", "max_logit_difference")


def test_numbers_that_were_rounded_on_the_way_are_caught(shipped: Shipped, tmp_path: Path) -> None:
    """fp32 by name, bf16 by content."""
    certifying, folder, body = of_forms(shipped, tmp_path, "merged")

    def cast_twice(tensors: dict[str, torch.Tensor]) -> None:
        for name, tensor in tensors.items():
            tensors[name] = tensor.bfloat16().float()

    changed(folder / "merged", cast_twice)
    assert failed(certifying, folder, body) in ("widest_parting", "max_logit_difference")


def test_scales_of_one_layer_that_are_two_percent_off_are_caught(shipped: Shipped, tmp_path: Path) -> None:
    """No token need move: the layer itself tells."""
    certifying, folder, body = of_forms(shipped, tmp_path, "int8")

    def off(tensors: dict[str, torch.Tensor]) -> None:
        tensors[f"{LAYER}._weight_scale"] *= 1.02

    changed(folder / "int8", off)
    assert failed(certifying, folder, body) == "max_gain_error"


def test_another_end_token_or_template_is_caught_before_anything_is_loaded(shipped: Shipped, tmp_path: Path) -> None:
    settings = {
        "tokenizer_config.json": {"eos_token": "<|user|>"},
        "generation_config.json": {"eos_token_id": 3},
    }
    for file, change in settings.items():
        certifying, folder, body = of_forms(shipped, tmp_path / file, "merged")
        setting(folder / "merged" / file, **change)
        assert failed(certifying, folder, body) == "template", file
    certifying, folder, body = of_forms(shipped, tmp_path / "template", "int8")
    template = folder / "int8" / "chat_template.jinja"
    template.write_text(template.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert failed(certifying, folder, body) == "template"


def test_a_figure_that_is_no_number_is_no_pass(shipped: Shipped, tmp_path: Path) -> None:
    certifying, folder, body = of_forms(shipped, tmp_path, "merged")

    def broken(tensors: dict[str, torch.Tensor]) -> None:
        tensors["model.norm.weight"][0] = torch.nan

    changed(folder / "merged", broken)
    assert failed(certifying, folder, body) == "mean_kl"


def with_gguf(shipped: Shipped, folder: Path, *names: str) -> tuple[Certifying, Path, Any]:
    """Some of the forms, and the merged model as a file for llama.cpp."""
    certifying, folder, body = of_forms(shipped, folder, *names)
    merged = shipped.bundle.form("merged")
    assert merged is not None
    form = write_gguf(merged, certifying.evaluation.chat, folder / "gguf", name="boxes")
    return certifying, folder, body.model_copy(update={"forms": [*body.forms, form]})


def test_a_gguf_file_answers_from_what_it_holds(shipped: Shipped, tmp_path: Path) -> None:
    certificate = certify(*with_gguf(shipped, tmp_path, "merged")).certificate
    assert [each.form for each in certificate.figures[:3]] == ["merged", "gguf", "served"]
    assert certificate.served == "merged"
    assert is_there() == (certificate.not_measured == {})
    gguf, int8 = certificate.figures[1], shipped.figures("int8")
    assert gguf.token_agreement >= 0.9
    assert gguf.mean_kl is not None
    assert 0 < gguf.mean_kl < 0.05
    assert gguf.max_gain_error is not None
    assert gguf.max_gain_error < 0.01
    assert gguf.metric is not None
    # 8 bits with a scale for 32 numbers, rather than for a row
    assert int8.mean_kl is not None
    assert gguf.mean_kl < 4 * int8.mean_kl
    assert int8.num_bytes < gguf.num_bytes < 1.2 * int8.num_bytes


def test_a_gguf_file_alone_can_be_shipped_and_says_what_did_not_run(shipped: Shipped, tmp_path: Path) -> None:
    certificate = certify(*with_gguf(shipped, tmp_path)).certificate
    assert certificate.figures[0].form == "gguf"
    assert certificate.served is None
    assert certificate.not_measured["served"] == "no-form"
    lines = certificate_lines(certificate, "en")
    assert any(line.startswith("served") and "not run" in line for line in lines)
    assert is_there() or any("pip install 'tunesmith[gguf]'" in line for line in lines)


def test_a_gguf_file_of_other_numbers_is_caught(shipped: Shipped, tmp_path: Path) -> None:
    certifying, folder, body = with_gguf(shipped, tmp_path, "merged")
    (tensor,) = (each for each in read_header(folder / "gguf" / FILE).tensors if each.name == "blk.0.attn_v.weight")
    content = bytearray((folder / "gguf" / FILE).read_bytes())
    blocks = np.frombuffer(content, np.uint8, tensor.num_bytes, tensor.offset).reshape(-1, 34)
    scales = blocks[:, :2].copy().view(np.float16)
    content_blocks = blocks.copy()
    content_blocks[:, :2] = (scales * np.float16(1.03)).view(np.uint8)
    content[tensor.offset : tensor.offset + tensor.num_bytes] = content_blocks.tobytes()
    (folder / "gguf" / FILE).write_bytes(bytes(content))
    assert failed(certifying, folder, body) == "max_gain_error"


def test_a_gguf_file_with_another_template_is_caught(shipped: Shipped, tmp_path: Path) -> None:
    certifying, folder, body = with_gguf(shipped, tmp_path, "merged")
    content, source = (folder / "gguf" / FILE).read_bytes(), certifying.evaluation.chat.source
    (folder / "gguf" / FILE).write_bytes(content.replace(source.encode(), source.swapcase().encode()))
    assert failed(certifying, folder, body) == "template"


def altered(shipped: Shipped, folder: Path) -> tuple[str, str]:
    """The code of the failure, and what was altered."""
    with pytest.raises(RunFailed) as caught:
        certify(*of_forms(shipped, folder, "merged"))
    assert caught.value.code == "certificate-altered"
    what: str = caught.value.parameters["what"].key  # type: ignore[attr-defined]
    return caught.value.code, what.rpartition(".")[2]


def test_a_server_that_changes_what_the_model_says_is_caught(
    shipped: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a whole answer, in a piece of a stream, in the conversation that is asked, in why it ended."""
    whole, part, sampled = ChatWording.whole, ChatWording.part, asking.messages_of

    def shorter(self: ChatWording, place: int, choice: Any) -> dict[str, Any]:
        choice.content = choice.content[:-1]
        return whole(self, place, choice)

    def shorter_part(self: ChatWording, piece: Any) -> dict[str, Any]:
        return part(self, replace(piece, content=piece.content.replace("e", "")))

    def politer(messages: Any) -> tuple[Message, ...]:
        return (Message("system", "Be polite."), *sampled(messages))

    broken: list[tuple[Any, str, Any, str]] = [
        (ChatWording, "whole", shorter, "answer"),
        (ChatWording, "part", shorter_part, "answer"),
        (asking, "messages_of", politer, "prompt"),
        (chat_route, "FINISHED", {**FINISHED, "stop": "length", "length": "stop"}, "usage"),
    ]
    for number, (where, name, wrong, what) in enumerate(broken):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, wrong)
            assert altered(shipped, tmp_path / str(number)) == ("certificate-altered", what)


def test_nothing_is_published_beyond_a_limit(shipped: Shipped) -> None:
    section = shipped.job.recipe.export
    strict = section.model_copy(update={"certificate": section.certificate.model_copy(update={"mean_kl": 1e-9})})
    job = replace(shipped.job, recipe=shipped.job.recipe.model_copy(update={"export": strict}))
    before = set((shipped.job.runtime.workspace / "artifacts" / "bundle").iterdir())
    with pytest.raises(RunFailed) as caught:
        export(job, anyway=True)
    assert caught.value.code == "certificate-failed"
    assert set((shipped.job.runtime.workspace / "artifacts" / "bundle").iterdir()) == before


@pytest.mark.parametrize("kind", ["classification", "regression", "text"])
def test_heads_and_read_texts_are_certified_too(kind: str, tmp_path: Path) -> None:
    """By what they give: classes, numbers, or how the text goes on."""
    random, rows = np.random.default_rng(0), []
    for n in range(60):
        number = int(random.integers(3))
        said = f"Box {n} is {COLOURS[number]}. It stands by the door."
        row: dict[str, Any] = {"text": said}
        if kind == "classification":
            row["label"] = COLOURS[number]
        elif kind == "regression":
            row["target"] = float(number)
        rows.append(row)
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    tree = {
        **TREE,
        "prepare": {**TREE["prepare"], "sources": SOURCES[kind](str(file))},
        "train": {**TREE["train"], "objective": {"name": kind}, "max_steps": 6, "evaluate_every": 6},
        "evaluate": {**TREE["evaluate"], "arms": ["base", "tuned"]},
        "export": {**TREE["export"], "forms": ["adapter", "merged"]},
    }
    job = Job(Recipe.model_validate(tree), Runtime(tmp_path / "work", tmp_path / "cache"), Silent())
    lifecycle.scorecard_of(job)
    bundle = export(job, anyway=True)
    certificate = bundle.certificate()
    names = [each.form for each in certificate.figures]
    assert names == ["adapter", "merged", *(["served"] if kind == "text" else [])]
    for figures in certificate.figures:
        assert figures.token_agreement == 1.0
        assert figures.max_logit_difference < 1e-3
    assert all(each.metric is not None for each in certificate.figures[:2])
    assert set(certificate.prompts) == ({"domain", "general_en", "general_zh"} if kind == "text" else {"domain"})
    assert {canary.prompt[0][0] for canary in bundle.canaries()} == {"user"}
    if kind != "text":  # a class of three, or one of the two outcomes that stand for a number
        numbers = [canary.answer_ids for canary in bundle.canaries()]
        assert all(number in range(3 if kind == "classification" else 2) for (number,) in numbers)
        assert certificate.canary_tolerances.keys() == {"adapter", "merged"}


def test_questions_are_the_same_again_and_grow_by_their_number(shipped: Shipped) -> None:
    evaluation = shipped.certifying.evaluation
    few, again, other = questions(evaluation, 4), questions(evaluation, 4), questions(replace(evaluation, seed=1), 4)
    assert few == again != other
    many = questions(evaluation, 8)
    assert {each.ids for each in few} <= {each.ids for each in many}


def test_measured_again_it_is_what_was_certified(shipped: Shipped, tmp_path: Path) -> None:
    found = recheck(shipped.bundle.folder, shipped.job.runtime, Silent())
    assert found.bundle == shipped.bundle.key
    assert found.largest == 0.0  # same machine, same threads

    empty = Runtime(tmp_path / "elsewhere", tmp_path / "cache")
    with pytest.raises(TunesmithError) as caught:
        recheck(shipped.bundle.folder, empty, Silent())
    assert caught.value.code == "certificate-inputs"


def test_a_certificate_that_says_otherwise_is_caught(shipped: Shipped, tmp_path: Path) -> None:
    """Changed with its hash, as somebody would who wants a better figure."""
    copy = tmp_path / "bundle"
    shutil.copytree(shipped.bundle.folder, copy)
    certificate = json.loads((copy / "certificate.json").read_text())
    (int8,) = (each for each in certificate["figures"] if each["form"] == "int8")
    int8["max_logit_difference"] += 0.5
    (copy / "certificate.json").write_text(json.dumps(certificate), encoding="utf-8")
    manifest = json.loads((copy / "manifest.json").read_text())
    file = copy / "certificate.json"
    manifest["files"]["certificate.json"] = {"sha256": hash_file(file), "num_bytes": file.stat().st_size}
    write_whole(copy / "manifest.json", json.dumps(manifest).encode())
    with pytest.raises(RunFailed) as caught:
        recheck(copy, shipped.job.runtime, Silent())
    assert caught.value.code == "certificate-differs"
    assert caught.value.parameters["figure"] == "int8.max_logit_difference"


def test_the_command_line_shows_what_the_bundle_says(
    shipped: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)
    folder = str(shipped.bundle.folder)
    lines = CliRunner().invoke(app, ["certificate", folder]).output.splitlines()
    assert [line.split()[0] for line in lines[3:7]] == ["adapter", "merged", "int8", "served"]
    nothing = CliRunner().invoke(app, ["certificate", str(tmp_path)]).exception
    assert isinstance(nothing, TunesmithError)
    assert nothing.code == "artifact-missing"
    told = json.loads(CliRunner().invoke(app, ["certificate", folder, "--json"]).output)
    assert told == shipped.bundle.certificate().model_dump(mode="json")
