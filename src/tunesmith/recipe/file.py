"""Recipes as YAML files: strict reading with the place of every error, overrides, and writing back."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from tunesmith.errors import ManyErrors, Phrase, Place, TunesmithError
from tunesmith.recipe.search import Range, Values, apart
from tunesmith.recipe.sections import Recipe
from tunesmith.recipe.tree import KeyPath, Marks, dump_yaml, parse_yaml

COMMAND_LINE: Final = "command line"
DATA: Final = frozenset(
    (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".docx", ".pdf")
)
"""Kinds of files that are handed over as a recipe, and hold what a recipe names."""
_CHECKED_POINTS: Final = 100
SHORT: Final = ("method", "objective", "schedule", "optimizer")
"""Keys whose section can be written as its name alone."""
# pydantic's error types that a recipe can meet, by catalogue key `recipe.problem.*`
CHOICES: Final = {"literal_error": "expected", "union_tag_invalid": "expected_tags"}
"""Where pydantic lists, in quotes, what would have been right."""
PROBLEMS: Final = {
    "balance_column": "balance-column",
    "annotate_layers": "annotate-layers",
    "bool_type": "bool",
    "changes_keep_drop": "changes-keep-drop",
    "changes_prune_layers": "changes-prune-layers",
    "dict_type": "mapping",
    "distill_itself": "distill-itself",
    "finite_number": "finite",
    "float_type": "number",
    "function_path": "function-path",
    "greater_than": "greater",
    "greater_than_equal": "at-least",
    "int_type": "whole",
    "arm_changed": "arm-changed",
    "arm_documents": "arm-documents",
    "arm_folder": "arm-folder",
    "arm_twice": "arm-twice",
    "held_out_shares": "held-out-shares",
    "judge_alone": "judge-alone",
    "judge_arms": "judge-arms",
    "judge_rubric": "judge-rubric",
    "less_than": "less",
    "less_than_equal": "at-most",
    "literal_error": "choice",
    "lora_layers": "lora-layers",
    "content_rule": "content-rule",
    "content_twice": "content-twice",
    "cost_prices": "cost-prices",
    "metric_reserved": "metric-reserved",
    "metric_twice": "metric-twice",
    "method_head": "method-head",
    "method_teacher": "method-teacher",
    "model_attributes_type": "mapping",
    "model_type": "mapping",
    "muon_full": "muon-full",
    "number_pattern": "number-pattern",
    "needs_teacher": "needs-teacher",
    "not_a_regex": "not-a-regex",
    "objective_dropout": "objective-dropout",
    "objective_format": "objective-format",
    "objective_safety": "objective-safety",
    "objective_smoothing": "objective-smoothing",
    "held_out_whole": "held-out-whole",
    "hub_only": "hub-only",
    "one_origin": "one-origin",
    "one_translator": "one-translator",
    "one_shape": "one-shape",
    "prompt_placeholder": "prompt-placeholder",
    "prompt_slots": "prompt-slots",
    "pseudonym_key": "pseudonym-key",
    "samples_answers": "samples-answers",
    "search_grid": "search-grid",
    "search_log_low": "search-log-low",
    "search_low_high": "search-low-high",
    "search_many": "search-many",
    "search_step": "search-step",
    "search_twice": "search-twice",
    "sgd_nesterov": "sgd-nesterov",
    "sgd_rate": "sgd-rate",
    "share_or_steps": "share-or-steps",
    "suite_name": "suite-name",
    "rehearsal_alone": "rehearsal-alone",
    "rule_bound": "rule-bound",
    "source_shares": "source-shares",
    "stop_metric": "stop-metric",
    "style_rules": "style-rules",
    "string_pattern_mismatch": "pattern",
    "string_type": "text",
    "text_pattern": "text-pattern",
    "too_short": "too-short",
    "tuple_type": "list",
    "union_tag_invalid": "tag",
    "time_span": "time-span",
    "time_span_or_number": "time-span-or-number",
    "unit_of_number": "unit-of-number",
    "web_address": "web-address",
    "webhook_https": "webhook-https",
    "webhook_url": "webhook-url",
}


def load_recipe(file: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply dotted overrides (`train.learning_rate=2e-4`), validated exactly as the file is.

    Raises TunesmithError (`recipe-missing`, `recipe-is-data`, `recipe-encoding`, `recipe-yaml`) where the file cannot
    be read at all, else one error, or ManyErrors of them, for all mistakes, each with its place: `recipe-unknown-key`,
    `recipe-foreign-key`, `recipe-missing-key`, `recipe-value`, `recipe-duplicate-key`, `recipe-override`,
    `search-key`, `search-overlap`.
    """
    return read_recipe(_read(file), str(file), overrides)


def read_recipe(text: str, file: str, overrides: Sequence[str] = ()) -> Recipe:
    """The same from YAML text; `file` is what errors name as its place."""
    errors: list[TunesmithError] = []
    tree, marks = parse_yaml(text, file, errors)
    if not isinstance(tree, dict):
        place = marks.get((), Place(file))
        raise TunesmithError("recipe-yaml", place=place, problem=Phrase("recipe.problem.no-mapping"))
    for override in overrides:
        _apply(override, tree, marks, errors)
    try:
        recipe = Recipe.model_validate(tree)
    except ValidationError as failure:
        errors += [_explain(detail, tree, marks, file) for detail in failure.errors()]
    else:
        errors += _mistaken_search(recipe, marks, file)
    if errors:
        raise ManyErrors(errors) if len(errors) > 1 else errors[0]
    return recipe


