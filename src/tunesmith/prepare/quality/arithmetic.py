"""Sums written out in a text, such as `12 * 3 = 36`, and whether they are right."""

from __future__ import annotations

import ast
import operator
import re
import unicodedata
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Final

_NUMBER: Final = r"[$¥€£]?(?:[1-9]\d{0,2}(?:,\d{3})+|0(?!\d)|[1-9]\d*)(?:\.\d+)?%?"
_GAP: Final = r"[^\S\n]{0,8}"
_OPERAND: Final = rf"\(?{_GAP}{_NUMBER}{_GAP}\)?"
# Not the end of a longer sum, of a word or of a number (`1 1/2` is one), and not the begin of one.
_SUM: Final = re.compile(
    rf"(?<![A-Za-z_\d.,%)+*/×÷^$¥€£-])(?<![\d+*/×÷^=-][^\S\n])(?P<left>-?{_OPERAND}(?:{_GAP}[-+*/×÷−]{_GAP}{_OPERAND})+)"
    rf"{_GAP}={_GAP}(?P<right>[-−]?{_NUMBER})(?![A-Za-z_\d%^]|[.,]\d|{_GAP}[-+*/×÷−(\d])"
)
_FOLD: Final = str.maketrans({"×": "*", "÷": "/", "−": "-", ",": None, "$": None, "¥": None, "€": None, "£": None})
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)%")
_LETTER_X: Final = re.compile(rf"(?<=[\d)]){_GAP}x{_GAP}(?=[\d($])")
_MAX_CHARACTERS: Final = 200
_OPERATORS: Final[dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def sums(text: str) -> Iterator[tuple[str, bool]]:
    """Each sum of plain numbers with + - * / and brackets that a text writes out, and whether it is right.

    A result is right when it is the exact one, rounded or cut to the decimals that it is given with. `x` between two
    digits counts as times. Sums with letters in them (`2x + 3 = 9`), and those that stand inside longer ones, are left
    out: nothing is known of them.
    """
    if "=" not in text and "\N{FULLWIDTH EQUALS SIGN}" not in text:
        return
    for match in _SUM.finditer(_folded(text)):
        left, right = match["left"].translate(_FOLD).strip(), match["right"].translate(_FOLD)
        if len(left) + len(right) > _MAX_CHARACTERS or left.count("(") != left.count(")"):
            continue
        as_shares = [_PERCENT.sub(r"(\1/100)", side) for side in (left, right)]
        # "100% - 80% = 20" counts in per cent
        as_points = [side.replace("%", "") for side in (left, right)]
        values = [(_value(one), _value(other)) for one, other in (as_shares, as_points)]
        digits = len(right.rstrip("%").partition(".")[2])
        units = Fraction(1, 10**digits) / (100 if right.endswith("%") else 1), Fraction(1, 10**digits)
        if None not in values[0]:
            are_right = (_is_right(*pair, unit, digits > 0) for pair, unit in zip(values, units, strict=True))
            yield match[0].strip(), any(are_right)


def _folded(text: str) -> str:
    # The Chinese comma separates clauses; NFKC would make it one that groups digits.
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text.replace("\N{FULLWIDTH COMMA}", " "))
    return _LETTER_X.sub("*", plain)


def _is_right(value: Fraction | None, said: Fraction | None, unit: Fraction, may_be_cut: bool) -> bool:
    """`unit` is one in the last place of what is said."""
    if value is None or said is None:
        return False
    difference = abs(value - said)
    is_rounded = 2 * difference < unit or (2 * difference == unit and abs(said) > abs(value))
    return is_rounded or (may_be_cut and difference < unit)


def _value(written: str) -> Fraction | None:
    """None for what is no sum, and where something is divided by zero."""
    try:
        return _exact(ast.parse(written, mode="eval").body, written)
    except (SyntaxError, ZeroDivisionError, KeyError):
        return None


def _exact(node: ast.expr, source: str) -> Fraction:
    """Raises KeyError for what is no arithmetic, ZeroDivisionError."""
    match node:
        case ast.BinOp():
            return _OPERATORS[type(node.op)](_exact(node.left, source), _exact(node.right, source))
        case ast.UnaryOp(op=ast.USub()):
            return -_exact(node.operand, source)
        case ast.Constant():
            # as it is written: a float has lost digits already
            return Fraction(ast.get_source_segment(source, node) or "")
        case _:
            raise KeyError(type(node))
