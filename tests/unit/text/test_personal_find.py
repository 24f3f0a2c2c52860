"""What is found in a text, and what only looks alike."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from least_time import least_seconds

from tunesmith.text.personal import PERSONAL_TYPES, Span, find_personal, without_overlaps


def found(text: str) -> list[tuple[str, str]]:
    return [(span.type, text[span.start : span.stop]) for span in find_personal(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My name is Brunhilda Okwuosa.", [("name", "Brunhilda Okwuosa")]),
        ("Dear Ms. Keller, thank you", [("name", "Keller")]),
        ("We spoke with Maria de la Cruz today", [("name", "Maria de la Cruz")]),
        ("Contact Zhang Wei for details", [("name", "Zhang Wei")]),
        ("call (212) 555-0134 now", [("phone", "(212) 555-0134")]),
        ("tel +44 7700 900123.", [("phone", "+44 7700 900123")]),
        ("write to o'neil.k+x@mail.example.co.uk.", [("email", "o'neil.k+x@mail.example.co.uk")]),
        ("SSN 078-05-1120 on file", [("ssn", "078-05-1120")]),
        ("paid with 4111 1111 1111 1111 today", [("card", "4111 1111 1111 1111")]),
        ("IBAN: GB82 WEST 1234 5698 7654 32, thanks", [("iban", "GB82 WEST 1234 5698 7654 32")]),
        ("account number 12345678", [("bank-account", "12345678")]),
        ("from 203.0.113.9 and 2001:db8::8a2e:370:7334", [("ip", "203.0.113.9"), ("ip", "2001:db8::8a2e:370:7334")]),
        ("She was born in Leeds on 5 May 1985.", [("birth-date", "5 May 1985")]),
        ("ship to 12 Copper Beech Lane, Apt 4, Quillbrook, OH 44101", [
            ("address", "12 Copper Beech Lane, Apt 4, Quillbrook, OH 44101")]),
        ("password=hunter22! and go", [("secret", "hunter22!")]),
        ("https://bob:s3cr3t@host.example/x", [("secret", "s3cr3t")]),
        ("key AKIAIOSFODNN7EXAMPLE", [("secret", "AKIAIOSFODNN7EXAMPLE")]),
    ],
)  # fmt: skip
def test_english(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我叫田慧敏，电话13812345678。", [("name", "田慧敏"), ("phone", "13812345678")]),
        ("昨天下午田慧敏把合同寄给了总部。", [("name", "田慧敏")]),
        ("王医生和欧阳雪松先生", [("name", "王"), ("name", "欧阳雪松")]),
        ("姓名：乜荟炜", [("name", "乜荟炜")]),
        ("客户玛丽·居里来电", [("name", "玛丽·居里")]),
        ("身份证11010519491231002X已过期", [("id-card", "11010519491231002X")]),
        ("住在杭州市西湖区文三路138号3幢2单元501室，近地铁", [("address", "杭州市西湖区文三路138号3幢2单元501室")]),
        ("寄到澜川市云栖区听雨街7号", [("address", "澜川市云栖区听雨街7号")]),
        ("座机010-62345678转8001", [("phone", "010-62345678转8001")]),
        ("电话：（010）62345678，请来电", [("phone", "（010）62345678")]),
        ("联系人（田慧敏）电话１３８１２３４５６７８", [("name", "田慧敏"), ("phone", "１３８１２３４５６７８")]),
        ("我叫張偉明，電話是0912-345-678", [("name", "張偉明"), ("phone", "0912-345-678")]),
        ("聯絡人：陳美玲，住在臺北市信義區松高路7號", [("name", "陳美玲"), ("address", "臺北市信義區松高路7號")]),
        ("歐陽娜娜小姐生於1990年5月1日", [("name", "歐陽娜娜"), ("birth-date", "1990年5月1日")]),
        ("密碼：abc12345，電話聯繫", [("secret", "abc12345")]),
        ("本人1990年5月1日出生", [("birth-date", "1990年5月1日")]),
        ("生日：19900501", [("birth-date", "19900501")]),
        ("卡号6222021001116245702", [("card", "6222021001116245702")]),
        ("密码是Abc12345，请保密", [("secret", "Abc12345")]),
        ("邮箱zhang3@qq.com收不到", [("email", "zhang3@qq.com")]),
    ],
)
def test_chinese(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Natalia sold clips to 48 of her friends in April.",
        "Apple Pay and Western Union are partners of Northern Trust Bank.",
        "The ratio 4:3 became 16:9 at 10:45:30.",
        "Upgrade to version 10.2.33.4 first; ::1 and 127.0.0.1 are this machine.",
        "Born to run is a song of 1975; the stubborn donkey of 05/06/2001 is not.",
        "pi is 3.14159265358979 and 0.4111111111111111 is less than one",
        "a password is required; the token: word, the key: value",
        "Order 4111111111111112 and 110105194912310021",
        "see commit 13812345678abcdef01",
        "12 Monkeys and 7 Wonders, 3 Cups of flour, 5 Big Macs",
        "std::vector<Face::Bed> at::cafe",
        "高级经理方案已经通过，成本控制方面还需努力。",
        "关于任务进度，项目经理和主治医生正在讨论治疗方案。",
        "地铁2号线在人民广场站换乘，频道12号",
        "这个密码是必填的，账号密码是什么",
        "营业收入13912345678元，净利润 15812345678 美元，共18612345678股，￥13912345678",
        "用药：苄嘧磺隆、吡啶、嘌呤，诊断痤疮。",
        "",
    ],
)
def test_what_only_looks_alike(text: str) -> None:
    assert found(text) == []


def test_a_number_ends_where_a_chinese_character_begins() -> None:
    assert found("身份证11010519491231002X的号") == [("id-card", "11010519491231002X")]
    assert found("电话13812345678没人接") == [("phone", "13812345678")]
    assert found("电话13812345678元旦没人接") == [("phone", "13812345678")]
    assert found("电话138123456789没人接") != [("phone", "13812345678")]


def test_full_width_characters_are_found_in_their_place() -> None:
    text = "手机１３８１２３４５６７８，邮箱ｚｈａｎｇ＠ｑｑ．ｃｏｍ。"
    assert found(text) == [("phone", "１３８１２３４５６７８"), ("email", "ｚｈａｎｇ＠ｑｑ．ｃｏｍ")]


def test_a_later_letter_of_another_length_when_lowered_moves_nothing() -> None:
    assert found("İİİ password: Abc!2345") == [("secret", "Abc!2345")]


def test_of_overlapping_finds_the_longer_stays_and_a_secret_before_all() -> None:
    spans = [Span(0, 5, "phone"), Span(3, 12, "card"), Span(12, 14, "name"), Span(4, 6, "secret")]
    assert without_overlaps(spans) == [Span(0, 5, "phone")] * 0 + [Span(4, 6, "secret"), Span(12, 14, "name")]
    assert without_overlaps(spans[:3]) == [Span(3, 12, "card"), Span(12, 14, "name")]
    assert without_overlaps([Span(0, 18, "card"), Span(0, 18, "id-card")]) == [Span(0, 18, "id-card")]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "unit",
    ["1-", "a@", "eyJ", "Aa ", "12 Ab ", "张", "王医", "1:", "key=", "-----BEGIN ", "路1号", "a@b.co ", "张伟明说，"],
)
def test_long_runs_take_time_that_grows_with_their_length_only(unit: str) -> None:
    short, long = (unit * (length // len(unit)) for length in (4_000, 32_000))
    enough = 24 * max(least_seconds(lambda: find_personal(short), 0.002), 0.002)
    # quadratic work would take 64 times as long
    assert least_seconds(lambda: find_personal(long), enough) < enough


def test_an_encrypted_key_is_found_whole() -> None:
    body = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,7E1A\n\n" + 30 * ("aB3+/" * 12 + "\n")
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----"
    assert found(f"see {key} here") == [("secret", key)]


def test_spans_that_stay_touch_none_of_the_others() -> None:
    random = Random(7)
    for _ in range(200):
        starts = [random.randrange(60) for _ in range(25)]
        spans = [Span(start, start + random.randint(1, 9), random.choice(PERSONAL_TYPES)) for start in starts]
        kept = without_overlaps(spans)
        assert all(one.stop <= other.start for one, other in pairwise(kept))
        # what was left out touches something that stayed
        assert all(any(s.start < k.stop and k.start < s.stop for k in kept) for s in spans)
