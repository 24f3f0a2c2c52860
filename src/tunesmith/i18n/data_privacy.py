"""Texts of the data card on personal data (`data.privacy.*`, `data.personal.*`)."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "data.privacy": ("Personal data", "个人信息"),
    "data.privacy.what.off": (
        "Personal data were not hidden: `prepare.personal.mode` is `off`. Names, phone numbers and addresses may stand "
        "in the rows.",
        "未对个人信息做处理：`prepare.personal.mode` 为 `off`。数据中可能含有姓名、电话、住址等。",
    ),
    "data.privacy.seen": (
        "Of {looked_at} training rows drawn by lot, {rows} hold some: {types}. Names and addresses were not looked "
        "for.",
        "随机抽查 {looked_at} 条训练数据，其中 {rows} 条含有：{types}。姓名和地址不在抽查之列。",
    ),
    "data.privacy.none_seen": (
        "None of {looked_at} training rows drawn by lot holds a phone number, an e-mail address, a key, or the number "
        "of a card, an account or an identity. Names and addresses were not looked for.",
        "随机抽查 {looked_at} 条训练数据，没有发现电话、邮箱、密钥、卡号、账号或证件号码。姓名和地址不在抽查之列。",
    ),
    "data.privacy.what.mask": (
        "What was found was replaced by placeholders such as [EMAIL].",
        "检测到的内容已替换为 [EMAIL] 之类的占位符。",
    ),
    "data.privacy.what.remove": ("Rows in which any was found were rejected.", "凡检测到个人信息的数据均已剔除。"),
    "data.privacy.what.pseudonym": (
        "What was found was replaced by made-up values, the same for the same value everywhere. Whoever holds the key, "
        "which is not in the dataset, can undo it.",
        "检测到的内容已替换为虚构的值，相同的值处处换成同一个。持有密钥者可以还原，密钥不在数据集中。",
    ),
    "data.privacy.claim.mask": (
        "Anonymised with a measured recall of at least {recall} (95% interval {interval}), which is that of the type "
        "found least: {type}, {language}. What the detector misses stays in the rows.",
        "匿名化的实测召回率不低于 {recall}（95% 置信区间 {interval}），即最难检出的类型：{type}（{language}）。"
        "漏检的内容仍在数据中。",
    ),
    "data.privacy.claim.remove": (
        "Anonymised with a measured recall of at least {recall} (95% interval {interval}), which is that of the type "
        "found least: {type}, {language}. Rows in which the detector misses everything stay.",
        "匿名化的实测召回率不低于 {recall}（95% 置信区间 {interval}），即最难检出的类型：{type}（{language}）。"
        "完全漏检的数据仍会保留。",
    ),
    "data.privacy.claim.pseudonym": (
        "Pseudonymised, not anonymised, for the key undoes it, with a measured recall of at least {recall} (95% "
        "interval {interval}), which is that of the type found least: {type}, {language}. What the detector misses "
        "stays in the rows.",
        "属于假名化，而非匿名化（可凭密钥还原）：实测召回率不低于 {recall}（95% 置信区间 {interval}），"
        "即最难检出的类型：{type}（{language}）。漏检的内容仍在数据中。",
    ),
    "data.privacy.measured": (
        "Recall and precision were measured on generated, labelled sentences, at least {num} of each type and "
        "language, whose names, places and sentence forms are none that the rules know. Real text may be harder.",
        "召回率和精确率在自动生成的带标注句子上测得，每种类型、每种语言至少 {num} 句，"
        "其中的姓名、地名和句式均不在规则所知之列。真实文本可能更难。",
    ),
    "data.privacy.model": (
        "A token-classification model looked for names and addresses too; the figures are those of the rules alone.",
        "另有词元分类模型协助识别姓名和地址；表中数字只反映规则本身。",
    ),
    "data.privacy.left": ("Left as they are, as the recipe says: {types}.", "按配方要求保持原样：{types}。"),
    "data.privacy.type": ("Type", "类型"),
    "data.privacy.found": ("Rows with it", "涉及条数"),
    "data.privacy.recall": ("Recall, {language}", "召回率（{language}）"),
    "data.privacy.precision": ("Precision, {language}", "精确率（{language}）"),
    "data.personal.name": ("names", "姓名"),
    "data.personal.name-unlisted": ("names in no list", "不在名单中的姓名"),
    "data.personal.phone": ("phone numbers", "电话号码"),
    "data.personal.email": ("e-mail addresses", "邮箱地址"),
    "data.personal.address": ("postal addresses", "住址"),
    "data.personal.id-card": ("identity card numbers", "身份证号"),
    "data.personal.card": ("payment card numbers", "支付卡号"),
    "data.personal.iban": ("IBANs", "国际银行账号（IBAN）"),
    "data.personal.ssn": ("social security numbers", "社会安全号码"),
    "data.personal.bank-account": ("bank accounts", "银行账号"),
    "data.personal.ip": ("IP addresses", "IP 地址"),
    "data.personal.birth-date": ("dates of birth", "出生日期"),
    "data.personal.secret": ("keys and passwords", "密钥和密码"),
}
