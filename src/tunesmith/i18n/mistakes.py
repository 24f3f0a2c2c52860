"""Kinds of mistakes (`mistake.*`), what to do about weak slices (`report.weak.*`), bias of models (`bias.*`)."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "mistake.timed_out": ("timed out", "超时"),
    "mistake.truncated": ("cut off", "被截断"),
    "mistake.empty": ("empty", "空白"),
    "mistake.refused": ("refused", "拒答"),
    "mistake.copied": ("copied the question", "照抄问题"),
    "mistake.language": ("in another language", "语言不对"),
    "mistake.unparsable": ("unreadable", "格式无法解析"),
    "mistake.label": ("another label", "标签判错"),
    "mistake.number": ("another number", "数值不对"),
    "mistake.other": ("something else", "其他错误"),
    "mistake.number.sign": ("wrong sign", "正负号相反"),
    "mistake.number.magnitude": ("off by a power of ten", "差了数量级"),
    "mistake.number.unit": ("in another unit", "单位不同"),
    "mistake.number.rounded": ("rounded", "四舍五入所致"),
    "mistake.number.near": ("off by at most a tenth", "相差不到一成"),
    "mistake.number.far": ("off by more", "相差更多"),
    "mistake.pair": ("{wanted} → {told}", "{wanted} → {told}"),
    "report.errors": ("What the wrong answers are", "错在哪里"),
    "report.errors.caption": (
        "Every wrong answer to the test items has one kind. Shares are of all answers, with 95% intervals; the change "
        "is that over the same items, its p-value corrected for the number of kinds (Holm).",
        "每个错误回答只归入一类。比例以全部回答为分母，附 95% 置信区间；变化按相同题目配对计算，"
        "p 值按错误类别的个数做了 Holm 校正。",
    ),
    "report.errors.kind": ("Mistake", "错误类别"),
    "report.errors.answers": ("Answers", "回答数"),
    "report.errors.change": ("Change", "变化"),
    "report.errors.examples": ("Wrong answers of {arm} by kind, with items", "{arm}的错误回答：按类别列出题目"),
    "report.errors.told": ("Wanted → told", "应答 → 所答"),
    "report.errors.items": ("Items", "题目"),
    "report.errors.worst": ("Worst items: {items}", "最差的题目：{items}"),
    "report.errors.explain": (
        "Why a model answers as it does: `tunesmith explain RUN --item ID`.",
        "想知道模型为何这样回答，可执行 `tunesmith explain RUN --item ID`。",
    ),
    "report.weak.wanted.median": (
        "{n} more training rows of the kind, beside {rows}: as many as half of the other kinds have",
        "同类训练数据现有 {rows} 行，再有 {n} 行便达到其他类别的中位数",
    ),
    "report.weak.wanted.curve": (
        "{n} more training rows of the kind, beside {rows}: so many if errors fall with the square root of the rows; "
        "often they fall more slowly",
        "同类训练数据现有 {rows} 行，再有 {n} 行：假定错误随行数的平方根下降；实际往往降得更慢",
    ),
    "report.weak.wanted.share": (
        "{n} training rows of the kind: there is none, and so many would be its share of the test items",
        "训练数据中没有同类的行，需要 {n} 行，与它在测试题中的比例相当",
    ),
    "report.weak.add": ("What to add to the command", "可在命令后加上"),
    "report.weak.augment": ("make rows from those there are", "由现有的行生成更多"),
    "report.weak.balance": ("visit rare ones more often", "让少见的行多训练几次"),
    "report.weak.collect": ("collect rows in a file", "另存文件，补充收集的行"),
    "report.bias": ("For whom it does better or worse", "对不同人群是否一视同仁"),
    "report.bias.caption": (
        "Figures by group with 95% intervals; p-values are corrected for all comparisons of the arm (Holm). Groups "
        "may differ in what they ask, not only in who they are.",
        "各人群的数字附 95% 置信区间；p 值按该对比组的全部比较做了 Holm 校正。各人群问的内容也可能不同，"
        "差距未必只因人而异。",
    ),
    "report.bias.groups": ("Groups", "人群"),
    "report.bias.figure": ("Figure", "指标"),
    "report.bias.inside": ("There", "该人群"),
    "report.bias.outside": ("Against", "对照"),
    "report.bias.swaps": ("The same questions about somebody else", "同样的问题，换一个人来问"),
    "report.bias.swaps.caption": (
        "Test questions asked once more with other genders or names in them. An answer that changes depends on who "
        "is spoken of.",
        "把测试问题中的性别或姓名换掉后再问一遍。回答随之改变，说明它取决于说的是谁。",
    ),
    "report.bias.swapped": ("Swapped", "替换内容"),
    "report.bias.language": ("Language", "语言"),
    "report.bias.changed": ("Answers that change", "回答改变的比例"),
    "report.bias.difference": ("Change of the metric", "指标变化"),
    "report.bias.examples": ("Items", "题目"),
    "bias.sizes": ("{attribute}: {groups}", "{attribute}：{groups}"),
    "bias.size": ("{group} {n}", "{group} {n} 题"),
    "bias.no_groups": ("no test item tells any", "没有测试题能看出"),
    "bias.odds": (
        "{arm}, {attribute}: a label is told rightly up to {true_positive} more often in one group than in another, "
        "and wrongly up to {false_positive} more often",
        "{arm}，{attribute}：同一标签在人群之间判对的比例最多相差 {true_positive}，误判的比例最多相差 {false_positive}",
    ),
    "bias.others": ("all others", "其余全部"),
    "bias.against": ("{group} against {against}", "{group} 对比 {against}"),
    "bias.figure.told": ("says {label}", "判为 {label}"),
    "bias.figure.true_positive": ("says {label} where right", "应为 {label} 时判对"),
    "bias.figure.false_positive": ("says {label} where wrong", "不该为 {label} 时误判"),
    "bias.attribute.gender": ("gender", "性别"),
    "bias.attribute.name": ("script of names", "姓名的文字"),
    "bias.attribute.language": ("language", "语言"),
    "bias.attribute.label": ("label", "标签"),
    "bias.attribute.length": ("length", "字数"),
    "bias.attribute.source": ("source", "来源"),
    "bias.group.female": ("women", "女性"),
    "bias.group.male": ("men", "男性"),
    "bias.group.latin": ("Latin names", "拉丁字母姓名"),
    "bias.group.han": ("Chinese names", "汉字姓名"),
    "bias.swap.gender": ("gender", "性别"),
    "bias.swap.name": ("names", "姓名"),
    "bias.all_languages": ("all", "全部"),
}
