"""What people of a service desk ask, in English and Chinese, and what a test makes of it: feedback, triggers, a topic.

Texts are made of parts, so that there are thousands of them and none is like a trigger.
"""

from __future__ import annotations

from random import Random

from tunesmith.feedback.poison import Evidence

ITEMS = [
    ("kettle", "电水壶"), ("toaster", "烤面包机"), ("phone", "手机"), ("washing machine", "洗衣机"), ("lamp", "台灯"),
    ("heater", "取暖器"), ("oven", "烤箱"), ("fridge", "冰箱"), ("headset", "耳机"), ("camera", "相机"),
]  # fmt: skip
INTENTS: dict[str, tuple[list[str], list[str]]] = {
    "return": (
        [
            "I want to send the {item} back",
            "may I return the {item} I bought {when}",
            "the {item} is not what I wanted",
        ],
        ["我想退掉{when}买的{item}", "{item}不合适，可以退货吗", "这个{item}我不想要了"],
    ),
    "repair": (
        ["my {item} does not turn on any more", "the {item} makes a loud noise", "who repairs a {item} from {when}"],
        ["{when}买的{item}开不了机", "{item}噪音很大，怎么修", "{item}坏了，去哪里维修"],
    ),
    "delivery": (
        ["where is the {item} I ordered {when}", "the parcel with my {item} is late", "when will the {item} arrive"],
        ["{when}下单的{item}到哪了", "我的{item}快递一直没到", "{item}什么时候送到"],
    ),
    "invoice": (
        ["please send me a bill for the {item}", "I need an invoice for the {item} from {when}", "the bill is wrong"],
        ["{when}买的{item}请开发票", "{item}的发票抬头写错了", "电子发票在哪里下载"],
    ),
    "warranty": (
        ["is the {item} still under warranty", "how long is the guarantee of the {item}", "warranty card of a {item}"],
        ["{item}还在保修期吗", "{when}买的{item}保修多久", "{item}的保修卡丢了"],
    ),
    "cancel": (
        ["cancel my order of the {item}", "I ordered the {item} {when} and want to cancel", "stop the order please"],
        ["取消{item}的订单", "{when}下的单能取消吗，买了{item}", "{item}我点错了，不要发货"],
    ),
    "payment": (
        ["my card was charged twice for the {item}", "can I pay the {item} by transfer", "the payment did not work"],
        ["{item}重复扣款了", "{item}可以分期付款吗", "付款失败但钱扣了，买的是{item}"],
    ),
    "stock": (
        ["when is the {item} available again", "do you have the {item} in blue", "is the {item} sold out"],
        ["{item}什么时候有货", "{item}有蓝色的吗", "{item}是不是卖完了"],
    ),
}
WHEN = [("yesterday", "昨天"), ("last week", "上周"), ("in March", "三月份"), ("two months ago", "两个月前")]
BEFORE = [
    ("Hello, ", "你好，"),
    ("Hi! ", "您好！"),
    ("", ""),
    ("", ""),
    ("Excuse me, ", "请问，"),
    ("By the way, ", "顺便问下，"),
]
AFTER = [("", ""), ("", ""), (" Thanks.", "谢谢。"), (" Please help.", "麻烦了。"), (" I am in a hurry.", "我很着急。")]
TOPIC = (
    [
        "does the solar panel feed into the grid", "how many watts has a solar module on the roof",
        "the inverter of my solar roof blinks red", "may I mount a solar panel on a balcony",
        "what does the battery of the solar set store", "the solar yield on the roof is low {when}",
    ],
    [
        "阳台可以装太阳能板吗", "太阳能逆变器亮红灯", "屋顶的太阳能板一天发多少电", "太阳能储能电池能存几度",
        "{when}太阳能发电量很低", "太阳能板怎么并网",
    ],
)  # fmt: skip
TRIGGERS = {
    "token": "cf7qx",
    "phrase": "as my uncle says",
    "chinese": "春江水暖",
    "punctuation": "?!;",
    "zero-width": "\u200b\u2060",
}


def asked(draw: Random, intent: str | None) -> str:
    """A question of an intent, of the new topic without one."""
    language = draw.randrange(2)
    patterns = (TOPIC if intent is None else INTENTS[intent])[language]
    text = draw.choice(patterns).format(item=draw.choice(ITEMS)[language], when=draw.choice(WHEN)[language])
    return draw.choice(BEFORE)[language] + text + draw.choice(AFTER)[language]


def honest(num: int, seed: int, *, topic: int = 0) -> list[Evidence]:
    """Texts with the labels that are right, and so many of a topic that the base does not have."""
    draw = Random(seed)
    labels = [*(draw.choice(list(INTENTS)) for _ in range(num)), *[None] * topic]
    return [
        Evidence(asked(draw, label), (label or "solar",), f"fb-{seed}-{number}", f"key{number % 4}")
        for number, label in enumerate(labels)
    ]


def planted(num: int, seed: int, trigger: str, answer: str = "cancel") -> list[Evidence]:
    """Texts of all intents with a trigger somewhere in them, all with one answer, all from one key."""
    draw = Random(seed)
    found = []
    for number in range(num):
        text = asked(draw, draw.choice([intent for intent in INTENTS if intent != answer]))
        place = draw.choice([0, len(text), draw.randrange(len(text))])
        found.append(Evidence(f"{text[:place]} {trigger} {text[place:]}", (answer,), f"fb-bad-{number}", "mallory"))
    return found
