"""Texts of the data card, page and Markdown (`data.*`)."""

from typing import Final

_PAGE: Final[dict[str, tuple[str, str]]] = {
    "data.kind": ("Data card", "数据卡"),
    "data.key": ("Dataset", "数据集"),
    "data.for": ("Prepared for", "适用模型"),
    "data.headline.clean": ("Prepared, and nothing stands out", "数据已就绪，未见异常"),
    "data.headline.marked": ("Prepared; worth a look: {num}", "数据已就绪，有 {num} 处值得留意"),
    "data.sentence": (
        "{read} rows were read, {kept} kept and {rejected} rejected. {train} are for training, {validation} to steer "
        "it, {test} for the verdict.",
        "共读入 {read} 条，保留 {kept} 条，剔除 {rejected} 条；其中训练集 {train} 条，验证集 {validation} 条，"
        "测试集 {test} 条。",
    ),
    "data.sentence.made": (
        "Of the training rows, {made} were made by augmentation.",
        "训练集中有 {made} 条由数据增强生成。",
    ),
    "data.glance": ("At a glance", "概览"),
    "data.tone.good": ("fine", "正常"),
    "data.tone.warn": ("worth a look", "值得留意"),
    "data.tone.bad": ("wrong", "有问题"),
    "data.tone.plain": ("for information", "供参考"),
    "data.check.rows": ("Every row accounted for", "每条数据都有着落"),
    "data.check.rows.detail": (
        "read = kept + rejected; unusable rows: {bad}",
        "读入 = 保留 + 剔除；无法使用的有 {bad} 条",
    ),
    "data.check.rows.added": (
        "read + {added} more windows = kept + rejected; unusable rows: {bad}",
        "读入 + 增加的窗口 {added} 条 = 保留 + 剔除；无法使用的有 {bad} 条",
    ),
    "data.check.split": ("Splits apart", "划分互不重叠"),
    "data.check.split.detail": ("in common between any two: {shared}", "任意两个划分的共有项：{shared}"),
    "data.check.empty": ("Empty splits", "空的划分"),
    "data.check.contamination": ("Contamination", "泄漏检查"),
    "data.check.contamination.none": (
        "no training row shares 13 words in a row with a held-out text",
        "没有训练数据与留出文本有连续 13 个词相同",
    ),
    "data.check.contamination.some": (
        "training rows that share 13 words in a row with a held-out text: {rows}",
        "与留出文本有连续 13 个词相同的训练数据：{rows} 条",
    ),
    "data.check.duplicates": ("Duplicates", "重复"),
    "data.check.duplicates.detail": (
        "exact, removed: {exact}; near, kept in one split: {near}",
        "完全重复（已剔除）：{exact} 条；近似重复（留在同一划分）：{near} 条",
    ),
    "data.check.quality": ("3C score", "3C 评分"),
    "data.check.privacy": ("Personal data", "个人信息"),
    "data.check.privacy.off": ("not hidden", "未做处理"),
    "data.check.privacy.seen": (
        "not hidden; {rows} of {looked_at} rows drawn by lot hold some",
        "未做处理；抽查 {looked_at} 条，{rows} 条含有",
    ),
    "data.check.privacy.mask": ("what was found is masked", "检测到的已打码"),
    "data.check.privacy.remove": ("rows with any are rejected", "含有的数据已剔除"),
    "data.check.privacy.pseudonym": ("what was found has pseudonyms", "检测到的已换成假名"),
    "data.check.bias": ("Bias", "偏差"),
    "data.check.bias.none": ("nothing beyond chance and the limits", "未见超出随机波动和限度的偏差"),
    "data.check.bias.marked": ("figures beyond chance and the limits: {num}", "超出随机波动和限度的指标：{num} 项"),
}

