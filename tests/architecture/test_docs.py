"""What the pages say exists: files that are linked, names, commands, recipes; and each page in both languages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import tunesmith
from tools.api_reference import api_page
from tools.make_reference import page
from tools.results_page import results_page
from tunesmith.recipe import load_recipe

ROOT = Path(__file__).parents[2]
SOURCE = Path(tunesmith.__file__).parent
PAGES = sorted(file.relative_to(ROOT).as_posix() for file in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ENGLISH = sorted(file.name for file in (ROOT / "docs" / "en").glob("*.md"))


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(name), flags=re.MULTILINE | re.DOTALL)


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def defines(dotted: str) -> bool:
    """Whether `prepare.read.read_file` is a module of the package, or a name in one, or a member of a class in one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        stem = SOURCE.joinpath(*parts[:length])
        file = stem.with_suffix(".py") if stem.with_suffix(".py").is_file() else stem / "__init__.py"
        if file.is_file():
            body = ast.parse(file.read_text(encoding="utf-8")).body
            for name in parts[length:]:
                found = [
                    node for node in body if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name
                ]
                if not found:
                    return False
                body = found[0].body
            return True
    return False


def test_there_are_pages_to_check() -> None:
    assert {"README.md", "README.zh.md", "ARCHITECTURE.md", "docs/en/recipe.md"} <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", without_blocks(text_of(name)))
    dead = [link for link in links if "://" not in link and not (ROOT / name).parent.joinpath(link).exists()]
    assert dead == []


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_names_are_those_of_the_source(name: str) -> None:
    packages = {path.stem for path in SOURCE.iterdir()}
    dotted = set(re.findall(r"`([a-z_]+(?:\.[A-Za-z_]+)+)`", text_of(name)))
    named = {
        word for word in dotted if word.split(".")[0] in packages and word.rpartition(".")[2] not in ("html", "json")
    }
    assert sorted(word for word in named if not defines(word)) == []


def test_a_wrong_name_is_seen() -> None:
    assert defines("prepare.read")
    assert defines("chat.render.Chat.render")
    assert not defines("prepare.read.read_fil")
    assert not defines("chat.render.Chat.rend")


@pytest.mark.parametrize("name", PAGES)
def test_recipes_on_the_page_are_sound(name: str, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(name, "yaml")):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block, encoding="utf-8")
        load_recipe(file)


@pytest.mark.parametrize("name", PAGES)
def test_commands_on_the_page_exist(name: str) -> None:
    source = text_of("src/tunesmith/cli/app.py") + text_of("src/tunesmith/cli/annotate.py")
    verbs = set(re.findall(r'^@?(?:app|\w+_app)\.command\("(\w+)"', source, re.MULTILINE))
    verbs |= set(re.findall(r"^@app\.command\(help=.*\)\ndef (\w+)", source, re.MULTILINE))
    verbs |= {"--help", *re.findall(r'^app\.add_typer\(\w+, name="(\w+)"', source, re.MULTILINE)}
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    assert {"run", "prepare", "doctor"} < verbs
    assert {"demo", "test"} < targets
    text = text_of(name)
    assert set(re.findall(r"^\$ tunesmith (\S+)", text, re.MULTILINE)) <= verbs
    assert set(re.findall(r"`tunesmith ([a-z]+)\b", text)) <= verbs
    assert set(re.findall(r"^\$ make ([a-z]+)|`make ([a-z]+)`", text, re.MULTILINE)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }


@pytest.mark.parametrize("name", ENGLISH)
def test_each_page_is_in_both_languages(name: str) -> None:
    english, chinese = (without_blocks(text_of(f"docs/{language}/{name}")) for language in ("en", "zh"))
    assert len(re.findall(r"^#+ ", english, re.MULTILINE)) == len(re.findall(r"^#+ ", chinese, re.MULTILINE))
    assert english.count("\n|") == chinese.count("\n|")
    assert blocks(f"docs/en/{name}", "yaml") == [] or len(blocks(f"docs/en/{name}", "yaml")) == len(
        blocks(f"docs/zh/{name}", "yaml")
    )


def test_both_readmes_promise_the_same() -> None:
    english, chinese = (without_blocks(text_of(name)) for name in ("README.md", "README.zh.md"))
    assert english.count("\n|") == chinese.count("\n|")
    assert english.count("\n## ") == chinese.count("\n## ")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_reference_is_that_of_the_recipe(language: str) -> None:
    assert text_of(f"docs/{language}/recipe.md") == page(language), "run `make reference`"
    assert text_of(f"docs/{language}/measured.md") == results_page(language), "run `make reference`"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_reference_of_the_api_is_that_of_its_docstrings(language: str) -> None:
    assert text_of(f"docs/{language}/python-api.md") == api_page(language), "run `make reference`"


@pytest.mark.parametrize(("page", "language"), [("README.md", "en"), ("README.zh.md", "zh")])
def test_every_page_is_reached_from_the_readme(page: str, language: str) -> None:
    linked = set(re.findall(rf"\]\((docs/{language}/[^)#]+)\)", text_of(page)))
    pages = {name for name in PAGES if name.startswith(f"docs/{language}/")}
    assert pages - linked == set()
