"""Texts about the forms of a model in fewer bits."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.int8-library": ("`int8` needs torchao, which is not installed", "`int8` 需要 torchao，但尚未安装"),
    "hint.int8-library": (
        "`pip install 'tunesmith[int8]'`, or take another form: `export.forms=[adapter,merged]`",
        "请执行 `pip install 'tunesmith[int8]'`；或改用其他形式：`export.forms=[adapter,merged]`",
    ),
    "error.form-model-type": (
        "the form `{form}` is not written for models of the type `{type}`; it is for {known}",
        "`{form}` 不支持 `{type}` 类型的模型；支持的类型有：{known}",
    ),
    "hint.form-model-type": (
        "take forms that every model has: `export.forms=[adapter,merged]`",
        "请改用任何模型都支持的形式：`export.forms=[adapter,merged]`",
    ),
    "error.form-head": (
        "the form `{form}` is for models that write; this one has a head for classes or numbers",
        "`{form}` 用于生成文本的模型，而该模型带有分类或数值预测头",
    ),
    "hint.form-head": (
        "take forms that every model has: `export.forms=[adapter,merged]`",
        "请改用任何模型都支持的形式：`export.forms=[adapter,merged]`",
    ),
    "error.form-setting": (
        "the form `{form}` cannot say that this setting is {value}",
        "`{form}` 无法表示该设置的取值 {value}",
    ),
    "hint.form-setting": (
        "take another form: `export.forms=[adapter,merged,int8]`",
        "请改用其他形式：`export.forms=[adapter,merged,int8]`",
    ),
    "error.form-tensor": ("the form `{form}` has no place for this tensor", "`{form}` 中没有存放该张量的位置"),
    "hint.form-tensor": (
        "take another form: `export.forms=[adapter,merged,int8]`",
        "请改用其他形式：`export.forms=[adapter,merged,int8]`",
    ),
    "error.form-tokenizer": (
        "the form `{form}` is not written: llama.cpp would read text in other tokens than this tokenizer ({problem})",
        "无法生成 `{form}`：llama.cpp 对文本的切分会与该分词器不同（{problem}）",
    ),
    "hint.form-tokenizer": (
        "take another form: `export.forms=[adapter,merged,int8]`",
        "请改用其他形式：`export.forms=[adapter,merged,int8]`",
    ),
    "error.form-not-finite": (
        "this tensor holds numbers that are not finite, or too large for the form",
        "该张量含有非有限数值，或数值超出该形式的范围",
    ),
    "hint.form-not-finite": (
        "look at the training's losses with `tunesmith report RUN`, and train again with a lower `train.learning_rate`",
        "请用 `tunesmith report RUN` 查看训练损失，并调低 `train.learning_rate` 后重新训练",
    ),
    "error.gguf-damaged": (
        "the GGUF file is damaged or was made to do harm: at byte {at}, {problem}",
        "GGUF 文件已损坏或含有恶意内容：第 {at} 字节处，{problem}",
    ),
    "hint.gguf-damaged": (
        "do not load it; write it again with `tunesmith export RUN`",
        "请勿加载该文件；请用 `tunesmith export RUN` 重新生成",
    ),
    "error.gguf-tensors": (
        "the GGUF file does not hold the tensors that its own settings ask for; {num} are others, such as {names}",
        "GGUF 文件中的张量与其自身设置不符；有 {num} 个不一致，例如 {names}",
    ),
    "hint.gguf-tensors": (
        "do not load it; write it again with `tunesmith export RUN`",
        "请勿加载该文件；请用 `tunesmith export RUN` 重新生成",
    ),
    "gguf.magic": ("it does not begin as such files do", "文件开头不是 GGUF 标识"),
    "gguf.version": ("its version {version} is not known", "版本 {version} 未知"),
    "gguf.cut": ("{wanted} bytes are wanted and {left} are left", "需要 {wanted} 字节，但只剩 {left} 字节"),
    "gguf.count": (
        "{count} things are announced, for which {left} bytes are too few",
        "声明了 {count} 项，而剩余的 {left} 字节不够存放",
    ),
    "gguf.text": ("a text is not UTF-8", "文本不是 UTF-8 编码"),
    "gguf.truth": ("{value} is neither true nor false", "{value} 既非真也非假"),
    "gguf.kind": ("values of kind {kind} are not known", "值的类型 {kind} 未知"),
    "gguf.twice": ("the name `{name}` is there twice", "名称 `{name}` 重复出现"),
    "gguf.architecture": ("no architecture is named", "没有指明模型架构"),
    "gguf.alignment": ("tensors cannot begin at multiples of {value}", "张量不能按 {value} 对齐"),
    "gguf.shape": ("the tensor `{name}` has an impossible shape or place", "张量 `{name}` 的形状或位置不合理"),
    "gguf.encoding": (
        "the tensor `{name}` is encoded in an unknown way, {encoding}",
        "张量 `{name}` 的编码方式 {encoding} 未知",
    ),
    "gguf.place": (
        "the tensor `{name}` lies outside the file or on another tensor",
        "张量 `{name}` 超出文件范围或与其他张量重叠",
    ),
}
