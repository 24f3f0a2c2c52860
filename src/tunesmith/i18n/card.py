"""Texts of the card of a shipped model (`card.*`), of licences (`licence.*`) and of `tunesmith push`."""

from typing import Final

_CARD: Final[dict[str, tuple[str, str]]] = {
    "card.what": (
        "Tuned with Tunesmith from {base} by {method}, to {task}.",
        "由 Tunesmith 在 {base} 的基础上微调而成（{method}），用于{task}。",
    ),
    "card.task.labels": ("choose one of {num} labels", "在 {num} 个标签中作出选择"),
    "card.task.text": ("write answers", "撰写回答"),
    "card.task.numbers": ("predict a number", "预测数值"),
    "card.task.documents": ("go on with texts of its field", "续写本领域的文本"),
    "card.embedded": (
        "The base is the tiny model that ships with Tunesmith: this shows the workflow and is not a model to deploy.",
        "基座是 Tunesmith 自带的微型模型：仅用于演示流程，不可实际部署。",
    ),
    "card.form": ("Form", "形式"),
    "card.dtype": ("Weights", "权重"),
    "card.bytes": ("Bytes", "字节"),
    "card.form.adapter": ("adapter (PEFT)", "适配器（PEFT）"),
    "card.form.merged": ("whole model", "完整模型"),
    "card.form.int8": ("whole model, a byte a weight", "完整模型，每个权重一字节"),
    "card.form.gguf": ("for llama.cpp and Ollama", "供 llama.cpp 和 Ollama 使用"),
    "card.form.served": ("as the server answers over HTTP", "服务端经 HTTP 的实际作答"),
    "card.form.llama.cpp": ("that file in llama.cpp", "llama.cpp 读取该文件"),
    "card.purpose": ("What it is for", "用途"),
    "card.purpose.about": (
        "In the words of those who made it.",
        "以下是制作者的原话。",
    ),
    "card.intended_use": ("Intended use", "适用场景"),
    "card.out_of_scope": ("Not for", "不适用于"),
    "card.limitations": ("Known limits", "已知局限"),
    "card.contact": ("Contact", "联系方式"),
    "card.unsaid": ("not stated", "未说明"),
    "card.judged": ("How it was judged", "评测结果"),
    "card.fact": ("- **{name}**: {value}", "- **{name}**：{value}"),
    "card.verdict": ("{word}: {meaning}", "{word}：{meaning}"),
    "card.unjudged": ("This model was not judged.", "该模型没有经过评测。"),
    "card.objection.verdict": (
        "It was shipped in spite of this verdict ({suite}).",
        "尽管结论如此（{suite}），仍然发布了该模型。",
    ),
    "card.objection.safety": (
        "It was shipped although it answers disallowed requests that its base refuses ({suite}).",
        "该模型会回答基座拒绝的不当请求（{suite}），仍然发布了。",
    ),
    "card.objection.loss": (
        "It was shipped although it lost more than the limit allows ({suite}).",
        "该模型的退步超出了限度（{suite}），仍然发布了。",
    ),
    "card.groups": ("Groups tested", "分组测试"),
    "card.groups.about": (
        "Parts of the test items apart: {metric}, with its 95% interval.",
        "测试题按组分列：{metric} 及其 95% 置信区间。",
    ),
    "card.groups.none": ("No groups were looked at apart.", "没有按组分别测试。"),
    "card.groups.weak": (
        "Weaker than elsewhere: {value} ({kind}): {inside} ({inside_interval}) on {n} items, elsewhere {outside} "
        "({outside_interval}).",
        "明显较弱的一组：{value}（{kind}）：{n} 题上为 {inside}（{inside_interval}），其余题目为 {outside}"
        "（{outside_interval}）。",
    ),
    "card.gaps": ("Protected attributes", "受保护的属性"),
    "card.swaps": ("The same questions about somebody else", "换一个人问同样的问题"),
    "card.swapped": ("Answers that change", "答案改变的比例"),
    "card.group": ("Group", "组"),
    "card.items": ("Items", "题数"),
    "card.certificate": ("That it answers like the judged model", "与受评模型的一致性"),
    "card.certificate.about": (
        "Every form answered the same {num} prompts ({kinds}) as the judged model, greedily, in {precision} on "
        "{device}. Nothing is shipped beyond these limits: {limits}.",
        "每种形式都以贪心方式回答了与受评模型相同的 {num} 条提示（{kinds}），计算精度 {precision}，设备 {device}。"
        "超出以下限度就不会发布：{limits}。",
    ),
    "card.against": ("Against", "对照"),
    "card.tokens": ("Tokens compared", "比较的词元"),
    "card.token_agreement": ("Tokens alike", "词元一致率"),
    "card.mean_kl": ("Mean KL, nats", "平均 KL 散度（奈特）"),
    "card.max_logit_difference": ("Largest difference of a log-probability", "对数概率的最大差"),
    "card.metric": ("{metric}, difference", "{metric}的差值"),
    "card.tokens_per_second": ("Tokens per second", "每秒词元"),
    "card.data": ("Data", "数据"),
    "card.data.source": ("Source", "来源"),
    "card.data.licence": ("Licence", "许可证"),
    "card.licences": ("Licences", "许可证"),
    "card.licence.model": ("This model", "本模型"),
    "card.licence.base": ("Its base, {base}", "基座 {base}"),
    "card.use": ("How to use it", "使用方法"),
    "card.use.here": ("The commands are run in the folder of this card.", "以下命令均在本文件所在的文件夹中执行。"),
    "card.use.fetch": (
        "First fetch the files; the commands are run beside that folder.",
        "请先下载文件；以下命令在该文件夹旁执行。",
    ),
    "card.use.inside": ("Run inside `{folder}`.", "在 `{folder}` 文件夹中执行。"),
    "card.use.by_name": (
        "Its loaders also take `{repo}` in place of the folder `{folder}`.",
        "加载时也可用 `{repo}` 代替文件夹 `{folder}`。",
    ),
    "card.use.embedded": (
        "`BASE` is the model inside the Python package `tunesmith`: "
        "`python -c \"from importlib.resources import files; print(files('tunesmith.model') / 'tiny')\"`.",
        "`BASE` 是 Python 软件包 `tunesmith` 自带的模型："
        "`python -c \"from importlib.resources import files; print(files('tunesmith.model') / 'tiny')\"`。",
    ),
    "card.use.base": ("`BASE` is your folder of the base `{base}`.", "`BASE` 是基座 `{base}` 所在的文件夹。"),
    "card.lineage": ("Lineage", "溯源"),
    "card.lineage.about": (
        "Keys are content hashes: with the recipe they lead from an answer back to the rows.",
        "以下各键均为内容哈希：配合配方，可以从一个回答一路追溯到原始数据。",
    ),
    "card.lineage.bundle": ("Bundle", "发布包"),
    "card.lineage.tuned_model": ("Tuned model", "微调后的模型"),
    "card.lineage.scorecard": ("Scorecard", "评测"),
    "card.lineage.dataset": ("Dataset", "数据集"),
    "card.lineage.base": ("Base, SHA-256 of its files", "基座文件的 SHA-256"),
    "card.lineage.revision": ("Base, commit", "基座的提交"),
    "card.lineage.recipe": ("Recipe, SHA-256", "配方的 SHA-256"),
}

