"""Texts of `tunesmith feedback`: the inbox, rows from it, what looks planted, and reviews by experts."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "cli.help.feedback": (
        "What people say of served answers: look through it, make rows of it, have experts review answers.",
        "处理用户对线上回答的反馈：查看、裁决、整理成数据，并请专家复核回答。",
    ),
    "cli.help.feedback.list": ("List feedback that nobody has decided on.", "列出尚未裁决的反馈。"),
    "cli.help.feedback.show": (
        "Show one piece of feedback with the exchange it is on.",
        "显示一条反馈及其对应的对话。",
    ),
    "cli.help.feedback.accept": (
        "Accept feedback by id, or all that filters mean and nothing speaks against.",
        "按编号接受反馈，或接受筛选出的、没有疑点的全部反馈。",
    ),
    "cli.help.feedback.dismiss": (
        "Dismiss feedback by id, or all that filters mean.",
        "按编号驳回反馈，或驳回筛选出的全部反馈。",
    ),
    "cli.help.feedback.correct": ("Say what the right answer is.", "给出正确的回答。"),
    "cli.help.feedback.curate": (
        "Make rows of the feedback, and tell what was left out and what looks planted.",
        "把反馈整理成数据，并说明舍弃了哪些、哪些像是恶意植入。",
    ),
    "cli.help.feedback.review": (
        "Draw served answers for experts, take their ratings, tell the quality.",
        "抽取线上回答请专家评分，并给出质量估计。",
    ),
    "cli.argument.feedback-id": (
        "The id of a piece of feedback, as `feedback list` shows it.",
        "反馈编号，见 `feedback list`。",
    ),
    "cli.argument.feedback-ids": (
        "Ids of feedback; without any, what the filters mean.",
        "反馈编号；不写则按筛选条件处理。",
    ),
    "cli.option.feedback-kind": ("Only of this kind.", "只看这一类。"),
    "cli.option.feedback-key": ("Only from this API key.", "只看来自该 API 密钥的。"),
    "cli.option.feedback-since": ("Only from this day on (UTC).", "只看自该日起的（UTC）。"),
    "cli.option.feedback-state": (
        "Which: open, accepted, corrected, dismissed or all.",
        "状态：open、accepted、corrected、dismissed 或 all。",
    ),
    "cli.option.feedback-limit": ("At most so many, the newest.", "至多显示多少条（最新的）。"),
    "cli.option.feedback-reason": ("Why; kept beside the decision.", "原因，与裁决一并保存。"),
    "cli.option.feedback-text": ("The right answer.", "正确的回答。"),
    "cli.option.review-results": ("Tell only what came of the ratings.", "只显示评分结果。"),
    "cli.feedback.id": ("id", "编号"),
    "cli.feedback.at": ("time", "时间"),
    "cli.feedback.said": ("said", "反馈内容"),
    "cli.feedback.asked": ("asked", "提问"),
    "cli.feedback.marks": ("marks", "标记"),
    "cli.feedback.state": ("state", "状态"),
    "cli.feedback.state.open": ("open", "待裁决"),
    "cli.feedback.state.accepted": ("accepted", "已接受"),
    "cli.feedback.state.corrected": ("corrected", "已更正"),
    "cli.feedback.state.dismissed": ("dismissed", "已驳回"),
    "cli.feedback.thumb.up": ("thumb up", "赞"),
    "cli.feedback.thumb.down": ("thumb down", "踩"),
    "cli.feedback.rating": ("{dimension} {value} of 5", "{dimension} {value}/5"),
    "cli.feedback.correction": ("right: {text}", "应为：{text}"),
    "cli.feedback.preference": ("better: {exchange}", "更好：{exchange}"),
    "cli.feedback.comment": ("comment: {text}", "评语：{text}"),
    "cli.feedback.mark.contradictory": ("contradictory", "相互矛盾"),
    "cli.feedback.mark.suspect": ("planted? {pattern}", "疑似植入：{pattern}"),
    "cli.feedback.none": ("nothing to show", "没有可显示的反馈"),
    "cli.feedback.more": ("{count} earlier ones: --limit", "更早的还有 {count} 条：--limit"),
    "cli.feedback.line.asked": ("asked: {text}", "提问：{text}"),
    "cli.feedback.line.answered": ("answered: {text}", "回答：{text}"),
    "cli.feedback.line.no-text": (
        "the exchange was recorded without text (serve.record)",
        "该对话未保存文本（serve.record）",
    ),
    "cli.feedback.line.from": (
        "{id}, {at}, key {key}, on {exchange}",
        "{id}，{at}，密钥 {key}，针对 {exchange}",
    ),
    "cli.feedback.line.decided": ("{state} by {who}, {at}: {reason}", "{state}，{who}，{at}：{reason}"),
    "cli.feedback.settled.accepted": ("accepted: {count}", "已接受 {count} 条"),
    "cli.feedback.settled.dismissed": ("dismissed: {count}", "已驳回 {count} 条"),
    "cli.feedback.passed-over": (
        "passed over: {count}, contradicted by others or with a pattern that looks planted; decide each by its id",
        "跳过 {count} 条：与其他反馈矛盾，或含疑似植入的内容；请按编号逐条裁决",
    ),
    "cli.feedback.corrected": ("{id} is corrected", "{id} 已更正"),
    "cli.feedback.made": (
        "rows {rows}, preferences {preferences}, ratings {ratings}; of {feedback} pieces of feedback",
        "数据 {rows} 条，偏好对 {preferences} 对，评分 {ratings} 条；来自 {feedback} 条反馈",
    ),
    "say.feedback.other-models": (
        "{count} pieces of feedback on answers of other models than {model} are left aside",
        "有 {count} 条反馈针对 {model} 以外的模型，不予采用",
    ),
    "cli.feedback.left-out": ("left out:", "舍弃："),
    "cli.feedback.reason.dismissed": ("dismissed by a person", "已被人驳回"),
    "cli.feedback.reason.not-accepted": (
        "not accepted yet: tunesmith feedback list",
        "尚未接受：tunesmith feedback list",
    ),
    "cli.feedback.reason.contradictory": (
        "contradicted by other feedback on the same answer",
        "与同一回答的其他反馈矛盾",
    ),
    "cli.feedback.reason.comment": ("comments, which teach no answer", "评语，从中学不到回答"),
    "cli.feedback.reason.no-consent": (
        "from keys whose exchanges may not be learned from",
        "所属密钥的对话不许用于学习",
    ),
    "cli.feedback.reason.no-text": (
        "on exchanges without text, or without an answer",
        "对应的对话没有文本，或没有回答",
    ),
    "cli.feedback.reason.no-pair": (
        "preferences between answers that are equal or to different prompts",
        "偏好对中的两个回答相同，或提问不同",
    ),
    "cli.feedback.reason.other-task": (
        "on exchanges that ask something else than the rows of the base",
        "对应的对话与基础数据的任务不同",
    ),
    "cli.feedback.reason.held-out": (
        "asks what a validation or test row asks",
        "提问与验证集或测试集中的某条相同或相近",
    ),
    "cli.feedback.reason.duplicate": ("says what a row says already", "与已有数据重复"),
    "cli.feedback.reason.flood": ("more than its share from one key", "同一密钥的反馈超出份额"),
    "cli.feedback.new-labels": ("labels that the base does not have: {labels}", "基础数据中没有的标签：{labels}"),
    "cli.feedback.suspects": (
        "looks planted: one answer for texts of all kinds. Dismiss it, or accept it if it is meant.",
        "疑似植入：各种各样的文本只因它而得到同一个回答。请驳回；若确属有意，可接受。",
    ),
    "cli.feedback.no-suspects": ("nothing looks planted", "未发现疑似植入的内容"),
    "cli.feedback.pattern": ("pattern", "内容"),
    "cli.feedback.rows": ("rows", "条数"),
    "cli.feedback.share": ("share (base)", "占比（基础数据）"),
    "cli.feedback.answer": ("answer", "回答"),
    "cli.feedback.keys": ("keys", "密钥"),
    "cli.feedback.disapproved": ("(disapproved)", "（否定）"),
    "cli.review.drawn": (
        "period from {period}: {random} answers drawn at random, {others} for doubt or by slice",
        "周期始于 {period}：随机抽取回答 {random} 个，因把握不足或按类别另抽 {others} 个",
    ),
    "cli.review.grade": (
        "{dimension}: mean {mean} ({mean_interval}), good {share} ({share_interval}), {count} of {random} rated",
        "{dimension}：均分 {mean}（{mean_interval}），合格率 {share}（{share_interval}），已评 {count}/{random}",
    ),
    "cli.review.basis": (
        "Of the random answers alone, which stand for all that was served; intervals of 95 %. Answers left out on "
        "purpose bend it.",
        "仅据随机抽取的回答，它们代表该周期的全部回答；置信区间 95%。有选择地跳过会使估计失真。",
    ),
    "cli.review.not-told": ("grades that experts could not give: {count}", "专家无法判断的评分：{count} 条"),
    "cli.review.none": ("nobody has rated these answers yet", "还没有人为这些回答评分"),
    "rate.keys.correct": ("a the right answer", "a 给出正确的回答"),
    "rate.right-answer": ("What would have been right?", "正确的回答应该是什么？"),
    "pack.correction": ("Right answer, where this one is not (key a)", "正确的回答（若所示回答有误；按 a 键）"),
    "error.feedback-unknown": ("there is no feedback {id}", "没有编号为 {id} 的反馈"),
    "hint.feedback-unknown": (
        "ids are shown by: tunesmith feedback list --state all; what was said of a removed exchange is gone with it",
        "编号见 tunesmith feedback list --state all；对话删除后，相关反馈也随之删除",
    ),
    "error.feedback-unnamed": ("it is not said which feedback", "没有指明是哪些反馈"),
    "hint.feedback-unnamed": (
        "name ids or a filter: tunesmith feedback accept --kind correction, tunesmith feedback dismiss --key KEY",
        "请写编号或筛选条件：tunesmith feedback accept --kind correction，tunesmith feedback dismiss --key KEY",
    ),
    "error.feedback-both": ("ids and filters are given at once", "同时给了编号和筛选条件"),
    "hint.feedback-both": (
        "leave out one of them: tunesmith feedback accept ID, or tunesmith feedback accept --key KEY",
        "请只用其一：tunesmith feedback accept ID，或 tunesmith feedback accept --key KEY",
    ),
    "error.feedback-text": (
        "a right answer has 1 to {limit} characters, not all of them white space",
        "正确的回答须为 1 到 {limit} 个字符，且不能全是空白",
    ),
    "hint.feedback-text": (
        "tunesmith feedback correct ID --text 'the right answer'",
        "tunesmith feedback correct ID --text '正确的回答'",
    ),
    "error.review-unknown": ("the answer {id} was not drawn for review", "回答 {id} 不在复核之列"),
    "hint.review-unknown": (
        "it may have expired since; draw anew with: tunesmith feedback review RECIPE --results",
        "该记录可能已过期；重新抽取：tunesmith feedback review RECIPE --results",
    ),
    "error.review-nothing": (
        "{model} answered nothing with text from {begin} to {end} (UTC)",
        "{begin} 至 {end}（UTC）没有 {model} 的带文本的回答记录",
    ),
    "hint.review-nothing": (
        "a period is drawn from once it is over, `monitor.window` says how long it is; answers are those of the "
        "recipe's `name`; `tunesmith store show` tells what is recorded, `serve.record` what is kept",
        "周期结束后才能抽取，其长短由 `monitor.window` 决定；只抽取配方 `name` 所指模型的回答；"
        "`tunesmith store show` 可查看已有记录，保存什么由 `serve.record` 决定",
    ),
    "error.review-who": ("nobody is named who rates", "没有写明由谁评分"),
    "hint.review-who": (
        "`tunesmith feedback review RECIPE --rater anna --html anna.html`",
        "`tunesmith feedback review RECIPE --rater anna --html anna.html`",
    ),
    "error.review-terminal": ("rating needs a terminal that can be typed into", "评分需要可以输入的终端"),
    "hint.review-terminal": (
        "make a page, `tunesmith feedback review RECIPE --rater anna --html anna.html`, or show what there is with "
        "--results",
        "可改用网页：`tunesmith feedback review RECIPE --rater anna --html anna.html`，或用 --results 查看已有结果",
    ),
}
