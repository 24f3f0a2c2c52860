"""Addresses in recipes: told by what they are for, before anything is asked of them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tunesmith.errors import TunesmithError
from tunesmith.recipe import load_recipe
from tunesmith.recipe.endpoint import Host


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/v1", "https://api.deepseek.com", "http://[::1]:1/v1"])
def test_addresses_are_taken_as_they_are_written(url: str) -> None:
    assert Host(url=url, model="m").url == url


@pytest.mark.parametrize(
    "url", ["ftp://x", "x", "http://", "http://:80", "http://x:0", "http://x:99999", "http://[::1", "http://a b", ""]
)
def test_what_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="web_address"):
        Host(url=url, model="m")


def test_a_recipe_says_what_is_wanted(tmp_path_factory: pytest.TempPathFactory) -> None:
    recipe = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    text = (
        'name: a\nmodel: {base: builtin:tiny}\nprepare: {sources: a.csv}\nserve: {engine: {url: "ftp://x", model: m}}\n'
    )
    recipe.write_text(text, encoding="utf-8")
    with pytest.raises(TunesmithError) as caught:
        load_recipe(recipe)
    assert "`serve.engine.url`: must be an address such as" in caught.value.message()