_LICENCES: Final[dict[str, tuple[str, str]]] = {
    "licence.model-unknown": (
        "the model's licence `{licence}` is not among those that Tunesmith knows",
        "Tunesmith 不认识模型的许可证 `{licence}`",
    ),
    "licence.model-unknown.unsaid": ("nobody said what the model's licence is", "没有说明模型的许可证"),
    "licence.base-unknown": (
        "the base's licence `{licence}` is not among those that Tunesmith knows",
        "Tunesmith 不认识基座的许可证 `{licence}`",
    ),
    "licence.base-unknown.unsaid": ("the base names no licence", "基座没有注明许可证"),
    "licence.base-no-derivatives": (
        "the base's licence {licence} allows no changed versions to be passed on, and a tuned model is one",
        "基座的许可证 {licence} 不允许传播修改后的版本，而微调后的模型就是修改后的版本",
    ),
    "licence.base-name": (
        "the base's licence {licence} wants the model's name to begin with `{prefix}`",
        "基座的许可证 {licence} 要求模型名以 `{prefix}` 开头",
    ),
    "licence.base-family": (
        "the base's licence {licence} goes with every changed version; the model's would be {model}",
        "基座的许可证 {licence} 要求修改后的版本沿用同一许可证，而模型将采用 {model}",
    ),
    "licence.base-non-commercial": (
        "the base's licence {licence} rules out commercial use, which the model's, {model}, allows",
        "基座的许可证 {licence} 禁止商业使用，而模型的许可证 {model} 允许",
    ),
    "licence.data-unknown": (
        "the licence `{licence}` of the rows of `{source}` is not among those that Tunesmith knows",
        "Tunesmith 不认识数据 `{source}` 的许可证 `{licence}`",
    ),
    "licence.data-unknown.unsaid": (
        "nobody said under which licence the rows of `{source}` are",
        "没有说明数据 `{source}` 的许可证",
    ),
    "licence.data-non-commercial": (
        "the rows of `{source}` are under {licence}, which rules out commercial use; the model's licence, {model}, "
        "allows it",
        "数据 `{source}` 的许可证 {licence} 禁止商业使用，而模型的许可证 {model} 允许",
    ),
    "licence.data-no-derivatives": (
        "the rows of `{source}` are under {licence}; whether a model trained on them is a changed version is open",
        "数据 `{source}` 的许可证是 {licence}；用它训练的模型算不算修改后的版本，尚无定论",
    ),
    "licence.data-family": (
        "the rows of `{source}` are under {licence}, which goes with what is made of them; whether that holds for a "
        "model under {model} is open",
        "数据 `{source}` 的许可证 {licence} 要求由其产生的作品沿用同一许可证；这是否适用于采用 {model} 的模型，"
        "尚无定论",
    ),
}

