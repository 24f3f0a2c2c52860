"""Texts about serving: what a request may ask, what a server starts with, and the chat in the terminal."""

from typing import Final

_ASKED: Final[dict[str, tuple[str, str]]] = {
    "error.model-unknown": (
        "no model is served as `{name}`; there are: {known}",
        "没有名为 `{name}` 的模型；现有：{known}",
    ),
    "hint.model-unknown": (
        "list them: `curl http://127.0.0.1:8000/v1/models`",
        "可列出模型：`curl http://127.0.0.1:8000/v1/models`",
    ),
    "error.body-mistakes": (
        "the request has {count} mistakes, more than are worth telling",
        "请求中有 {count} 处错误，不再逐一列出",
    ),
    "hint.body-mistakes": (
        "see that it goes to the right address and has that address's fields",
        "请确认地址是否正确，以及字段是否属于该接口",
    ),
    "error.over-limit": (
        "`{field}` comes to {got}, and the server allows {limit}",
        "`{field}` 为 {got}，而服务器最多允许 {limit}",
    ),
    "hint.over-limit": (
        "ask for less, or let the operator raise the number under `serve.limits`",
        "请减小该值，或由运维人员调大 `serve.limits` 中的相应上限",
    ),
    "error.text-too-long": (
        "`{field}` has {got} characters, and more than {limit} cannot fit into what the model reads",
        "`{field}` 共 {got} 个字符，超过 {limit} 个字符的内容模型无法读入",
    ),
    "hint.text-too-long": (
        "send the part that matters, or several requests",
        "请只发送需要的部分，或分成多次请求",
    ),
    "error.engine-lacks": (
        "the engine behind this server cannot do what `{field}` asks for",
        "该服务器的推理引擎不支持 `{field}` 所要求的功能",
    ),
    "hint.engine-lacks": (
        "leave the field out; adapters are loaded beside a base that is served by `serve.form=adapter`",
        "请去掉该字段；加载适配器须以 `serve.form=adapter` 启动服务",
    ),
    "error.logprobs-guarded": (
        "log-probabilities are not told here: they would show what the guard holds back",
        "此处不提供对数概率：它们会泄露被内容防护拦下的文字",
    ),
    "hint.logprobs-guarded": (
        "leave `logprobs` out, or serve without rules on answers (`serve.guard`)",
        "请去掉 `logprobs`，或在服务时不设回答规则（`serve.guard`）",
    ),
    "error.schema-too-large": (
        "the JSON schema has more than {limit} characters",
        "JSON Schema 超过 {limit} 个字符",
    ),
    "hint.schema-too-large": (
        "ask for less in one answer: split the schema",
        "请拆分 schema，减少单个回答的内容",
    ),
    "error.embedding-width": (
        "the embeddings of this model have {width} numbers",
        "该模型的向量有 {width} 维",
    ),
    "hint.embedding-width": (
        "leave `dimensions` out, or set `dimensions={width}`",
        "请去掉 `dimensions`，或设为 `dimensions={width}`",
    ),
    "error.labels-none": (
        "`{name}` chooses no labels",
        "`{name}` 不是分类模型",
    ),
    "hint.labels-none": (
        "ask it at /v1/chat/completions, or name the model that was tuned on labelled rows",
        "请改用 /v1/chat/completions，或指定用带标签数据微调的模型",
    ),
    "error.writes-nothing": (
        "`{name}` has a head of its own in place of words: it says labels or numbers, and writes nothing",
        "`{name}` 用专用输出头代替了文字输出：只给出标签或数值，不生成文本",
    ),
    "hint.writes-nothing": (
        "ask it at /v1/classify, under `tunesmith serve`",
        "请用 `tunesmith serve` 启动服务，并改用 /v1/classify",
    ),
    "error.number-sureness": (
        "`{name}` gives a number, which has no confidence",
        "`{name}` 给出的是数值，没有置信度",
    ),
    "hint.number-sureness": ("leave `min_confidence` out", "请去掉 `min_confidence`"),
    "error.model-loaded": ("`{name}` is served already", "`{name}` 已在服务中"),
    "hint.model-loaded": (
        "unload it first: POST /v1/models/unload with its name",
        "请先卸载：向 /v1/models/unload 发送 POST 请求并给出名称",
    ),
    "error.model-fixed": (
        "`{name}` came with the server and stays as long as it runs",
        "`{name}` 随服务器一同启动，运行期间不能卸载",
    ),
    "hint.model-fixed": (
        "only what came by POST /v1/models/load can be unloaded",
        "只有通过 POST /v1/models/load 加载的模型才能卸载",
    ),
    "error.adapter-none": (
        "the bundle of `{name}` has no adapter",
        "`{name}` 的发布包中没有适配器",
    ),
    "hint.adapter-none": (
        "export it again with one: `tunesmith export RECIPE 'export.forms=[adapter, merged]'`",
        "请重新导出并包含适配器：`tunesmith export RECIPE 'export.forms=[adapter, merged]'`",
    ),
    "error.adapter-other-base": (
        "`{name}` was trained on another base than {base} as it is served here, or with another prompt style",
        "`{name}` 的基座或提示样式与此处服务的 {base} 不同",
    ),
    "hint.adapter-other-base": (
        "serve it by itself: `tunesmith serve BUNDLE`",
        "请单独启动服务：`tunesmith serve BUNDLE`",
    ),
    "error.feedback-late": (
        "the database did not take the feedback within {seconds} seconds",
        "数据库在 {seconds} 秒内没有保存这条反馈",
    ),
    "hint.feedback-late": (
        "send it again later; the operator sees the database in the log of the server",
        "请稍后重新发送；运维人员可在服务器日志中查看数据库状况",
    ),
    "request.problem.unsupported": (
        "is not supported here, and an answer without it would be another",
        "暂不支持；忽略它会得到不同的回答",
    ),
    "request.problem.ignored-large": (
        "changes no answer, and may have at most {limit} bytes",
        "不影响回答，且不得超过 {limit} 字节",
    ),
    "request.problem.no-content": ("needs `content`", "缺少 `content`"),
    "request.problem.schema-unfit": (
        "`json_schema` goes with the type `json_schema`, and only with it",
        "`json_schema` 须且只能与类型 `json_schema` 一起给出",
    ),
    "request.problem.top-logprobs": (
        "`top_logprobs` needs `logprobs: true`",
        "使用 `top_logprobs` 须同时设置 `logprobs: true`",
    ),
    "request.problem.best-of": (
        "`best_of` may only be what `n` is",
        "`best_of` 只能与 `n` 相同",
    ),
    "request.problem.one-input": (
        "give exactly one of `input` and `messages`",
        "`input` 与 `messages` 须且只须给出一个",
    ),
    "request.problem.feedback-fields": (
        "this kind of feedback takes {wanted} and nothing else",
        "此类反馈须且只须给出 {wanted}",
    ),
    "request.problem.feedback-value": (
        "`value` must be one of {expected}",
        "`value` 只能取 {expected}",
    ),
}
_STARTED: Final[dict[str, tuple[str, str]]] = {
    "error.serve-form": (
        "the bundle has no form `{form}` that can be served; there are: {known}",
        "发布包中没有可用于服务的形式 `{form}`；现有：{known}",
    ),
    "hint.serve-form": (
        "export one: `tunesmith export RECIPE 'export.forms=[adapter, merged]'`",
        "请导出一种：`tunesmith export RECIPE 'export.forms=[adapter, merged]'`",
    ),
    "error.serve-head": (
        "a model with a head of its own is served here, not by another server",
        "带有专用输出头的模型只能在本机服务，不能交给其他服务器",
    ),
    "hint.serve-head": (
        "serve it without `serve.engine`: `tunesmith serve RECIPE serve.engine=null`",
        "请去掉 `serve.engine`：`tunesmith serve RECIPE serve.engine=null`",
    ),
    "error.serve-unshipped": (
        "this recipe has no bundle yet",
        "该配方还没有发布包",
    ),
    "hint.serve-unshipped": ("make it: `tunesmith export RECIPE`", "请先导出：`tunesmith export RECIPE`"),
    "error.serve-stale": (
        "the newest bundle of this name, {key}, is of the recipe as it was before; changed since: {changed}",
        "该名称最新的发布包 {key} 出自改动之前的配方；此后改动的有：{changed}",
    ),
    "hint.serve-stale": (
        "export the recipe as it is now, `tunesmith export RECIPE`, or serve that bundle by its folder",
        "请按现在的配方重新导出：`tunesmith export RECIPE`；或者用文件夹路径直接启用那个发布包",
    ),
    "error.serve-unproved": (
        "the server has stopped: {reason}",
        "服务器已停止：{reason}",
    ),
    "hint.serve-unproved": (
        "serve another form (`serve.form=merged`), or export again on this machine: `tunesmith export RECIPE`; the "
        "server under `serve.engine` has to run a form of this very bundle",
        "请改用其他形式（`serve.form=merged`），或在本机重新导出：`tunesmith export RECIPE`；"
        "`serve.engine` 所指的服务器必须运行这个发布包中的模型",
    ),
    "error.port-taken": (
        "nothing can listen at port {port}: {problem}",
        "无法监听端口 {port}：{problem}",
    ),
    "hint.port-taken": (
        "take any free one: `serve.port=0`",
        "可改用任意空闲端口：`serve.port=0`",
    ),
    "cli.help.serve": (
        "Answer over HTTP with OpenAI's API: the model of a bundle, proved to answer as certified.",
        "以 OpenAI 的 HTTP 接口提供服务：启动时先验证发布包中的模型与证书一致。",
    ),
    "cli.argument.served": (
        "A recipe that was exported, the folder of a bundle, or a model of the registry, such as champion.",
        "已导出的配方、发布包的文件夹，或登记簿中的模型，例如 champion。",
    ),
    "cli.serve.ready": (
        "{models} at {address} ({form}); Ctrl-C stops it when what was begun is answered",
        "{models} 已在 {address} 提供服务（{form}）；按 Ctrl-C 停止，已开始的回答会先完成",
    ),
    "cli.serve.try": (
        "try it: tunesmith chat --url {address} --model {model}",
        "试一试：tunesmith chat --url {address} --model {model}",
    ),
    "cli.serve.try-classify": (
        'try it: curl {address}/classify --json \'{{"model": "{model}", "input": "..."}}\'',
        '试一试：curl {address}/classify --json \'{{"model": "{model}", "input": "..."}}\'',
    ),
}
_CHAT: Final[dict[str, tuple[str, str]]] = {
    "cli.help.chat": (
        "Talk with the model of a bundle, or with a server, in the terminal.",
        "在终端里与发布包中的模型或服务器对话。",
    ),
    "cli.option.chat-url": (
        "Talk with the server at this address, such as http://127.0.0.1:8000/v1; its key is in TUNESMITH_API_KEY.",
        "与该地址的服务器对话，例如 http://127.0.0.1:8000/v1；密钥取自 TUNESMITH_API_KEY。",
    ),
    "cli.option.chat-model": (
        "Which of the served models; by default the tuned one, or the server's first.",
        "使用哪个模型；默认为微调后的模型，或服务器列出的第一个。",
    ),
    "cli.option.chat-system": ("What stands before the conversation.", "对话之前的系统消息。"),
    "chat.welcome": (
        "{reset} begins anew, {think} shows the last thinking, {quit} leaves; Ctrl-C stops an answer",
        "{reset} 重新开始，{think} 显示上一次的思考，{quit} 退出；Ctrl-C 中止回答",
    ),
    "chat.reset": ("the conversation begins anew", "对话已重新开始"),
    "chat.thinking": ("thinking…", "思考中…"),
    "chat.thought": (
        "thought for {seconds:.1f} s, {characters} characters (/think shows them)",
        "思考了 {seconds:.1f} 秒，共 {characters} 个字符（输入 /think 查看）",
    ),
    "chat.no-thinking": ("nothing was thought yet", "还没有思考内容"),
    "error.chat-target": (
        "chat needs either a bundle or the address of a server",
        "对话需要一个发布包或一个服务器地址，二者取一",
    ),
    "hint.chat-target": (
        "`tunesmith chat RECIPE`, or `tunesmith chat --url http://127.0.0.1:8000/v1`",
        "`tunesmith chat RECIPE`，或 `tunesmith chat --url http://127.0.0.1:8000/v1`",
    ),
    "error.chat-server": ("the server did not answer: {problem}", "服务器没有正常回答：{problem}"),
    "hint.chat-server": (
        "see that it runs and that its key is in TUNESMITH_API_KEY; its address ends with `/v1`",
        "请确认服务器正在运行、密钥已写入 TUNESMITH_API_KEY，且地址以 `/v1` 结尾",
    ),
}
TEXTS: Final[dict[str, tuple[str, str]]] = {**_ASKED, **_STARTED, **_CHAT}
