"""Texts of the suites: kinds of questions (`kind.*`), what was forgotten of each, and tasks of the harness."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "metric.right": ("Right answers", "答对率"),
    "kind.language": ("Language", "语言"),
    "kind.arithmetic": ("Arithmetic", "算术"),
    "kind.reasoning": ("Reasoning", "推理"),
    "kind.format": ("Instructed form", "按要求的格式作答"),
    "kind.refusal": ("Refusal of harmful requests", "拒答有害请求"),
    "report.forgetting.kind": ("Kind of question", "题型"),
    "report.forgetting.by_kind": ("{suite}, {arm}: by kind of question", "{suite}，{arm}：按题型"),
    "report.forgetting.cut": (
        "{suite}, {arm}: answers that had no room to end: {before} before, {after} after. What they said so far is "
        "judged; of a model that thinks at length this hides what it can do.",
        "{suite}，{arm}：因长度限制被截断的回答，微调前 {before} 个，微调后 {after} 个。只按截断前的内容评判；"
        "对思考较长的模型，这会掩盖其真实能力。",
    ),
    "suite-file.check": ("the answer of this line does not pass its own check", "这一行的答案通不过它自己的检查"),
    "error.harness-library": (
        "`evaluate.harness` needs lm-evaluation-harness, which is not installed",
        "`evaluate.harness` 需要 lm-evaluation-harness，但尚未安装",
    ),
    "hint.harness-library": (
        "`pip install 'tunesmith[harness]'`, or leave it out: `evaluate.harness=null`",
        "请执行 `pip install 'tunesmith[harness]'`；或去掉这一项：`evaluate.harness=null`",
    ),
    "error.harness-folder": ("`evaluate.harness.folder` is no folder", "`evaluate.harness.folder` 不是文件夹"),
    "hint.harness-folder": (
        "name the folder of your task files: `evaluate.harness.folder=tasks`",
        "请写任务文件所在的文件夹：`evaluate.harness.folder=tasks`",
    ),
    "error.harness-task": (
        "`evaluate.harness`: no task is called `{task}` among the {num_known} there are",
        "`evaluate.harness`：共有 {num_known} 个任务，没有名为 `{task}` 的",
    ),
    "hint.harness-task": (
        "`lm-eval ls tasks` lists the library's; tasks of your own stand in `evaluate.harness.folder`",
        "`lm-eval ls tasks` 列出库中的任务；自己的任务放在 `evaluate.harness.folder` 指定的文件夹中",
    ),
    "error.harness-metric": (
        "the task `{task}` is judged by `{metric}`, which is no number of each item of which more is better",
        "任务 `{task}` 用 `{metric}` 评判，它不是逐题给出、且越大越好的数值",
    ),
    "hint.harness-metric": (
        "put a metric such as `acc` or `exact_match` first in the task's `metric_list`, or leave the task out: "
        "`evaluate.harness=null`",
        "请在任务的 `metric_list` 中把 `acc` 或 `exact_match` 之类的指标写在最前；"
        "或去掉该任务：`evaluate.harness=null`",
    ),
}
