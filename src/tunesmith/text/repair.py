"""Repairs of text: what is plainly broken, and, when asked, what was left over from pages and keyboards.

Each repair is `str -> str` and returns its argument where there is nothing to do. `REPAIRS` names those that are
always right, in the order in which they work; `looks_broken` tells at one cheap look whether they are needed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.entities import html5
from typing import Final

# --- what is plainly broken -------------------------------------------------------------------------------------

_CONTROL: Final = "\x00-\x08\x0e-\x1f\x7f-\x9f\u206a-\u206f\ufff9-\ufffc"
_LINE_END: Final = "\r\x0b\x0c\u2028\u2029"
_ZERO_WIDTH: Final = "\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f"

# Characters of which mojibake consists (a superset of those that ftfy knows), and those among them that stand in sound
# text beside one another, such as the double dash and the double ellipsis of Chinese.
_SYMBOLS: Final = "\u20a7\u20ac\u2116\u2122\u2202-\u2265\u2310\u2500-\u25ca\uf8ff\ufb01\ufb02\ufffd"
_GARBLED: Final = f"\x80-\u045f\u0490\u0491\u2010-\u2044{_SYMBOLS}"
_TYPOGRAPHIC: Final = "\xa0\xb7\u2013-\u2015\u2018\u2019\u201c\u201d\u2022\u2026"
_TELLING: Final = (
    "\x80-\x9f\xa1-\xb6\xb8-\u045f\u0490\u0491"
    f"\u2010-\u2012\u2016\u2017\u201a\u201b\u201e-\u2021\u2023-\u2025\u2027-\u2044{_SYMBOLS}"
)
# What the first two bytes of a Chinese character or mark in UTF-8 look like when they are read as GBK.
_READ_AS_GBK: Final = "".join(
    bytes((first, second)).decode("gb18030")
    for first in (0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEF)
    for second in range(0x80, 0xC0)
)

_MAYBE_MOJIBAKE = re.compile(rf"[\x80-\x9fÃÂŒœ]|[{_TELLING}][{_GARBLED}]|[{_TYPOGRAPHIC}][{_TELLING}]")
_MAYBE_GBK = re.compile(f"[{_READ_AS_GBK}]")
_MAYBE_BROKEN_ASCII = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_MAYBE_BROKEN = re.compile(f"[{_CONTROL}{_LINE_END}{_ZERO_WIDTH}{_TELLING}{_READ_AS_GBK}]")

_PLAIN: Final = "".join(map(chr, range(128))).replace("\x1a", "")
_SEEN_BY_FTFY: Final = 16
"""Characters; its rules look at six beside one that is not ASCII."""

_CONTROLS = re.compile(rf"\x1b\[[0-9;]*[A-Za-z]|[{_CONTROL}]")
_LINE_ENDS = re.compile(rf"\r\n|[{_LINE_END}]")

# Scripts that need zero-width characters: Hebrew to Thaana read from right to left; Arabic and the Indic scripts join
# and part letters by them; Thai, Lao, Burmese and Khmer mark the ends of words.
_RIGHT_TO_LEFT: Final = "\u0590-\u08ff"
_JOINING: Final = "\u0600-\u08ff\u0900-\u0dff"
_WITHOUT_SPACES: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_EMOJI: Final = "\u2190-\u2bff\ufe0f\U0001f000-\U0001faff"
_HIDDEN = re.compile(
    # each branch begins with its character: what stands before is looked at only where there is one
    rf"[\xad\u180e\u2060-\u2064\ufeff]|\u200b(?<![{_WITHOUT_SPACES}]\u200b)|\u200c(?<![{_JOINING}]\u200c)"
    rf"|\u200d(?<![{_JOINING}{_EMOJI}]\u200d)|\u200d(?<![{_JOINING}]\u200d)(?![{_EMOJI}])"
    "|[\U000e0000-\U000e007f](?<![\U0001f3f4\U000e0020-\U000e007f][\U000e0000-\U000e007f])[\U000e0000-\U000e007f]*"
)
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_READS_RIGHT_TO_LEFT = re.compile(f"[{_RIGHT_TO_LEFT}]")


def fix_mojibake(text: str) -> str:
    """Undo decoding by the wrong table: UTF-8 read as a single-byte encoding (ftfy), or as GBK.

    UTF-8 read as GBK is undone only when the whole text, encoded as GB18030, is valid UTF-8; sound Chinese never is.
    """
    if text.isascii():
        return text
    if _MAYBE_MOJIBAKE.search(text):
        text = _fix_encoding(text)
    return _undo_gbk(text) if _MAYBE_GBK.search(text) else text


def _fix_encoding(text: str) -> str:
    """`ftfy.fix_encoding`, shown no more of the ASCII text at both ends than its rules look at (all but U+001A)."""
    import ftfy

    begin = max(0, len(text) - len(text.lstrip(_PLAIN)) - _SEEN_BY_FTFY)
    end = len(text.rstrip(_PLAIN)) + _SEEN_BY_FTFY
    return text[:begin] + ftfy.fix_encoding(text[begin:end]) + text[end:]


def _undo_gbk(text: str) -> str:
    try:
        return text.encode("gb18030").decode("utf-8")
    except UnicodeError:
        return text


def fix_line_ends(text: str) -> str:
    """Every line ends with one line feed; form feeds and the line separators of Unicode end lines too."""
    return _LINE_ENDS.sub("\n", text)


def drop_control_characters(text: str) -> str:
    """Remove control characters (all but tab and line ends), terminal colours and annotation marks."""
    return _CONTROLS.sub("", text)


def drop_zero_width(text: str) -> str:
    """Remove characters that cannot be seen: zero-width spaces, byte order marks, soft hyphens, tags, directions.

    Joiners stay between emoji and in scripts that are written with them, tags behind the black flag (flags of regions),
    zero-width spaces in scripts without spaces, directions in text that holds letters read from right to left.
    """
    text = _HIDDEN.sub("", text)
    return text if _READS_RIGHT_TO_LEFT.search(text) else _DIRECTION.sub("", text)


REPAIRS: Final[dict[str, Callable[[str], str]]] = {
    "mojibake": fix_mojibake,
    "line-ends": fix_line_ends,
    "control": drop_control_characters,
    "zero-width": drop_zero_width,
}


def looks_broken(text: str) -> bool:
    """Whether any of `REPAIRS` may have something to do; False is certain."""
    return (_MAYBE_BROKEN_ASCII if text.isascii() else _MAYBE_BROKEN).search(text) is not None


# --- what the user may ask for ----------------------------------------------------------------------------------

_FULL_WIDTH = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]|(?<=[\uff10-\uff19])\uff0e(?=[\uff10-\uff19])")
_WIDTH_OFFSET: Final = 0xFEE0
# No element reaches over the next one of its name, so that text made to be slow is not.
_CODE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,}).*?(?:^[ \t]*(?P=fence)[^\n]*$|\Z)"
    r"|(?<!`)(?P<tick>`{1,2})(?!`)[^`\n]++(?P=tick)(?!`)|<(?P<tag>pre|code)\b[^<>]*>(?:(?!<(?P=tag)\b).)*?</(?P=tag)>",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_ODD_SPACE = re.compile("[\xa0\u2000-\u200a\u202f\u205f]")
_LINE_PADDING: Final = " \t\u3000"
_BLANK_LINES = re.compile(r"\n{3,}")


def narrow_full_width(text: str) -> str:
    """Full-width letters, digits and the point between digits in half width; Chinese punctuation stays."""
    if text.isascii():
        return text
    return _FULL_WIDTH.sub(lambda found: chr(ord(found[0]) - _WIDTH_OFFSET), text)


def tidy_white_space(text: str) -> str:
    """No space at the ends of lines, one blank line at most in a row, none around the text; odd spaces made plain.

    Indentation stays, and so do the blank lines of fenced code.
    """
    if not text.isascii():
        text = _ODD_SPACE.sub(" ", text)
    if "\n" not in text:
        return text.rstrip(_LINE_PADDING)
    text = "\n".join(line.rstrip(_LINE_PADDING) for line in text.split("\n"))
    if "\n\n\n" in text:
        text = outside_code(text, lambda part: _BLANK_LINES.sub("\n\n", part))
    return text.strip("\n")


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Change what is not code: fenced blocks, code in backticks, `<pre>` and `<code>` stay as they are."""
    if not _may_hold_code(text):
        return change(text)
    parts: list[str] = []
    end = 0
    for code in _CODE.finditer(text):
        parts += [change(text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, change(text[end:])])


