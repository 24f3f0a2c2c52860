"""Texts of balancing and augmenting the training rows."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "say.prepare.balance-over": (
        "balanced by {by}: rows of rare categories are visited more often (categories had {least} to {most} rows)",
        "按 {by} 均衡：稀少类别的数据在每轮训练中多次出现（各类别原有 {least} 至 {most} 条）",
    ),
    "say.prepare.balance-under": (
        "balanced by {by}: rows of frequent categories left out (categories had {least} to {most} rows)",
        "按 {by} 均衡：已去掉部分常见类别的数据（各类别原有 {least} 至 {most} 条）",
    ),
    "say.prepare.balance-weight": (
        "balanced by {by}: rows of rare categories weigh more (categories had {least} to {most} rows)",
        "按 {by} 均衡：稀少类别的数据权重更高（各类别原有 {least} 至 {most} 条）",
    ),
    "say.prepare.augmented": (
        "{method}: {kept} of {made} made rows kept (rejected: {rejected})",
        "{method}：生成 {made} 条，保留 {kept} 条（剔除：{rejected}）",
    ),
    "reject.augment-empty": ("nothing was written, or nothing that could be read", "没有生成内容，或内容无法解析"),
    "reject.augment-unchanged": ("the text stayed as it was", "文本没有变化"),
    "reject.augment-language": ("another language than the row's", "语言与原文不同"),
    "reject.augment-number": ("other numbers than the row's", "数字与原文不同"),
    "reject.augment-negation": ("more or fewer negations than the row", "否定词与原文不同"),
    "reject.augment-name": ("other names than the row's", "名称与原文不同"),
    "reject.augment-direction": ("a word became its opposite", "词义变成了相反方向"),
    "reject.augment-unlike": ("too unlike the row", "与原文相差过大"),
    "reject.augment-label": ("a classifier sees another label in it", "分类器判断标签已改变"),
    "reject.augment-duplicate": ("repeats the prompt of another row", "与其他行的提示重复"),
    "reject.augment-near-held-out": ("nearly repeats a held-out prompt", "与留出数据的提示近似重复"),
    "recipe.problem.one-translator": (
        "give either `there` and `back`, or `endpoint`",
        "请给出 `there` 和 `back`，或只给出 `endpoint`",
    ),
    "synonyms.problem.none": ("it holds no group of two words or more", "没有含两个以上词的同义词组"),
    "error.synonyms-unreadable": ("the synonyms cannot be read: {problem}", "无法读取同义词：{problem}"),
    "hint.synonyms-unreadable": (
        "name the data folder of WordNet (`apt-get install wordnet-base`: `/usr/share/wordnet`), or a UTF-8 file with "
        "one group of words a line, commas between them",
        "请给出 WordNet 的数据文件夹（`apt-get install wordnet-base` 后为 `/usr/share/wordnet`），"
        "或一个 UTF-8 文件，每行一组词，以逗号分隔",
    ),
    "error.neighbours-unknown": (
        "there is no model here whose neighbouring words could be synonyms",
        "这里没有模型可供查找近邻词作同义词",
    ),
    "hint.neighbours-unknown": (
        "prepare the rows for a model, `tunesmith prepare RECIPE model.base=FOLDER`, or name a `source` of synonyms",
        "请为某个模型准备数据：`tunesmith prepare RECIPE model.base=FOLDER`，或在 `source` 中给出同义词来源",
    ),
    "error.neighbours-model": (
        "the input embeddings of this model cannot be read: {problem}",
        "无法读取该模型的输入词向量：{problem}",
    ),
    "hint.neighbours-model": (
        "look at it with `tunesmith check --model FOLDER`, or name a `source` of synonyms",
        "请用 `tunesmith check --model FOLDER` 检查模型，或在 `source` 中给出同义词来源",
    ),
    "error.translator": (
        "there is no sequence-to-sequence model that can be loaded: {problem}",
        "没有可以加载的序列到序列模型：{problem}",
    ),
    "hint.translator": (
        "name a folder with a model and its tokenizer, such as `hf download Helsinki-NLP/opus-mt-en-de --local-dir "
        "en-de` makes",
        "请给出含有模型和分词器的文件夹，例如 `hf download Helsinki-NLP/opus-mt-en-de --local-dir en-de` 所下载的",
    ),
    "error.endpoint-key": (
        "the environment variable `{name}`, the key of `{model}`, is not set",
        "没有设置环境变量 `{name}`（`{model}` 的密钥）",
    ),
    "hint.endpoint-key": (
        "set it: `export {name}=...`; an endpoint without keys needs no `key` in the recipe",
        "请设置：`export {name}=...`；无需密钥的接口不必在配方中写 `key`",
    ),
    "error.endpoint-failed": ("`{model}` did not answer: {problem}", "`{model}` 没有回答：{problem}"),
    "hint.endpoint-failed": (
        "try `curl {url}/models`; check the recipe's url, model and the secret that `key` names; what was answered so "
        "far is kept, and the same command goes on",
        "请用 `curl {url}/models` 检查，并核对配方中的 url、model 以及 `key` 指定的密钥；已得到的回答会保留，"
        "再次运行同一命令即可继续",
    ),
    "error.endpoint-answer": (
        "the answer is no chat completion: {answer}",
        "返回的内容不是聊天补全结果：{answer}",
    ),
    "hint.endpoint-answer": (
        "the url must be that of an OpenAI-compatible API, mostly ending in `/v1`: `curl {url}/models`",
        "url 应指向 OpenAI 兼容接口，通常以 `/v1` 结尾：`curl {url}/models`",
    ),
    "reject.under-sampled": ("left out to balance the categories", "为均衡各类别而去掉"),
    "recipe.problem.balance-column": (
        "`column` belongs to `by: column`, and `by: column` needs it",
        "`column` 与 `by: column` 必须同时给出",
    ),
    "error.balance-nothing": (
        "no training row has what it is to be balanced by: `{by}`",
        "没有任何训练数据带有用于均衡的 `{by}`",
    ),
    "hint.balance-nothing": (
        "see what rows have with `tunesmith prepare RECIPE`; set prepare.balance.by to what they share, or take it out",
        "运行 `tunesmith prepare RECIPE` 查看数据有哪些内容；请把 prepare.balance.by 设为数据中存在的项，或删去该节",
    ),
    "error.balance-clusters": (
        "{rows} training rows cannot make {clusters} clusters",
        "{rows} 行训练数据不足以分成 {clusters} 个簇",
    ),
    "hint.balance-clusters": (
        "ask for fewer: `tunesmith prepare RECIPE prepare.balance.num_clusters=2`",
        "请减少簇数：`tunesmith prepare RECIPE prepare.balance.num_clusters=2`",
    ),
}
