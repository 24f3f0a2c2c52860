"""What this machine offers, and the command that mends what is missing."""

from __future__ import annotations

import platform
import shutil
import socket
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from tunesmith.i18n import translate
from tunesmith.runtime import Runtime

MIN_FREE_GIB: Final = 2.0
HUB_TIMEOUT_SECONDS: Final = 3.0
State = Literal["ok", "note", "missing"]
MARKS: Final[dict[State, str]] = {"ok": "+", "note": "-", "missing": "!"}


@dataclass(frozen=True)
class Finding:
    """One line of the examination; `key` names its text in the catalogue."""

    key: str
    state: State
    parameters: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(runtime: Runtime) -> list[Finding]:
    """Look at Python, torch, devices, memory, disk and the hub. Changes nothing."""
    import torch
    from huggingface_hub.constants import ENDPOINT

    workspace = runtime.workspace.absolute()  # made when the first run needs it
    existing = next(folder for folder in (workspace, *workspace.parents) if folder.exists())
    free_gib = shutil.disk_usage(existing).free / 2**30
    host = urlsplit(ENDPOINT).hostname or ENDPOINT
    reachable = _answers(host)
    bf16 = runtime.has_bf16_products
    memory = "-" if runtime.memory_bytes is None else f"{runtime.memory_bytes / 2**30:.1f}"
    return [
        Finding("cli.doctor.python", "ok", {"version": platform.python_version()}),
        Finding("cli.doctor.torch", "ok", {"version": torch.__version__, "device": runtime.device}),
        Finding(f"cli.doctor.bf16-{'yes' if bf16 else 'no'}", "ok" if bf16 else "note", {"device": runtime.device}),
        Finding("cli.doctor.threads", "ok", {"threads": str(runtime.num_threads)}),
        Finding("cli.doctor.memory", "ok", {"free": memory, "device": runtime.device}),
        Finding("cli.doctor.disk", "ok" if free_gib > MIN_FREE_GIB else "missing", {"free": f"{free_gib:.0f}"}),
        Finding(f"cli.doctor.hub-{'yes' if reachable else 'no'}", "ok" if reachable else "note", {"host": host}),
    ]


def finding_lines(findings: list[Finding], language: str) -> list[str]:
    return [f"{MARKS[f.state]} {translate(f.key, language, **f.parameters)}" for f in findings]


def _answers(host: str) -> bool:
    try:
        socket.create_connection((host, 443), timeout=HUB_TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True
