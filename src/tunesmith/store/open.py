"""How a database is reached: SQLite in one file, or PostgreSQL by its URL.

On SQLite a commit is on the disk when it returns (WAL with synchronous=FULL), a transaction that writes takes its lock
at once, so that it is waited for, and what is deleted is overwritten with zeros.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tunesmith.artifacts.folder import make_folder
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.store.schema import migrate

BUSY_SECONDS: Final = 30.0
"""So long another process's transaction is waited for."""
CONNECT_SECONDS: Final = 10
_BEGIN: Final = "tunesmith_begin"
_TABLES_OF_PEOPLE: Final = "exchanges, feedback, feedback_states, reviews, review_ratings, cycles"
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")


def open_database(url: str) -> Engine:
    """A database with its tables of the newest version; a file that is missing is made, readable to its owner alone.

    Raises TunesmithError `store-url`, `store-driver`, `store-newer`, `store-foreign`; RunFailed `store-unavailable`,
    `store-failed`.
    """
    where = _parsed(url)
    database = _sqlite(where) if where.get_backend_name() == "sqlite" else _postgresql(where)
    try:
        with writing(database) as connection:
            migrate(connection)
    except BaseException:
        database.dispose()
        raise
    return database


def _parsed(url: str) -> URL:
    try:
        where = make_url(url)
    except (ArgumentError, ValueError):
        # the URL may hold a password, and SQLAlchemy quotes it
        raise TunesmithError("store-url") from None
    is_file = where.drivername == "sqlite" and where.database not in (None, "", ":memory:") and not where.query
    if not is_file and where.drivername not in ("postgresql", "postgresql+psycopg"):
        raise TunesmithError("store-url")
    return where


def _sqlite(where: URL) -> Engine:
    file = Path(str(where.database)).absolute()
    make_folder(file.parent)
    # a file that is there is not opened: closing it would drop the locks that this process may hold on it
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    database = create_engine(
        URL.create("sqlite", database=str(file)), hide_parameters=True, connect_args={"timeout": BUSY_SECONDS}
    )
    event.listen(database, "connect", _set_up)
    event.listen(database, "begin", _begin)
    return database


def _set_up(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions, `_begin` does
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)


def _postgresql(where: URL) -> Engine:
    try:
        return create_engine(
            where.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_SECONDS},
        )
    except ModuleNotFoundError as failure:
        raise TunesmithError("store-driver") from failure


@contextmanager
def reading(database: Engine) -> Iterator[Connection]:
    """A transaction that only reads. Raises RunFailed `store-failed`, `store-unavailable`."""
    with _coded(database), database.connect() as connection:
        yield connection


@contextmanager
def writing(database: Engine) -> Iterator[Connection]:
    """A transaction that writes, committed at the end. Raises RunFailed `store-failed`, `store-unavailable`."""
    with _coded(database), _with(database, "BEGIN IMMEDIATE") as connection, connection.begin():
        yield connection


def _with(database: Engine, begin: str) -> Connection:
    return database.connect().execution_options(**{_BEGIN: begin})


def shred(database: Engine, *, is_thorough: bool) -> None:
    """Leave nothing of deleted rows in the files: SQLite's log is emptied into the database, which is written anew.

    Not `is_thorough` leaves the database as it is, where deleted rows are zeros, and the log where others read from it.
    PostgreSQL is told to clean the tables; its own log and backups are in its operator's hands. Raises RunFailed
    `store-busy` where another process reads for too long.
    """
    if database.dialect.name == "postgresql":
        with _coded(database), database.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(f"VACUUM {_TABLES_OF_PEOPLE}")
        return
    with _coded(database), _with(database, "") as connection:
        if is_thorough:
            connection.exec_driver_sql("VACUUM")
        is_busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    if is_busy and is_thorough:
        raise RunFailed("store-busy", place=_place(database))


@contextmanager
def _coded(database: Engine) -> Iterator[None]:
    """A failure of the database as one with a code; it tells no values of rows."""
    try:
        yield
    except PoolTimeout as failure:  # all of this process's connections are in use; no database said so
        raise RunFailed("store-unavailable", place=_place(database), problem=str(failure.args[0])) from failure
    except DBAPIError as failure:
        # what follows the first line quotes the row
        problem = str(failure.orig).partition("\n")[0]
        code = "store-unavailable" if isinstance(failure, OperationalError) else "store-failed"
        raise RunFailed(code, place=_place(database), problem=problem) from failure


def _place(database: Engine) -> Place:
    return Place(database.url.render_as_string(hide_password=True))