_PUSH: Final[dict[str, tuple[str, str]]] = {
    "cli.help.push": (
        "Put a bundle on the Hugging Face Hub: the forms that you choose, the card, no rows.\n\n"
        "  tunesmith push artifacts/bundle/1a2b3c4d5e6f7a8b acme/support-desk --dry-run",
        "把发布包上传到 Hugging Face Hub：所选的形式和模型卡，不含任何数据。\n\n"
        "  tunesmith push artifacts/bundle/1a2b3c4d5e6f7a8b acme/support-desk --dry-run",
    ),
    "cli.argument.repo": ("The repository, OWNER/NAME.", "仓库名，写作 所有者/名称。"),
    "cli.option.push-form": (
        "A form to upload; the first lies at the top of the repository. Absent: all that the bundle has.",
        "要上传的形式；第一个放在仓库根目录。不写则上传发布包中的全部形式。",
    ),
    "cli.option.public": ("Whom a new repository is shown to.", "新建的仓库对谁可见。"),
    "cli.option.push-dataset": (
        "Also a dataset repository, OWNER/NAME, with the data card alone.",
        "另建一个数据集仓库（所有者/名称），只放数据卡。",
    ),
    "cli.option.licences-checked": (
        "You have read the licences that Tunesmith cannot judge.",
        "您已读过 Tunesmith 无法判断的许可证。",
    ),
    "cli.option.push-dry-run": (
        "List what would be uploaded, and reach for no network.",
        "只列出将要上传的文件，不联网。",
    ),
    "push.to": (
        "{repo} ({visibility}), {num} files, {bytes} bytes",
        "{repo}（{visibility}），{num} 个文件，共 {bytes} 字节",
    ),
    "push.private": ("private if it is new", "新建时不公开"),
    "push.public": ("public if it is new", "新建时公开"),
    "push.file": ("{bytes:>15}  {path}", "{bytes:>15}  {path}"),
    "push.at": ("Uploaded: {url}", "已上传：{url}"),
    "task.push": ("uploading", "上传"),
    "error.push-licence": ("the licences do not allow this: {reason}", "许可证不允许这样做：{reason}"),
    "hint.push-licence": (
        "choose a licence that does with `export.licence=...` and export again; or leave out what conflicts",
        "用 `export.licence=...` 选择允许的许可证后重新导出；或去掉有冲突的部分",
    ),
    "error.push-licence-open": ("a person has to judge this first: {reason}", "这一点须先由人判断：{reason}"),
    "hint.push-licence-open": (
        "state the licence (`prepare.sources` with `licence`, `export.licence`) and export again; or read it, then "
        "push with `--licences-checked`",
        "写明许可证（`prepare.sources` 的 `licence`、`export.licence`）后重新导出；或读过许可证之后加上 "
        "`--licences-checked` 再上传",
    ),
    "error.push-form": (
        "the bundle has no form `{form}`; it has {forms}",
        "发布包没有 `{form}` 这种形式，只有 {forms}",
    ),
    "hint.push-form": (
        "choose one of these with `--form`, or export it: `tunesmith export RUN 'export.forms=[{form}]'`",
        "请用 `--form` 选择其中之一，或先导出：`tunesmith export RUN 'export.forms=[{form}]'`",
    ),
    "error.push-repo": ("`{repo}` is no name of a repository", "`{repo}` 不是有效的仓库名"),
    "hint.push-repo": (
        "write it as OWNER/NAME, in letters, digits, `-`, `_` and `.`: `tunesmith push {bundle} acme/support-desk`",
        "请写成 所有者/名称，只用字母、数字、`-`、`_` 和 `.`：`tunesmith push {bundle} acme/support-desk`",
    ),
    "error.push-no-card": (
        "this bundle has no card that says what it may be published as",
        "该发布包没有模型卡，不清楚能以什么条件发布",
    ),
    "hint.push-no-card": ("export it again: `tunesmith export RUN`", "请重新导出：`tunesmith export RUN`"),
    "error.push-leak": (
        "`{file}` holds {what}, which nobody else should see",
        "`{file}` 中含有{what}，不应让他人看到",
    ),
    "hint.push-leak": (
        "take it out of the recipe, export again, and look with `tunesmith push ... --dry-run`",
        "请从配方中去掉它，重新导出，再用 `tunesmith push ... --dry-run` 查看",
    ),
    "push.leak.secret": ("the value of the variable {name}", "环境变量 {name} 的值"),
    "push.leak.path": ("a path of this machine", "本机的路径"),
    "error.push-login": ("the Hub does not know who you are", "Hub 无法确认您的身份"),
    "hint.push-login": (
        "log in with `hf auth login`, or set HF_TOKEN to a token that may write",
        "请用 `hf auth login` 登录，或把 HF_TOKEN 设为有写权限的令牌",
    ),
    "error.push-failed": ("the Hub took nothing: {problem}", "Hub 没有接收：{problem}"),
    "hint.push-failed": (
        "see that you may write to {repo} and that the network reaches {endpoint}; the same command begins anew",
        "请确认您对 {repo} 有写权限，且网络能访问 {endpoint}；重新执行同一命令即可",
    ),
    "error.push-dataset": (
        "the dataset {key} of this bundle is not in this workspace",
        "当前工作区没有该发布包的数据集 {key}",
    ),
    "hint.push-dataset": (
        "push from the workspace that prepared it (`tunesmith -w FOLDER push ...`), or without `--dataset`",
        "请在准备该数据集的工作区中上传（`tunesmith -w FOLDER push ...`），或去掉 `--dataset`",
    ),
}

TEXTS: Final[dict[str, tuple[str, str]]] = _CARD | _LICENCES | _PUSH
