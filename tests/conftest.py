"""What every test shares: one thread, a runtime of its own, no network, and a count of what was skipped."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

# read by torch when a test first imports it; sums in one thread are the same on every machine
os.environ["OMP_NUM_THREADS"] = "1"

from tunesmith.runtime import Runtime

# Thousands of small files are written, flushed to the disk one by one and removed: in memory, where there is room and
# no other place is named, none of them waits. What failed stays to be looked at, as pytest keeps it.
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 2**30
if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_outside: list[str] = []

# a failed assertion in these shows its values, as one in a test file does
pytest.register_assert_rewrite("cli_material", "flat_rows", "killing", "nine_steps", "prepare_material", "several")
# model libraries leave hundreds of thousands of objects that live as long as the process: collecting garbage while
# they are imported, and looking at them again after every few tests, costs seconds
gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that fork what loads a model come first: a child of a process whose threads were at work has none."""
    items.sort(key=lambda item: item.get_closest_marker("forks") is None)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    """A CPU, one thread, folders of this test alone and a clock that stands still."""
    return Runtime(workspace=tmp_path / "workspace", cache=tmp_path / "cache", clock=lambda: NOON)


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in ("", "localhost")


def _refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: connections and name look-ups that leave this machine are refused and remembered."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""  # a Unix socket's address is a path
    elif event == "socket.getaddrinfo":
        host = arguments[0] or ""
    else:
        return
    host = host.decode() if isinstance(host, bytes) else str(host)
    if not is_loopback(host):
        _outside.append(host)
        raise ConnectionRefusedError(f"a test may not reach {host}")


sys.addaudithook(_refuse_network)


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Fail the test that reached out, also where a library swallowed the refusal."""
    _outside.clear()
    yield
    hosts, _outside[:] = list(_outside), []
    assert not hosts, f"the test reached for the network: {hosts}"


def pytest_collection_finish() -> None:
    """All test modules are imported: from here on, what tests leave behind is collected, and nothing else looked at."""
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many tests were skipped and why, so that a skipped check is never taken for a passed one."""
    reasons = Counter(
        str(report.longrepr[2]).removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "unknown"
        for report in terminalreporter.stats.get("skipped", [])
    )
    terminalreporter.write_line(f"skipped tests: {reasons.total()}")
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"  {count} x {reason}")
