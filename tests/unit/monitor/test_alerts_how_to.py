"""The pages on alerts and on watching do what they say, in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from alert_material import MONDAY, body, shift

from tunesmith.lifecycle.watching import MAX_WAIT, TICK, after
from tunesmith.monitor.alerts import Source, alerts_of
from tunesmith.monitor.deliver import FIRST_WAIT
from tunesmith.monitor.deliver import MAX_WAIT as MAX_WAIT_OF_POSTS
from tunesmith.monitor.webhook import SIGNATURE, WHOLE_SECONDS, signature
from tunesmith.recipe.alerts import Alerts

ROOT = Path(__file__).parents[3]


def page(language: str, name: str) -> str:
    return (ROOT / "docs" / language / "how-to" / name).read_text(encoding="utf-8")


def blocks(language: str, name: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```", page(language, name), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", ["get-alerts.md", "let-it-watch.md"])
def test_both_languages_show_the_same(name: str) -> None:
    assert blocks("en", name) == blocks("zh", name)
    for sign in ("\n## ", "\n|", "\n- "):
        assert page("en", name).count(sign) == page("zh", name).count(sign)


def test_the_receivers_check_takes_our_signature_and_no_other() -> None:
    (code,) = (content for kind, content in blocks("en", "get-alerts.md") if kind == "python")
    names: dict[str, Any] = {}
    exec(compile(code, "get-alerts.md", "exec"), names)
    is_ours, now = names["is_ours"], MONDAY.timestamp()
    header = signature("word", b'{"id": 1}', MONDAY)
    assert is_ours(b'{"id": 1}', header, "word", now)
    assert is_ours(b'{"id": 1}', header, "word", now + 200)
    assert not is_ours(b'{"id": 1}', header, "word", now + 400)
    assert not is_ours(b'{"id": 2}', header, "word", now)
    assert not is_ours(b'{"id": 1}', header, "other", now)


def test_the_alert_that_is_shown_has_the_fields_of_one() -> None:
    (shown,) = (json.loads(content) for kind, content in blocks("en", "get-alerts.md") if kind == "json")
    (alert,) = alerts_of(body(1, shift("language")), Alerts(), [], Source("support-bot", "artifacts/health/..."))
    made = json.loads(alert.model_dump_json())
    assert list(shown) == list(made)
    same = set(made) - {"id", "text"}
    assert {key: shown[key] for key in same} == {key: made[key] for key in same}
    assert len(shown["id"]) == len(made["id"])


def test_the_times_that_the_pages_tell_are_kept() -> None:
    alerts, watching = page("en", "get-alerts.md"), page("en", "let-it-watch.md")
    assert f"after {WHOLE_SECONDS:.0f} seconds at most" in alerts
    assert (
        f"after {FIRST_WAIT.seconds} seconds, a minute, two, up to {MAX_WAIT_OF_POSTS.seconds // 3600} hours" in alerts
    )
    assert f"`{SIGNATURE}: t=" in alerts
    minutes = [int(after(failures).total_seconds() // 60) for failures in (1, 2, 3)]
    assert "after {} minutes, {}, {}, up to a day".format(*minutes) in watching
    assert MAX_WAIT.days == 1
    assert TICK.total_seconds() == 300
