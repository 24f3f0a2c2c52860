"""Texts of rounds of improvement: `tunesmith improve`, `promote`, `rollback` and `history`, and `train.start`."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "gate.reason.triggered": (
        "Its answers change with “{suite}”, which looks planted in the feedback, {mean} more often than the current "
        "model's, {level} interval {low} to {high}, on {n} prompts",
        "提示中加入“{suite}”（疑似在反馈中植入）后，它改变回答的比例比当前模型高 {mean}，{level} 置信区间 {low} 至 "
        "{high}，共 {n} 条提示",
    ),
    "gate.suite.test": ("test", "测试集"),
    "gate.suite.fresh": ("recent traffic", "近期流量"),
    "cli.help.improve": (
        "Train a candidate from feedback, judge it against the champion, and promote it or say why not.",
        "用反馈训练候选模型，与现任 champion 比较，达标则上线，否则说明原因。",
    ),
    "cli.help.promote": (
        "Make a version the champion: what servers load from now on.",
        "让某个版本成为 champion，此后服务加载的就是它。",
    ),
    "cli.help.rollback": ("Make the champion the version before it.", "让 champion 退回到它之前的版本。"),
    "cli.help.history": (
        "Show versions, which one is the champion, every round of improvement with its reasons, and what was kept.",
        "显示各版本、现任 champion、每一轮改进及其理由，以及旧能力保住了多少。",
    ),
    "cli.argument.history-recipe": (
        "Show the rounds of this recipe alone, with what later rounds did to earlier ones.",
        "只显示这个配方的各轮改进，并列出后来的轮次对先前能力的影响。",
    ),
    "cli.promoted": ("champion is {version} now; it was {before}", "champion 现在是 {version}，此前是 {before}"),
    "cli.promoted.first": ("champion is {version} now", "champion 现在是 {version}"),
    "cli.promoted.same": ("champion is {version} already", "champion 已经是 {version}"),
    "cli.promoted.reload": (
        "a server loads it when it is started again or told to",
        "服务在重新启动或收到加载指令时换用它",
    ),
    "cli.round": ("Round {id} of {name}: {word}", "{name} 的第 {id} 轮改进：{word}"),
    "cli.round.champion": ("  against {version}", "  对照 {version}"),
    "cli.round.candidate": ("  the candidate is {version}", "  候选模型是 {version}"),
    "cli.round.triggered-by": ("  called for by {trigger}", "  触发原因：{trigger}"),
    "cli.round.trigger.command": ("a person", "人工"),
    "cli.round.trigger.drift": (
        "the window until {until}, in which these have changed: {features}",
        "截至 {until} 的窗口中，以下特征发生变化：{features}",
    ),
    "cli.round.trigger.feedback_rows": ("{rows} new rows of feedback", "新增 {rows} 条反馈数据"),
    "cli.round.trigger.every": ("the interval since {last}", "距 {last} 已到设定的间隔"),
    "cli.round.trigger.forgotten": ("what is forgotten now", "（相关数据已删除）"),
    "cli.round.state.began": ("begun", "已开始"),
    "cli.round.state.prepared": ("rows prepared", "数据已备好"),
    "cli.round.state.trained": ("trained", "已训练"),
    "cli.round.state.judged": ("judged", "已评测"),
    "cli.round.state.exported": ("exported", "已导出"),
    "cli.round.state.registered": ("registered", "已登记"),
    "cli.round.state.promoted": ("promoted", "已上线"),
    "cli.round.state.refused": ("refused", "未通过"),
    "cli.round.state.inconclusive": ("inconclusive", "尚无定论"),
    "cli.round.finding.overtaken": (
        "Meanwhile the champion became another version, against which it was not judged",
        "评测期间 champion 换成了另一个版本，候选模型未与之比较",
    ),
    "cli.round.finding.export-refused": (
        "Its scorecard speaks against shipping it: {detail}",
        "评测结果反对发布它：{detail}",
    ),
    "cli.round.finding.certificate-failed": (
        "A form of it does not answer like the judged model: {detail}",
        "它的某种形式与受评模型的回答不一致：{detail}",
    ),
    "cli.history.none": (
        "nothing yet: tunesmith promote MODEL",
        "还没有记录：tunesmith promote MODEL",
    ),
    "cli.history.versions": ("Versions", "版本"),
    "cli.history.rounds": ("Rounds of improvement", "改进轮次"),
    "cli.history.changes": ("Changes", "变更"),
    "cli.history.transfer": (
        "Each round's candidate on the recent rows of each round ({metric})",
        "每一轮的候选模型在各轮近期数据上的成绩（{metric}）",
    ),
    "cli.history.round": ("round", "轮次"),
    "cli.history.backward": (
        "Backward transfer {backward}: what later rounds did to earlier ones, negative where they harm. "
        "Forgetting {forgetting}.",
        "后向迁移 {backward}：后来的轮次对先前能力的影响，负值表示受损。遗忘 {forgetting}。",
    ),
    "say.improve.prepared": (
        "{rows} rows from feedback to learn beside {base} earlier ones, {fresh} held out to judge on",
        "从反馈中得到 {rows} 条新数据，与 {base} 条旧数据一同学习，另留 {fresh} 条用于评测",
    ),
    "say.improve.few-fresh": (
        "only {fresh} rows of feedback could be held out: the candidate is judged on the test rows alone",
        "反馈中只能留出 {fresh} 条：候选模型只用测试集评测",
    ),
    "say.improve.probed": (
        "{suspects} patterns that look planted are put to both models",
        "对两个模型测试 {suspects} 个疑似植入的片段",
    ),
    "error.improve-no-champion": (
        "no version is the champion that a candidate could be judged against",
        "还没有 champion，候选模型无从比较",
    ),
    "hint.improve-no-champion": (
        "export the current model, then `tunesmith models add BUNDLE` and `tunesmith promote MODEL`",
        "请先导出当前模型，再运行 `tunesmith models add BUNDLE` 和 `tunesmith promote MODEL`",
    ),
    "error.improve-busy": (
        "process {process} is improving this recipe's model",
        "进程 {process} 正在改进这个配方的模型",
    ),
    "hint.improve-busy": (
        "wait for it: the same command then tells what came of it, or goes on from what it left",
        "请等它结束：届时再执行同一命令会给出结果；若它中途停止，则接着做完",
    ),
    "error.improve-other-model": (
        "the champion {version} is not of this recipe: {what} differs",
        "champion {version} 不出自这个配方：{what} 不同",
    ),
    "hint.improve-other-model": (
        "improve the recipe that it came from: recipe.yaml in its bundle; versions: tunesmith models list",
        "请改进它所出自的配方，即其发布包中的 recipe.yaml；各版本见 tunesmith models list",
    ),
    "error.improve-parts": (
        "the champion's {kind} is not in this workspace",
        "此工作区中没有 champion 的 {kind}",
    ),
    "hint.improve-parts": (
        "name the workspace in which it was trained: `tunesmith -w FOLDER improve RECIPE`",
        "请指定训练它的工作区：`tunesmith -w FOLDER improve RECIPE`",
    ),
    "error.improve-forgotten": (
        "the champion's {kind} held somebody who was forgotten, and went: a candidate cannot be judged against it",
        "champion 的 {kind} 含有已被遗忘之人的数据，已删除：无法再与它比较",
    ),
    "hint.improve-forgotten": (
        "train, judge and ship it again: `tunesmith run RECIPE`, `tunesmith export RECIPE`, `tunesmith models add "
        "BUNDLE`, `tunesmith promote MODEL`; one that `improve` made: point `champion` to the version before it "
        "(`tunesmith models alias champion MODEL@N`) and improve that",
        "请重新训练、评测并发布：`tunesmith run RECIPE`、`tunesmith export RECIPE`、`tunesmith models add BUNDLE`、"
        "`tunesmith promote MODEL`；若它由 `improve` 得来，请把 `champion` 指回之前的版本"
        "（`tunesmith models alias champion MODEL@N`），再改进那一版",
    ),
    "error.improve-no-rows": (
        "the feedback has no row that the champion has not learned or that is not held out",
        "反馈中没有新数据：每一条都已学过，或已留作评测",
    ),
    "hint.improve-no-rows": (
        "look at what came in and accept it: `tunesmith feedback list`",
        "请查看并采纳收到的反馈：`tunesmith feedback list`",
    ),
    "error.improve-split-moved": (
        "the {split} rows of the candidate's dataset are not those of the champion's",
        "候选数据集的 {split} 数据与 champion 的不一致",
    ),
    "hint.improve-split-moved": (
        "the recipe's `prepare.duplicates` must be those of the champion's recipe.yaml: `tunesmith models list`",
        "配方的 `prepare.duplicates` 须与 champion 的 recipe.yaml 相同：`tunesmith models list`",
    ),
    "error.round-unknown": ("no round of improvement is called {id}", "没有编号为 {id} 的改进轮次"),
    "hint.round-unknown": ("see them: `tunesmith history`", "请查看：`tunesmith history`"),
    "error.rollback-nothing": (
        "the champion has no version before it to go back to",
        "champion 之前没有可以退回的版本",
    ),
    "hint.rollback-nothing": (
        "choose a version yourself: `tunesmith models list`, then `tunesmith promote MODEL`",
        "请自行选择版本：先运行 `tunesmith models list`，再运行 `tunesmith promote MODEL`",
    ),
    "error.start-missing": (
        "there is no tuned model, bundle or adapter in this folder",
        "这个文件夹里没有微调模型、发布包或适配器",
    ),
    "hint.start-missing": (
        "`train.start` names a folder under artifacts/tuned_model or artifacts/bundle, or one of PEFT's",
        "`train.start` 应指向 artifacts/tuned_model 或 artifacts/bundle 下的文件夹，或 PEFT 的文件夹",
    ),
    "error.start-base": (
        "the model to start from stands on another base",
        "起始模型所用的基座不同",
    ),
    "hint.start-base": (
        "set `model.base` to that base, or leave `train.start` out: `tunesmith check RECIPE`",
        "请把 `model.base` 改为那个基座，或去掉 `train.start`：`tunesmith check RECIPE`",
    ),
    "error.start-classes": (
        "training cannot go on from there: its head tells other classes apart; the first that differs is `{found}` "
        "there, and `{wanted}` in the rows",
        "无法接着训练：起始模型的输出头区分的类别不同；第一个不同的类别在起始模型中是 `{found}`，在数据中是 `{wanted}`",
    ),
    "hint.start-classes": (
        "name the labels as they were, or begin from the base: `tunesmith run RECIPE train.start=null`",
        "请沿用原来的标签名，或从基座开始训练：`tunesmith run RECIPE train.start=null`",
    ),
    "error.start-method": (
        "training cannot go on from there: {setting} is {found} there, and {wanted} in the recipe",
        "无法接着训练：{setting} 在起始模型中是 {found}，在配方中是 {wanted}",
    ),
    "hint.start-method": (
        "set `train.method` to what the model has, or leave `train.start` out: `tunesmith check RECIPE`",
        "请让 `train.method` 与起始模型一致，或去掉 `train.start`：`tunesmith check RECIPE`",
    ),
}
