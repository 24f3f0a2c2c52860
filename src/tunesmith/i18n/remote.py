"""Texts about a model that runs behind another server."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.engine-model": (
        "the server there knows no model `{name}`; it has: {known}",
        "该服务器上没有名为 `{name}` 的模型；现有：{known}",
    ),
    "hint.engine-model": (
        "name it as that server does: `serve.engine.model=...`; vLLM sets the name by `--served-model-name`",
        "请按该服务器上的名称填写：`serve.engine.model=...`；vLLM 用 `--served-model-name` 指定名称",
    ),
    "error.engine-unreachable": (
        "the server that runs the model does not answer ({problem})",
        "运行模型的服务器没有应答（{problem}）",
    ),
    "hint.engine-unreachable": (
        "see that it runs: `curl` the address under `serve.engine.url` with `/models` behind it; then ask again",
        "请确认它正在运行：用 `curl` 访问 `serve.engine.url` 的地址并在末尾加上 `/models`；然后重试",
    ),
    "error.engine-busy": (
        "the server that runs the model has no room now",
        "运行模型的服务器目前已满载",
    ),
    "hint.engine-busy": (
        "ask again in a few seconds, or send it less at once: `serve.limits.max_running=...`",
        "请稍后重试，或减少同时发送的请求：`serve.limits.max_running=...`",
    ),
    "error.engine-refused": (
        "the server that runs the model does not take this request (HTTP {status})",
        "运行模型的服务器拒绝了该请求（HTTP {status}）",
    ),
    "hint.engine-refused": (
        "ask for less: a shorter prompt, fewer tokens, a simpler JSON schema; the reason is in that server's log",
        "请降低要求：缩短提示、减少词元数或简化 JSON Schema；具体原因见该服务器的日志",
    ),
    "error.engine-status": (
        "the server that runs the model failed (HTTP {status})",
        "运行模型的服务器出错（HTTP {status}）",
    ),
    "hint.engine-status": (
        "the reason is in that server's log; 401 and 403 want another key (`serve.engine.key`), 404 another address "
        "(`serve.engine.url` ends with `/v1`)",
        "原因见该服务器的日志；401 和 403 表示密钥不对（`serve.engine.key`），404 表示地址不对"
        "（`serve.engine.url` 应以 `/v1` 结尾）",
    ),
    "error.engine-broke-off": (
        "the server that runs the model broke off in the middle of its answer",
        "运行模型的服务器在回答中途断开",
    ),
    "hint.engine-broke-off": (
        "ask again; if it happens again, the reason is in that server's log",
        "请重试；若再次发生，请查看该服务器的日志",
    ),
    "error.engine-garbled": (
        "what the server that runs the model sent is no answer of OpenAI's API: {problem}",
        "运行模型的服务器所返回的内容不符合 OpenAI 接口：{problem}",
    ),
    "hint.engine-garbled": (
        "see what answers under `serve.engine.url`: it has to be an OpenAI-compatible server, and its address ends "
        "with `/v1`",
        "请检查 `serve.engine.url` 指向的服务：须兼容 OpenAI 接口，且地址以 `/v1` 结尾",
    ),
    "engine.garbled.json": ("not the JSON that was asked for", "不是所要求的 JSON"),
    "engine.garbled.events": ("no stream of events, or an event that is too large", "不是事件流，或单个事件过大"),
    "engine.garbled.large": ("too large", "内容过大"),
    "engine.garbled.packed": ("it is packed, which was not asked for", "内容经过压缩，而请求并未允许"),
    "engine.garbled.scores": (
        "not one log-probability for each token",
        "没有为每个词元各给出一个对数概率",
    ),
    "engine.garbled.directions": ("not one vector for each text", "没有为每段文本各给出一个向量"),
    "cli.serve.proof.scores": (
        "proved by scores: it finds the certified answers as likely as the certificate says",
        "已按概率验证：模型给出认证回答的概率与证书一致",
    ),
    "cli.serve.proof.texts": (
        "proved by texts: asked greedily, it writes the certified answers to the letter",
        "已按文本验证：贪心解码下，模型逐字写出了认证回答",
    ),
}