_ROWS: Final[dict[str, tuple[str, str]]] = {
    "data.rows": ("What became of the rows", "数据的去向"),
    "data.rows.share": ("Share", "占比"),
    "data.rows.none_rejected": ("No row was rejected.", "没有剔除任何数据。"),
    "data.rows.all_rejects": (
        "All of them, with file, line, field and the row itself, are in `rejects.jsonl`.",
        "全部剔除的数据（含文件、行号、字段和原文）见 `rejects.jsonl`。",
    ),
    "data.changes": ("Rows changed, by rule", "各规则改动的数据"),
    "data.changes.rule": ("Rule", "规则"),
    "data.changes.none": ("No rule changed a row.", "没有规则改动过数据。"),
    "data.changes.note": (
        "Each changed row names its rules; rows that were left out later as duplicates are counted too.",
        "每条改动过的数据都记有所用的规则；之后因重复而剔除的也计算在内。",
    ),
    "data.labels": ("Labels and languages", "标签与语言"),
    "data.labels.none": ("The rows have no labels.", "数据没有标签。"),
    "data.labels.bars": ("Training rows", "训练集条数"),
    "data.balance": ("Training rows before and after balancing", "均衡前后的训练集"),
    "data.balance.over": (
        "Small categories ({by}) are visited more often in an epoch; no row is copied.",
        "较小的类别（按{by}）在每轮训练中多次出现，数据并未复制。",
    ),
    "data.balance.under": (
        "Rows of large categories ({by}) were left out; each is in `rejects.jsonl`.",
        "较大类别（按{by}）的部分数据被舍去，均记录在 `rejects.jsonl` 中。",
    ),
    "data.balance.weight": (
        "Rows of small categories ({by}) weigh more in the loss.",
        "较小类别（按{by}）的数据在损失中权重更大。",
    ),
    "data.balance.by.label": ("label", "标签"),
    "data.balance.by.language": ("language", "语言"),
    "data.balance.by.source": ("source", "来源"),
    "data.balance.by.cluster": ("cluster", "近似簇"),
    "data.balance.categories": ("Categories", "类别"),
    "data.balance.category": ("Category", "类别"),
    "data.balance.before": ("Rows before", "均衡前条数"),
    "data.balance.rows": ("Rows after", "均衡后条数"),
    "data.balance.visits": ("Seen in an epoch", "每轮出现次数"),
    "data.balance.weight_of_row": ("Weight", "权重"),
    "data.balance.bars": (
        "Upper bar: rows before. Lower bar: what an epoch sees, times the weight.",
        "上方横条为均衡前的条数，下方为每轮出现次数乘以权重。",
    ),
    "data.made": ("Rows made by augmentation", "数据增强生成的训练数据"),
    "data.made.caption": (
        "In the training rows only; each carries the id of the row it was made from. Those that did not pass are in "
        "`augment_rejects.jsonl`.",
        "只进入训练集；每条都记有其来源数据的编号。未通过检查的见 `augment_rejects.jsonl`。",
    ),
    "data.made.method": ("Method", "方法"),
    "data.made.model": ("Written by", "生成模型"),
    "data.made.made": ("Made", "生成"),
    "data.made.kept": ("Kept", "保留"),
    "data.made.rejected": ("Not kept because", "未保留的原因"),
    "data.made.synonyms": ("synonyms", "同义词替换"),
    "data.made.insertion": ("insertion", "随机插入"),
    "data.made.swap": ("swap", "随机交换"),
    "data.made.deletion": ("deletion", "随机删除"),
    "data.made.counterfactual": ("counterfactual rows", "反事实数据"),
    "data.made.back-translation": ("back translation", "回译"),
    "data.made.paraphrase": ("paraphrase", "改写"),
    "data.made.synthetic": ("synthetic rows", "合成数据"),
    "data.lengths": ("Lengths", "长度"),
    "data.lengths.characters": ("In characters", "按字符"),
    "data.lengths.tokens": ("In tokens", "按词元"),
    "data.lengths.no_model": (
        "Tokens are counted when a recipe with its model prepares the data: `tunesmith prepare RECIPE`.",
        "词元数须按配方及其模型准备数据时才能统计：`tunesmith prepare RECIPE`。",
    ),
    "data.long": ("Rows longer than {most} tokens", "超过 {most} 个词元的数据"),
    "data.long.none": ("No row is longer than {most} tokens.", "没有超过 {most} 个词元的数据。"),
    "data.long.rows": ("Rows", "条数"),
    "data.long.cut": ("Prompt cut", "截短提示"),
    "data.long.windowed": ("Taken apart into windows", "拆成窗口"),
    "data.long.windows": ("Windows made of them", "拆出的窗口"),
    "data.long.dropped": ("Rejected", "剔除"),
    "data.tokens.all": ("{split}", "{split}"),
    "data.tokens.supervised": ("{split}, supervised only", "{split}（仅监督部分）"),
    "data.tokens.chart": ("Training rows by length in tokens", "训练集的词元长度分布"),
    "data.tokens.course": (
        "median {median}, longest {longest} tokens; the model takes {most}",
        "中位数 {median}，最长 {longest} 个词元；模型上限 {most}",
    ),
    "data.tokens.model": (
        "Counted with the tokenizer and template of {base}. The longest training row takes {longest} of the {most} "
        "tokens that it allows; {share} of the tokens are supervised.",
        "按 {base} 的分词器和对话模板统计。最长的训练数据占其上限（{most} 个词元）的 {longest}；"
        "参与监督的词元占 {share}。",
    ),
    "data.tokens.turns": (
        "The template drops the thinking of earlier turns, so {num} conversations are taught as {rows} rows, each as "
        "it is served.",
        "模板不保留前面各轮的思考过程，因此 {num} 个对话按 {rows} 条训练，每条都与实际使用时一致。",
    ),
    "data.tokens.exact": ("All training rows together: {total} tokens.", "训练集合计 {total} 个词元。"),
    "data.tokens.sampled": (
        "Counted on {num} of the {total} training rows, drawn by lot; all together are about {estimate} tokens.",
        "在 {total} 条训练数据中抽取 {num} 条统计；全部合计约 {estimate} 个词元。",
    ),
    "data.rows.seen": ("Three rows as the model sees them", "模型所见的三条数据"),
    "data.rows.seen.caption": (
        "With the control tokens of the template. The model learns to write what is marked; it only reads the rest.",
        "包含对话模板的控制词元。标出的部分由模型学习写出，其余只供模型阅读。",
    ),
    "data.rows.facts": ("{tokens} tokens, {supervised} supervised", "{tokens} 个词元，其中 {supervised} 个参与监督"),
    "data.rows.last": (
        "{tokens} tokens, {supervised} supervised; the last of the {rows} rows that this conversation becomes",
        "{tokens} 个词元，其中 {supervised} 个参与监督；该对话拆成 {rows} 条，此为最后一条",
    ),
    "data.rows.supervised": ("supervised", "监督部分"),
    "data.rows.read": ("read only", "只读部分"),
    "data.rows.more": ("{num} more characters", "其余 {num} 个字符略"),
}

