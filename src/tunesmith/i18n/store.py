"""Texts of the store: what a server records, API keys, and the registry of models."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.store-url": (
        "this is no database that exchanges can be kept in",
        "这不是可用来保存对话记录的数据库",
    ),
    "hint.store-url": (
        "write sqlite:////absolute/path/store.db, or postgresql://user@host/database (its password in ~/.pgpass)",
        "请写 sqlite:////绝对路径/store.db，或 postgresql://用户@主机/数据库（密码写在 ~/.pgpass 中）",
    ),
    "error.store-driver": ("PostgreSQL needs its driver", "使用 PostgreSQL 须先安装驱动"),
    "hint.store-driver": ("pip install 'tunesmith[postgres]'", "pip install 'tunesmith[postgres]'"),
    "error.store-newer": (
        "a later Tunesmith made this store: its tables are of version {found}, known are those up to {known}",
        "该数据库由更新版本的 Tunesmith 建立：表结构为第 {found} 版，本程序只认识到第 {known} 版",
    ),
    "hint.store-newer": (
        "pip install --upgrade tunesmith, or name another store with --store",
        "pip install --upgrade tunesmith，或用 --store 指定另一个数据库",
    ),
    "error.store-foreign": (
        "this file is a database of something else: it has a table {table}",
        "该文件是其他程序的数据库：其中有表 {table}",
    ),
    "hint.store-foreign": (
        "name a file that does not exist yet: --store sqlite:////absolute/path/store.db",
        "请指定一个尚不存在的文件：--store sqlite:////绝对路径/store.db",
    ),
    "error.store-unavailable": (
        "the store cannot be reached, or does not take what is written: {problem}",
        "无法连接数据库，或数据库无法写入：{problem}",
    ),
    "hint.store-unavailable": (
        "see that the disk has room (df -h), that the server of a postgresql:// URL runs, and that no other process "
        "holds the file for long; then run the same command again",
        "请检查磁盘是否还有空间（df -h）、postgresql:// 所指的服务是否在运行、是否有其他进程长时间占用该文件，"
        "然后再执行同一命令",
    ),
    "error.store-failed": ("the database refused: {problem}", "数据库拒绝了操作：{problem}"),
    "hint.store-failed": (
        "check it: sqlite3 FILE 'PRAGMA integrity_check', or the log of the PostgreSQL server; of a damaged file "
        "restore the backup",
        "请检查数据库：sqlite3 文件 'PRAGMA integrity_check'，或查看 PostgreSQL 服务的日志；文件若已损坏，请恢复备份",
    ),
    "error.store-full": (
        "{limit} rows already wait to be written; this one is not recorded",
        "已有 {limit} 条记录等待写入，这一条未被记录",
    ),
    "hint.store-full": (
        "the disk or the database is slower than the requests come: a faster disk, or `serve.record: metadata`",
        "磁盘或数据库的写入速度跟不上请求：请换用更快的磁盘，或设置 `serve.record: metadata`",
    ),
    "error.store-closed": ("the store was closed", "数据库已关闭"),
    "hint.store-closed": ("open it again with open_store", "请用 open_store 重新打开"),
    "error.store-busy": (
        "the rows are removed, but another process is reading, so their bytes may still be in the log beside the file",
        "记录已删除，但另一进程正在读取，其字节可能仍留在文件旁的日志中",
    ),
    "hint.store-busy": (
        "run the same command again once that process has finished",
        "请待该进程结束后再次执行同一命令",
    ),
    "error.store-key-missing": (
        "the key of this store's pseudonyms is missing: without it nobody's rows can be found by name",
        "缺少该数据库的假名密钥：没有它就无法按用户名找到其记录",
    ),
    "hint.store-key-missing": (
        "copy the file store.key here from where the server runs, or from its backup",
        "请从运行服务的机器或其备份中，把 store.key 文件复制到此处",
    ),
    "error.store-key-other": (
        "this is not the key that this store's pseudonyms were made with",
        "该密钥与生成此数据库假名所用的密钥不同",
    ),
    "hint.store-key-other": (
        "copy the file store.key from where the server runs; each store has its own",
        "请从运行服务的机器复制 store.key 文件；每个数据库各有自己的密钥",
    ),
    "error.exchange-unknown": ("there is no recorded exchange {id}", "没有编号为 {id} 的对话记录"),
    "hint.exchange-unknown": (
        "take the `id` of an answer that was given; it may also have expired, or not been recorded (serve.record)",
        "请使用已给出的回答的 `id`；该记录也可能已过期，或按 serve.record 的设置未被保存",
    ),
    "error.key-without-scope": ("a key needs something that it may be used for", "密钥至少要有一种用途"),
    "hint.key-without-scope": (
        "tunesmith keys create NAME --scope infer",
        "tunesmith keys create NAME --scope infer",
    ),
    "error.key-unknown": ("there is no key {id}", "没有编号为 {id} 的密钥"),
    "hint.key-unknown": ("see the ids: tunesmith keys list", "查看编号：tunesmith keys list"),
    "error.model-name": (
        "{name} is no name for a model: lower-case letters, digits and hyphens, at most 64, the first one no hyphen",
        "{name} 不能用作模型名：只能用小写字母、数字和连字符，最多 64 个字符，且不能以连字符开头",
    ),
    "hint.model-name": (
        "tunesmith models add BUNDLE --name support-bot",
        "tunesmith models add BUNDLE --name support-bot",
    ),
    "error.alias-taken": (
        "{alias} cannot name a model and be an alias as well",
        "{alias} 不能既是模型名又是别名",
    ),
    "hint.alias-taken": (
        "choose another name; those in use: tunesmith models list",
        "请换一个名字；已用的名字见 tunesmith models list",
    ),
    "error.alias-moved": (
        "{alias} points to {version} now, no longer to {expected}",
        "{alias} 现在指向 {version}，已不再是 {expected}",
    ),
    "hint.alias-moved": ("see what happened: tunesmith models history", "请查看变更记录：tunesmith models history"),
    "error.version-unknown": (
        "no model, version or alias is called {reference}",
        "没有名为 {reference} 的模型、版本或别名",
    ),
    "hint.version-unknown": (
        "see what there is: tunesmith models list; add a bundle: tunesmith models add BUNDLE",
        "查看已有的：tunesmith models list；添加：tunesmith models add BUNDLE",
    ),
    "error.version-withdrawn": (
        "{version} was withdrawn on {at} and may not be used any more",
        "{version} 已于 {at} 撤回，不可再用",
    ),
    "hint.version-withdrawn": (
        "the reason: tunesmith models history; use another version: tunesmith models alias champion NAME@NUMBER",
        "原因见 tunesmith models history；改用其他版本：tunesmith models alias champion NAME@NUMBER",
    ),
    "error.version-changed": (
        "another bundle lies in the folder of {version} now",
        "{version} 的文件夹中现在是另一个发布包",
    ),
    "hint.version-changed": (
        "put the registered bundle back, or add this one as a version of its own: tunesmith models add BUNDLE",
        "请放回已登记的发布包，或把现在这个登记为新版本：tunesmith models add BUNDLE",
    ),
    "cli.option.store-url": (
        "URL of the database; `store.db` in the workspace when not given.",
        "数据库的 URL；不写则为工作区中的 `store.db`。",
    ),
    "cli.help.keys": ("API keys of a server.", "管理服务的 API 密钥。"),
    "cli.help.keys.create": ("Make a key; its secret is shown this once.", "新建密钥；密钥内容只显示这一次。"),
    "cli.help.keys.list": ("List keys, without their secrets.", "列出密钥（不含密钥内容）。"),
    "cli.help.keys.revoke": ("Make a key good no more, from the next request on.", "吊销密钥，自下一个请求起生效。"),
    "cli.argument.key-name": ("Whose key it is, in your words.", "密钥归谁使用，可自行命名。"),
    "cli.argument.key-id": ("The key's id, as `keys list` shows it.", "密钥编号，见 `keys list`。"),
    "cli.option.key-scope": (
        "What it may be used for; may be given several times. Without: infer and feedback.",
        "密钥的用途，可写多次；不写则为 infer 和 feedback。",
    ),
    "cli.option.key-requests": (
        "Requests a minute, if not the server's own limit.",
        "每分钟请求数，不写则用服务的上限。",
    ),
    "cli.option.key-tokens": (
        "Tokens a minute, prompts and answers together, if not the server's own limit.",
        "每分钟词元数（提示与回答合计），不写则用服务的上限。",
    ),
    "cli.option.key-days": ("It expires after so many days.", "多少天后过期。"),
    "cli.keys.once": (
        "This is shown once: keep it now, where passwords are kept. To end it: tunesmith keys revoke {id}",
        "密钥只显示这一次：请立即存入密码管理工具。吊销：tunesmith keys revoke {id}",
    ),
    "cli.keys.none": ("no keys yet: tunesmith keys create NAME", "还没有密钥：tunesmith keys create NAME"),
    "cli.keys.revoked": ("{id} ({name}) is good no more", "{id}（{name}）已吊销"),
    "cli.keys.id": ("id", "编号"),
    "cli.keys.name": ("name", "名称"),
    "cli.keys.scopes": ("for", "用途"),
    "cli.keys.requests": ("requests/min", "请求/分"),
    "cli.keys.tokens": ("tokens/min", "词元/分"),
    "cli.keys.expires": ("expires", "过期日"),
    "cli.keys.state": ("state", "状态"),
    "cli.keys.state.good": ("good", "有效"),
    "cli.keys.state.revoked": ("revoked", "已吊销"),
    "cli.keys.state.expired": ("expired", "已过期"),
    "cli.help.models": (
        "Versions of models, and which one is the champion.",
        "管理模型版本，以及哪个版本是 champion。",
    ),
    "cli.help.models.add": ("Make a bundle the newest version of a model.", "把发布包登记为某个模型的最新版本。"),
    "cli.help.models.list": ("List versions and aliases.", "列出版本与别名。"),
    "cli.help.models.alias": ("Point an alias to a version.", "让别名指向某个版本。"),
    "cli.help.models.withdraw": ("Take a version out of use for good.", "永久停用某个版本。"),
    "cli.help.models.history": ("Show every change of the registry.", "显示登记簿的全部变更。"),
    "cli.argument.bundle": ("The folder of a bundle.", "发布包的文件夹。"),
    "cli.argument.model-reference": ("A model, NAME@NUMBER, or an alias.", "模型名、模型名@版本号，或别名。"),
    "cli.argument.alias": ("The alias, such as champion or challenger.", "别名，例如 champion 或 challenger。"),
    "cli.option.model-name": (
        "The model's name; the one that the bundle tells when not given.",
        "模型名；不写则用发布包自带的名字。",
    ),
    "cli.option.withdraw-reason": ("Why, for the history.", "原因，记入变更记录。"),
    "cli.models.added": ("{version}  {folder}", "{version}  {folder}"),
    "cli.models.none": ("no models yet: tunesmith models add BUNDLE", "还没有模型：tunesmith models add BUNDLE"),
    "cli.models.aliased": ("{alias} is {version} now", "{alias} 现在指向 {version}"),
    "cli.models.withdrawn": ("{version} is withdrawn", "{version} 已撤回"),
    "cli.models.alias-left": (
        "{alias} still points to it and is refused until it is pointed elsewhere: "
        "tunesmith models alias {alias} NAME@NUMBER",
        "{alias} 仍指向它，在改指其他版本之前不可用：tunesmith models alias {alias} NAME@NUMBER",
    ),
    "cli.models.no-history": ("nothing has happened yet", "还没有任何变更"),
    "cli.models.version": ("version", "版本"),
    "cli.models.aliases": ("aliases", "别名"),
    "cli.models.added-on": ("added", "登记日"),
    "cli.models.state": ("state", "状态"),
    "cli.models.folder": ("folder", "文件夹"),
    "cli.models.state.usable": ("usable", "可用"),
    "cli.models.state.withdrawn": ("withdrawn", "已撤回"),
    "cli.models.change.added": ("added {version}", "登记 {version}"),
    "cli.models.change.moved": ("{version} lies in another folder", "{version} 换了文件夹"),
    "cli.models.change.aliased": ("pointed {alias} to {version}", "让 {alias} 指向 {version}"),
    "cli.models.change.withdrawn": ("withdrew {version}: {reason}", "撤回 {version}：{reason}"),
    "cli.help.store": ("What a server has recorded, and its removal.", "查看并删除服务所记录的内容。"),
    "cli.help.store.show": ("Tell how much is recorded.", "统计记录的数量。"),
    "cli.help.store.expire": ("Remove exchanges older than so many days.", "删除早于指定天数的对话记录。"),
    "cli.help.store.forget": (
        "Remove what a person, the `user` of requests, asked and was answered.",
        "删除某人（请求中的 `user`）的提问与回答。",
    ),
    "cli.option.expire-days": ("What is older is removed.", "早于这些天的记录会被删除。"),
    "cli.argument.subject": ("The `user` that requests named.", "请求中 `user` 字段的值。"),
    "cli.store.counts": ("exchanges: {exchanges}, feedback: {feedback}", "对话记录 {exchanges} 条，反馈 {feedback} 条"),
    "cli.store.oldest": ("the oldest is of {day}", "最早的记录：{day}"),
    "cli.store.removed": (
        "removed from {place}: {exchanges} exchanges, {feedback} feedback",
        "已从 {place} 删除对话记录 {exchanges} 条、反馈 {feedback} 条",
    ),
}
