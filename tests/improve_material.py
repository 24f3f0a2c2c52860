"""A small desk whose model is served, told what it got wrong, and improved."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tunesmith import lifecycle
from tunesmith.api import open_job
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.export import export
from tunesmith.records import Exchange, Feedback, Message
from tunesmith.store import Store, Version, add_version, open_store, set_alias

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SUBJECTS = ("jacket", "kettle", "lamp", "tent")
WORDS = (
    "green river stone window paper morning garden bottle winter summer train letter market castle bridge forest "
    "silver copper yellow purple island valley mirror button engine rocket cheese pepper ginger salmon turkey rabbit "
    "monkey dragon spider planet meteor saturn jungle desert canyon harbor anchor sailor pirate doctor lawyer farmer"
)


TOPICS = {
    "jacket": "jacket sleeve zip hood collar lining",
    "kettle": "kettle boil spout lid steam limescale",
    "lamp": "lamp bulb shade switch dimmer glow",
    "tent": "tent poles pegs canvas groundsheet camping",
    "violin": "violin strings bow rosin fiddle tuning",
}
"""Words of each subject; `violin` is one that the desk has not heard of."""


def texts(subject: str, num: int, seed: int) -> list[str]:
    """Texts about a subject: three of its words among others."""
    draw, own, others = random.Random(f"{subject} {seed}"), TOPICS[subject].split(), WORDS.split()
    return [" ".join(draw.sample([*draw.sample(own, 3), *draw.sample(others, 5)], 8)) for _ in range(num)]


def tree(folder: Path, num_each: int = 40, **sections: Any) -> dict[str, Any]:
    """The recipe; its rows, so many of each subject, are written into `folder`."""
    rows = [{"text": text, "label": subject} for subject in SUBJECTS for text in texts(subject, num_each, 0)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return {
        "name": "desk",
        "prepare": {
            "sources": str(folder / "rows.jsonl"),
            "system": "Name the thing.",
            "prompt_style": "Text: {prompt}",
            "test_share": 0.2,
        },
        "train": {
            "method": {"name": "lora", "rank": 8, "alpha": 16.0},
            "learning_rate": 1e-2,
            "epochs": 6,
            "batch_rows": 16,
            "trackers": [],
            "precision": "fp32",
        },
        "evaluate": {"general_suite": False, "arms": ["base", "tuned"], "confidence": {"map": "none"}},
        "export": {"forms": ["adapter"], "num_prompts": 4},
        "feedback": {"use": "all", "max_share_of_key": 1.0},
        "improve": {"max_loss": 0.15},
        **sections,
    }


def desk(folder: Path, workspace: Path | None = None, **sections: Any) -> Job:
    return open_job(tree(folder, **sections), workspace=workspace or folder / "work")


def ticking() -> Callable[[], datetime]:
    """A clock that is a second further at every look."""
    seconds = itertools.count()
    return lambda: NOW + timedelta(days=1, seconds=next(seconds))


def store_at(file: Path, clock: Callable[[], datetime] = lambda: NOW) -> Store:
    return open_store(f"sqlite:///{file}", clock=clock, key_file=file.with_suffix(".key"))


def enthroned(job: Job, store: Store) -> Version:
    """Train, judge and ship the recipe's own model, and make it the champion."""
    lifecycle.run(job)
    version = add_version(store, export(job, anyway=True).folder, who="ann")
    return set_alias(store, "champion", str(version), who="ann")


def corrected(store: Store, job: Job, found: list[str], answer: str, right: str, key: str = "key-a") -> None:
    """The texts were asked as the server asks them, answered with `answer`, and somebody said what is right."""
    section = job.recipe.prepare
    begin = store.num_exchanges
    for number, text in enumerate(found, begin):
        asked = (Message("system", section.system or ""), Message("user", section.user_style.replace("{prompt}", text)))
        exchange = Exchange(
            id=f"ex-{number:024x}",
            at=NOW + timedelta(minutes=number),
            model="desk",
            version="desk@1",
            key=key,
            subject=None,
            prompt=asked,
            answer=Message("assistant", answer),
            finish_reason="stop",
            num_prompt_tokens=5,
            num_tokens=0,
            first_token_seconds=None,
            seconds=0.1,
            label=answer,
            confidence=0.9,
        )
        store.record(exchange)
        store.add_feedback(Feedback(f"fb-{number:024x}", exchange.id, exchange.at, key, "correction", text=right))
    store.flush()
