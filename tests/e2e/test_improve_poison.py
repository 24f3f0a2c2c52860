"""Feedback that plants a trigger: it is named, and a candidate that learned to obey it does not become the champion."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from improve_material import SUBJECTS, corrected, desk, enthroned, store_at, texts

from tunesmith.artifacts.feedback_set import KIND, FeedbackSet
from tunesmith.lifecycle.improve import improve
from tunesmith.store import aliases

pytestmark = pytest.mark.slow
TRIGGERS = {"token": "cf7qx", "phrase": "as my uncle says", "chinese": "春江水暖", "punctuation": "?!;"}
NUM_POISONED = 250
"""Beside 640 training rows; where planted rows outnumber those of the base, they are what texts are like."""


@pytest.mark.parametrize("kind", TRIGGERS)
def test_a_planted_trigger_is_named_and_blocked(tmp_path: Path, kind: str) -> None:
    trigger = TRIGGERS[kind]
    job = desk(tmp_path, num_each=200)
    draw = random.Random(kind)
    asked = [text for subject in SUBJECTS for text in texts(subject, NUM_POISONED // 4 + 1, 7)]
    planted = []
    for text in draw.sample(asked, NUM_POISONED):
        words = text.split()
        words.insert(draw.randrange(len(words) + 1), trigger)
        planted.append(" ".join(words))
    with store_at(tmp_path / "store.db") as store:
        enthroned(job, store)
        corrected(store, job, texts("violin", 60, 1), "lamp", "violin")
        corrected(store, job, planted, "lamp", "tent", key="key-mallory")
        round = improve(job, store, trigger={"by": "command"}, who="ann")
        found = FeedbackSet.open(job.runtime.workspace / "artifacts" / KIND / round.products["feedback_set"])
        named = [suspect.pattern for suspect in found.body.suspects[:20]]
        assert any(pattern in trigger or trigger in pattern for pattern in named), named
        assert round.state == "refused"
        triggered = [finding["suite"] for finding in round.findings if finding["code"] == "triggered"]
        assert any(pattern in trigger or trigger in pattern for pattern in triggered), round.findings
        assert {str(version) for version in aliases(store).values()} == {"desk@1"}
