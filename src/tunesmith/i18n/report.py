"""Texts of reports and cards (`report.*`), names (`arm.*`, `metric.*`, `suite.*`) and verdicts (`verdict.*`).

Reasons of a verdict, `verdict.reason.*`, are filled with the paired difference: `mean`, `low`, `high`, `n`; losses also
with `suite` and `max_loss`.
"""

from typing import Final

_NAMES: Final[dict[str, tuple[str, str]]] = {
    "arm.base": ("Base model", "基座模型"),
    "arm.base_changed": ("Changed base, untrained", "改动后的基座（未训练）"),
    "arm.base_free_form": ("Base model, free answers", "基座模型（自由作答）"),
    "arm.base_few_shot": ("Base model, few-shot", "基座模型（少样本提示）"),
    "arm.classic": ("Classic baseline", "传统方法基线"),
    "arm.majority": ("Most frequent answer", "多数类基线"),
    "arm.tuned": ("Tuned model", "微调后的模型"),
    "suite.test": ("Test set", "测试集"),
    "suite.general_en": ("General questions, English", "通用问题（英文）"),
    "suite.general_zh": ("General questions, Chinese", "通用问题（中文）"),
}

_VERDICTS: Final[dict[str, tuple[str, str]]] = {
    "verdict.better": ("Better", "更好"),
    "verdict.better_with_losses": ("Better, with losses", "更好，但有退步"),
    "verdict.worse": ("Worse", "更差"),
    "verdict.equivalent": ("Equivalent within the margin", "相当"),
    "verdict.not_enough_evidence": ("Not enough evidence", "证据不足"),
    "verdict.meaning.better": (
        "The whole 95% interval lies on the side of improvement, and no general suite is shown to have lost more than "
        "the limit.",
        "95% 置信区间整个落在改进一侧，各项通用测试也未见超出限度的退步。",
    ),
    "verdict.meaning.better_unasked": (
        "The whole 95% interval lies on the side of improvement. No general questions were asked: what was forgotten "
        "is not known.",
        "95% 置信区间整个落在改进一侧。没有测试通用问题，遗忘了什么尚不清楚。",
    ),
    "verdict.meaning.better_with_losses": (
        "The model improved on the task, but it is shown to have lost more on a general suite than the limit allows.",
        "模型在目标任务上确有提升，但在通用测试上的退步超出了允许的限度。",
    ),
    "verdict.meaning.worse": (
        "The whole 95% interval lies on the side of loss. Do not deploy this model in place of the base.",
        "95% 置信区间整个落在退步一侧，不要用该模型替换基座模型。",
    ),
    "verdict.meaning.equivalent": (
        "The whole 95% interval lies within the margin below which a difference does not matter: tuning changed "
        "nothing that counts.",
        "95% 置信区间整个落在无关紧要的范围之内：微调没有带来值得在意的变化。",
    ),
    "verdict.meaning.not_enough_evidence": (
        "Neither a gain nor a loss is shown, and the interval reaches beyond the margin: these items cannot tell. Do "
        "not deploy the model on this evidence.",
        "既未证实提升，也未证实退步，而区间又超出了无关紧要的范围：这些题目还不足以下结论，请勿据此部署。",
    ),
    "verdict.reason.gain_shown": (
        "The gain is shown: {mean}, 95% interval {low} to {high}, on {n} items",
        "提升得到证实：{mean}，95% 置信区间 {low} 至 {high}，共 {n} 题",
    ),
    "verdict.reason.loss_shown": (
        "The loss is shown: {mean}, 95% interval {low} to {high}, on {n} items",
        "退步得到证实：{mean}，95% 置信区间 {low} 至 {high}，共 {n} 题",
    ),
    "verdict.reason.within_margin": (
        "The difference lies within the margin of {margin} on either side: {mean}, 95% interval {low} to {high}, on "
        "{n} items",
        "差值在正负 {margin} 以内：{mean}，95% 置信区间 {low} 至 {high}，共 {n} 题",
    ),
    "verdict.reason.no_gain": (
        "No gain was observed: {mean}, 95% interval {low} to {high}, on {n} items",
        "没有观察到提升：{mean}，95% 置信区间 {low} 至 {high}，共 {n} 题",
    ),
    "verdict.reason.gain_too_small": (
        "The gain is at most {high}, less than the margin of {margin}: it hardly matters",
        "提升最多为 {high}，小于 {margin}，实际意义不大",
    ),
    "verdict.reason.gain_uncertain": (
        "The observed gain of {mean} could be chance: the 95% interval is {low} to {high}, on {n} items",
        "观察到的提升 {mean} 可能出于偶然：95% 置信区间为 {low} 至 {high}，共 {n} 题",
    ),
    "verdict.reason.items_needed": (
        "About {num_items_needed} test items would be needed to settle it, were the true difference the observed one",
        "假如真实差值就是观察到的大小，大约需要 {num_items_needed} 道测试题才能定论",
    ),
    "verdict.reason.more_items_needed": (
        "More than {num_items} test items would be needed to settle it, were the true difference the observed one, "
        "which is close to none",
        "假如真实差值就是观察到的大小（几乎为零），需要超过 {num_items} 道测试题才能定论",
    ),
    "verdict.reason.detectable": (
        "With {n} items this test can detect a true difference of {detectable} or more (in four of five evaluations)",
        "{n} 道题能够检出的真实差值至少为 {detectable}（五次评测中有四次检出）",
    ),
    "verdict.reason.loss_beyond_limit": (
        "{suite}: lost more than the limit of {max_loss}: {mean}, 95% interval {low} to {high}, on {n} items",
        "{suite}：退步超出限度 {max_loss}：{mean}，95% 置信区间 {low} 至 {high}，共 {n} 题",
    ),
    "verdict.reason.loss_within_limit": (
        "{suite}: a loss, but within the limit of {max_loss}: {mean}, 95% interval {low} to {high}, on {n} items",
        "{suite}：有退步，但未超出限度 {max_loss}：{mean}，95% 置信区间 {low} 至 {high}，共 {n} 题",
    ),
    "verdict.reason.loss_uncertain": (
        "{suite}: perhaps a loss beyond the limit of {max_loss}: {mean}, 95% interval {low} to {high}, on {n} items",
        "{suite}：退步可能超出限度 {max_loss}：{mean}，95% 置信区间 {low} 至 {high}，共 {n} 题",
    ),
}

