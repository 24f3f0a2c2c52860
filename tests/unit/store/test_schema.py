"""Databases of earlier, later and other making, and what cannot be opened at all."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import Connection, select
from store_material import START, exchange

from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.store import Store, open_store
from tunesmith.store.open import writing
from tunesmith.store.schema import MIGRATIONS, SCHEMA_VERSION, migrate


def version_of(store: Store) -> int:
    with store.database.connect() as connection:
        return connection.scalars(select(SCHEMA_VERSION.c.version)).one()


def add_column(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE exchanges ADD COLUMN topic TEXT")


def fail_half_way(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE feedback ADD COLUMN topic TEXT")
    raise ZeroDivisionError


def columns_of(store: Store) -> set[str]:
    return {column["name"] for column in sqlalchemy.inspect(store.database).get_columns("exchanges")}


def test_a_store_is_brought_to_the_newest_version(store: Store) -> None:
    store.record(exchange(1)).result()
    assert version_of(store) == len(MIGRATIONS)
    for _ in range(2):
        with writing(store.database) as connection:
            migrate(connection, [*MIGRATIONS, add_column])
    assert version_of(store) == len(MIGRATIONS) + 1
    assert "topic" in columns_of(store)
    assert store.num_exchanges == 1


def test_a_migration_is_done_whole_or_not_at_all(store: Store) -> None:
    store.record(exchange(1)).result()
    with pytest.raises(ZeroDivisionError), writing(store.database) as connection:
        migrate(connection, [*MIGRATIONS, add_column, fail_half_way])
    assert version_of(store) == len(MIGRATIONS)
    assert "topic" not in columns_of(store)
    assert store.exchange(exchange(1).id) == exchange(1)


def test_a_later_program_s_store_is_refused(url: str, tmp_path: Path, store: Store) -> None:
    with writing(store.database) as connection:
        connection.execute(SCHEMA_VERSION.update().values(version=len(MIGRATIONS) + 1))
    with pytest.raises(TunesmithError, match="store-newer") as refused:
        open_store(url, clock=lambda: START, key_file=tmp_path / "k")
    assert refused.value.parameters == {"found": len(MIGRATIONS) + 1, "known": len(MIGRATIONS)}
    assert refused.value.message("zh")


def test_another_program_s_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE songs (name TEXT)")
    other.close()
    with pytest.raises(TunesmithError, match="store-foreign"):
        open_store(f"sqlite:///{file}", clock=lambda: START, key_file=tmp_path / "k")
    with sqlite3.connect(file) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]
    other.close()


@pytest.mark.thorough
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_tables_of_the_same_names_are_not_taken_for_ours(url: str, tmp_path: Path) -> None:
    root = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with root.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE keys (id TEXT)")
    with pytest.raises(RunFailed, match="store-failed"):
        open_store(url, clock=lambda: START, key_file=tmp_path / "k")
    assert sqlalchemy.inspect(root).get_table_names() == ["keys"]
    root.dispose()


def test_many_open_a_new_store_at_once(url: str, tmp_path: Path) -> None:
    def open_and_write(number: int) -> str:
        with open_store(url, clock=lambda: START, key_file=tmp_path / "store.key") as store:
            store.record(exchange(number)).result()
            return store.pseudonymiser.subject("ann")

    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(open_and_write, range(8)))
    assert len(names) == 1
    with open_store(url, clock=lambda: START, key_file=tmp_path / "store.key") as store:
        assert store.num_exchanges == 8


BAD = [
    "",
    "store.db",
    "sqlite://",
    "sqlite:///:memory:",
    "sqlite:///a.db?mode=memory",
    "mysql://u:hunter2@h/d",
    "sqlite+aiosqlite:///a",
    "postgresql://u:hunter2@h:port/d",
    "http://h/d",
]


@pytest.mark.parametrize("url", BAD)
def test_what_is_no_store_is_told(url: str, tmp_path: Path) -> None:
    with pytest.raises(TunesmithError, match="store-url") as refused:
        open_store(url, clock=lambda: START, key_file=tmp_path / "k")
    assert "hunter2" not in str(refused.value) + repr(refused.value.__cause__)


@pytest.mark.thorough
def test_what_cannot_be_reached_is_told_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="store-unavailable") as failed:
        open_store("postgresql://ann:hunter2@127.0.0.1:9/d", clock=lambda: START, key_file=tmp_path / "k")
    assert "hunter2" not in str(failed.value)
    damaged = tmp_path / "store.db"
    damaged.write_bytes(b"this is no database" * 100)
    with pytest.raises(RunFailed, match="store-failed") as failed:
        open_store(f"sqlite:///{damaged}", clock=lambda: START, key_file=tmp_path / "k")
    assert "store.db" in str(failed.value)
    with pytest.raises(RunFailed, match="store-unavailable"):
        open_store(f"sqlite:///{tmp_path}", clock=lambda: START, key_file=tmp_path / "k")
