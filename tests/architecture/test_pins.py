"""What gets installed: exact versions, all of them, and none that belongs to one machine."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINES = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]


def pins() -> dict[str, str]:
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}


def needed() -> set[str]:
    """Names of all distributions that the project and its tests need here, found by walking their metadata."""
    open_ = [Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]
    walked: set[tuple[str, frozenset[str]]] = set()
    while open_:
        requirement = open_.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key not in walked:
            walked.add(key)
            inner = [Requirement(text) for text in requires(requirement.name) or []]
            extras = requirement.extras or {""}
            open_ += [it for it in inner if it.marker is None or any(it.marker.evaluate({"extra": e}) for e in extras)]
    # builds of torch for other devices bring libraries of their own
    return {name for name, _ in walked if not re.match(r"nvidia-|cuda-|triton$", name)}


def test_every_line_pins_one_public_version() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []
    assert list(pins()) == sorted(pins())
    assert len(pins()) == len(LINES)


def test_everything_needed_is_pinned() -> None:
    assert needed() - pins().keys() == set()


def test_what_is_installed_is_what_is_pinned() -> None:
    installed = {name: version(name).partition("+")[0] for name in needed()}
    assert installed == {name: pins()[name] for name in installed}


def test_pins_satisfy_the_project() -> None:
    for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]:
        requirement = Requirement(text)
        assert pins()[canonicalize_name(requirement.name)] in requirement.specifier, text