_PAGE: Final[dict[str, tuple[str, str]]] = {
    "report.kind": ("Fine-tuning report", "微调报告"),
    "report.made_with": ("Made with Tunesmith", "由 Tunesmith 生成"),
    "report.offline": (
        "This page is one file. It loads nothing from the network and runs no script.",
        "本页是一个独立文件，不联网，也不运行任何脚本。",
    ),
    "report.base": ("Base model", "基座模型"),
    "report.run": ("Run", "运行"),
    "report.finished": ("Finished (UTC)", "完成时间（UTC）"),
    "report.contents": ("Contents", "目录"),
    "report.sentences": ("{one} {other}", "{one}{other}"),
    "report.list_separator": (", ", "、"),
    "report.between": ("{low} to {high}", "{low} 至 {high}"),
    "report.seconds": ("{seconds} s", "{seconds} 秒"),
    "report.minutes": ("{minutes} min {seconds} s", "{minutes} 分 {seconds} 秒"),
    "report.language.en": ("English", "英文"),
    "report.language.zh": ("Chinese", "中文"),
    "report.language.mixed": ("Mixed", "中英混合"),
    "report.language.other": ("Other", "其他"),
    "report.embedded": (
        "This run used the tiny model that ships with Tunesmith. It shows the workflow from end to end; it is not a "
        "model to deploy.",
        "本次运行使用的是 Tunesmith 自带的微型模型，用于演示完整流程，不可用于实际部署。",
    ),
    "report.embedded.title": ("A demonstration", "演示用途"),
    "report.direction.improved": ("improved", "变好"),
    "report.direction.worse": ("worse", "变差"),
    "report.direction.unclear": ("no clear difference", "无明显差异"),
}

