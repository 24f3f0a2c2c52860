"""A bundle to the Hugging Face Hub: chosen forms, the card, the certificate; never a row, a secret or a local path.

The repository's top is the first form, so that `from_pretrained("owner/name")` loads it; other forms lie in folders of
their names. All goes up in one commit: a push that fails leaves the repository as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from tunesmith.artifacts.bundle import CERTIFICATE, Bundle, Form
from tunesmith.errors import Phrase, Place, RunFailed, TunesmithError
from tunesmith.export.card import CARDS
from tunesmith.export.card_data import CARD_FACTS, CardFacts, set_form
from tunesmith.export.licences import conflicts
from tunesmith.export.use import use_section, with_use
from tunesmith.recipe.export import FormName
from tunesmith.runtime import Progress
from tunesmith.text.markdown import encoded

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

RepoType = Literal["model", "dataset"]
PATH_KEYS: Final = ("_name_or_path", "name_or_path", "base_model_name_or_path")
"""Keys under which libraries write down where they loaded a model from."""
WEIGHTS: Final = (".safetensors", ".gguf")
HEADER_BYTES: Final = 1 << 20
"""Of a file of weights, the part that is read for what it might give away."""
PAYLOAD: Final = (
    *("*.safetensors", "*.safetensors.index.json", "*.gguf", "Modelfile", "config.json", "adapter_config.json"),
    *("generation_config.json", "tokenizer*.json", "special_tokens_map.json", "chat_template.jinja"),
)
"""What a form may have put at the top of a repository: left there by an earlier push, it would be loaded too."""
SECRET_NAME: Final = re.compile(r"TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
MIN_SECRET: Final = 12
"""Characters below which a value is too common to be looked for."""
_REPO: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


@dataclass(frozen=True)
class Wanted:
    """What is to be pushed, and where."""

    repo: str
    """`owner/name`."""
    forms: tuple[str, ...] = ()
    """The first lies at the top; empty for all that the bundle has."""
    private: bool = True
    """Of a repository that is new."""
    licences_checked: bool = False
    """Whether a person has judged the licences that nobody else can."""
    dataset_repo: str | None = None
    """Of a dataset, for its card alone."""


@dataclass(frozen=True)
class Upload:
    """The files of one repository, by their paths there: a file as it is, or what is written in its place."""

    repo: str
    type: RepoType
    files: Mapping[str, Path | bytes]

    @property
    def sizes(self) -> dict[str, int]:
        """In bytes."""
        return {
            path: len(content) if isinstance(content, bytes) else content.stat().st_size
            for path, content in self.files.items()
        }


@dataclass(frozen=True)
class Hub:
    """Where the Hub is and who speaks. None stands for what huggingface_hub finds in the environment itself."""

    endpoint: str | None = None
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Private:
    """What must not leave this machine."""

    secrets: Mapping[str, str] = field(repr=False)
    """Environment variables; those whose names say so are looked for."""
    folders: tuple[Path, ...]


def upload_of(bundle: Bundle, wanted: Wanted) -> Upload:
    """What a push uploads. Raises TunesmithError `push-repo`, `push-no-card`, `push-form`, `push-licence` and, unless
    the licences were checked, `push-licence-open`."""
    check_repo(wanted.repo, bundle.folder)
    facts = facts_of(bundle)
    forms = _forms(bundle, wanted.forms)
    _check_licences(facts, wanted)
    files: dict[str, Path | bytes] = {}
    for place, form in enumerate(forms):
        folder = bundle.folder / form.name
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = file.relative_to(folder).as_posix()
            if name != CARDS["en"]:  # the base's own
                files[name if place == 0 else f"{form.name}/{name}"] = _told(file, facts)
    files[CERTIFICATE] = bundle.folder / CERTIFICATE
    for language, name in CARDS.items():
        section = use_section(forms, facts.base, language, wanted.repo)
        text = with_use((bundle.folder / name).read_text(encoding="utf-8"), section)
        files[name] = encoded(_with_form(text, forms[0].name) if language == "en" else text)
    return Upload(wanted.repo, "model", files)


def facts_of(bundle: Bundle) -> CardFacts:
    """Raises TunesmithError `push-no-card`."""
    file = bundle.folder / CARD_FACTS
    if not file.is_file():
        raise TunesmithError("push-no-card", place=Place(str(bundle.folder)))
    return CardFacts.model_validate_json(file.read_bytes())


def check_repo(repo: str, bundle: Path) -> None:
    """Raises TunesmithError `push-repo`."""
    if not _REPO.fullmatch(repo) or ".." in repo or "--" in repo:
        raise TunesmithError("push-repo", repo=repo, bundle=bundle)


def _forms(bundle: Bundle, asked: Sequence[str]) -> tuple[Form, ...]:
    there: dict[str, Form] = {form.name: form for form in bundle.body.forms}
    for form in asked:
        if form not in there:
            raise TunesmithError("push-form", place=Place(str(bundle.folder)), form=form, forms=", ".join(there))
    return tuple(there[form] for form in dict.fromkeys(asked or there))


def _check_licences(facts: CardFacts, wanted: Wanted) -> None:
    for conflict in conflicts(facts.licensed, wanted.repo):
        if conflict.is_certain:
            raise TunesmithError("push-licence", reason=conflict.reason)
        if not wanted.licences_checked:
            raise TunesmithError("push-licence-open", reason=conflict.reason)


def _told(file: Path, facts: CardFacts) -> Path | bytes:
    """A configuration in which the place of the base is its public name; any other file as it is."""
    if file.suffix != ".json" or file.stat().st_size > HEADER_BYTES:
        return file
    values = json.loads(file.read_bytes())
    if not isinstance(values, dict) or not any(key in values for key in PATH_KEYS):
        return file
    values |= {key: facts.base for key in PATH_KEYS if values.get(key)}
    return json.dumps(values, ensure_ascii=False, indent=2).encode()


def _with_form(card: str, form: FormName) -> str:
    """The card's metadata for the form at the top."""
    from huggingface_hub import ModelCard, ModelCardData

    parsed = ModelCard(card)
    assert isinstance(parsed.data, ModelCardData)
    set_form(parsed.data, form)
    return f"---\n{parsed.data.to_yaml()}\n---\n{parsed.text.rstrip()}\n"


