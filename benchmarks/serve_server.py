"""Servers as processes, for the benchmark `serve`: started, watched from outside, stopped and killed."""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx2

from benchmarks.process import CACHE, REPOSITORY

RECIPE: Final = """\
name: served
model: {base: builtin:tiny}
prepare: {sources: examples/support_desk/tickets_en.jsonl, test_share: 0.1}
train: {method: full, learning_rate: 1e-3, max_steps: STEPS, batch_rows: 16}
evaluate: {arms: [base, tuned], general_suite: false, max_items: 24, decoding: {max_new_tokens: 64}}
export: {forms: [merged], num_prompts: 4}
serve: {record: full}
"""
START_SECONDS: Final = 300.0
MANY_DESCRIPTORS: Final = 8192


def allow_descriptors() -> None:
    """A thousand connections at once, here and in the processes that are started."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_DESCRIPTORS if most == resource.RLIM_INFINITY else min(most, MANY_DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def tunesmith(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tunesmith", *arguments]


def make_bundle(workspace: Path, num_steps: int) -> Path:
    """Train `builtin:tiny` a little, judge it, export it. Found whole where it was made before."""
    workspace.mkdir(parents=True, exist_ok=True)
    recipe = workspace / "recipe.yaml"
    recipe.write_text(RECIPE.replace("STEPS", str(num_steps)), encoding="utf-8")
    first = ("--workspace", str(workspace))
    run_command(tunesmith(*first, "run", str(recipe)))
    told = run_command(tunesmith(*first, "export", str(recipe), "--anyway", "--json"))
    return Path(json.loads(told)["bundle"])


def run_command(command: Sequence[str]) -> str:
    """What it prints. Raises RuntimeError with the end of its messages where it fails."""
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError("\n".join([f"{command[:6]} failed", *done.stderr.splitlines()[-20:]]))
    return done.stdout


class Server:
    """A process that serves, killed at the end if it still runs."""

    def __init__(
        self, command: Sequence[str], log: Path, settings: Mapping[str, str] | None = None, *, is_told: bool = False
    ) -> None:
        """`settings` are environment variables; `is_told` says that lines are written to it."""
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        with log.open("w", encoding="utf-8") as stream:
            self.process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                stdin=subprocess.PIPE if is_told else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=os.environ | {"HF_HUB_OFFLINE": "1"} | dict(settings or {}),
            )
        self.url = ""
        """Where the API begins."""

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def next_line(self) -> str:
        """What it says next, at first once it is ready. Raises RuntimeError where it ends or is silent for long."""
        assert self.process.stdout is not None
        killer = threading.Timer(START_SECONDS, self.process.kill)
        killer.start()
        line = self.process.stdout.readline()
        killer.cancel()
        if not line:
            raise RuntimeError("\n".join(["the server ended", *self._last_messages()]))
        return line

    def wait_until_answering(self, path: str) -> None:
        """Raises RuntimeError where it ends or does not answer in time."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError("\n".join(["the server ended", *self._last_messages()]))
            try:
                if httpx2.get(path, timeout=5.0).status_code == 200:
                    return
            except httpx2.HTTPError:
                time.sleep(0.2)
        raise RuntimeError(f"{path} did not answer")

    def num_descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def kill(self) -> None:
        """SIGKILL: nothing of it can tidy up."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def _last_messages(self) -> list[str]:
        return self._log.read_text(encoding="utf-8").splitlines()[-20:]


def start_ours(
    bundle: Path, workspace: Path, overrides: Sequence[str] = (), settings: Mapping[str, str] | None = None
) -> Server:
    """`tunesmith serve`, once it answers; it has said its address."""
    command = tunesmith("--workspace", str(workspace), "serve", str(bundle), "serve.port=0", *overrides, "--json")
    server = Server(command, CACHE / "serve" / "ours.log", settings)
    try:
        server.url = str(json.loads(server.next_line())["address"])
    except BaseException:
        server.kill()
        raise
    return server


def start_peer(python: Path, model: Path, settings: Mapping[str, str]) -> Server:
    """`transformers serve --continuous-batching`, once it answers, its other settings as they come."""
    port = free_port()
    arguments = ["serve", str(model), "--continuous-batching", "--device", "cpu", "--port", str(port)]
    command = [str(python.with_name("transformers")), *arguments]
    server = Server(command, CACHE / "serve" / "transformers.log", settings)
    try:
        server.wait_until_answering(f"http://localhost:{port}/health")
    except BaseException:
        server.kill()
        raise
    server.url = f"http://localhost:{port}/v1"
    return server


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def gauges(url: str) -> dict[str, float]:
    """The figures without labels that our server tells on `/metrics`, by name."""
    told = httpx2.get(url.removesuffix("/v1") + "/metrics", timeout=10.0).text
    return {name: float(value) for name, value in re.findall(r"^(tunesmith_\w+) (\S+)$", told, re.MULTILINE)}


def served_model(url: str) -> str:
    """The first model that a server names."""
    found: dict[str, Any] = httpx2.get(f"{url}/models", timeout=10.0).json()
    return str(found["data"][0]["id"])
