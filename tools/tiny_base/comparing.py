"""Skills of comparison and short reasoning: numbers, sizes, prices, dates, order of three, yes-or-no deduction."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tools.tiny_base import facts, lexicon
from tools.tiny_base.numbers import THINGS
from tools.tiny_base.patterns import Language, Phrasings, Split, Turn, fits, names, phrasings, tidy, write

NAMES: dict[Language, tuple[str, ...]] = {
    "en": names(
        "Anna Ben Carla David Emma Frank Grace Henry Iris Jack Kate Leo Mary Nick Olga Paul Rosa Sam Tina Victor "
        "Wendy Adam Bella Colin Diana Eric Fiona George Helen Ivan"
    ),
    "zh": names(
        "小明 小红 小刚 小丽 小华 小军 小芳 小强 小梅 小东 小云 小龙 小燕 小杰 小雪 小林 小玉 小飞 小兰 小虎 "
        "阿宝 阿珍 阿福 阿秀 阿亮 阿月 阿成 阿琴 阿勇 阿清"
    ),
}
YES_NO: dict[Language, tuple[str, str]] = {"en": ("yes", "no"), "zh": ("是", "不是")}


@dataclass(frozen=True)
class Scale:
    """A comparative `more` with its reverse `less`, and the two superlatives."""

    more: str
    less: str
    most: str
    least: str


SCALES: dict[Language, tuple[Scale, ...]] = {
    "en": tuple(
        Scale(*row.split("/"))
        for row in names(
            "taller/shorter/tallest/shortest older/younger/oldest/youngest faster/slower/fastest/slowest "
            "heavier/lighter/heaviest/lightest stronger/weaker/strongest/weakest richer/poorer/richest/poorest"
        )
    ),
    "zh": tuple(
        Scale(*row.split("/"))
        for row in names(
            "高/矮/最高/最矮 大/小/最大/最小 快/慢/最快/最慢 重/轻/最重/最轻 强/弱/最强/最弱 早/晚/最早/最晚"
        )
    ),
}
# From the smallest to the biggest; far enough apart that nobody argues.
SIZES: dict[Language, tuple[tuple[str, ...], ...]] = {
    "en": (
        ("ant", "mouse", "cat", "sheep", "cow", "elephant", "whale"),
        ("fly", "frog", "rabbit", "wolf", "horse", "giraffe"),
        ("cherry", "apple", "melon", "pumpkin"),
        ("coin", "cup", "bag", "table", "car", "bus", "train", "ship"),
        ("pea", "egg", "pineapple"),
        ("button", "book", "chair", "bed", "house", "castle"),
        ("bee", "sparrow", "duck", "swan", "ostrich"),
        ("village", "city", "country", "planet"),
    ),
    "zh": (
        ("蚂蚁", "老鼠", "猫", "绵羊", "奶牛", "大象", "鲸鱼"),
        ("苍蝇", "青蛙", "兔子", "狼", "马", "长颈鹿"),
        ("樱桃", "苹果", "甜瓜", "南瓜"),
        ("硬币", "杯子", "书包", "桌子", "汽车", "公共汽车", "火车", "轮船"),
        ("豌豆", "鸡蛋", "菠萝"),
        ("纽扣", "书", "椅子", "床", "房子", "城堡"),
        ("蜜蜂", "麻雀", "鸭子", "天鹅", "鸵鸟"),
        ("村庄", "城市", "国家", "行星"),
    ),
}

NUMBER_QUESTIONS: dict[tuple[Language, bool], Phrasings] = {
    ("en", True): phrasings(
        """Which is bigger, {a} or {b}?
        Which number is larger, {a} or {b}?
        Is {a} or {b} bigger?
        {a} or {b}: which is more?
        Name the larger number: {a} or {b}.
        Compare {a} and {b}. Which is bigger?
        Tell me the bigger one of {a} and {b}.
        Of {a} and {b}, which number is greater?""",
        """Which number is bigger, {a} or {b}?
        Of {a} and {b}, which one is larger?
        Compare {a} with {b} and name the bigger number.""",
    ),
    ("en", False): phrasings(
        """Which is smaller, {a} or {b}?
        Which number is less, {a} or {b}?
        Is {a} or {b} smaller?
        {a} or {b}: which is less?
        Name the smaller number: {a} or {b}.
        Compare {a} and {b}. Which is smaller?
        Tell me the smaller one of {a} and {b}.
        Of {a} and {b}, which number is smaller?""",
        """Which number is smaller, {a} or {b}?
        Of {a} and {b}, which one is less?
        Compare {a} with {b} and name the smaller number.""",
    ),
    ("zh", True): phrasings(
        """{a}和{b}哪个大?
        {a}和{b}哪个更大?
        {a}与{b}相比,哪个大?
        比较{a}和{b},哪个大?
        {a}、{b},哪个数更大?
        {a}和{b}中较大的数是哪个?
        请问{a}和{b}谁大?
        说出{a}和{b}里大的那个。""",
        """{a}跟{b}比,哪个数大?
        请从{a}跟{b}里选大的数。""",
    ),
    ("zh", False): phrasings(
        """{a}和{b}哪个小?
        {a}和{b}哪个更小?
        {a}与{b}相比,哪个小?
        比较{a}和{b},哪个小?
        {a}、{b},哪个数更小?
        {a}和{b}中较小的数是哪个?
        请问{a}和{b}谁小?
        说出{a}和{b}里小的那个。""",
        """{a}跟{b}比,哪个数小?
        请从{a}跟{b}里选小的数。""",
    ),
}
# Facts in numbers about two named things; {x} has {a}, {y} has {b}.
STORIES: dict[tuple[Language, bool], Phrasings] = {
    ("en", True): phrasings(
        """{x} is {a} years old and {y} is {b}. Who is older?
        {x} has {a} {things} and {y} has {b}. Who has more?
        {x} paid {a} dollars, {y} paid {b} dollars. Who paid more?
        {x} ran {a} metres, {y} ran {b} metres. Who ran further?
        {x} weighs {a} kilos and {y} weighs {b} kilos. Who is heavier?
        {x} was born in {a} and {y} in {b}. Who is younger?
        {x} read {a} pages and {y} read {b} pages. Who read more?
        {x} scored {a} points, {y} scored {b}. Who won?""",
        """Who has more {things}: {x} with {a} or {y} with {b}?
        Who is older: {x}, who is {a}, or {y}, who is {b}?
        Who paid more: {x} with {a} dollars or {y} with {b} dollars?""",
    ),
    ("en", False): phrasings(
        """{x} is {a} years old and {y} is {b}. Who is younger?
        {x} has {a} {things} and {y} has {b}. Who has fewer?
        {x} paid {a} dollars, {y} paid {b} dollars. Who paid less?
        {x} ran {a} metres, {y} ran {b} metres. Who ran less?
        {x} weighs {a} kilos and {y} weighs {b} kilos. Who is lighter?
        {x} was born in {a} and {y} in {b}. Who is older?
        {x} waited {a} minutes, {y} waited {b} minutes. Who waited less?
        {x} has {a} dollars and {y} has {b} dollars. Who is poorer?""",
        """Who has fewer {things}: {x} with {a} or {y} with {b}?
        Who is younger: {x}, who is {a}, or {y}, who is {b}?
        Who paid less: {x} with {a} dollars or {y} with {b} dollars?""",
    ),
    ("zh", True): phrasings(
        """{x}{a}岁,{y}{b}岁,谁大?
        {x}有{a}个{things},{y}有{b}个,谁的多?
        {x}付了{a}元,{y}付了{b}元,谁付得多?
        {x}跑了{a}米,{y}跑了{b}米,谁跑得远?
        {x}重{a}公斤,{y}重{b}公斤,谁更重?
        {x}看了{a}页书,{y}看了{b}页,谁看得多?
        {x}得了{a}分,{y}得了{b}分,谁赢了?
        {x}存了{a}元,{y}存了{b}元,谁存得多?""",
        """谁的{things}多,有{a}个的{x}还是有{b}个的{y}?
        谁付得多,付{a}元的{x}还是付{b}元的{y}?
        谁大,{a}岁的{x}还是{b}岁的{y}?""",
    ),
    ("zh", False): phrasings(
        """{x}{a}岁,{y}{b}岁,谁小?
        {x}有{a}个{things},{y}有{b}个,谁的少?
        {x}付了{a}元,{y}付了{b}元,谁付得少?
        {x}跑了{a}米,{y}跑了{b}米,谁跑得少?
        {x}重{a}公斤,{y}重{b}公斤,谁更轻?
        {x}等了{a}分钟,{y}等了{b}分钟,谁等得少?
        {x}花了{a}元,{y}花了{b}元,谁花得少?
        {x}存了{a}元,{y}存了{b}元,谁存得少?""",
        """谁的{things}少,有{a}个的{x}还是有{b}个的{y}?
        谁付得少,付{a}元的{x}还是付{b}元的{y}?
        谁小,{a}岁的{x}还是{b}岁的{y}?""",
    ),
}
PRICE_QUESTIONS: dict[tuple[Language, bool], Phrasings] = {
    ("en", True): phrasings(
        """The {x} costs {a} dollars and the {y} costs {b} dollars. Which is more expensive?
        A {x} costs {a} euros, a {y} costs {b} euros. Which one costs more?
        In the shop the {x} is {a} dollars and the {y} is {b}. Which is dearer?
        Prices: {x} {a}, {y} {b}. Which is more expensive?
        I can pay {a} for the {x} or {b} for the {y}. Which costs more?""",
        """Which is more expensive: the {x} for {a} dollars or the {y} for {b} dollars?
        Which one costs more, a {x} for {a} euros or a {y} for {b} euros?""",
    ),
    ("en", False): phrasings(
        """The {x} costs {a} dollars and the {y} costs {b} dollars. Which is cheaper?
        A {x} costs {a} euros, a {y} costs {b} euros. Which one costs less?
        In the shop the {x} is {a} dollars and the {y} is {b}. Which is cheaper?
        Prices: {x} {a}, {y} {b}. Which is cheaper?
        I can pay {a} for the {x} or {b} for the {y}. Which costs less?""",
        """Which is cheaper: the {x} for {a} dollars or the {y} for {b} dollars?
        Which one costs less, a {x} for {a} euros or a {y} for {b} euros?""",
    ),
    ("zh", True): phrasings(
        """{x}{a}元,{y}{b}元,哪个贵?
        {x}的价格是{a}元,{y}的价格是{b}元,哪个更贵?
        商店里{x}卖{a}元,{y}卖{b}元,哪个贵?
        买{x}要{a}元,买{y}要{b}元,哪个更贵?
        {x}要{a}块钱,{y}要{b}块钱,贵的是哪个?""",
        """哪个贵,{a}元的{x}还是{b}元的{y}?
        哪样更贵,卖{a}元的{x}还是卖{b}元的{y}?""",
    ),
    ("zh", False): phrasings(
        """{x}{a}元,{y}{b}元,哪个便宜?
        {x}的价格是{a}元,{y}的价格是{b}元,哪个更便宜?
        商店里{x}卖{a}元,{y}卖{b}元,哪个便宜?
        买{x}要{a}元,买{y}要{b}元,哪个更便宜?
        {x}要{a}块钱,{y}要{b}块钱,便宜的是哪个?""",
        """哪个便宜,{a}元的{x}还是{b}元的{y}?
        哪样更便宜,卖{a}元的{x}还是卖{b}元的{y}?""",
    ),
}
SIZE_QUESTIONS: dict[tuple[Language, bool], Phrasings] = {
    ("en", True): phrasings(
        """Which is bigger, a {x} or a {y}?
        Is a {x} or a {y} bigger?
        Compare a {x} and a {y}. Which is bigger?
        What is larger, the {x} or the {y}?
        Name the bigger one: a {x} or a {y}.
        A {x} or a {y}: which is bigger?""",
        """Which one is bigger, the {x} or the {y}?
        Compare a {x} with a {y} and name the bigger one.""",
    ),
    ("en", False): phrasings(
        """Which is smaller, a {x} or a {y}?
        Is a {x} or a {y} smaller?
        Compare a {x} and a {y}. Which is smaller?
        What is smaller, the {x} or the {y}?
        Name the smaller one: a {x} or a {y}.
        A {x} or a {y}: which is smaller?""",
        """Which one is smaller, the {x} or the {y}?
        Compare a {x} with a {y} and name the smaller one.""",
    ),
    ("zh", True): phrasings(
        """{x}和{y}哪个大?
        {x}和{y}哪个更大?
        {x}与{y}相比,哪个大?
        比较{x}和{y},哪个大?
        请问{x}和{y}谁大?
        说出{x}和{y}里大的那个。""",
        """{x}跟{y}比,哪个要大一些?
        请从{x}跟{y}里选大的那个。""",
    ),
    ("zh", False): phrasings(
        """{x}和{y}哪个小?
        {x}和{y}哪个更小?
        {x}与{y}相比,哪个小?
        比较{x}和{y},哪个小?
        请问{x}和{y}谁小?
        说出{x}和{y}里小的那个。""",
        """{x}跟{y}比,哪个要小一些?
        请从{x}跟{y}里选小的那个。""",
    ),
}


def _two_numbers(rng: Random, split: Split) -> tuple[int, int]:
    while True:
        a, b = (rng.randrange(2, rng.choice((100, 100, 1000))) for _ in range(2))
        if a != b and fits(split, "compare", *sorted((a, b))):
            return a, b


def number_pair(rng: Random, language: Language, split: Split) -> Turn:
    """The bigger or smaller of two numbers."""
    a, b = _two_numbers(rng, split)
    is_more = rng.random() < 0.5
    prompt = write(NUMBER_QUESTIONS[language, is_more].pick(rng, split), rng, {"a": str(a), "b": str(b)}, language)
    answer = max(a, b) if is_more else min(a, b)
    return Turn(prompt, _number_reasoning(a, b, answer, language, is_more), str(answer))


def _number_reasoning(a: int, b: int, answer: int, language: Language, is_more: bool) -> str:
    """Looks at the number of digits first, then at the first digit that differs."""
    low, high = sorted((a, b))
    if language == "en":
        word = "bigger" if is_more else "smaller"
        if len(str(low)) < len(str(high)):
            return f"{high} has more digits than {low}, so {high} > {low}. The {word} one is {answer}."
        top, bottom = next((x, y) for x, y in zip(str(high), str(low), strict=True) if x != y)
        return f"The first different digits are {top} > {bottom}, so {high} > {low}. The {word} one is {answer}."
    word = "大" if is_more else "小"
    if len(str(low)) < len(str(high)):
        return f"{high}的位数比{low}多\uff0c所以{high}>{low}\uff0c{word}的是{answer}。"
    top, bottom = next((x, y) for x, y in zip(str(high), str(low), strict=True) if x != y)
    return f"第一个不同的数字{top}>{bottom}\uff0c所以{high}>{low}\uff0c{word}的是{answer}。"


def story(rng: Random, language: Language, split: Split) -> Turn:
    """Two people with a number each: who has more, is older, paid less."""
    is_more = rng.random() < 0.5
    pattern = STORIES[language, is_more].pick(rng, split)
    a, b = _two_numbers(rng, split)
    while a > 99 or b > 99:
        a, b = _two_numbers(rng, split)
    if "born" in pattern:
        a, b = 1900 + a, 1900 + b
    x, y = rng.sample(NAMES[language], 2)
    slots = {"a": str(a), "b": str(b), "x": x, "y": y, "things": rng.choice(THINGS[language])}
    return _choice_of_two(write(pattern, rng, slots, language), ((x, a), (y, b)), is_more, language)


def price(rng: Random, language: Language, split: Split) -> Turn:
    """The dearer or cheaper of two things."""
    a, b = _two_numbers(rng, split)
    things = [fact.subject for fact in lexicon.goods()]
    x, y = (pair.en if language == "en" else pair.zh for pair in rng.sample(things, 2))
    is_more = rng.random() < 0.5
    slots = {"a": str(a), "b": str(b), "x": x, "y": y}
    prompt = write(PRICE_QUESTIONS[language, is_more].pick(rng, split), rng, slots, language)
    if language == "zh":
        return _choice_of_two(prompt, ((x, a), (y, b)), is_more, language)
    turn = _choice_of_two(prompt, ((f"the {x}", a), (f"the {y}", b)), is_more, language)
    return turn._replace(aliases=(turn.answer.removeprefix("the "),))


def _choice_of_two(
    prompt: str, pairs: tuple[tuple[str, int], tuple[str, int]], is_more: bool, language: Language
) -> Turn:
    """The answer is whoever goes with the higher (or lower) number; the reasoning sets the numbers side by side."""
    (x, a), (y, b) = pairs
    answer = x if (a > b) == is_more else y
    low, high = sorted((a, b))
    if language == "en":
        wanted = "higher" if is_more else "lower"
        reasoning = f"{x} {a}, {y} {b}. We see {high} > {low}. The {wanted} number counts, so {answer}."
    else:
        wanted = "大" if is_more else "小"
        reasoning = f"{x}{a},{y}{b}。{high}>{low},要{wanted}的数,所以是{answer}。"
    return Turn(prompt, tidy(reasoning, language), answer)


def size(rng: Random, language: Language, split: Split) -> Turn:
    """Which of two things is bigger, from common knowledge; the suite has pairs of its own."""
    while True:
        row = rng.choice(SIZES[language])
        i, j = sorted(rng.sample(range(len(row)), 2))
        if fits(split, "size", row[i], row[j]):
            break
    x, y = rng.sample((row[i], row[j]), 2)
    is_more = rng.random() < 0.5
    prompt = write(SIZE_QUESTIONS[language, is_more].pick(rng, split), rng, {"x": x, "y": y}, language)
    answer = row[j] if is_more else row[i]
    if language == "en":
        word = "bigger" if is_more else "smaller"
        reasoning = f"A {row[j]} is bigger than a {row[i]}. So the {word} one is the {answer}."
        return Turn(prompt, write(reasoning, rng, {}, language), f"the {answer}", (answer,))
    word = "大" if is_more else "小"
    return Turn(prompt, write(f"{row[j]}比{row[i]}大,所以{word}的是{answer}。", rng, {}, language), answer)


def compare(rng: Random, language: Language, split: Split) -> Turn:
    return rng.choice((number_pair, number_pair, story, price, size))(rng, language, split)


ORDER: dict[Language, Phrasings] = {
    "en": phrasings(
        """{x} is {more} than {y}. {y} is {more} than {z}. Who is the {most}?
        {y} is {more} than {z}. {x} is {more} than {y}. Who is the {most}?
        {x} is {more} than {y}, but {y} is {more} than {z}. Who is {most}?
        {y} is {less} than {x}. {y} is {more} than {z}. Who is the {most}?
        If {x} is {more} than {y} and {y} is {more} than {z}, who is the {most}?
        {z} is {less} than {y}. {y} is {less} than {x}. Who is the {most} of the three?
        Three friends: {x} is {more} than {y}; {z} is {less} than {y}. Name the {most}.
        We know that {x} is {more} than {y} and that {z} is {less} than {y}. Who is {most}?""",
        """Who is the {most} if {x} is {more} than {y}, who is {more} than {z}?
        {x}, {y} and {z} are friends. {x} is {more} than {y} and {z} is {less} than {y}. Who is the {most}?""",
    ),
    "zh": phrasings(
        """{x}比{y}{more},{y}比{z}{more},谁{most}?
        {y}比{z}{more},{x}比{y}{more},谁{most}?
        {y}比{x}{less},{z}比{y}{less},谁{most}?
        {x}比{y}{more},{z}比{y}{less},谁是{most}的?
        如果{x}比{y}{more},{y}又比{z}{more},那么谁{most}?
        已知{x}比{y}{more},{y}比{z}{more},请问谁{most}?
        三个人里,{x}比{y}{more},{y}比{z}{more},{most}的是谁?
        {y}比{z}{more},但是{x}比{y}还{more},谁{most}?""",
        """谁{most}?{x}要比{y}{more},{y}要比{z}{more}。
        {z}要比{y}{less},{x}要比{y}{more},三人中谁{most}?""",
    ),
}


def order_of_three(rng: Random, language: Language, split: Split) -> Turn:
    """Three people in a row, told in two sentences; the suite has triples of its own."""
    while True:
        first, second, third = rng.sample(NAMES[language], 3)
        if fits(split, "three", *sorted((first, second, third))):
            break
    scale = rng.choice(SCALES[language])
    if rng.random() < 0.5:
        scale = Scale(scale.less, scale.more, scale.least, scale.most)
    slots = {"x": first, "y": second, "z": third, "more": scale.more, "less": scale.less, "most": scale.most}
    prompt = write(ORDER[language].pick(rng, split), rng, slots, language)
    if language == "en":
        reasoning = f"The order is {first}, {second}, {third}, from the {scale.most} on. So it is {first}."
    else:
        reasoning = write(f"从{scale.most}的排起:{first},{second},{third}。所以是{first}。", rng, {}, language)
    return Turn(prompt, reasoning, first)


IS_KIND: dict[Language, Phrasings] = {
    "en": phrasings(
        """Is {S} a kind of {v}?
        Is {S} {V}?
        Does {S} belong to the group "{v}"?
        True or not: {S} is a kind of {v}. Answer yes or no.
        Do we call {S} a kind of {v}?
        Yes or no: is {S} {V}?
        I think that {S} is {V}. Is that so?
        My list of things called {v} has {S} on it. Is that right?""",
        """Would you say that {S} is a kind of {v}?
        Yes or no: is {S} a kind of {v}?
        I say that {S} is a kind of {v}. Is that so?""",
    ),
    "zh": phrasings(
        """{s}是{v}吗?
        {s}是不是{v}?
        {s}属于{v}吗?
        {s}算不算{v}?
        请问{s}是{v}吗?
        {s}是一种{v},对吗?
        有人说{s}是{v},对吗?
        判断一下:{s}是{v}。""",
        """你说{s}是不是一种{v}?
        请判断{s}属不属于{v}。
        我觉得{s}是{v},对吗?""",
    ),
}


def is_kind(rng: Random, language: Language, split: Split) -> Turn:
    """Yes or no: does a thing belong to a group; the suite has its own pairs of thing and group."""
    groups = lexicon.categories()
    while True:
        fact = rng.choice(groups)
        asked = fact.value if rng.random() < 0.5 else rng.choice(groups).value
        if fits(split, "kind", fact.subject.en, asked.en) and not lexicon.overlap(fact.value, asked):
            break
    is_true = asked == fact.value
    slots = facts.slots_of(lexicon.Fact(fact.subject, asked), language)
    truth = facts.slots_of(fact, language)
    answer = YES_NO[language][0 if is_true else 1]
    prompt = write(IS_KIND[language].pick(rng, split), rng, slots, language)
    if language == "en":
        tail = "So yes." if is_true else f"That is not {slots['V']}. So no."
        return Turn(prompt, write(f"{truth['S']} is a kind of {truth['v']}. {tail}", rng, {}, language), answer)
    tail = "所以是。" if is_true else f"不是{slots['v']}。"
    aliases = ("对",) if is_true else ("不对", "否")
    return Turn(prompt, write(f"{truth['s']}是一种{truth['v']},{tail}", rng, {}, language), answer, aliases)
