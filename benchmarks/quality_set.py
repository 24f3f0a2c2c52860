"""Generated rows with faults planted at stated rates: tickets with labels and orders to add up, English and Chinese.

Each fault belongs to one of the three Cs. Nothing here is taken from the code that looks for the faults.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

Row = dict[str, Any]

OPENERS: Final = {
    "en": (
        "Good morning.",
        "Hello there,",
        "Quick question:",
        "I bought this in {month}.",
        "Second try, please help:",
        "My neighbour sent me to you.",
        "As I told you by phone,",
        "Sorry to bother you again,",
        "To whom it concerns:",
        "I am writing from {city}.",
        "Customer since {month} here.",
        "Please forward this:",
    ),
    "zh": (
        "早上好。",
        "您好，",
        "请教一下：",
        "我是{month}买的。",
        "再问一次，麻烦了：",
        "邻居让我来问你们。",
        "电话里说过，",
        "又打扰了，",
        "有件事想反映：",
        "我在{city}。",
        "我从{month}起就是你们的客户。",
        "请转交：",
    ),
}
PLACES: Final = {
    "en": ("Leeds", "Boston", "Perth", "Dublin", "Toronto", "Bristol", "Denver", "Cardiff"),
    "zh": ("苏州", "成都", "青岛", "厦门", "长沙", "西安", "大连", "昆明"),
}
MONTHS: Final = {
    "en": ("January", "March", "April", "June", "August", "October", "December"),
    "zh": ("一月", "三月", "四月", "六月", "八月", "十月", "十二月"),
}
THINGS: Final = {
    "en": (
        "kettle",
        "headphones",
        "desk lamp",
        "keyboard",
        "blender",
        "backpack",
        "printer",
        "heater",
        "speaker",
        "vacuum cleaner",
        "tablet",
        "office chair",
        "rice cooker",
        "camera",
        "monitor",
        "hair dryer",
    ),
    "zh": (
        "水壶",
        "耳机",
        "台灯",
        "键盘",
        "搅拌机",
        "背包",
        "打印机",
        "取暖器",
        "音箱",
        "吸尘器",
        "平板电脑",
        "办公椅",
        "电饭煲",
        "相机",
        "显示器",
        "吹风机",
    ),
}
CORES: Final = {
    "refund": {
        "en": (
            "the money for the {thing} has not come back",
            "I want to be repaid for the {thing}",
            "the {thing} was returned but no refund arrived",
            "when will you reimburse the {thing}",
            "the bank shows no credit for the {thing} yet",
        ),
        "zh": (
            "{thing}的退款还没有到账",
            "我想要回买{thing}的钱",
            "{thing}已经退回，但没收到退款",
            "{thing}什么时候返还货款",
            "银行卡里还看不到{thing}退的钱",
        ),
    },
    "delivery": {
        "en": (
            "the parcel with the {thing} is lost",
            "the courier never brought the {thing}",
            "tracking of the {thing} has not moved for days",
            "where is the shipment of my {thing}",
            "the driver left the {thing} at a wrong address",
        ),
        "zh": (
            "装{thing}的包裹不见了",
            "快递一直没有送来{thing}",
            "{thing}的物流好几天没有更新",
            "我的{thing}发货到哪里了",
            "快递员把{thing}送错了地址",
        ),
    },
    "repair": {
        "en": (
            "the {thing} makes a strange noise and stops",
            "the {thing} no longer switches on",
            "a part of the {thing} broke, is it under warranty",
            "the {thing} overheats after ten minutes",
            "can a technician mend the {thing}",
        ),
        "zh": (
            "{thing}有异响然后停机",
            "{thing}开不了机了",
            "{thing}有个零件坏了，在保修期内吗",
            "{thing}用十分钟就过热",
            "能派师傅来修{thing}吗",
        ),
    },
    "invoice": {
        "en": (
            "the invoice for the {thing} lacks our tax number",
            "please send a receipt for the {thing}",
            "accounting needs a corrected bill of the {thing}",
            "the company name on the {thing} invoice is misspelt",
            "I cannot download the VAT document of the {thing}",
        ),
        "zh": (
            "{thing}的发票上没有税号",
            "请开一张{thing}的收据",
            "财务需要更正{thing}的账单",
            "{thing}发票的公司抬头写错了",
            "下载不了{thing}的增值税凭证",
        ),
    },
    "praise": {
        "en": (
            "the {thing} is wonderful, thank your team",
            "I love the {thing}, excellent quality",
            "great service when I chose the {thing}",
            "the {thing} exceeded all I hoped for",
            "five stars for the {thing} and the friendly staff",
        ),
        "zh": (
            "{thing}太好用了，谢谢你们",
            "我很喜欢{thing}，质量一流",
            "选购{thing}时服务很周到",
            "{thing}比想象的还要好",
            "给{thing}和热情的店员打五星",
        ),
    },
}
ENDS: Final = {
    "en": (
        "Reference {number}.",
        "My order is {number}.",
        "Please answer soon.",
        "It is rather urgent, case {number}.",
        "Thanks in advance, {name}.",
        "You can write to me any evening.",
        "What happens next?",
        "I have waited {days} days.",
        "Regards from all of us, {name}.",
        "Please check file {number}.",
    ),
    "zh": (
        "编号{number}。",
        "订单号是{number}。",
        "请尽快答复。",
        "比较着急，单号{number}。",
        "先谢谢了，{name}。",
        "晚上都可以联系我。",
        "接下来怎么办？",
        "已经等了{days}天。",
        "此致，{name}。",
        "请查一下档案{number}。",
    ),
}
NAMES: Final = {
    "en": ("Inga", "Tomas", "Greta", "Owen", "Mara", "Felix", "Nora", "Hugo"),
    "zh": ("小周", "阿梅", "老韩", "小蒋", "阿强", "小沈", "老陶", "小薛"),
}
SCENARIOS: Final = tuple(
    f"{when}-{where}"
    for when in ("day", "night", "holiday", "sale")
    for where in ("app", "web", "phone", "shop", "partner")
)
SCHEMA: Final = {
    "type": "object",
    "required": ["items", "total"],
    "properties": {"items": {"type": "integer"}, "total": {"type": "number"}},
}


@dataclass
class Planted:
    """The rows of both files, and for each planted fault the lines that show it (1 is the first row)."""

    tickets: list[Row]
    orders: list[Row]
    lines: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    uncovered: set[str] = field(default_factory=set)
    """Declared scenarios that no row has."""

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in (("tickets", self.tickets), ("orders", self.orders)):
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
        (folder / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")


def section_of(folder: Path) -> Row:
    """The `prepare` section that reads them."""
    return {
        "sources": [str(folder / "tickets.jsonl"), str(folder / "orders.jsonl")],
        "max_bad_share": 0.6,
        "quality": {
            "covers": {"scenario": list(SCENARIOS)},
            "checks": {"number": "expected", "arithmetic": True, "json_schema": str(folder / "schema.json")},
        },
    }


def sound_rows(num_tickets: int, seed: int) -> tuple[list[Row], list[Row]]:
    """Tickets, and half as many orders, without a fault."""
    draw = random.Random(f"sound {seed}")
    tickets: dict[str, Row] = {}
    orders: dict[str, Row] = {}
    while len(tickets) < num_tickets:
        ticket = _ticket(draw, len(tickets))
        tickets.setdefault(ticket["text"], ticket)
    while len(orders) < num_tickets // 2:
        order = _order(draw, len(orders))
        orders.setdefault(order["question"], order)
    return list(tickets.values()), list(orders.values())


def _ticket(draw: random.Random, number: int) -> Row:
    language = ("en", "zh")[number % 2]
    label = tuple(CORES)[number // 2 % len(CORES)]
    parts = [draw.choice(pool[language]) for pool in (OPENERS, CORES[label], ENDS)]
    text = (
        (" " if language == "en" else "")
        .join(parts)
        .format(
            thing=draw.choice(THINGS[language]),
            month=draw.choice(MONTHS[language]),
            city=draw.choice(PLACES[language]),
            name=draw.choice(NAMES[language]),
            number=draw.randrange(10**5, 10**6),
            days=draw.randrange(3, 30),
        )
    )
    return {"text": text, "label": label, "scenario": SCENARIOS[draw.randrange(len(SCENARIOS))]}


def _order(draw: random.Random, number: int) -> Row:
    language = ("en", "zh")[number % 2]
    first, second = draw.sample(THINGS[language], 2)
    (a, p), (b, q) = ((draw.randrange(2, 10), draw.randrange(11, 90)) for _ in range(2))
    name = draw.choice(NAMES[language])
    question = {
        "en": f"{name} orders {a} of the {first} at {p} dollars each and {b} of the {second} at {q}. What is the sum?",
        "zh": f"{name}买了{a}件{first}，每件{p}元，又买了{b}件{second}，每件{q}元，一共多少钱？",
    }[language]
    total = a * p + b * q
    return {
        "question": question,
        "reasoning": f"{a} * {p} = {a * p}\n{b} * {q} = {b * q}\n{a * p} + {b * q} = {total}",
        "answer": json.dumps({"items": a + b, "total": total}),
        "expected": total,
        "scenario": SCENARIOS[draw.randrange(len(SCENARIOS))],
    }


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to spoil a row: it returns the row that takes its place, or one that is added (`adds`)."""

    criterion: str
    part: str
    file: str
    spoil: Callable[[Row, random.Random], Row]
    adds: bool = False


