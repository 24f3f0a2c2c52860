"""Texts on rows that refuse."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "say.prepare.refusals": (
        "blocked topics: {rows} rows that refuse, {visits} visits an epoch, {share} of training",
        "禁止话题：{rows} 行拒答数据，每轮训练出现 {visits} 次，占训练的 {share}",
    ),
    "say.prepare.few-refusals": (
        "each request of the blocked topics is visited {times} times an epoch: write more of them",
        "禁止话题的每个请求每轮训练要出现 {times} 次，请多写一些请求",
    ),
    "error.safety-refusal": (
        "there is no refusal in the language of this request ({language}): {request}",
        "没有与该请求语言（{language}）相应的拒答文本：{request}",
    ),
    "hint.safety-refusal": (
        "add it: `tunesmith run RECIPE 'prepare.safety.refusal={{en: ..., zh: ...}}'`",
        "请补上：`tunesmith run RECIPE 'prepare.safety.refusal={{en: ..., zh: ...}}'`",
    ),
    "data.made.safety": ("rows that refuse", "拒答数据"),
    "data.refusals": ("Blocked topics", "禁止话题"),
    "data.refusals.share": ("Share of the rows that an epoch visits", "占每轮训练的比例"),
}
