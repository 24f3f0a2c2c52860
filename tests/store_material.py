"""Exchanges, feedback and bundles to store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tunesmith.artifacts import Identity, publish
from tunesmith.artifacts.bundle import BODY, KIND, BaseOfBundle, BundleBody
from tunesmith.records import Exchange, Feedback, Message

START = datetime(2026, 3, 1, tzinfo=UTC)


def exchange(number: int, **fields: Any) -> Exchange:
    """The number decides id and time."""
    made = Exchange(
        id=f"ex-{number:024x}",
        at=START + timedelta(minutes=number),
        model="support-bot",
        version="0123456789abcdef",
        key=None,
        subject=None,
        prompt=(Message("user", f"question {number}"),),
        answer=Message("assistant", f"answer {number}"),
        finish_reason="stop",
        num_prompt_tokens=5,
        num_tokens=7,
        first_token_seconds=0.25,
        seconds=1.5,
    )
    return replace(made, **fields)


def feedback(number: int, on: Exchange, **fields: Any) -> Feedback:
    made = Feedback(f"fb-{number:024x}", on.id, START + timedelta(minutes=number), None, "thumb", value=1)
    return replace(made, **fields)


def bundle(
    folder: Path, *, name: str = "support-bot", seed: int = 0, files: Mapping[str, bytes] | None = None, **fields: Any
) -> Path:
    """A published bundle without weights; another seed, another key."""
    body = BundleBody(
        name=name,
        arm="tuned",
        task="text",
        precision="fp32",
        base=BaseOfBundle(reference="builtin:tiny", sha256="ab" * 32, model_type="qwen2"),
        tuned_model="0" * 16,
        dataset="1" * 16,
        scorecard=None,
        forms=[],
    ).model_copy(update=fields)
    with publish(folder, Identity(KIND, 1, {"model": "0" * 16}, {}, seed, {})) as staging:
        (staging / BODY).write_bytes(body.model_dump_json().encode())
        for path, content in (files or {}).items():
            (staging / path).parent.mkdir(exist_ok=True)
            (staging / path).write_bytes(content)
    return folder