def dump_recipe(recipe: Recipe) -> str:
    """The resolved recipe as YAML, itself a runnable recipe."""
    return dump_yaml(recipe.model_dump(mode="json"))


def _read(file: Path) -> str:
    if not file.is_file():
        raise TunesmithError("recipe-missing", place=Place(str(file)))
    if file.suffix.lower() in DATA:
        raise TunesmithError("recipe-is-data", place=Place(str(file)), file=file.name)
    content = file.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as failure:
        line = content.count(b"\n", 0, failure.start) + 1
        raise TunesmithError("recipe-encoding", place=Place(str(file), line)) from failure


def _apply(override: str, tree: dict[str, object], marks: Marks, errors: list[TunesmithError]) -> None:
    """Put one `a.b.c=value` into the tree. The value is YAML: `[a, b]` and `{name: lora}` work."""
    dotted, equals, text = override.partition("=")
    keys = tuple(dotted.split("."))
    place = Place(COMMAND_LINE, field=dotted)
    unreadable = TunesmithError("recipe-override", place=place, override=override)
    if not equals or not all(keys):
        errors.append(unreadable)
        return
    try:
        value, _ = parse_yaml(text, COMMAND_LINE, errors)
    except TunesmithError:
        errors.append(unreadable)
        marks[keys] = place  # what the file has there was not to stand
        return
    if not _put(keys, value, tree, marks, place):
        errors.append(unreadable)


def _put(keys: tuple[str, ...], value: object, tree: dict[str, object], marks: Marks, place: Place) -> bool:
    """Put a value into the tree; False where something else than a mapping stands in its way."""
    branch = tree
    for depth, key in enumerate(keys[:-1], start=1):
        child = branch.get(key)
        # `method: lora`, written short, grows into a mapping when `train.method.rank=8` follows
        if isinstance(child, str) and key in SHORT:
            child = {"name": child}
        child = {} if child is None else child
        if not isinstance(child, dict):
            return False
        marks.setdefault(keys[:depth], place)
        branch[key] = child
        branch = child
    branch[keys[-1]] = value
    for path in [path for path in marks if path[: len(keys)] == keys]:
        del marks[path]
    marks[keys] = place
    return True


def _mistaken_search(recipe: Recipe, marks: Marks, file: str) -> Iterator[TunesmithError]:
    """What of `search.space` no trial could take: each value is put into the resolved recipe as a trial does.

    A value that does not go with another setting is no mistake here: a trial may change that one too.
    """
    space = recipe.search.space
    tree = recipe.model_dump(mode="json", exclude={"search"}) if space else {}
    for key, tried in space.items():
        place = _nearest(("search", "space", key), marks, file)
        wider = next((other for other in space if key.startswith(f"{other}.")), None)
        if wider is not None:
            yield TunesmithError("search-overlap", place=place, key=key, wider=wider)
            continue
        values = _tried_values(tried)
        problem = next((found for value in values for found in _mistakes_of(key, value, tree, place)), None)
        why = apart(key)
        if problem is not None:
            yield problem
        elif why is not None:
            yield TunesmithError("search-key", place=place, key=key, reason=Phrase(f"search.apart.{why}"))


def _tried_values(tried: Range | Values) -> Sequence[object]:
    """All of a few values; of a long range some beside both ends, for each is a whole recipe to be checked."""
    if isinstance(tried, Values):
        return tried.values
    every = 1 + tried.num_points // _CHECKED_POINTS
    return [*(tried.point(number) for number in range(0, tried.num_points, every)), tried.last]


def _mistakes_of(key: str, value: object, tree: dict[str, object], place: Place) -> Iterator[TunesmithError]:
    """What is wrong with the recipe at or below the key when it has this value."""
    keys, trial, marks = tuple(key.split(".")), deepcopy(tree), Marks()
    if not all(keys) or not _put(keys, value, trial, marks, place):
        yield TunesmithError("recipe-override", place=place, override=key)
        return
    try:
        Recipe.model_validate(trial)
    except ValidationError as failure:
        for detail in failure.errors():
            path = _path_in_tree(detail, trial)
            # a key that is unknown stands somewhere on the way to the value
            if path[: len(keys)] == keys or (path == keys[: len(path)] and detail["type"] == "extra_forbidden"):
                yield _explain(detail, trial, dict.fromkeys([path], replace(place, field=key)), place.file)


