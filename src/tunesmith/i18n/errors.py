"""Texts of coded errors (`error.*`), their hints (`hint.*`) and the reasons of rejected rows (`reject.*`)."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.many": ("{count} mistakes", "{count} 处错误"),
    "hint.many": ("mend them all, then run the command again", "请全部修正后重新运行"),
    "error.recipe-missing": ("the recipe does not exist", "配方文件不存在"),
    "hint.recipe-missing": (
        "list the shipped recipes with `tunesmith recipes list`",
        "用 `tunesmith recipes list` 查看自带的配方",
    ),
    "error.recipe-yaml": ("the recipe is not valid YAML: {problem}", "配方不是有效的 YAML：{problem}"),
    "hint.recipe-yaml": (
        "compare with a shipped recipe: `tunesmith recipes show quickstart`",
        "请对照自带的配方：`tunesmith recipes show quickstart`",
    ),
    "error.recipe-is-data": ("this file holds data: a recipe names it", "这是数据文件，应由配方引用"),
    "hint.recipe-is-data": (
        'save two lines as recipe.yaml, `name: my-data` and `prepare: {{sources: "{file}"}}`, then '
        "`tunesmith check recipe.yaml`",
        '请把两行内容 `name: my-data` 和 `prepare: {{sources: "{file}"}}` 存为 recipe.yaml，'
        "再运行 `tunesmith check recipe.yaml`",
    ),
    "error.recipe-encoding": ("the recipe is not UTF-8 text", "配方不是 UTF-8 编码的文本"),
    "hint.recipe-encoding": (
        "save it as UTF-8 in your editor, or convert it: `iconv -f GBK -t UTF-8 OLD > NEW`",
        "请在编辑器中另存为 UTF-8，或执行 `iconv -f GBK -t UTF-8 旧文件 > 新文件` 转换",
    ),
    "recipe.problem.yaml": ("{problem}", "{problem}"),
    "recipe.problem.tab": ("indent with spaces, not with tabs", "缩进请用空格，不要用制表符"),
    "recipe.problem.colon": (
        "a second `: ` in one line; put text that holds a colon in quotes",
        "同一行出现第二个 `: `；含冒号的文字请加引号",
    ),
    "recipe.problem.no-colon": (
        "expected `key: value`, with an ASCII colon and a space",
        "此处应为 `键: 值`，须用半角冒号，冒号后空一格",
    ),
    "recipe.problem.character": ("the character {code} is not allowed", "不允许出现字符 {code}"),
    "recipe.problem.yaml-tag": ("tags such as `!!int` are not allowed", "不允许使用 `!!int` 之类的标签"),
    "recipe.problem.yaml-alias": (
        "aliases (`*name`) are not allowed; write the value out",
        "不允许使用别名（`*name`），请写出完整的值",
    ),
    "recipe.problem.documents": (
        "one file holds one recipe; a second one starts here",
        "一个文件只能写一份配方，此处又开始了另一份",
    ),
    "recipe.problem.yaml-depth": ("nested too deeply", "嵌套层数过多"),
    "recipe.problem.yaml-key": (
        "a key must be plain text; put text that starts with `{{` or `[` in quotes",
        "键必须是普通文字；以 `{{` 或 `[` 开头的文字请加引号",
    ),
    "recipe.problem.no-mapping": (
        "a recipe consists of sections, `section: ...`",
        "配方应由若干部分组成，每部分写作 `名称: ...`",
    ),
    "recipe.problem.bool": ("write `true` or `false`", "应为 `true` 或 `false`"),
    "recipe.problem.mapping": ("must be a section with keys of its own", "应是一组 `键: 值`"),
    "recipe.problem.finite": ("must be a finite number", "应为有限的数"),
    "recipe.problem.number": ("must be a number", "应为数字"),
    "recipe.problem.whole": ("must be a whole number", "应为整数"),
    "recipe.problem.greater": ("must be greater than {gt}", "必须大于 {gt}"),
    "recipe.problem.at-least": ("must be at least {ge}", "不得小于 {ge}"),
    "recipe.problem.less": ("must be less than {lt}", "必须小于 {lt}"),
    "recipe.problem.at-most": ("must be at most {le}", "不得大于 {le}"),
    "recipe.problem.choice": ("must be one of {expected}", "只能取 {expected}"),
    "recipe.problem.tag": ("`{tag}` is not one of {expected_tags}", "没有 `{tag}` 这一项，只能取 {expected_tags}"),
    "recipe.problem.one-origin": ("give exactly one of `path` and `hub`", "`path` 与 `hub` 须且只须给出一个"),
    "recipe.problem.hub-only": ("`config` and `hub_split` go with `hub`", "`config` 与 `hub_split` 只能与 `hub` 同用"),
    "recipe.problem.held-out-whole": (
        "`max_rows` limits training rows; a validation or test source stays whole",
        "`max_rows` 只限制训练数据；验证和测试数据源保持完整",
    ),
    "recipe.problem.rehearsal-alone": (
        "rows of `rehearsal` need a source of the task beside them",
        "`rehearsal` 数据之外，还须有任务本身的数据源",
    ),
    "recipe.problem.source-shares": (
        "the shares of the training sources must make at most 1: exactly 1 when each has one, less when one has none; "
        "a validation or test source has none",
        "各训练数据源的占比之和不能超过 1：全部写明时须正好为 1，有未写明的则须小于 1；验证和测试数据源不能写占比",
    ),
    "recipe.problem.held-out-shares": (
        "together with `validation_share` it leaves no rows to train on",
        "与 `validation_share` 相加后不剩任何训练数据",
    ),
    "recipe.problem.prompt-slots": (
        "`{{reasoning}}` and `{{answer}}` may stand only at the end, as `<think>{{reasoning}}</think>{{answer}}` or as "
        "`{{answer}}`",
        "`{{reasoning}}` 与 `{{answer}}` 只能出现在末尾，写作 `<think>{{reasoning}}</think>{{answer}}` 或 `{{answer}}`",
    ),
    "recipe.problem.prompt-placeholder": ("must hold `{{prompt}}`", "必须含有 `{{prompt}}`"),
    "recipe.problem.pseudonym-key": (
        "mode `pseudonym` needs `key`, the name of an environment variable",
        "`pseudonym` 模式须用 `key` 指定一个环境变量名",
    ),
    "recipe.problem.pattern": (
        "letters, digits, `_`, `.` and `-` only, the first one a letter, a digit or `_`",
        "只能用英文字母、数字、`_`、`.` 和 `-`，且须以字母、数字或 `_` 开头",
    ),
    "recipe.problem.function-path": (
        "must be `module:function`, such as `metrics:resolved`",
        "应写作 `模块:函数`，例如 `metrics:resolved`",
    ),
    "recipe.problem.web-address": (
        "must be an address such as `http://127.0.0.1:8000/v1`",
        "应为网址，例如 `http://127.0.0.1:8000/v1`",
    ),
    "recipe.problem.text": ("must be text; quotes make text of anything", "应为文字；加引号即可表示为文字"),
    "recipe.problem.unicode": ("holds half of a character", "含有不完整的字符"),
    "recipe.problem.too-short": ("needs at least {min_length}", "至少要有 {min_length} 项"),
    "recipe.problem.list": ("must be a list: `[a, b]`", "应为列表，写作 `[a, b]`"),
    "recipe.problem.other": ("{message}", "{message}"),
    "error.recipe-duplicate-key": ("`{key}` is given twice", "`{key}` 写了两次"),
    "hint.recipe-duplicate-key": ("delete one of them", "请删去其中一处"),
    "error.recipe-override": ("cannot read the override `{override}`", "无法读取覆盖项 `{override}`"),
    "hint.recipe-override": (
        "write it as section.key=value, e.g. `train.learning_rate=2e-4`",
        "写法为 部分.键=值，例如 `train.learning_rate=2e-4`",
    ),
    "error.recipe-unknown-key": ("unknown key `{key}` in `{section}`", "`{section}` 中没有键 `{key}`"),
    "hint.recipe-unknown-key": (
        "did you mean `{suggestion}`? `tunesmith config schema` lists every key",
        "您是否想写 `{suggestion}`？用 `tunesmith config schema` 查看所有键",
    ),
    "error.recipe-foreign-key": ("unknown key `{key}` in `{section}`", "`{section}` 中没有键 `{key}`"),
    "hint.recipe-foreign-key": ("known keys: {known}", "可用的键：{known}"),
    "error.recipe-missing-key": ("`{key}` is missing", "缺少 `{key}`"),
    "hint.recipe-missing-key": (
        "see it in a shipped recipe: `tunesmith recipes show quickstart`",
        "参见自带的配方：`tunesmith recipes show quickstart`",
    ),
    "error.recipe-value": ("`{key}`: {problem}; got {got}", "`{key}`：{problem}；现为 {got}"),
    "hint.recipe-value": (
        "`tunesmith config schema` tells what it may be",
        "用 `tunesmith config schema` 查看允许的值",
    ),
    "error.recipe-choice": ("`{key}`: {problem}; got {got}", "`{key}`：{problem}；现为 {got}"),
    "hint.recipe-choice": (
        "did you mean `{suggestion}`? `tunesmith config schema` tells what it may be",
        "您是否想写 `{suggestion}`？用 `tunesmith config schema` 查看允许的值",
    ),
    "error.artifact-missing": ("no {kind} here", "此处没有 {kind}"),
    "hint.artifact-missing": (
        "make it again with `tunesmith run RECIPE`, a bundle with `tunesmith export RECIPE`",
        "用 `tunesmith run RECIPE` 重新生成；发布包用 `tunesmith export RECIPE` 生成",
    ),
    "error.artifact-kind": ("this is a {found}, not a {kind}", "这是 {found}，不是 {kind}"),
    "hint.artifact-kind": ("give the folder of a {kind}", "请给出 {kind} 的文件夹"),
    "error.artifact-newer": ("a later version of Tunesmith made this {kind}", "此 {kind} 由更新版本的 Tunesmith 生成"),
    "hint.artifact-newer": (
        "use that version: `pip install --upgrade tunesmith`, then `tunesmith --version`",
        "请使用该版本：`pip install --upgrade tunesmith`，再用 `tunesmith --version` 确认",
    ),
    "error.artifact-damaged": ("the file does not match its {kind}'s manifest", "文件与 {kind} 的清单不符"),
    "hint.artifact-damaged": (
        "delete the artifact's folder and run again: it is made anew",
        "删除该产物的文件夹后重新运行即可再生成",
    ),
    "error.events-damaged": ("this line of the run's record is damaged", "运行记录的这一行已损坏"),
    "hint.events-damaged": ("delete the line, then give the same command again", "删除这一行，再执行同一命令"),
    "error.run-busy": ("process {process} is working in this run's folder", "进程 {process} 正在使用该运行文件夹"),
    "hint.run-busy": (
        "wait for it, or stop it, then give the same command again",
        "请等它结束或将其停止，再执行同一命令",
    ),
}