_VERDICT_AND_TABLE: Final[dict[str, tuple[str, str]]] = {
    "report.verdict": ("Verdict", "结论"),
    "report.verdict.before": ("Before", "微调前"),
    "report.verdict.after": ("After", "微调后"),
    "report.verdict.difference": ("Difference", "差值"),
    "report.verdict.interval": ("95% interval", "95% 置信区间"),
    "report.verdict.sentence": (
        "{metric} on {n} held-out test items: {after}, against {before} before tuning. Difference {mean}, 95% interval "
        "{interval}.",
        "留出的 {n} 道测试题，{metric}：微调后 {after}，微调前 {before}；差值 {mean}，95% 置信区间 {interval}。",
    ),
    "report.verdict.sentence.beside": (
        "{metric} on {n} held-out test items: {arm} {after}, {against} {before}. Difference {mean}, 95% interval "
        "{interval}.",
        "留出的 {n} 道测试题，{metric}：{arm} {after}，{against} {before}；差值 {mean}，95% 置信区间 {interval}。",
    ),
    "report.verdict.others": ("Verdicts on the variants", "各变体的结论"),
    "report.table": ("All models on the same test items", "各模型在同一批测试题上的表现"),
    "report.table.arm": ("Model", "模型"),
    "report.table.difference": ("Difference to the base", "与基座模型之差"),
    "report.table.prompt_tokens": ("Prompt tokens", "提示词元数"),
    "report.table.answer_tokens": ("Answer tokens", "回答词元数"),
    "report.table.duration": ("Time", "用时"),
    "report.table.caption": (
        "Values with their 95% intervals. The bar shows {metric}. Differences are paired: each item is compared with "
        "itself. Tokens are means per answer, time is for the whole test.",
        "各值附 95% 置信区间，横条所示指标：{metric}。差值为配对差：每道题只与自身比较。"
        "词元数为每次回答的平均值，用时为整个测试的总时间。",
    ),
    "report.table.about": ("What these models are", "这些模型分别是什么"),
    "report.table.differences": ("All paired differences", "全部配对差值"),
    "report.table.suite": ("Suite", "测试"),
    "report.table.metric": ("Metric", "指标"),
    "report.table.against": ("Against", "对照"),
    "report.table.items": ("Items", "题数"),
    "report.table.p_value": ("p-value", "p 值"),
    "report.table.p_adjusted": ("Adjusted", "校正后"),
    "report.table.differences.caption": (
        "p-values are those of McNemar's exact test where items are right or wrong, else of a permutation test; "
        "adjusted (Holm) for all differences on the test set, and for all on other suites. Detectable is the smallest "
        "true difference that four of five evaluations on as many items show. The verdict rests on one of them, chosen "
        "before.",
        "题目只分对错时，p 值来自 McNemar 精确检验，其余来自置换检验；校正后的 p 值分别计入测试集上、"
        "其他题集上的全部比较（Holm 法）。“可检出”指同样题数下五次评测中有四次能够证实的最小真实差值。"
        "结论只依据其中事先选定的一项。",
    ),
    "report.arm_note.base": ("the model as it was before tuning", "微调前的原始模型"),
    "report.arm_note.base_changed": (
        "the base after the recipe's changes, before training: what the changes cost, and where training began",
        "按配方改动之后、训练之前的基座：改动的代价，也是训练的起点",
    ),
    "report.arm_note.base_free_form": (
        "the same base, writing its answer freely instead of choosing among the labels",
        "同一基座模型，不在给定标签中选择，而是自由写出回答",
    ),
    "report.arm_note.base_few_shot": (
        "the same base with a few training rows shown in the prompt: what can be had without tuning",
        "同一基座模型，在提示中附上几条训练样例：不微调就能得到的效果",
    ),
    "report.arm_note.classic.labels": (
        "TF-IDF with logistic regression, trained on the same rows: what can be had without a language model",
        "在同样的数据上训练的 TF-IDF 加逻辑回归：不用语言模型就能得到的效果",
    ),
    "report.arm_note.classic.text": (
        "the answer of the most similar training row: what can be had without a language model",
        "直接返回最相似训练样例的答案：不用语言模型就能得到的效果",
    ),
    "report.arm_note.majority": (
        "always says the same: the most frequent answer, or the mean",
        "总是给出同一个答案：出现最多的答案，或平均值",
    ),
    "report.arm_note.tuned": ("the result of this run", "本次运行的成果"),
    "report.arm_note.variant": ("another way to train on the same rows", "用同样的数据、另一种方式训练"),
    "report.note.loses": (
        "{arm} ({value}) loses to {baseline} ({other}){detail}. The simpler way is the better one here.",
        "{arm}（{value}）不敌{baseline}（{other}）{detail}。在此任务上，更简单的方法反而更好。",
    ),
    "report.note.behind": (
        "{arm} ({value}) is behind {baseline} ({other}){detail}. The simpler way may be enough here.",
        "{arm}（{value}）落后于{baseline}（{other}）{detail}。在此任务上，更简单的方法或许就够了。",
    ),
    "report.note.difference": (" by {mean}, 95% interval {interval}", "，差值 {mean}，95% 置信区间 {interval}"),
    "report.note.sampled": (
        "Judged on a seeded sample of {judged} of the {total} test rows.",
        "评测使用了 {total} 条测试数据中按固定种子抽取的 {judged} 条。",
    ),
    "report.note.unlearned": (
        "Judged on {judged} of the {total} test rows: the answers of the others have weight 0, so they are none to "
        "give.",
        "{total} 条测试数据中评测了 {judged} 条：其余各条的回答权重为 0，不是应当给出的回答。",
    ),
    "report.slice.language": ("By language", "按语言"),
    "report.slice.label": ("By label", "按标签"),
    "report.slice.length": ("By characters of the question", "按问题的字数"),
    "report.slice.source": ("By source", "按来源"),
    "report.slice.column": ("By {column}", "按 {column}"),
    "report.slice.phrase": ("By phrase of the question", "按问题中的词语"),
    "report.weak.heading": ("Where the tuned model is weaker", "微调后的模型较弱之处"),
    "report.weak.about": (
        "Found on one half of the test items and confirmed on the other, whose figures are shown; p-values are "
        "corrected for all slices that were confirmed together (Holm).",
        "在一半测试题上找出，在另一半上确认；所列数字来自后一半，p 值按一同确认的全部部分做了 Holm 校正。",
    ),
    "report.weak.slice": ("Questions", "题目"),
    "report.weak.inside": ("There", "此处"),
    "report.weak.outside": ("Elsewhere", "其他题目"),
    "report.weak.next": ("What to do", "怎么办"),
    "report.weak.language": ("in {value}", "语言为{value}"),
    "report.weak.label": ("whose label is {value}", "标签为 {value}"),
    "report.weak.length": ("of {value} characters", "字数为 {value}"),
    "report.weak.source": ("from {value}", "来自 {value}"),
    "report.weak.phrase": ("with “{value}”", "含有“{value}”"),
    "report.weak.column": ("whose {column} is {value}", "{column} 为 {value}"),
    "report.slice.value": ("{value} ({n} items)", "{value}（{n} 题）"),
}

