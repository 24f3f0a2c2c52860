"""Sentence forms with names, written before the rules of the detector were read; none of its sentences is among them.

No rule was made from them and no weight fitted on them, but the thresholds of `names_zh_bare` were chosen with a look
at them, and the detector lists some of the everyday given names that are words too: so they tell how it does on other
sentences, not on what nobody has seen. Every `{}` takes a name of its own. The sentences of `NOTHING` name nobody;
their words begin as names do. The names are those of `privacy_set`, partly listed or in no list, and everyday ones, as
most people bear them, listed or not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Final

from benchmarks.privacy_set import LANGUAGES, SUBSETS, Labelled, Language, Subset, make_name
from tunesmith.text.personal.span import Span

NUM_ROUNDS: Final = 6
"""How often each form is filled with each kind of name."""
EVERYDAY_SURNAMES_ZH: Final = (
    "王王王李李李张张张刘刘陈陈杨杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁任"
    "沈姚卢姜崔钟谭陆汪范金石廖贾夏韦方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严武戴莫孔向汤"
)
EVERYDAY_COMPOUND_ZH: Final = ("欧阳", "上官", "司马", "诸葛", "慕容")
EVERYDAY_GIVEN_ZH: Final = tuple(
    word
    for line in (
        "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 涛 明 超 霞 平 刚 辉 鹏 华 飞 玲 红 建 斌 凯 宁 阳 琳 蕾 倩",
        "雪 晨 宇 浩 俊 志 波 秀英 桂英 玉兰 小明 思远 建国 子涵 梓萱 浩宇 欣怡 一诺 雨桐 俊杰 婷婷 晓东 志强",
        "佳琪 雪梅 国庆 海燕 春花 志远 文博 美玲 永强 金凤 小红 丽华 明辉 德华 天宇 诗涵 可欣 梦洁 家豪 伟明",
        "淑芬 红梅 丹丹 晓燕 立新 爱民 少华 振宇 嘉怡 思雨 若曦 紫萱 宏伟 大勇 新民 国强 秋菊 玉珍 海波 晓峰",
        "文静 云飞 小军 凤英 乐乐 奕辰 语嫣 宝强 学友 子怡 瑞雪 长江 东升",
    )
    for word in line.split()
)
EVERYDAY_FOREIGN_ZH: Final = (
    *(
        "古丽娜尔·买买提",
        "阿布都拉·艾山",
        "迪里拜尔·吾买尔",
        "巴特尔·苏赫",
        "卓玛·次仁",
        "约翰·史密斯",
        "玛丽亚·加西亚",
    ),
    *("Emily Chen", "Kevin Zhang", "Tom Baker", "David Wang", "Lucy Brown"),
)
EVERYDAY_EN: Final = (
    *("James Miller", "Linda Chen", "Robert Garcia", "Susan O'Brien", "Ahmed Hassan", "Priya Sharma", "Wei Zhang"),
    *("Maria Lopez", "John Smith", "Emma Wilson", "Olga Petrova", "Kenji Tanaka", "Fatima Ali", "Jean-Luc Moreau"),
    *("Thomas Mueller", "Grace Kim", "Daniel Cohen", "Laura Rossi", "Peter van den Berg", "Chloe Dubois"),
)

FORMS: Final[Mapping[Language, tuple[str, ...]]] = {
    "zh": (
        "请联系{}。",
        "我叫{}，今年二十六岁。",
        "{}你好，你的快递已经放在门卫室。",
        "客户{}来电，说空调又不制冷了。",
        "这件事由{}负责。",
        "患者：{}",
        "{}的订单还没有发货。",
        "记得给{}打电话。",
        "我和{}一起去吃饭。",
        "参加会议的有{}、{}、{}。",
        "{}先生，您预订的房间已经留好了。",
        "{}女士想把航班改到周五。",
        "{}医生今天下午不出诊。",
        "{}经理批准了这笔费用。",
        "{}老师布置的作业太多了。",
        "{}同学获得了一等奖学金。",
        "昨天晚上{}喝醉了。",
        "我把钥匙交给了{}。",
        "{}说他不想再等了。",
        "据{}介绍，新厂区明年投产。",
        "收件人{}，请当面签收。",
        "麻烦帮我转告{}一声。",
        "{}住在三楼，隔壁是{}。",
        "爸爸的朋友{}是开出租车的。",
        "法院判决被告{}赔偿原告{}两万元。",
        "{}与{}于去年登记结婚。",
        "老板让{}去趟银行。",
        "这本书的作者是{}。",
        "{}，你怎么还没下班？",
        "谢谢{}的帮助！",
        "听说{}考上研究生了。",
        "昨天我在地铁上遇见了{}。",
        "保单的受益人写的是{}。",
        "{}因为发烧住进了医院。",
        "我想查一下{}的余额。",
        "本合同乙方为{}。",
        "会议纪要由{}整理。",
        "当年的班长{}如今在新疆当兵。",
        "请把发票抬头改成{}。",
        "{}今天请假，工作由{}接手。",
        "我妈妈{}今年六十八岁，有高血压。",
        "这是{}写的报告。",
        "{}摄",
        "您好，我是{}，想咨询一下贷款。",
        "“我不同意。”{}摇了摇头。",
        "{}发来一封邮件，抄送了{}。",
        "有人认识{}吗？",
        "找{}签字就可以了。",
        "冠军被{}拿走了。",
        "编辑：{}",
        "退款请打到{}的账户。",
        "申请人姓名{}，性别男。",
        "他和{}离婚三年了。",
        "{}跟我同一个宿舍。",
        "向{}同志学习。",
        "记者{}从上海报道。",
        "请问{}在家吗？",
        "{}借了我五百块钱一直没还。",
        "我们请来了{}教授做讲座。",
        "那辆车登记在{}名下。",
        "妻子{}在一家超市上班。",
        "{}（女，四十五岁）主诉头晕两周。",
        "主治医师{}查房后同意出院。",
        "{}刚刚下单了两箱牛奶。",
        "对不起，{}不在，您晚点再打来。",
        "如果{}不来，我们就先开始。",
        "除了{}，其他人都到齐了。",
        "房东{}催我交房租。",
        "她的真名叫{}。",
        "客服{}为您服务。",
        "转账给{}失败了。",
        "祝{}生日快乐！",
        "@{} 看一下这个问题",
        "{}: 明天几点集合？",
        "小组成员包括{}和{}。",
        "经手人{} 复核人{}",
        "亲爱的{}，好久不见。",
        "我替{}领一下奖品。",
        "刚才{}来过，留下一个包裹。",
        "货物已由{}本人签收",
    ),
    "en": (
        "Please get in touch with {}.",
        "My name is {} and I am twenty-six.",
        "Hi {}, your parcel is at the front desk.",
        "A customer called {} rang about the heating again.",
        "This is handled by {}.",
        "Name of the patient: {}",
        "{}'s order has not shipped yet.",
        "Remember to call {} tonight.",
        "I had lunch with {} yesterday.",
        "Those present were {}, {} and {}.",
        "Mr. {} would like a quieter room.",
        "Dr. {} is not in this afternoon.",
        "I gave the keys to {}.",
        "{} said he would not wait any longer.",
        "According to {}, the plant opens next year.",
        "The court ordered {} to pay {} two thousand pounds.",
        "The author of this book is {}.",
        "Thanks for your help, {}!",
        "I ran into {} on the train.",
        "The policy names {} as beneficiary.",
        "{} was taken to hospital with a fever.",
        "Could you check the balance of {}?",
        "My mother {} is sixty-eight and has high blood pressure.",
        "Does anyone know {}?",
        "{} emailed me and copied {}.",
        "Our neighbour {} drives a taxi.",
        "The refund should go to {}.",
        "{} (female, 45) complains of dizziness.",
        "If {} does not come, we start without her.",
        "Everyone but {} has arrived.",
        "Happy birthday, {}!",
        "Dear {},",
        "{}: when do we meet tomorrow?",
        "The car is registered to {}.",
        "Signed for by {}",
        "Why did {} leave the company?",
        "Last night {} lost her phone in a bar.",
        "It was {} who found the mistake.",
        "Yours sincerely, {}",
    ),
}

NOTHING: Final[Mapping[Language, tuple[str, ...]]] = {
    "zh": (
        "高兴的是，周末终于可以休息了。",
        "方便的话，请马上回复。",
        "于是我们安静地等了一会儿。",
        "黄金价格上涨，白银下跌。",
        "金融市场的水平还有待提高。",
        "江南的春天常常下雨。",
        "时间过得真快，转眼又是秋天。",
        "石油和天然气都属于化石能源。",
        "和平谈判已经开始了。",
        "王朝更替是历史的常态。",
        "张开双臂，做三次深呼吸。",
        "马路对面有一家花店。",
        "请联系客服处理退货。",
        "由系统自动生成，请勿回复。",
        "常见问题请看帮助中心。",
        "万一下雨，比赛就改期。",
        "成功没有捷径，需要坚持。",
        "温度升高时，压强也随之增大。",
        "向左转，然后直走两百米。",
        "何时可以收到退款？",
        "许多人喜欢在晚上跑步。",
        "任何疑问都可以咨询医生。",
        "余额不足，转账失败。",
        "古代诗人常以月亮寄托思念。",
        "路由器重启之后仍然不能上网。",
        "连接蓝牙耳机的步骤如下。",
        "包装已经破损，我要求换货。",
        "毛衣应该用冷水手洗。",
        "华为手机的电池可以用多久？",
        "荷花在夏天开放。",
        "程序运行时内存不断增长。",
        "经理让大家下周一交报告。",
        "患者主诉胸闷，伴有头晕。",
        "钱包丢了应该怎么办？",
        "项目进度比计划慢了两周。",
        "左边是厨房，右边是阳台。",
        "云计算降低了企业的成本。",
        "雷雨天气不要站在树下。",
        "党员同志们应该带头学习。",
        "乐观的人更容易走出困境。",
        "平安银行的信用卡怎么注销？",
        "我和朋友一起去爬山。",
        "给老人让座是一种美德。",
        "房价、油价、粮价都在上涨。",
        "解方程时要注意符号。",
        "海水蒸发后留下盐。",
        "支付宝和微信都可以付款。",
        "强烈建议您先备份数据。",
        "明天上午九点在大厅集合。",
        "关于合同的问题，请咨询律师。",
    ),
    "en": (
        "Please contact support to return the item.",
        "May is the best month to visit the coast.",
        "Grace periods end after thirty days.",
        "The Great Wall is longer than most people think.",
        "Will you ship to Jordan or Georgia?",
        "Rose petals and hazel leaves were on the table.",
        "Hope is not a strategy.",
        "Mark the correct answer on the sheet.",
        "Bill payments are processed on Monday.",
        "Frank opinions are welcome in this forum.",
        "According to Reuters, oil prices fell.",
        "Dear customer, your card is on its way.",
        "The Supreme Court ruled on Tuesday.",
        "Python and Java are programming languages.",
        "Harvard University opened a new laboratory.",
        "The beneficiary must sign the form.",
        "Thanks for your help, everyone!",
        "Open the Control Panel and click Network Settings.",
        "I ran into traffic on Main Road.",
        "The New York Times published the figures.",
        "Apple Pay does not work in this shop.",
        "Summer Sale ends on Sunday.",
        "Happy New Year to all of you!",
        "If Chase Bank declines the card, call them.",
        "Last night the server crashed twice.",
    ),
}


def make_held_out(seed: int) -> Iterator[Labelled]:
    """Yield every form `NUM_ROUNDS` times with names of each kind, and each sentence that names nobody once.

    Equal seeds give equal sentences.
    """
    for language in LANGUAGES:
        draw = random.Random(f"{seed} {language} held out")
        for form in FORMS[language] * NUM_ROUNDS:
            for subset in (*SUBSETS, "everyday"):
                yield _fill(form, language, subset, draw)
        yield from (Labelled(text, (), language, None) for text in NOTHING[language])


def _fill(form: str, language: Language, subset: Subset, draw: random.Random) -> Labelled:
    """Put a name of its own into each `{}`."""
    first, *others = form.split("{}")
    text, spans = first, []
    for after in others:
        name = make_everyday_name(draw, language) if subset == "everyday" else make_name(draw, language, subset)
        spans.append(Span(len(text), len(text) + len(name), "name"))
        text += name + after
    return Labelled(text, tuple(spans), language, "name", subset)


def make_everyday_name(draw: random.Random, language: Language) -> str:
    """Draw a name as most people bear them; in Chinese one in twelve is foreign or a minority's."""
    if language == "en":
        return draw.choice(EVERYDAY_EN)
    if draw.random() < 1 / 12:
        return draw.choice(EVERYDAY_FOREIGN_ZH)
    surname = draw.choice(EVERYDAY_COMPOUND_ZH if draw.random() < 0.04 else EVERYDAY_SURNAMES_ZH)
    return surname + draw.choice(EVERYDAY_GIVEN_ZH)
