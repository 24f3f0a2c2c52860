"""Texts of the verb `annotate`."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "recipe.problem.annotate-layers": (
        "needs labels under `entities` or `intents`; `relations` need `entities`",
        "须在 `entities` 或 `intents` 下写出标签；写 `relations` 时须同时写 `entities`",
    ),
    "cli.help.annotate": ("Rows to annotators and back.", "把数据交给标注者，并收回标注结果。"),
    "cli.help.annotate.export": (
        "Write rows as Label Studio tasks, or send them to its server (--push).",
        "把数据写成 Label Studio 任务，或发送到其服务器（--push）。",
    ),
    "cli.help.annotate.import": (
        "Turn annotations into rows for `prepare` and a file of disputes.",
        "把标注结果转成可供 `prepare` 读取的数据，并列出有分歧的行。",
    ),
    "cli.help.annotate.agreement": ("Tell how far the annotators agree.", "统计标注者之间的一致性。"),
    "cli.option.push": ("Send the tasks to the server that the recipe names.", "把任务发送到配方指定的服务器。"),
    "cli.option.results": (
        "A JSON export of Label Studio; without it results are fetched from the recipe's server.",
        "Label Studio 导出的 JSON 文件；不写则从配方指定的服务器获取。",
    ),
    "cli.option.folder": (
        "The folder of these files; `annotation/NAME` in the workspace when not given.",
        "存放这些文件的文件夹；不写则为工作区中的 `annotation/配方名`。",
    ),
    "say.annotate.left-out": (
        "rows left out: {count} ({reasons}); see rejects.jsonl",
        "未采用的行：{count}（{reasons}），详见 rejects.jsonl",
    ),
    "say.annotate.reopened": (
        "decisions reopened because the chosen answer has changed: {count}",
        "所选的答案已有改动，需重新裁定：{count} 条",
    ),
    "cli.annotate.exported": (
        "{tasks} tasks from {read} rows, {predictions} with a prediction; repeated {repeated}, left out {rejected}",
        "由 {read} 行生成 {tasks} 个任务，其中 {predictions} 个带有预标注；重复 {repeated} 行，未采用 {rejected} 行",
    ),
    "cli.annotate.pushed": ("new on the server: {count}", "服务器上新增：{count}"),
    "cli.annotate.imported": (
        "{rows} rows in rows.jsonl; {disputed} disputed, of which {decided} decided, in adjudication.jsonl",
        "rows.jsonl 中有 {rows} 行；adjudication.jsonl 中有分歧 {disputed} 行，其中 {decided} 行已裁定",
    ),
    "cli.annotate.at": ("Files: {folder}", "文件：{folder}"),
    "cli.annotate.tasks": (
        "{tasks} annotated tasks; with two answers or more: {unanimous} unanimous, {disputed} disputed",
        "已标注任务 {tasks} 个；有两份以上答案的任务中：一致 {unanimous} 个，有分歧 {disputed} 个",
    ),
    "cli.annotate.annotator": ("  annotator {name}: {count} tasks", "  标注者 {name}：{count} 个任务"),
    "cli.annotate.classes": (
        "intents: {observed} of answers agree; Fleiss' kappa {fleiss}, Krippendorff's alpha {krippendorff} "
        "({items} tasks)",
        "意图：答案两两一致的比例 {observed}；Fleiss κ {fleiss}，Krippendorff α {krippendorff}（{items} 个任务）",
    ),
    "cli.annotate.kappa": (
        "  Cohen's kappa of {first} and {second}: {value} ({items} tasks)",
        "  {first} 与 {second} 的 Cohen κ：{value}（{items} 个任务）",
    ),
    "cli.annotate.marks.entities": (
        "entities: mean pairwise F1 {mean} ({items} tasks)",
        "实体：两两 F1 均值 {mean}（{items} 个任务）",
    ),
    "cli.annotate.marks.relations": (
        "relations: mean pairwise F1 {mean} ({items} tasks)",
        "关系：两两 F1 均值 {mean}（{items} 个任务）",
    ),
    "cli.annotate.f1": (
        "  F1 of {first} and {second}: {value} ({items} tasks)",
        "  {first} 与 {second} 的 F1：{value}（{items} 个任务）",
    ),
    "cli.annotate.undefined": ("not defined", "无法定义"),
    "error.annotate-section": ("the recipe does not say what to annotate", "配方没有写明要标注什么"),
    "hint.annotate-section": (
        "add a section, e.g. `annotate: {{intents: [refund, delivery]}}`",
        "请加上这一节，例如 `annotate: {{intents: [退款, 物流]}}`",
    ),
    "error.annotate-no-text": (
        "no column holds the text to annotate; there are: {columns}",
        "没有可标注的文本列；现有的列：{columns}",
    ),
    "hint.annotate-no-text": (
        "name it, e.g. `annotate.text=body`",
        "请指明该列，例如 `annotate.text=body`",
    ),
    "error.annotate-label": (
        "the row has the label `{label}`, which the section `annotate` does not declare",
        "该行的标签 `{label}` 未在 `annotate` 中声明",
    ),
    "hint.annotate-label": (
        "add it under `annotate`, or correct the row: did you mean `{suggestion}`?",
        "请在 `annotate` 中补上该标签，或改正该行：您是否想写 `{suggestion}`？",
    ),
    "error.annotate-server-missing": ("the recipe names no annotation server", "配方没有指定标注服务器"),
    "hint.annotate-server-missing": (
        "add `server: {{url: http://127.0.0.1:8080, key: LABEL_STUDIO_TOKEN}}` under `annotate`, or give a file "
        "with --results",
        "请在 `annotate` 下加上 `server: {{url: http://127.0.0.1:8080, key: LABEL_STUDIO_TOKEN}}`，"
        "或用 --results 给出文件",
    ),
    "error.annotate-sdk": ("the client of Label Studio is not installed", "未安装 Label Studio 的客户端"),
    "hint.annotate-sdk": (
        "`pip install 'tunesmith[annotate]'`, or carry tasks.json and the export by hand",
        "请执行 `pip install 'tunesmith[annotate]'`，或手动传递 tasks.json 与导出文件",
    ),
    "error.annotate-key": (
        "the environment variable `{name}`, which holds the access token, is not set",
        "存放访问令牌的环境变量 `{name}` 未设置",
    ),
    "hint.annotate-key": (
        "copy the token from your account page in Label Studio: `export {name}=...`",
        "请从 Label Studio 的账户页面复制令牌：`export {name}=...`",
    ),
    "error.annotate-server": ("{url} refuses or does not answer: {problem}", "{url} 拒绝请求或没有响应：{problem}"),
    "hint.annotate-server": (
        "check the address, the token and that the server runs; the same command can be given again",
        "请检查地址、令牌以及服务器是否在运行；可再次执行同一命令",
    ),
    "error.annotate-project": ("{url} has no project `{title}`", "{url} 上没有项目 `{title}`"),
    "hint.annotate-project": (
        "make it first with `tunesmith annotate export RECIPE --push`",
        "请先用 `tunesmith annotate export RECIPE --push` 创建",
    ),
    "error.adjudication-line": ("this line cannot be used: {problem}", "这一行无法使用：{problem}"),
    "hint.adjudication-line": (
        "`decision` is null, the name of one of the annotators, or an answer in the form of theirs whose entities "
        "stand in the text",
        "`decision` 应为 null、某位标注者的名称，或与其答案同样形式的答案，且实体须与文本相符",
    ),
}
