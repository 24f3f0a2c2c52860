"""A bundle, and the card of its dataset, to the Hub: looked through for what must stay, then sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tunesmith.artifacts import Dataset, is_whole
from tunesmith.artifacts.bundle import RECIPE, Bundle
from tunesmith.artifacts.dataset import KIND as DATASET
from tunesmith.errors import Place, TunesmithError
from tunesmith.export.hub import (
    Hub,
    Private,
    Upload,
    Wanted,
    check_repo,
    data_card_upload,
    facts_of,
    refuse_leaks,
    send,
    upload_of,
)
from tunesmith.recipe import load_recipe
from tunesmith.report.data_card import data_card
from tunesmith.report.data_view import Card
from tunesmith.runtime import Progress, Runtime
from tunesmith.store import refuse_withdrawn, workspace_store


@dataclass(frozen=True)
class Pushed:
    """What was sent, or would be; `urls` of the commits by repository."""

    uploads: tuple[Upload, ...]
    urls: Mapping[str, str]


def push(
    folder: Path, wanted: Wanted, hub: Hub, *, runtime: Runtime, progress: Progress, dry_run: bool = False
) -> Pushed:
    """Upload what is wanted of a bundle, unless the store of its server knows it as withdrawn.

    Raises what opening a bundle or a store, `refuse_withdrawn`, `upload_of`, `refuse_leaks` and `send` raise;
    TunesmithError `push-dataset` where the dataset whose card is wanted is not in the workspace.
    """
    bundle = Bundle.open(folder)
    with workspace_store(runtime, load_recipe(folder / RECIPE).serve.store) as store:
        refuse_withdrawn(store, bundle.key)
    uploads = [upload_of(bundle, wanted)]
    if wanted.dataset_repo is not None:
        check_repo(wanted.dataset_repo, folder)
        uploads.append(_data_card(bundle, wanted.dataset_repo, runtime))
    private = Private(runtime.secrets, _folders(runtime, folder))
    for upload in uploads:
        refuse_leaks(upload, private)
    if dry_run:
        return Pushed(tuple(uploads), {})
    urls = {upload.repo: send(upload, hub, private=wanted.private, progress=progress) for upload in uploads}
    return Pushed(tuple(uploads), urls)


def _folders(runtime: Runtime, bundle: Path) -> tuple[Path, ...]:
    home = runtime.secrets.get("HOME")
    return (runtime.workspace.resolve(), Path.cwd(), bundle.resolve(), *([Path(home)] if home else []))


def _data_card(bundle: Bundle, repo: str, runtime: Runtime) -> Upload:
    folder = runtime.workspace / "artifacts" / DATASET / bundle.body.dataset
    if not is_whole(folder):
        raise TunesmithError("push-dataset", place=Place(str(bundle.folder)), key=bundle.body.dataset)
    dataset = Dataset.open(folder)
    with TemporaryDirectory() as out:
        files = data_card(Card(dataset, repo.rpartition("/")[2], None), language=runtime.language, out=Path(out))
        text = files.card.read_text(encoding="utf-8")
    return data_card_upload(text, repo, facts_of(bundle), list(_paths(dataset)))


def _paths(dataset: Dataset) -> Iterator[str]:
    """Absolute paths that a data card tells of."""
    names = [source.file for source in dataset.report().sources]
    names += [name.partition(":")[2] or name for name in dataset.manifest.inputs]
    names += list(_texts(dataset.manifest.section))
    yield from (name for name in names if Path(name).is_absolute())


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
