"""The store: what is recorded, read back, expired and forgotten. Any method may be called from any thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final

from sqlalchemy import URL, ColumnElement, RowMapping, Table, and_, delete, func, or_, select

from tunesmith.records import Exchange, Feedback
from tunesmith.runtime import Runtime
from tunesmith.store.open import open_database, reading, shred, writing
from tunesmith.store.policy import Pseudonymiser, open_pseudonymiser
from tunesmith.store.rows import exchange_of, feedback_of, insert_exchange, insert_feedback
from tunesmith.store.schema import EXCHANGES, FEEDBACK
from tunesmith.store.writer import Writer

FILE: Final = "store.db"
KEY_FILE: Final = "store.key"
PAGE_ROWS: Final = 500


@dataclass(frozen=True, slots=True)
class Removed:
    """How much was removed."""

    num_exchanges: int
    num_feedback: int


def open_store(url: str, *, clock: Callable[[], datetime], key_file: Path) -> Store:
    """A store in `sqlite:///PATH` or `postgresql://...`, made where it is missing.

    `key_file` holds the key of the pseudonyms, apart from the database; it is made when one is first needed. Raises
    what `open_database` raises.
    """
    return Store(url, clock=clock, key_file=key_file)


def workspace_store(runtime: Runtime, url: str | None = None) -> Store:
    """The store of a workspace: its file, or the database that is named, and the key in the workspace either way."""
    own = URL.create("sqlite", database=str(runtime.workspace.absolute() / FILE)).render_as_string()
    return open_store(url or own, clock=runtime.clock, key_file=runtime.workspace.absolute() / KEY_FILE)


class Store:
    """Exchanges and feedback; keys and models are functions that take it (`store.keys`, `store.registry`)."""

    def __init__(self, url: str, *, clock: Callable[[], datetime], key_file: Path) -> None:
        self.database = open_database(url)
        self.clock = clock
        self._key_file = key_file
        self._writer = Writer(self.database)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """What is queued is written first."""
        self._writer.close()
        self.database.dispose()

    @property
    def place(self) -> str:
        """Its URL, without a password."""
        return self.database.url.render_as_string(hide_password=True)

    @cached_property
    def pseudonymiser(self) -> Pseudonymiser:
        """Raises TunesmithError `store-key-missing`, `store-key-other`."""
        return open_pseudonymiser(self.database, self._key_file)

    @property
    def num_queued(self) -> int:
        """Rows that wait to be written."""
        return self._writer.num_queued

    def record(self, exchange: Exchange) -> Future[None]:
        """Done when committed. Raises RunFailed `store-full` at once, and never waits."""
        return self._writer.submit(lambda connection: insert_exchange(connection, exchange))

    def add_feedback(self, feedback: Feedback) -> Future[None]:
        """The same; the future raises TunesmithError `exchange-unknown` where nothing is known of its exchange."""
        return self._writer.submit(lambda connection: insert_feedback(connection, feedback))

    def flush(self) -> None:
        """Wait until all that is queued now is committed or has failed."""
        self._writer.flush()

    @property
    def num_exchanges(self) -> int:
        return self._num_rows(EXCHANGES)

    @property
    def num_feedback(self) -> int:
        return self._num_rows(FEEDBACK)

    def _num_rows(self, table: Table) -> int:
        with reading(self.database) as connection:
            return connection.scalars(select(func.count()).select_from(table)).one()

    def exchange(self, id: str) -> Exchange | None:
        with reading(self.database) as connection:
            row = connection.execute(select(EXCHANGES).where(EXCHANGES.c.id == id)).mappings().one_or_none()
        return None if row is None else exchange_of(row)

    def exchanges(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        model: str | None = None,
        version: str | None = None,
    ) -> Iterator[Exchange]:
        """Those of [since, until), of the model or the version that is named, in the order of their times."""
        named = ((EXCHANGES.c.model, model), (EXCHANGES.c.version, version))
        wanted = [column == value for column, value in named if value is not None]
        for row in self._rows(EXCHANGES, [*wanted, *between(EXCHANGES, since, until)]):
            yield exchange_of(row)

    def feedback(
        self, *, since: datetime | None = None, until: datetime | None = None, exchange: str | None = None
    ) -> Iterator[Feedback]:
        """That of [since, until), on one exchange where it is named, in the order of its times."""
        wanted = [] if exchange is None else [FEEDBACK.c.exchange == exchange]
        for row in self._rows(FEEDBACK, [*wanted, *between(FEEDBACK, since, until)]):
            yield feedback_of(row)

    def _rows(self, table: Table, wanted: list[ColumnElement[bool]]) -> Iterator[RowMapping]:
        """A page at a time, so that however slowly it is read, no transaction stays open."""
        at, id = table.c.at, table.c.id
        after: list[ColumnElement[bool]] = []
        while True:
            page = select(table).where(*wanted, *after).order_by(at, id).limit(PAGE_ROWS)
            with reading(self.database) as connection:
                rows = connection.execute(page).mappings().all()
            yield from rows
            if len(rows) < PAGE_ROWS:
                return
            last = rows[-1]
            after = [or_(at > last["at"], and_(at == last["at"], id > last["id"]))]

    def expire(self, before: datetime) -> Removed:
        """Remove exchanges of an earlier time, and what was said of them."""
        removed = self._remove(EXCHANGES.c.at < before)
        shred(self.database, is_thorough=False)
        return removed

    def forget(self, subject: str) -> Removed:
        """Remove what a person, the `user` of requests, asked and was answered, and what was said of it.

        Found are exchanges that were recorded in full or with a pseudonym; those of which no text is kept tell nobody.
        On SQLite no byte of them is left in the files. Raises RunFailed `store-busy`, and what `pseudonymiser` raises.
        """
        names = [subject, self.pseudonymiser.subject(subject)]
        removed = self._remove(EXCHANGES.c.subject.in_(names))
        shred(self.database, is_thorough=True)
        return removed

    def _remove(self, condition: ColumnElement[bool]) -> Removed:
        self.flush()
        ids = select(EXCHANGES.c.id).where(condition)
        with writing(self.database) as connection:
            said = connection.execute(
                delete(FEEDBACK).where(or_(FEEDBACK.c.exchange.in_(ids), FEEDBACK.c.preferred.in_(ids)))
            )
            return Removed(connection.execute(delete(EXCHANGES).where(condition)).rowcount, said.rowcount)


def between(table: Table, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """The conditions that a row's time lies in [since, until)."""
    bounds = []
    if since is not None:
        bounds.append(table.c.at >= since)
    if until is not None:
        bounds.append(table.c.at < until)
    return bounds
