"""The real command in processes of its own, and a small bilingual desk for it to work on."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("tunesmith")
TIMEOUT_SECONDS = 600
RECIPE = """\
name: desk
model: {base: builtin:tiny}
prepare: {sources: rows.jsonl, test_share: 0.1}
train: {method: full, max_steps: 12, batch_rows: 8, evaluate_every: 4, checkpoint_every: 1}
evaluate: {general_suite: false, decoding: {max_new_tokens: 16}}
"""
GOODS = (("jacket", "外套"), ("kettle", "水壶"), ("lamp", "台灯"), ("tent", "帐篷"))


@dataclass(frozen=True)
class Told:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str
    cpu_seconds: float = 0.0

    def json(self) -> Any:
        """The one JSON value on stdout."""
        return json.loads(self.out)


def environment(home: Path, **changes: str) -> dict[str, str]:
    """One thread, a home of its own, no hub within reach."""
    fixed = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TUNESMITH_LANG": "en",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_ENDPOINT": "https://127.0.0.1",
    }
    return fixed | changes


def start(arguments: list[str], folder: Path, **changes: str) -> subprocess.Popen[str]:
    """Begin a command in `folder`."""
    return subprocess.Popen(
        [COMMAND, *arguments],
        cwd=folder,
        env=environment(folder, **changes),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def ended(process: subprocess.Popen[str]) -> Told:
    out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    return Told(process.returncode, out, err)


def tell(arguments: list[str], folder: Path, **changes: str) -> Told:
    """Run a command in `folder` to its end."""
    before = os.times()
    told = ended(start(arguments, folder, **changes))
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return Told(told.code, told.out, told.err, seconds)


def tell_terminal(arguments: list[str], folder: Path, **changes: str) -> tuple[int, str]:
    """Run a command whose three streams are one terminal of 120 columns; its exit code and all it wrote."""
    ours, theirs = pty.openpty()
    variables = environment(folder, TERM="xterm-256color", COLUMNS="120", **changes)
    with subprocess.Popen(
        [COMMAND, *arguments], cwd=folder, env=variables, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux says so when the last writer has closed the terminal
                break
            if not piece:
                break
            written += piece
        process.wait(TIMEOUT_SECONDS)
    os.close(ours)
    return process.returncode, written.decode()


def desk_rows() -> list[dict[str, str]]:
    """80 questions with thinking, half English and half Chinese."""
    rows = []
    for number in range(2, 42):
        english, chinese = GOODS[number % len(GOODS)]
        rows.append(
            {
                "question": f"Order {number}: where is my {english}?",
                "reasoning": f"Order {number} is about the {english}.",
                "answer": f"The {english} of order {number} leaves tomorrow.",
            }
        )
        rows.append(
            {
                "question": f"订单 {number}：我的{chinese}到哪里了？",
                "reasoning": f"订单 {number} 买的是{chinese}。",
                "answer": f"订单 {number} 的{chinese}明天发出。",
            }
        )
    return rows


def write_rows(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def make_desk(folder: Path) -> Path:
    """A folder with `recipe.yaml` and the rows that it names."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    write_rows(folder / "rows.jsonl", desk_rows())
    return folder


def copy_tiny(folder: Path) -> Path:
    """The embedded base as a local folder, to be spoiled."""
    shutil.copytree(Path(str(files("tunesmith.model") / "tiny")), folder)
    return folder


def change_json(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def files_under(folder: Path) -> dict[str, tuple[int, str]]:
    """Time of the last change and SHA-256 of every file, by its path."""
    return {
        str(file.relative_to(folder)): (file.stat().st_mtime_ns, hashlib.sha256(file.read_bytes()).hexdigest())
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def events(workspace: Path) -> list[dict[str, Any]]:
    """The whole events of the one run of a workspace; a line that is still being written is left out."""
    content = b"".join(file.read_bytes() for file in (workspace / "runs").glob("*/events.jsonl"))
    return [json.loads(line) for line in content.split(b"\n")[:-1]]


def wait_for_checkpoints(workspace: Path, attempt: int, num: int, process: subprocess.Popen[str]) -> None:
    """Return once this attempt has saved so many checkpoints; it must not have ended by then."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        saved = [event for event in events(workspace) if event["type"] == "checkpoint" and event["attempt"] == attempt]
        if len(saved) >= num:
            return
        assert process.poll() is None, ended(process).err
        assert time.monotonic() < deadline
        time.sleep(0.005)


def trained(workspace: Path) -> tuple[str, dict[str, Any]]:
    """SHA-256 of the one tuned model's weights, and its training.json."""
    (weights,) = (workspace / "artifacts" / "tuned_model").glob("*/weights/model.safetensors")
    training = json.loads((weights.parents[1] / "training.json").read_text(encoding="utf-8"))
    return hashlib.sha256(weights.read_bytes()).hexdigest(), training
