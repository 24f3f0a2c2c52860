"""Texts of the export certificate and of `tunesmith certificate`."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "task.certificate": ("certifying the forms", "核验各导出形式"),
    "say.certificate-form": (
        "{form}: {agreement} of the tokens agree, {same} of {prompts} answers are the same, {num_bytes} bytes",
        "{form}：词元一致率 {agreement}，{prompts} 个回答中有 {same} 个完全相同，{num_bytes} 字节",
    ),
    "cli.help.certificate": (
        "Show how the shipped forms of a bundle answer beside the model that was judged.",
        "查看发布包中各形式的回答与受评模型相差多少。",
    ),
    "cli.option.recheck-certificate": (
        "Measure every form once more and compare with what was certified.",
        "重新测量每种形式，并与证书比对。",
    ),
    "cli.certificate.asked": (
        "Prompts: {prompts}. Greedy, one answer at a time; the judged model computed in {precision}; "
        "measured on {device} with {threads} threads.",
        "提示：{prompts}。贪心解码，逐个作答；受评模型以 {precision} 计算；测量环境为 {device}，{threads} 个线程。",
    ),
    "cli.certificate.columns": (
        "Token agreement: share of the judged model's tokens that the form finds likeliest too (tokens, near-ties of "
        "the judged model left out). KL and differences are in nats. Metric: form less judged model, 95% interval.",
        "词元一致率：受评模型所写的词元中，该形式也认为最可能的比例（括号内为词元数和未计入的近似并列数）。"
        "KL 散度与差值的单位为奈特。指标：该形式减去受评模型，附 95% 置信区间。",
    ),
    "cli.certificate.limits": ("Limits: {limits}", "限值：{limits}"),
    "cli.certificate.over-http": (
        "served: {num} prompts were asked over HTTP, each for a whole answer and for a streamed one; every reply says "
        "what the engine wrote, thinking apart from the answer.",
        "served：{num} 个提示经 HTTP 发出，每个都分别请求了完整回答与流式回答；所有回复都与引擎写出的内容一致，"
        "思考与回答分开给出。",
    ),
    "cli.certificate.gguf": (
        "gguf: the model that the file itself holds, its numbers widened and computed by transformers; llama.cpp is "
        "llama.cpp itself.",
        "gguf：仅凭文件自身内容还原出的模型，由 transformers 以还原后的数值计算；llama.cpp 则是 llama.cpp 本身的作答。",
    ),
    "cli.certificate.rechecked": (
        "Measured again: {forms} forms within the tolerance; the largest difference is {share} of what is allowed "
        "({where}).",
        "已重新测量 {forms} 种形式，均在容差之内；最大差异为允许值的 {share}（{where}）。",
    ),
    "certificate.column.form": ("Form", "形式"),
    "certificate.column.token_agreement": ("Token agreement", "词元一致率"),
    "certificate.column.same_answers": ("Same answers", "相同回答"),
    "certificate.column.mean_kl": ("Mean KL", "平均 KL"),
    "certificate.column.max_logit_difference": ("Largest difference", "最大差值"),
    "certificate.column.max_gain_error": ("Layer error", "层误差"),
    "certificate.column.metric": ("Metric", "指标"),
    "certificate.column.num_bytes": ("Bytes", "字节"),
    "certificate.column.of_fp32": ("Of fp32", "较 fp32"),
    "certificate.column.of_bf16": ("Of bf16", "较 bf16"),
    "certificate.column.tokens_per_second": ("Tokens/s", "词元/秒"),
    "certificate.not-measured.engine": ("not measured: no engine for it here", "未测量：此处没有可运行它的引擎"),
    "certificate.not-measured.llama-cpp": ("not run", "未运行"),
    "certificate.not-measured.no-form": ("not run", "未运行"),
    "certificate.why.engine": (
        "{form}: nothing answered with it. Export again: tunesmith export RECIPE",
        "{form}：没有用它作答。请重新导出：tunesmith export RECIPE",
    ),
    "certificate.why.llama-cpp": (
        "{form}: not run, llama-cpp-python is not installed here. pip install 'tunesmith[gguf]' brings it; then "
        "tunesmith certificate BUNDLE --recheck lets it answer.",
        "{form}：未运行，此处没有安装 llama-cpp-python。请先 pip install 'tunesmith[gguf]'，再用 "
        "tunesmith certificate BUNDLE --recheck 让它作答。",
    ),
    "certificate.why.no-form": (
        "{form}: not run, the bundle has no form that tunesmith serve takes. "
        "tunesmith export RECIPE 'export.forms=[merged, gguf]' ships one.",
        "{form}：未运行，发布包中没有 tunesmith serve 可用的形式。可用 "
        "tunesmith export RECIPE 'export.forms=[merged, gguf]' 一并导出。",
    ),
    "certificate.figure.token_agreement": ("token agreement", "词元一致率"),
    "certificate.figure.widest_parting": (
        "an answer that parts from the judged one (distance of the first two logits there)",
        "回答与受评模型分岔处前两个 logit 之差",
    ),
    "certificate.figure.mean_kl": ("mean KL divergence", "平均 KL 散度"),
    "certificate.figure.max_logit_difference": ("largest difference of log-probabilities", "对数概率的最大差值"),
    "certificate.figure.max_gain_error": ("output of a layer against the judged one's", "某一层输出相对受评模型的偏差"),
    "certificate.figure.metric": ("difference in the metric", "指标之差"),
    "certificate.figure.metric_loss": (
        "loss in the metric, at the far end of its 95% interval",
        "指标退步的 95% 置信区间上限",
    ),
    "certificate.figure.prompt_tokens": (
        "prompts that llama.cpp reads in other tokens",
        "llama.cpp 切分结果不同的提示数",
    ),
    "certificate.figure.template": ("tokenizer and chat template", "分词器与对话模板"),
    "certificate.remedy.fault": (
        "This is no matter of taste: the form is not the model that was judged. Ship without it",
        "这不是取舍问题：该形式已不是受评模型。请去掉它再导出",
    ),
    "certificate.remedy.served": (
        "The form itself passed, but not behind a server: a fault of the server or of this machine, to report. Try "
        "another form, or one that no server of ours takes",
        "该形式本身已通过，但经服务端作答时不一致：这是服务端或本机环境的问题，请报告。可以改用另一种形式，"
        "或只导出不经本服务端使用的形式",
    ),
    "certificate.remedy.llama-cpp": (
        "The file holds the model that was judged, but this llama.cpp reads it otherwise: install a newer one, or ship "
        "without gguf",
        "文件中确实是受评模型，但当前的 llama.cpp 读出的结果不同：请升级 llama.cpp，或去掉 gguf 再导出",
    ),
    "certificate.remedy.token_agreement": (
        "Ship without it, or, knowing that answers differ, allow it with export.certificate.token_agreement=...",
        "可以去掉它再导出；若接受回答有所不同，可设置 export.certificate.token_agreement=...",
    ),
    "certificate.remedy.int8_token_agreement": (
        "Ship without it, or, knowing that answers differ, allow it with export.certificate.int8_token_agreement=...",
        "可以去掉它再导出；若接受回答有所不同，可设置 export.certificate.int8_token_agreement=...",
    ),
    "certificate.remedy.mean_kl": (
        "Ship without it, or, knowing that it is less like the judged model, allow it with "
        "export.certificate.mean_kl=...",
        "可以去掉它再导出；若接受它与受评模型相差更大，可设置 export.certificate.mean_kl=...",
    ),
    "certificate.remedy.metric_loss": (
        "With few test items the interval is wide: judge more of them, ship without the form, or, knowing the loss, "
        "allow it with export.certificate.metric_loss=...",
        "测试题少时区间较宽：可以增加测试题，或去掉该形式再导出；若接受这一退步，可设置 "
        "export.certificate.metric_loss=...",
    ),
    "error.certificate-failed": (
        "the form {form} does not answer like the model that was judged: {figure} is {found}, the limit is {limit}; "
        "nothing was exported",
        "形式 {form} 的回答与受评模型不一致：{figure}为 {found}，限值为 {limit}；没有导出任何内容",
    ),
    "hint.certificate-failed": (
        "{remedy}: tunesmith export RECIPE 'export.forms=[...]' names those to ship.",
        "{remedy}：用 tunesmith export RECIPE 'export.forms=[...]' 指定要导出的形式。",
    ),
    "certificate.altered.answer": ("an answer", "某个回答"),
    "certificate.altered.prompt": (
        "a conversation (its number of tokens, or which they are)",
        "某段对话的词元（数量或内容）",
    ),
    "certificate.altered.usage": (
        "why an answer ended, with the tokens of its prompt and its own",
        "某个回答的结束原因、提示词元数与回答词元数",
    ),
    "error.certificate-altered": (
        "the server changes what its model says: over HTTP {what} is {said}, the engine has {wrote}; "
        "nothing was exported",
        "服务端改动了模型的输出：{what}经 HTTP 收到的是 {said}，而引擎写出的是 {wrote}；没有导出任何内容",
    ),
    "hint.certificate-altered": (
        "this is a fault of the server, whatever the form: report it with this message; what no server of ours takes "
        "can be shipped: tunesmith export RECIPE 'export.forms=[gguf]'",
        "这是服务端的缺陷，与形式无关，请附上本消息报告此问题；不经本服务端使用的形式仍可导出："
        "tunesmith export RECIPE 'export.forms=[gguf]'",
    ),
    "error.certificate-http": (
        "the certificate asks the model over HTTP, and {path} answered with status {status}: {problem}",
        "证书需要经 HTTP 询问模型，而 {path} 返回了状态 {status}：{problem}",
    ),
    "hint.certificate-http": (
        "if the problem lies in rows of the test, mend them; what no server of ours takes can be shipped: "
        "tunesmith export RECIPE 'export.forms=[gguf]'",
        "若问题出在测试数据，请修正后重试；不经本服务端使用的形式仍可导出："
        "tunesmith export RECIPE 'export.forms=[gguf]'",
    ),
    "error.certificate-differs": (
        "measured again, {figure} is {found}; certified was {said}",
        "重新测量得到 {figure} 为 {found}，而证书上是 {said}",
    ),
    "hint.certificate-differs": (
        "compare the machine and its libraries with those in manifest.json; if they are the same, export anew: "
        "tunesmith export RECIPE",
        "请对照 manifest.json 中的库版本与本机环境；若相同，请重新导出：tunesmith export RECIPE",
    ),
    "error.certificate-inputs": (
        "the {kind} that the model was judged with is not in this workspace",
        "本工作区没有评测该模型时所用的 {kind}",
    ),
    "hint.certificate-inputs": (
        "run it where the model was made: tunesmith --workspace FOLDER certificate BUNDLE --recheck",
        "请在生成该模型的工作区中执行：tunesmith --workspace FOLDER certificate BUNDLE --recheck",
    ),
}
