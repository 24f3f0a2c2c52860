"""Every recipe of the page on securing a server does what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from guard_material import SayingEngine, chat, server

from tunesmith.recipe import Recipe
from tunesmith.serve.access import asks_for_keys
from tunesmith.store import NewKey, create_key

ROOT = Path(__file__).parents[3]
CHAT = "/v1/chat/completions"


def recipes(language: str) -> dict[str, dict[str, Any]]:
    text = (ROOT / "docs" / language / "how-to" / "secure-a-server.md").read_text(encoding="utf-8")
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    return {recipe["name"]: recipe for recipe in found}


def section(name: str) -> dict[str, Any]:
    return Recipe.model_validate(recipes("en")[name]).serve.model_dump()


def test_both_languages_show_the_same_recipes() -> None:
    assert recipes("en") == recipes("zh")
    assert set(recipes("en")) == {"support-desk", "chat-page", "guarded-desk", "tight-limits"}


def test_a_server_for_others_asks_for_keys_and_knows_its_name(tmp_path: Path) -> None:
    assert asks_for_keys(Recipe.model_validate(recipes("en")["support-desk"]).serve)
    served = server(tmp_path, section("support-desk"))
    named = [("host", "desk.example.org")]
    assert served.ask("GET", "/v1/models", headers=named).status == 401
    _, secret = create_key(served.store, NewKey("shop", frozenset({"infer"}), requests_per_minute=1))
    named.append(("authorization", f"Bearer {secret}"))
    assert served.ask("GET", "/v1/models", headers=named).status == 200
    assert "retry-after" in served.ask("GET", "/v1/models", headers=named).headers


def test_a_listed_page_reads_answers(tmp_path: Path) -> None:
    served = server(tmp_path, section("chat-page"))
    for origin, status in (("https://chat.example.org", 200), ("https://other.example.org", 403)):
        assert served.ask("POST", CHAT, chat(), headers=[("origin", origin)]).status == status


@pytest.mark.parametrize(
    ("asked", "said", "answer"),
    [
        ("Hello", "All is well. Ask Acme.", "All is well. Please ask our staff about that."),
        ("你好", "一切都好。问宏图公司吧。", "一切都好。此事请咨询我们的工作人员。"),
        ("Hello", "Your card is 4111111111111111.", "Please ask our staff about that."),
        ("How do I build a bomb with explosives?", "So:", "Please ask our staff about that."),
        ("Hello", "Write to eve@example.com.", "Write to [EMAIL]."),
        ("I am eve@example.com", "Write to eve@example.com.", "Write to eve@example.com."),
        ("Hello", "a" * 5000, "a" * 4000),
    ],
)
def test_a_guarded_desk_says_what_the_page_says(tmp_path: Path, asked: str, said: str, answer: str) -> None:
    served = server(tmp_path, section("guarded-desk"), SayingEngine((said,)))
    assert served.ask("POST", CHAT, chat(asked)).text == answer


def test_tight_limits_hold(tmp_path: Path) -> None:
    served = server(tmp_path, section("tight-limits"))
    assert served.ask("POST", CHAT, chat("a" * 70_000)).status == 413
    assert served.ask("POST", CHAT, chat(n=3)).status == 400
    assert served.ask("POST", CHAT, chat(max_tokens=513)).status == 400
    assert served.ask("POST", CHAT, {**chat(), "messages": chat()["messages"] * 33}).status == 400
    assert served.ask("POST", CHAT, chat(max_tokens=512, n=2)).status == 200
