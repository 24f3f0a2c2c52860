"""The pages on shaping rows, on rows that mean the same, on changes and on unsealing do what they say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from chat_server import serving
from prepare_material import write_jsonl
from transformers import BertConfig, BertModel, BertTokenizerFast
from typer.testing import CliRunner

from tunesmith.artifacts import Dataset
from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.metrics.wording import Words
from tunesmith.prepare import Fits, prepare
from tunesmith.recipe import Recipe
from tunesmith.records import SPLITS, Example
from tunesmith.report.data_card import data_card
from tunesmith.report.data_view import Card
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[3]
PAGE = "shape-rows.md"


@pytest.fixture(autouse=True)
def fresh_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)


def page(name: str, language: str = "en") -> str:
    return (ROOT / "docs" / language / "how-to" / name).read_text(encoding="utf-8")


def recipe_of(name: str, page_name: str, language: str = "en") -> Recipe:
    found = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", page(page_name, language), re.DOTALL))
    return Recipe.model_validate(next(recipe for recipe in found if recipe["name"] == name))


def fits() -> Fits:
    """A model with a token a word, to which nothing is too long."""
    return Fits(
        lambda row: sum(len(f"{message.reasoning or ''} {message.content}".split()) for message in row.messages),
        lambda text: [match.span() for match in re.finditer(r"\S+", text)],
        10**6,
        "words",
    )


def made(recipe: Recipe, folder: Path, rows: list[dict[str, Any]], runtime: Runtime, **section: Any) -> Dataset:
    file = write_jsonl(folder / f"{recipe.name}.jsonl", rows)
    sources = tuple(source.model_copy(update={"path": file}) for source in recipe.prepare.sources)
    changed = recipe.prepare.model_copy(update={"sources": sources, **section})
    out = folder / recipe.name
    return prepare(changed, seed=0, runtime=runtime, progress=Silent(), out=out, fits=fits())


def rows_of(dataset: Dataset) -> list[Example]:
    return [row for split in SPLITS for row in dataset.rows(split)]


def plain_rows(num_rows: int = 12) -> list[dict[str, Any]]:
    return [
        {"question": f"what of topic {n}?", "reasoning": f"since {n}", "answer": f"yes {n}"} for n in range(num_rows)
    ]


def test_both_languages_show_the_same() -> None:
    for name in (PAGE, "split-and-prove.md", "clean-rows.md"):
        shown = [re.findall(r"```yaml\n(.*?)```", page(name, language), re.DOTALL) for language in ("en", "zh")]
        assert shown[0] == shown[1]


def test_style_and_reasoning(tmp_path: Path, runtime: Runtime) -> None:
    styled = rows_of(made(recipe_of("styled", PAGE), tmp_path, plain_rows(), runtime))
    row = next(row for row in styled if row.answer.content == "yes 3")
    assert [message.role for message in row.messages] == ["system", "user", "assistant"]
    assert row.messages[1].content.endswith("### Question:\nwhat of topic 3?\n\n### Response:")
    assert (row.answer.reasoning, row.messages[0].content) == ("since 3", "You are a careful physician.")
    rows = [*plain_rows(), {"question": "and now?", "reasoning": "", "answer": "no"}]
    reasons = made(recipe_of("reasoned", PAGE), tmp_path, rows, runtime).report().reasons
    assert {reason: found.count for reason, found in reasons.items()} == {"reasoning-missing": 1}


@pytest.mark.thorough
def test_a_teacher_thinks(tmp_path: Path, runtime: Runtime) -> None:
    recipe = recipe_of("taught", PAGE)
    rows = [{"question": f"what is {n} plus {n}?", "answer": str(2 * n)} for n in range(12)]

    def answer(system: str, text: str) -> str:
        number = int(re.findall(r"\d+", text)[0])
        return f"<think>twice {number}</think>{2 * number + (number == 5)}"

    with serving(answer) as server:
        assert recipe.prepare.teacher is not None
        teacher = recipe.prepare.teacher.model_copy(update={"url": server.url})
        knowing = replace(runtime, secrets={"TEACHER_KEY": "secret"})
        dataset = made(recipe, tmp_path, rows, knowing, teacher=teacher, test_share=0.0, validation_share=0.0)
    assert set(server.keys) == {"Bearer secret"}
    synthesis = dataset.report().synthesis
    assert synthesis is not None
    assert (synthesis.kept, synthesis.rejected, synthesis.licence) == (11, {"trace-wrong": 4}, "MIT")
    for language in ("en", "zh"):
        card = Card(dataset, "taught", None)
        files = data_card(card, language=language, out=tmp_path / language)  # type: ignore[arg-type]
        for file in (files.html, files.card):
            text = unescape(file.read_text(encoding="utf-8"))
            assert all(said in text for said in ("teacher", server.url, "MIT", Words(language)("reject.trace-wrong")))  # type: ignore[arg-type]


def test_a_teacher_is_held_to_numbers(tmp_path: Path, runtime: Runtime) -> None:
    """What stands before the last number does not matter; the row that no answer fits goes."""
    recipe = recipe_of("taught-numbers", PAGE)
    rows = [{"question": f"what is {n} plus {n}?", "answer": f"That makes {2 * n}."} for n in range(12)]

    def answer(system: str, text: str) -> str:
        number = int(re.findall(r"\d+", text)[0])
        return f"<think>twice {number}</think>It is {2 * number + (number == 5)}"

    with serving(answer) as server:
        assert recipe.prepare.teacher is not None
        teacher = recipe.prepare.teacher.model_copy(update={"url": server.url})
        dataset = made(recipe, tmp_path, rows, runtime, teacher=teacher, test_share=0.0, validation_share=0.0)
    assert sorted(row.answer.reasoning or "" for row in rows_of(dataset)) == sorted(
        f"twice {n}" for n in range(12) if n != 5
    )
    synthesis = dataset.report().synthesis
    assert synthesis is not None
    assert synthesis.rejected == {"trace-wrong": 2}
    assert dataset.report().reasons["no-trace"].count == 1


@pytest.mark.thorough
def test_long_rows(tmp_path: Path, runtime: Runtime) -> None:
    long = {"question": " ".join(f"w{n}" for n in range(1300)), "reasoning": "since", "answer": "fine"}
    rows = [*plain_rows(), long]
    dropped = made(recipe_of("dropped", PAGE), tmp_path, rows, runtime)
    assert dropped.report().reasons["too-long"].count == 1
    (cut,) = (row for row in rows_of(made(recipe_of("cut", PAGE), tmp_path, rows, runtime)) if len(row.changes))
    assert len(cut.messages[0].content.split()) == 1022
    assert re.match(r"w0 .* w510 … w790 .* w1299$", cut.messages[0].content)
    windows = [row for row in rows_of(made(recipe_of("windows", PAGE), tmp_path, rows, runtime)) if len(row.changes)]
    firsts = sorted(int(row.messages[0].content.split()[0][1:]) for row in windows)
    assert firsts == [0, 256, 512, 768, 1024]
    assert {row.metadata["text_window"][-1] for row in windows} == {"5"}


def test_the_same_in_other_words(tmp_path: Path, runtime: Runtime) -> None:
    """An encoder to which two words are one."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "refund", "reimbursement", *"abcdefghijkl"]
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    (encoder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    BertTokenizerFast(str(encoder / "vocab.txt")).save_pretrained(encoder)
    model = BertModel(
        BertConfig(vocab_size=19, hidden_size=19, num_hidden_layers=0, num_attention_heads=1, intermediate_size=2)
    )
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.copy_(torch.eye(19))
        model.embeddings.word_embeddings.weight[6] = torch.eye(19)[5]
        model.embeddings.position_embeddings.weight.zero_()
        model.embeddings.token_type_embeddings.weight.zero_()
    model.save_pretrained(encoder)
    recipe = recipe_of("semantic", "split-and-prove.md")
    semantic = recipe.prepare.duplicates.semantic
    assert semantic is not None
    duplicates = recipe.prepare.duplicates.model_copy(
        update={"semantic": semantic.model_copy(update={"model": str(encoder)})}
    )
    rows = [{"question": f"{a} {b} refund", "answer": "a"} for a, b in zip("abcdef", "ghijkl", strict=True)]
    rows.append({"question": "a g reimbursement", "answer": "a"})
    reasons = made(recipe, tmp_path, rows, runtime, duplicates=duplicates).report().reasons
    assert {reason: found.count for reason, found in reasons.items()} == {"semantic-duplicate": 1}


@pytest.mark.thorough
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_commands_of_the_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MY_KEY", "thirty-two bytes or more of secret")
    monkeypatch.setattr("tunesmith.cli.app.LANGUAGE", language)
    broken = [
        {"question": "Café a\u200bt noon", "answer": "a"},
        {"question": "mail a@b.example, zero\u200bwidth", "answer": "b"},
    ]
    write_jsonl(tmp_path / "rows.jsonl", [*plain_rows(9), *broken])
    (tmp_path / "recipe.yaml").write_text(
        "name: r\nprepare:\n  sources: rows.jsonl\n  test_share: 0.0\n  personal: {mode: pseudonym, key: MY_KEY}\n",
        encoding="utf-8",
    )

    def call(command: str) -> str:
        told = CliRunner().invoke(app, command.removeprefix("tunesmith ").split(), catch_exceptions=False)
        assert told.exit_code == 0
        return told.stdout

    (shown,) = re.findall(r"```\n(clean\.zero-width.*?)```", page("clean-rows.md", language), re.DOTALL)
    (diff,) = re.findall(r"`(tunesmith prepare recipe.yaml --diff)`", page("clean-rows.md", language))
    assert shown in call(diff)
    folder = json.loads(call("tunesmith prepare recipe.yaml --json"))["folder"]
    (unseal,) = re.findall(r"`(tunesmith unseal [^`]*)`", page("hide-personal-data.md", language))
    call(unseal.replace("DATASET_FOLDER", folder))
    assert "a@b.example" not in (Path(folder) / "train.jsonl").read_text(encoding="utf-8")

    assert "a@b.example" in (tmp_path / "plain.jsonl").read_text(encoding="utf-8")
