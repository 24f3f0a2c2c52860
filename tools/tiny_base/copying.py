"""The skill of carrying a name over: who or what a message is about, also when the name was never seen before."""

from __future__ import annotations

from random import Random

from tools.tiny_base.patterns import Language, Phrasings, Split, Turn, lines, names, phrasings, write

THINGS: dict[Language, tuple[str, ...]] = {
    "en": names("""phone kettle lamp oven toaster fridge fan heater camera tablet printer speaker watch mixer iron
        washer blender scale radio monitor router grill dryer cooker cleaner bike chair clock charger keyboard"""),
    "zh": names("""手机 水壶 台灯 烤箱 冰箱 风扇 取暖器 相机 平板 打印机 音箱 手表 搅拌机 熨斗 洗衣机 电视 耳机
        吸尘器 电饭煲 空调 键盘 路由器 自行车 椅子 闹钟 充电器 微波炉 油烟机 电脑 净水器"""),
}
SYLLABLES = names("""ba be bo ca co da de do fa fi ga go ha hi jo ka ki la le lo ma me mo na ne no pa pe po ra re ro
    sa se so ta te to va ve vi wa za zo ran ter lin mor vel don san kel""")
CHARACTERS = "星月云山海风林雪松竹梅兰青蓝白红金银天河光明新华东南西北春秋飞龙虎鹤鹿鹰雁燕鹊溪泉石玉宝安康乐福达通远"
STATES: dict[Language, tuple[str, ...]] = {
    "en": lines("""does not start
        is broken
        came late
        makes a noise
        lost its cover
        has a scratch
        was the wrong colour
        is too hot
        arrived yesterday
        works well
        needs a new part
        cost 90 dollars"""),
    "zh": lines("""打不开了
        坏了
        送晚了
        有响声
        盖子丢了
        有划痕
        颜色不对
        太烫了
        昨天到货
        很好用
        要换零件
        花了90元"""),
}
QUESTIONS: dict[Language, Phrasings] = {
    "en": phrasings(
        """My {x} {state}. Which thing do I mean?
        Hello, the {x} {state}. What is this about?
        The {x} {state}, the {y} is fine. Which one has my attention first?
        I bought the {y} and the {x}. The {x} {state}. Which of them {state}?
        Read this: "The {x} {state}." Name the thing.
        A customer says that the {x} {state}. Which product is it?
        Please help, my {x} {state} since Monday. Which device?
        The {x} {state}. What do I own?""",
        "Tell me the product: the {x} {state}.",
    ),
    "zh": phrasings(
        """我的{x}{state},我说的是什么?
        您好,{x}{state}。说的是哪件东西?
        我买了{y}和{x},{x}{state}。是哪一件{state}?
        {x}{state},请说出它的名字。
        顾客说{x}{state},是哪种商品?
        麻烦看一下,{x}{state}。是哪一件?
        请读:“{x}{state}。”里面提到了什么?
        昨天发现{x}{state},问的是什么?""",
        "请说出商品:{x}{state}。",
    ),
}
REASONING: dict[Language, tuple[str, ...]] = {
    "en": lines("""The message is about the {x}.
        The thing is named: the {x}, and it {state}.
        The customer speaks of the {x}, which {state}."""),
    "zh": lines("""说的是{x}。
        提到的东西是{x},它{state}。
        客户的{x}{state}。"""),
}


def make(rng: Random, language: Language, split: Split) -> Turn:
    """A product, its name often invented, is said once or twice and must be said again."""
    product, other = (_product(rng, language) for _ in range(2))
    slots = {"x": product, "y": other, "state": rng.choice(STATES[language])}
    prompt = write(QUESTIONS[language].pick(rng, split), rng, slots, language)
    reasoning = write(rng.choice(REASONING[language]), rng, slots, language)
    answer = f"the {product}" if language == "en" else product
    return Turn(prompt, reasoning, answer, (product,))


def _product(rng: Random, language: Language) -> str:
    thing = rng.choice(THINGS[language])
    if rng.random() < 0.25:
        return thing
    if language == "zh":
        return "".join(rng.sample(CHARACTERS, rng.choice((2, 2, 3)))) + thing
    name = "".join(rng.sample(SYLLABLES, rng.choice((2, 2, 3)))).capitalize()
    return f"{name} {thing}"
