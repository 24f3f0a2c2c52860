"""Texts of the health of a served model: `tunesmith monitor`, its page and its errors."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "recipe.problem.time-span": (
        "must be hours or days, such as `12h` or `7d`",
        "应为小时数或天数，例如 `12h`、`7d`",
    ),
    "recipe.problem.time-span-or-number": (
        "must be such as `7d` or `12h`, or a number of exchanges",
        "应为 `7d`、`12h` 这样的时长，或请求的条数",
    ),
    "cli.help.monitor": (
        "Hold recent traffic against what the model was trained on: drift, quality, latency.\n\n"
        "  tunesmith monitor recipe.yaml",
        "把近期流量与模型的训练数据对照：漂移、质量与延迟。\n\n  tunesmith monitor recipe.yaml",
    ),
    "cli.option.monitor-all": (
        "Show every window since the promotion, not the last one alone.",
        "显示自上线以来的每个窗口，而不只是最近一个。",
    ),
    "error.monitor-no-window": (
        "no window of {window} exchanges is complete yet",
        "尚无满 {window} 次对话的完整窗口",
    ),
    "hint.monitor-no-window": (
        "wait for more traffic, or look at less: tunesmith monitor recipe.yaml monitor.window=50; what is recorded: "
        "tunesmith store show",
        "请等待更多流量，或缩小窗口：tunesmith monitor recipe.yaml monitor.window=50；已记录的内容见 "
        "tunesmith store show",
    ),
    "error.monitor-inputs": (
        "the {kind} that the served model was made with is not in this workspace",
        "工作区中没有制作该模型所用的 {kind}",
    ),
    "hint.monitor-inputs": (
        "run it where the model was trained, or copy that folder from there: its place is named above; "
        "another workspace: tunesmith --workspace FOLDER monitor recipe.yaml",
        "请在训练该模型的机器上运行，或从那里复制上面所示的文件夹；若在其他工作区："
        "tunesmith --workspace FOLDER monitor recipe.yaml",
    ),
    "error.monitor-no-rows": (
        "only {rows} training rows ask something; at least {least} are needed to compare with",
        "只有 {rows} 条训练数据含有提问，至少需要 {least} 条才能对照",
    ),
    "hint.monitor-no-rows": (
        "see what the rows are: tunesmith prepare recipe.yaml --show 3",
        "查看数据内容：tunesmith prepare recipe.yaml --show 3",
    ),
    "task.monitor": ("reading requests", "读取请求"),
    "monitor.ahead": (
        "exchanges whose time is yet to come by the store's clock: {count}; they are looked at once it has come",
        "有 {count} 次对话的时间晚于数据库时钟；到时才会计入",
    ),
    "monitor.before": (
        "exchanges of this model from times when it was not the champion: {count}; they are left out",
        "有 {count} 次对话发生在该模型不是 champion 的时候，未计入",
    ),
    "monitor.kind": ("Health of a served model", "线上模型健康报告"),
    "monitor.window": ("{since} to {until} UTC", "{since} 至 {until}（UTC）"),
    "monitor.counts": (
        "{exchanges} exchanges, {feedback} pieces of feedback",
        "{exchanges} 次对话，{feedback} 条反馈",
    ),
    "monitor.against": (
        "Held against the training rows and {accepted} earlier windows without drift.",
        "对照对象：训练数据，以及此前 {accepted} 个未发现漂移的窗口。",
    ),
    "monitor.state.alarm": ("Alarms: {count}", "警报：{count} 项"),
    "monitor.state.quiet": ("No alarm", "没有警报"),
    "monitor.state.few": ("Too few exchanges to judge", "对话太少，无法判断"),
    "monitor.state.empty": ("No exchanges", "没有对话"),
    "monitor.meaning.alarm": (
        "These features of the traffic are unlike the training rows and unlike earlier traffic.",
        "流量的以下特征既不同于训练数据，也不同于此前的流量。",
    ),
    "monitor.meaning.quiet": (
        "Nothing that was tested differs by more than chance explains.",
        "所有检验过的特征，其差异都在随机波动的范围之内。",
    ),
    "monitor.meaning.few": (
        "The window has fewer exchanges than `monitor.min_exchanges`; nothing was tested.",
        "该窗口的对话数少于 `monitor.min_exchanges`，未做检验。",
    ),
    "monitor.meaning.empty": (
        "Nothing was recorded in this window: is the server up, and `serve.record` not `off`?",
        "该窗口内没有任何记录：服务是否在运行？`serve.record` 是否设为 `off`？",
    ),
    "monitor.rate": (
        "False alarms of all tests together without drift: at most {year} a year, {month} a month; "
        "the chance of one in this window: {level}.",
        "在没有漂移的情况下，全部检验合计每年至多误报 {year} 次（每月 {month} 次）；本窗口误报的概率为 {level}。",
    ),
    "monitor.shifts": ("What was tested", "检验结果"),
    "monitor.shifts.none": ("Nothing was tested.", "未做任何检验。"),
    "monitor.column.feature": ("Feature", "特征"),
    "monitor.column.family": ("Of", "类别"),
    "monitor.column.usual": ("Usual", "平常"),
    "monitor.column.now": ("Now", "现在"),
    "monitor.column.effect": ("Effect, 0 to 1", "效应量（0 到 1）"),
    "monitor.column.p": ("p", "p 值"),
    "monitor.column.test": ("Test", "检验方法"),
    "monitor.column.sizes": ("Reference, window", "对照样本量，窗口样本量"),
    "monitor.column.psi": ("PSI (its limit)", "PSI（界限）"),
    "monitor.column.figure": ("Figure", "指标"),
    "monitor.column.window": ("Window from", "窗口起始"),
    "monitor.column.exchanges": ("Exchanges", "对话数"),
    "monitor.column.alarms": ("Alarms", "警报"),
    "monitor.alarm": ("alarm", "警报"),
    "monitor.bundle": ("Bundle", "发布包"),
    "monitor.alarm.change": ("{name}: {change}", "{name}：{change}"),
    "monitor.alarm.figures": ("effect {effect}, p {p}", "效应量 {effect}，p 值 {p}"),
    "monitor.test.ks": ("Kolmogorov-Smirnov", "K-S 检验"),
    "monitor.test.chi_square": ("chi-squared", "卡方检验"),
    "monitor.test.mmd": ("MMD", "MMD"),
    "monitor.test.difference": ("Fisher", "Fisher 检验"),
    "monitor.test.adwin": ("ADWIN", "ADWIN"),
    "monitor.effect-of": (
        "Effect: the largest distance of two distribution functions (Kolmogorov-Smirnov), half the sum of the "
        "differences of shares (chi-squared), the squared mean discrepancy (MMD), the difference of two shares "
        "(Fisher), or by how much a share fell (ADWIN, which has no p-value: the level that it was asked at stands "
        "there). The limit of PSI is that of these sample sizes: chance alone takes small samples beyond a fixed 0.1.",
        "效应量：两个分布函数的最大距离（K-S 检验）、各类占比之差的一半之和（卡方检验）、平方均值差异（MMD）、"
        "两个占比之差（Fisher 检验），或占比的下降幅度（ADWIN 没有 p 值，此处列出其检验水平）。"
        "PSI 的界限按样本量校准：若固定取 0.1，小样本仅因随机波动就会超过。",
    ),
    "monitor.figures": ("Figures", "各项指标"),
    "monitor.figures.caption": (
        "Figures have no test of their own; bounds of yours may be set in `monitor.alerts.rules`.",
        "这些指标本身不做检验；可在 `monitor.alerts.rules` 中自行设定界限。",
    ),
    "monitor.unfamiliar": ("Unlike anything in training", "训练数据中从未见过"),
    "monitor.unfamiliar.caption": (
        "Requests farther from their nearest training row than 99 of 100 held-out rows are, by the model's own "
        "embeddings; those that are alike stand together, the largest group first. About one in a hundred is expected.",
        "按模型自身的向量表示，这些请求与最近训练数据的距离超过了 99% 的留出数据；相似的请求归为一组，"
        "最大的组排在最前。正常情况下约占百分之一。",
    ),
    "monitor.unfamiliar.cluster": ("Requests: {num}; distance {distance}", "{num} 条请求，距离 {distance}"),
    "monitor.unfamiliar.none": ("None.", "无。"),
    "monitor.history": ("Window by window", "逐个窗口"),
    "monitor.chart.effects": ("Effects by window", "各窗口的效应量"),
    "monitor.chart.latency": ("95th percentile of latency, seconds", "延迟的第 95 百分位（秒）"),
    "monitor.chart.description": (
        "{series} over {windows} windows, the oldest on the left.",
        "{series}，共 {windows} 个窗口，左侧为最早。",
    ),
    "monitor.page-at": ("Page: {path}", "页面：{path}"),
    "monitor.family.input": ("requests", "请求"),
    "monitor.family.output": ("answers", "回答"),
    "monitor.family.quality": ("quality", "质量"),
    "monitor.family.concept": ("correctness", "正确性"),
    "monitor.family.operations": ("operation", "运行"),
    "monitor.feature.length": ("Length of the question (characters)", "提问长度（字符）"),
    "monitor.feature.chinese": ("Share of Chinese in a question", "提问中的中文占比"),
    "monitor.feature.language": ("Language of the question", "提问语言"),
    "monitor.feature.ngrams": ("Wording (character n-grams)", "用词（字符 n 元组）"),
    "monitor.feature.embedding": ("Meaning (the model's embeddings)", "语义（模型自身的向量）"),
    "monitor.feature.distance": ("Distance to the nearest training row", "与最近训练数据的距离"),
    "monitor.feature.label": ("Label of the answer", "回答的标签"),
    "monitor.feature.confidence": ("Confidence", "置信度"),
    "monitor.feature.answer_length": ("Length of the answer (characters)", "回答长度（字符）"),
    "monitor.feature.thinking_length": ("Length of the thinking (characters)", "思考长度（字符）"),
    "monitor.feature.refused": ("Refusals", "拒答"),
    "monitor.feature.guarded": ("Held back by the guard", "被防护规则拦截"),
    "monitor.feature.bits_per_byte": ("Surprise of the question (bits per byte)", "提问的意外程度（比特/字节）"),
    "monitor.feature.feedback": ("Answers with feedback", "收到反馈的回答"),
    "monitor.feature.thumbs_down": ("Thumbs down of all thumbs", "点踩占全部点赞点踩的比例"),
    "monitor.feature.corrected": ("Answers that were corrected", "被更正的回答"),
    "monitor.feature.rating": ("Rating (1 to 5)", "评分（1 到 5）"),
    "monitor.feature.correction_distance": (
        "Share of an answer that its correction changed",
        "更正所改动的回答比例",
    ),
    "monitor.feature.accuracy": ("Accuracy on checked answers", "已核对回答的准确率"),
    "monitor.feature.accuracy_over_time": ("Fall of accuracy over time", "准确率随时间的下降"),
    "monitor.figure.mean": ("{feature}: mean", "{feature}：均值"),
    "monitor.figure.share": ("{feature}: share", "{feature}：占比"),
    "monitor.figure.exchanges_per_day": ("Exchanges a day", "每日对话数"),
    "monitor.figure.latency_p50_seconds": ("Latency, median, seconds", "延迟中位数（秒）"),
    "monitor.figure.latency_p95_seconds": ("Latency, 95th percentile, seconds", "延迟第 95 百分位（秒）"),
    "monitor.figure.first_token_p95_seconds": (
        "First token, 95th percentile, seconds",
        "首词元时间第 95 百分位（秒）",
    ),
    "monitor.figure.length_cut_share": ("Answers cut off at their limit", "因长度上限被截断的回答"),
    "monitor.figure.timeout_share": ("Answers that took too long", "超时的回答"),
    "monitor.figure.filtered_share": ("Answers ended by the guard", "被防护规则中止的回答"),
    "monitor.figure.unfamiliar_share": ("Requests unlike anything in training", "训练数据中从未见过的请求"),
    "monitor.change": ("{name} {usual} → {now}", "{name} {usual} → {now}"),
    "monitor.none": ("(none)", "（无）"),
}
