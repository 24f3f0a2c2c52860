"""Stores in a file and on a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy
from postgres_server import postgres_server, why_not
from store_material import START

from tunesmith.store import Store, open_store

_numbers = count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database that nothing is in."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    template = request.getfixturevalue("server")
    name = f"store{next(_numbers)}"
    root = sqlalchemy.create_engine(template.format("postgres").replace("postgresql:", "postgresql+psycopg:"))
    with root.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    root.dispose()
    return str(template.format(name))


@pytest.fixture
def open_it(url: str, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the database of this test, once more at each call."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(open_store(url, clock=lambda: START, key_file=tmp_path / "store.key"))


@pytest.fixture
def store(open_it: Callable[[], Store]) -> Store:
    return open_it()
