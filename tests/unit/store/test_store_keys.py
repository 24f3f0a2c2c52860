"""API keys: good for who holds the secret, wrong for everybody else, whatever is presented."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select
from store_material import START

from tunesmith.errors import TunesmithError
from tunesmith.store import Key, NewKey, Store, create_key, find_key, list_keys, open_store, revoke_key
from tunesmith.store.schema import KEYS

WANTED = NewKey("shop", frozenset({"infer", "feedback"}), requests_per_minute=60, tokens_per_minute=10_000)


def test_a_key_is_found_by_its_secret(store: Store, open_it: Callable[[], Store]) -> None:
    key, secret = create_key(store, WANTED)
    assert key == Key(key.id, "shop", frozenset({"infer", "feedback"}), 60, 10_000, START, None, None)
    assert secret.startswith(f"ts-{key.id}-")
    assert len(base64.urlsafe_b64decode(secret.split("-", 2)[2] + "=")) == 32
    for reader in (store, open_it()):
        assert find_key(reader, secret) == key
        assert list_keys(reader) == [key]
    other, second = create_key(store, replace(WANTED, name="lab"))
    assert other.id != key.id
    assert second != secret
    assert {one.name for one in list_keys(store)} == {"shop", "lab"}
    # the secret of one with the id of the other
    assert find_key(store, f"ts-{key.id}-{second.split('-', 2)[2]}") == "unknown"


def test_only_who_holds_the_secret_learns_what_became_of_it(store: Store) -> None:
    key, secret = create_key(store, WANTED)
    assert revoke_key(store, key.id) == replace(key, revoked_at=START)
    assert find_key(store, secret) == "revoked"
    assert find_key(store, secret[:-1] + ("A" if secret[-1] != "A" else "B")) == "unknown"
    assert [one.fault(START) for one in list_keys(store)] == ["revoked"]
    with pytest.raises(TunesmithError, match="key-unknown"):
        revoke_key(store, "0" * 12)


def test_a_revoked_key_keeps_the_time_it_was_revoked_at(url: str, tmp_path: Path) -> None:
    now = [START]
    with open_store(url, clock=lambda: now[0], key_file=tmp_path / "k") as store:
        key, _ = create_key(store, WANTED)
        revoke_key(store, key.id)
        now[0] += timedelta(days=1)
        assert revoke_key(store, key.id).revoked_at == START


def test_a_key_expires(url: str, tmp_path: Path) -> None:
    now = [START]
    with open_store(url, clock=lambda: now[0], key_file=tmp_path / "k") as store:
        key, secret = create_key(store, replace(WANTED, expires_at=START + timedelta(days=1)))
        now[0] = START + timedelta(days=1, microseconds=-1)
        assert find_key(store, secret) == key
        now[0] = START + timedelta(days=1)
        assert find_key(store, secret) == "expired"


def test_a_key_is_for_something(store: Store) -> None:
    with pytest.raises(TunesmithError, match="key-without-scope"):
        create_key(store, NewKey("none", frozenset()))


def test_the_digest_is_no_key(store: Store) -> None:
    key, secret = create_key(store, WANTED)
    with store.database.connect() as connection:
        digest = connection.scalars(select(KEYS.c.digest)).one()
    assert digest == hashlib.sha256(secret.encode()).digest()
    written = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    for presented in (
        digest.hex(),
        written,
        f"ts-{key.id}-{written}",
        f"ts-{key.id}-{digest.hex()}",
        digest.decode("latin-1"),
    ):
        assert find_key(store, presented) == "unknown"


HOSTILE = ["", "clé", "\0", "ts-", "Bearer ", "a" * 2**20, "ts-" + "0" * 12 + "-" + "0" * 43, "\ud800", "' OR 1=1 --"]


@pytest.mark.parametrize("presented", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_values_are_just_wrong(store: Store, presented: str) -> None:
    _, secret = create_key(store, WANTED)
    for value in (
        presented,
        secret + presented if presented else " " + secret,
        presented + secret if presented else "",
    ):
        assert find_key(store, value) == "unknown"
    assert find_key(store, secret.upper()) == "unknown"
    assert find_key(store, secret + "\n") == "unknown"
    assert find_key(store, secret.replace("0", "\uff10").replace("1", "\uff11")) in (
        "unknown",
        list_keys(store)[0],  # a secret without these digits
    )


@pytest.mark.thorough
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(presented=st.one_of(st.text(), st.from_regex(r"ts-[0-9a-f]{12}-[A-Za-z0-9_-]{43}", fullmatch=True)))
def test_nothing_else_is_a_key(key_store: tuple[Store, str], presented: str) -> None:
    store, secret = key_store
    assert (find_key(store, presented) == "unknown") == (presented != secret)


@pytest.fixture
def key_store(tmp_path: Path) -> tuple[Store, str]:
    store = open_store(f"sqlite:///{tmp_path}/store.db", clock=lambda: START, key_file=tmp_path / "k")
    return store, create_key(store, WANTED)[1]


def test_who_does_not_exist_takes_the_same_steps(store: Store) -> None:
    key, secret = create_key(store, WANTED)
    steps: list[str] = []
    event.listen(store.database, "before_cursor_execute", lambda c, cursor, statement, *_: steps.append(statement))
    taken = []
    for presented in (secret, f"ts-{key.id}-{'A' * 43}", f"ts-{'f' * 12}-{'A' * 43}", "no key at all", ""):
        steps.clear()
        find_key(store, presented)
        taken.append(list(steps))
    assert taken == [taken[0]] * 5
    assert any("FROM keys" in statement for statement in taken[0])


def test_the_secret_is_in_no_file(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/store.db", clock=lambda: START, key_file=tmp_path / "k") as store:
        key, secret = create_key(store, WANTED)
        find_key(store, secret)
        revoke_key(store, key.id)
        part = secret.split("-", 2)[2]
        wanted = [secret, part, part[:8], base64.b64encode(secret.encode()).decode()[:40]]
        raw = base64.urlsafe_b64decode(part + "=")
        for file in tmp_path.iterdir():
            content = file.read_bytes()
            assert not [one for one in wanted if one.encode() in content]
            assert raw not in content
            assert raw.hex().encode() not in content
        assert secret not in repr(key) + repr(store)
