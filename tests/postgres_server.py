"""A PostgreSQL server of a test's own: started from the installed package, on a Unix socket in a folder of /tmp."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWNER = "postgres"
USER = "tunesmith"


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`; None where they are not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next(
        (folder for folder in folders if (folder / "initdb").is_file() and (folder / "postgres").is_file()), None
    )


def why_not() -> str | None:
    """Why no server can be started here; None where one can."""
    if programs() is None:
        return "PostgreSQL is not installed"
    if os.getuid() == 0 and (shutil.which("runuser") is None or OWNER not in {user.pw_name for user in pwd.getpwall()}):
        return "root may not run PostgreSQL, and there is no user postgres"
    return None


@contextmanager
def postgres_server() -> Iterator[str]:
    """Gives the beginning of its URLs, to be filled by the name of a database; ends the server with the block."""
    bin = programs()
    assert bin is not None
    as_owner = ["runuser", "-u", OWNER, "--"] if os.getuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="tunesmith-pg-", dir="/tmp"))
    if as_owner:
        shutil.chown(folder, OWNER)
    data = folder / "data"
    make = [bin / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    start = [bin / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    try:
        subprocess.run([*as_owner, *make], check=True, capture_output=True, cwd="/")
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen([*as_owner, *start], stdout=log, stderr=log, cwd="/")
        try:
            _wait(server, [bin / "pg_isready", "-q", "-h", folder])
            yield f"postgresql://{USER}@/{{}}?host={folder}"
        finally:
            pid = int((data / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGINT)
            server.wait(30)
    finally:
        shutil.rmtree(folder)


def _wait(server: subprocess.Popen[bytes], is_ready: list[str | Path]) -> None:
    end = time.monotonic() + 60
    while subprocess.run(is_ready, cwd="/").returncode != 0:
        assert server.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
