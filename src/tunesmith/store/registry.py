"""The model registry: which bundles are versions of which model, and which of them is the champion.

A version is never changed or removed; one that may no longer be used is withdrawn. Every change adds a line to a
history that the database itself refuses to alter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import Connection, RowMapping, func, select

from tunesmith.artifacts.bundle import Bundle
from tunesmith.errors import Place, TunesmithError
from tunesmith.store.open import reading, writing
from tunesmith.store.schema import ALIASES, HISTORY, VERSIONS
from tunesmith.store.store import Store

NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_NUMBERED: Final = re.compile(rf"({NAME.pattern})@([1-9][0-9]{{0,8}})", re.ASCII)
CHAMPION: Final = "champion"
"""The alias that servers load and candidates are judged against."""
ROLLED_BACK: Final = "rollback"
"""The reason that the history has for a step back."""
What = Literal["added", "moved", "aliased", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Version:
    """One bundle as a version of a model."""

    name: str
    number: int
    """Counted from 1, per name."""
    bundle: str
    """Key of the Bundle."""
    folder: Path
    base_sha256: str
    added_at: datetime
    withdrawn_at: datetime | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.number}"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the history."""

    at: datetime
    who: str
    what: What
    version: str
    alias: str | None = None
    reason: str | None = None
    number: int = 0
    """Counted from 1; the database gives it."""


def add_version(store: Store, folder: Path, *, name: str | None = None, who: str) -> Version:
    """Make a bundle the newest version of a model, by default of the model it names itself.

    The bundle is opened, every file's hash checked. The same bundle is the same version; its folder may have moved.
    Raises TunesmithError `model-name`, `alias-taken` (an alias has this name), `version-withdrawn` (this bundle was,
    under whatever name); and what `Bundle.open` raises.
    """
    bundle = Bundle.open(folder)
    name = _checked(name or bundle.body.name)
    place = str(folder.resolve())
    with _changing(store) as connection:
        if _aliased(connection, name) is not None:
            raise TunesmithError("alias-taken", alias=name)
        _refuse_withdrawn(connection, bundle.key)
        same = select(VERSIONS).where(VERSIONS.c.bundle == bundle.key, VERSIONS.c.name == name)
        found = connection.execute(same).mappings().one_or_none()
        if found is not None:
            return _at(store, connection, _version_of(found), place, who)
        newest = connection.scalars(select(func.max(VERSIONS.c.number)).where(VERSIONS.c.name == name)).one()
        version = Version(name, (newest or 0) + 1, bundle.key, Path(place), bundle.body.base.sha256, store.clock())
        connection.execute(VERSIONS.insert(), {**asdict(version), "folder": place})
        _note(connection, Change(version.added_at, who, "added", str(version)))
    return version


def versions(store: Store, name: str | None = None) -> list[Version]:
    """All versions, or those of one model; by name, then by number."""
    wanted = select(VERSIONS).order_by(VERSIONS.c.name, VERSIONS.c.number)
    with reading(store.database) as connection:
        rows = connection.execute(wanted if name is None else wanted.where(VERSIONS.c.name == name)).mappings().all()
    return [_version_of(row) for row in rows]


def aliases(store: Store) -> dict[str, Version]:
    """What each alias points to, withdrawn or not."""
    joined = select(ALIASES.c.alias, VERSIONS).select_from(ALIASES.join(VERSIONS)).order_by(ALIASES.c.alias)
    with reading(store.database) as connection:
        rows = connection.execute(joined).mappings().all()
    return {row["alias"]: _version_of(row) for row in rows}


def resolve(store: Store, reference: str) -> Version:
    """The version that `name@3`, an alias, or `name` (its newest that is not withdrawn) stands for.

    Raises TunesmithError `version-unknown`, `version-withdrawn`.
    """
    with reading(store.database) as connection:
        return _check_usable(_found(connection, reference))


def open_version(version: Version) -> Bundle:
    """The bundle of a version, every file's hash checked.

    Raises TunesmithError `version-changed` where another one lies in its folder now; and what `Bundle.open` raises.
    """
    bundle = Bundle.open(version.folder)
    if bundle.key != version.bundle:
        raise TunesmithError("version-changed", place=Place(str(version.folder)), version=version)
    return bundle


def refuse_withdrawn(store: Store, bundle: str) -> None:
    """Raises TunesmithError `version-withdrawn` where the bundle of this key was, under whatever name."""
    with reading(store.database) as connection:
        _refuse_withdrawn(connection, bundle)


def set_alias(store: Store, alias: str, reference: str, *, who: str, instead_of: str | None = None) -> Version:
    """Point an alias (`champion`, `challenger`) to a version, where one is named only instead of that one.

    Raises TunesmithError `model-name`, `alias-taken` (a model has this name), `version-unknown`, `version-withdrawn`,
    `alias-moved` (it points to another version than `instead_of`, and not to the new one).
    """
    with _changing(store) as connection:
        if connection.execute(select(VERSIONS.c.name).where(VERSIONS.c.name == _checked(alias))).first():
            raise TunesmithError("alias-taken", alias=alias)
        version = _check_usable(_found(connection, reference))
        before = _aliased(connection, alias)
        if instead_of is not None and str(before) not in (instead_of, str(version)):
            raise TunesmithError("alias-moved", alias=alias, version=before or "-", expected=instead_of)
        target = {"name": version.name, "number": version.number}
        if before is None:
            connection.execute(ALIASES.insert(), {"alias": alias, **target})
        else:
            connection.execute(ALIASES.update().where(ALIASES.c.alias == alias).values(target))
        if before is None or str(before) != str(version):
            _note(connection, Change(store.clock(), who, "aliased", str(version), alias=alias))
    return version