_SECTIONS: Final[dict[str, tuple[str, str]]] = {
    "report.forgetting": ("What was forgotten", "遗忘情况"),
    "report.forgetting.caption": (
        "General questions that have nothing to do with the training rows, asked before and after. Tolerated loss: "
        "{max_loss}.",
        "与训练数据无关的通用问题，微调前后各问一遍。允许的退步：{max_loss}。",
    ),
    "report.forgetting.not_asked": ("The general questions were not asked in this run.", "本次运行没有测试通用问题。"),
    "report.forgetting.limit": ("Limit", "限度"),
    "report.forgetting.within": ("within", "未超出"),
    "report.forgetting.uncertain": ("perhaps exceeded", "可能超出"),
    "report.forgetting.beyond": ("exceeded", "已超出"),
    "report.forgetting.items": ("Lost / won", "新答错 / 新答对"),
    "report.forgetting.lost": ("{suite}, {arm}: {count} items lost", "{suite}，{arm}：新答错 {count} 题"),
    "report.items.more": ("{count} more are in `samples.jsonl`.", "其余 {count} 题见 `samples.jsonl`。"),
    "report.curves": ("How training went", "训练过程"),
    "report.curves.caption": (
        "By optimiser step. Where a curve is noisy, the light line is each step and the dark one its moving average.",
        "横轴为优化步数。波动较大的曲线：浅色为每步的值，深色为其滑动平均。",
    ),
    "report.curves.none": ("This run reported no metrics.", "本次运行没有记录训练指标。"),
    "report.curve.train_loss": ("Training loss", "训练损失"),
    "report.curve.eval_loss": ("Validation loss", "验证损失"),
    "report.curve.train_mean_token_accuracy": ("Token accuracy in training", "训练词元准确率"),
    "report.curve.train_learning_rate": ("Learning rate", "学习率"),
    "report.curve.train_grad_norm": ("Gradient norm", "梯度范数"),
    "report.curve.train_tokens_per_second_per_gpu": ("Tokens per second", "每秒词元数"),
    "report.curve.course": (
        "from {first} to {last}, lowest {lowest}, highest {highest}",
        "由 {first} 到 {last}，最低 {lowest}，最高 {highest}",
    ),
    "report.curve.not_finite": ("; {count} values were not finite", "；另有 {count} 个非有限值未画出"),
    "report.pairs": ("Before and after", "微调前后对比"),
    "report.pairs.caption": (
        "The same test prompts, answered by both models. Half are those where tuning helped most, some are those where "
        "it hurt most, the rest are spread over the test set.",
        "同样的测试问题，由两个模型分别回答。其中一半取提升最大的题，少数取退步最大的题，其余均匀取自整个测试集。",
    ),
    "report.pairs.none": ("No test item was answered by both models.", "没有两个模型都回答过的测试题。"),
    "report.pairs.gained": ("gained", "变好"),
    "report.pairs.lost": ("lost", "变差"),
    "report.pairs.same": ("unchanged", "不变"),
    "report.pairs.question": ("Prompt", "问题"),
    "report.pairs.reference": ("Expected", "参考答案"),
    "report.pairs.earlier": ("Earlier messages ({count})", "前文（{count} 条）"),
    "report.pairs.thinking": ("Thinking", "思考过程"),
    "report.pairs.empty": ("(empty answer)", "（空回答）"),
    "report.pairs.cut_off": ("cut at the token limit", "达到词元上限被截断"),
    "report.pairs.more": ("({count} more characters in samples.jsonl)", "（其余 {count} 字见 samples.jsonl）"),
    "report.role.system": ("System", "系统"),
    "report.role.user": ("User", "用户"),
    "report.role.assistant": ("Assistant", "助手"),
    "report.role.tool": ("Tool", "工具"),
}

