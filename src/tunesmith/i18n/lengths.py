"""Texts on long rows: the error of `prepare`, and the changes that they were given."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.tokens-unknown": (
        "`prepare.too_long` and `prepare.long_text` count in tokens, and no model was given to count with",
        "`prepare.too_long` 与 `prepare.long_text` 以词元计数，但没有提供用于计数的模型",
    ),
    "hint.tokens-unknown": (
        "run `tunesmith prepare RECIPE`, which knows the recipe's model, or pass `fits=lifecycle.row_fits(chat, base)`",
        "请运行 `tunesmith prepare RECIPE`（它知道配方中的模型），或传入 `fits=lifecycle.row_fits(chat, base)`",
    ),
    "change.long.cut-prompt": ("prompt of a long row cut", "截短过长的提示"),
    "change.long.window": ("long row taken apart into windows", "将过长的行切分为窗口"),
}
