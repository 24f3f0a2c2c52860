"""What arrives at the Hub when a bundle is pushed, by a server that speaks its API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from card_material import PROMPT_OF_A_TEST_ROW, make_bundle
from hub_server import TOKEN, HubServer, hub
from huggingface_hub import DatasetCard, ModelCard

from tunesmith.artifacts.bundle import Bundle
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.export.hub import Hub, Wanted
from tunesmith.lifecycle.push import Pushed, push
from tunesmith.runtime import Runtime, Silent
from tunesmith.store import add_version, withdraw, workspace_store

REPO = "acme/support-desk"
SECRET = "s3cr3t-of-the-desk-0123456789"


@pytest.fixture(autouse=True)
def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of coding agents, which the library looks up at the public Hub once a day, wherever it is told to push."""
    monkeypatch.setattr("huggingface_hub.utils._detect_agent._registry", {"standardEnvVars": [], "harnesses": {}})


@pytest.fixture
def server() -> Iterator[HubServer]:
    with hub() as started:
        yield started


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("workspace"))


def runtime_of(bundle: Bundle, **secrets: str) -> Runtime:
    workspace = bundle.folder.parents[2]
    return Runtime(workspace, workspace / "cache", secrets={"DESK_API_KEY": SECRET, **secrets})


def pushed(bundle: Bundle, server: HubServer | None, wanted: Wanted | None = None, *, dry_run: bool = False) -> Pushed:
    there = Hub("http://127.0.0.1:9" if server is None else server.url, TOKEN)
    return push(
        bundle.folder, wanted or Wanted(REPO), there, runtime=runtime_of(bundle), progress=Silent(), dry_run=dry_run
    )


def refused(bundle: Bundle, wanted: Wanted, server: HubServer | None = None) -> TunesmithError:
    with pytest.raises(TunesmithError) as caught:
        pushed(bundle, server, wanted)
    for language in ("en", "zh"):
        assert caught.value.message(language)
        assert caught.value.hint(language)
    return caught.value


def test_a_withdrawn_model_is_not_published(bundle: Bundle, server: HubServer) -> None:
    with workspace_store(runtime_of(bundle)) as store:
        version = add_version(store, bundle.folder, name="desk", who="test")
        withdraw(store, str(version), who="test", reason="a person asked to be forgotten")
    try:
        assert refused(bundle, Wanted(REPO), server).code == "version-withdrawn"
        assert not server.repositories
    finally:
        (bundle.folder.parents[2] / "store.db").unlink()


def test_the_first_form_lies_at_the_top_and_the_others_in_folders(bundle: Bundle, server: HubServer) -> None:
    url = pushed(bundle, server, Wanted(REPO, ("merged", "gguf"))).urls[REPO]
    repository = server.repositories["model", REPO]
    assert sorted(repository.files) == [
        *("README.md", "README.zh.md", "certificate.json", "config.json"),
        *("gguf/Modelfile", "gguf/desk.gguf", "model.safetensors", "tokenizer.json"),
    ]
    assert repository.files["model.safetensors"] == (bundle.folder / "merged/model.safetensors").read_bytes()
    assert repository.files["gguf/desk.gguf"] == (bundle.folder / "gguf/desk.gguf").read_bytes()
    assert repository.private
    assert repository.num_commits == 1
    assert url == f"{server.url}/{REPO}/commit/{1:040d}"


def test_the_card_speaks_of_the_repository_and_the_form_at_its_top(bundle: Bundle, server: HubServer) -> None:
    pushed(bundle, server, Wanted(REPO, ("adapter", "merged")))
    files = server.repositories["model", REPO].files
    card, chinese = files["README.md"].decode(), files["README.zh.md"].decode()
    before = ModelCard((bundle.folder / "README.md").read_text(encoding="utf-8"))
    after = ModelCard(card)
    assert after.data.library_name == "peft"
    assert after.data.to_dict()["model-index"] == before.data.to_dict()["model-index"]
    for text in (card, chinese):
        assert f"hf download {REPO} --local-dir adapter" in text
        assert text.count("<!-- use -->") == 1
        assert "ollama" not in text
    body = [text.partition("<!-- use -->")[0].rstrip() for text in (before.text, after.text)]
    assert body[0].strip() == body[1].strip()


def test_relations_follow_the_form_where_the_base_is_on_the_hub(tmp_path: Path) -> None:
    from tunesmith.export.card_data import CardFacts, card_data, set_form
    from tunesmith.recipe import Recipe

    made = Recipe.model_validate({"name": "desk", "prepare": {"sources": "rows.jsonl"}})
    facts = CardFacts(
        base="Qwen/Qwen2.5-0.5B", hub_base="Qwen/Qwen2.5-0.5B", num_outputs=None, licence="qwen", base_licence="qwen",
        data_licences={},
    )  # fmt: skip
    told = {}
    for form in ("adapter", "merged", "int8", "gguf"):
        data = card_data(facts, made, ["en"], None)
        set_form(data, form)  # type: ignore[arg-type]
        told[form] = (data.to_dict()["base_model_relation"], data.library_name)
    assert told == {
        "adapter": ("adapter", "peft"),
        "merged": ("finetune", "transformers"),
        "int8": ("quantized", "transformers"),
        "gguf": ("quantized", "gguf"),
    }
    assert (data.license, data.to_dict()["license_name"]) == ("other", "qwen")


