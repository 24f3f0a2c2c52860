"""What is recorded is there: whole, in order, once, and gone when it has to be."""

from __future__ import annotations

import base64
import json
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event
from store_material import START, exchange, feedback

from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.records import Exchange, Feedback, Message
from tunesmith.runtime import Runtime
from tunesmith.store import Removed, Store, open_store, recorded, workspace_store
from tunesmith.store.open import writing
from tunesmith.store.schema import EXCHANGES, FEEDBACK
from tunesmith.store.store import PAGE_ROWS
from tunesmith.store.writer import MAX_GROUP, MAX_QUEUED

CHARACTERS = "Zoë says 你好 🙂 \x00 \\u0041 % ' \" ; -- \u202e"
FULL = exchange(
    1,
    key="0123456789ab",
    subject="zoë@example.com",
    prompt=(Message("system", "be brief"), Message("user", CHARACTERS)),
    answer=Message("assistant", "好的", reasoning=CHARACTERS, weight=0.5),
    finish_reason="content_filter",
    first_token_seconds=None,
    label="refund",
    confidence=0.1 + 0.2,
    guarded=("no-medicine", "长度"),
)


def test_columns_are_the_fields_of_the_records() -> None:
    assert list(EXCHANGES.c.keys()) == [field.name for field in fields(Exchange)]
    assert list(FEEDBACK.c.keys()) == [field.name for field in fields(Feedback)]


def test_an_exchange_comes_back_as_it_was(store: Store, open_it: Callable[[], Store]) -> None:
    bare = exchange(2, prompt=(), answer=None)
    for one in (FULL, bare):
        assert store.record(one).result() is None
    for reader in (store, open_it()):
        assert reader.exchange(FULL.id) == FULL
        assert reader.exchange(bare.id) == bare
        assert list(reader.exchanges()) == [FULL, bare]
    assert store.exchange("ex-none") is None
    assert store.num_exchanges == 2


def test_times_of_other_zones_are_the_same_times(store: Store) -> None:
    east = exchange(3).at.astimezone(ZoneInfo("Asia/Shanghai")) + timedelta(microseconds=1)
    store.record(exchange(3, at=east)).result()
    found = store.exchange(exchange(3).id)
    assert found is not None
    assert found.at == east
    assert found.at.isoformat() == "2026-03-01T00:03:00.000001+00:00"


def test_what_no_database_holds_is_marked(store: Store) -> None:
    store.record(exchange(1, subject="a\x00b", prompt=(Message("user", "half \ud83d of a pair"),))).result()
    found = store.exchange(exchange(1).id)
    assert found is not None
    assert found.subject == "a\ufffdb"
    assert found.prompt[0].content == "half \ufffd of a pair"
    assert store.forget("a\x00b").num_exchanges == 1


