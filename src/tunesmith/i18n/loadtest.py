"""Texts of `tunesmith loadtest` (`loadtest.*`)."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "cli.help.loadtest": (
        "Tell how many requests per second a server answers while its 95th percentile keeps a target.\n\n"
        "  tunesmith loadtest http://127.0.0.1:8000 --p95 1.0",
        "测量服务在第 95 百分位不超过目标时每秒能回答多少请求。\n\n"
        "  tunesmith loadtest http://127.0.0.1:8000 --p95 1.0",
    ),
    "cli.argument.url": (
        "Where an OpenAI-compatible server answers, with or without `/v1`.",
        "与 OpenAI 兼容的服务地址，可不写 `/v1`。",
    ),
    "cli.option.load-model": (
        "The model to ask; absent: the first that it names.",
        "要请求的模型；不写则为服务列出的第一个。",
    ),
    "cli.option.load-key": (
        "Environment variable that holds the API key, where one is needed.",
        "需要 API 密钥时，存放密钥的环境变量名。",
    ),
    "cli.option.load-prompts": (
        "A file of prompts, one a line, or JSON lines with `prompt`; absent: eight short ones.",
        "提示文件，每行一条，或含 `prompt` 的 JSONL；不写则用自带的八条短提示。",
    ),
    "cli.option.load-of": ("What the target is of.", "目标针对什么。"),
    "cli.option.load-p95": ("The target: most seconds of the 95th percentile.", "目标：第 95 百分位最多多少秒。"),
    "cli.option.load-seconds": ("How long each number of clients asks.", "每种客户端数量持续多少秒。"),
    "cli.option.load-clients": ("Most clients at once.", "最多同时多少个客户端。"),
    "cli.option.load-tokens": ("Most tokens of an answer.", "每个回答最多多少词元。"),
    "loadtest.level": ("{clients} clients: {rate} requests/s", "{clients} 个客户端：每秒 {rate} 个请求"),
    "loadtest.clients": ("clients", "客户端"),
    "loadtest.requests": ("requests/s", "请求/秒"),
    "loadtest.tokens": ("tokens/s", "词元/秒"),
    "loadtest.first": ("first token p50 / p95, s", "首词元 p50 / p95（秒）"),
    "loadtest.latency": ("answer p50 / p95, s", "完整回答 p50 / p95（秒）"),
    "loadtest.errors": ("errors", "错误"),
    "loadtest.kept": ("within target", "达标"),
    "loadtest.yes": ("yes", "是"),
    "loadtest.no": ("no", "否"),
    "loadtest.of.first-token": ("time to first token", "首词元时间"),
    "loadtest.of.latency": ("time of the whole answer", "完整回答时间"),
    "loadtest.answer": (
        "{rate} requests/s ({tokens} tokens/s) by {clients} clients, with the 95th percentile of the {target} within "
        "{seconds} s",
        "{clients} 个客户端下每秒 {rate} 个请求（{tokens} 词元/秒），{target}的第 95 百分位不超过 {seconds} 秒",
    ),
    "loadtest.none": (
        "Not even one client gets the 95th percentile of the {target} within {seconds} s",
        "即使只有一个客户端，{target}的第 95 百分位也超过 {seconds} 秒",
    ),
    "error.loadtest-failed": ("{url} answered no request: {problem}", "{url} 没有回答任何请求：{problem}"),
    "hint.loadtest-failed": (
        "see that it runs and that the key may ask it: `curl {url}/models`; `--key NAME` names the key's variable",
        "请确认服务已启动且密钥有权限：`curl {url}/models`；`--key 变量名` 指定存放密钥的环境变量",
    ),
    "error.loadtest-prompts": ("this file holds no prompts", "该文件中没有提示"),
    "hint.loadtest-prompts": (
        'write one prompt a line in UTF-8, or JSON lines such as {{"prompt": "..."}} in a file that ends with .jsonl',
        '每行写一条提示（UTF-8）；或在 .jsonl 文件中逐行写 {{"prompt": "..."}}',
    ),
}
