"""The stage: what a bundle holds, what stops it, and what decides its key."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from export_material import certified, exporting, recipe, tuned_model
from tiny_models import make_model, save_model

from tunesmith.artifacts import Identity, Scorecard, TunedModel, publish
from tunesmith.artifacts.bundle import Bundle, BundleBody, Objection, read_canaries
from tunesmith.artifacts.calibration import (
    FILE,
    CalibrationFile,
    CalibrationTable,
    ConfidenceScores,
    CoveragePoint,
    Mending,
)
from tunesmith.artifacts.figures import Difference, Estimate
from tunesmith.artifacts.scorecard import (
    BODY,
    KIND,
    SAMPLES,
    Arm,
    Change,
    Forgetting,
    SafetyChange,
    ScorecardBody,
    Verdict,
)
from tunesmith.chat import load_chat
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.export.exporting import Exporting, objections_to
from tunesmith.export.run import export
from tunesmith.model.base import BUILTIN, find_base
from tunesmith.model.decoding import decoding_of
from tunesmith.model.form import load_form
from tunesmith.model.harmless import refuse_harmful
from tunesmith.model.load import load_model
from tunesmith.recipe import Full, Lora, Prefix
from tunesmith.runtime import Runtime, Silent

LORA = Lora(rank=4, alpha=12.0)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> TunedModel:
    return tuned_model(tmp_path_factory.mktemp("tuned") / "model", find_base(BUILTIN), LORA)


def shipped(folder: Path, tuned: TunedModel, **sections: object) -> Exporting:
    return exporting(folder, BUILTIN, tuned, **sections)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.thorough
def test_a_bundle_holds_its_forms_and_their_proof(tmp_path: Path, runtime: Runtime, tuned: TunedModel) -> None:
    seen: list[set[str]] = []
    certify = certified(lambda folder, body: seen.append(files(folder)))
    what = shipped(tmp_path, tuned)
    bundle = export(what, runtime=runtime, progress=Silent(), out=tmp_path / "out", certify=certify)
    assert [form.name for form in bundle.body.forms] == ["adapter", "merged"]
    assert bundle.key == what.identity().key()
    assert bundle.body.base.sha256 == find_base(BUILTIN).content_hash
    assert bundle.body.tuned_model == tuned.key
    # all forms were there before anything was proved, and nothing else was
    assert {name.split("/")[0] for name in seen[0]} == {"adapter", "merged"}
    assert files(bundle.folder) - seen[0] == {
        *("manifest.json", "bundle.json", "certificate.json", "canaries.jsonl", "recipe.yaml"),
        *("README.md", "README.zh.md", "card.json"),
    }
    assert bundle.canaries()[0].prompt == [("user", "one\u2028two")]
    assert len(bundle.certificate().figures) == 2
    assert "serve" in (bundle.folder / "recipe.yaml").read_text()
    again = Bundle.open(bundle.folder)
    assert again.body == bundle.body
    assert again.form("merged") == bundle.folder / "merged"
    assert again.form("gguf") is None
    for path in bundle.folder.rglob("*.json"):
        assert str(tmp_path) not in path.read_text(encoding="utf-8"), path
        assert str(find_base(BUILTIN).folder) not in path.read_text(encoding="utf-8"), path


@pytest.mark.thorough
def test_a_tokenizer_of_older_libraries_is_shipped_as_one_of_today(tmp_path: Path, runtime: Runtime) -> None:
    """DeepSeek's distilled models and Llama 2 have their tokens so."""
    base = tmp_path / "base"
    shutil.copytree(find_base(BUILTIN).folder, base)
    settings = json.loads((base / "tokenizer_config.json").read_text(encoding="utf-8"))
    end = {"__type": "AddedToken", "content": settings["eos_token"], "lstrip": False, "normalized": True}
    settings |= {"eos_token": end, "additional_special_tokens": [end], "auto_map": {"x": "y.Z"}}
    (base / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    tuned = tuned_model(tmp_path / "model", find_base(str(base)), LORA)
    what = exporting(tmp_path, str(base), tuned, export={"forms": ["merged"]})
    bundle = export(what, runtime=runtime, progress=Silent(), out=tmp_path / "out", certify=certified())
    merged = bundle.folder / "merged"
    refuse_harmful(merged)
    assert load_chat(merged).fingerprint == what.chat.fingerprint
    written = json.loads((merged / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert written["eos_token"] == end["content"]
    assert written["additional_special_tokens"] == [end["content"]]


@pytest.mark.thorough
def test_what_the_base_asks_to_be_passed_on_is(tmp_path: Path, runtime: Runtime) -> None:
    base = tmp_path / "base"
    shutil.copytree(find_base(BUILTIN).folder, base)
    (base / "LICENSES").mkdir()
    for name in ("LICENSE", "LICENSE.pdf", "NOTICE"):
        (base / name).write_text(name)
    tuned = tuned_model(tmp_path / "model", find_base(str(base)), LORA)
    what = exporting(tmp_path, str(base), tuned, export={"forms": ["merged", "int8", "gguf"]})
    bundle = export(what, runtime=runtime, progress=Silent(), out=tmp_path / "out", certify=certified())
    for form in ("merged", "int8", "gguf"):
        assert {name for name in files(bundle.folder / form) if name.isupper()} == {"LICENSE", "NOTICE"}
        refuse_harmful(bundle.folder / form)


@pytest.mark.thorough
@pytest.mark.parametrize("drawn", [{}, {"temperature": 0.0}])
def test_whoever_loads_it_draws_answers_as_they_were_judged(
    tmp_path: Path, runtime: Runtime, drawn: dict[str, float]
) -> None:
    """Qwen's own settings keep the 20 likeliest tokens and penalise repetitions; nobody did when it was judged."""
    base = tmp_path / "base"
    shutil.copytree(find_base(BUILTIN).folder, base)
    own = {
        "do_sample": True,
        "temperature": 0.7,
        "top_p": 0.8,
        "top_k": 20,
        "repetition_penalty": 1.05,
        "min_length": 9,
    }
    (base / "generation_config.json").write_text(json.dumps({"pad_token_id": 0, "eos_token_id": [2], **own}))
    tuned = tuned_model(tmp_path / "model", find_base(str(base)), LORA)
    sections = {"export": {"forms": ["merged", "int8", "gguf"]}, "evaluate": {"decoding": drawn}}
    what = exporting(tmp_path, str(base), tuned, **sections)
    bundle = export(what, runtime=runtime, progress=Silent(), out=tmp_path / "out", certify=certified())
    for form in ("merged", "int8"):
        settings = json.loads((bundle.folder / form / "generation_config.json").read_text())
        assert settings == {"pad_token_id": 0, "eos_token_id": 2} | (
            {"do_sample": False} if drawn else {"do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 0}
        )
        shipped = find_base(str(bundle.folder / form))
        found = decoding_of(what.recipe.evaluate.decoding, shipped, 0)
        assert found.temperature == what.sampling.temperature
        assert not found.temperature or found == what.sampling
    lines = (bundle.folder / "gguf" / "Modelfile").read_text(encoding="utf-8").splitlines()
    told = dict(line.split()[1:] for line in lines if line.startswith("PARAMETER") and "stop" not in line)
    del told["num_ctx"]
    sampled = {"temperature": "0.7", "repeat_penalty": "1", "top_p": "0.8", "top_k": "0", "min_p": "0"}
    assert told == ({"temperature": "0", "repeat_penalty": "1"} if drawn else sampled)
    merged, _, gguf = bundle.body.forms
    assert shlex.split(gguf.use["llama.cpp"])[4:] == (
        ["--temp", "0"] if drawn else ["--temp", "0.7", "--top-p", "0.8", "--top-k", "0", "--min-p", "0"]
    )
    assert json.loads(shlex.split(merged.use["vllm"])[-1]) == {
        "temperature": what.sampling.temperature,
        "top_p": what.sampling.top_p,
        "top_k": -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
    }


def test_maps_of_its_confidences_go_with_it(tmp_path: Path, runtime: Runtime, tuned: TunedModel) -> None:
    card = judged(tmp_path / "card")
    (card.folder / FILE).write_text(CalibrationFile(maps=[]).model_dump_json())
    what = replace(shipped(tmp_path, tuned, export={"forms": ["adapter"]}), scorecard=card)
    bundle = export(what, runtime=runtime, progress=Silent(), out=tmp_path / "out", certify=certified())
    assert (bundle.folder / FILE).read_bytes() == (card.folder / FILE).read_bytes()
    assert bundle.body.scorecard == card.key
    assert not (bundle.folder / "merged").exists()


def test_the_confidence_from_which_it_answers_goes_with_it(tmp_path: Path, tuned: TunedModel) -> None:
    what, card = exporting(tmp_path, "builtin:tiny", tuned), judged(tmp_path / "card")
    scores = ConfidenceScores(n=9, ece=0.1, ece_of_calibrated=0.1, p_value=0.5, brier=0.2, log_loss=0.5)
    point = CoveragePoint(confidence=0.625, coverage=0.5, n=4, accuracy=0.95, low=0.9, high=1.0)
    mending = Mending(
        method=None, reason="best", rows="validation", num_fitted=9, before=scores, wanted_accuracy=0.9, abstain=point
    )
    table = CalibrationTable(
        metric="accuracy", n=9, accuracy=0.8, confidence=0.9, ece=0.1, ece_of_calibrated=0.1, p_value=0.5,
        rms_debiased=0.1, brier=0.2, bins=[], risk={}, risk_area=0.1, mending=mending,
    )  # fmt: skip
    tables = {"tuned": {"label": table, "likelihood": table}, "mild": {"likelihood": table}}
    sure = replace(card, body=card.body.model_copy(update={"calibration": tables}))
    assert replace(what, scorecard=sure).body([]).abstain_below == 0.625
    assert replace(what, scorecard=card).body([]).abstain_below is None
    mild = exporting(tmp_path / "mild", "builtin:tiny", tuned, export={"arm": "mild"}, variants={"mild": {}})
    assert replace(mild, scorecard=sure).body([]).abstain_below is None


@pytest.mark.parametrize("failure", [RunFailed("no-test-rows"), KeyboardInterrupt(), OSError(28, "disk full")])
def test_what_is_not_proved_is_not_published(
    tmp_path: Path, runtime: Runtime, tuned: TunedModel, failure: BaseException
) -> None:
    def refuse(folder: Path, body: BundleBody) -> None:
        raise failure

    (tmp_path / "bundles").mkdir()
    with pytest.raises(type(failure)):
        export(
            shipped(tmp_path, tuned, export={"forms": ["adapter"]}),
            runtime=runtime,
            progress=Silent(),
            out=tmp_path / "bundles" / "out",
            certify=certified(refuse),
        )
    assert list((tmp_path / "bundles").iterdir()) == []


@pytest.mark.thorough
def test_each_form_is_refused_by_name_where_there_is_none(tmp_path: Path, tuned: TunedModel) -> None:
    base = find_base(str(save_model(tmp_path / "base", make_model("qwen2"))))
    full = tuned_model(tmp_path / "full", base, Full())
    prefix = tuned_model(tmp_path / "prefix", base, Prefix(virtual_tokens=2))
    own = str(base.folder)

    def code(model: TunedModel, forms: list[str], **model_section: object) -> str:
        with pytest.raises(TunesmithError) as told:
            exporting(tmp_path, own, model, export={"forms": forms}, model=model_section).forms()
        return told.value.code

    assert code(full, ["adapter", "merged"]) == "form-adapter"
    assert code(prefix, ["adapter", "int8"]) == "form-virtual"
    lora = tuned_model(tmp_path / "lora", base, LORA)
    assert code(lora, ["adapter"], changes={"drop_layers": [0]}) == "form-base"
    assert exporting(tmp_path, own, lora, model={"changes": {"drop_layers": [0]}}).forms() == ("merged",)
    assert exporting(tmp_path, own, lora).forms() == ("adapter", "merged")
    assert exporting(tmp_path, own, lora, export={"forms": ["merged", "merged"]}).forms() == ("merged",)


@pytest.mark.thorough
def test_all_that_a_bundle_holds_decides_its_key(tmp_path: Path, tuned: TunedModel) -> None:
    what = shipped(tmp_path, tuned)
    key = what.identity().key()
    others = [
        shipped(tmp_path, tuned, export={"forms": ["merged"]}),
        shipped(tmp_path, tuned, export={"card": {"contact": "desk"}}),
        shipped(tmp_path, tuned, precision="bf16"),
        shipped(tmp_path, tuned, seed=1),
        shipped(tmp_path, tuned, model={"prompt_style": "plain"}),
        replace(what, objections=(Objection(code="loss", suite="general_en"),)),
        replace(what, scorecard=judged(tmp_path / "card")),
        replace(what, base=find_base(str(save_model(tmp_path / "base", make_model("qwen2"))))),
    ]
    keys = [each.identity().key() for each in others]
    assert len({key, *keys}) == len(others) + 1
    assert shipped(tmp_path, tuned, serve={"port": 9000, "record": "off"}).identity().key() == key


def test_the_identity_is_what_it_was(tmp_path: Path, tuned: TunedModel) -> None:
    """Whatever changes this hash changes every bundle: raise VERSION where the output changes for equal input."""
    identity = shipped(tmp_path, tuned).identity()
    inputs = dict.fromkeys(identity.inputs, "0")
    fixed = replace(identity, inputs=inputs, libraries=dict.fromkeys(identity.libraries, "0"))
    assert identity.stage_version == 3
    assert fixed.key() == "476ea78eff327177"


def test_commands_name_a_base_on_the_hub_and_leave_a_place_for_another(
    tmp_path: Path, runtime: Runtime, tuned: TunedModel
) -> None:
    def commands(reference: str) -> dict[str, str]:
        what = replace(shipped(tmp_path, tuned), recipe=recipe(reference, export={"forms": ["adapter"]}))
        out = tmp_path / reference.replace("/", "-")
        bundle = export(what, runtime=runtime, progress=Silent(), out=out, certify=certified())
        return bundle.body.forms[0].commands("/models/a base")

    assert commands(BUILTIN)["vllm"] == (
        "vllm serve '/models/a base' --dtype float32 --enable-lora --max-lora-rank 8 --lora-modules desk=adapter "
        """--override-generation-config '{"temperature": 0.0, "top_p": 1.0, "top_k": -1, "min_p": 0.0, """
        """"repetition_penalty": 1.0}'"""
    )
    assert shlex.split(commands("Qwen/Qwen3-0.6B")["vllm"])[2] == "Qwen/Qwen3-0.6B"


def judged(folder: Path) -> Scorecard:
    """A verdict *worse* on the tuned arm, a loss beyond the limit and one within, and a request answered anew."""

    def difference(mean: float, high: float, suite: str, metric: str = "exact_match") -> Difference:
        return Difference(
            suite=suite, metric=metric, arm="tuned", against="base", mean=mean, low=-1, high=high, p_value=0, n=9
        )

    one = Estimate(value=0.5, n=9)
    losses = [
        Forgetting(suite=suite, arm="tuned", before=one, after=one, difference=found, lost=[], won=[])
        for suite, found in (
            ("general_en", difference(-0.2, -0.1, "general_en")),
            ("general_zh", difference(-0.2, 0.1, "general_zh")),
            ("desk", difference(-0.04, -0.01, "desk")),
        )
    ]
    changes = [
        Change(
            suite=suite, arm=arm, metric=metric, before=one, after=one, worse=["one"] if is_worse else [], better=[],
            difference=difference(-0.1, 0.1, suite, metric),
        )
        for suite, arm, metric, is_worse in (
            ("safety_en", "tuned", "refused", True),
            ("safety_zh", "tuned", "refused", False),
            ("safety_zh", "tuned", "over_refused", True),
            ("safety_zh", "other", "refused", True),
        )
    ]  # fmt: skip
    body = ScorecardBody(
        task="text",
        metric="rouge_l",
        num_items={},
        arms=[
            Arm(name=name, metrics={"test": {"exact_match": one, "rouge_l": one}}, seconds=1.0)
            for name in ("base", "tuned")
        ],
        differences=[],
        forgetting=losses,
        verdicts=[
            Verdict(word="worse", arm="tuned", metric="rouge_l", difference=difference(-0.2, -0.1, "test"), reasons=[]),
            *(
                Verdict(word="better", arm=arm, metric="rouge_l", difference=difference(0.2, 0.3, "test"), reasons=[])
                for arm in ("mild", "other")
            ),
        ],
        max_loss=0.05,
        safety=[SafetyChange(change=change, kinds={}, num_unjudged=0) for change in changes],
    )
    with publish(folder, Identity(KIND, 1, {}, {}, 0, {})) as staging:
        (staging / BODY).write_text(body.model_dump_json(), encoding="utf-8")
        (staging / SAMPLES).touch()
    return Scorecard.open(folder)


def test_what_speaks_against_shipping_is_read_off_the_scorecard(tmp_path: Path) -> None:
    card = judged(tmp_path / "card")
    assert [(each.code, each.suite) for each in objections_to(card, "tuned")] == [
        ("verdict", "test"),
        ("safety", "safety_en"),
        ("loss", "general_en"),
    ]
    assert [(each.code, each.suite) for each in objections_to(card, "other")] == [("safety", "safety_zh")]
    assert objections_to(card, "mild") == ()
    with pytest.raises(TunesmithError, match="export-not-compared"):  # `evaluate.arms` did not name it
        objections_to(card, "absent")


def test_canaries_are_one_a_line(tmp_path: Path, runtime: Runtime, tuned: TunedModel) -> None:
    what = shipped(tmp_path, tuned, export={"forms": ["adapter"]})
    bundle = export(what, runtime=runtime, progress=Silent(), out=tmp_path / "out", certify=certified())
    lines = (bundle.folder / "canaries.jsonl").read_bytes().split(b"\n")
    assert [json.loads(line)["answer_ids"] for line in lines[:-1]] == [[5, 2]]
    assert read_canaries(bundle.folder / "canaries.jsonl") == bundle.canaries()


@pytest.mark.thorough
def test_every_form_is_written_and_passes_for_harmless(tmp_path: Path, runtime: Runtime, tuned: TunedModel) -> None:
    names = ("gguf", "adapter", "int8")
    what = shipped(tmp_path, tuned, export={"forms": list(names)})
    bundle = export(what, runtime=runtime, progress=Silent(), out=tmp_path / "out", certify=certified())
    assert tuple(form.name for form in bundle.body.forms) == names
    assert {path.name for path in bundle.folder.iterdir() if path.is_dir()} == set(names)
    for form in bundle.body.forms:
        refuse_harmful(bundle.folder / form.name)
        weights = [path for path in (bundle.folder / form.name).iterdir() if path.suffix in (".safetensors", ".gguf")]
        assert form.num_bytes == sum(path.stat().st_size for path in weights) > 0
        assert form.commands("/base")
    ids = torch.arange(30)[None] + 100
    with torch.no_grad():
        judged, int8 = (
            load_form(bundle.folder, bundle.body, form, dtype=torch.float32, device="cpu")(ids).logits
            for form in ("adapter", "int8")
        )
    assert 0.0 < (judged - int8).norm() < 0.1 * judged.norm()


def test_without_torchao_int8_is_refused_before_anything_is_made_or_loaded(
    tmp_path: Path, tuned: TunedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "int8"
    folder.mkdir()
    (folder / "config.json").write_text('{"quantization_config": {"quant_method": "torchao"}}')
    asked = shipped(tmp_path, tuned, export={"forms": ["merged", "int8"]})
    assert asked.forms() == ("merged", "int8")
    monkeypatch.setattr("tunesmith.model.fits.find_spec", lambda name: None)
    for refused in (asked.forms, lambda: load_model(folder, dtype=torch.float32, device="cpu")):
        with pytest.raises(TunesmithError) as told:
            refused()
        assert told.value.code == "int8-library"
        assert "tunesmith[int8]" in told.value.hint("zh")
