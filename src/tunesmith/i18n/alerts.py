"""Texts of alerts and of `tunesmith watch` (`alert.*`, `watching.*`)."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "recipe.problem.rule-bound": ("names no bound: give `above` or `below`", "没有界限：请写 `above` 或 `below`"),
    "recipe.problem.webhook-url": (
        "must be an address such as `https://alerts.example.com/hook`, in ASCII, without a name or password in it",
        "必须是形如 `https://alerts.example.com/hook` 的地址，只用 ASCII 字符，不含用户名或密码",
    ),
    "recipe.problem.webhook-https": (
        "must begin with `https://`, unless `private: true` says that it is inside your own network",
        "必须以 `https://` 开头；若地址在自己的网络内，请写 `private: true`",
    ),
    "error.webhook-secret": (
        "alerts are to be signed with the value of {name}, which is not set",
        "告警要用环境变量 {name} 的值签名，但它没有设置",
    ),
    "hint.webhook-secret": (
        "export {name}=..., with the value that the receiver checks by; or remove `monitor.alerts.webhook.secret`",
        "请执行 export {name}=...，其值与接收方校验时所用的相同；或删去 `monitor.alerts.webhook.secret`",
    ),
    "error.outbox-damaged": (
        "the list of alerts that wait for the webhook cannot be read",
        "等待发往 webhook 的告警列表无法读取",
    ),
    "hint.outbox-damaged": (
        "restore it from a backup, or remove it: what is in `alerts.jsonl` is then posted once more",
        "请从备份恢复，或删除该文件：`alerts.jsonl` 中的告警会再发送一次",
    ),
    "error.watch-busy": (
        "process {process} already watches with this recipe",
        "进程 {process} 已在用这份配方监控",
    ),
    "hint.watch-busy": (
        "let it go on, or end it: kill -INT {process}",
        "请让它继续运行，或将其结束：kill -INT {process}",
    ),
    "error.watch-damaged": ("what was watched last cannot be read", "上次监控到哪里的记录无法读取"),
    "hint.watch-damaged": (
        "remove the file: watching begins again with the last complete window, and tells nothing twice",
        "请删除该文件：监控会从最近一个完整的窗口重新开始，已通知过的不会重复通知",
    ),
    "alert.drift.begun": (
        "{model}, {since} to {until}: drift in “{feature}” (effect {effect}, p {p})",
        "{model}，{since} 至 {until}：“{feature}”出现漂移（效应量 {effect}，p 值 {p}）",
    ),
    "alert.drift.ended": (
        "{model}, {since} to {until}: no more drift in “{feature}” (effect {effect}, p {p})",
        "{model}，{since} 至 {until}：“{feature}”的漂移已消失（效应量 {effect}，p 值 {p}）",
    ),
    "alert.concept.begun": (
        "{model}, {since} to {until}: right less often than before, by “{feature}” (effect {effect}, p {p})",
        "{model}，{since} 至 {until}：从“{feature}”看，正确率下降（效应量 {effect}，p 值 {p}）",
    ),
    "alert.concept.ended": (
        "{model}, {since} to {until}: right as often as before again, by “{feature}” (effect {effect}, p {p})",
        "{model}，{since} 至 {until}：从“{feature}”看，正确率已恢复（效应量 {effect}，p 值 {p}）",
    ),
    "alert.quality.begun": (
        "{model}, {since} to {until}: the quality has changed, by “{feature}” (effect {effect}, p {p})",
        "{model}，{since} 至 {until}：从“{feature}”看，质量有变化（效应量 {effect}，p 值 {p}）",
    ),
    "alert.quality.ended": (
        "{model}, {since} to {until}: the quality is as before again, by “{feature}” (effect {effect}, p {p})",
        "{model}，{since} 至 {until}：从“{feature}”看，质量已恢复（效应量 {effect}，p 值 {p}）",
    ),
    "alert.above.begun": (
        "{model}, {since} to {until}: {feature} is {value}, above {limit}",
        "{model}，{since} 至 {until}：{feature} 为 {value}，高于 {limit}",
    ),
    "alert.above.ended": (
        "{model}, {since} to {until}: {feature} is {value}, no longer above {limit}",
        "{model}，{since} 至 {until}：{feature} 为 {value}，不再高于 {limit}",
    ),
    "alert.below.begun": (
        "{model}, {since} to {until}: {feature} is {value}, below {limit}",
        "{model}，{since} 至 {until}：{feature} 为 {value}，低于 {limit}",
    ),
    "alert.below.ended": (
        "{model}, {since} to {until}: {feature} is {value}, no longer below {limit}",
        "{model}，{since} 至 {until}：{feature} 为 {value}，不再低于 {limit}",
    ),
    "alert.line": ("{text}", "{text}"),
    "alert.dropped": (
        "{num} alerts were dropped, the oldest: the webhook has taken none for too long; they are in alerts.jsonl",
        "webhook 长时间没有接收，最早的 {num} 条告警已不再发送；它们仍在 alerts.jsonl 中",
    ),
    "alert.problem.failed": (
        "the webhook cannot be reached ({failure}); {num} alerts wait and are tried again",
        "无法连接 webhook（{failure}）；{num} 条告警在等待，稍后重试",
    ),
    "alert.problem.slow": (
        "the webhook did not answer within {seconds} seconds; {num} alerts wait and are tried again",
        "webhook 在 {seconds} 秒内没有回应；{num} 条告警在等待，稍后重试",
    ),
    "alert.problem.status": (
        "the webhook answered {status}, and only 2xx takes an alert; {num} alerts wait and are tried again",
        "webhook 返回 {status}，只有 2xx 才算接收；{num} 条告警在等待，稍后重试",
    ),
    "alert.problem.address": (
        "{host} leads to {address}, where no alert is sent: `monitor.alerts.webhook.private: true` allows addresses of "
        "your own network, none allows those of a cloud's secrets; {num} alerts wait",
        "{host} 指向 {address}，告警不会发往那里：`monitor.alerts.webhook.private: true` 允许自己网络内的地址，"
        "但云平台存放密钥的地址一律不允许；{num} 条告警在等待",
    ),
    "cli.help.watch": (
        "Monitor each window of traffic as it completes, send alerts, and train a candidate when one is due.\n\n"
        "  tunesmith watch recipe.yaml",
        "每个流量窗口一结束就监控，发送告警，并在需要时训练候选模型。\n\n  tunesmith watch recipe.yaml",
    ),
    "cli.option.watch-once": (
        "Look once and end, for a schedule of your own such as cron.",
        "只看一次就结束，供 cron 等自有的定时任务使用。",
    ),
    "watching.begun": (
        "watching {name}, every {minutes} minutes; Ctrl-C ends it",
        "正在监控 {name}，每 {minutes} 分钟看一次；按 Ctrl-C 结束",
    ),
    "watching.clock": (
        "the clock says {now}, yet a window that ended {until} was looked at: watching begins again from now",
        "当前时钟为 {now}，而已看过的窗口结束于 {until}：从现在起重新监控",
    ),
    "watching.failed": (
        "[{code}] {problem}. It is tried again in {minutes} minutes. Hint: {hint}",
        "[{code}] {problem}。{minutes} 分钟后重试。建议：{hint}",
    ),
    "watching.window": (
        "{since} to {until}: {exchanges} exchanges, {alarms} alarms  {report}",
        "{since} 至 {until}：{exchanges} 次对话，{alarms} 项警报  {report}",
    ),
    "watching.too-few": (
        "{since} to {until}: {exchanges} exchanges, too few to judge  {report}",
        "{since} 至 {until}：{exchanges} 次对话，太少，不作判断  {report}",
    ),
    "watching.due.every": ("a candidate is due: the last one is of {last}", "该训练候选模型了：上一个是 {last} 的"),
    "watching.due.drift": (
        "a candidate is due: {features} have changed in the window that ended {until}",
        "该训练候选模型了：截至 {until} 的窗口中，{features} 发生变化",
    ),
    "watching.due.feedback_rows": (
        "a candidate is due: {rows} new rows of feedback",
        "该训练候选模型了：有 {rows} 条新的反馈数据",
    ),
    "watching.due.continued": (
        "round {round} was cut off and goes on",
        "第 {round} 轮改进曾被中断，现在继续",
    ),
    "watching.no-rows": (
        "no candidate is trained: {problem}. Hint: {hint}",
        "没有训练候选模型：{problem}。建议：{hint}",
    ),
    "watching.nothing": ("nothing new", "没有新情况"),
}