def roll_back(store: Store, alias: str, *, who: str) -> Version:
    """Point an alias to the version before: the newest one that it pointed to earlier and that was not itself taken
    back from, so that several steps back go on to older ones.

    Raises TunesmithError `version-unknown` (there is no such alias), `rollback-nothing`, `version-withdrawn`.
    """
    with _changing(store) as connection:
        now = _aliased(connection, alias)
        if now is None:
            raise TunesmithError("version-unknown", reference=alias[:80])
        before = _before(connection, alias, str(now))
        if before is None:
            raise TunesmithError("rollback-nothing", version=now)
        version = _check_usable(_found(connection, before))
        target = {"name": version.name, "number": version.number}
        connection.execute(ALIASES.update().where(ALIASES.c.alias == alias).values(target))
        _note(connection, Change(store.clock(), who, "aliased", str(version), alias=alias, reason=ROLLED_BACK))
    return version


def _before(connection: Connection, alias: str, now: str) -> str | None:
    """The top of what the alias pointed to, of which each step back took one off."""
    wanted = select(HISTORY).where(HISTORY.c.alias == alias, HISTORY.c.what == "aliased").order_by(HISTORY.c.number)
    steps: list[str] = []
    for row in connection.execute(wanted).mappings():
        if row["reason"] == ROLLED_BACK:
            while steps and steps[-1] != row["version"]:
                steps.pop()
        else:
            steps.append(row["version"])
    return next((version for version in reversed(steps) if version != now), None)


def withdraw(store: Store, reference: str, *, who: str, reason: str) -> Version:
    """Take a version out of use for good: nothing resolves to it any more, and no alias may be pointed to it.

    An alias that points to it stays, and is refused until it is pointed elsewhere. Raises TunesmithError
    `version-unknown`.
    """
    with _changing(store) as connection:
        version = _found(connection, reference)
        if version.withdrawn_at is None:
            this = (VERSIONS.c.name == version.name, VERSIONS.c.number == version.number)
            connection.execute(VERSIONS.update().where(*this).values(withdrawn_at=store.clock()))
            _note(connection, Change(store.clock(), who, "withdrawn", str(version), reason=reason))
        return _found(connection, str(version))


def history(store: Store) -> Iterator[Change]:
    """Every change of the registry, the oldest first."""
    with reading(store.database) as connection:
        rows = connection.execute(select(HISTORY).order_by(HISTORY.c.number)).mappings().all()
    for row in rows:
        yield Change(**row)


@contextmanager
def _changing(store: Store) -> Iterator[Connection]:
    """A transaction on the registry; one at a time, so that numbers count on and checks hold."""
    with writing(store.database) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE versions IN SHARE ROW EXCLUSIVE MODE")
        yield connection


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise TunesmithError("model-name", name=name[:64])
    return name


def _refuse_withdrawn(connection: Connection, bundle: str) -> None:
    for row in connection.execute(select(VERSIONS).where(VERSIONS.c.bundle == bundle)).mappings():
        _check_usable(_version_of(row))


def _check_usable(version: Version) -> Version:
    if version.withdrawn_at is not None:
        raise TunesmithError("version-withdrawn", version=version, at=version.withdrawn_at.date())
    return version


def _found(connection: Connection, reference: str) -> Version:
    numbered = _NUMBERED.fullmatch(reference)
    if numbered:
        wanted = select(VERSIONS).where(VERSIONS.c.name == numbered[1], VERSIONS.c.number == int(numbered[2]))
    elif (aliased := _aliased(connection, reference)) is not None:
        return aliased
    else:
        # of a name whose every version is withdrawn, the newest, which is then refused as such
        wanted = (
            select(VERSIONS)
            .where(VERSIONS.c.name == reference)
            .order_by(VERSIONS.c.withdrawn_at.is_not(None), VERSIONS.c.number.desc())
            .limit(1)
        )
    row = connection.execute(wanted).mappings().one_or_none()
    if row is None:
        raise TunesmithError("version-unknown", reference=reference[:80])
    return _version_of(row)


def _aliased(connection: Connection, alias: str) -> Version | None:
    wanted = select(VERSIONS).select_from(VERSIONS.join(ALIASES)).where(ALIASES.c.alias == alias)
    row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else _version_of(row)


def _at(store: Store, connection: Connection, version: Version, place: str, who: str) -> Version:
    """A version that is known, in the folder where its bundle lies now."""
    if str(version.folder) != place:
        this = (VERSIONS.c.name == version.name, VERSIONS.c.number == version.number)
        connection.execute(VERSIONS.update().where(*this).values(folder=place))
        _note(connection, Change(store.clock(), who, "moved", str(version)))
    return _found(connection, str(version))


def _note(connection: Connection, change: Change) -> None:
    connection.execute(HISTORY.insert(), {name: value for name, value in asdict(change).items() if name != "number"})


def _version_of(row: RowMapping) -> Version:
    return Version(**{**{column.name: row[column.name] for column in VERSIONS.c}, "folder": Path(row["folder"])})
