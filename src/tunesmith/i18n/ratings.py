"""Texts of ratings: what raters are asked (`rating.*`, `pack.*`, `rate.*`), what came of it (`rated.*`), errors."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "rating.accuracy": ("Accuracy", "准确性"),
    "rating.accuracy.about": (
        "Is what it says right, and does it answer the question?",
        "内容是否正确，是否答到了点子上？",
    ),
    "rating.accuracy.1": ("wrong or made up: whoever follows it comes to harm", "错误或编造，照做会出问题"),
    "rating.accuracy.2": ("mostly wrong: little of it can be used", "大部分错误，可用之处很少"),
    "rating.accuracy.3": ("partly right: something that matters is missing or wrong", "部分正确，有要点遗漏或出错"),
    "rating.accuracy.4": ("right but for a slip that does not matter", "基本正确，只有无关紧要的小错"),
    "rating.accuracy.5": ("right and complete", "正确且完整"),
    "rating.fluency": ("Fluency", "流畅性"),
    "rating.fluency.about": ("How well does it read, whatever it says?", "不论内容对错，读起来是否通顺？"),
    "rating.fluency.1": ("cannot be understood", "看不懂"),
    "rating.fluency.2": ("hard to read: broken sentences, wrong language", "难读，语句不通或语言混杂"),
    "rating.fluency.3": ("understandable, but stiff or with several mistakes", "能看懂，但生硬或有几处语病"),
    "rating.fluency.4": ("reads well, with a slip or two", "通顺，偶有小毛病"),
    "rating.fluency.5": ("as a careful native speaker would write it", "如同母语者用心写成"),
    "rating.domain_fit": ("Domain fit", "领域契合度"),
    "rating.domain_fit.about": ("Is it how somebody of this field would answer?", "是否像本领域的人所答？"),
    "rating.domain_fit.1": ("has nothing to do with the field", "与本领域无关"),
    "rating.domain_fit.2": ("general talk that misses what the field asks for", "泛泛而谈，不合领域要求"),
    "rating.domain_fit.3": ("fits in part: terms or usual steps are missing", "部分契合，缺少术语或惯常步骤"),
    "rating.domain_fit.4": ("fits, with one term or step that is off", "契合，个别术语或步骤不当"),
    "rating.domain_fit.5": (
        "as an expert would: the right terms, steps and tone",
        "如同专家所答：术语、步骤、语气都得当",
    ),
    "rating.preference": ("Preference", "偏好"),
    "rating.preference.about": ("Which answer is better?", "哪个回答更好？"),
    "rating.preference.left": ("the left one", "左边更好"),
    "rating.preference.right": ("the right one", "右边更好"),
    "rating.preference.tie": ("both are as good", "不相上下"),
    "rating.preference.both_bad": ("neither will do", "都不行"),
    "rate.earlier": ("Earlier turns", "此前的对话"),
    "rate.question": ("Question", "问题"),
    "rate.answer": ("Answer", "回答"),
    "rate.left": ("Left answer", "左边的回答"),
    "rate.right": ("Right answer", "右边的回答"),
    "rate.thinking": ("Thinking", "思考过程"),
    "rate.reference": ("Reference answer", "参考答案"),
    "rate.empty": ("(empty)", "（空）"),
    "rate.folded": ("thinking: {count} characters, key t", "思考过程：{count} 字，按 t 查看"),
    "rate.place": ("{place} of {total}", "第 {place} 题，共 {total} 题"),
    "rate.keys.grades": (
        "keys: 1-5 grade, 0 cannot tell, t thinking, r reference, c comment, b back, q quit",
        "按键：1-5 打分，0 无法判断，t 思考过程，r 参考答案，c 写评语，b 返回，q 退出",
    ),
    "rate.keys.pairs": (
        "keys: 1-4 choose, 0 cannot tell, t thinking, r reference, c comment, b back, q quit",
        "按键：1-4 选择，0 无法判断，t 思考过程，r 参考答案，c 写评语，b 返回，q 退出",
    ),
    "rate.comment": ("comment (ends with Enter): ", "评语（回车结束）："),
    "rate.who": ("Your name", "您的姓名"),
    "rate.kept": (
        "{done} of {total} answers given; the same command goes on",
        "已作答 {done}/{total}；再次执行同一命令即可继续",
    ),
    "rate.done": ("all {total} answers given", "{total} 项已全部作答"),
    "rate.pack-at": ("page for {rater}: {path}", "给 {rater} 的评分页：{path}"),
    "rate.imported": ("{rater}: {count} ratings, {new} of them new", "{rater}：评分 {count} 条，其中新增 {new} 条"),
    "rate.none": ("nobody has rated these answers yet", "还没有人为这些回答评分"),
    "pack.title": ("Rate answers", "为回答评分"),
    "pack.lead": (
        "Please rate by the anchors below. Which model gave an answer is hidden. The page works without a network and "
        "keeps your progress in this browser; at the end download the file and send it back.",
        "请按下列标准评分；回答出自哪个模型不会显示。本页无需联网，进度保存在此浏览器中；完成后请下载文件并发回。",
    ),
    "pack.rater": ("Rater: {name}", "评分人：{name}"),
    "pack.place": ("Item {place} of {total}, {done} done", "第 {place} 题，共 {total} 题，已完成 {done} 题"),
    "pack.previous": ("Previous", "上一题"),
    "pack.next": ("Next", "下一题"),
    "pack.cannot": ("0 · cannot tell", "0 · 无法判断"),
    "pack.comment": ("Comment", "评语"),
    "pack.download": ("Download ratings", "下载评分文件"),
    "pack.finished": ("All done. Download the file and send it back.", "全部完成。请下载文件并发回。"),
    "pack.unsaved": (
        "This browser does not keep progress: download the file before you close the page.",
        "此浏览器无法保存进度，请在关闭页面前下载文件。",
    ),
    "pack.keys": (
        "Keys: 1-5 grade or choose, 0 cannot tell, ← → items, ↑ ↓ questions, t thinking, r reference, c comment, "
        "d download, l language",
        "按键：1-5 打分或选择，0 无法判断，← → 切换题目，↑ ↓ 切换问题，t 思考过程，r 参考答案，"
        "c 评语，d 下载，l 切换语言",
    ),
    "pack.language": ("English", "中文"),
    "rated.heading": ("Ratings", "评分"),
    "rated.people": ("By people", "人工评分"),
    "rated.judge": ("By a judging model", "裁判模型评分"),
    "rated.lead.people": (
        "{raters} rated answers to {items} test items, not knowing whose they were. Grades go from 1 to 5.",
        "{raters} 人在不知回答出处的情况下为 {items} 道测试题的回答评分。分值为 1 到 5。",
    ),
    "rated.lead.judge": (
        "{model} judged answers to {items} test items. Such figures stand beside the metrics and never decide alone. "
        "Instructions and rubric: SHA-256 {prompt}.",
        "{model} 评判了 {items} 道测试题的回答。这类数字只作旁证，从不单独定论。指令与评分标准的 SHA-256：{prompt}。",
    ),
    "rated.raters": ("Ratings by rater: {raters}.", "各评分人的评分条数：{raters}。"),
    "rated.arm": ("Arm", "对比组"),
    "rated.dimension": ("Dimension", "维度"),
    "rated.difference": ("Difference", "差值"),
    "rated.p_adjusted": ("p-value (Holm)", "p 值（Holm）"),
    "rated.won": ("Preferred", "胜"),
    "rated.lost": ("Other preferred", "负"),
    "rated.ties": ("Ties", "平"),
    "rated.both_bad": ("Neither", "都不行"),
    "rated.against": ("{arm} against {against}", "{arm} 对 {against}"),
    "rated.with_interval": ("{value} (95% interval {interval})", "{value}（95% 置信区间 {interval}）"),
    "rated.alpha": (
        "{dimension}: raters agree with Krippendorff's alpha {value} over {items} answers or pairs that two or more "
        "judged.",
        "{dimension}：评分人之间的 Krippendorff α 为 {value}，基于两人以上评过的 {items} 个回答或回答对。",
    ),
    "rated.alpha.undefined": (
        "{dimension}: agreement of raters is not defined; it needs two raters on the same answers and grades that "
        "differ.",
        "{dimension}：无法定义评分人之间的一致性，须有两人评过相同的回答，且分值不全相同。",
    ),
    "rated.left.found": (
        "The left answer was preferred in {share} of {n} decisions ({interval}; p {p_value}): the side sways raters.",
        "{n} 次取舍中有 {share} 选了左边（{interval}；p {p_value}）：左右位置影响了判断。",
    ),
    "rated.left.none": (
        "The left answer was preferred in {share} of {n} decisions ({interval}; p {p_value}): no sign that the side "
        "sways raters.",
        "{n} 次取舍中有 {share} 选了左边（{interval}；p {p_value}）：看不出左右位置影响判断。",
    ),
    "rated.judge.turned": (
        "Each pair was judged in both orders; {turned} of {pairs} were judged otherwise once the answers had changed "
        "places, and count as ties.",
        "每对回答按两种次序各评一次；{pairs} 对中有 {turned} 对在互换位置后结论改变，按平局计。",
    ),
    "rated.judge.left.found": (
        "Where the order decided, the first answer was named in {share} of {n} pairs ({interval}; p {p_value}): the "
        "judge goes by the place.",
        "结论随次序而变的 {n} 对中，有 {share} 选了排在前面的（{interval}；p {p_value}）：裁判模型凭位置取舍。",
    ),
    "rated.judge.left.none": (
        "Where the order decided, the first answer was named in {share} of {n} pairs ({interval}; p {p_value}).",
        "结论随次序而变的 {n} 对中，有 {share} 选了排在前面的（{interval}；p {p_value}）。",
    ),
    "rated.longer.found": (
        "The longer answer was preferred in {share} of {n} decisions ({interval}; p {p_value}): length may sway them.",
        "{n} 次取舍中有 {share} 选了较长的回答（{interval}；p {p_value}）：长短可能影响了判断。",
    ),
    "rated.longer.none": (
        "The longer answer was preferred in {share} of {n} decisions ({interval}; p {p_value}).",
        "{n} 次取舍中有 {share} 选了较长的回答（{interval}；p {p_value}）。",
    ),
    "rated.not_told": ("Ratings without a judgement (cannot tell): {count}.", "“无法判断”的评分：{count} 条。"),
    "rated.judge.unreadable": (
        "Replies that could not be read: {count}; they count nowhere else.",
        "无法读取的答复：{count} 条，不计入其他数字。",
    ),
    "rated.judge.family": (
        "The judge is of the same family as {arms}: judges tend to prefer what reads like their own.",
        "裁判模型与 {arms} 属同一系列：裁判往往偏爱与自己相近的文字。",
    ),
    "rated.judge.kappa": (
        "{dimension}: the judge agrees with people with kappa {value} over {items} shared judgements.",
        "{dimension}：裁判模型与人工评分的 κ 为 {value}，基于 {items} 次共同评判。",
    ),
    "rated.judge.no_people": (
        "No person has rated these answers: how far the judge can be believed is not known.",
        "尚无人工评分，裁判模型是否可信无从得知。",
    ),
    "rated.judge.few_people": (
        "{dimension}: with fewer than 100 shared judgements the agreement is known only roughly.",
        "{dimension}：共同评判不足 100 次，一致性只是粗略估计。",
    ),
    "task.judge": ("judging answers", "裁判模型评判"),
    "say.judge-family": (
        "the judge `{model}` is of the same family as {arms}: it may prefer its own kind",
        "裁判模型 `{model}` 与 {arms} 属同一系列，可能偏爱同类",
    ),
    "say.judge-unreadable": (
        "replies of the judge that could not be read: {count} of {total}",
        "无法读取的裁判答复：{count}/{total}",
    ),
    "recipe.problem.judge-alone": (
        "a judging model's figures never decide alone: take a metric that is computed from the answers",
        "裁判模型的数字从不单独定论：请选用由回答计算的指标",
    ),
    "recipe.problem.judge-arms": (
        "pairs need two arms: name another, or ask for `asks: [grades]` alone",
        "成对比较需要两个对比组：请再写一个，或只写 `asks: [grades]`",
    ),
    "recipe.problem.judge-rubric": (
        "`preference` is what pairs are asked for: give the dimension another name",
        "`preference` 是成对比较的名称，请为该维度另取一个名称",
    ),
    "error.judge-arm": (
        "`evaluate.judge.arms`: there is no arm `{arm}`",
        "`evaluate.judge.arms`：没有对比组 `{arm}`",
    ),
    "hint.judge-arm": ("there are: {known}", "现有：{known}"),
    "error.judge-task": (
        "`evaluate.judge` judges written answers; these rows ask for {task}",
        "`evaluate.judge` 评判的是写出的回答，而这些数据要求的是 {task}",
    ),
    "hint.judge-task": (
        "leave out `evaluate.judge`; labels and numbers are right or wrong without a judge",
        "请去掉 `evaluate.judge`；标签和数值的对错无需裁判",
    ),
    "error.gate-judge": (
        "the verdict of this scorecard rests on a judging model alone (`{metric}`)",
        "该评测的结论只依据裁判模型（`{metric}`）",
    ),
    "hint.gate-judge": (
        "evaluate with `evaluate.metric=auto`, then gate",
        "请以 `evaluate.metric=auto` 评测后再做门禁",
    ),
    "error.rate-scorecard": ("this run has no scorecard", "该运行没有评测结果"),
    "hint.rate-scorecard": (
        "`tunesmith evaluate RECIPE` makes one and prints its folder: `tunesmith rate artifacts/scorecard/KEY`",
        "`tunesmith evaluate RECIPE` 会生成评测并打印其文件夹：`tunesmith rate artifacts/scorecard/KEY`",
    ),
    "error.rate-arm": ("the scorecard has no answers of `{arm}`", "评测中没有 `{arm}` 的回答"),
    "hint.rate-arm": ("with `--arm` name some of: {known}", "请用 `--arm` 指定：{known}"),
    "error.rate-nothing": ("there is nothing to rate", "没有可评分的内容"),
    "hint.rate-nothing": (
        "answers to test items are rated, and `--pairs` needs two arms: `tunesmith rate RUN --arm base --arm tuned`",
        "评分对象是测试题的回答，`--pairs` 需要两个对比组：`tunesmith rate RUN --arm base --arm tuned`",
    ),
    "error.rate-who": ("nobody is named who rates", "没有写明由谁评分"),
    "hint.rate-who": (
        "`tunesmith rate RUN --rater anna --html anna.html`",
        "`tunesmith rate RUN --rater anna --html anna.html`",
    ),
    "error.rate-terminal": ("rating needs a terminal that can be typed into", "评分需要可以输入的终端"),
    "hint.rate-terminal": (
        "make a page instead, `tunesmith rate RUN --rater anna --html anna.html`, or show what there is with --results",
        "可改用网页：`tunesmith rate RUN --rater anna --html anna.html`，或用 --results 查看已有结果",
    ),
    "error.rater-name": ("`{name}` cannot name a rater", "`{name}` 不能作评分人名称"),
    "hint.rater-name": (
        "letters, digits, spaces, `.`, `-`, `_`, at most 64, a letter or digit first: `--rater anna`",
        "可用文字、数字、空格、`.`、`-`、`_`，至多 64 个，首位须为文字或数字：`--rater anna`",
    ),
    "error.ratings-line": ("this line is no rating: {problem}", "这一行不是评分：{problem}"),
    "hint.ratings-line": (
        "mend the line or remove it; `tunesmith rate RUN --results` reads the file again",
        "请改正或删除该行；`tunesmith rate RUN --results` 会重新读取",
    ),
    "error.pack-file": ("this is no file of ratings from a page: {problem}", "这不是评分页下载的文件：{problem}"),
    "hint.pack-file": (
        "give the JSON that the page downloads, as it is: `tunesmith rate RUN --import ratings-anna.json`",
        "请直接使用评分页下载的 JSON：`tunesmith rate RUN --import ratings-anna.json`",
    ),
    "error.pack-other": (
        "these ratings are about other answers than this scorecard's",
        "这些评分针对的不是该评测中的回答",
    ),
    "hint.pack-other": (
        "name the run or scorecard from which the page was made: `tunesmith rate RUN --import FILE`",
        "请指定制作该评分页的运行或评测：`tunesmith rate RUN --import FILE`",
    ),
    "cli.help.rate": (
        "Rate answers of a run without knowing whose they are, in the terminal or on a page; tell what came of it.",
        "在终端或网页上为一次运行的回答盲评打分，并给出结果。",
    ),
    "cli.argument.run-or-scorecard": ("Folder of a run or of a scorecard.", "运行或评测的文件夹。"),
    "cli.option.rater": ("Who rates.", "评分人。"),
    "cli.option.pairs": (
        "Choose the better of two answers rather than grade each.",
        "在两个回答中选较好的一个，而不逐个打分。",
    ),
    "cli.option.rated-arm": (
        "Whose answers; give it again for each. Without it: the tuned model's and what it is held against.",
        "评谁的回答，可重复给出；不写则为微调后的模型及其对照。",
    ),
    "cli.option.items": ("How many test items.", "测试题数。"),
    "cli.option.rate-seed": ("Draws the items, and with the rater their order.", "抽取题目；与评分人一起决定次序。"),
    "cli.option.html": (
        "Write a page that works offline for this rater, instead of asking.",
        "为该评分人写出可离线使用的网页，而不在终端评分。",
    ),
    "cli.option.import": (
        "Take in what a page gave back; give it again for each file.",
        "读入评分页下载的文件，可重复给出。",
    ),
    "cli.option.only-results": ("Tell only what came of the ratings.", "只显示评分结果。"),
}