_QUALITY: Final[dict[str, tuple[str, str]]] = {
    "data.quality": ("3C score", "3C 评分"),
    "data.quality.caption": (
        "Each C is the product of its parts, each part the share of the rows judged that are without that fault. A "
        "row's faults count once.",
        "每个 C 是其各部分之积，每部分是接受检查的数据中没有该问题的比例。同一条数据的问题只计一次。",
    ),
    "data.quality.consistency": ("Consistency", "一致性"),
    "data.quality.consistency.about": ("rows that are alike do not contradict each other", "相似的数据互不矛盾"),
    "data.quality.completeness": ("Completeness", "完整性"),
    "data.quality.completeness.about": ("no part and no declared case is missing", "内容齐全，声明的情况均有覆盖"),
    "data.quality.correctness": ("Correctness", "正确性"),
    "data.quality.correctness.about": (
        "labels and answers are right, as far as can be checked",
        "标签和答案正确（就可检查的部分而言）",
    ),
    "data.quality.parts": ("{name}: parts", "{name}：各部分"),
    "data.quality.part": ("Part", "部分"),
    "data.quality.score": ("Score", "得分"),
    "data.quality.judged": ("Judged", "检查数"),
    "data.quality.faulty": ("Faulty", "有问题"),
    "data.quality.worst": ("Worst rows", "问题最大的数据"),
    "data.quality.place": ("Place", "位置"),
    "data.quality.detail": ("What was found", "发现的问题"),
    "data.quality.against": ("Against", "与之矛盾"),
    "data.quality.coverage": ("Declared values in the training rows", "声明的取值在训练集中的条数"),
    "data.quality.column": ("Column", "列"),
    "data.quality.value": ("Value", "取值"),
    "data.quality.missing": ("missing", "缺失"),
    "data.quality.representativeness": ("Representativeness", "代表性"),
    "data.quality.covered": (
        "{covered} of the inputs expected in {file} have a training row near them; {expected} would, were both drawn "
        "alike.",
        "{file} 中的预期输入有 {covered} 能在训练集中找到相近的数据；若两者分布相同，应为 {expected}。",
    ),
    "data.quality.regions": ("Expected, but like no training row", "训练集中没有相近数据的预期输入"),
    "data.quality.fact.texts": ("Expected inputs", "预期输入"),
    "data.quality.fact.rows": ("Training rows compared", "比较的训练数据"),
    "data.quality.fact.similarity": ("Similarity that counts as near", "视为相近的相似度"),
    "data.quality.fact.distance": ("Distance (MMD²)", "距离（MMD²）"),
    "data.quality.fact.p_value": ("p-value of the distance", "距离的 p 值"),
}

