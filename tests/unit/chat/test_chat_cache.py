"""Rendered rows from the cache equal those rendered anew; a damaged cache is no cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import TEMPLATE, make_chat

from tunesmith.artifacts import Dataset, Identity, publish
from tunesmith.artifacts.dataset import KIND, write_examples
from tunesmith.chat import Chat
from tunesmith.chat.cache import cached_rows, rendered_rows
from tunesmith.errors import Place
from tunesmith.recipe import Sft, Supervise
from tunesmith.records import Example, Message, Rendered


class CountingChat(Chat):
    """Counts how often rows are really rendered."""

    num_rendered = 0

    def training_rows(self, examples: list[Example], supervise: Supervise = "answers") -> list[Rendered]:  # type: ignore[override]
        self.num_rendered += 1
        return super().training_rows(examples, supervise)


@pytest.fixture
def chat(tmp_path: Path) -> CountingChat:
    return counting(make_chat(tmp_path / "model"))


def counting(chat: Chat) -> CountingChat:
    chat.__class__ = CountingChat
    assert isinstance(chat, CountingChat)
    return chat


def make_dataset(folder: Path, num_rows: int) -> Dataset:
    examples = [
        Example(str(n), (Message("user", f"q {n}"), Message("assistant", "答" * (n + 1), "hm")), Place("f", n))
        for n in range(num_rows)
    ]
    with publish(folder, Identity(KIND, 1, {}, {"rows": num_rows}, 0, {})) as staging:
        for split in ("train", "validation", "test"):
            write_examples(staging / f"{split}.jsonl", examples if split == "train" else examples[:2])
    return Dataset.open(folder)


def same(one: list[Rendered], other: list[Rendered]) -> bool:
    return len(one) == len(other) and all(
        a.id == b.id
        and a.ids_T.dtype == b.ids_T.dtype == np.int32
        and a.weights_T.dtype == b.weights_T.dtype == np.float32
        and np.array_equal(a.ids_T, b.ids_T)
        and np.array_equal(a.weights_T, b.weights_T)
        for a, b in zip(one, other, strict=True)
    )


def test_the_cache_gives_equal_rows_and_renders_once(tmp_path: Path, chat: CountingChat) -> None:
    dataset, cache = make_dataset(tmp_path / "data", 5), tmp_path / "cache"
    fresh = rendered_rows(dataset, "train", chat, Sft(), cache)
    assert same(rendered_rows(dataset, "train", chat, Sft(), cache), fresh)
    assert chat.num_rendered == 1
    assert len(fresh) == 5


def test_every_truncation_of_the_file_is_survived(tmp_path: Path, chat: CountingChat) -> None:
    dataset, cache = make_dataset(tmp_path / "data", 3), tmp_path / "cache"
    fresh = rendered_rows(dataset, "train", chat, Sft(), cache)
    (file,) = cache.iterdir()
    content = file.read_bytes()
    for size in [*range(0, len(content), 37), len(content) - 1]:
        file.write_bytes(content[:size])
        assert same(rendered_rows(dataset, "train", chat, Sft(), cache), fresh)
        assert file.read_bytes() == content


def test_what_decides_the_rows_decides_the_file(tmp_path: Path, chat: CountingChat) -> None:
    dataset, cache = make_dataset(tmp_path / "data", 3), tmp_path / "cache"
    other = counting(make_chat(tmp_path / "other", TEMPLATE + "{# other #}"))
    rendered_rows(dataset, "train", chat, Sft(), cache)
    rendered_rows(dataset, "train", chat, Sft(supervise="all"), cache)
    rendered_rows(dataset, "validation", chat, Sft(), cache)
    rendered_rows(dataset, "train", other, Sft(), cache)
    rendered_rows(make_dataset(tmp_path / "more", 4), "train", chat, Sft(), cache)
    assert len(list(cache.iterdir())) == 5
    assert (chat.num_rendered, other.num_rendered) == (4, 1)


def test_an_empty_split_leaves_nothing_behind(tmp_path: Path, chat: CountingChat) -> None:
    dataset = make_dataset(tmp_path / "data", 0)
    assert rendered_rows(dataset, "train", chat, Sft(), tmp_path / "cache") == []
    assert not (tmp_path / "cache").exists()


def test_what_a_row_is_held_against_comes_back_too(tmp_path: Path) -> None:
    ids_T, weights_T = np.arange(3, dtype=np.int32), np.zeros(3, np.float32)
    rows = [Rendered("a", ids_T, weights_T, 3, 2.5, 0.5), Rendered("b", ids_T[:2], weights_T[:2])]
    cached_rows(tmp_path, "key", lambda: rows)
    first, second = cached_rows(tmp_path, "key", list)
    assert (first.repeats, first.target, first.target_weight) == (3, 2.5, 0.5)
    assert (second.repeats, second.num_supervised, second.target_weight) == (1, 0, 1.0)
    assert cached_rows(tmp_path, "other key", list) == []
