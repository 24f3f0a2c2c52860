from __future__ import annotations

import random
import re
import unicodedata

import ftfy
import pytest
from ftfy.badness import is_bad
from selectolax.lexbor import LexborHTMLParser

from tunesmith.text.repair import (
    REPAIRS,
    drop_control_characters,
    drop_zero_width,
    fix_line_ends,
    fix_mojibake,
    looks_broken,
    narrow_full_width,
    outside_code,
    strip_markup,
    tidy_white_space,
    without_code,
)

SOUND = [
    "Plain text, with a tab\tand\nlines.",
    "A naïve café in Zürich, “quoted” – 20 °C ± 2, 3×4 ≤ 12 …",
    "你好，世界！他说：“好……”——然后走了。《书》·卷一（上）",
    "订单号：Ａ１２３，价格￥３５．５，温度２０℃，面积 5 m²，α 与 β",
    "Ёлка и ёж. Ελληνικά. עברית. हिन्दी ไทย 한국어 にほんご",
    "如果 a < b && c > d，那么 x := `y`",
    "洁净的涓涓细流，浣熊与琏瑚",
    "👍🏽 👨\u200d👩\u200d👧 🏳️\u200d🌈 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 1️⃣",
    "می\u200cخواهم क्\u200dष กา\u200bแฟ",
]


def repaired(text: str) -> str:
    for change in REPAIRS.values():
        text = change(text)
    return text


@pytest.mark.parametrize("text", SOUND)
def test_sound_text_stays(text: str) -> None:
    assert repaired(text) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Café crème, s'il vous plaît", "latin-1"),
        ("It’s fine – really…", "cp1252"),
        ("请问我的银行卡什么时候能到", "latin-1"),
        ("Привет, мир", "cp1252"),
        ("用户您好，请稍等片刻", "gb18030"),
        ("订单 42 已发货了", "gb18030"),
        ("用户", "gb18030"),
    ],
)
def test_what_was_decoded_by_the_wrong_table_is_read_again(text: str, encoding: str) -> None:
    garbled = text.encode().decode(encoding)
    assert garbled != text
    assert looks_broken(garbled)
    assert fix_mojibake(garbled) == text


@pytest.mark.thorough
def test_the_cheap_looks_miss_nothing_that_ftfy_or_a_repair_would_see() -> None:
    generator = random.Random(1)
    pool = [
        *map(chr, range(0x80, 0x460)),
        *map(chr, range(0x2000, 0x2070)),
        *"€™≈√∂∑\ufffdﬁ№│░ aZ.,我……——“”\r\n\t\0\ufeff",
    ]
    num_bad = 0
    for _ in range(10_000):
        text = "".join(generator.choices(pool, k=generator.randint(1, 5)))
        num_bad += is_bad(text)
        assert fix_mojibake(text) == ftfy.fix_encoding(text), ascii(text)
        if is_bad(text) or repaired(text) != text:
            assert looks_broken(text), ascii(text)
    assert num_bad > 500
    assert not any(map(looks_broken, ["plain ASCII\n\tonly", "只有中文，——……“”", "it’s “typographic” – …"]))


@pytest.mark.thorough
def test_plain_text_around_a_broken_place_is_seen_as_far_as_it_matters() -> None:
    generator = random.Random(2)
    num_by_context = 0
    for _ in range(3_000):
        broken = "".join(generator.choices(["Ã", "Â", "â€", "Ã©", "Å", "à", "é", "€"], k=generator.randint(1, 3)))
        before, after = ("".join(generator.choices(" .,;'\"aZ0\n", k=generator.randint(0, 40))) for _ in range(2))
        fixed = ftfy.fix_encoding(before + broken + after)
        num_by_context += fixed != before + ftfy.fix_encoding(broken) + after
        assert fix_mojibake(before + broken + after) == fixed, ascii(before + broken + after)
    assert num_by_context > 50


def test_line_ends() -> None:
    assert fix_line_ends("a\r\nb\rc\nd\u2028e\u2029f\x0cg\r\r\nh") == "a\nb\nc\nd\ne\nf\ng\n\nh"


