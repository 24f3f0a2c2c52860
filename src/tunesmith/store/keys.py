"""API keys: 256 random bits that are shown once, of which the database holds an id and a SHA-256.

A fast hash is right here: nobody can try 2^256 secrets, unlike the passwords that slow hashes are for. What is
presented is looked up by its id with a bound parameter, and digests are compared as bytes in constant time; a key that
does not exist takes the same steps as one that does.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import RowMapping, select

from tunesmith.errors import TunesmithError
from tunesmith.store.open import reading, writing
from tunesmith.store.schema import KEYS
from tunesmith.store.store import Store

Scope = Literal["infer", "feedback", "metrics", "admin"]
SCOPES: Final[tuple[Scope, ...]] = ("infer", "feedback", "metrics", "admin")
KeyFault = Literal["unknown", "revoked", "expired"]
_FORM: Final = re.compile(r"ts-([0-9a-f]{12})-[A-Za-z0-9_-]{43}", re.ASCII)
_NUM_ID_BYTES: Final = 6
_NUM_SECRET_BYTES: Final = 32
_NOBODY: Final = "ts-" + "0" * 2 * _NUM_ID_BYTES + "-" + "0" * 43
"""Stands for everything that is not of the form of a key."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """The key that is wanted."""

    name: str
    """Whose it is, in the operator's words."""
    scopes: frozenset[Scope]
    requests_per_minute: int | None = None
    """None: the server's own limit."""
    tokens_per_minute: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the server knows it; the secret is not among what it knows."""

    id: str
    name: str
    scopes: frozenset[Scope]
    requests_per_minute: int | None
    tokens_per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def fault(self, now: datetime) -> KeyFault | None:
        """Why it is not good now; None where it is."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else None


def create_key(store: Store, wanted: NewKey) -> tuple[Key, str]:
    """Make a key; its secret, `ts-<id>-<secret>`, is told this once. Raises TunesmithError `key-without-scope`."""
    if not wanted.scopes:
        raise TunesmithError("key-without-scope")
    id = secrets.token_hex(_NUM_ID_BYTES)
    secret = f"ts-{id}-{secrets.token_urlsafe(_NUM_SECRET_BYTES)}"
    row = {
        "id": id,
        "name": wanted.name,
        "digest": _digest(secret),
        "scopes": sorted(wanted.scopes),
        "requests_per_minute": wanted.requests_per_minute,
        "tokens_per_minute": wanted.tokens_per_minute,
        "created_at": store.clock(),
        "expires_at": wanted.expires_at,
    }
    with writing(store.database) as connection:
        connection.execute(KEYS.insert(), row)
        made = connection.execute(select(KEYS).where(KEYS.c.id == id)).mappings().one()
    return _key_of(made), secret


def find_key(store: Store, presented: str) -> Key | KeyFault:
    """The key that somebody holds the secret of, or why there is none. Whatever is presented, it is just wrong.

    Only who holds the secret learns that a key was revoked or has expired.
    """
    found = _FORM.fullmatch(presented)
    secret = presented if found else _NOBODY
    id = found[1] if found else "0" * 2 * _NUM_ID_BYTES
    with reading(store.database) as connection:
        row = connection.execute(select(KEYS).where(KEYS.c.id == id)).mappings().one_or_none()
    known: bytes = b"\0" * hashlib.sha256().digest_size if row is None else row["digest"]
    is_right = hmac.compare_digest(_digest(secret), known)
    if row is None or not is_right:
        return "unknown"
    key = _key_of(row)
    return key.fault(store.clock()) or key


def list_keys(store: Store) -> list[Key]:
    """All keys, the oldest first, those that are good no more among them."""
    with reading(store.database) as connection:
        rows = connection.execute(select(KEYS).order_by(KEYS.c.created_at, KEYS.c.id)).mappings().all()
    return [_key_of(row) for row in rows]


def revoke_key(store: Store, id: str) -> Key:
    """Make a key good no more; its row stays. Raises TunesmithError `key-unknown`."""
    with writing(store.database) as connection:
        of_id = KEYS.c.id == id
        connection.execute(KEYS.update().where(of_id, KEYS.c.revoked_at.is_(None)).values(revoked_at=store.clock()))
        row = connection.execute(select(KEYS).where(of_id)).mappings().one_or_none()
    if row is None:
        raise TunesmithError("key-unknown", id=id)
    return _key_of(row)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()


def _key_of(row: RowMapping) -> Key:
    told: dict[str, Any] = {name: value for name, value in row.items() if name != "digest"}
    return Key(**{**told, "scopes": frozenset(row["scopes"])})
