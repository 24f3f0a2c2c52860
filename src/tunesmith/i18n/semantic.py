"""Texts on rows that mean the same in other words."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "say.prepare.semantic-duplicates": (
        "rows left out that say the same in other words: {count}",
        "已去除换一种说法的重复行：{count}",
    ),
    "reject.semantic-duplicate": ("says the same as an earlier row in other words", "与前面的行说法不同但意思相同"),
    "error.encoder-folder": (
        "there is no model here that turns texts into vectors: {problem}",
        "此处没有可用于生成文本向量的模型：{problem}",
    ),
    "hint.encoder-folder": (
        "`model` there names a folder with config.json, tokenizer.json and safetensors weights",
        "此处的 `model` 应指向含有 config.json、tokenizer.json 和 safetensors 权重的文件夹",
    ),
}