def test_control_characters_are_those_of_unicode_but_tab_and_line_ends() -> None:
    every = "".join(map(chr, range(0x100)))
    kept = "".join(mark for mark in every if unicodedata.category(mark) != "Cc" or mark in "\t\n\r\x0b\x0c")
    assert drop_control_characters(every) == kept
    assert drop_control_characters("\x1b[1;31mred\x1b[0m") == "red"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\ufeffa\u200bb\u00adc\u2060", "abc"),
        ("你\u200b好\u200d吗\u200c", "你好吗"),
        ("👍\u200d and 1\u200d2", "👍 and 12"),
        ("left\u200e\u202ato\u202c", "leftto"),
        ("שלום\u200e!", "שלום\u200e!"),
        ("hid\U000e0069\U000e0067den", "hidden"),
    ],
)
def test_zero_width(text: str, expected: str) -> None:
    assert drop_zero_width(text) == expected


def test_full_width_letters_and_digits_are_narrowed_as_nfkc_does_it_and_nothing_else() -> None:
    for code in range(0xFF01, 0xFF5F):
        narrow = unicodedata.normalize("NFKC", chr(code))
        assert narrow_full_width(chr(code)) == (narrow if narrow.isalnum() else chr(code))
    assert narrow_full_width("３．５寸，Ａ．Ｂ（ｘ）") == "3.5寸，A．B（x）"


def test_white_space() -> None:
    code = "```python\ndef f():\n    x = 1\n\n\n    return x\n```"
    text = f"\n \n  indented\xa0line  \n\n\n\u3000next\u3000\n{code}\n\n\n\nend \n\n"
    assert tidy_white_space(text) == f"  indented line\n\n\u3000next\n{code}\n\nend"
    assert tidy_white_space("    return x ") == "    return x"


@pytest.mark.parametrize(
    "text",
    [
        *("a < b and c > d", "if (a<b && b>c) x", "for (i=0; i<a && b==2; c>1) {}", "<think>so</think>", "1 <- 2 -> 3"),
        *(
            "List<int> Map<A, B> vector<a>",
            "the <div> tag",
            "H<sub>2</sub>O, x<sup>2</sup>",
            "<|im_start|>",
            "<p",
            "<>",
        ),
        *("`<b>x</b>`", "```html\n<p>x</p>\n```", "~~~\n<p>x</p>\n~~~", "<pre>a <b>c</b></pre>", "<topic>x</topic>"),
        *("R&B, a && b; &sum; ?a=1&copy=2 &x;", "&notit;"),
    ],
)
def test_what_is_no_left_over_of_a_page_stays(text: str) -> None:
    assert strip_markup(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("<p>一\n<p>二", "一\n二"),
        ("a<br/>b<BR>c", "a\nb\nc"),
        ("<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n\nend", "a\nb\n\nend"),
        ('see <a href="x>y" class=z>the <b>page</b></a>.', "see the page."),
        ("<script>if (a < b) {}</script>text<!-- note <p> --><style>p {}</style>", "text"),
        ("<tr><td>a</td><td>b</td></tr>", "a\tb"),
        ("&lt;b&gt; &amp;amp; &eacute;&nbsp;&#20013;&#x6587;&shy;&hellip;", "<b> &amp; é 中文…"),
        ("价格</div>", "价格"),
        ('a <span class="x">span left open', "a span left open"),
        ("`<b>` is <b>bold</b>", "`<b>` is bold"),
    ],
)
def test_left_overs_of_a_page_go(text: str, expected: str) -> None:
    assert strip_markup(text) == expected


def test_the_words_of_a_page_are_those_that_a_parser_finds() -> None:
    page = """<!DOCTYPE html><div class="a b" id='c'><h1>标题 &mdash; Title</h1><p>One <em>two</em> &amp; three
    <a href="/x?a=1&amp;b=2" title="a > b">四</a></p><img src=x alt="no"/><ul><li>五</li><li>six</li></ul></div>"""
    body = LexborHTMLParser(page).body
    assert body is not None
    assert strip_markup(page).split() == body.text(separator=" ").split()


def test_code_is_set_apart() -> None:
    text = "one `two` three\n```py\nfour\n```\nfive <code>six</code> seven"
    assert outside_code(text, str.upper) == "ONE `two` THREE\n```py\nfour\n```\nFIVE <code>six</code> SEVEN"
    assert without_code(text).split() == ["one", "three", "five", "seven"]
    assert re.fullmatch(r"A\s+```\nb", outside_code("a\n```\nb", str.upper))
