"""Whether an answer is right: its final answer held against the one that is known to be."""

from __future__ import annotations

import re
from typing import Final, Literal

from tunesmith.metrics.answers import exact_match, numeric_match
from tunesmith.text.traditional import simplified

Checker = Literal["exact", "number"]
_BOX: Final = r"\boxed{"
_MARK: Final = re.compile(r"####[ \t]*([^\n]+)")
_LABEL: Final = re.compile(
    r"^[\s*_#>]*(?:the\s+)?(?:(?:final|correct)\s+)?answer(?:\s+is)?\s*[:：]|^[\s*_#>]*(?:最终|正确)?答案(?:[:：]|[是为][:：]?)",
    re.IGNORECASE | re.MULTILINE,
)


def passes(prediction: str, reference: str, checker: Checker) -> bool:
    """Whether the final answers of both are the same text (`exact_match`), or end with the same number."""
    found, wanted = final_answer(prediction), final_answer(reference)
    score = numeric_match(found, wanted) if checker == "number" else exact_match(found, wanted)
    return score == 1.0


def final_answer(text: str) -> str:
    r"""What an answer comes to: the last `\boxed{...}`, else what stands behind the last `####`, else behind the last
    line's `Answer:` or `答案：`, else all of it; without the stars of Markdown around it.
    """
    found = _boxed(text)
    if found is None and (marks := _MARK.findall(text)):
        found = marks[-1]
    if found is None and (labels := list(_LABEL.finditer(simplified(text)))):
        found = text[labels[-1].end() :]
    return (text if found is None else found).strip().strip("*_").strip()


def _boxed(text: str) -> str | None:
    r"""Inside the braces of the last `\boxed{...}`; None where there is none, or it never closes."""
    begin = text.rfind(_BOX)
    if begin < 0:
        return None
    depth = 1
    for place in range(begin + len(_BOX), len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[begin + len(_BOX) : place]
    return None
