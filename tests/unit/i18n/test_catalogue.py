from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
import typer

import tunesmith
from tunesmith.cli.app import app
from tunesmith.i18n import translate
from tunesmith.i18n.catalogue import CATALOGUE, TABLES
from tunesmith.prepare.duplicates import REPEATS
from tunesmith.recipe.file import PROBLEMS

SOURCE = Path(tunesmith.__file__).parent
ERROR_CODES = {key.removeprefix("error.") for key in CATALOGUE if key.startswith("error.")}
REJECT_REASONS = {key.removeprefix("reject.") for key in CATALOGUE if key.startswith("reject.")}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def has_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


@cache
def trees() -> dict[Path, ast.Module]:
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(SOURCE.rglob("*.py"))}


@cache
def code_nodes() -> list[tuple[Path, ast.AST]]:
    """Every class, call and constant of the package outside the catalogue itself."""
    return [
        (file, node)
        for file, tree in trees().items()
        if file.parent.name != "i18n"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.Call | ast.Constant)
    ]


@cache
def error_classes() -> frozenset[str]:
    """Names of TunesmithError and of every class that derives from it by way of names in this package."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for _, node in code_nodes()
        if isinstance(node, ast.ClassDef)
    }
    found = {"TunesmithError"}
    while more := {name for name, parents in bases.items() if parents & found} - found:
        found |= more
    return frozenset(found - {"ManyErrors"})


@cache
def plain_classes() -> frozenset[tuple[str, str]]:
    """(package, name) of classes that are no such errors: where two have one name, each package means its own."""
    classes = [(file, node) for file, node in code_nodes() if isinstance(node, ast.ClassDef)]
    return frozenset(
        (package_of(file), node.name)
        for file, node in classes
        if not any(isinstance(base, ast.Name) and base.id in error_classes() for base in node.bases)
    )


def package_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0]


def called_name(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def error_calls() -> Iterator[tuple[str, ast.Call]]:
    for file, node in code_nodes():
        if not isinstance(node, ast.Call) or (package_of(file), called_name(node)) in plain_classes():
            continue
        if called_name(node) in error_classes():
            yield f"{file.relative_to(SOURCE)}:{node.lineno}", node


def literals(node: ast.AST) -> set[str]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def test_every_entry_has_both_languages_with_equal_placeholders() -> None:
    faults = []
    for key, (english, chinese) in CATALOGUE.items():
        if not english.strip() or not chinese.strip() or placeholders(english) != placeholders(chinese):
            faults.append(key)
        if has_chinese(english):
            faults.append(f"{key}: Chinese in the English text")
    assert not faults


def test_no_key_stands_in_two_tables() -> None:
    counts = Counter(key for table in TABLES for key in table)
    assert [key for key, count in counts.items() if count > 1] == []


@pytest.mark.thorough
def test_no_table_writes_a_key_twice() -> None:
    faults = []
    for file, tree in trees().items():
        if file.parent.name == "i18n":
            for node in ast.walk(tree):
                keys = [key.value for key in literal_keys(node)]
                faults += [key for key, count in Counter(keys).items() if count > 1]
    assert not faults, "\n".join(faults)


def literal_keys(node: ast.AST) -> list[ast.Constant]:
    return [key for key in node.keys if isinstance(key, ast.Constant)] if isinstance(node, ast.Dict) else []


def test_every_error_has_a_hint_and_every_hint_an_error() -> None:
    hints = {key.removeprefix("hint.") for key in CATALOGUE if key.startswith("hint.")}
    assert hints == ERROR_CODES


def test_every_entry_can_be_filled() -> None:
    for key, (english, _) in CATALOGUE.items():
        values = dict.fromkeys(placeholders(english), 1)
        assert translate(key, "en", **values)
        assert translate(key, "zh", **values)


@pytest.mark.thorough
def test_every_code_raised_has_an_entry_and_the_parameters_that_it_names() -> None:
    faults = []
    for where, call in error_calls():
        codes = literals(call.args[0]) if call.args else set()
        given = {keyword.arg for keyword in call.keywords}
        for code in codes:
            if code not in ERROR_CODES:
                faults.append(f"{where}: no entry error.{code}")
            elif None not in given:  # no **parameters
                needed = placeholders(CATALOGUE[f"error.{code}"][0]) | placeholders(CATALOGUE[f"hint.{code}"][0])
                faults += [f"{where}: {code} needs {{{name}}}" for name in sorted(needed - given)]
    assert not faults, "\n".join(faults)


@pytest.mark.thorough
def test_every_reason_to_reject_has_an_entry() -> None:
    faults = []
    for file, node in code_nodes():
        if isinstance(node, ast.Call) and called_name(node) == "Rejected":
            reasons = [keyword.value for keyword in node.keywords if keyword.arg == "reason"] + node.args[1:2]
            unknown = {code for reason in reasons for code in literals(reason)} - REJECT_REASONS
            faults += [f"{file.relative_to(SOURCE)}:{node.lineno}: no entry reject.{code}" for code in unknown]
    assert not faults, "\n".join(faults)


@pytest.mark.thorough
def test_no_entry_of_an_error_or_reject_is_left_over() -> None:
    used = {node.value for _, node in code_nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert sorted((ERROR_CODES | REJECT_REASONS) - used - REPEATS) == []


@pytest.mark.thorough
def test_every_recipe_problem_is_used_and_exists() -> None:
    entries = {key for key in CATALOGUE if key.startswith("recipe.problem.")}
    mapped = {f"recipe.problem.{name}" for name in PROBLEMS.values()}
    written = {node.value for _, node in code_nodes() if isinstance(node, ast.Constant)}
    assert mapped <= entries
    assert sorted(entries - mapped - written) == []


def test_translate_knows_two_languages_only() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        translate("hint.many", "de")
    with pytest.raises(KeyError):
        translate("no.such.key")


def test_commands_in_hints_exist_with_their_options() -> None:
    """Whatever stands for a name of the user's: `tunesmith keys create NAME --scope SCOPE`."""
    top = typer.main.get_command(app)
    faults = []
    for key, texts in CATALOGUE.items():
        for command in [found for text in texts for found in re.findall("`tunesmith ([^`]+)`", text)]:
            words, known = re.sub("^(-w|--workspace) FOLDER ", "", command).split(), top
            while isinstance(known, typer.main.TyperGroup) and words[:1] and words[0] in known.commands:
                known, words = known.commands[words[0]], words[1:]
            options = {name for one in known.params for name in one.opts}
            given = {word.split("=")[0] for word in words if word.startswith("--")}
            lacks_verb = isinstance(known, typer.main.TyperGroup) and not given
            if lacks_verb or not given <= options | {"--help"}:
                faults.append(f"{key}: tunesmith {command}")
    assert not faults, "\n".join(faults)