def _other_label(row: Row, draw: random.Random) -> str:
    return draw.choice([label for label in CORES if label != row["label"]])


def _twin(row: Row, draw: random.Random) -> Row:
    polite = " Thanks!" if row["text"].isascii() else "多谢！"
    return row | {"text": row["text"] + polite, "label": _other_label(row, draw)}


def _answered(row: Row, change: int) -> Row:
    said = json.loads(row["answer"])
    return row | {"answer": json.dumps(said | {"total": said["total"] + change})}


def _in_prose(row: Row, _: random.Random) -> Row:
    said = json.loads(row["answer"])
    return row | {"answer": f"These are {said['items']} pieces for {said['total']}"}


def _wrong_sum(row: Row, draw: random.Random) -> Row:
    sums = row["reasoning"].splitlines()
    place = draw.randrange(len(sums))
    left, right = sums[place].split(" = ")
    sums[place] = f"{left} = {int(right) + draw.choice((-10, -2, 1, 3, 100))}"
    return row | {"reasoning": "\n".join(sums)}


def _as_text(row: Row, _: random.Random) -> Row:
    said = json.loads(row["answer"])
    return row | {"answer": json.dumps(said | {"total": f"{said['total']} dollars"})}


FAULTS: Final[Mapping[str, Fault]] = {
    "label of a near-duplicate": Fault("consistency", "labels", "tickets", _twin, adds=True),
    "spelling of a label": Fault(
        "consistency",
        "spelling",
        "tickets",
        lambda row, draw: row | {"label": draw.choice((row["label"].title(), row["label"].upper()))},
    ),
    "contradicting answer": Fault(
        "consistency", "answers", "orders", lambda row, draw: _answered(row, draw.randrange(1, 50)), adds=True
    ),
    "odd format": Fault("consistency", "format", "orders", _in_prose),
    "missing label": Fault("completeness", "fields", "tickets", lambda row, _: row | {"label": ""}),
    "missing scenario": Fault("completeness", "fields", "tickets", lambda row, _: row | {"scenario": ""}),
    "missing answer": Fault("completeness", "fields", "orders", lambda row, _: row | {"answer": ""}),
    "open reasoning": Fault(
        "completeness",
        "reasoning",
        "orders",
        lambda row, _: row | {"answer": f"<think>{row['reasoning']}", "reasoning": ""},
    ),
    "wrong label": Fault(
        "correctness", "label_noise", "tickets", lambda row, draw: row | {"label": _other_label(row, draw)}
    ),
    "wrong number": Fault("correctness", "number", "orders", lambda row, draw: _answered(row, draw.randrange(1, 50))),
    "wrong sum": Fault("correctness", "arithmetic", "orders", _wrong_sum),
    "broken schema": Fault("correctness", "json_schema", "orders", _as_text),
}
UNCOVERED: Final = "uncovered scenario"
CRITERIA: Final = ("consistency", "completeness", "correctness")


