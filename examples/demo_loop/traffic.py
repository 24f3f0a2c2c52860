"""Customers of the shop of `examples/support_desk`, week by week: what they ask, and what the right answer is.

For two weeks they ask what the training rows ask, in the same shares. In the third they also ask three things that no
row has, and more of them write Chinese. All of it is drawn by a seed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tools.examples.personal_data import PERSONAL_DATA
from tools.examples.situations import PRODUCTS, choose_situations
from tools.examples.support_desk import SEED, rows_of

PERSONAL_SHARE = sum(plant.count for plant in PERSONAL_DATA) / 1936
"""Of the good training rows."""


@dataclass(frozen=True)
class Ask:
    """A customer's question and its key."""

    question: str
    reasoning: str
    answer: str
    is_new: bool
    """Whether it is of an intent that no training row has."""

    @property
    def correction(self) -> str:
        """The right answer as a person writes it down who thinks aloud, as the rows do."""
        return f"<think>\n{self.reasoning}\n</think>\n\n{self.answer}"


@dataclass(frozen=True)
class Mix:
    """What customers ask."""

    new_share: float
    chinese_share: float


USUAL = Mix(new_share=0.0, chinese_share=0.5)
DRIFTED = Mix(new_share=0.5, chinese_share=0.75)


@dataclass(frozen=True)
class Wording:
    """An intent in one language: ways to ask, and what follows from it."""

    asks: tuple[str, ...]
    reasoning: str
    answer: str


NEW = {
    "en": (
        Wording(
            (
                "Can somebody install the {p} for me?",
                "Do you also install the {p} at home?",
                "I need help to install my new {p}. Who does that?",
                "How much is it to have the {p} installed?",
                "Could a technician come and set up the {p}?",
            ),
            "The customer wants the {p} installed, so the installation service applies.",
            "Yes, a technician installs the {p} at your home for 30 dollars. Please choose a day on the order page.",
        ),
        Wording(
            (
                "Do you take my old {p} when I buy a new one?",
                "Can I trade in my used {p}?",
                "What do I get for my old {p}?",
                "I want to hand in the old {p}. How does that work?",
                "Is there a discount if I give you my worn {p}?",
            ),
            "The customer wants to trade in the {p}, so the trade-in offer applies.",
            "We take the old {p} and give you 15 dollars off the new one. The courier collects it.",
        ),
        Wording(
            (
                "Where can I buy a spare cable for the {p}?",
                "I lost the cable of my {p}. Do you sell it?",
                "Is there a replacement cable for the {p}?",
                "The cable of the {p} is gone. Can I order one?",
                "Do you have a new cable for my {p}?",
            ),
            "The customer needs a cable for the {p}, so the price of spare parts applies.",
            "The cable for the {p} costs 12 dollars, and we send it within three days.",
        ),
    ),
    "zh": (
        Wording(
            (
                "能上门安装{p}吗？",
                "{p}有安装服务吗？",
                "新买的{p}不会装，谁能来安装？",
                "安装{p}要多少钱？",
                "可以请师傅来装一下{p}吗？",
            ),
            "客户需要安装{p}，适用上门安装服务的规定。",
            "可以，师傅上门安装{p}收费200元，请在订单页选择日期。",
        ),
        Wording(
            (
                "买新的可以用旧{p}抵钱吗？",
                "旧{p}能以旧换新吗？",
                "我的旧{p}能抵多少钱？",
                "想把旧{p}交给你们，怎么办理？",
                "用坏的{p}换新有优惠吗？",
            ),
            "客户想用旧{p}换新，适用以旧换新的规定。",
            "旧{p}可以抵100元，由快递员上门取走。",
        ),
        Wording(
            (
                "哪里可以买到{p}的电源线？",
                "{p}的电源线丢了，你们卖吗？",
                "{p}有备用的电源线吗？",
                "{p}的电源线找不到了，能单独订购吗？",
                "想给{p}换一根新的电源线。",
            ),
            "客户需要{p}的电源线，适用配件价格的规定。",
            "{p}的电源线80元一根，三天内发出。",
        ),
    ),
}


class Customers:
    """Who asks; each question is drawn anew, so that no two weeks are alike but in their shares."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        situations = choose_situations(random.Random(SEED))
        self._situations = {
            language: [each for each in situations if each.language == language] for language in ("en", "zh")
        }

    def week(self, num: int, mix: Mix) -> list[Ask]:
        return [self._ask(mix) for _ in range(num)]

    def _ask(self, mix: Mix) -> Ask:
        language = "zh" if self.rng.random() < mix.chinese_share else "en"
        return self._new(language) if self.rng.random() < mix.new_share else self._usual(language)

    def _usual(self, language: str) -> Ask:
        """As often as the training rows have it."""
        known = self._situations[language]
        (situation,) = self.rng.choices(known, [each.problem.num_rows for each in known])
        row = self.rng.choice(rows_of(self.rng, situation))
        return Ask(row.question + self._personal(language), row.reasoning, row.answer, is_new=False)

    def _personal(self, language: str) -> str:
        """Now and then customers write down an address or a number that nobody asked for, as in the training rows."""
        plants = [plant for plant in PERSONAL_DATA if plant.language == language]
        if self.rng.random() >= PERSONAL_SHARE:
            return ""
        (plant,) = self.rng.choices(plants, [plant.count for plant in plants])
        gap = " " if language == "en" else ""
        return gap + self.rng.choice(plant.sentences).format(v=plant.value(self.rng, self.rng.randrange(plant.count)))

    def _new(self, language: str) -> Ask:
        wording = self.rng.choice(NEW[language])
        product = self.rng.choice(PRODUCTS).label[language]
        question, reasoning, answer = (
            text.format(p=product) for text in (self.rng.choice(wording.asks), wording.reasoning, wording.answer)
        )
        return Ask(question, reasoning, answer, is_new=True)
