"""`tunesmith keys`, `models` and `store`: what they print, in lines and as JSON, and how they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from store_material import bundle, exchange, feedback
from typer.testing import CliRunner

from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.errors import TunesmithError
from tunesmith.runtime import utc_now
from tunesmith.store import Store, find_key, open_store


@pytest.fixture(autouse=True)
def fresh_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)


def told(folder: Path, *words: str) -> str:
    OPTIONS.json = False
    done = CliRunner().invoke(app, ["--workspace", str(folder), *words])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def value_of(folder: Path, *words: str) -> Any:
    return json.loads(told(folder, *words, "--json"))


def opened(folder: Path) -> Store:
    return open_store(f"sqlite:///{folder}/store.db", clock=utc_now, key_file=folder / "store.key")


@pytest.mark.thorough
def test_a_key_is_shown_once(tmp_path: Path) -> None:
    lines = told(tmp_path, "keys", "create", "shop", "--scope", "infer", "--tokens-per-minute", "500").splitlines()
    assert "tunesmith keys revoke" in lines[1]
    with opened(tmp_path) as store:
        key = find_key(store, lines[0])
        assert not isinstance(key, str)
        assert (key.name, key.scopes, key.tokens_per_minute, key.expires_at) == ("shop", {"infer"}, 500, None)
    listed = told(tmp_path, "keys", "list")
    assert key.id in listed
    assert lines[0].split("-", 2)[2] not in listed + json.dumps(value_of(tmp_path, "keys", "list"))
    assert "good no more" in told(tmp_path, "keys", "revoke", key.id)
    assert "revoked" in told(tmp_path, "keys", "list")
    with opened(tmp_path) as store:
        assert find_key(store, lines[0]) == "revoked"


@pytest.mark.thorough
def test_keys_as_json(tmp_path: Path) -> None:
    assert value_of(tmp_path, "keys", "list") == []
    made = value_of(tmp_path, "keys", "create", "shop", "--days", "3", "--scope", "admin", "--scope", "infer")
    assert made["secret"].startswith(f"ts-{made['id']}-")
    assert made["scopes"] == ["admin", "infer"]
    assert made["expires_at"] > made["created_at"]
    del made["secret"]
    assert value_of(tmp_path, "keys", "list") == [made]
    assert value_of(tmp_path, "keys", "create", "lab")["scopes"] == ["feedback", "infer"]
    assert value_of(tmp_path, "keys", "create", "prometheus", "--scope", "metrics")["scopes"] == ["metrics"]
    assert value_of(tmp_path, "keys", "revoke", made["id"])["state"] == "revoked"
    with pytest.raises(TunesmithError, match="key-unknown"):
        told(tmp_path, "keys", "revoke", "nobody")


@pytest.mark.thorough
def test_models(tmp_path: Path) -> None:
    first, second = (bundle(tmp_path / name, seed=seed) for seed, name in enumerate(("a", "b")))
    assert told(tmp_path, "models", "add", str(first)).startswith("support-bot@1")
    assert value_of(tmp_path, "models", "add", str(second))["version"] == "support-bot@2"
    assert "champion is support-bot@1 now" in told(tmp_path, "models", "alias", "champion", "support-bot@1")
    listed = value_of(tmp_path, "models", "list")
    assert [(one["version"], one["aliases"]) for one in listed] == [
        ("support-bot@1", ["champion"]),
        ("support-bot@2", []),
    ]
    assert "champion" in told(tmp_path, "models", "list")
    withdrawn = told(tmp_path, "models", "withdraw", "champion", "--reason", "a person asked")
    assert "tunesmith models alias champion NAME@NUMBER" in withdrawn
    with pytest.raises(TunesmithError, match="version-withdrawn"):
        told(tmp_path, "models", "alias", "champion", "support-bot@1")
    lines = told(tmp_path, "models", "history").splitlines()
    assert [line.split("  ")[-1] for line in lines] == [
        "added support-bot@1",
        "added support-bot@2",
        "pointed champion to support-bot@1",
        "withdrew support-bot@1: a person asked",
    ]
    assert [one["what"] for one in value_of(tmp_path, "models", "history")] == [
        "added",
        "added",
        "aliased",
        "withdrawn",
    ]


@pytest.mark.thorough
def test_what_is_recorded_is_counted_and_removed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    with open_store(url, clock=utc_now, key_file=tmp_path / "store.key") as store:
        for number in range(4):
            store.record(exchange(number, at=utc_now(), subject=("ann", "bob")[number % 2]))
        store.add_feedback(feedback(1, exchange(0))).result()
    counted = value_of(tmp_path, "store", "show", "--store", url)
    assert (counted["exchanges"], counted["feedback"], counted["store"]) == (4, 1, url)
    assert value_of(tmp_path, "store", "forget", "ann", "--store", url) == {"store": url, "exchanges": 2, "feedback": 1}
    assert "removed" in told(tmp_path, "store", "expire", "--days", "1", "--store", url)
    assert "exchanges: 2" in told(tmp_path, "store", "show", "--store", url)
    assert value_of(tmp_path, "store", "expire", "--days", "0", "--store", url)["exchanges"] == 2
    assert "exchanges: 0" in told(tmp_path, "store", "show", "--store", url)
    assert "no keys yet" in told(tmp_path, "keys", "list")
    assert "no models yet" in told(tmp_path, "models", "list")
    assert "nothing" in told(tmp_path, "models", "history")
