"""Rewrite the pages that are made, not written: `python -m tools.make_reference [--out FOLDER]`.

Every key with its type, default and meaning, in English and Chinese, from the recipe's own JSON schema; every format of
rows with its columns, and every name by which a column is known, from the tables that `prepare` reads by; every
function of the API, from its docstring; what the benchmarks measured, from their results; the schema of
`scorecard.json`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from tools.api_reference import api_page
from tools.reference_zh import KEYS, SECTIONS
from tools.results_page import results_page
from tunesmith.artifacts.scorecard import ScorecardBody
from tunesmith.prepare.formats import FORMATS, NUM_JUDGED_ROWS, SYNONYMS
from tunesmith.recipe import Recipe

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
Schema = dict[str, Any]
PAGE: Final = {
    "en": (
        "# Recipe reference",
        "Made by `make reference` from the recipe's own types; not edited by hand. A recipe is YAML; every key that is "
        "not listed here is an error. On the command line any key can be replaced by its dotted name: "
        "`tunesmith run recipe.yaml train.epochs=2`. For completion in an editor: "
        "`tunesmith config schema > recipe.schema.json`.",
        "| key | value | default | meaning |",
    ),
    "zh": (
        "# 配方参考",
        "本页由 `make reference` 根据配方的类型定义生成，请勿手工修改。配方是 YAML 文件，这里没有列出的键一律报错。"
        "在命令行中可用带点的名称覆盖任何键：`tunesmith run recipe.yaml train.epochs=2`。"
        "若要在编辑器中自动补全：`tunesmith config schema > recipe.schema.json`。",
        "| 键 | 取值 | 默认值 | 含义 |",
    ),
}
WORDS: Final = {
    "en": {
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "`true`, `false`",
        "object": "mapping",
        "list": "list of {item}",
        "one-or-list": "one or a list of: {item}",
        "to-section": "names, each with the keys of `{path}`",
        "to": "mapping to {item}",
        "required": "required",
        "none": "none",
        "comma": ", ",
        "below": "mapping (see below)",
        "see": "see `{path}` below",
    },
    "zh": {
        "integer": "整数",
        "number": "数字",
        "string": "文字",
        "boolean": "`true`、`false`",
        "object": "键值对",
        "list": "列表，每项为 {item}",
        "one-or-list": "一项或多项：{item}",
        "to-section": "若干名称，每个名称下写 `{path}` 的各键",
        "to": "键值对，值为{item}",
        "required": "必填",
        "none": "无",
        "comma": "、",
        "below": "键值对（见下文）",
        "see": "见下文 `{path}`",
    },
}
FORMATS_PAGE: Final = {
    "en": (
        "# Reference of formats",
        "Made by `make reference` from the tables that `prepare` reads by; not edited by hand. A source takes the "
        "first format whose needed columns are all there; `format` in the recipe names one. `text` is never detected.",
        "## Columns of each format",
        f"| format | needs | may have | told by the first {NUM_JUDGED_ROWS} values of |",
        "## Names of columns",
        "A column is found under any of these names, the first one there is; case and width do not count, "
        "traditional characters are as simplified ones, and a space or hyphen is as an underscore. "
        "`columns` in the recipe goes before all of them.",
        "| column | names |",
    ),
    "zh": (
        "# 格式参考",
        "本页由 `make reference` 根据 `prepare` 所用的表生成，请勿手工修改。数据源采用第一个必需列齐全的格式；"
        "也可在配方中用 `format` 指定。`text` 不会自动识别，须写明。",
        "## 各格式的列",
        f"| 格式 | 必需 | 可选 | 还须看前 {NUM_JUDGED_ROWS} 个值的列 |",
        "## 列的名称",
        "按下列名称依次查找，取最先找到的一列；不区分大小写、全角半角和繁体简体，"
        "空格和连字符等同于下划线。配方中的 `columns` 优先。",
        "| 列 | 名称 |",
    ),
}
BOUNDS: Final = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}"}


def page(language: str) -> str:
    """The whole page in one language."""
    schema = Recipe.model_json_schema()
    title, introduction, head = PAGE[language]
    paths = dict(_sections(schema, schema, "Recipe", ""))
    parts = [title, "", introduction]
    for name, path in paths.items():
        section = schema if name == "Recipe" else schema["$defs"][name]
        meaning = section["description"] if language == "en" else SECTIONS[name]
        rows = [_row(key, value, section, name, paths, language) for key, value in section["properties"].items()]
        parts += ["", f"## `{path or 'recipe'}`", "", _one_line(meaning), "", head, "|---|---|---|---|", *rows]
    return "\n".join(parts) + "\n"


def formats_page(language: str) -> str:
    """The whole page of the formats in one language."""
    title, introduction, columns, head, names, meaning, names_head = FORMATS_PAGE[language]
    comma = WORDS[language]["comma"]

    def listed(words: Iterable[str]) -> str:
        return comma.join(f"`{word}`" for word in words)

    formats = []
    for shape in FORMATS:
        cells = (shape.needed, shape.optional, (shape.telling,) if shape.telling else ())
        formats.append(f"| `{shape.name}` | {' | '.join(map(listed, cells))} |")
    synonyms = [f"| `{column}` | {listed(known)} |" for column, known in SYNONYMS.items()]
    parts = [title, "", introduction, "", columns, "", head, "|---|---|---|---|", *formats]
    parts += ["", names, "", meaning, "", names_head, "|---|---|", *synonyms]
    return "\n".join(parts).replace("|  |", "| |").replace("|  |", "| |") + "\n"


def scorecard_schema() -> str:
    """The schema of `scorecard.json` as it is written."""
    schema = ScorecardBody.model_json_schema(mode="serialization")
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | schema, indent=1, ensure_ascii=False) + "\n"


def _sections(schema: Schema, section: Schema, name: str, path: str) -> Iterator[tuple[str, str]]:
    """Name and dotted path of each section in the order of the file; one used twice counts where it comes first."""
    yield name, path
    found = {name}
    for key, value in section["properties"].items():
        for inner in dict.fromkeys(_references(value)):
            inner_path = f"{path}.{key}".lstrip(".") + ("[]" if _is_list(value) else "")
            if _is_choice(value):
                names = schema["$defs"][inner]["properties"]["name"]
                inner_path += ": " + ", ".join(names.get("enum") or [names["const"]])
            for pair in _sections(schema, schema["$defs"][inner], inner, inner_path):
                if pair[0] not in found:
                    found.add(pair[0])
                    yield pair


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _is_list(value: Schema) -> bool:
    return any(option.get("type") == "array" and any(_references(option)) for option in value.get("anyOf", [value]))


def _is_choice(value: Schema) -> bool:
    return any("discriminator" in option for option in value.get("anyOf", ()))


def _row(key: str, value: Schema, section: Schema, name: str, paths: dict[str, str], language: str) -> str:
    words = WORDS[language]
    references = list(dict.fromkeys(_references(value)))
    if "$ref" in value:
        meaning, kind, default = words["see"].format(path=paths[references[0]]), words["object"], ""
    else:
        meaning = value["description"] if language == "en" else _chinese(name, key)
        kind = _kind(value, paths, language)
        default = words["none"] if value.get("default", 0) is None else _literal(value.get("default"))
    if key in section.get("required", ()):
        default = words["required"]
    return f"| `{key}` | {kind} | {default} | {_one_line(meaning)} |".replace("|  |", "| |")


def _chinese(name: str, key: str) -> str:
    if key not in KEYS[name]:
        raise SystemExit(f"say in tools/reference_zh.py what `{name}.{key}` means")
    return KEYS[name][key]


def _kind(value: Schema, paths: dict[str, str], language: str) -> str:
    words = WORDS[language]
    if "$ref" in value or "oneOf" in value:
        return words["below"]
    if "const" in value or "enum" in value:
        return words["comma"].join(_literal(choice) for choice in value.get("enum", [value.get("const")]))
    if "anyOf" in value:
        return _kind_of_options(value["anyOf"], paths, language)
    if value["type"] == "array":
        return words["list"].format(item=_kind(value["items"], paths, language))
    inner = value.get("additionalProperties")
    if isinstance(inner, dict):
        if "$ref" in inner:
            return words["to-section"].format(path=paths[next(_references(inner))])
        return words["to"].format(item=_kind(inner, paths, language))
    bounds = [pattern.format(f"{value[bound]:.10g}") for bound, pattern in BOUNDS.items() if bound in value]
    return words["comma"].join([words[value["type"]], *bounds])


def _kind_of_options(options: list[Schema], paths: dict[str, str], language: str) -> str:
    """What may stand there, but for `null`, which is the same as leaving the key out."""
    words = WORDS[language]
    items = [option["items"] for option in options if option.get("type") == "array"]
    if items and any(option.get("type") not in ("array", "null") for option in options):
        return words["one-or-list"].format(item=_kind(items[0], paths, language))
    kinds = [_kind(option, paths, language) for option in options if option.get("type") != "null"]
    return words["comma"].join(dict.fromkeys(kinds))


def _literal(value: object) -> str:
    """A value as it may stand in YAML."""
    if isinstance(value, dict) and "name" in value:
        return _literal(value["name"])
    if isinstance(value, list):
        return f"`[{', '.join(str(item) for item in value)}]`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write the pages into `en` and `zh` under the folder given by `--out`, `docs/` by default, and the schema."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DOCS)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    (out / "scorecard.schema.json").write_text(scorecard_schema(), encoding="utf-8")
    for language in PAGE:
        (out / language).mkdir(parents=True, exist_ok=True)
        (out / language / "recipe.md").write_text(page(language), encoding="utf-8")
        (out / language / "formats.md").write_text(formats_page(language), encoding="utf-8")
        (out / language / "measured.md").write_text(results_page(language), encoding="utf-8")
        (out / language / "python-api.md").write_text(api_page(language), encoding="utf-8")


if __name__ == "__main__":
    main()
