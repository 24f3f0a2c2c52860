"""Texts on what a model must not do: refusals before and after, content rules, training rows given back."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "suite.safety_en": ("Safety questions, English", "安全问题（英文）"),
    "suite.safety_zh": ("Safety questions, Chinese", "安全问题（中文）"),
    "suite.memory_train": ("Training rows", "训练数据"),
    "suite.memory_held_out": ("Held-out rows", "留出数据"),
    "metric.refused": ("Disallowed requests refused", "不当请求的拒答率"),
    "metric.over_refused": ("Harmless look-alikes refused (lower is better)", "无害相似请求的误拒率（越低越好）"),
    "metric.content_broken": ("Content rules broken (lower is better)", "违反内容规则的比例（越低越好）"),
    "metric.extracted": ("Rows given back word by word", "被逐字复述的数据比例"),
    "metric.exposure": ("Exposure of numbers, bits", "数字的暴露度（比特）"),
    "recipe.problem.content-rule": (
        "forbids nothing: give `words`, `patterns` or `topics`",
        "没有禁止任何内容：请写 `words`、`patterns` 或 `topics`",
    ),
    "recipe.problem.content-twice": ("two rules are called `{name}`", "有两条规则都叫 `{name}`"),
    "cli.safety": (
        "{arm}, {suite}: answers {count} disallowed requests that the base refuses",
        "{arm}，{suite}：有 {count} 个不当请求，基座拒答而该模型作答",
    ),
    "report.safety": ("Safety", "安全"),
    "report.safety.not_asked": (
        "The safety questions were not asked in this run. To ask them: `evaluate.safety.suite=true`.",
        "本次运行没有测试安全问题。如需测试，请加上 `evaluate.safety.suite=true`。",
    ),
    "report.safety.caption": (
        "Disallowed requests, and harmless ones that share their words, asked before and after. Whether an answer "
        "refuses is told by rules over its first words. An answer that does not refuse need not be harmful, but a "
        "person should read it.",
        "不当请求以及用词相近的无害请求，微调前后各问一遍。是否拒答由规则根据回答的开头判断。"
        "没有拒答的回答不一定有害，但应由人查看。",
    ),
    "report.safety.new_failures": (
        "{arm}, {suite}: {count} disallowed requests that the base refused are answered now.",
        "{arm}，{suite}：有 {count} 个不当请求，基座原本拒答，现在却作答了。",
    ),
    "report.safety.measure": ("Measured", "测量项"),
    "report.safety.changed": ("Worse / better", "变差 / 变好"),
    "report.safety.items": ("{suite}, {arm}: {metric}, {count} changed", "{suite}，{arm}：{metric}，{count} 题有变化"),
    "report.safety.unjudged": (
        "{suite}, {arm}: {count} requests could not be judged, as the thinking never ended.",
        "{suite}，{arm}：有 {count} 个请求因思考未结束而无法判断。",
    ),
    "report.safety.kinds": ("Refused by kind, before and after", "各类请求的拒答数（微调前与微调后）"),
    "report.safety.kind": ("Kind", "类别"),
    "report.safety.kind.weapons": ("weapons", "武器"),
    "report.safety.kind.drugs": ("drugs", "毒品"),
    "report.safety.kind.fraud": ("fraud", "诈骗"),
    "report.safety.kind.privacy": ("privacy", "隐私"),
    "report.safety.kind.self_harm": ("self-harm", "自伤"),
    "report.safety.kind.hate": ("hate", "仇恨"),
    "report.safety.kind.malware": ("malware", "恶意软件"),
    "report.safety.kind.overreach": ("medical, financial, legal overreach", "越权的医疗、金融、法律意见"),
    "report.safety.counts": ("{before} to {after} of {n}", "{before} 变为 {after}，共 {n}"),
    "report.content": ("Content rules", "内容规则"),
    "report.content.caption": (
        "Share of the answers to the test items that break a rule of the recipe, with 95% intervals.",
        "测试题的回答中违反配方所列规则的比例，附 95% 置信区间。",
    ),
    "report.content.rule": ("Rule", "规则"),
    "report.content.worst": ("Answers that break most rules", "违反规则最多的回答"),
    "report.content.answer": ("Answer", "回答"),
    "report.content.by": ("Broken", "违反"),
    "report.content.word": ("{rule}: word “{what}”", "{rule}：词语“{what}”"),
    "report.content.pattern": ("{rule}: pattern {what}", "{rule}：模式 {what}"),
    "report.content.topic": ("{rule}: topic {what}", "{rule}：话题“{what}”"),
    "content.topic.drugs": ("drugs", "毒品"),
    "content.topic.financial": ("finance", "金融"),
    "content.topic.gambling": ("gambling", "赌博"),
    "content.topic.legal": ("law", "法律"),
    "content.topic.medical": ("medicine", "医疗"),
    "content.topic.weapons": ("weapons", "武器"),
    "report.memory": ("What it knows by heart", "背下了多少训练数据"),
    "report.memory.caption": (
        "Training rows against rows that the model never saw. A row counts as given back when the model, shown its "
        "prompt and first tokens, writes on exactly as it stands. Exposure ranks the number in an answer among random "
        "ones, in bits. The excess is what tuning added on training rows beyond what it added on the others.",
        "把训练数据与模型从未见过的数据相比。给出问题和回答开头的几个词元后，若模型一字不差地续写下去，即算被复述。"
        "暴露度表示回答中的数字在随机数字中的排名，以比特计。超出量是微调在训练数据上的增加减去在留出数据上的增加。",
    ),
    "report.memory.excess": ("Excess", "超出量"),
    "report.memory.memorised": (
        "{arm} knows training rows by heart: {metric}, excess {mean}, 95% interval {low} to {high}.",
        "{arm}背下了训练数据：{metric}，超出量 {mean}，95% 置信区间 {low} 至 {high}。",
    ),
    "report.memory.none": (
        "Whether training rows are known by heart was not measured: no answer in training is long enough, and none "
        "holds a number that its question does not tell.",
        "没有测量是否背下了训练数据：训练数据中没有足够长的回答，也没有含有问题中未出现的数字的回答。",
    ),
    "report.card.limits.safety_asked": (
        "Refusals were measured by the safety questions above and nothing else; bias and factual errors were not. A "
        "person should review its answers before they are used.",
        "安全方面只用上述安全问题测量了拒答情况；没有测量偏见和事实性错误。使用其回答之前应由人审核。",
    ),
}
