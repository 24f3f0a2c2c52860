"""Texts of lineage: `tunesmith trace`, `tunesmith forget`."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "cli.help.trace": (
        "Walk from a served answer back to bundle, model, run and rows, or from a row on to the models that learned "
        "it.",
        "从一次回答追溯到发布包、模型、训练与数据行，或从一行数据查到学过它的模型。",
    ),
    "cli.argument.trace": (
        "Id of an exchange (ex-...), id of a row (16 hex digits), or FILE:LINE of the raw rows.",
        "对话记录的编号（ex-...）、数据行的编号（16 位十六进制数），或原始数据的“文件:行号”。",
    ),
    "cli.trace.answer": ("{exchange}, answered at {at} by {model}", "{exchange}，由 {model} 于 {at} 作答"),
    "cli.trace.versions": ("Versions:", "版本："),
    "cli.trace.steps": ("Made from:", "来源："),
    "cli.trace.runs": ("Runs:", "训练运行："),
    "cli.trace.sources": ("Raw rows:", "原始数据："),
    "cli.trace.edited": (
        "Not what was read, or not there any more (a line of it may be another row now):",
        "与读取时不同，或已不在原处（其中某一行如今可能是另一条数据）：",
    ),
    "cli.trace.near": ("Rows that are most like the question:", "与该问题最相近的数据行："),
    "cli.trace.feedback": ("Feedback:", "反馈："),
    "cli.trace.feedback-sets": (
        "FeedbackSets that hold it, and what was made from them:",
        "收录了它的反馈集，以及由其产生的内容：",
    ),
    "cli.trace.rounds": ("Rounds of improvement:", "改进轮次："),
    "cli.trace.missing": ("(not in this workspace)", "（不在此工作区中）"),
    "cli.trace.rows": ("Datasets that hold it:", "含有它的数据集："),
    "cli.trace.learned": ("Models that learned it, and their bundles:", "学过它的模型及其发布包："),
    "cli.trace.not-learned": ("No model here learned it.", "此处没有模型学过它。"),
    "error.exchange-forgotten": ("the exchange {id} was removed for good", "对话记录 {id} 已被永久删除"),
    "hint.exchange-forgotten": (
        "somebody was forgotten (tunesmith forget); nothing more is known of it",
        "有人要求被遗忘（tunesmith forget），关于它已无任何信息",
    ),
    "error.trace-reference": (
        "`{reference}` names neither an exchange nor a row",
        "`{reference}` 既不是对话记录，也不是数据行",
    ),
    "hint.trace-reference": (
        "tunesmith trace ex-..., tunesmith trace rows.jsonl:12, or the 16 hex digits of a row's id",
        "请写 tunesmith trace ex-...、tunesmith trace rows.jsonl:12，或数据行编号的 16 位十六进制数",
    ),
    "error.trace-row-unknown": ("no dataset of this workspace holds {reference}", "此工作区没有数据集含有 {reference}"),
    "hint.trace-row-unknown": (
        "name the file as it lies from here, and see `tunesmith prepare RECIPE --show 20` for lines that were kept",
        "请按当前位置写出文件路径；哪些行被保留，可用 `tunesmith prepare RECIPE --show 20` 查看",
    ),
    "cli.help.forget": (
        "Take a person out of everything that is kept, withdraw the models that learned from them, and verify it.",
        "从保存的一切内容中删去某个人，撤回学过其数据的模型，并加以核验。",
    ),
    "cli.option.forget-subject": (
        "The `user` of the person's requests; where it stands as text is only told, unless --text names it too.",
        "此人请求中的 `user`；它作为文字出现之处只列出而不删除，除非同时用 --text 给出。",
    ),
    "cli.option.forget-text": (
        "A name, address or number of the person, exactly as it is written; give it again for each spelling.",
        "此人的姓名、地址或号码，须与原文完全一致；有几种写法就给几次。",
    ),
    "cli.option.forget-raw": (
        "Also blank the person's rows in the files of raw rows (JSON lines, CSV, TSV).",
        "同时清空原始数据文件（JSONL、CSV、TSV）中此人的数据行。",
    ),
    "cli.option.forget-dry-run": ("Tell what would happen, and change nothing.", "只说明将会发生什么，不作任何改动。"),
    "cli.forget.nothing-found": ("Nothing of the person was found.", "没有找到此人的任何内容。"),
    "cli.forget.mention": (
        "“{text}” stands in {num} rows and exchanges, in {inside} of them only inside of longer words; such as "
        "{examples}",
        "“{text}”出现在 {num} 条数据与对话记录中，其中 {inside} 条只是更长单词的一部分；例如 {examples}",
    ),
    "cli.forget.mention-kept": (
        "“{text}” also stands as text in {num} rows and exchanges, in {inside} of them only inside of longer words; "
        "such as {examples}. They stay, as they may be other people's: to remove them, add --text {quoted}.",
        "“{text}”还作为文字出现在 {num} 条数据与对话记录中，其中 {inside} 条只是更长单词的一部分；例如 {examples}。"
        "它们可能属于他人，因此予以保留；若要删除，请加上 --text {quoted}。",
    ),
    "cli.forget.stored": (
        "In the store: {exchanges} exchanges, {feedback} pieces of feedback, {ratings} ratings, {rounds} rounds.",
        "数据库中：{exchanges} 条对话记录、{feedback} 条反馈、{ratings} 条评分、{rounds} 个改进轮次。",
    ),
    "cli.forget.raw": ("Raw rows in {file}, lines {lines}", "原始数据 {file}，第 {lines} 行"),
    "cli.forget.raw-fixed": (
        "Raw rows in {file}, rows {lines}; this kind of file you have to change yourself.",
        "原始数据 {file}，第 {lines} 行；这类文件须由您自己修改。",
    ),
    "cli.forget.raw-missing": (
        "Raw rows that are not at {file} any more were not searched.",
        "原始数据 {file} 已不在原处，未能查找。",
    ),
    "cli.forget.in-path": (
        "The path {path} holds one of the texts: where our files name that path, it is no mention, and stays.",
        "路径 {path} 含有所给文字：程序文件中写到该路径之处不算提及，予以保留。",
    ),
    "cli.forget.raw-edited": (
        "{file} is not what {datasets} were read from: their rows cannot be followed by line. Those that name the "
        "person go; one that only another column of its line tells of would be missed, unless the file is put back as "
        "it was.",
        "{file} 已不是 {datasets} 读取时的内容，无法按行号追踪其中的数据。含有此人文字的数据行会删去；"
        "只能凭该行其他列辨认的数据行会遗漏，除非把文件恢复原样。",
    ),
    "cli.forget.data": (
        "{kind} {artifact}: {rows} rows go; the others stay in a successor.",
        "{kind} {artifact}：删去 {rows} 行，其余保留在后继版本中。",
    ),
    "cli.forget.artifact": ("Removed as a whole: {folder}", "整体删除：{folder}"),
    "cli.forget.files": ("Files in {folder}: {files}", "{folder} 中的文件：{files} 个"),
    "cli.forget.model": (
        "Model {model} learned from the person's rows; its weights cannot be searched for a person.",
        "模型 {model} 学过此人的数据；无法在权重中查找某个人。",
    ),
    "cli.forget.withdrawn": ("Withdrawn: {version}", "撤回：{version}"),
    "cli.forget.unsure": (
        "The rows that {version} was trained on are not here: nobody can tell whether the person was among them.",
        "{version} 的训练数据不在此处，无从判断其中是否有此人。",
    ),
    "cli.forget.nothing-done": ("Nothing was changed (--dry-run).", "未作任何改动（--dry-run）。"),
    "cli.forget.successor": ("{old} is {new} now.", "{old} 的后继版本为 {new}。"),
    "cli.forget.alias": (
        "The alias {alias} points to a withdrawn version: tunesmith models alias {alias} NAME@NUMBER. A server that is "
        "running answers with it until it is started again.",
        "别名 {alias} 指向已撤回的版本，请执行 tunesmith models alias {alias} 名称@序号。"
        "正在运行的服务在重启之前仍用它作答。",
    ),
    "cli.forget.retrain": ("Train again without the person: {command}", "去掉此人后重新训练：{command}"),
    "cli.forget.left": ("Still there: {place} ({form})", "仍有残留：{place}（{form}）"),
    "cli.forget.left-raw": (
        "Blank those rows with --raw, or change the files yourself, before anything is trained again.",
        "请用 --raw 清空这些行，或自行修改文件，然后再重新训练。",
    ),
    "cli.forget.verified": (
        "Verified: nothing of the person is left in workspace, cache, raw files and store.",
        "核验通过：工作区、缓存、原始数据与数据库中都不再有此人的内容。",
    ),
    "cli.forget.not-verified": ("Not verified: see what is still there.", "核验未通过：请处理上述残留。"),
    "error.forget-nobody": ("nobody was named", "没有指明是谁"),
    "hint.forget-nobody": (
        "tunesmith forget --subject USER --text 'Maria Keller' --text maria@example.com",
        "tunesmith forget --subject 用户 --text '李小娜' --text lina@example.com",
    ),
    "error.forget-short": (
        "`{word}` is too short: it would be found in other people's rows",
        "`{word}` 太短，会误中他人的数据",
    ),
    "hint.forget-short": (
        "give at least 6 letters, or 2 Chinese characters: a full name, an address, a number",
        "至少要有 6 个字母或 2 个汉字：请给出全名、地址或号码",
    ),
}
