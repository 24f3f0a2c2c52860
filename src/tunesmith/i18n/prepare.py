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
    "say.prepare.near-duplicates": ("near-duplicates left out: {count}", "已去除近似重复的行：{count}"),
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
    "say.prepare.newer": (
        "{count} training rows are newer than the test: they belong to groups or clusters too large to hold out, or to "
        "sources declared as training, so the test is easier than the future",
        "有 {count} 行训练数据比测试集更新：所在的分组或近似簇太大，无法留出，或其来源已声明为训练集；"
        "测试因此比未来的真实情况容易",
    ),
    "say.prepare.no-test": (
        "no test rows: there will be no verdict on this data",
        "没有测试集：无法在这份数据上得出结论",
    ),
    "say.prepare.unhidden": (
        "personal data stand in {rows} of {looked_at} training rows looked at ({types}): `prepare.personal.mode` hides "
        "them",
        "抽查 {looked_at} 条训练数据，其中 {rows} 条含有个人信息（{types}）：可用 `prepare.personal.mode` 处理",
    ),
    "say.prepare.done": (
        "{kept} of {read} rows kept: {train} train, {validation} validation, {test} test",
        "共读取 {read} 行，保留 {kept} 行：训练 {train}，验证 {validation}，测试 {test}",
    ),
    "error.data-missing": ("there is no data here", "此处没有数据"),
    "hint.data-missing": (
        "a relative path starts from {folder}; a folder or glob must hold data files (.jsonl, .json, .csv, .tsv, "
        ".parquet, .arrow) or documents (.txt, .md, .html, .docx, .pdf)",
        "相对路径以 {folder} 为起点；文件夹或通配符须包含数据文件（.jsonl、.json、.csv、.tsv、.parquet、.arrow）"
        "或文档（.txt、.md、.html、.docx、.pdf）",
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
        "save the file as UTF-8, e.g. `iconv -f LATIN1 -t UTF-8 old.csv > new.csv`, with BIG5 in place of LATIN1 "
        "for an old file in traditional Chinese",
        "请将文件另存为 UTF-8，例如 `iconv -f LATIN1 -t UTF-8 old.csv > new.csv`；"
        "繁体中文的旧文件请把 LATIN1 换成 BIG5",
    ),
    "error.data-json": ("the JSON array is broken: {problem}", "JSON 数组有语法错误：{problem}"),
    "hint.data-json": (
        "mend it there; with one object a line (.jsonl) a bad row costs only itself",
        "请在该处修正；若改为每行一个对象（.jsonl），坏行只影响其自身",
    ),
    "error.data-header": ("the header line cannot be used: {problem}", "表头无法使用：{problem}"),
    "hint.data-header": ("give every column a name of its own", "请为每一列取不同的名称"),
    "error.data-parquet": (
        "the Parquet or Arrow file cannot be read: {problem}",
        "无法读取 Parquet 或 Arrow 文件：{problem}",
    ),
    "hint.data-parquet": ("write it again, or export it as JSONL", "请重新生成，或导出为 JSONL"),
    "error.data-document": ("the document cannot be read: {problem}", "无法读取文档：{problem}"),
    "hint.data-document": (
        "open it in its own program and save it again, or export it as text",
        "请用相应的软件打开后重新保存，或导出为纯文本",
    ),
    "error.document-locked": ("the document needs a password", "文档设有密码"),
    "hint.document-locked": ("save a copy without the password", "请另存一份不带密码的副本"),
    "error.document-too-large": ("the document is larger than {limit}", "文档超过 {limit}"),
    "hint.document-too-large": ("split it, or export it as text", "请将其拆分，或导出为纯文本"),
    "error.data-only-text": (
        "there is text, but no column that says what to answer: {columns}",
        "只有文本，没有说明应如何回答的列：{columns}",
    ),
    "hint.data-only-text": (
        "add labels or answers from a second table by a key, e.g. `join: {{path: labels.csv, on: document}}`; "
        "or map two of the columns, e.g. `columns: {{question: {first}, answer: {second}}}`; "
        "to go on training on the texts themselves, set `format: text` and `train.objective: text`",
        "请按键从另一张表补上标签或回答，例如 `join: {{path: labels.csv, on: document}}`；"
        "或指定其中两列，例如 `columns: {{question: {first}, answer: {second}}}`；"
        "若要直接在这些文本上继续预训练，请设置 `format: text` 与 `train.objective: text`",
    ),
    "error.join-column": (
        "a table of the join lacks {missing}; there are: {columns}",
        "参与连接的表缺少 {missing}；现有的列：{columns}",
    ),
    "hint.join-column": (
        "`join.on` names a column of both tables, `join.columns` columns of the second",
        "`join.on` 应为两张表都有的列，`join.columns` 应为第二张表的列",
    ),
    "error.join-twice": ("both tables of the join have: {columns}", "参与连接的两张表都有列：{columns}"),
    "hint.join-twice": (
        "rename them in one table, or name the columns to add in `join.columns`",
        "请在其中一张表中改名，或在 `join.columns` 中写明要补上的列",
    ),
    "error.join-repeated": (
        "`{key}` stands twice in the column `{column}` of the second table",
        "第二张表的 `{column}` 列中 `{key}` 出现了两次",
    ),
    "hint.join-repeated": ("let each key stand in one row only", "请让每个键只对应一行"),
    "error.join-row": (
        "a row of the second table cannot be read: {reason} {detail}",
        "第二张表中有一行无法读取：{reason} {detail}",
    ),
    "hint.join-row": ("mend the row or take it out", "请修正或删除该行"),
    "error.data-format": (
        "the columns fit no known format: {columns}",
        "这些列不符合任何已知格式：{columns}",
    ),
    "hint.data-format": (
        "say which column is which, e.g. `sources: {{path: tickets.csv, columns: {{text: {first}, label: {second}}}}}` "
        "or `columns: {{question: {first}, answer: {second}}}`",
        "请指明各列的含义，例如 `sources: {{path: 工单.csv, columns: {{text: {first}, label: {second}}}}}` 或 "
        "`columns: {{question: {first}, answer: {second}}}`",
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
        "leave them out with `prepare.too_long=drop`, shorten them with `cut-prompt` or `window` in its place, or "
        "choose a base model with a longer context",
        "可用 `prepare.too_long=drop` 舍弃这些行，改写为 `cut-prompt` 或 `window` 将其缩短，或改用上下文更长的基座模型",
    ),
    "error.examples-unreadable": (
        "the examples of the task cannot be read: {problem}",
        "无法读取任务示例：{problem}",
    ),
    "hint.examples-unreadable": (
        "`prepare.clean.relevance.examples` names a UTF-8 file with one text a line",
        "`prepare.clean.relevance.examples` 应指向 UTF-8 编码的文件，每行一条文本",
    ),
    "examples.problem.empty": ("there is no text in it", "文件中没有文本"),
    "change.clean.mojibake": ("wrongly decoded text mended", "修复乱码"),
    "change.clean.line-ends": ("line ends made one kind", "统一换行符"),
    "change.clean.control": ("control characters removed", "去除控制字符"),
    "change.clean.zero-width": ("zero-width characters removed", "去除零宽字符"),
    "change.clean.markup": ("HTML left over removed", "去除残留的 HTML 标记"),
    "change.clean.full-width": ("full-width letters and digits narrowed", "全角字母和数字转为半角"),
    "change.clean.white-space": ("white space tidied", "整理空白"),
    "change.clean.numbers": ("numbers written in plain digits", "数字统一写成阿拉伯数字"),
    "change.clean.language-tag": ("language tag added", "添加语言标记"),
    "change.clean.filled": ("empty column filled", "填补空缺的列"),
    "change.personal.name": ("names replaced", "替换姓名"),
    "change.personal.phone": ("phone numbers replaced", "替换电话号码"),
    "change.personal.email": ("e-mail addresses replaced", "替换邮箱地址"),
    "change.personal.address": ("postal addresses replaced", "替换住址"),
    "change.personal.id-card": ("identity card numbers replaced", "替换身份证号"),
    "change.personal.card": ("payment card numbers replaced", "替换支付卡号"),
    "change.personal.iban": ("IBANs replaced", "替换国际银行账号（IBAN）"),
    "change.personal.ssn": ("social security numbers replaced", "替换社会安全号码"),
    "change.personal.bank-account": ("bank accounts replaced", "替换银行账号"),
    "change.personal.ip": ("IP addresses replaced", "替换 IP 地址"),
    "change.personal.birth-date": ("dates of birth replaced", "替换出生日期"),
    "change.personal.secret": ("keys and passwords replaced", "替换密钥和密码"),
    "error.no-training-rows": (
        "no row is left for training (validation {validation}, test {test})",
        "没有可用于训练的行（验证 {validation}，测试 {test}）",
    ),
    "hint.no-training-rows": (
        "add a training source, or lower prepare.test_share and prepare.validation_share",
        "请添加训练数据源，或调低 prepare.test_share 和 prepare.validation_share",
    ),
    "error.split-overlap": (
        "the splits {pair} have something in common ({counts}); nothing was written",
        "数据划分 {pair} 之间有重叠（{counts}）；未写入任何内容",
    ),
    "hint.split-overlap": (
        "this is a defect of Tunesmith: please report it with the recipe",
        "这是 Tunesmith 的缺陷，请附上配方反馈给我们",
    ),
    "error.recheck-failed": (
        "the split no longer is what was proved; rows changed in: {changed}; in common: {shared}",
        "数据划分与当初证明的不一致；行有变动的划分：{changed}；重叠：{shared}",
    ),
    "hint.recheck-failed": (
        "do not edit a dataset by hand: change the sources or the recipe and run `tunesmith prepare RECIPE` again",
        "请勿手工修改数据集：应修改数据源或配方，再重新运行 `tunesmith prepare RECIPE`",
    ),
    "error.personal-key-missing": (
        "pseudonyms need a key, and the secret that `prepare.personal.key` names is not set",
        "生成假名需要密钥，但 `prepare.personal.key` 指定的密钥变量未设置",
    ),
    "hint.personal-key-missing": (
        "set that environment variable, e.g. to the output of `openssl rand -hex 32`, and keep it outside the dataset",
        "请设置该环境变量（例如取 `openssl rand -hex 32` 的输出），并将其保存在数据集之外",
    ),
    "error.personal-key-short": (
        "the key of the pseudonyms has {num_bytes} bytes, too few to withstand guessing",
        "假名密钥只有 {num_bytes} 字节，太短，容易被猜出",
    ),
    "hint.personal-key-short": (
        "use at least {least} random bytes, e.g. the output of `openssl rand -hex 32`",
        "请使用至少 {least} 字节的随机密钥，例如 `openssl rand -hex 32` 的输出",
    ),
    "error.personal-key-wrong": (
        "the key does not open what is sealed in this row",
        "该密钥无法解开这一行中封存的内容",
    ),
    "hint.personal-key-wrong": (
        "give the key that the dataset was prepared with",
        "请使用生成该数据集时所用的密钥",
    ),
    "error.personal-row-changed": (
        "the row was edited after its personal data were replaced",
        "这一行在个人信息被替换之后又被改动过",
    ),
    "hint.personal-row-changed": (
        "give the row as it stands in the dataset",
        "请提供数据集中未经改动的原始行",
    ),
    "error.personal-model": (
        "no token-classification model that finds names or addresses: {problem}",
        "这里没有可识别姓名或地址的词元分类模型：{problem}",
    ),
    "hint.personal-model": (
        "give a folder with config, tokenizer and safetensors whose labels include PER or ADDRESS",
        "请提供包含配置、分词器和 safetensors 权重的文件夹，且其标签中须有 PER 或 ADDRESS",
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
    "reject.row-too-large": ("a row of more than 16 MiB", "单行超过 16 MiB"),
    "reject.not-a-number": ("a value that is not a number", "值不是数字"),
    "reject.several-labels": ("more than one label", "标签不止一个"),
    "reject.bad-label": ("neither true nor false", "取值既不是真也不是假"),
    "reject.bad-pair": ("not two answers to one prompt", "不是针对同一提示的两个回答"),
    "reject.equal-pair": ("the better and the worse answer are equal", "较好与较差的回答完全相同"),
    "reject.not-annotated": ("not annotated", "尚未标注"),
    "reject.annotators-disagree": ("the annotators disagree", "标注者意见不一致"),
    "reject.annotation-kind": ("a kind of annotation that is not known", "未知的标注类型"),
    "reject.bad-span": ("a marked span that is not in the text", "标注的片段与文本不符"),
    "reject.bad-page": ("a page that cannot be read", "无法读取的页面"),
    "reject.page-without-text": ("a page without text, such as a scan", "没有文字的页面（例如扫描件）"),
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
    "reject.personal-data": ("personal data, which the recipe removes", "含有个人信息，按配方要求移除"),
    "reject.control-token": (
        "text that the model would read as a control token",
        "文本中含有会被模型当作控制词元的内容",
    ),
    "reject.missing-value": ("a column that the recipe requires is empty", "配方要求填写的列为空"),
    "reject.too-short": ("a text shorter than the recipe allows", "文本短于配方规定的下限"),
    "reject.too-long-text": ("a text longer than the recipe allows", "文本长于配方规定的上限"),
    "reject.repetitive": ("text that repeats itself", "文本内容自我重复"),
    "reject.wrong-language": ("a language that the recipe does not keep", "语言不在配方保留的范围内"),
    "reject.off-task": ("unlike the examples of the task", "与任务示例不相似"),
    "reject.too-long": ("longer than the model allows", "超出模型允许的长度"),
    "reject.duplicate": ("equal to an earlier row", "与前面的行重复"),
    "reject.over-share": ("more rows than the share of its source", "超出其来源应占的份额"),
    "reject.near-duplicate": ("nearly equal to an earlier row", "与前面的行近似重复"),
    "reject.bad-time": ("a time that cannot be read", "无法识别的时间"),
    "reject.repeats-test-row": ("repeats the prompt of a test row", "与测试集中的提示重复"),
    "reject.repeats-validation-row": ("repeats the prompt of a validation row", "与验证集中的提示重复"),
    "reject.shares-test-group": ("belongs to a group of the test split", "所属分组已在测试集中"),
    "reject.shares-validation-group": ("belongs to a group of the validation split", "所属分组已在验证集中"),
    "reject.near-test-row": ("nearly repeats the prompt of a test row", "与测试集中的提示近似重复"),
    "reject.near-validation-row": ("nearly repeats the prompt of a validation row", "与验证集中的提示近似重复"),
    "reject.family-of-test-row": ("made from a test row, or a test row from it", "与测试集中的行有派生关系"),
    "reject.family-of-validation-row": (
        "made from a validation row, or a validation row from it",
        "与验证集中的行有派生关系",
    ),
    "reject.continues-test-row": ("goes on from a test row, or a test row from it", "与测试集中的行属于同一段对话"),
    "reject.continues-validation-row": (
        "goes on from a validation row, or a validation row from it",
        "与验证集中的行属于同一段对话",
    ),
    "reject.continues-benchmark-row": (
        "goes on from a row of a benchmark, or that row from it",
        "与评测基准中的行属于同一段对话",
    ),
    "reject.repeats-benchmark-row": ("repeats the prompt of a benchmark's row", "与评测基准中的提示重复"),
    "reject.shares-benchmark-group": ("belongs to a group of a benchmark", "所属分组已在评测基准中"),
    "reject.near-benchmark-row": ("nearly repeats the prompt of a benchmark's row", "与评测基准中的提示近似重复"),
    "reject.family-of-benchmark-row": (
        "made from a row of a benchmark, or that row from it",
        "与评测基准中的行有派生关系",
    ),
}
