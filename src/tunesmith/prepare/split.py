"""The split, frozen before anything else changes rows, and the proof that nothing leaks across it.

Rows with an equal prompt or an equal group form one component, and a component goes to one split whole. Which split is
decided by SHA-256 of the seed and the component's own content, so the order of rows and files plays no part.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from tunesmith.artifacts.dataset import Overlap, SplitProof, read_examples
from tunesmith.errors import RunFailed
from tunesmith.prepare.duplicates import Candidate, prompt_fingerprint
from tunesmith.recipe import Prepare
from tunesmith.records import SPLITS, Example, Split


@dataclass(frozen=True, slots=True)
class _Component:
    key: str
    """The smallest fingerprint inside: the same whatever the order of the rows."""
    label: str
    """The most frequent label inside."""
    rows: tuple[int, ...]
    is_training: bool
    """Whether a row inside is declared as training, so that none may become a test row."""


def assign(candidates: Sequence[Candidate], section: Prepare, seed: int) -> dict[Split, list[Example]]:
    """Every row to its split, in the order of `candidates`.

    Declared rows stay, but for validation, which is taken out of the training rows where no source declares it. Shares
    are kept to half a component, overall and nearly so within each label.
    """
    declared = {row.example.split for row in candidates}
    free = [index for index, row in enumerate(candidates) if row.example.split in (None, "train")]
    splits: list[Split] = [row.example.split or "train" for row in candidates]
    components = _components(candidates, free)
    if "test" not in declared:
        open_to_test = [component for component in components if not component.is_training]
        components = _move(components, _draw(open_to_test, section.test_share, f"test:{seed}"), "test", splits)
    if "validation" not in declared:
        _move(components, _draw(components, section.validation_share, f"validation:{seed}"), "validation", splits)
    rows: dict[Split, list[Example]] = {split: [] for split in SPLITS}
    for row, split in zip(candidates, splits, strict=True):
        rows[split].append(row.example)
    return rows


def _components(candidates: Sequence[Candidate], free: Sequence[int]) -> list[_Component]:
    """Connected rows, by union-find over prompts and groups."""
    parent: dict[str, str] = {}
    for index in free:
        group = candidates[index].example.group
        prompt = candidates[index].prompt
        _root(parent, prompt)
        if group is not None:
            parent[_root(parent, prompt)] = _root(parent, f"group {group}")
    members: dict[str, list[int]] = defaultdict(list)
    for index in free:
        members[_root(parent, candidates[index].prompt)].append(index)
    return [_component(candidates, rows) for rows in members.values()]


def _root(parent: dict[str, str], node: str) -> str:
    parent.setdefault(node, node)
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


def _component(candidates: Sequence[Candidate], rows: list[int]) -> _Component:
    labels = Counter(candidates[index].example.label or "" for index in rows)
    return _Component(
        key=min(candidates[index].prompt for index in rows),
        label=min(labels, key=lambda label: (-labels[label], label)),
        rows=tuple(rows),
        is_training=any(candidates[index].example.split == "train" for index in rows),
    )


def _draw(components: Iterable[_Component], share: float, salt: str) -> set[str]:
    """Keys of a share of the components, drawn label by label.

    Within a label they are taken in the order of their hashes until `share` of its rows is reached; what is owed or
    was overdrawn is carried to the next label. A component is taken when at least half of its rows is owed: since the
    whole quota stands open at first, large components are as likely to be drawn as small ones.
    """
    by_label: dict[str, list[_Component]] = defaultdict(list)
    for component in components:
        by_label[component.label].append(component)
    drawn, owed = set(), 0.0
    for label in sorted(by_label):
        owed += share * sum(len(component.rows) for component in by_label[label])
        for component in sorted(by_label[label], key=lambda component: _hash(salt, component.key)):
            if 2 * owed >= len(component.rows):
                drawn.add(component.key)
                owed -= len(component.rows)
    return drawn


def _hash(salt: str, key: str) -> str:
    return hashlib.sha256(f"{salt}:{key}".encode()).hexdigest()


def _move(components: list[_Component], drawn: set[str], split: Split, splits: list[Split]) -> list[_Component]:
    """Assign the drawn components to `split`; gives those that are left."""
    for component in components:
        if component.key in drawn:
            for index in component.rows:
                splits[index] = split
    return [component for component in components if component.key not in drawn]


def prove(folder: Path) -> SplitProof:
    """Read the written splits again and count what any two of them share.

    Raises RunFailed `split-overlap` when that is not nothing.
    """
    prompts: dict[Split, set[str]] = {split: set() for split in SPLITS}
    groups: dict[Split, set[str]] = {split: set() for split in SPLITS}
    for split in SPLITS:
        for example in read_examples(folder / f"{split}.jsonl"):
            prompts[split].add(prompt_fingerprint(example))
            if example.group is not None:
                groups[split].add(example.group)
    pairs = {f"{one}/{other}": _shared(one, other, prompts, groups) for one, other in combinations(SPLITS, 2)}
    for pair, shared in pairs.items():
        if shared.prompts or shared.groups:
            raise RunFailed("split-overlap", pair=pair, prompts=shared.prompts, groups=shared.groups)
    return SplitProof(
        shared=pairs,
        distinct_prompts={split: len(prompts[split]) for split in SPLITS},
        distinct_groups={split: len(groups[split]) for split in SPLITS},
    )


def _shared(one: Split, other: Split, prompts: Mapping[Split, set[str]], groups: Mapping[Split, set[str]]) -> Overlap:
    return Overlap(prompts=len(prompts[one] & prompts[other]), groups=len(groups[one] & groups[other]))
