"""`python -m tools.fit_names_zh`: fit the weights by which Chinese names in running text are found.

Names are put into the sentence forms below and, in real text, in the place of "he" and "she"; every other place that
could hold a name is a counterexample. The real text is every other row of `alpaca_zh_demo.json` beside the checkout, so
that the other rows show how often the weights are wrong. None of the forms is one of the benchmark's (tested).
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tunesmith.text.personal.names_zh import rare_characters
from tunesmith.text.personal.names_zh_bare import describe_beside, describe_name, how_words_fall, named_places
from tunesmith.text.personal.words_zh import COMMON_SURNAMES, COMPOUND_SURNAMES, GIVEN_CHARACTERS, SURNAMES

REAL: Final = Path(__file__).parents[2] / "shared" / "data" / "alpaca_zh_demo.json"
WEIGHTS: Final = Path(__file__).parents[1] / "src/tunesmith/text/personal/lists/zh_name_weights.txt"
SEED: Final = 7
NUM_FILLS: Final = 24
"""Names put into each form; half as many into each real sentence."""
REACH: Final = 25
"""Characters of the real text kept on each side of a name."""
MIN_COUNT: Final = 15
"""What is seen less often gets no weight."""
MIN_WEIGHT: Final = 0.05
PERSONS: Final = frozenset(
    ("李娜", "李白", "薛定谔", "艾玛", "艾米", "艾莉", "唐娜", "安布罗", "夏洛蒂", "霍金", "牛顿", "马克西", "安东尼")
)
"""Whom the real text names: no counterexamples."""
PRONOUN: Final = re.compile("(?<!其)[他她](?![们人者国乡])")
FORMS: Final = (
    "明天{}要去体检。",
    "{}把车停在楼下了。",
    "仓库的钥匙在{}那儿。",
    "我是{}的家属，想问下手术时间。",
    "{}，麻烦你过来一下。",
    "他叫{}，是新来的实习生。",
    "负责人：{}",
    "姓名：{}，性别：女",
    "{}、{}和{}都没有来上课。",
    "我跟{}说好了周六见。",
    "上周{}买了一台洗衣机，今天坏了。",
    "{}的孩子在这里读书。",
    "联系{}即可。",
    "我想找{}。",
    "{}投诉快递太慢。",
    "帮我查{}的快递到哪了",
    "我儿子{}在北京打工。",
    "收到{}的来信，我很高兴。",
    "{}先生",
    "投保人{}与被保险人{}系夫妻关系。",
    "本人{}，身份证已上传。",
    "我们公司的会计{}休产假了。",
    "派{}去机场接人。",
    "那个叫{}的人是骗子。",
    "{}昨晚在医院去世。",
    "{}和我是大学同学。",
    "据民警{}回忆，当时天色已晚。",
    "作者：{} 来源：晚报",
    "{}，女，1990年生。",
    "上次是{}帮我办的。",
    "{}欠我的钱什么时候还？",
    "我觉得{}挺合适的。",
    "由于{}迟到，会议推迟了。",
    "请{}女士到三号窗口。",
    "让{}先看看这份合同。",
    "{}回来了吗？",
    "看到{}哭了，大家都很难过。",
    "{}在微信群里发了通知。",
    "祝贺{}获得冠军。",
    "“{}怎么没来？”老师问。",
    "值班人员为{}。",
    "{}是我们村的村长。",
    "通知{}到会。",
    "介绍人{}可以作证。",
    "我不认识{}这个人。",
    "跟{}打过招呼了",
    "选{}当组长吧",
    "患者{}于今日上午出院。",
    "喂，{}吗？我是{}。",
    "把钱还给{}！",
    "对方司机{}全责。",
    "{}被公司开除了。",
    "{}正在开会，稍后回电。",
    "感谢{}老师一直以来的支持。",
    "陪{}逛街",
    "昨晚和{}聊到很晚。",
    "原来{}也在这家公司",
    "{}要求赔偿",
    "{}每天都跑步。",
    "王医生给{}开了药。",
)
GIVEN: Final = tuple(
    word
    for line in (
        "建华 志明 晓丽 秀兰 桂兰 玉梅 春梅 冬梅 国华 文华 俊峰 海涛 雪峰 晓明 丽丽 佳 颖 欣 健 坤 帅 成 龙",
        "亮 鑫 彬 宁 琴 萍 燕 莉 云 梅 兰 菊 荣 贵 福 生 林 峰 雷 毅 栋 康 浩然 子轩 雨涵 诗琪 梦琪 晨曦",
        "一鸣 天佑 家明 长青 大伟 小芳 小燕 小龙 卫东 卫国 和平 胜利 解放 建军 建平 向东 少杰 明月 晓雯 秋月",
        "美丽 国栋 文杰 玉华 金花 银花 树林 继红 永红 爱华 爱国 立军 新华 光明 志刚 振华 海龙 东梅 可儿 思思",
        "圆圆 倩倩 莹莹 佳佳 丽娟 慧敏 静怡 雅婷 嘉欣 俊熙 梓涵 子豪 宇航 泽宇 昊天 皓轩 艺涵 欣妍 语桐 若溪",
        "亦菲 诗雨 心怡",
        "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 涛 明 超 霞 平 刚 辉 鹏 华 飞 玲 红 建 斌 凯",
        "宁 阳 琳 倩 雪 宇 浩 俊 志 波",
        "娟 英 慧 巧 淑 惠 珠 翠 雅 芝 玉 琼 勤 珍 贞 莹 洁 蓉 眉 君 琴 薇 菁 梦 岚 苑 婕 馨 瑗 韵 融 园 艺 咏",
        "卿 聪 澜 纯 爽",
    )
    for word in line.split()
)
UNLISTED_SURNAMES: Final = (
    frozenset("佘阚蒯束妥撒冼麦缪裘阙荆鄢隗宓璩昝茹楼晁牟虢蹇仉綦迟初丛都邸苟郜官衡怀鹿") - SURNAMES
)
UNLISTED_GIVEN: Final = frozenset(
    "菡萏漪珩珞琮璟珂弛炘焱燊垚淼喆頔佚芊芮芙昕昀岑岫嵘峻峥崧翊翌翾鸢鸾麓蕙蕴蘅筝策荻茗苓葭橙棣槿樾旌曜晟"
    "晔睦眉祺祯稔穗绫缦缨羿翮聆腾艾良菀谦谨诣赋轼迩邈郦鄞钊钦铎铮锟阑霏霓韫颐飒馥骊骞骥龄"
)


def main() -> None:
    """Fit, write the weights beside the other lists, and say how many there are."""
    described, labels = examples(random.Random(SEED))
    weights = fit(described, labels)
    kept = [f"{name} {weight:.2f}" for name, weight in sorted(weights.items()) if abs(weight) >= MIN_WEIGHT]
    WEIGHTS.write_text("\n".join(kept) + "\n", encoding="utf-8")
    print(f"{len(kept)} weights from {sum(labels)} names and {len(labels) - sum(labels)} other places")


def examples(draw: random.Random) -> tuple[list[list[str]], list[bool]]:
    """Describe each place that may hold a name, and say whether it does."""
    texts = [text for row in json.loads(REAL.read_text(encoding="utf-8"))[::2] for text in row.values()]
    described: list[list[str]] = []
    labels: list[bool] = []
    for form in FORMS * NUM_FILLS + tuple(_in_place_of_pronouns(texts)) * (NUM_FILLS // 2):
        text, names = fill(form, draw)
        for place, features in _places(text):
            if any(place[0] < stop and start < place[1] for start, stop in names):
                described.append(features)
                labels.append(place in names)
    for text in texts:
        features_of_text = [features for place, features in _places(text) if text[slice(*place)] not in PERSONS]
        described += features_of_text
        labels += [False] * len(features_of_text)
    return described, labels


def fit(described: Sequence[Sequence[str]], labels: Sequence[bool]) -> dict[str, float]:
    """Return the weight of each description, and `bias`, by logistic regression with an L2 penalty."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    counts = Counter(name for features in described for name in features)
    vectorizer = DictVectorizer()
    matrix = vectorizer.fit_transform(
        [dict.fromkeys((name for name in features if counts[name] >= MIN_COUNT), 1.0) for features in described]
    )
    model = LogisticRegression(C=0.5, max_iter=2000).fit(matrix, labels)
    return {
        "bias": float(model.intercept_[0]),
        **dict(zip(vectorizer.feature_names_, map(float, model.coef_[0]), strict=True)),
    }