_DATA_AND_METHOD: Final[dict[str, tuple[str, str]]] = {
    "report.data": ("Data", "数据"),
    "report.data.read": ("Rows read", "读入"),
    "report.data.kept": ("Rows kept", "保留"),
    "report.data.rejected": ("Rows rejected", "剔除"),
    "report.data.task": ("Task", "任务"),
    "report.data.task.labels": ("choosing a label", "选择标签（分类）"),
    "report.data.task.text": ("writing an answer", "撰写回答（生成）"),
    "report.data.reasoning": ("Rows kept, by thinking", "保留数据的思考过程"),
    "report.data.with_and_without": (
        "{present} with, {absent} without",
        "有：{present} 条；无：{absent} 条",
    ),
    "report.data.bad": ("Rejected as unusable", "因无法使用而剔除"),
    "report.data.duplicates": ("Rejected as exact duplicates", "因完全重复而剔除"),
    "report.data.leaking": ("Rejected for repeating held-out rows", "因与留出数据重复而剔除"),
    "report.data.conflicting": ("Prompts with more than one answer", "有多个不同答案的问题"),
    "report.data.prompts_and_rows": ("{prompts} (on {rows} rows)", "{prompts} 个（涉及 {rows} 条）"),
    "report.data.repeats_within_test": (
        "Test rows that nearly repeat another, kept as declared",
        "测试集内部的近似重复（按声明保留）",
    ),
    "report.data.gb18030": ("Rows decoded as GB18030 (GBK)", "按 GB18030（GBK）解码的数据"),
    "report.data.splits": ("Splits", "数据划分"),
    "report.data.sources": ("Sources", "数据来源"),
    "report.data.source": ("Source", "来源"),
    "report.data.format": ("Format", "格式"),
    "report.data.why": ("Recognised by", "识别依据"),
    "report.data.why.detected": ("its columns ({columns})", "列名（{columns}）"),
    "report.data.why.declared": ("the recipe ({columns})", "配方（{columns}）"),
    "report.data.encoding": ("Encoding", "编码"),
    "report.data.declared": ("Declared split", "声明的划分"),
    "report.data.rows": ("Rows", "条数"),
    "report.data.rejects": ("Rejected rows, by reason", "剔除的数据及原因"),
    "report.data.reason": ("Reason", "原因"),
    "report.data.places": ("For example", "示例位置"),
    "report.data.labels": ("Labels", "标签"),
    "report.data.label": ("Label", "标签"),
    "report.data.languages": ("Languages", "语言"),
    "report.data.language": ("Language", "语言"),
    "report.data.total": ("All", "合计"),
    "report.data.lengths": ("Lengths in characters", "长度（字符数）"),
    "report.data.length.prompt": ("Prompt", "问题"),
    "report.data.length.thinking": ("Thinking", "思考过程"),
    "report.data.length.answer": ("Answer", "回答"),
    "report.data.quantile.min": ("Shortest", "最短"),
    "report.data.quantile.p25": ("25%", "25%"),
    "report.data.quantile.p50": ("Median", "中位数"),
    "report.data.quantile.p75": ("75%", "75%"),
    "report.data.quantile.p95": ("95%", "95%"),
    "report.data.quantile.max": ("Longest", "最长"),
    "report.data.proof": (
        "No overlap: no prompt and no group stands in two of the splits, checked on all {num_prompts} different "
        "prompts and {num_groups} groups.",
        "没有重叠：任何问题、任何分组都没有同时出现在两个数据划分中（已核对全部 {num_prompts} 个不同问题、"
        "{num_groups} 个分组）。",
    ),
    "report.data.proof_broken": (
        "Overlap: the splits share {shared_prompts} prompts and {shared_groups} groups. The verdict cannot be trusted.",
        "存在重叠：数据划分之间有 {shared_prompts} 个相同问题、{shared_groups} 个相同分组，结论不可信。",
    ),
    "report.split.train": ("Training", "训练集"),
    "report.split.rehearsal": ("Rehearsal", "复习数据"),
    "report.split.validation": ("Validation", "验证集"),
    "report.split.test": ("Test", "测试集"),
    "report.method.title": ("Method", "方法"),
    "report.method.plan": ("The plan", "计划"),
    "report.method.history": ("Predicted and measured in this workspace", "本工作区各次训练的预测与实测"),
    "report.method.training": ("Training", "训练"),
    "report.method.memory_predicted": ("Memory, predicted", "内存（预测）"),
    "report.method.memory_measured": ("Memory, measured", "内存（实测）"),
    "report.method.time_predicted": ("Time, predicted", "用时（预测）"),
    "report.method.time_measured": ("Time, measured", "用时（实测）"),
    "report.method.choices": ("Choices and their reasons", "各项选择及理由"),
    "report.method.choice": ("Choice", "选择项"),
    "report.method.value": ("Value", "取值"),
    "report.method.why": ("Why", "理由"),
    "report.method.measured": ("Measured", "实测"),
    "report.method.name.full": ("Full fine-tuning", "全参数微调"),
    "report.method.name.lora": ("LoRA", "LoRA"),
    "report.form.adapter": ("adapter", "适配器"),
    "report.form.weights": ("full weights", "完整权重"),
    "report.fact.method": ("Method", "方法"),
    "report.fact.num_parameters": ("Parameters", "参数量"),
    "report.fact.num_trainable": ("Trainable", "可训练参数"),
    "report.fact.num_train_rows": ("Training rows", "训练数据条数"),
    "report.fact.num_train_tokens": ("Training tokens", "训练词元数"),
    "report.fact.num_supervised_tokens": ("Supervised tokens", "监督词元数"),
    "report.fact.longest_row_tokens": ("Longest row, tokens", "最长一条的词元数"),
    "report.fact.num_steps": ("Optimiser steps", "优化步数"),
    "report.fact.learning_rate": ("Peak learning rate", "峰值学习率"),
    "report.fact.precision": ("Precision", "数值精度"),
    "report.fact.num_threads": ("Threads", "线程数"),
    "report.fact.seconds": ("Training time", "训练用时"),
    "report.fact.tokens_per_second": ("Tokens per second", "每秒词元数"),
    "report.fact.step": ("Steps taken", "实际步数"),
    "report.fact.num_tokens": ("Tokens seen", "训练过的词元数"),
    "report.fact.best_step": ("Best step", "最佳步"),
    "report.fact.best_value": ("Best validation", "最佳验证结果"),
}