def planted(num_tickets: int, criterion: str, rate: float, seed: int = 0) -> Planted:
    """Sound rows in which a share `rate` of each file has a fault of the criterion, each of its kinds equally often."""
    tickets, orders = sound_rows(num_tickets, seed)
    files = {"tickets": tickets, "orders": orders}
    gone = set(SCENARIOS[: round(rate * len(SCENARIOS))]) if criterion == "completeness" else set()
    spoiled: list[tuple[str, Row]] = []
    for file, rows in files.items():
        rows[:] = [row for row in rows if row["scenario"] not in gone]
        of_file = [name for name, fault in FAULTS.items() if (fault.criterion, fault.file) == (criterion, file)]
        draw = random.Random(f"{criterion} {file} {seed}")
        victims = draw.sample(range(len(rows)), round(rate * len(rows)))
        for number, place in enumerate(victims):
            name = of_file[number % len(of_file)]
            row = FAULTS[name].spoil(rows[place], draw)
            spoiled.append((name, row))
            if FAULTS[name].adds:
                rows.append(row)
            else:
                rows[place] = row
    made = Planted(tickets, orders)
    places = {id(row): (file, line) for file, rows in files.items() for line, row in enumerate(rows, 1)}
    for name, row in spoiled:
        made.lines.setdefault(name, set()).add(places[id(row)])
    made.uncovered = gone
    return made