def _explain(detail: ErrorDetails, tree: dict[str, object], marks: Marks, file: str) -> TunesmithError:
    path = _path_in_tree(detail, tree)
    place = _nearest(path, marks, file)
    if detail["type"] == "extra_forbidden":
        return _unknown_key(detail["loc"], path, place)
    if detail["type"] == "missing":
        return TunesmithError("recipe-missing-key", place=place, key=_dotted(path))
    if detail["type"] == "union_tag_not_found":
        return TunesmithError("recipe-missing-key", place=place, key=_dotted((*path, "name")))
    # of a mapping whose name is no choice, the name: `method: lora` may have been written without a mapping
    value = detail["ctx"]["tag"] if detail["type"] == "union_tag_invalid" else detail["input"]
    got = json.dumps(value, ensure_ascii=False)
    said = {"key": _dotted(path), "problem": _problem(detail), "got": got if len(got) <= 80 else got[:79] + "…"}
    choices = detail.get("ctx", {}).get(CHOICES.get(detail["type"], ""), "")
    close = difflib.get_close_matches(str(value), re.findall("'([^']*)'", choices), n=1)
    if close:
        return TunesmithError("recipe-choice", place=place, suggestion=close[0], **said)
    return TunesmithError("recipe-value", place=place, **said)


def _unknown_key(loc: KeyPath, path: KeyPath, place: Place) -> TunesmithError:
    key, section = str(path[-1]), _dotted(path[:-1])
    known = sorted(_known_keys(loc[:-1]))
    elsewhere = [other for other in keys_named(key) if other != _dotted(path)]
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
    close = nearest or elsewhere or difflib.get_close_matches(key, known, n=1)
    if close:
        return TunesmithError("recipe-unknown-key", place=place, key=key, section=section, suggestion=close[0])
    return TunesmithError("recipe-foreign-key", place=place, key=key, section=section, known=", ".join(known))


def _problem(detail: ErrorDetails) -> Phrase:
    """What pydantic found wrong, in the catalogue's words; in pydantic's own for a type not foreseen."""
    name = PROBLEMS.get(detail["type"])
    if name is None:
        return Phrase("recipe.problem.other", {"message": detail["msg"]})
    return Phrase(f"recipe.problem.{name}", {key: _plain(value) for key, value in detail.get("ctx", {}).items()})


def _plain(value: object) -> object:
    """A parameter of pydantic's in no language: 1.0 as `1`, and choices, joined as `'a', 'b' or 'c'`, by commas."""
    return f"{value:g}" if isinstance(value, float) else str(value).replace(" or ", ", ")


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path) or "recipe"


def _path_in_tree(detail: ErrorDetails, tree: object) -> KeyPath:
    """Drop from pydantic's location the names of union members, which the file does not contain."""
    path: list[str | int] = []
    node: object = tree
    for place, part in enumerate(detail["loc"], start=1):
        entries = _entries(node)
        is_named_key = place == len(detail["loc"]) and detail["type"] in ("missing", "extra_forbidden")
        if part in entries or is_named_key:
            node = entries.get(part)
            path.append(part)
    return tuple(path)


def _entries(node: object) -> dict[str | int, object]:
    if isinstance(node, list):
        return dict(enumerate(node))
    return node if isinstance(node, dict) else {}


def _nearest(path: KeyPath, marks: Marks, file: str) -> Place:
    for length in range(len(path), 0, -1):
        if path[:length] in marks:
            return marks[path[:length]]
    return Place(file)


def _known_keys(loc: KeyPath) -> set[str]:
    """The keys that the section at `loc` knows."""
    found: list[object] = [Recipe]
    for part in loc:
        found = [inner for outer in found for inner in _inside(outer, part)]
    return {key for section in _sections_in(found) for key in section.model_fields}


def keys_named(name: str) -> list[str]:
    """Where a recipe has keys of this name, or of the one that is spelt most like it, as overrides write them.

    The outermost come first; what stands inside lists cannot be overridden, and is left out.
    """
    paths = list(_paths(Recipe, ()))
    near = difflib.get_close_matches(name, {path[-1] for path in paths}, n=1, cutoff=0.85)
    found = {".".join(path): len(path) for path in paths if path[-1] in near}
    return sorted(found, key=lambda path: found[path])


def _paths(section: type[BaseModel], outer: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, field in section.model_fields.items():
        yield (*outer, key)
        for inner in _sections_in([field.annotation], lists=False):
            yield from _paths(inner, (*outer, key))


def _inside(annotation: object, part: str | int) -> list[object]:
    """The types of what stands at `part` of a value of the annotated type; `part` may also name a union's member."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        if field is not None:
            return [field.annotation]
        name = annotation.model_fields.get("name")
        return [annotation] if name is not None and name.default == part else []
    if get_origin(annotation) is dict:
        return [get_args(annotation)[1]]
    if get_origin(annotation) is tuple:
        return [get_args(annotation)[0]]
    if get_origin(annotation) is Annotated and any(
        isinstance(one, Tag) and one.tag == part for one in get_args(annotation)
    ):
        return [get_args(annotation)[0]]
    return [inner for argument in get_args(annotation) for inner in _inside(argument, part)]


def _sections_in(annotations: Sequence[object], lists: bool = True) -> list[type[BaseModel]]:
    sections: list[type[BaseModel]] = []
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            sections.append(annotation)
        elif lists or get_origin(annotation) not in (dict, list, tuple):
            sections += _sections_in(get_args(annotation), lists)
    return sections
