"""Texts on looking at what `prepare` did to rows, and on undoing pseudonyms."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "cli.option.diff": (
        "Show rows before and after, for each rule that changed any: three of each, or as many as --show says.",
        "按规则展示被改动的行在改动前后的样子：每条规则三行，或由 --show 指定行数。",
    ),
    "cli.diff.rule": ("{code}: {rows} rows, {change}", "{code}：{rows} 行，{change}"),
    "cli.diff.none": ("no rule changed any row", "没有任何规则改动过数据"),
    "cli.help.unseal": (
        "Undo the pseudonyms of a dataset's file, with the key from the environment.",
        "用环境变量中的密钥还原数据集文件里的假名。",
    ),
    "cli.argument.sealed": (
        "A file of a prepared dataset, such as train.jsonl.",
        "已准备好的数据集中的文件，例如 train.jsonl。",
    ),
    "cli.option.out": (
        "The file to write; it will hold personal data, and only you may read it.",
        "要写入的文件；其中将含有个人信息，只有您本人可以读取。",
    ),
    "cli.option.key": (
        "Name of the environment variable with the key; by default the one that the dataset was prepared with.",
        "存放密钥的环境变量名；默认为准备该数据集时所用的变量。",
    ),
    "cli.unsealed": (
        "{unsealed} of {rows} rows with pseudonyms given back: {out}",
        "共 {rows} 行，已还原其中 {unsealed} 行的假名：{out}",
    ),
    "error.unseal-row": ("this line is no row of a prepared dataset", "这一行不是已准备好的数据集中的数据"),
    "hint.unseal-row": (
        "give train.jsonl, validation.jsonl or test.jsonl of a dataset that `tunesmith prepare` made",
        "请指定由 `tunesmith prepare` 生成的数据集中的 train.jsonl、validation.jsonl 或 test.jsonl",
    ),
    "error.personal-key-unset": ("the environment variable `{name}` is not set", "未设置环境变量 `{name}`"),
    "hint.personal-key-unset": (
        "set it to the key that the dataset was prepared with: `export {name}=...`",
        "请将其设为生成该数据集时所用的密钥：`export {name}=...`",
    ),
    "error.unseal-key": (
        "it is not known which key opens this file: no dataset lies around it that names one",
        "不知道该用哪个密钥打开此文件：它所在的文件夹不是记录了密钥变量名的数据集",
    ),
    "hint.unseal-key": (
        "name the environment variable: `tunesmith unseal FILE --key NAME --out OUT`",
        "请指定环境变量名：`tunesmith unseal FILE --key NAME --out OUT`",
    ),
}