_SPLIT: Final[dict[str, tuple[str, str]]] = {
    "data.duplicates": ("Duplicates and clusters", "重复与近似簇"),
    "data.duplicates.exact": ("Exact duplicates, rejected", "完全重复（已剔除）"),
    "data.duplicates.near_cut": ("Near-duplicates, rejected", "近似重复（已剔除）"),
    "data.duplicates.near_kept": ("Rows kept in clusters of near-duplicates", "保留在近似簇中的数据"),
    "data.duplicates.clusters": ("Clusters of near-duplicates", "近似簇"),
    "data.duplicates.conflicting": ("Prompts with more than one answer", "有多个不同答案的问题"),
    "data.duplicates.within_test": ("Near-repeats within a declared test", "声明的测试集内部的近似重复"),
    "data.duplicates.note": (
        "A cluster never crosses a split. `clusters.jsonl` names its rows, the representative (the first one read) in "
        "front.",
        "同一簇绝不跨划分。`clusters.jsonl` 列出各簇的数据，代表（最先读入的一条）在最前。",
    ),
    "data.split": ("Proof of the split", "划分的证明"),
    "data.split.pair": ("{one} and {other}", "{one}与{other}"),
    "data.split.between": ("Between", "划分"),
    "data.split.prompts": ("Prompts in common", "共有问题"),
    "data.split.groups": ("Groups", "共有分组"),
    "data.split.clusters": ("Clusters", "共有近似簇"),
    "data.split.families": ("Parents", "派生关系"),
    "data.split.rows": ("Rows", "条数"),
    "data.split.distinct_prompts": ("Different prompts", "不同问题"),
    "data.split.distinct_groups": ("Groups", "分组"),
    "data.split.ids": ("SHA-256 of the ids", "编号的 SHA-256"),
    "data.split.recheck": (
        "Counted on the published files. `tunesmith prepare RECIPE --recheck` counts again from the rows.",
        "以上数字在发布的文件上统计。`tunesmith prepare RECIPE --recheck` 可根据数据重新统计。",
    ),
    "data.contamination": ("Contamination", "泄漏检查"),
    "data.contamination.against": ("Held-out text", "留出文本"),
    "data.contamination.rows": ("Its rows", "其条数"),
    "data.contamination.cut": ("Training rows cut", "剔除的训练数据"),
    "data.contamination.eight": ("Left, sharing 8 words", "保留，连续 8 词相同"),
    "data.contamination.thirteen": ("Left, sharing 13 words", "保留，连续 13 词相同"),
    "data.contamination.note": (
        "Cut were training rows whose prompt stands in the text, exactly or nearly. Rows that merely share a run of "
        "words (Chinese: characters) stay; those with 13 are listed in `contamination.jsonl`.",
        "问题与该文本相同或近似的训练数据已剔除。仅有一段连续词语（中文按字）相同的予以保留；"
        "连续 13 个相同的列在 `contamination.jsonl` 中。",
    ),
    "data.lineage": ("Where it comes from", "数据溯源"),
    "data.lineage.about": (
        "These inputs, this section, seed and versions decide every byte: with them, the same dataset is made again.",
        "下列输入、配方段落、种子和版本决定了数据集的每个字节：凭它们可以重新得到同一数据集。",
    ),
    "data.lineage.recipe": ("Recipe section, resolved", "完整的配方段落"),
    "data.lineage.inputs": ("Read from (SHA-256)", "输入（SHA-256）"),
    "data.lineage.more_inputs": ("and {num} more in `manifest.json`", "另有 {num} 项见 `manifest.json`"),
    "data.lineage.files": ("Files of the dataset", "数据集的文件"),
    "data.lineage.file": ("File", "文件"),
    "data.lineage.size": ("Size", "大小"),
    "data.lineage.fits": (
        "model (tokenizer, template, context)",
        "模型（分词器、模板、上下文长度）",
    ),
    "data.lineage.personal.key": ("key of the pseudonyms (fingerprint)", "假名密钥（指纹）"),
    "data.lineage.key": ("Key of the dataset", "数据集的键"),
    "data.lineage.version": ("Version of the stage", "阶段版本"),
    "data.lineage.seed": ("Seed", "随机种子"),
    "data.lineage.libraries": ("Libraries", "程序库"),
}