def _may_hold_code(text: str) -> bool:
    return "`" in text or "<" in text or "~~~" in text


def without_code(text: str) -> str:
    """The text with a space in the place of each piece of code, as `outside_code` knows it."""
    return _CODE.sub(" ", text) if _may_hold_code(text) else text


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Elements that end a line, that stand in a line, and whose content nobody reads. `sub` and `sup` carry meaning (H₂O,
# x²) and stay, as does every name that is not one of HTML's: `<think>`, `List<int>`, `<topic>`.
_BLOCK: Final = _names(
    "address article aside blockquote body br caption center dd div dl dt fieldset figcaption figure footer form h1 h2 "
    "h3 h4 h5 h6 head header hr html li main nav noscript ol option p section select table tbody tfoot thead title tr "
    "ul"
)
_INLINE: Final = _names(
    "a abbr b big button cite col colgroup del dfn em font i iframe img input ins label link mark meta picture q s "
    "samp small source span strike strong td th tt u video wbr"
)
_EMPTY: Final = _names("br hr img input link meta source wbr")
_UNCLOSED: Final = _names("p li tr td th dd dt option")
_MARKUP = re.compile(
    r"<!--(?:(?!<!--).)*?-->|<!doctype\b[^<>]*>|"
    r"<(?P<unread>script|style)\b[^<>]*>(?:(?!<(?P=unread)\b).)*?</(?P=unread)\s*>"
    r"|<(?P<slash>/?)(?P<name>[a-z][a-z0-9]*)"
    r"""(?P<rest>(?:\s+[a-z_:@][\w:.-]*(?:\s*=\s*(?:"[^"<]*"|'[^'<]*'|[^\s"'=<>`]+))?)*+\s*/?)>""",
    re.DOTALL | re.IGNORECASE,
)
# A line end that a tag asks for, with the white space around it; no more than one line results.
_BREAK: Final = "\x0b"
_BREAKS = re.compile("[ \t]*(?:\n?[ \t]*\x0b[ \t]*)+\n?")
_CLOSING = re.compile(r"</([a-z][a-z0-9]*)\s*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
# Names of letters with a mark: `&eacute;`. Other names of HTML's 2,000 are also names of variables (`&sum;`).
_LETTER_ENTITY = re.compile(r"[A-Za-z](?:acute|grave|circ|uml|tilde|cedil|ring|slash|caron)|szlig|(?:AE|ae|OE|oe)lig")
_ENTITIES: Final = _names(
    "amp lt gt quot apos nbsp copy reg trade hellip mdash ndash lsquo rsquo ldquo rdquo laquo raquo bull middot times "
    "divide deg plusmn euro pound yen cent sect para ensp emsp thinsp shy"
)


def strip_markup(text: str) -> str:
    """Remove what scraping leaves of HTML: tags, comments, scripts, styles and entities.

    Only names of HTML's own count. An opening tag must have attributes, be one without content (`<br>`), be closed
    further on, or begin a line where HTML does not ask for the end (`<p>`, `<li>`). So `a < b`, `<think>`, `List<int>`
    and a sentence about the `<div>` tag stay, and code is not looked into.
    """
    if "<" not in text and "&" not in text:
        return text
    stripped = outside_code(text, _strip_part)
    if _BREAK not in stripped:
        return stripped
    broken = _BREAKS.sub("\n", stripped)
    return broken.removeprefix("\n").removesuffix("\n")


def _strip_part(part: str) -> str:
    if "<" in part:
        last_closing = {found[1].lower(): found.start() for found in _CLOSING.finditer(part)}
        part = _MARKUP.sub(lambda found: _without(found, last_closing), part)
    return _ENTITY.sub(_entity, part) if "&" in part else part


def _without(found: re.Match[str], last_closing: dict[str, int]) -> str:
    """What stands for one piece of markup: itself when it is none, a break at the edge of a block."""
    if found["name"] is None:
        return ""
    name = found["name"].lower()
    if name not in _BLOCK and name not in _INLINE:
        return found[0]
    if not found["slash"] and not _opens(found, name, last_closing):
        return found[0]
    if name in ("td", "th"):
        return "\t" if found["slash"] else ""
    return _BREAK if name in _BLOCK else ""


def _opens(found: re.Match[str], name: str, last_closing: dict[str, int]) -> bool:
    if name in _EMPTY or "=" in found["rest"] or last_closing.get(name, -1) > found.start():
        return True
    line_start = found.string.rfind("\n", 0, found.start()) + 1
    return name in _UNCLOSED and not found.string[line_start : found.start()].strip()


def _entity(found: re.Match[str]) -> str:
    name = found[1]
    if name[0] != "#" and name not in _ENTITIES and not (_LETTER_ENTITY.fullmatch(name) and f"{name};" in html5):
        return found[0]
    return drop_zero_width(html.unescape(found[0])).replace("\xa0", " ")
