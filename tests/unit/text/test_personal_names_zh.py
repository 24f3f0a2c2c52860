"""Chinese names in plain sentences, and words that only look like them."""

from __future__ import annotations

import random

import pytest

from tools import fit_names_zh as fitting
from tunesmith.text.personal import find_personal
from tunesmith.text.personal.names_zh_bare import find_bare_names, named_places, score_of_name


def names(text: str) -> list[str]:
    return [text[span.start : span.stop] for span in find_personal(text) if span.type == "name"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("请联系张建国", ["张建国"]),
        ("我叫王小明", ["王小明"]),
        ("张伟你好", ["张伟"]),
        ("客户陈思远来电", ["陈思远"]),
        ("由欧阳娜娜负责", ["欧阳娜娜"]),
        ("患者：刘洋", ["刘洋"]),
        ("李娜的订单", ["李娜"]),
        ("给赵敏打电话", ["赵敏"]),
        ("我和周杰一起去", ["周杰"]),
        ("参加者有张伟、李敏、王建国", ["张伟", "李敏", "王建国"]),
        ("我把钥匙交给了何建国。", ["何建国"]),
        ("昨天程晓峰没来上班", ["程晓峰"]),
        ("刘芳女士、陈刚医生和赵建军老师", ["刘芳", "陈刚", "赵建军"]),
        ("王强经理、孙丽同学、吴刚先生", ["王强", "孙丽", "吴刚"]),
        ("诸葛明亮发来邮件", ["诸葛明亮"]),
        ("客户古丽娜尔·买买提来电", ["古丽娜尔·买买提"]),
        ("请联系Emily Chen，谢谢", ["Emily Chen"]),
    ],
)
def test_names_in_plain_sentences(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "高兴的是，周末终于可以休息了。",
        "于翅膀的面积来说，重量太小",
        "请先了解清楚还款期限。",
        "常用的编程语言有许多人使用",
        "华南虎和伊斯兰建筑",
        "向观众表明这一点很重要",
        "金融市场平稳，石油、黄金和白银下跌。",
        "何时可以收到退款？任何疑问请联系客服。",
    ],
)
def test_words_that_begin_with_a_surname(text: str) -> None:
    assert names(text) == []


def test_of_names_that_overlap_the_likeliest_is_found() -> None:
    text = "请联系张建国明天来"
    spans = list(find_bare_names(text, []))
    assert [text[span.start : span.stop] for span in spans] == ["张建国"]
    assert {text[place[0] : place[2]] for _, place in named_places(text, [])} >= {"张建", "张建国"}


def test_a_word_or_a_particle_is_no_given_name() -> None:
    assert score_of_name("高", "兴") is None
    assert score_of_name("张", "的") is None
    likely, unlikely = score_of_name("张", "晓敏"), score_of_name("于", "现在")
    assert likely is not None
    assert unlikely is None or unlikely < likely


def test_fitting_weighs_what_tells_names_from_other_places() -> None:
    draw = random.Random(1)
    described, labels = [], []
    for _ in range(400):
        is_name = draw.random() < 0.5
        tells = "told" if draw.random() < (0.9 if is_name else 0.1) else "untold"
        described.append([tells, draw.choice(["this", "that"])])
        labels.append(is_name)
    weights = fitting.fit(described, labels)
    # the log-odds of the two, 2 ln 9, little shrunk by the penalty
    assert weights["told"] - weights["untold"] == pytest.approx(4.39, abs=0.8)
    assert abs(weights["this"] - weights["that"]) < 0.6


def test_a_filled_form_says_where_its_names_stand() -> None:
    text, places = fitting.fill("请{}和{}来", random.Random(2))
    (first, second) = sorted(places)
    assert text[: first[0]] + "|" + text[first[1] : second[0]] + "|" + text[second[1] :] == "请|和|来"
