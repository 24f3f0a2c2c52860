"""Phones, identity, card and account numbers, IP addresses, dates of birth.

`\\b` does not part a Chinese character from a digit, so the ends of a number are told by the characters around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from tunesmith.text.personal.checksums import is_card, is_chinese_id, is_date, is_iban, is_ssn
from tunesmith.text.personal.span import PersonalType, Span

_FREE: Final = r"(?<![0-9A-Za-z])(?<![0-9][.,])"
_END: Final = r"(?![0-9A-Za-z]|[.,][0-9])"
_RUN: Final = re.compile(r"[0-9(+][0-9 ().\-]{5,}[0-9]")
"""Where any number of several groups may stand; every pattern of `_IN_RUN` lies within one run, but for `_PAST`."""
_PAST: Final = 12
"""Characters after a run that its patterns may look at: a check letter, an extension."""
_ID: Final = re.compile(
    rf"{_FREE}[1-8][0-9]{{5}}[ -]?(?:18|19|20)[0-9]{{2}} ?[01][0-9] ?[0-3][0-9][ -]?[0-9]{{3}}[0-9Xx]{_END}"
)
_CARD: Final = re.compile(
    rf"{_FREE}(?:[0-9]{{13,19}}|[0-9]{{4}}(?:[ -][0-9]{{4}}){{2,3}}(?:[ -][0-9]{{1,4}})?|"
    rf"[0-9]{{4}}[ -][0-9]{{6}}[ -][0-9]{{4,5}}){_END}"
)
_SSN: Final = re.compile(r"(?<![0-9A-Za-z-])[0-9]{3}([- ]?)[0-9]{2}\1[0-9]{4}(?![0-9A-Za-z-])")
_SSN_CUE: Final = re.compile(r"(?:ssn|social|社会安全|社保号)[^0-9]{0,20}$", re.IGNORECASE)
_PHONE: Final = re.compile(
    rf"{_FREE}(?:"
    # Chinese mobile, Chinese landline
    r"(?:\(?\+?(?:00)?86\)?[- ]?)?1[3-9][0-9](?:[0-9]{8}|[- ][0-9]{4}[- ][0-9]{4})"
    r"|(?:\(0[1-9][0-9]{1,2}\) ?|0[1-9][0-9]{1,2}[- ])[2-9][0-9]{6,7}(?:[-转][0-9]{1,6})?"
    # North America, Great Britain
    r"|(?:\+?1[-. ]?)?(?:\([2-9][0-9]{2}\)[-. ]?|[2-9][0-9]{2}[-.])[0-9]{3}[-. ][0-9]{4}(?: ?(?:x|ext\.?) ?[0-9]{1,5})?"
    r"|0(?:7[0-9]{3}[ -]?[0-9]{3} ?[0-9]{3}|1[0-9]{2,3}[ -][0-9]{3}[ -]?[0-9]{3,4}|20[ -][0-9]{4}[ -]?[0-9]{4})"
    rf"){_END}"
)
_MONEY_BEFORE: Final = re.compile(r"(?:[$€£¥￥]|RMB|CNY|USD) ?$")
_MONEY_AFTER: Final = re.compile(r" ?(?:[美欧日港]?元(?!旦)|英镑|港币|人民币|股(?!东))")
_INTERNATIONAL: Final = re.compile(rf"{_FREE}(?<!\))(?:\+|00(?=[1-9][0-9] ))[1-9][0-9 ().\-]{{6,20}}[0-9]{_END}")
_PHONE_CUE: Final = re.compile(
    r"(?:phone|mobile|cell|tel|call|text|fax|whatsapp|dial|ring|contact number|reach (?:me|us|him|her) (?:at|on)|"
    r"电话|手机|座机|致电|拨打|联系方式|传真|微信)[^0-9。;；\n]{0,12}$",
    re.IGNORECASE,
)
_CUED_PHONE: Final = re.compile(rf"{_FREE}[0-9](?:[ -]?[0-9]){{6,11}}{_END}")
_ACCOUNT_CUE: Final = re.compile(
    r"(?:(?:account|acct|a/c|routing|sort code|iban)\.?(?: (?:number|num|no|nr|code))?\.?(?: is| of)?[ :#=]*"
    r"|(?:账号|帐号|账户|帐户|卡号|银行卡|开户)[^0-9。，,;；\n]{0,6})$",
    re.IGNORECASE,
)
_ACCOUNT: Final = re.compile(rf"{_FREE}[0-9](?:[ -]?[0-9]){{5,24}}{_END}")
_IBAN_DIGITS: Final = re.compile(r"[0-9]{2} ?[0-9A-Z]{4}")
_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"(?<![0-9A-Za-z.])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z]|\.[0-9])")
_VERSION_BEFORE: Final = re.compile(
    r"(?:(?<![A-Za-z])(?:version|ver|release|build|section|chapter|v)|版本|版|章节?|第)[.:： ]{0,2}$", re.IGNORECASE
)
_IPV6: Final = re.compile(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}")
_BIRTH: Final = re.compile(
    r"(?<![A-Za-z])(?:born|birth ?(?:day|date)?|date of birth|d\.?o\.?b)(?![A-Za-z])|出生|生日|生于|诞辰|诞生",
    re.IGNORECASE,
)
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]{0,6}\.?"
_DATE: Final = re.compile(
    r"(?<![0-9])(?:(?P<y>[12][0-9]{3}) ?[-/.年] ?(?P<m>[01]?[0-9]) ?[-/.月] ?(?P<d>[0-3]?[0-9])(?: ?[日号])?"
    r"|(?P<c>(?:19|20)[0-9]{6})"
    r"|[0-3]?[0-9][-/.][0-3]?[0-9][-/.](?:[12][0-9])?[0-9]{2}"
    rf"|[0-3]?[0-9](?:st|nd|rd|th)? (?:of )?{_MONTH},? [12][0-9]{{3}}"
    rf"|(?<![A-Za-z]){_MONTH} [0-3]?[0-9](?:st|nd|rd|th)?,? [12][0-9]{{3}})(?![0-9])",
    re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(r"[。！？!?\n]|\. [A-Z]")
_BIRTH_REACH: Final = 48
"""Characters after a word of birth in which its date begins."""


def find_numbers(text: str) -> list[Span]:
    """Find every type of this module but dates of birth; spans may overlap."""
    spans: list[Span] = []
    for run in _RUN.finditer(text):
        spans += _in_run(text, run.start(), run.end())
    spans += _ibans(text)
    return spans


def _in_run(text: str, start: int, stop: int) -> Iterator[Span]:
    stop = min(stop + _PAST, len(text))
    for pattern, kind, holds in _IN_RUN:
        for match in pattern.finditer(text, start, stop):
            if holds(match):
                yield Span(match.start(), match.end(), kind)


def _plain(match: re.Match[str]) -> str:
    return match[0].replace(" ", "").replace("-", "")


def _is_ssn(match: re.Match[str]) -> bool:
    return is_ssn(_plain(match)) and (match[1] == "-" or _cued(match, _SSN_CUE))


def _is_no_amount(match: re.Match[str]) -> bool:
    """Whether no sign and no unit of money or of shares stands beside a number: 13912345678元 is a turnover."""
    text, start = match.string, match.start()
    return not (_MONEY_BEFORE.search(text, max(0, start - 4), start) or _MONEY_AFTER.match(text, match.end()))


def _is_international(match: re.Match[str]) -> bool:
    return 8 <= sum(map(str.isdecimal, match[0])) <= 15


def _is_cued_phone(match: re.Match[str]) -> bool:
    return _cued(match, _PHONE_CUE) and _DATE.match(match[0]) is None


def _is_account(match: re.Match[str]) -> bool:
    return _cued(match, _ACCOUNT_CUE) and _DATE.fullmatch(match[0]) is None


def _cued(match: re.Match[str], cue: re.Pattern[str]) -> bool:
    start = match.start()
    return cue.search(match.string[max(0, start - 40) : start]) is not None


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN_DIGITS.finditer(text):
        start = match.start() - 2
        country = text[max(0, start) : match.start()]
        if len(country) < 2 or not (country.isascii() and country.isalpha() and country.isupper()):
            continue
        if start and text[start - 1].isascii() and text[start - 1].isalnum():
            continue
        number, ends = "", []
        for place in range(start, min(start + 44, len(text))):
            character = text[place]
            if character.isascii() and (character.isdecimal() or character.isupper()):
                number += character
                ends.append(place + 1)
            elif character not in " -":
                break
        found = next((length for length in range(len(number), 14, -1) if is_iban(number[:length])), None)
        if found is not None:
            yield Span(start, ends[found - 1], "iban")


def _is_ipv4(match: re.Match[str]) -> bool:
    is_version = _cued(match, _VERSION_BEFORE) or match.string.startswith("版", match.end())
    address = IPv4Address(match[0])
    return not (is_version or address.is_loopback or address.is_unspecified or match[0].startswith("255."))


def find_ipv6(text: str) -> Iterator[Span]:
    """Find IPv6 addresses (RFC 4291), whole or with `::`, but those of the machine itself."""
    for match in _IPV6.finditer(text):
        start, stop = match.span()
        whole = not (start and text[start - 1].isascii() and text[start - 1].isalnum())
        whole = whole and not (text[stop : stop + 1].isascii() and text[stop : stop + 1].isalnum())
        # words such as `Face::Bed` are hexadecimal too
        if whole and any(map(str.isdecimal, match[0])) and _is_ipv6(match[0]):
            yield Span(start, stop, "ip")


def _is_ipv6(value: str) -> bool:
    try:
        address = IPv6Address(value)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


_IN_RUN: Final[tuple[tuple[re.Pattern[str], PersonalType, Callable[[re.Match[str]], bool]], ...]] = (
    (_ID, "id-card", lambda match: is_chinese_id(_plain(match))),
    (_CARD, "card", lambda match: is_card(_plain(match))),
    (_SSN, "ssn", _is_ssn),
    (_IPV4, "ip", _is_ipv4),
    (_PHONE, "phone", _is_no_amount),
    (_INTERNATIONAL, "phone", _is_international),
    (_CUED_PHONE, "phone", _is_cued_phone),
    (_ACCOUNT, "bank-account", _is_account),
)


def find_birth_dates(text: str) -> Iterator[Span]:
    """Find dates beside a word of birth."""
    for word in _BIRTH.finditer(text):
        after = text[word.end() : word.end() + _BIRTH_REACH + 24]
        found = _DATE.search(after)
        if found and found.start() <= _BIRTH_REACH and not _SENTENCE_END.search(after, 0, found.start()):
            if _is_real(found):
                yield Span(word.end() + found.start(), word.end() + found.end(), "birth-date")
        elif not word[0].isascii():
            # Chinese says the date first: 1990年5月1日出生
            start = max(0, word.start() - 24)
            for found in _DATE.finditer(text, start, word.start()):
                if word.start() - found.end() <= 2 and _is_real(found):
                    yield Span(found.start(), found.end(), "birth-date")


def _is_real(found: re.Match[str]) -> bool:
    if found["y"]:
        return is_date(int(found["y"]), int(found["m"]), int(found["d"]))
    compact = found["c"]
    return not compact or is_date(int(compact[:4]), int(compact[4:6]), int(compact[6:]))
