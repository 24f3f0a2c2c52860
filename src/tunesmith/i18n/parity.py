"""Texts of `tunesmith check --model`: what each part of the parity suite is called and what it found."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "task.parity": ("checking the model", "检查模型"),
    "cli.parity.model": ("model folder", "模型文件夹"),
    "cli.parity.model.found": (
        "type {type}, conversations of up to {tokens} tokens",
        "类型 {type}，对话最长 {tokens} 个词元",
    ),
    "cli.parity.template": ("thinking is kept", "保留思考内容"),
    "cli.parity.template.own": ("by the model's own chat template", "由模型自带的对话模板保留"),
    "cli.parity.template.twin": (
        "by the training twin of the model's chat template, which by itself cuts thinking away",
        "由对话模板的训练版本保留；模型自带的模板会删去思考内容",
    ),
    "cli.parity.template.lost": (
        "an answer does not come back as it was written: {meant} became {said}",
        "回答经过模板后无法还原：{meant} 变成了 {said}",
    ),
    "cli.parity.prefix": ("learned as it is served", "训练与使用时的提示一致"),
    "cli.parity.prefix.history": (
        "{turns} answers of {rows} conversations stand after exactly the tokens of their prompts, "
        "earlier turns included",
        "{rows} 段对话中的 {turns} 个回答，前面的词元与其提示完全相同，包括前几轮",
    ),
    "cli.parity.prefix.apart": (
        "{turns} answers of {rows} conversations stand after exactly the tokens of their prompts; the template drops "
        "the thinking of earlier turns, so the conversations become {training_rows} training rows",
        "{rows} 段对话中的 {turns} 个回答，前面的词元与其提示完全相同；"
        "由于模板会删去前几轮的思考内容，这些对话拆成 {training_rows} 行训练数据",
    ),
    "cli.parity.prefix.turns": (
        "{found} answers of a conversation are learned instead of {expected}",
        "一段对话中应学习 {expected} 个回答，实际为 {found} 个",
    ),
    "cli.parity.prefix.differs": (
        "conversation {row}: prompt and training row part at token {at}",
        "第 {row} 段对话：提示与训练数据从第 {at} 个词元起不同",
    ),
    "cli.parity.tokenizer": ("tokens equal those of transformers", "词元与 transformers 一致"),
    "cli.parity.tokenizer.equal": ("{tokens} tokens of {rows} prompts", "{rows} 个提示，共 {tokens} 个词元"),
    "cli.parity.tokenizer.differs": (
        "prompt {row} parts at token {at}: here {ours}, in transformers {theirs}",
        "第 {row} 个提示从第 {at} 个词元起不同：本工具为 {ours}，transformers 为 {theirs}",
    ),
    "cli.parity.round_trip": ("text survives its tokens", "编码后可还原为原文"),
    "cli.parity.round_trip.equal": ("{texts} texts in several scripts", "{texts} 段不同文字的文本"),
    "cli.parity.round_trip.differs": ("{text} became {again}", "{text} 变成了 {again}"),
    "cli.parity.end_token": ("answers end with an end token", "回答以结束符收尾"),
    "cli.parity.end_token.found": ("{tokens}", "{tokens}"),
    "cli.parity.logits": ("logits equal those of transformers", "logits 与 transformers 一致"),
    "cli.parity.logits.difference": (
        "largest difference {difference}, limit {limit}; {computed} tokens computed for {tokens}, the rest shared",
        "最大差异 {difference}，上限 {limit}；{tokens} 个词元只需计算 {computed} 个，其余共用",
    ),
    "cli.parity.adapter": ("adapter survives saving and loading", "适配器保存后可正确加载"),
    "cli.parity.adapter.peft": (
        "loaded by peft: largest difference {difference}, limit {limit}; the adapter moves logits by up to {effect}",
        "由 peft 加载：最大差异 {difference}，上限 {limit}；适配器对 logits 的影响最大为 {effect}",
    ),
    "cli.parity.adapter.own": (
        "peft is not installed, loaded by Tunesmith itself: largest difference {difference}, limit {limit}; "
        "the adapter moves logits by up to {effect}",
        "未安装 peft，由 Tunesmith 自行加载：最大差异 {difference}，上限 {limit}；"
        "适配器对 logits 的影响最大为 {effect}",
    ),
    "cli.parity.training": ("training lowers the loss", "训练能降低损失"),
    "cli.parity.training.loss": (
        "{before} -> {after} in {steps} steps on three rows; the base's weights are untouched",
        "3 条数据训练 {steps} 步：{before} -> {after}；基座权重未变",
    ),
    "cli.parity.training.touched": ("the base's frozen weights changed", "基座中被冻结的权重发生了变化"),
}
