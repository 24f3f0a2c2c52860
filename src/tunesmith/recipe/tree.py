"""YAML text to plain values with the place of each, and back.

The core rules of YAML 1.2 decide what a plain word means: `2e-4` is a number, `no` is text. Tags and aliases are
refused, and nesting is bounded, so that a value can neither run code nor grow.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from tunesmith.errors import Phrase, Place, TunesmithError

KeyPath = tuple[str | int, ...]
Marks = dict[KeyPath, Place]
MAX_DEPTH: Final = 20
_TAG: Final = "tag:yaml.org,2002:"
_RULES: Final = (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    # more digits than any setting has are a float: `int` refuses thousands of them
    ("int", r"^[-+]?[0-9]{1,300}$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
)
_RARE_LINE_END: Final = re.compile("[\x85\u2028\u2029]")
_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")
# what PyYAML and the loader below say, by catalogue key; anything else is passed on in PyYAML's words
_NO_COLON: Final = "could not find expected ':'"
_SECOND_COLON: Final = "mapping values are not allowed here"
_PROBLEMS: Final = {
    "found character '\\t' that cannot start any token": "recipe.problem.tab",
    _SECOND_COLON: "recipe.problem.colon",
    _NO_COLON: "recipe.problem.no-colon",
    "but found another document": "recipe.problem.documents",
    "tag": "recipe.problem.yaml-tag",
    "alias": "recipe.problem.yaml-alias",
    "depth": "recipe.problem.yaml-depth",
}


class _CoreLoader(yaml.SafeLoader):
    """SafeLoader with the scalar rules of YAML 1.2, without tags and aliases, at most MAX_DEPTH levels deep."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="alias", problem_mark=event.start_mark)  # type: ignore[arg-type]
        if event.tag is not None:
            raise yaml.MarkedYAMLError(problem="tag", problem_mark=event.start_mark)
        if self._depth == MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="depth", problem_mark=event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _CoreDumper(yaml.SafeDumper):
    """SafeDumper that quotes every text which YAML 1.1 or 1.2 would take for something else."""


_CoreLoader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in _RULES:
    _CoreLoader.add_implicit_resolver(_TAG + _name, re.compile(_pattern), _first)
_CoreDumper.yaml_implicit_resolvers = {
    first: _CoreLoader.yaml_implicit_resolvers.get(first, []) + yaml.SafeDumper.yaml_implicit_resolvers.get(first, [])
    for first in {*_CoreLoader.yaml_implicit_resolvers, *yaml.SafeDumper.yaml_implicit_resolvers}
}


def _represent_text(dumper: _CoreDumper, text: str) -> yaml.ScalarNode:
    # outside double quotes these line ends would be read back as "\n"
    style = '"' if _RARE_LINE_END.search(text) else None
    return dumper.represent_scalar(_TAG + "str", text, style)


_CoreDumper.add_representer(str, _represent_text)


def dump_yaml(values: object) -> str:
    """Plain values as YAML text, in their own order."""
    return yaml.dump(values, Dumper=_CoreDumper, sort_keys=False, allow_unicode=True, width=110)


def parse_yaml(text: str, file: str, errors: list[TunesmithError]) -> tuple[object, Marks]:
    """Plain values (null, bool, int, float, text, list, dict with text keys) and where each key or item stands.

    Keys given twice are added to `errors` as `recipe-duplicate-key`, the later one counts.
    Raises TunesmithError (`recipe-yaml`) with the place where reading stopped.
    """
    marks: Marks = {}
    return _construct(_compose(text, file), (), marks, errors, file), marks


def _compose(text: str, file: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_CoreLoader)
    except yaml.reader.ReaderError as failure:
        before = text[: failure.position]
        place = Place(file, before.count("\n") + 1, failure.position - before.rfind("\n"))
        code = f"U+{ord(text[failure.position]):04X}"
        raise _malformed("recipe.problem.character", place, code=code) from failure
    except yaml.MarkedYAMLError as failure:
        problem = failure.problem or ""
        # the colon lacks where the key stands, not where reading stopped
        mark = failure.context_mark if problem == _NO_COLON else failure.problem_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        if mark and problem == _SECOND_COLON and (lacking := _without_colon(text, mark)):
            raise _malformed("recipe.problem.no-colon", Place(file, lacking)) from failure
        raise _malformed(_PROBLEMS.get(problem, "recipe.problem.yaml"), place, problem=problem) from failure
    return node


def _without_colon(text: str, mark: yaml.Mark) -> int | None:
    """The line before one whose only colon is refused: without a colon of its own, it goes on there. None for two."""
    lines = text[: mark.index].splitlines()
    if ": " in lines[-1]:
        return None
    return next((number for number in range(len(lines) - 1, 0, -1) if lines[number - 1].strip()), None)


def _malformed(key: str, place: Place, **parameters: object) -> TunesmithError:
    return TunesmithError("recipe-yaml", place=place, problem=Phrase(key, parameters))


def _construct(node: yaml.Node | None, path: KeyPath, marks: Marks, errors: list[TunesmithError], file: str) -> object:
    if node is None:
        return None
    marks.setdefault(path, _place_of(node, file))
    if isinstance(node, yaml.SequenceNode):
        return [_construct(child, (*path, i), marks, errors, file) for i, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            place = _place_of(key_node, file)
            if not isinstance(key_node, yaml.ScalarNode):
                raise _malformed("recipe.problem.yaml-key", place)
            key = str(key_node.value)
            if key in values:
                errors.append(TunesmithError("recipe-duplicate-key", place=place, key=key))
            marks[*path, key] = place
            values[key] = _construct(value_node, (*path, key), marks, errors, file)
        return values
    if _HALF_CHARACTER.search(node.value):  # an escape such as "\ud83d"; no file could hold it
        raise _malformed("recipe.problem.unicode", _place_of(node, file))
    return _scalar(node.tag.removeprefix(_TAG), node.value)


def _place_of(node: yaml.Node, file: str) -> Place:
    return Place(file, node.start_mark.line + 1, node.start_mark.column + 1)


def _scalar(kind: str, text: str) -> object:
    match kind:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text)
        case "float":
            return float(text)
        case _:
            return text
