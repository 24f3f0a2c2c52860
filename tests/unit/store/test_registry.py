"""Versions, aliases, withdrawal, and a history that nobody can rewrite."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError
from store_material import START, bundle

from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.recipe.serve import Serve
from tunesmith.runtime import Runtime
from tunesmith.serve.start import deploy
from tunesmith.store import (
    Change,
    Store,
    add_version,
    aliases,
    history,
    open_version,
    refuse_withdrawn,
    resolve,
    set_alias,
    versions,
    withdraw,
)
from tunesmith.store.open import writing


def add(store: Store, folder: Path, seed: int, name: str | None = None) -> str:
    return str(add_version(store, bundle(folder / f"bundle-{seed}", seed=seed), name=name, who="ann"))


def test_versions_count_per_name(store: Store, tmp_path: Path) -> None:
    assert [add(store, tmp_path, n) for n in range(3)] == ["support-bot@1", "support-bot@2", "support-bot@3"]
    assert add(store, tmp_path, 3, "other") == "other@1"
    found = versions(store, "support-bot")
    assert [(one.number, one.folder.name, one.base_sha256, one.added_at) for one in found] == [
        (n + 1, f"bundle-{n}", "ab" * 32, START) for n in range(3)
    ]
    assert [str(one) for one in versions(store)] == ["other@1", *map(str, found)]
    assert resolve(store, "support-bot") == found[2]
    assert resolve(store, "support-bot@1") == found[0]
    assert open_version(found[1]).key == found[1].bundle


def test_a_withdrawn_bundle_is_served_under_no_name(store: Store, tmp_path: Path) -> None:
    """Nor from its folder, where no version is named."""
    add(store, tmp_path, 0)
    add(store, tmp_path, 0, "twin")
    version, runtime = (
        resolve(store, "twin"),
        Runtime(workspace=tmp_path, cache=tmp_path / "cache", clock=lambda: START),
    )
    refuse_withdrawn(store, version.bundle)
    withdraw(store, "support-bot@1", who="ann", reason="a person asked")
    with pytest.raises(TunesmithError, match="version-withdrawn"):
        deploy(open_version(version), Serve(), store, runtime)


def test_the_same_bundle_is_the_same_version(store: Store, tmp_path: Path) -> None:
    assert add(store, tmp_path, 0) == add(store, tmp_path, 0)
    assert add(store, tmp_path, 0, "twin") == "twin@1"
    moved = shutil.copytree(tmp_path / "bundle-0", tmp_path / "elsewhere")
    version = add_version(store, moved, who="bob")
    assert (version.number, version.folder) == (1, moved)
    assert [(one.what, one.version, one.who) for one in history(store)] == [
        ("added", "support-bot@1", "ann"),
        ("added", "twin@1", "ann"),
        ("moved", "support-bot@1", "bob"),
    ]


def test_aliases(store: Store, tmp_path: Path) -> None:
    first, second = add(store, tmp_path, 0), add(store, tmp_path, 1)
    assert str(set_alias(store, "champion", first, who="ann")) == first
    assert str(set_alias(store, "challenger", "support-bot", who="ann")) == second
    assert {alias: str(one) for alias, one in aliases(store).items()} == {"champion": first, "challenger": second}
    set_alias(store, "champion", "challenger", who="bob")
    set_alias(store, "champion", second, who="bob")
    assert str(resolve(store, "champion")) == second
    assert list(history(store))[2:] == [
        Change(START, "ann", "aliased", first, "champion", None, 3),
        Change(START, "ann", "aliased", second, "challenger", None, 4),
        Change(START, "bob", "aliased", second, "champion", None, 5),
    ]


def test_what_is_withdrawn_is_out_of_use(store: Store, tmp_path: Path) -> None:
    first, second = add(store, tmp_path, 0), add(store, tmp_path, 1)
    set_alias(store, "champion", second, who="ann")
    withdrawn = withdraw(store, "champion", who="ann", reason="a person asked")
    assert withdrawn.withdrawn_at == START
    for refused in (
        lambda: resolve(store, second),
        lambda: resolve(store, "champion"),
        lambda: set_alias(store, "challenger", second, who="ann"),
        lambda: set_alias(store, "challenger", "champion", who="ann"),
        lambda: add(store, tmp_path, 1),
        lambda: add(store, tmp_path, 1, "other"),
    ):
        with pytest.raises(TunesmithError, match="version-withdrawn"):
            refused()
    assert str(resolve(store, "support-bot")) == first
    assert withdraw(store, second, who="bob", reason="again") == withdrawn
    withdraw(store, first, who="ann", reason="the other one too")
    with pytest.raises(TunesmithError, match="version-withdrawn"):
        resolve(store, "support-bot")
    assert [(one.version, one.reason) for one in history(store) if one.what == "withdrawn"] == [
        (second, "a person asked"),
        (first, "the other one too"),
    ]


@pytest.mark.parametrize("name", ["", "-a", "A", "a" * 65, "a_b", "a/b", "../a", "a\n", "é", "a@1", "a\x00"])
def test_names_are_of_one_form(store: Store, tmp_path: Path, name: str) -> None:
    folder = bundle(tmp_path / "bundle")
    if name:  # an empty one is none
        with pytest.raises(TunesmithError, match="model-name"):
            add_version(store, folder, name=name, who="ann")
    add_version(store, folder, who="ann")
    with pytest.raises(TunesmithError, match="model-name"):
        set_alias(store, name, "support-bot", who="ann")
    with pytest.raises(TunesmithError, match="version-unknown"):
        resolve(store, name)
    assert len(list(history(store))) == 1


@pytest.mark.thorough
@pytest.mark.parametrize(
    "reference",
    [
        "nothing",
        "support-bot@2",
        "support-bot@0",
        "support-bot@01",
        "support-bot@",
        "@1",
        "support-bot@1 ",
        "support-bot@999999999999",
    ],
)
def test_what_is_not_there_is_not_found(store: Store, tmp_path: Path, reference: str) -> None:
    add(store, tmp_path, 0)
    for use in (
        lambda: resolve(store, reference),
        lambda: set_alias(store, "champion", reference, who="ann"),
        lambda: withdraw(store, reference, who="ann", reason="none"),
    ):
        with pytest.raises(TunesmithError, match="version-unknown"):
            use()


def test_a_name_is_a_model_or_an_alias(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path, 0)
    set_alias(store, "champion", "support-bot", who="ann")
    with pytest.raises(TunesmithError, match="alias-taken"):
        set_alias(store, "support-bot", "champion", who="ann")
    with pytest.raises(TunesmithError, match="alias-taken"):
        add(store, tmp_path, 1, "champion")


def test_a_damaged_or_foreign_bundle_is_not_registered(store: Store, tmp_path: Path) -> None:
    folder = bundle(tmp_path / "bundle")
    version = add_version(store, folder, who="ann")
    other = bundle(tmp_path / "other", seed=1)
    (other / "bundle.json").write_text("{}")
    with pytest.raises(RunFailed, match="artifact-damaged"):
        add_version(store, other, who="ann")
    with pytest.raises(TunesmithError, match="artifact-missing"):
        add_version(store, tmp_path / "nowhere", who="ann")
    assert versions(store) == [version]
    shutil.rmtree(folder)
    bundle(folder, seed=2)
    with pytest.raises(TunesmithError, match="version-changed"):
        open_version(version)


def test_the_history_cannot_be_rewritten(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path, 0)
    set_alias(store, "champion", "support-bot", who="ann")
    before = list(history(store))
    attempts = ["UPDATE history SET who = 'nobody'", "DELETE FROM history", "DELETE FROM history WHERE number = 1"]
    if store.database.dialect.name == "sqlite":
        columns = "(number, at, who, what, version)"
        attempts.append(f"REPLACE INTO history {columns} VALUES (1, '2026-01-01 00:00:00.000000', 'x', 'added', 'y')")
    else:
        attempts += ["TRUNCATE history", "UPDATE history SET who = 'nobody' WHERE number > 100"]
    for statement in attempts:
        with pytest.raises(DBAPIError, match="append-only"), store.database.begin() as connection:
            connection.exec_driver_sql(statement)
    assert list(history(store)) == before


def delete_all(store: Store) -> None:
    with writing(store.database) as connection:
        connection.exec_driver_sql("DELETE FROM versions")
        connection.exec_driver_sql("DELETE FROM history")


def test_a_refused_change_leaves_no_line(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path, 0)
    with pytest.raises(RunFailed, match="append-only"):
        delete_all(store)
    assert len(versions(store)) == len(list(history(store))) == 1


@pytest.mark.thorough
def test_bundles_added_at_once_are_versions_of_their_own(store: Store, tmp_path: Path) -> None:
    folders = [bundle(tmp_path / f"bundle-{seed}", seed=seed) for seed in range(16)]

    def register(start: int) -> None:
        for folder in folders[start::4]:
            add_version(store, folder, who="ann")

    threads = [threading.Thread(target=register, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.number for one in versions(store)] == list(range(1, 17))
    assert len(list(history(store))) == 16