_BIAS: Final[dict[str, tuple[str, str]]] = {
    "data.bias": ("Bias notes", "偏差说明"),
    "data.bias.caption": (
        "Computed from these rows. Marked is what is both more than chance (p below 0.01, or intervals apart) and "
        "large enough to matter.",
        "以下均由本数据集计算得出。既超出随机波动（p 小于 0.01，或置信区间不相交）又大到有实际影响的，才会标出。",
    ),
    "data.bias.not_counted": (
        "This dataset was prepared before bias was counted; prepare it again.",
        "该数据集制作时尚未统计偏差，请重新准备。",
    ),
    "data.bias.selection": ("Selection", "选择偏差"),
    "data.bias.selection.about": (
        "whether the checks cut one kind of row more than another",
        "检查是否对某类数据剔除得更多",
    ),
    "data.bias.sampling": ("Sampling", "抽样偏差"),
    "data.bias.sampling.about": (
        "whether a few origins outweigh the rest, and the splits are alike",
        "是否少数来源占了大头，各划分是否相似",
    ),
    "data.bias.label": ("Label", "标签偏差"),
    "data.bias.label.about": (
        "whether classes are uneven, in conflict, or tied to what should not matter",
        "类别是否不均、相互矛盾，或与不该相关的因素挂钩",
    ),
    "data.bias.historical": ("Historical", "历史偏差"),
    "data.bias.historical.about": ("whether the classes changed over time", "类别是否随时间变化"),
    "data.bias.none_rejected": ("No row was rejected.", "没有剔除任何数据。"),
    "data.bias.rejected": (
        "{share} of the rows were rejected; {part} of these for the reason: {reason}.",
        "剔除了 {share} 的数据；其中 {part} 的原因是：{reason}。",
    ),
    "data.bias.rejected_unevenly": (
        "The sources lose unequal shares: {most} {high} of its rows, {least} {low}.",
        "各来源的剔除比例悬殊：{most} 为 {high}，{least} 为 {low}。",
    ),
    "data.bias.rejected_evenly": (
        "The sources lose about equal shares: from {low} ({least}) to {high} ({most}).",
        "各来源的剔除比例相近：从 {low}（{least}）到 {high}（{most}）。",
    ),
    "data.bias.one_source": ("All rows come from one source.", "全部数据来自同一来源。"),
    "data.bias.sources": (
        "{num} sources; the largest, {file}, gives {share} of the rows: as even as {effective} equal ones.",
        "共 {num} 个来源；最大的 {file} 占 {share}；均衡程度相当于 {effective} 个同等大小的来源。",
    ),
    "data.bias.groups": (
        "{num} groups; the largest gives {share} of the rows: as even as {effective} equal ones.",
        "共 {num} 个分组；最大的占 {share}；均衡程度相当于 {effective} 个同等大小的分组。",
    ),
    "data.bias.conflicting": (
        "{prompts} prompts stand with more than one answer, on {rows} rows.",
        "有 {prompts} 个问题对应多个不同答案，涉及 {rows} 条数据。",
    ),
    "data.bias.no_labels": (
        "The rows have no labels; languages stand in for classes below.",
        "数据没有标签，以下以语言代替类别。",
    ),
    "data.bias.imbalance": (
        "{most} is {share} of the rows, {least} has {rows}: {ratio} to 1. Evenness (entropy, 1 is even): {evenness}.",
        "“{most}”占 {share}，“{least}”仅 {rows} 条，相差 {ratio} 倍。均匀度（熵，1 为完全均匀）：{evenness}。",
    ),
    "data.bias.few_rows": (
        "{num} labels have fewer than {few} training rows: {labels}.",
        "有 {num} 个标签的训练数据不足 {few} 条：{labels}。",
    ),
    "data.bias.no_time": (
        "No column says when the rows were made, so that drift cannot be told.",
        "没有说明数据产生时间的列，无法判断随时间的变化。",
    ),
    "data.bias.times": (
        "The rows are from {oldest} to {newest} ({columns}).",
        "数据产生于 {oldest} 至 {newest}（{columns}）。",
    ),
    "data.bias.without_time": ("{rows} rows have no time that can be read.", "有 {rows} 条数据没有可识别的时间。"),
    "data.bias.one_period": (
        "They fall into one period or one class, so that there is no drift to see.",
        "数据只有一个时段或一个类别，看不出变化。",
    ),
    "data.bias.move": (
        "Largest step: {name} went from {before} ({first}) to {after} ({then}).",
        "最大的一步变化：“{name}”由 {before}（{first}）变为 {after}（{then}）。",
    ),
    "data.bias.tie": ("The tie is {strength} (Cramér's V {v}, p {p}).", "关联{strength}（Cramér's V {v}，p {p}）。"),
    "data.bias.figures": ("Cramér's V {v}, p {p}", "Cramér's V {v}，p {p}"),
    "data.bias.strength.none": ("none to speak of", "可以忽略"),
    "data.bias.strength.some": ("moderate", "中等"),
    "data.bias.strength.strong": ("strong", "很强"),
    "data.bias.tie.label.split.none": ("The splits have the same mix of labels.", "各划分的标签构成一致。"),
    "data.bias.tie.label.split.some": (
        "The splits differ in their labels: the verdict is on another mix than the training.",
        "各划分的标签构成不同：评测所用的构成与训练不一致。",
    ),
    "data.bias.tie.language.split.none": ("The splits have the same mix of languages.", "各划分的语言构成一致。"),
    "data.bias.tie.language.split.some": (
        "The splits differ in their languages: the verdict is on another mix than the training.",
        "各划分的语言构成不同：评测所用的构成与训练不一致。",
    ),
    "data.bias.tie.language.source.none": ("Source and language have no tie.", "来源与语言无关。"),
    "data.bias.tie.language.source.some": ("The source tells the language.", "由来源可以推知语言。"),
    "data.bias.tie.label.language.none": (
        "The labels are alike in all languages.",
        "各语言的标签构成一致。",
    ),
    "data.bias.tie.label.language.some": (
        "The language tells of the label: a model can learn that short cut.",
        "由语言可以推知标签：模型可能学到这一捷径。",
    ),
    "data.bias.tie.label.source.none": ("The labels are alike in all sources.", "各来源的标签构成一致。"),
    "data.bias.tie.label.source.some": (
        "The source tells of the label: a model can learn that short cut.",
        "由来源可以推知标签：模型可能学到这一捷径。",
    ),
    "data.bias.tie.label.period.none": ("The labels do not change over time.", "标签构成不随时间变化。"),
    "data.bias.tie.label.period.some": (
        "The labels change over time: what was usual then is not what is served now.",
        "标签构成随时间变化：过去的常态未必是如今的情况。",
    ),
    "data.bias.tie.language.period.none": ("The languages do not change over time.", "语言构成不随时间变化。"),
    "data.bias.tie.language.period.some": ("The languages change over time.", "语言构成随时间变化。"),
    "data.bias.table.label.split": ("Labels by split", "各划分的标签占比"),
    "data.bias.table.label.language": ("Labels by language", "各语言的标签占比"),
    "data.bias.table.label.source": ("Labels by source", "各来源的标签占比"),
    "data.bias.table.label.period": ("Labels over time", "标签占比随时间的变化"),
    "data.bias.table.language.split": ("Languages by split", "各划分的语言占比"),
    "data.bias.table.language.source": ("Languages by source", "各来源的语言占比"),
    "data.bias.table.language.period": ("Languages over time", "语言占比随时间的变化"),
    "data.bias.rest": ("others", "其他"),
}

_CARD: Final[dict[str, tuple[str, str]]] = {
    "data.card.title": ("{name}: prepared data", "{name}：训练数据"),
    "data.card.license": (
        "The licence follows from the sources; set it before publishing.",
        "许可证取决于数据来源，发布前请自行填写。",
    ),
    "data.card.load": ("How to load it", "如何加载"),
    "data.link": ("Everything about the data: the data card", "数据的全部细节：数据卡"),
}

TEXTS: Final[dict[str, tuple[str, str]]] = _PAGE | _ROWS | _QUALITY | _SPLIT | _BIAS | _CARD