@pytest.mark.thorough
def test_reading_is_in_time_order_and_between_times(store: Store) -> None:
    number = 2 * PAGE_ROWS + 3
    # pairs at the same time, whose ids run the other way than the times
    kept = [
        exchange(
            2 * (number - n // 2) + n % 2,
            at=START + timedelta(seconds=n // 2),
            model=("a", "b")[n % 3 == 0],
            version="uv"[n % 2],
        )
        for n in range(number)
    ]
    wait([store.record(one) for one in reversed(kept[: number // 2])])
    wait([store.record(one) for one in reversed(kept[number // 2 :])])
    assert list(store.exchanges()) == kept
    since, until = kept[100].at, kept[900].at
    assert list(store.exchanges(since=since, until=until)) == kept[100:900]
    assert list(store.exchanges(since=since, model="b")) == [one for one in kept[100:] if one.model == "b"]
    assert list(store.exchanges(until=until, version="u")) == [one for one in kept[:900] if one.version == "u"]


def test_a_slow_reader_holds_nobody_up(store: Store) -> None:
    wait([store.record(exchange(n)) for n in range(PAGE_ROWS + 1)])
    reader = store.exchanges()
    next(reader)
    store.record(exchange(5000)).result()
    assert store.expire(START + timedelta(minutes=10)) == Removed(10, 0)
    assert len(list(reader)) == PAGE_ROWS + 1


def test_feedback_of_every_kind(store: Store) -> None:
    first, second = exchange(1), exchange(2)
    said = [
        feedback(1, first, value=-1),
        feedback(2, first, kind="rating", value=4, dimension="fluency"),
        feedback(3, second, kind="correction", value=None, text=CHARACTERS.replace("\x00", "")),
        feedback(4, second, kind="preference", value=None, preferred=first.id, key="0123456789ab"),
    ]
    store.record(first)
    store.record(second)
    wait([store.add_feedback(one) for one in said])
    assert list(store.feedback()) == said
    assert list(store.feedback(exchange=second.id)) == said[2:]
    assert list(store.feedback(since=said[1].at, until=said[3].at)) == said[1:3]
    assert store.num_feedback == 4


def test_feedback_on_nothing_is_refused_alone(store: Store) -> None:
    known = exchange(1)
    futures = [
        store.add_feedback(feedback(1, known)),
        store.record(known),
        store.add_feedback(feedback(2, known)),
        store.add_feedback(feedback(3, known, kind="preference", preferred="ex-gone")),
        store.add_feedback(feedback(4, known)),
    ]
    wait(futures)
    codes = [failure and failure.code for failure in (future.exception() for future in futures)]  # type: ignore[attr-defined]
    assert codes == ["exchange-unknown", None, None, "exchange-unknown", None]
    assert [one.id for one in store.feedback()] == [feedback(2, known).id, feedback(4, known).id]


def test_a_bad_row_takes_no_other_with_it(store: Store) -> None:
    with Held(store) as held:
        store.record(exchange(99))
        held.settle()
        futures = [store.record(exchange(n % 20)) for n in range(25)]
    wait(futures)
    assert [future.exception() is None for future in futures] == [True] * 20 + [False] * 5
    failure = futures[-1].exception()
    assert isinstance(failure, RunFailed)
    assert failure.code == "store-failed"
    assert "question" not in str(failure)
    assert store.num_exchanges == 21


class Held:
    """Another transaction that writes and does not end, so that what is recorded meanwhile waits."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._transaction = writing(store.database)

    def __enter__(self) -> Held:
        connection = self._transaction.__enter__()
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE exchanges")
        return self

    def __exit__(self, *failure: object) -> None:
        self._transaction.__exit__(None, None, None)

    def settle(self) -> None:
        """Wait until the writer has taken all that is queued and stands before the lock."""
        while self._store.num_queued:
            time.sleep(0.001)


def test_commits_are_shared(store: Store) -> None:
    commits = []
    event.listen(store.database, "commit", lambda connection: commits.append(threading.current_thread().name))
    with Held(store) as held:
        store.record(exchange(0))
        held.settle()
        futures = [store.record(exchange(n)) for n in range(1, 201)]
    wait(futures)
    assert store.num_exchanges == 201
    assert commits.count("tunesmith-store") == 2


@pytest.mark.thorough
def test_a_full_queue_says_so_at_once(store: Store) -> None:
    with Held(store) as held:
        taken = [store.record(exchange(0))]
        held.settle()
        taken += [store.record(exchange(n)) for n in range(1, MAX_QUEUED + 1)]
        for record in (lambda: store.record(exchange(5000)), lambda: store.add_feedback(feedback(1, exchange(0)))):
            with pytest.raises(RunFailed, match="store-full"):
                record()
        assert not any(future.done() for future in taken)
    wait(taken)
    assert store.num_exchanges == MAX_QUEUED + 1
    store.record(exchange(6000)).result()


def test_a_caller_that_goes_away_takes_no_row_with_it(store: Store) -> None:
    with Held(store):
        future = store.record(exchange(1))
        assert not future.cancel()
    store.flush()
    assert store.num_exchanges == 1


def test_closing_writes_what_is_queued(url: str, tmp_path: Path, store: Store) -> None:
    with open_store(url, clock=lambda: START, key_file=tmp_path / "store.key") as other:
        futures = [other.record(exchange(n)) for n in range(300)]
    assert all(future.done() for future in futures)
    assert store.num_exchanges == 300
    with pytest.raises(TunesmithError, match="store-closed"):
        other.record(exchange(301))


def test_what_is_old_goes_with_what_was_said_of_it(store: Store) -> None:
    kept = [exchange(n) for n in range(10)]
    wait([store.record(one) for one in kept])
    wait([store.add_feedback(feedback(n, kept[n % 10])) for n in range(20)])
    store.add_feedback(feedback(30, kept[9], kind="preference", preferred=kept[0].id))
    assert store.expire(kept[4].at) == Removed(4, 9)
    assert list(store.exchanges()) == kept[4:]
    assert store.num_feedback == 12
    assert store.expire(kept[4].at) == Removed(0, 0)


def test_a_person_is_forgotten_whatever_the_policy_was(store: Store) -> None:
    pseudonymiser = store.pseudonymiser
    asked = [exchange(n, subject=("ann", "bob")[n % 2]) for n in range(6)]
    told = [recorded(one, ("full", "pseudonymised")[n % 3 == 0], pseudonymiser) for n, one in enumerate(asked)]
    said = [feedback(n, one) for n, one in enumerate(asked)]
    for one in told:
        assert one is not None
        store.record(one)
    for one in said:
        store.add_feedback(one)
    assert store.forget("ann") == Removed(3, 3)
    assert [one.id for one in store.exchanges()] == [asked[n].id for n in (1, 3, 5)]
    assert store.forget("ann") == Removed(0, 0)
    assert store.forget("bo") == Removed(0, 0)
    assert store.forget("bob") == Removed(3, 3)


def test_what_is_queued_is_forgotten_as_well(store: Store) -> None:
    with ThreadPoolExecutor(1) as pool:
        with Held(store):
            for n in range(3 * MAX_GROUP):
                store.record(exchange(n, subject="ann" if n % MAX_GROUP == MAX_GROUP - 1 else "bob"))
            forgotten = pool.submit(store.forget, "ann")
        assert forgotten.result() == Removed(3, 0)
    assert store.num_exchanges == 3 * MAX_GROUP - 3


def encodings(text: str) -> list[bytes]:
    """How a text may lie in a file."""
    plain = text.encode()
    return [
        plain,
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
        json.dumps(text).strip('"').encode(),
        base64.b64encode(plain).rstrip(b"=")[:-1],
        quote(text).encode(),
        repr(text).strip("'").encode(),
        plain.hex().encode(),
    ]


def left_in(folder: Path, text: str) -> list[tuple[str, int]]:
    """Files that hold the text, and in which encoding."""
    return [
        (file.name, number)
        for file in sorted(folder.iterdir())
        for number, pattern in enumerate(encodings(text))
        if pattern in file.read_bytes()
    ]


def test_no_byte_of_a_forgotten_person_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    secret = "Quetzalcoatl 的电话是秘密"
    with open_store(f"sqlite:///{folder}/store.db", clock=lambda: START, key_file=tmp_path / "k") as store:
        for n in range(300):
            own = {"subject": "ann", "prompt": (Message("user", secret * (n % 40)),)} if n % 3 == 0 else {}
            store.record(exchange(n, **own))
        store.add_feedback(feedback(1, exchange(3), kind="comment", value=None, text=f"I said {secret}"))
        store.flush()
        assert left_in(folder, secret)
        assert store.forget("ann") == Removed(100, 1)
        # with the database still open
        assert left_in(folder, secret) == []
        assert store.num_exchanges == 200
    assert left_in(folder, secret) == []


def test_no_byte_of_what_expired_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with open_store(f"sqlite:///{folder}/store.db", clock=lambda: START, key_file=tmp_path / "k") as store:
        for n in range(50):
            store.record(exchange(n, prompt=(Message("user", f"xylophone {n % 25:02} " * 200),)))
        store.expire(exchange(25).at)
        assert left_in(folder, "xylophone 07")
        store.expire(exchange(50).at)
        assert left_in(folder, "xylophone") == []


def test_bytes_that_another_program_left_go_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with open_store(f"sqlite:///{folder}/store.db", clock=lambda: START, key_file=tmp_path / "k") as store:
        wait([store.record(exchange(n, prompt=(Message("user", "xylophone"),))) for n in range(20)])
        other = sqlite3.connect(folder / "store.db")
        other.execute("PRAGMA secure_delete=OFF")
        with other:
            other.execute("DELETE FROM exchanges")
        other.close()
        store.expire(START)
        assert left_in(folder, "xylophone")
        store.forget("ann")
        assert left_in(folder, "xylophone") == []


def test_a_reader_that_keeps_old_bytes_alive_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    with open_store(f"sqlite:///{file}", clock=lambda: START, key_file=tmp_path / "k") as store:
        event.listen(store.database, "checkout", lambda raw, *_: raw.execute("PRAGMA busy_timeout=20"))
        store.record(exchange(1, subject="ann")).result()
        other = sqlite3.connect(file)
        other.execute("BEGIN")
        other.execute("SELECT * FROM exchanges").fetchall()
        with pytest.raises(RunFailed, match="store-busy"):
            store.forget("ann")
        assert store.num_exchanges == 0
        other.close()
        assert store.forget("ann") == Removed(0, 0)


def test_the_file_is_its_owners_alone_and_commits_reach_the_disk(tmp_path: Path) -> None:
    file = tmp_path / "new" / "store.db"
    with open_store(f"sqlite:///{file}", clock=lambda: START, key_file=tmp_path / "new" / "store.key") as store:
        store.record(replace(exchange(1), subject=store.pseudonymiser.subject("ann"))).result()
        with store.database.connect() as connection:
            pragmas = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
            }
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 30_000,
    }
    assert {"store.db", "store.db-wal", "store.key"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_the_workspace_has_its_own(runtime: Runtime) -> None:
    with workspace_store(runtime) as store:
        assert store.clock() == runtime.clock()
        store.pseudonymiser.subject("ann")
    assert {"store.db", "store.key"} == {path.name for path in runtime.workspace.iterdir()}


WRITE = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from store_material import START, exchange
from tunesmith.store import open_store
with open_store(sys.argv[1], clock=lambda: START, key_file=Path(sys.argv[2])) as store:
    for n in range(int(sys.argv[3]), int(sys.argv[3]) + 200):
        store.record(exchange(n)).result()
"""


@pytest.mark.thorough
def test_threads_and_processes_write_at_once(url: str, store: Store, tmp_path: Path) -> None:
    code = WRITE.format(path=[str(Path(__file__).parents[2])])
    others = [
        subprocess.Popen([sys.executable, "-c", code, url, tmp_path / "store.key", str(start)])
        for start in (100_000, 200_000)
    ]

    def write(start: int) -> None:
        wait([store.record(exchange(n)) for n in range(start, start + 200)])

    threads = [threading.Thread(target=write, args=(start,)) for start in range(0, 800, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.wait(60) for other in others] == [0, 0]
    numbers = [*range(800), *range(100_000, 100_200), *range(200_000, 200_200)]
    assert [one.id for one in store.exchanges()] == [exchange(n).id for n in numbers]