def _places(text: str) -> Iterator[tuple[tuple[int, int], list[str]]]:
    """Yield start and stop of what may be a name, with its description."""
    for run_words, place in named_places(text, rare_characters(text)):
        start, middle, stop = place
        yield (
            (start, stop),
            [
                *describe_name(text[start:middle], text[middle:stop]),
                "words " + how_words_fall(text, run_words, place),
                *describe_beside(text, run_words, place),
            ],
        )


def _in_place_of_pronouns(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        for match in PRONOUN.finditer(text):
            before, after = text[max(0, match.start() - REACH) : match.start()], text[match.end() :][:REACH]
            yield f"{before}{{}}{after}"


def fill(form: str, draw: random.Random) -> tuple[str, set[tuple[int, int]]]:
    """Put a name of its own into each `{}`; returns the text and where the names stand."""
    text, *others = form.split("{}")
    places = set()
    for after in others:
        name = make_name(draw)
        places.add((len(text), len(text) + len(name)))
        text += name + after
    return text, places


def make_name(draw: random.Random) -> str:
    """Draw an everyday name, one of listed characters, one of which half is listed, or one in no list."""
    common, listed, given = sorted(COMMON_SURNAMES), sorted(SURNAMES), sorted(GIVEN_CHARACTERS)
    unlisted = sorted(UNLISTED_GIVEN - GIVEN_CHARACTERS)
    kind = draw.random()
    if kind < 0.55:
        surname = draw.choice(common if draw.random() < 0.95 else sorted(COMPOUND_SURNAMES))
        return surname + draw.choice(GIVEN)
    if kind < 0.7:
        surnames, characters = draw.choice([common, listed]), given
    elif kind < 0.88:
        surnames, characters = listed, [draw.choice(given), draw.choice(unlisted)]
    else:
        surnames, characters = sorted(UNLISTED_SURNAMES), unlisted
    num_given = draw.choice([1, 2, 2, 2])
    return draw.choice(surnames) + "".join(draw.choice(characters) for _ in range(num_given))


if __name__ == "__main__":
    main()
