"""What was made from what, read from the manifests of a workspace: no other record of it is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from tunesmith.artifacts import Manifest, read_events
from tunesmith.artifacts.bundle import KIND as BUNDLE
from tunesmith.artifacts.feedback_set import KIND as FEEDBACK_SET
from tunesmith.artifacts.folder import MANIFEST, open_manifest
from tunesmith.errors import RunFailed, TunesmithError

FORGOTTEN: Final = "forgotten"
"""The input of a successor that tells it from what it succeeds: a hash of the ids that it lacks."""
_OF_BASE: Final = (".json", ".jinja", ".safetensors")


@dataclass(frozen=True)
class Node:
    """An artifact that lies whole in the workspace."""

    kind: str
    key: str
    folder: Path
    manifest: Manifest

    @property
    def named(self) -> set[str]:
        """All that its inputs name: keys, hashes, and the parts of the paths of files."""
        inputs = self.manifest.inputs
        return {*inputs.values(), *(part for name in inputs for part in Path(name).parts)}

    @property
    def keys(self) -> set[str]:
        """Its own, and that of what it succeeds: by this one a model names the rows that it learned."""
        identity = self.manifest.identity
        inputs = {name: key for name, key in identity.inputs.items() if name != FORGOTTEN}
        return {self.key, replace(identity, inputs=inputs).key()}


@dataclass(frozen=True)
class Lineage:
    """Every artifact of a workspace, by key."""

    workspace: Path
    nodes: dict[str, Node]

    @cached_property
    def _by_input(self) -> dict[str, set[str]]:
        """Keys of what was made from each."""
        made: dict[str, set[str]] = {key: set() for key in self.nodes}
        owners = {content: key for key, node in self.nodes.items() for content in _contents(node)}
        for key, node in self.nodes.items():
            for name in node.named:
                source = self._known.get(name) or owners.get(name)
                if source is not None and source != key:
                    made[source].add(key)
        return made

    def find(self, key: str) -> Node | None:
        """The artifact of a key, or what succeeds it."""
        return self.nodes.get(self._known.get(key, ""))

    @cached_property
    def _known(self) -> dict[str, str]:
        """By each key that an artifact has or had, the one that it has."""
        had = {before: key for key, node in self.nodes.items() for before in node.keys}
        return had | {key: key for key in self.nodes}

    def inputs_of(self, key: str) -> list[Node]:
        """What an artifact was made from directly, by kind and key."""
        return _sorted(node for source, node in self.nodes.items() if key in self._by_input[source])

    def descendants(self, keys: Iterable[str]) -> list[Node]:
        """All that was made from these, directly or not, without these themselves."""
        start = set(keys)
        found, waiting = set(start), [key for key in start if key in self.nodes]
        while waiting:
            new = self._by_input[waiting.pop()] - found
            found |= new
            waiting += new
        return _sorted(self.nodes[key] for key in found - start)

    def of_kind(self, kind: str) -> list[Node]:
        return _sorted(node for node in self.nodes.values() if node.kind == kind)

    def runs_of(self, keys: Iterable[str]) -> list[Path]:
        """The folders of the runs that recorded that they made one of these."""
        wanted = set(keys)
        runs = sorted((self.workspace / "runs").glob("*"))
        return [folder for folder in runs if wanted.intersection(key for _, key in _made_in(folder))]


def read_lineage(workspace: Path, bundles: Iterable[Path] = ()) -> Lineage:
    """Of everything under `artifacts/`, and of bundles that lie elsewhere.

    What is not whole, or whose manifest is damaged, is left out.
    """
    nodes: dict[str, Node] = {}
    here = sorted(file.parent for file in (workspace / "artifacts").glob(f"*/*/{MANIFEST}"))
    kinds = [*((folder, folder.parent.name) for folder in here), *((folder, BUNDLE) for folder in bundles)]
    for folder, kind in kinds:
        try:
            manifest = open_manifest(folder, kind)
        except TunesmithError:
            continue
        nodes.setdefault(manifest.key, Node(manifest.kind, manifest.key, folder, manifest))
    return Lineage(workspace, nodes)


def newest_in(run: Path, kind: str, among: Collection[str] | None = None) -> str | None:
    """The key of the artifact of a kind, of these keys where some are given, that a run recorded last."""
    made = reversed(_made_in(run))
    return next((key for each, key in made if each == kind and (among is None or key in among)), None)


def _contents(node: Node) -> Iterator[str]:
    """Hashes by which something else names what an artifact holds: rows to learn from, or weights to start from."""
    files = node.manifest.files
    if node.kind == FEEDBACK_SET:
        yield from (entry.sha256 for entry in files.values() if entry.num_bytes)
    for folder in {PurePosixPath(name).parent for name in files if name.endswith(".safetensors")}:
        inside = sorted(name for name in map(PurePosixPath, files) if name.is_relative_to(folder))
        hashes = [(name.relative_to(folder).as_posix(), files[str(name)].sha256) for name in inside]
        # as `Base.content_hash` and `hash_folder` make them, without reading the weights
        of_base = [f"{name}:{content}" for name, content in hashes if "/" not in name and name.endswith(_OF_BASE)]
        for joined in ("".join(of_base), "".join(f"{name}:{content}\n" for name, content in hashes)):
            yield hashlib.sha256(joined.encode()).hexdigest()


def _made_in(run: Path) -> list[tuple[str, str]]:
    """Kinds and keys of the artifacts that a run recorded, in their order."""
    try:
        made = [event.data for event in read_events(run) if event.type == "artifact"]
    except RunFailed:
        return []
    return [(str(data.get("kind")), str(data.get("key"))) for data in made]


def _sorted(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: (node.kind, node.key))
