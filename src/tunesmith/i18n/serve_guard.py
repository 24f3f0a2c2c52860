"""Texts of a server's guards: what is refused, why, and what to do about it (`request.problem.*` are of one field)."""

from typing import Final

_ACCESS: Final[dict[str, tuple[str, str]]] = {
    "error.key-missing": (
        "an API key is needed: send the header `Authorization: Bearer KEY`",
        "需要 API 密钥：请发送请求头 `Authorization: Bearer 密钥`",
    ),
    "hint.key-missing": (
        "ask the operator for a key: `tunesmith keys create NAME`",
        "请向运维人员索取密钥：`tunesmith keys create NAME`",
    ),
    "error.key-wrong": (
        "this API key is not known, has been revoked, or has expired",
        "该 API 密钥不存在、已吊销或已过期",
    ),
    "hint.key-wrong": (
        "the operator sees which keys are valid: `tunesmith keys list`",
        "运维人员可以查看有效的密钥：`tunesmith keys list`",
    ),
    "error.key-scope": (
        "this API key may not do that: it needs the scope {scope}",
        "该 API 密钥无权执行此操作，需要权限 {scope}",
    ),
    "hint.key-scope": (
        "a key with that scope comes from `tunesmith keys create NAME --scope SCOPE`",
        "带有该权限的密钥可用 `tunesmith keys create NAME --scope SCOPE` 创建",
    ),
    "error.host-foreign": (
        "the server does not answer to the name in the Host header",
        "服务器不接受 Host 请求头中的这个主机名",
    ),
    "hint.host-foreign": (
        "call it as `127.0.0.1`, or let the operator list the name in `serve.hosts`",
        "请改用 `127.0.0.1` 访问，或由运维人员把该名称写进 `serve.hosts`",
    ),
    "error.origin-foreign": (
        "web pages of another site may not call this server",
        "其他网站的页面不得调用本服务器",
    ),
    "hint.origin-foreign": (
        "the operator can list the page's origin in `serve.origins`",
        "运维人员可以把该页面的来源写进 `serve.origins`",
    ),
    "error.serve-open": (
        "at {host} others could use the server without a key",
        "在 {host} 上，任何人不用密钥就能使用该服务器",
    ),
    "hint.serve-open": (
        "leave `serve.keys` out and make a key, `tunesmith keys create NAME`, or set `serve.host=127.0.0.1`",
        "请去掉 `serve.keys` 并用 `tunesmith keys create NAME` 创建密钥，或设为 `serve.host=127.0.0.1`",
    ),
    "error.serve-no-keys": (
        "the server at {host} asks for keys, and there is none",
        "{host} 上的服务器要求密钥，但还没有任何密钥",
    ),
    "hint.serve-no-keys": ("make one: `tunesmith keys create NAME`", "请先创建一个：`tunesmith keys create NAME`"),
}
_REQUESTS: Final[dict[str, tuple[str, str]]] = {
    "error.route-unknown": ("there is nothing at this address", "该地址下没有任何内容"),
    "hint.route-unknown": (
        "list the models to see that the address is right: `curl http://127.0.0.1:8000/v1/models`",
        "可列出模型来确认地址是否正确：`curl http://127.0.0.1:8000/v1/models`",
    ),
    "error.method-unserved": (
        "this address does not take that method; the header Allow lists those that it takes",
        "该地址不支持这种请求方法；响应头 Allow 列出了支持的方法",
    ),
    "hint.method-unserved": ("send it as `POST` with a JSON body", "请用 `POST` 发送，并附 JSON 请求体"),
    "error.body-too-large": (
        "the request is larger than {num_bytes} bytes",
        "请求超过了 {num_bytes} 字节",
    ),
    "hint.body-too-large": (
        "send less at once, or let the operator raise `serve.limits.max_body_bytes`",
        "请减少单次发送的内容，或由运维人员调大 `serve.limits.max_body_bytes`",
    ),
    "error.body-slow": (
        "the request was not whole after {seconds} seconds",
        "{seconds} 秒内未收到完整的请求",
    ),
    "hint.body-slow": ("send it again", "请重新发送"),
    "error.body-type": (
        "a request is plain JSON in UTF-8, not packed, and says so",
        "请求体必须是未经压缩的 UTF-8 JSON，并如实声明类型",
    ),
    "hint.body-type": (
        "send the header `Content-Type: application/json`",
        "请发送请求头 `Content-Type: application/json`",
    ),
    "error.body-json": (
        "the request is no JSON, is nested too deeply, or holds a number or character that JSON has not",
        "请求体不是有效的 JSON，或嵌套过深，或含有 JSON 不允许的数字或字符",
    ),
    "hint.body-json": (
        "check it with `python -m json.tool FILE`; NaN and Infinity are no JSON",
        "可用 `python -m json.tool 文件` 检查；NaN 和 Infinity 不是合法的 JSON",
    ),
    "error.body-values": (
        "the request has more than {limit} commas, colons and brackets outside of its texts",
        "请求体在文本之外的逗号、冒号和括号超过 {limit} 个",
    ),
    "hint.body-values": ("send less at once, in several requests", "请减少单次发送的内容，分成多次请求"),
    "error.request-field": ("`{field}`: {problem}", "`{field}`：{problem}"),
    "hint.request-field": ("mend the field and send it again", "请改正该字段后重新发送"),
    "error.request-fields": (
        "`{field}`: {problem} ({count} mistakes in all)",
        "`{field}`：{problem}（共 {count} 处错误）",
    ),
    "hint.request-fields": ("mend them and send it again", "请逐一改正后重新发送"),
    "error.requests-spent": (
        "the key's {limit} requests a minute are used up",
        "该密钥每分钟 {limit} 次请求的额度已用完",
    ),
    "hint.requests-spent": (
        "wait as long as the header Retry-After says; `tunesmith keys create` gives a key its limit",
        "请按响应头 Retry-After 等待；密钥的额度由 `tunesmith keys create` 设定",
    ),
    "error.tokens-spent": (
        "the key's {limit} tokens a minute are used up",
        "该密钥每分钟 {limit} 个词元的额度已用完",
    ),
    "hint.tokens-spent": (
        "wait as long as the header Retry-After says; `tunesmith keys create` gives a key its limit",
        "请按响应头 Retry-After 等待；密钥的额度由 `tunesmith keys create` 设定",
    ),
    "error.too-busy": (
        "{limit} requests are being answered or wait already",
        "正在处理和排队的请求已达 {limit} 个",
    ),
    "hint.too-busy": (
        "send it again later; the operator sets `serve.limits.max_waiting`",
        "请稍后重试；上限由运维人员通过 `serve.limits.max_waiting` 设定",
    ),
    "error.not-ready": ("the server takes no requests: {reason}", "服务器暂不接受请求：{reason}"),
    "hint.not-ready": (
        "ask again until it is ready: `curl http://127.0.0.1:8000/readyz`",
        "请等它就绪后再试：`curl http://127.0.0.1:8000/readyz`",
    ),
    "serve.not-ready.starting": ("it is starting", "正在启动"),
    "serve.not-ready.draining": ("it is stopping", "正在停止"),
    "serve.not-ready.engine": ("its engine does not answer", "推理引擎没有响应"),
    "serve.not-ready.differs": (
        "its model does not answer as certified",
        "模型的回答与证书不符",
    ),
    "error.store-down": ("the server's database does not answer", "服务器的数据库没有响应"),
    "hint.store-down": (
        "send it again later; the operator can look with `tunesmith store show`",
        "请稍后重新发送；运维人员可用 `tunesmith store show` 查看原因",
    ),
    "error.request-failed": (
        "the server failed on this request; its log tells where under the id {id}",
        "服务器处理该请求时出错；日志中编号 {id} 的记录写明了出错位置",
    ),
    "hint.request-failed": (
        "give the id to the operator, who finds it with `grep {id}` in the log",
        "请把该编号告知运维人员，可用 `grep {id}` 在日志中查找",
    ),
}
_FIELDS: Final[dict[str, tuple[str, str]]] = {
    "request.problem.at-least": ("must be at least {ge}", "不得小于 {ge}"),
    "request.problem.at-most": ("must be at most {le}", "不得大于 {le}"),
    "request.problem.bool": ("must be `true` or `false`", "应为 `true` 或 `false`"),
    "request.problem.choice": ("must be one of {expected}", "只能取 {expected}"),
    "request.problem.finite": ("must be a finite number", "应为有限的数"),
    "request.problem.greater": ("must be greater than {gt}", "必须大于 {gt}"),
    "request.problem.less": ("must be less than {lt}", "必须小于 {lt}"),
    "request.problem.list": ("must be a list", "应为列表"),
    "request.problem.missing": ("is missing", "缺少该字段"),
    "request.problem.number": ("must be a number", "应为数字"),
    "request.problem.object": ("must be an object", "应为对象"),
    "request.problem.other": ("is not right", "不正确"),
    "request.problem.pattern": ("is not of the form that is asked for", "格式不符合要求"),
    "request.problem.text": ("must be text", "应为文字"),
    "request.problem.text-long": ("must have at most {max_length} characters", "不得超过 {max_length} 个字符"),
    "request.problem.text-short": ("must have at least {min_length} characters", "至少要有 {min_length} 个字符"),
    "request.problem.too-long": ("must have at most {max_length} entries", "不得超过 {max_length} 项"),
    "request.problem.too-short": ("must have at least {min_length} entries", "至少要有 {min_length} 项"),
    "request.problem.unknown": ("is no field of this request", "不是该请求的字段"),
    "request.problem.whole": ("must be a whole number", "应为整数"),
}
TEXTS: Final[dict[str, tuple[str, str]]] = {
    **_ACCESS,
    **_REQUESTS,
    **_FIELDS,
    "serve.guard.reply": ("I cannot help with that.", "抱歉，这个问题我无法回答。"),
}
