"""Words and sentence forms of the finance example: the form and the metric decide the label, by rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Metric:
    """A reported figure; `polarity` is +1 when more of it is good news, -1 when more of it is bad news."""

    en: str
    zh: str
    polarity: int
    is_ratio: bool = False


class Needs(Enum):
    """Which metrics a form takes."""

    NONE = "none"
    ANY = "any"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class Form:
    """A sentence form in both languages.

    The label is the sign of `effect`, times the metric's polarity where `needs` is ANY.
    """

    pattern: str
    effect: int
    needs: Needs
    en: tuple[str, ...]
    zh: tuple[str, ...]


GOOD_METRICS = (
    Metric("revenue", "营业收入", 1),
    Metric("net profit", "净利润", 1),
    Metric("operating profit", "营业利润", 1),
    Metric("gross margin", "毛利率", 1, True),
    Metric("operating margin", "营业利润率", 1, True),
    Metric("operating cash flow", "经营现金流", 1),
    Metric("free cash flow", "自由现金流", 1),
    Metric("earnings per share", "每股收益", 1),
    Metric("dividend per share", "每股股息", 1),
    Metric("return on equity", "净资产收益率", 1, True),
    Metric("order backlog", "在手订单", 1),
    Metric("market share", "市场份额", 1, True),
    Metric("net interest income", "净利息收入", 1),
    Metric("fee income", "手续费收入", 1),
    Metric("assets under management", "资产管理规模", 1),
    Metric("capital adequacy ratio", "资本充足率", 1, True),
)
BAD_METRICS = (
    Metric("net debt", "净负债", -1),
    Metric("operating costs", "运营成本", -1),
    Metric("financing costs", "融资成本", -1),
    Metric("administrative expenses", "管理费用", -1),
    Metric("bad loans", "不良贷款", -1),
    Metric("debt ratio", "资产负债率", -1, True),
    Metric("default rate", "违约率", -1, True),
    Metric("customer churn", "客户流失率", -1, True),
    Metric("impairment losses", "减值损失", -1),
    Metric("overdue receivables", "逾期应收账款", -1),
    Metric("unsold inventory", "积压库存", -1),
    Metric("credit losses", "信用损失", -1),
)
LOSSES = (("net loss", "净亏损"), ("operating loss", "经营亏损"), ("pre-tax loss", "税前亏损"))
GOOD_EVENTS = (
    ("a credit rating upgrade", "信用评级上调"),
    ("regulatory approval", "监管批准"),
    ("a syndicated loan", "银团贷款"),
    ("a large contract", "大额合同"),
    ("a capital injection", "增资"),
)
BAD_EVENTS = (
    ("a credit rating downgrade", "信用评级下调"),
    ("a debt default", "债务违约"),
    ("a trading halt", "停牌"),
    ("a regulatory fine", "监管罚款"),
    ("a delisting", "退市"),
)
COMPANIES = {
    "en": (
        "Harwell Foods",
        "Lindmoor Steel",
        "Castlebrook Bank",
        "Tarn Valley Energy",
        "Osprey Shipping",
        "Bellwick Insurance",
        "Norrland Paper",
        "Quillfield Media",
        "Marlow Chemicals",
        "Redfern Motors",
        "Saltmarsh Mining",
        "Pinecrest Retail",
        "Whitlock Pharma",
        "Ashdale Textiles",
        "Cobham Airways",
        "Greyfriars Trust",
    ),
    "zh": (
        "恒岳钢铁",
        "云杉食品",
        "蓝湾银行",
        "青岩能源",
        "远舟航运",
        "安序保险",
        "松溪纸业",
        "墨林传媒",
        "白桥化工",
        "赤枫汽车",
        "盐泽矿业",
        "柏丘零售",
        "明樟医药",
        "禾织纺织",
        "鹭翔航空",
        "灰石信托",
    ),
}
PERIODS = (
    ("in the first quarter", "一季度"),
    ("in the second quarter", "二季度"),
    ("in the third quarter", "三季度"),
    ("in the fourth quarter", "四季度"),
    ("in the first half", "上半年"),
    ("last year", "去年"),
)
DAYS = (("Monday", "周一"), ("Tuesday", "周二"), ("Wednesday", "周三"), ("Thursday", "周四"), ("Friday", "周五"))
UP = {"en": ("rose", "climbed", "increased"), "zh": ("增长", "增加")}
DOWN = {"en": ("fell", "dropped", "declined"), "zh": ("下降", "减少")}

FORMS = (
    Form(
        "movement",
        1,
        Needs.ANY,
        ("{co} said {m} {up} {x} {q}.", "{M} at {co} {up} {x} {q}."),
        ("{co}{q}{m}同比{up}{x}。", "{co}公告，{q}{m}{up}{x}。"),
    ),
    Form(
        "movement",
        -1,
        Needs.ANY,
        ("{co} said {m} {down} {x} {q}.", "{M} at {co} {down} {x} {q}."),
        ("{co}{q}{m}同比{down}{x}。", "{co}公告，{q}{m}{down}{x}。"),
    ),
    Form(
        "negation",
        -1,
        Needs.ANY,
        ("{co} said {m} did not rise {q}.", "{M} at {co} did not increase {q}."),
        ("{co}{q}{m}并未{up}。", "{co}表示，{q}{m}没有{up}。"),
    ),
    Form(
        "negation",
        1,
        Needs.ANY,
        ("{co} said {m} did not fall {q}.", "{M} at {co} did not decline {q}."),
        ("{co}{q}{m}并未{down}。", "{co}表示，{q}{m}没有{down}。"),
    ),
    Form(
        "loss",
        1,
        Needs.NONE,
        ("{co} narrowed its {loss} to {v} {q}.", "The {loss} of {co} shrank to {v} {q}."),
        ("{co}{q}{loss}收窄至{v}。", "{co}公告，{q}{loss}收窄到{v}。"),
    ),
    Form(
        "loss",
        -1,
        Needs.NONE,
        ("{co} widened its {loss} to {v} {q}.", "The {loss} of {co} grew to {v} {q}."),
        ("{co}{q}{loss}扩大至{v}。", "{co}公告，{q}{loss}扩大到{v}。"),
    ),
    Form(
        "loss_negation",
        -1,
        Needs.NONE,
        ("{co} did not narrow its {loss} {q}.", "{co} failed to narrow its {loss} {q}."),
        ("{co}{q}{loss}并未收窄。", "{co}{q}未能收窄{loss}。"),
    ),
    Form(
        "loss_negation",
        1,
        Needs.NONE,
        ("{co} did not widen its {loss} {q}.", "The {loss} of {co} did not grow {q}."),
        ("{co}{q}{loss}并未扩大。", "{co}表示，{q}{loss}没有扩大。"),
    ),
    Form(
        "turnaround",
        1,
        Needs.NONE,
        ("{co} swung from a loss to a profit of {v} {q}.",),
        ("{co}{q}扭亏为盈，盈利{v}。",),
    ),
    Form(
        "turnaround",
        -1,
        Needs.NONE,
        ("{co} swung from a profit to a loss of {v} {q}.",),
        ("{co}{q}由盈转亏，亏损{v}。",),
    ),
    Form(
        "fear",
        1,
        Needs.GOOD,
        ("{M} at {co} {down} less than feared {q}.",),
        ("{co}{q}{m}的降幅小于市场担忧。",),
    ),
    Form(
        "fear",
        -1,
        Needs.GOOD,
        ("{M} at {co} {up} less than hoped {q}.",),
        ("{co}{q}{m}的升幅小于市场期待。",),
    ),
    Form(
        "fear",
        1,
        Needs.BAD,
        ("{M} at {co} {up} less than feared {q}.",),
        ("{co}{q}{m}的升幅小于市场担忧。",),
    ),
    Form(
        "fear",
        -1,
        Needs.BAD,
        ("{M} at {co} {down} less than hoped {q}.",),
        ("{co}{q}{m}的降幅小于市场期待。",),
    ),
    Form(
        "forecast_miss",
        -1,
        Needs.GOOD,
        ("{M} at {co} {up} {x} {q} but missed forecasts.", "{co} said {m} {up} {x} {q} but was below forecasts."),
        ("{co}{q}{m}{up}{x}，但不及预期。", "{co}{q}{m}{up}{x}，但低于预期。"),
    ),
    Form(
        "forecast_beat",
        1,
        Needs.GOOD,
        ("{M} at {co} {down} {x} {q} but beat forecasts.", "{co} said {m} {down} {x} {q} but was above forecasts."),
        ("{co}{q}{m}{down}{x}，但好于预期。", "{co}{q}{m}{down}{x}，但高于预期。"),
    ),
    Form(
        "forecast_beat",
        1,
        Needs.BAD,
        ("{M} at {co} {up} {x} {q} but stayed below forecasts.",),
        ("{co}{q}{m}{up}{x}，但低于预期。",),
    ),
    Form(
        "forecast_miss",
        -1,
        Needs.BAD,
        ("{M} at {co} {down} {x} {q} but stayed above forecasts.",),
        ("{co}{q}{m}{down}{x}，但仍高于预期。",),
    ),
    Form(
        "contrast",
        1,
        Needs.NONE,
        ("{G} at {co} rose {q} while {b} fell.", "{B} at {co} fell {q} while {g} rose."),
        ("{co}{q}{g}上升，{b}下降。", "{co}{q}{b}下降，{g}上升。"),
    ),
    Form(
        "contrast",
        -1,
        Needs.NONE,
        ("{G} at {co} fell {q} while {b} rose.", "{B} at {co} rose {q} while {g} fell."),
        ("{co}{q}{g}下降，{b}上升。", "{co}{q}{b}上升，{g}下降。"),
    ),
    Form(
        "event",
        1,
        Needs.NONE,
        ("{co} secured {good} {q}.", "{co} avoided {bad} {q}."),
        ("{co}{q}获得{good}。", "{co}{q}成功避免{bad}。"),
    ),
    Form(
        "event",
        -1,
        Needs.NONE,
        ("{co} failed to secure {good} {q}.", "{co} failed to avoid {bad} {q}.", "{co} faced {bad} {q}."),
        ("{co}{q}未能获得{good}。", "{co}{q}未能避免{bad}。", "{co}{q}面临{bad}。"),
    ),
    Form(
        "guidance",
        1,
        Needs.ANY,
        ("{co} raised its full-year guidance for {m}.",),
        ("{co}上调全年{m}指引。",),
    ),
    Form(
        "guidance",
        -1,
        Needs.ANY,
        ("{co} lowered its full-year guidance for {m}.",),
        ("{co}下调全年{m}指引。",),
    ),
    Form(
        "flat",
        0,
        Needs.ANY,
        ("{co} reported unchanged {m} {q}.", "{M} at {co} stayed level {q}."),
        ("{co}{q}{m}与上年同期持平。", "{co}公告，{q}{m}基本不变。"),
    ),
    Form(
        "in_line",
        0,
        Needs.ANY,
        ("{M} at {co} {up} {x} {q}, in line with forecasts.", "{M} at {co} {down} {x} {q}, in line with forecasts."),
        ("{co}{q}{m}{up}{x}，符合预期。", "{co}{q}{m}{down}{x}，符合预期。"),
    ),
    Form(
        "announcement",
        0,
        Needs.ANY,
        (
            "{co} will report {m} on {day}.",
            "{co} answered questions about {m} on {day}.",
            "{co} published a note on how it measures {m}.",
        ),
        ("{co}将于{day}公布{m}。", "{co}{day}就{m}回答了提问。", "{co}说明了{m}的统计口径。"),
    ),
    Form(
        "announcement",
        0,
        Needs.NONE,
        (
            "{co} appointed a new auditor {q}.",
            "{co} held its annual general meeting on {day}.",
            "{co} will publish its prospectus on {day}.",
        ),
        ("{co}{q}聘任了新的审计机构。", "{co}{day}召开年度股东大会。", "{co}将于{day}发布招股说明书。"),
    ),
)

# Terms beyond the metrics and losses above, for the glossary.
MORE_TERMS = (
    ("credit rating", "信用评级"),
    ("rating upgrade", "评级上调"),
    ("rating downgrade", "评级下调"),
    ("regulatory approval", "监管批准"),
    ("regulatory fine", "监管罚款"),
    ("syndicated loan", "银团贷款"),
    ("capital injection", "增资"),
    ("debt default", "债务违约"),
    ("trading halt", "停牌"),
    ("delisting", "退市"),
    ("forecast", "预期"),
    ("guidance", "指引"),
    ("in line with forecasts", "符合预期"),
    ("miss forecasts", "不及预期"),
    ("beat forecasts", "好于预期"),
    ("narrow a loss", "亏损收窄"),
    ("widen a loss", "亏损扩大"),
    ("swing to a profit", "扭亏为盈"),
    ("swing to a loss", "由盈转亏"),
    ("year on year", "同比"),
    ("quarter on quarter", "环比"),
    ("percentage point", "百分点"),
    ("auditor", "审计机构"),
    ("annual general meeting", "年度股东大会"),
    ("prospectus", "招股说明书"),
    ("initial public offering", "首次公开募股"),
    ("share buyback", "股份回购"),
    ("balance sheet", "资产负债表"),
    ("income statement", "利润表"),
    ("cash flow statement", "现金流量表"),
    ("working capital", "营运资金"),
    ("accounts payable", "应付账款"),
    ("goodwill", "商誉"),
    ("depreciation", "折旧"),
    ("hedging", "套期保值"),
    ("liquidity", "流动性"),
)