def refuse_leaks(upload: Upload, private: Private) -> None:
    """Raises TunesmithError `push-leak` where a file holds a secret's value or a path of this machine."""
    needles = list(_needles(private))
    for path, content in upload.files.items():
        head = content if isinstance(content, bytes) else _readable(content)
        for needle, what in needles:
            if needle in head:
                raise TunesmithError("push-leak", file=path, what=what)


def _needles(private: Private) -> Iterator[tuple[bytes, Phrase]]:
    for name, value in private.secrets.items():
        if SECRET_NAME.search(name) and len(value) >= MIN_SECRET:
            yield value.encode(errors="replace"), Phrase("push.leak.secret", {"name": name})
    for folder in private.folders:
        if len(folder.parts) > 2:  # "/root" may be a word of a tokenizer
            yield str(folder).encode(), Phrase("push.leak.path")


def _readable(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(HEADER_BYTES if file.suffix in WEIGHTS else -1)


def send(upload: Upload, hub: Hub, *, private: bool, progress: Progress) -> str:
    """Make the repository where it is missing, put the files there in one commit, and give the commit's URL.

    Payloads that an earlier push left and this one does not write are removed in the same commit.
    Raises TunesmithError `push-login`; RunFailed `push-failed`.
    """
    from httpx2 import HTTPError
    from huggingface_hub import CommitOperationAdd, HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(endpoint=hub.endpoint, token=hub.token)
    if not (hub.token or get_token()):
        raise TunesmithError("push-login")
    progress.begin("task.push", None)
    try:
        api.create_repo(upload.repo, private=private, repo_type=upload.type, exist_ok=True)
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationAdd(path, content) for path, content in upload.files.items()
        ]
        operations += _left_over(api, upload)
        message = "Upload with Tunesmith"
        made = api.create_commit(upload.repo, operations, commit_message=message, repo_type=upload.type)
    except HfHubHTTPError as failure:
        if failure.response is not None and failure.response.status_code == 401:
            raise TunesmithError("push-login") from failure
        raise _failed(failure, upload, api) from failure
    except (HTTPError, OSError, ValueError, RuntimeError) as failure:  # network; refused metadata; a broken upload
        raise _failed(failure, upload, api) from failure
    finally:
        progress.end()
    return str(made.commit_url)


def _left_over(api: HfApi, upload: Upload) -> list[CommitOperationDelete]:
    from huggingface_hub import CommitOperationDelete

    if upload.type != "model":
        return []
    there = api.list_repo_files(upload.repo, repo_type=upload.type)
    return [CommitOperationDelete(path) for path in there if path not in upload.files and _is_payload(path)]


def _is_payload(path: str) -> bool:
    folder, slash, _ = path.partition("/")
    return folder in get_args(FormName) if slash else any(fnmatch(path, pattern) for pattern in PAYLOAD)


def _failed(failure: Exception, upload: Upload, api: HfApi) -> RunFailed:
    # the library's own error names the file, its cause what became of it
    problem = " ".join(str(failure.__cause__ or failure).split()) or type(failure).__name__
    return RunFailed("push-failed", problem=problem, repo=upload.repo, endpoint=api.endpoint)


def data_card_upload(card: str, repo: str, facts: CardFacts, local: Sequence[str]) -> Upload:
    """A data card for a repository without rows; of `local` paths in it, the last part alone is told."""
    from huggingface_hub import DatasetCard

    for path in sorted(local, key=len, reverse=True):
        card = card.replace(path, Path(path).name)
    parsed = DatasetCard(card)
    parsed.data.pop("configs")  # that name files of rows
    parsed.data["license"] = _data_licence(facts)
    text = f"---\n{parsed.data.to_yaml()}\n---\n{parsed.text.rstrip()}\n"
    return Upload(repo, "dataset", {CARDS["en"]: encoded(text)})


def _data_licence(facts: CardFacts) -> str:
    """Of the rows, where all are under one that the Hub knows."""
    from tunesmith.export.licences import known_licence

    known: set[Any] = {known_licence(name) for name in facts.data_licences.values()}
    only = known.pop() if len(known) == 1 else None
    return "other" if only is None else str(only.hub)
