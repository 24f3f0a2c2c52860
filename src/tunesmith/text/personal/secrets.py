"""Keys, tokens and passwords, by the prefixes that services give them and by the words before them; e-mails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tunesmith.text.personal.span import Span

_PREFIXES: Final = ("AKIA", "ASIA", "AIza", "ya29.", "eyJ", "SG.")
_PREFIXES_WITH_HYPHEN: Final = ("sk-", "glpat-", "xox", "pypi-", "sq0", "-----BEGIN")
_PREFIXES_WITH_LINE: Final = (
    "sk_",
    "k_live_",
    "k_test_",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "ghr_",
    "_pat_",
    "hf_",
    "npm_",
    "_v1_",
    "shpat_",
)
_TOKEN: Final = re.compile(
    r"(?<![0-9A-Za-z_])(?:"
    r"[srp]k[-_](?:live_|test_|proj-|ant-|or-)?[0-9A-Za-z_-]{16,}|gh[pousr]_[0-9A-Za-z]{30,}|github_pat_[0-9A-Za-z_]{40,}"
    r"|glpat-[0-9A-Za-z_-]{18,}|hf_[0-9A-Za-z]{28,}|xox[abeoprs]-[0-9A-Za-z-]{16,}|(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|AIza[0-9A-Za-z_-]{33,}|ya29\.[0-9A-Za-z_-]{20,}|npm_[0-9A-Za-z]{30,}|pypi-[0-9A-Za-z_-]{30,}"
    r"|SG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}|dop_v1_[0-9a-f]{40,}|shpat_[0-9a-f]{30,}|sq0[a-z]{3}-[0-9A-Za-z_-]{20,}"
    r"|eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]*)"
)
_PEM: Final = re.compile(
    # lines such as `Proc-Type: 4,ENCRYPTED` stand before the key; dots in its place are none
    r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----[^0-9A-Za-z-]*+(?=[0-9A-Za-z])"
    r"(?:[^-]|-(?!----)){16,20000}-----END \1-----"
)
_WORDS: Final = ("passw", "passp", "pwd", "secret", "token", "key", "密码", "口令", "密钥", "令牌")
_ASSIGNED: Final = re.compile(
    r"(?:password|passwd|passphrase|pwd|secret(?:[ _-]?key)?|token|key(?:[ _-]id)?|密码|口令|密钥|令牌)"
    r"[\"']?\s{0,2}(?P<sign>[=:：]|是|为| is(?: now)?(?= ))\s{0,2}[\"'`“]?"
    r"(?P<value>[^\s\"'`“”,;，。；、（）()<>{}\[\]]{4,200})",
    re.IGNORECASE,
)
_KIND_OF_KEY: Final = re.compile(r"(?:api|access|private|secret|app|account|encryption|signing)[ _-]?$")
_BEARER: Final = re.compile(r"(?<![A-Za-z])bearer (?P<value>[0-9A-Za-z._~+/=-]{16,})", re.IGNORECASE)
_IN_URL: Final = re.compile(r"://[^\s/:@]{1,64}:(?P<value>[^\s/@]{3,128})@")
_LOCAL: Final = re.compile(r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~.-]+$")
_DOMAIN: Final = re.compile(r"(?:[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?\.){1,6}[A-Za-z]{2,24}(?![0-9A-Za-z])")
_MAX_LOCAL: Final = 64


def find_secrets(text: str) -> list[Span]:
    """Find keys, tokens, private key blocks, and the values of passwords; only the value, not the word before it."""
    spans: list[Span] = []
    if _may_hold_token(text):
        for pattern in (_TOKEN, _PEM):
            spans += [Span(*match.span(), "secret") for match in pattern.finditer(text)]
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters of other scripts change their length
        lowered = text
    for word in filter(lowered.__contains__, _WORDS):
        place = lowered.find(word)
        while place != -1:
            spans += _assigned(text, lowered, place)
            place = lowered.find(word, place + 1)
    if "bearer " in lowered:
        spans += [Span(match.start("value"), match.end("value"), "secret") for match in _BEARER.finditer(text)]
    if "://" in text:
        spans += [Span(match.start("value"), match.end("value"), "secret") for match in _IN_URL.finditer(text)]
    # a line to fill in, or stars in the place of a password, tell nothing
    return [span for span in spans if any(map(str.isalnum, text[span.start : span.stop]))]


def _may_hold_token(text: str) -> bool:
    if any(map(text.__contains__, _PREFIXES)):
        return True
    if "-" in text and any(map(text.__contains__, _PREFIXES_WITH_HYPHEN)):
        return True
    return "_" in text and any(map(text.__contains__, _PREFIXES_WITH_LINE))


def _assigned(text: str, lowered: str, place: int) -> Iterator[Span]:
    """The value that follows the word at `place`; plain `key` must be of a kind that opens something."""
    match = _ASSIGNED.match(text, place)
    if match and _is_value(match["value"].rstrip(".!?"), match["sign"]):
        if lowered.startswith("key", place) and not _KIND_OF_KEY.search(lowered, max(0, place - 12), place):
            return
        yield Span(match.start("value"), match.end("value"), "secret")


def _is_value(value: str, sign: str) -> bool:
    """Whether what follows the word is a secret and not the next word of the sentence."""
    if len(value) < 4 or not value.isascii() or (value[0] in "$%*" and value.strip("$%*") == ""):
        return False
    digits = sum(map(str.isdecimal, value))
    if sign == "=":
        # a name of the program is no value: `password = os.environ.get`
        return digits > 0 or not value.replace("_", "").replace(".", "").isalnum()
    # a plain word or a plain number says what the password is like, not what it is
    return 0 < digits < len(value) or digits >= 6 or (not value.isalnum() and not value.replace("-", "").isalpha())


def find_emails(text: str) -> Iterator[Span]:
    """Find e-mail addresses, going out from each `@`."""
    at = text.find("@")
    while at != -1:
        local = _LOCAL.search(text, max(0, at - _MAX_LOCAL), at)
        domain = _DOMAIN.match(text, at + 1)
        if local and domain:
            # sentence punctuation may touch the address
            start = local.start() + len(local[0]) - len(local[0].lstrip(".'`/=?&{|*"))
            if start < at:
                yield Span(start, domain.end(), "email")
        at = text.find("@", at + 1)