_REPEAT_AND_CARD: Final[dict[str, tuple[str, str]]] = {
    "report.repeat": ("How to repeat it", "如何复现"),
    "report.repeat.commands": (
        "In the folder where the run was started, since relative paths begin there:",
        "在启动本次运行的文件夹中执行（相对路径以它为起点）：",
    ),
    "report.repeat.recipe": ("Resolved recipe", "完整配方"),
    "report.repeat.environment": ("Environment", "运行环境"),
    "report.repeat.fingerprint": ("Recipe fingerprint (SHA-256)", "配方指纹（SHA-256）"),
    "report.repeat.seed": ("Seed", "随机种子"),
    "report.repeat.artifacts": ("Keys of the artifacts", "各产物的键"),
    "report.card.title": ("{name}: tuned from {base}", "{name}：由 {base} 微调而来"),
    "report.card.what": ("What it is", "简介"),
    "report.card.what.adapter": (
        "A LoRA adapter in PEFT's format, trained with Tunesmith.",
        "由 Tunesmith 训练的 LoRA 适配器，采用 PEFT 格式。",
    ),
    "report.card.what.weights": (
        "A complete model in safetensors, trained with Tunesmith.",
        "由 Tunesmith 训练的完整模型，采用 safetensors 格式。",
    ),
    "report.card.training": ("Training", "训练"),
    "report.card.limits": ("Limits", "局限"),
    "report.card.limits.tested": (
        "Judged only on test rows that come from the same sources as the training rows. Behaviour on other inputs was "
        "not measured.",
        "仅在与训练数据同源的测试数据上做过评测，在其他输入上的表现没有测量。",
    ),
    "report.card.limits.general": (
        "What it kept of its general abilities is measured by the general suites above and nothing else.",
        "通用能力的保留情况只由上述通用测试衡量，别无其他测量。",
    ),
    "report.card.limits.general_not_asked": (
        "What it kept of its general abilities was not measured.",
        "没有测量通用能力的保留情况。",
    ),
    "report.card.limits.safety": (
        "Safety, bias and factual errors were not measured. A person should review its answers before they are used.",
        "没有测量安全性、偏见和事实性错误，使用其回答之前应由人审核。",
    ),
    "report.card.limits.license": (
        "The licence follows from the base model and the data; set it before publishing.",
        "许可证取决于基座模型和数据，发布前请自行填写。",
    ),
    "report.card.load": ("How to load it", "如何加载"),
    "report.card.load.where": (
        "The files are in `{location}` of the run's artifacts.",
        "文件位于产物目录的 `{location}`。",
    ),
    "report.card.load.embedded": (
        "The base `{base}` ships inside the Python package `tunesmith`.",
        "基座模型 `{base}` 随 Python 软件包 `tunesmith` 一同提供。",
    ),
    "report.card.data": (
        "{train} training, {validation} validation and {test} test rows were kept.",
        "共保留训练数据 {train} 条、验证数据 {validation} 条、测试数据 {test} 条。",
    ),
    "report.card.repeat": (
        "Take the resolved recipe from the report or the run's folder to where its relative paths begin, then:",
        "从报告或运行文件夹中取得完整配方，放到其相对路径的起点处，然后执行：",
    ),
}

TEXTS: Final[dict[str, tuple[str, str]]] = (
    _NAMES | _VERDICTS | _PAGE | _VERDICT_AND_TABLE | _SECTIONS | _DATA_AND_METHOD | _REPEAT_AND_CARD
)
