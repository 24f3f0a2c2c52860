"""Texts of the stage `prepare`: its errors and hints, the reasons of rejected rows (`reject.*`), what it says."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "task.prepare": ("reading and checking rows", "读取并检查数据"),
    "say.prepare.detected": (
        "{file}: {count} rows, read as `{format}` because of its columns ({columns})",
        "{file}：共 {count} 行，根据列名识别为 `{format}` 格式（{columns}）",
    ),
    "say.prepare.declared": (
        "{file}: {count} rows, read as `{format}` as the recipe says ({columns})",
        "{file}：共 {count} 行，按配方指定的 `{format}` 格式读取（{columns}）",
    ),
    "say.prepare.gb18030": (
        "{file}: not UTF-8; decoded as GB18030 (GBK), look at a few rows to make sure",
        "{file}：不是 UTF-8 编码，已按 GB18030（GBK）解码，请抽查几行确认无误",
    ),
    "say.prepare.duplicates": ("exact duplicates left out: {count}", "已去除完全重复的行：{count}"),
    "say.prepare.repeats": (
        "rows cut because they repeat held-out rows: {count} ({reasons})",
        "与留出数据重复而被剔除的行：{count}（{reasons}）",
    ),
    "say.prepare.rejected": (
        "unusable rows: {count} of {read} ({reasons})",
        "无法使用的行：{count}，共读取 {read} 行（{reasons}）",
    ),
    "say.prepare.no-validation": (
        "no validation rows: training cannot be steered by them",
        "没有验证集：训练过程无法据此调整",
    ),
    "say.prepare.no-test": (
        "no test rows: there will be no verdict on this data",
        "没有测试集：无法在这份数据上得出结论",
    ),
    "say.prepare.done": (
        "{kept} of {read} rows kept: {train} train, {validation} validation, {test} test",
        "共读取 {read} 行，保留 {kept} 行：训练 {train}，验证 {validation}，测试 {test}",
    ),
    "error.data-missing": ("there is no data here", "此处没有数据"),
    "hint.data-missing": (
        "a relative path starts from {folder}; a folder or glob must hold .jsonl, .json, .csv, .tsv or .parquet files",
        "相对路径以 {folder} 为起点；文件夹或通配符须包含 .jsonl、.json、.csv、.tsv 或 .parquet 文件",
    ),
    "error.data-kind": ("files of the kind `{suffix}` cannot be read", "不支持 `{suffix}` 类型的文件"),
    "hint.data-kind": ("convert it to one of: {known}", "请转换为以下类型之一：{known}"),
    "error.data-unreadable": ("the file cannot be read: {problem}", "无法读取文件：{problem}"),
    "hint.data-unreadable": ("check its permissions and the disk", "请检查文件权限和磁盘"),
    "error.data-empty": ("the file is empty", "文件为空"),
    "hint.data-empty": (
        "export it again, or take it out of prepare.sources",
        "请重新导出，或从 prepare.sources 中移除",
    ),
    "error.data-no-rows": ("the file has no rows", "文件中没有数据行"),
    "hint.data-no-rows": (
        "export it again, or take it out of prepare.sources",
        "请重新导出，或从 prepare.sources 中移除",
    ),
    "error.data-twice": ("two sources name the same data", "两个数据源指向了同一份数据"),
    "hint.data-twice": (
        "name it once in prepare.sources; look for a folder or glob that covers it too",
        "请在 prepare.sources 中只写一次，并检查是否有文件夹或通配符也包含它",
    ),
    "error.data-encoding": ("the text is neither UTF-8 nor GB18030", "文本既不是 UTF-8 也不是 GB18030 编码"),
    "hint.data-encoding": (
        "save the file as UTF-8, e.g. `iconv -f LATIN1 -t UTF-8 old.csv > new.csv`",
        "请将文件另存为 UTF-8，例如 `iconv -f LATIN1 -t UTF-8 old.csv > new.csv`",
    ),
    "error.data-json": ("the JSON array is broken: {problem}", "JSON 数组有语法错误：{problem}"),
    "hint.data-json": (
        "mend it there; with one object a line (.jsonl) a bad row costs only itself",
        "请在该处修正；若改为每行一个对象（.jsonl），坏行只影响其自身",
    ),
    "error.data-header": ("the header line cannot be used: {problem}", "表头无法使用：{problem}"),
    "hint.data-header": ("give every column a name of its own", "请为每一列取不同的名称"),
    "error.data-parquet": ("the Parquet file cannot be read: {problem}", "无法读取 Parquet 文件：{problem}"),
    "hint.data-parquet": ("write it again, or export it as JSONL", "请重新生成，或导出为 JSONL"),
    "error.data-format": (
        "the columns fit no known format: {columns}",
        "这些列不符合任何已知格式：{columns}",
    ),
    "hint.data-format": (
        "say which column is which, e.g. `columns: {{text: ticket_body, label: category}}` or "
        "`columns: {{question: ask, answer: reply}}`",
        "请指明各列的含义，例如 `columns: {{text: ticket_body, label: category}}` 或 "
        "`columns: {{question: ask, answer: reply}}`",
    ),
    "error.data-columns": (
        "format `{format}` needs the columns {missing}; there are: {columns}",
        "`{format}` 格式缺少列 {missing}；现有的列：{columns}",
    ),
    "hint.data-columns": (
        "map them with `columns: {{canonical: yours}}`, or use `format: auto`",
        "请用 `columns: {{标准列名: 您的列名}}` 指定对应关系，或使用 `format: auto`",
    ),
    "error.column-role": (
        "`columns` maps `{role}`, which this format does not have",
        "`columns` 中的 `{role}` 不属于该格式",
    ),
    "hint.column-role": ("the left side may be: {known}", "左侧可以写：{known}"),
    "error.column-missing": (
        "`{role}` is mapped to the column `{column}`, which does not exist; there are: {columns}",
        "`{role}` 对应的列 `{column}` 不存在；现有的列：{columns}",
    ),
    "hint.column-missing": ("did you mean `{suggestion}`?", "您是否想写 `{suggestion}`？"),
    "error.column-absent": (
        "`{role}` is mapped to the column `{column}`, which does not exist; there are: {columns}",
        "`{role}` 对应的列 `{column}` 不存在；现有的列：{columns}",
    ),
    "hint.column-absent": ("name one of the columns that exist", "请从现有的列中选择"),
    "error.hub-unreachable": ("the dataset hub cannot be reached: {problem}", "无法连接数据集仓库：{problem}"),
    "hint.hub-unreachable": (
        "set HF_ENDPOINT to a mirror you can reach, or give a local folder or file instead",
        "请将 HF_ENDPOINT 设为可访问的镜像站，或改用本地文件夹或文件",
    ),
    "error.hub-missing": ("there is no such dataset, or it needs a login", "没有这个数据集，或需要登录后才能访问"),
    "hint.hub-missing": (
        "check its id; for a gated dataset accept its terms and set HF_TOKEN",
        "请检查数据集名称；受限数据集须先同意其条款并设置 HF_TOKEN",
    ),
    "error.hub-request": ("the dataset does not give what was asked: {problem}", "数据集无法提供所需内容：{problem}"),
    "hint.hub-request": (
        "check `config` and `hub_split` against the dataset's page",
        "请对照数据集页面检查 `config` 和 `hub_split`",
    ),
    "error.too-many-bad-rows": (
        "{bad} of {read} rows are unusable, more than the allowed {allowed}: {reasons}; the first: {places}",
        "读取的 {read} 行中有 {bad} 行无法使用，超过允许的 {allowed}：{reasons}；最先出现的几处：{places}",
    ),
    "hint.too-many-bad-rows": (
        "all of them are in {file}; mend them, or raise prepare.max_bad_share",
        "全部记录在 {file} 中；请修正这些行，或调高 prepare.max_bad_share",
    ),
    "error.rows-too-long": (
        "rows longer than the model allows: {count}; the first: {places}",
        "有 {count} 行超出模型允许的长度；最先出现的几处：{places}",
    ),
    "hint.rows-too-long": (
        "leave them out with `prepare.too_long=drop`, shorten them, or choose a base model with a longer context",
        "可用 `prepare.too_long=drop` 舍弃这些行、将其缩短，或改用上下文更长的基座模型",
    ),
    "error.no-training-rows": (
        "no row is left for training (validation {validation}, test {test})",
        "没有可用于训练的行（验证 {validation}，测试 {test}）",
    ),
    "hint.no-training-rows": (
        "add a training source, or lower prepare.test_share and prepare.validation_share",
        "请添加训练数据源，或调低 prepare.test_share 和 prepare.validation_share",
    ),
    "error.split-overlap": (
        "the splits {pair} share {prompts} prompts and {groups} groups; nothing was written",
        "数据划分 {pair} 有 {prompts} 个相同的提示和 {groups} 个相同的分组；未写入任何内容",
    ),
    "hint.split-overlap": (
        "this is a defect of Tunesmith: please report it with the recipe",
        "这是 Tunesmith 的缺陷，请附上配方反馈给我们",
    ),
    "reject.bad-json": ("not valid JSON", "不是有效的 JSON"),
    "reject.bad-encoding": ("bytes that are not UTF-8", "含有非 UTF-8 字节"),
    "reject.not-an-object": ("not a JSON object", "不是 JSON 对象"),
    "reject.not-finite": ("a number that is not finite", "含有非有限数值"),
    "reject.duplicate-key": ("a key that stands twice", "同一个键出现了两次"),
    "reject.lone-surrogate": ("half of a character (a lone surrogate)", "含有不完整的字符（孤立代理项）"),
    "reject.too-deep": ("nested too deeply", "嵌套过深"),
    "reject.column-count": ("another number of columns than the header", "列数与表头不一致"),
    "reject.bad-quoting": ("quotation marks that do not match", "引号不匹配"),
    "reject.no-columns": ("no column at all", "没有任何列"),
    "reject.missing-field": ("a needed column is missing", "缺少必需的列"),
    "reject.not-text": ("a value that is not text", "值不是文本"),
    "reject.not-a-list": ("a value that is not a list", "值不是列表"),
    "reject.bad-turn": ("a turn that is not a message", "对话中有一轮不是消息"),
    "reject.unknown-role": ("a role that is not known", "未知的角色"),
    "reject.bad-weight": ("a weight that is not a number from 0", "权重不是大于等于 0 的数"),
    "reject.tool-calls": ("tool calls, which cannot be trained on yet", "含有工具调用，暂不支持训练"),
    "reject.no-assistant-message": ("no assistant message", "没有助手消息"),
    "reject.no-answer-at-end": ("the last message is not the assistant's", "最后一条消息不是助手的回答"),
    "reject.no-user-message": ("no user message before the answer", "回答之前没有用户消息"),
    "reject.roles-out-of-order": ("roles out of order", "角色顺序不正确"),
    "reject.empty-prompt": ("an empty user message", "用户消息为空"),
    "reject.empty-answer": ("an empty answer", "回答为空"),
    "reject.missing-label": ("no label", "没有标签"),
    "reject.unclosed-think": ("thinking that is never closed", "思考内容没有结束标签"),
    "reject.misplaced-think": ("thinking tags out of place", "思考标签位置不正确"),
    "reject.reasoning-missing": ("no reasoning, which the recipe requires", "缺少配方要求的思考过程"),
    "reject.nothing-to-learn": ("every answer has weight 0", "所有回答的权重都为 0"),
    "reject.control-token": (
        "text that the model would read as a control token",
        "文本中含有会被模型当作控制词元的内容",
    ),
    "reject.too-long": ("longer than the model allows", "超出模型允许的长度"),
    "reject.duplicate": ("equal to an earlier row", "与前面的行重复"),
    "reject.repeats-test-row": ("repeats the prompt of a test row", "与测试集中的提示重复"),
    "reject.repeats-validation-row": ("repeats the prompt of a validation row", "与验证集中的提示重复"),
    "reject.shares-test-group": ("belongs to a group of the test split", "所属分组已在测试集中"),
    "reject.shares-validation-group": ("belongs to a group of the validation split", "所属分组已在验证集中"),
}
