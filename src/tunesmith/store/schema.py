"""The tables, alike on SQLite and PostgreSQL, and how a database comes from one version of them to the next.

A migration is a function that is given a connection; its place in `MIGRATIONS` is the version it leads to. All that are
missing run in one transaction, so a database is of one version or of another, never between.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    TypeDecorator,
    UniqueConstraint,
)

from tunesmith.errors import Place, TunesmithError

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_LOCK: Final = 0x74756E65736D6974
"""Names our lock among the advisory locks of a PostgreSQL server."""


class Text(TypeDecorator[str]):
    """Text that every database takes: a NUL or half of a surrogate pair becomes U+FFFD."""

    impl = sqlalchemy.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else _UNSTORABLE.sub("\ufffd", value)


class Json(TypeDecorator[Any]):
    """A JSON value as text; JSON itself escapes a NUL."""

    impl = sqlalchemy.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else _UNSTORABLE.sub("\ufffd", json.dumps(value, ensure_ascii=False))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Instant(TypeDecorator[datetime]):
    """A time to the microsecond, kept as UTC without saying so: SQLite knows no zones."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


METADATA: Final = MetaData()

EXCHANGES: Final = Table(
    "exchanges",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("model", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("key", Text),
    Column("subject", Text),
    Column("prompt", Json, nullable=False),
    Column("answer", Json),
    Column("finish_reason", Text, nullable=False),
    Column("num_prompt_tokens", Integer, nullable=False),
    Column("num_tokens", Integer, nullable=False),
    Column("first_token_seconds", Double),
    Column("seconds", Double, nullable=False),
    Column("label", Text),
    Column("confidence", Double),
    Column("guarded", Json, nullable=False),
    Index("exchanges_at", "at", "id"),
    Index("exchanges_model", "model", "at", "id"),
    # windows of one version are counted from it alone
    Index("exchanges_version", "version", "at", "id"),
    # a B-tree of PostgreSQL refuses long values, and a `user` may be long
    Index("exchanges_subject", "subject", postgresql_using="hash"),
)

FEEDBACK: Final = Table(
    "feedback",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("exchange", Text, ForeignKey(EXCHANGES.c.id, ondelete="CASCADE"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("key", Text),
    Column("kind", Text, nullable=False),
    Column("value", Integer),
    Column("dimension", Text),
    Column("text", Text),
    Column("preferred", Text, ForeignKey(EXCHANGES.c.id, ondelete="CASCADE")),
    Index("feedback_at", "at", "id"),
    Index("feedback_exchange", "exchange"),
    Index("feedback_preferred", "preferred"),
)

VERSIONS: Final = Table(
    "versions",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("bundle", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("base_sha256", Text, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("withdrawn_at", Instant),
    UniqueConstraint("name", "bundle"),
)

ALIASES: Final = Table(
    "aliases",
    METADATA,
    Column("alias", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("number", Integer, nullable=False),
    ForeignKeyConstraint(["name", "number"], [VERSIONS.c.name, VERSIONS.c.number]),
)

HISTORY: Final = Table(
    "history",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("alias", Text),
    Column("reason", Text),
    sqlite_autoincrement=True,
)

KEYS: Final = Table(
    "keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", sqlalchemy.LargeBinary, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("requests_per_minute", Integer),
    Column("tokens_per_minute", Integer),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
)

FEEDBACK_STATES: Final = Table(
    "feedback_states",
    METADATA,
    Column("feedback", Text, ForeignKey(FEEDBACK.c.id, ondelete="CASCADE"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("text", Text),
    Column("who", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("reason", Text),
)
"""What a person decided of a piece of feedback: `accepted`, `corrected` (to `text`) or `dismissed`."""

REVIEWS: Final = Table(
    "reviews",
    METADATA,
    Column("exchange", Text, ForeignKey(EXCHANGES.c.id, ondelete="CASCADE"), primary_key=True),
    Column("period", Text, primary_key=True),
    Column("why", Text, nullable=False),
    Column("drawn_at", Instant, nullable=False),
)
"""Served answers that experts are to rate: drawn at `random`, for their low confidence (`unsure`), or for a slice."""

REVIEW_RATINGS: Final = Table(
    "review_ratings",
    METADATA,
    Column("exchange", Text, ForeignKey(EXCHANGES.c.id, ondelete="CASCADE"), primary_key=True),
    Column("rater", Text, primary_key=True),
    Column("dimension", Text, primary_key=True),
    Column("value", Integer),
    Column("text", Text),
    Column("at", Instant, nullable=False),
)
"""What an expert said of a served answer; of the dimension `correction`, `text` is the right answer."""

CYCLES: Final = Table(
    "cycles",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("trigger", Json, nullable=False),
    Column("champion", Text),
    Column("candidate", Text),
    Column("passage", Text),
    Column("findings", Json, nullable=False),
    Column("products", Json, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
)
"""Rounds of improvement. The id is a hash of what a round is made of, so that a second trigger finds the first.

`findings` are what the gate found, `products` the keys of what was made, by kind."""

TOMBSTONES: Final = Table(
    "tombstones",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
)
"""What was removed for good, by kind (`tombstones.Kind`) and id, without anything of its content."""

SCHEMA_VERSION: Final = Table(
    "schema_version",
    MetaData(),
    Column("version", Integer, nullable=False),
    Column("pseudonym_key", Text),
)
"""One row: the version of the tables, and a fingerprint of the key that pseudonyms are made with."""

_APPEND_ONLY: Final = {
    "sqlite": (
        "CREATE TRIGGER history_update BEFORE UPDATE ON history "
        "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END",
        "CREATE TRIGGER history_delete BEFORE DELETE ON history "
        "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END",
        # INSERT OR REPLACE deletes without the trigger above
        "CREATE TRIGGER history_replace BEFORE INSERT ON history "
        "WHEN EXISTS (SELECT 1 FROM history WHERE number = NEW.number) "
        "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION history_refuses() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'history is append-only'; END $$",
        "CREATE TRIGGER history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON history "
        "FOR EACH STATEMENT EXECUTE FUNCTION history_refuses()",
    ),
}

Migration = Callable[[Connection], None]


def _first_tables(connection: Connection) -> None:
    first = (EXCHANGES, FEEDBACK, VERSIONS, ALIASES, HISTORY, KEYS)
    METADATA.create_all(connection, tables=first, checkfirst=False)
    for statement in _APPEND_ONLY[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def _tables_of_the_loop(connection: Connection) -> None:
    loop = (FEEDBACK_STATES, REVIEWS, REVIEW_RATINGS, CYCLES, TOMBSTONES)
    METADATA.create_all(connection, tables=loop, checkfirst=False)


def _index_of_versions(connection: Connection) -> None:
    connection.exec_driver_sql("CREATE INDEX IF NOT EXISTS exchanges_version ON exchanges (version, at, id)")


MIGRATIONS: Final[tuple[Migration, ...]] = (_first_tables, _tables_of_the_loop, _index_of_versions)


def migrate(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the tables to the newest version, in the transaction of the caller, which must be one that writes.

    Raises TunesmithError `store-newer` where a later version of the program made them, `store-foreign` for a file of
    SQLite that holds tables of something else.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_LOCK)))
    found = _version(connection)
    if found > len(migrations):
        raise TunesmithError("store-newer", place=_place(connection), found=found, known=len(migrations))
    for migration in migrations[found:]:
        migration(connection)
    if found < len(migrations):
        connection.execute(SCHEMA_VERSION.update().values(version=len(migrations)))


def _version(connection: Connection) -> int:
    """0 where there is nothing of ours yet."""
    tables = sqlalchemy.inspect(connection).get_table_names()
    if SCHEMA_VERSION.name in tables:
        version: int = connection.scalars(sqlalchemy.select(SCHEMA_VERSION.c.version)).one()
        return version
    if tables and connection.dialect.name == "sqlite":
        raise TunesmithError("store-foreign", place=_place(connection), table=tables[0])
    SCHEMA_VERSION.create(connection)
    connection.execute(SCHEMA_VERSION.insert().values(version=0))
    return 0


def _place(connection: Connection) -> Place:
    return Place(connection.engine.url.render_as_string(hide_password=True))
