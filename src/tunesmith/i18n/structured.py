"""Texts on tables, key figures and conversations that teach nothing."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "recipe.problem.text-pattern": (
        "must be text with names of columns in braces, such as `{{company}}`",
        "应为文字，列名写在花括号中，例如 `{{company}}`",
    ),
    "recipe.problem.number-pattern": (
        "must be text that holds `{{number}}` once",
        "应为文字，且恰好含有一处 `{{number}}`",
    ),
    "recipe.problem.one-shape": (
        "`structure` goes without `format` and `columns`",
        "写了 `structure` 就不要再写 `format` 和 `columns`",
    ),
    "recipe.problem.unit-of-number": (
        "`unit` is for numbers only, and `to_unit` needs `unit`",
        "只有数字才有 `unit`，而写 `to_unit` 须同时写 `unit`",
    ),
    "reject.bad-unit": ("a number in another unit", "数字的单位不符"),
    "reject.wordless-turn": ("a turn without a word", "某一轮没有任何文字"),
    "reject.only-greetings": ("nothing but greetings on one side", "其中一方只有寒暄"),
    "reject.repeated-turns": ("one side says the same again and again", "其中一方反复说同样的话"),
    "reject.one-sided": ("one side says next to nothing", "几乎只有一方在说话"),
}