@pytest.mark.thorough
def test_no_row_no_secret_and_no_path_of_the_machine_arrives(bundle: Bundle, server: HubServer) -> None:
    pushed(bundle, server, Wanted(REPO, dataset_repo="acme/support-rows"))
    arrived = b"\n".join(
        [*server.bodies, *(content for repo in server.repositories.values() for content in repo.files.values())]
    )
    workspace = str(bundle.folder.parents[2])
    assert workspace.encode() in (bundle.folder / "merged" / "config.json").read_bytes()
    for hidden in (workspace, str(Path.cwd()), SECRET, PROMPT_OF_A_TEST_ROW, TOKEN):
        assert hidden.encode() not in arrived
    config = json.loads(server.repositories["model", REPO].files["merged/config.json"])
    assert config == {"_name_or_path": "builtin:tiny", "model_type": "llama"}


def test_a_data_card_goes_up_without_rows(bundle: Bundle, server: HubServer) -> None:
    pushed(bundle, server, Wanted(REPO, dataset_repo="acme/support-rows"))
    files = server.repositories["dataset", "acme/support-rows"].files
    assert list(files) == ["README.md"]
    card = DatasetCard(files["README.md"].decode())
    assert "configs" not in card.data.to_dict()
    assert card.data.to_dict()["license"] == "other"
    assert "4,107" in card.text


def test_what_an_earlier_push_left_is_removed_and_what_people_put_there_stays(
    bundle: Bundle, server: HubServer
) -> None:
    pushed(bundle, server, Wanted(REPO, ("adapter", "gguf")))
    repository = server.repositories["model", REPO]
    repository.files |= {"picture.png": b"p", "notes/config.json": b"{}", ".gitattributes": b"g"}
    pushed(bundle, server, Wanted(REPO, ("merged",)))
    assert sorted(repository.files) == [
        *(".gitattributes", "README.md", "README.zh.md", "certificate.json", "config.json"),
        *("model.safetensors", "notes/config.json", "picture.png", "tokenizer.json"),
    ]
    assert repository.num_commits == 2


def test_a_dry_run_tells_the_same_files_and_asks_nobody(bundle: Bundle, server: HubServer) -> None:
    told = pushed(bundle, None, dry_run=True)
    assert told.urls == {}
    assert server.requests == []
    (upload,) = told.uploads
    pushed(bundle, server)
    arrived = server.repositories["model", REPO].files
    assert upload.sizes == {path: len(content) for path, content in arrived.items()}


def test_licences_that_conflict_stop_it_before_the_network(tmp_path: Path, server: HubServer) -> None:
    sources = [{"path": "rows.jsonl", "licence": "CC-BY-NC-4.0"}]
    made = make_bundle(tmp_path, prepare={"sources": sources})
    for checked in (False, True):
        failure = refused(made, Wanted(REPO, licences_checked=checked), server)
        assert failure.code == "push-licence"
        assert "CC-BY-NC-4.0" in failure.message()
    assert server.requests == []


@pytest.mark.thorough
def test_open_questions_are_for_a_person(tmp_path: Path, server: HubServer) -> None:
    made = make_bundle(tmp_path, prepare={"sources": "rows.jsonl"})
    assert refused(made, Wanted(REPO), server).code == "push-licence-open"
    assert pushed(made, server, Wanted(REPO, licences_checked=True)).urls


@pytest.mark.thorough
def test_leaks_are_found_in_any_file(tmp_path: Path, server: HubServer) -> None:
    for place, (text, what) in enumerate({SECRET: "DESK_API_KEY", f"{tmp_path}/": "a path of this machine"}.items()):
        card = {"contact": f"see {text}"}
        made = make_bundle(tmp_path / str(place), export={"forms": ["adapter", "merged", "gguf"], "card": card})
        runtime = replace(runtime_of(made), workspace=tmp_path)
        with pytest.raises(TunesmithError) as caught:
            push(made.folder, Wanted(REPO), Hub(server.url, TOKEN), runtime=runtime, progress=Silent())
        assert caught.value.code == "push-leak"
        assert what in caught.value.message()
        assert SECRET not in caught.value.message()
    assert server.requests == []


@pytest.mark.thorough
def test_what_cannot_be_pushed_is_refused_by_name(bundle: Bundle, tmp_path: Path) -> None:
    assert refused(bundle, Wanted(REPO, ("int8",))).code == "push-form"
    for repo in ("desk", "a/b/c", "../x", "acme/a b", "acme/-x", "acme/a..b", "https://x/y"):
        assert refused(bundle, Wanted(repo)).code == "push-repo"
    assert refused(bundle, Wanted(REPO, dataset_repo="nope")).code == "push-repo"
    assert refused(make_bundle(tmp_path, with_card=False), Wanted(REPO)).code == "push-no-card"


def test_failures_of_the_hub_are_told(bundle: Bundle) -> None:
    with hub(token="another") as foreign:
        assert refused(bundle, Wanted(REPO), foreign).code == "push-login"
    with hub() as failing:
        failing.failures["commit"] = 403
        failure = refused(bundle, Wanted(REPO), failing)
        assert isinstance(failure, RunFailed)
        assert failure.code == "push-failed"
        assert failing.repositories["model", REPO].files == {}


def test_the_card_has_no_mark_of_its_own_left(bundle: Bundle) -> None:
    for name in ("README.md", "README.zh.md"):
        assert not re.search(r"\{[a-z_]+\}", (bundle.folder / name).read_text(encoding="utf-8").replace("{{", ""))
