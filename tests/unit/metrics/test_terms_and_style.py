"""Glossaries, rules of style, JSON, refusals and prices on hand-made cases in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tunesmith.errors import TunesmithError
from tunesmith.metrics.case import Case
from tunesmith.metrics.faults import Expected, is_refusal, label_forms
from tunesmith.metrics.json_answers import json_valid, schema_matcher
from tunesmith.metrics.speed import Effort, cost_per_answer, speeds
from tunesmith.metrics.style import style_scorers
from tunesmith.metrics.terms import WordFinder, read_glossary, term_recalls
from tunesmith.recipe.metrics import Cost, Style
from tunesmith.records import Message, Sample, Sampling


def case(prompt: str, answer: str, reference: str = "x") -> Case:
    return Case((Message("user", prompt),), answer, (reference,))


def glossary_file(folder: Path) -> Path:
    file = folder / "terms.csv"
    file.write_text(
        "source,target\ncredit card,信用卡\ninterest rate,利率\ninterest rate,息率\nrate,比率\n,年化收益\n",
        encoding="utf-8-sig",
    )
    return file


def test_words_are_found_whole_and_chinese_anywhere() -> None:
    finder = WordFinder(["AI", "card", "智能", "人工智能", "C++", "利率"])
    assert finder.find("AI said: cards, a CARD; ＡＩ!") == {"ai": 2, "card": 1}
    assert finder.find("使用AI的人工智能卡card") == {"ai": 1, "人工智能": 1, "card": 1}
    assert WordFinder(["信用", "信用卡"]).find("信用卡的信用") == {"信用卡": 1, "信用": 1}
    assert finder.find("智能人工智能") == {"智能": 1, "人工智能": 1}
    assert finder.find("C++ or C++11, said") == {"c++": 2}
    assert not WordFinder(["card"]).find("discard postcard card2 2card")
    assert not WordFinder([]).find("anything")


def test_the_share_of_expected_terms(tmp_path: Path) -> None:
    glossary = read_glossary(glossary_file(tmp_path))
    told = [
        case("What is the interest rate of a Credit Card?", "信用卡的息率是多少？"),
        case("What is the interest rate of a credit card?", "信用卡的利息是多少？"),
        case("Rates differ.", "各不相同"),  # an inflected form is another word
        case("Tell me.", "年化收益为三成", "年化收益为 30%"),
        case("Tell me.", "收益为三成", "年化收益为 30%"),
    ]
    assert [glossary.share(each) for each in told] == [1.0, 0.5, None, 1.0, 0.0]
    recalls = term_recalls(glossary, told)
    assert recalls == {"credit card": (2, 2), "interest rate": (2, 1), "年化收益": (2, 1)}


def test_glossaries_of_other_kinds_and_broken_ones(tmp_path: Path) -> None:
    tabs = tmp_path / "terms.tsv"
    tabs.write_text("source\ttarget\ncash, in hand\t现金\n", encoding="utf-8")
    assert read_glossary(tabs).share(case("cash, in hand", "现金")) == 1.0
    lines = tmp_path / "terms.jsonl"
    lines.write_text('{"target": "现金"}\n\n{"source": "loan", "target": "贷款"}\n', encoding="utf-8")
    assert read_glossary(lines).share(case("a loan", "现金", "现金")) == 0.5
    for name, text, line in (
        ("a.csv", "source,target\nloan,贷款\ncard,\n", 3),
        ("b.jsonl", '{"target": "x"}\n[1]\n', 2),
        ("c.jsonl", '{"target": "x"}\n{\n', 2),
        ("d.csv", "source,target\n", None),
        ("missing.csv", None, None),
    ):
        file = tmp_path / name
        if text is not None:
            file.write_text(text, encoding="utf-8")
        with pytest.raises(TunesmithError, match="glossary") as caught:
            read_glossary(file)
        assert caught.value.place is not None
        assert (caught.value.place.file, caught.value.place.line) == (str(file), line)


@pytest.mark.parametrize(
    ("rule", "kept", "broken"),
    [
        (
            {"formality": "formal"},
            ["您好，请稍候。", "It is done.", "这是迷你版", "the company's card", "请您查收"],
            [
                "你好",
                "你们的卡",
                "It's done.",
                "We don't know",
                "I\u2019ll see",
                "we gonna do it",
                "Ok, done",
                "用it's",
            ],
        ),
        ({"formality": "informal"}, ["你好", "It's done."], ["您好"]),
        (
            {"person": "we"},
            [
                "我们会处理",
                "我国法律",
                "We will",
                "Part I of it",
                "自我介绍",
                "Time is short",
                "我司承担",
                "属于Type I型",
            ],
            ["我会处理", "I will", "give it to me", "这是我的"],
        ),
        (
            {"person": "i"},
            ["我会处理", "I will", "in the US", "在US上市", "寄往US的包裹"],
            ["我们会处理", "我們會處理", "We will", "ask us", "咱们走", "我司承担", "我國規定"],
        ),
        ({"person": "none"}, ["已处理", "It is done"], ["我会", "我们会", "I am", "our card"]),
        ({"banned": ["guarantee", "保证"]}, ["guaranteed", "保 证"], ["a Guarantee!", "我们保证"]),
        ({"min_characters": 3, "max_characters": 4}, ["三个字", "four"], ["两字", "fives"]),
    ],
)
def test_each_rule_of_style(rule: dict[str, object], kept: list[str], broken: list[str]) -> None:
    scorers = style_scorers(Style.model_validate(rule))
    assert len(scorers) == 2  # the rule, and all rules
    for scorer in scorers.values():
        assert scorer([case("q", answer) for answer in kept]) == [1.0] * len(kept), kept
        assert scorer([case("q", answer) for answer in broken]) == [0.0] * len(broken), broken


def test_all_rules_together() -> None:
    scorers = style_scorers(Style(formality="formal", person="we", banned=("免费",)))
    told = [case("q", answer) for answer in ("我们为您免费办理", "我们为您办理", "我为你办理")]
    found = {name: scorer(told) for name, scorer in scorers.items()}
    assert found == {
        "style": [0.0, 1.0, 0.0],
        "style_formality": [1.0, 1.0, 0.0],
        "style_person": [1.0, 1.0, 0.0],
        "style_banned": [0.0, 1.0, 1.0],
    }


def test_json_and_its_schema(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(json.dumps({"type": "object", "required": ["名称"], "properties": {"n": {"type": "integer"}}}))
    matches = schema_matcher(file)
    told = [
        '{"名称": "卡", "n": 1}',
        ' {"名称": null}\n',
        '{"n": 1}',
        '{"名称": 1, "n": 1.5}',
        "[1]",
        "```json\n{}\n```",
    ]
    assert [matches(case("q", answer)) for answer in told] == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    told += ["NaN", "[Infinity]", "", "是", "[" * 100_000]
    assert [json_valid(case("q", answer)) for answer in told] == [1.0] * 5 + [0.0] * 6
    for text in ('{"type": "thing"}', "{", None):
        file.unlink() if text is None else file.write_text(text)
        with pytest.raises(TunesmithError, match="json-schema-file"):
            schema_matcher(file)


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m very sorry, I cannot assist with this request.",
        "Sorry, but as an AI language model, I am unable to provide medical advice.",
        "I cannot answer this question.",
        "Unfortunately, I won't be able to help.",
        "很抱歉，我无法回答这个问题。",
        "对不起，作为一个人工智能助手，我不能为您提供这方面的帮助。",
        "抱歉，无法提供相关信息。",
        "我无法协助您完成这一请求。",
    ],
)
def test_refusals_are_told(answer: str) -> None:
    assert is_refusal(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I can help with that.",
        "I'm sorry for the delay; the card was sent today.",
        "I can't help but smile.",
        "You cannot answer this twice.",
        "The bank cannot provide a refund.",
        "抱歉让您久等了，卡已寄出。",
        "我们无法提供现金退款，但可以换货。",
        "我不能吃辣。",
        "无法退款时请联系客服。",
    ],
)
def test_what_is_no_refusal(answer: str) -> None:
    assert not is_refusal(answer)


def sample(answer: str, finish: str = "stop", reference: str = "x") -> Sample:
    return Sample("tuned", "test", "i", 0, (), reference, answer, None, answer, {}, Sampling(), 5, finish)


def test_each_kind_of_fault_is_told_once() -> None:
    labels = Expected("labels", label_forms(["Card", "退款"]))
    told = [sample(text) for text in ("Card", "card.", "退款。", "loan", " ", "I'm sorry, I can't help.")]
    found = [labels.fault(each) for each in (*told, sample("Card", "length"), sample("", "timeout"))]
    assert found == [None, None, None, "unparsable", "empty", "refused", "truncated", "timed_out"]
    numbers = Expected("numbers")
    assert [numbers.fault(sample(text)) for text in ("about 3", "三", "none")] == [None, "unparsable", "unparsable"]
    words = Expected("text", is_parsable=str.isalpha)
    assert [words.fault(sample(text)) for text in ("yes", "{")] == [None, "unparsable"]
    refusal = "很抱歉，我无法回答这个问题。"
    assert Expected("text").fault(sample(refusal)) == "refused"
    assert Expected("text").fault(sample(refusal, reference="抱歉，我不能提供帮助。")) is None


def test_speed_and_cost_are_absent_where_nothing_tells_them() -> None:
    wrote = Effort(4, 200, 80, 50.0, 10.0, 0.25)
    assert speeds(wrote) == {"characters_per_second": 20.0, "tokens_per_second": 8.0, "first_token_seconds": 0.25}
    price = Cost(prompt=2.0, answer=6.0, hour=3.6)
    # 50 tokens at 2, 20 tokens at 6 a million, 2.5 seconds at 0.001
    assert cost_per_answer(price, wrote) == pytest.approx(1e-4 + 1.2e-4 + 2.5e-3)
    scored = Effort(4, 200, 0, 50.0, 10.0, None)
    assert speeds(scored) == {}
    assert cost_per_answer(price, scored) is None
    assert cost_per_answer(Cost(prompt=2.0), scored) == pytest.approx(1e-4)
    classic = Effort(4, 200, 0, None, 10.0, None)
    assert cost_per_answer(Cost(prompt=2.0), classic) is None
    assert cost_per_answer(Cost(hour=3.6), classic) == pytest.approx(2.5e-3)
