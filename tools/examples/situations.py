"""The fictional shop: products, problems, and which product x problem x circumstance each language covers."""

from __future__ import annotations

import random
from dataclasses import dataclass

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Product:
    """One product: `name` is the id, `label` maps a language to the words customers use."""

    name: str
    label: dict[str, str]
    groups: frozenset[str]


@dataclass(frozen=True)
class Case:
    """One circumstance of a problem: ways a customer says it, and the texts that follow from it."""

    says: tuple[str, ...]
    reasoning: str
    answer: str


@dataclass(frozen=True)
class Wording:
    """One problem in one language. `asks` hold `{p}` (product) and `{c}` (circumstance); cases are by name."""

    asks: tuple[str, ...]
    cases: dict[str, Case]


@dataclass(frozen=True)
class Problem:
    """One problem: the group of products it can happen to, its circumstances, good rows a situation."""

    name: str
    intent: str
    group: str
    cases: tuple[str, ...]
    num_rows: int


@dataclass(frozen=True)
class Situation:
    """A product x problem x circumstance in one language; it decides reasoning and answer."""

    language: str
    product: Product
    problem: Problem
    case: str

    @property
    def name(self) -> str:
        return f"{self.language}-{self.product.name}-{self.problem.name}-{self.case}"


def _product(name: str, en: str, zh: str, *groups: str) -> Product:
    return Product(name, {"en": en, "zh": zh}, frozenset({"all", *groups}))


PRODUCTS = (
    _product("kettle", "kettle", "电水壶", "wet"),
    _product("rice_cooker", "rice cooker", "电饭煲", "wet"),
    _product("iron", "iron", "电熨斗", "wet"),
    _product("coffee_machine", "coffee machine", "咖啡机", "wet", "loud"),
    _product("dishwasher", "dishwasher", "洗碗机", "wet", "loud"),
    _product("washing_machine", "washing machine", "洗衣机", "wet", "loud"),
    _product("humidifier", "humidifier", "加湿器", "wet", "loud"),
    _product("fridge", "fridge", "冰箱", "wet", "loud"),
    _product("blender", "blender", "搅拌机", "loud"),
    _product("microwave", "microwave", "微波炉", "loud"),
    _product("oven", "oven", "电烤箱", "loud"),
    _product("vacuum_cleaner", "vacuum cleaner", "吸尘器", "loud"),
    _product("air_fryer", "air fryer", "空气炸锅", "loud"),
    _product("fan", "fan", "电风扇", "loud"),
    _product("heater", "heater", "取暖器", "loud"),
    _product("toaster", "toaster", "面包机"),
    _product("egret_phone", "Egret phone", "白鹭手机", "phone"),
    _product("magpie_phone", "Magpie phone", "喜鹊手机", "phone"),
    _product("swift_phone", "Swift phone", "雨燕手机", "phone"),
    _product("robin_phone", "Robin phone", "知更鸟手机", "phone"),
    _product("crane_phone", "Crane phone", "仙鹤手机", "phone"),
    _product("swan_phone", "Swan phone", "天鹅手机", "phone"),
    _product("raven_phone", "Raven phone", "渡鸦手机", "phone"),
    _product("kingfisher_phone", "Kingfisher phone", "翠鸟手机", "phone"),
)

_WARRANTY = ("in_warranty", "out_of_warranty")
_SHIPPING = ("not_shipped", "shipped")

# Numbers fall from repairs to invoices on purpose: a support desk's intents are never balanced.
PROBLEMS = (
    Problem("no_power", "repair", "all", _WARRANTY, 5),
    Problem("burning_smell", "repair", "all", _WARRANTY, 4),
    Problem("noise", "repair", "loud", _WARRANTY, 5),
    Problem("leak", "repair", "wet", _WARRANTY, 5),
    Problem("battery", "repair", "phone", _WARRANTY, 5),
    Problem("change_of_mind", "return", "all", ("3_days", "20_days", "40_days"), 5),
    Problem("wrong_item", "exchange", "all", ("sealed", "opened"), 3),
    Problem("damaged", "exchange", "all", ("today", "last_week"), 3),
    Problem("late", "delivery", "all", ("2_days", "9_days"), 4),
    Problem("new_address", "order_change", "all", _SHIPPING, 2),
    Problem("cancel", "order_change", "all", _SHIPPING, 2),
    Problem("refund_wait", "refund", "all", ("2_days", "12_days"), 2),
    Problem("price_drop", "price", "all", ("5_days", "25_days"), 1),
    Problem("invoice", "invoice", "all", ("personal", "company"), 1),
)


def choose_situations(rng: random.Random) -> list[Situation]:
    """Deal each circumstance's products out to the languages, which so never share a situation's parts."""
    chosen: list[Situation] = []
    for problem in PROBLEMS:
        fitting = [product for product in PRODUCTS if problem.group in product.groups]
        for case in problem.cases:
            rng.shuffle(fitting)
            for index, product in enumerate(fitting):
                chosen.append(Situation(LANGUAGES[index % 2], product, problem, case))
    return chosen
