"""Word lists and sentence forms of the labelled privacy set; `{}` is where the personal datum goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tunesmith.text.personal.span import PersonalType

Forms = Mapping[str, tuple[str, ...]]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN_EN: Final = _words(
    "Brunhilda Thaddeus Oluwaseun Zdenka Ignatius Perpetua Ximena Caspian Ottoline Barnaby Saoirse Tindra Lucasta "
    "Montserrat Anselm Wilhelmina Cosima Evander Philippa Rafferty Ingvild Solveig Leocadia Tamsin Ulysses Zenobia "
    "Quillon Benedikta Fionnuala Jarek"
)
SURNAMES_EN: Final = _words(
    "Okwuosa Throckmorton Szczepanek Blatherwick Quarshie Featherstonhaugh Vanterpool Ashdown-Pryce Lindqvist "
    "Mahlangu Eberhardt O'Dwyer Pemberley Zakharyan Trevanion Winterbottom Halloran Castellano Nakagawa Whitlock "
    "Drummond-Hale Fairweather Gudmundson Ravenhill Osei-Tutu Birtwistle Kowalczyk Delacroix McGillicuddy Yarborough"
)
RARE_SURNAMES_ZH: Final = _words("乜 爨 仝 厍 亓 逄 郄 揣 战 矫 禤 佴 訾 麴 笪 哈 谯 竺 逯 桓")
GIVEN_CHARACTERS_ZH: Final = _words(
    "荟 炜 烨 旎 翀 骁 苡 淇 珺 翎 筱 沅 芃 霁 堃 赟 潼 玥 葳 骐 琬 峤 彧 瑄 妤 颢 澍 蓁 祎 "
    "墨 屿 弈 舟 黛 沫 芽 笛 帛 渡 稻 棉 糖 砚 桔 佟 蜜 亿 侨"
)
PINYIN: Final = _words("zhaojing xiaoming liuyang chenwei huangli")
TOWNS_EN: Final = (
    "Harrowmere",
    "Pinecrest Falls",
    "Quillbrook",
    "Stonehollow",
    "East Larkford",
    "Wexcombe",
    "Marrow Bay",
)
STREETS_EN: Final = (
    "Foxglove",
    "Old Tannery",
    "Kestrel",
    "Copper Beech",
    "Wainwright",
    "Juniper Hollow",
    "Saddlers",
    "Thornbury",
)
STREET_TYPES_EN: Final = (
    "Street",
    "Road",
    "Avenue",
    "Lane",
    "Drive",
    "St",
    "Rd",
    "Ave",
    "Close",
    "Court",
    "Boulevard",
    "Terrace",
)
CITIES_ZH: Final = ("澜川市", "岚溪市", "栾平市", "沅江口市", "霞浦湾市", "鹤岭市")
DISTRICTS_ZH: Final = ("云栖区", "望澜区", "青石桥区", "汀洲县", "柳荫区", "东篱区")
ROADS_ZH: Final = ("梧桐北路", "听雨街", "沧浪大道", "鹭鸣路", "石榴巷", "望海二路", "采薇路", "银杏西街")
ESTATES_ZH: Final = ("云水苑", "翠竹花园", "锦绣华庭", "枫林小区", "御景公寓")
VILLAGES_ZH: Final = ("柳溪镇石桥村", "白鹭乡上湾村", "清河镇槐树村")
MONTHS: Final = _words("January February March April May June July August September October November December")
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

NAMES: Final[Forms] = {
    "en": (
        "The parcel was handed to {} at the front desk on Tuesday.",
        "Could you forward the invoice to {} in accounting?",
        "My name is {} and I would like to close my account.",
        "Yesterday {} told me that the refund had been approved.",
        "Hello, {} here, I am still waiting for the new router.",
        "Patient: {}\nComplaint: persistent cough for three weeks",
        "We spoke with Mrs {} about the change of plan.",
        "According to {}, the meeting was moved to Thursday.",
        "{} has not signed the lease yet.",
        "The claim was filed by {} after the storm.",
        "Please put the booking under {} for two nights.",
        "Thanks for your help.\n\nBest regards,\n{}",
        "I want to add my wife {} to the insurance policy.",
        "Dr. {} prescribed the antibiotics last Friday.",
        "{}'s phone was stolen on the train.",
        "Employee {} reported the outage at nine.",
        "The contract names {} as the guarantor.",
        "Ask {} whether the samples have arrived.",
        "Dear {}, your appointment is confirmed.",
        "I was treated by {} in the emergency department.",
        "{} works as a nurse in our clinic and lives nearby.",
        "Can you check if {} paid the deposit?",
        "The account holder is {}, not me.",
        "From: {}\nSubject: missing payslip",
        "Nobody has heard from {} since the merger.",
        "The minutes list {} among the attendees.",
        "A cheque in the name of {} came back.",
        "In the second bed lies {}, recovering well.",
        "{} and the twins are on the waiting list.",
        "That evening {} drove home alone.",
        "We lost touch with {} years ago.",
        "The keys are with {}, please collect them.",
        "Invoice 77 is for {} of unit nine.",
        "{} is allergic to latex.",
        "Was {} at the hearing?",
        "Her brother-in-law, {}, runs the shop.",
        "Minutes taken by {}.",
        "Both {} and his dog recovered.",
        "I dreamt that {} won.",
        "Please reschedule {} for Monday.",
        "Attending physician: {}",
        "cc {} on all replies",
        "{} returned the badge on Friday.",
        "You should talk to {} first.",
        "As {} pointed out, the data were wrong.",
        "The driver, {}, was unhurt.",
    ),
    "zh": (
        "昨天下午{}把合同寄给了总部。",
        "我叫{}，想注销这个账户。",
        "{}说他的快递还没有到。",
        "请把发票转给财务部的{}。",
        "患者{}，女，四十五岁，因咳嗽三周就诊。",
        "联系人：{}，请在工作时间致电。",
        "{}先生要求退还押金。",
        "这份租约由{}签署。",
        "您好，我是{}，路由器到现在都没发货。",
        "根据{}的说法，会议改到了周四。",
        "我想把我妻子{}加到保单里。",
        "{}医生上周给我开了抗生素。",
        "员工{}在九点上报了故障。",
        "合同的担保人是{}。",
        "你问一下{}，样品到了没有。",
        "{}的手机在火车上被偷了。",
        "尊敬的{}女士：您的预约已确认。",
        "账户持有人为{}，不是我本人。",
        "{}和{0}".replace("{0}", "同事一起参加了培训。"),
        "收货人{}拒收了这个包裹。",
        "我和{}约好明天面谈。",
        "经手人：{}\n日期：周五",
        "投诉人{}表示对处理结果不满意。",
        "这张发票的抬头请写{}。",
        "并购以后谁也没有见过{}。",
        "会议纪要里列出了{}等人。",
        "二床是{}，恢复得不错。",
        "那天晚上{}独自开车回家。",
        "{}现住院观察，家属已知情。",
        "名单上漏掉了{}两个字。",
        "请{}明早来一趟。",
        "{}的血压偏高，需要复查。",
        "钥匙在{}手里。",
        "这件事{}最清楚。",
        "听说{}升职了。",
        "签收人是{}，下午三点。",
        "麻烦转告{}一声。",
        "{}因病请假两天。",
        "昨晚{}没有回家。",
        "主讲人{}来自江城大学。",
        "给{}打个电话吧。",
        "我们部门的{}负责对接。",
        "班长{}收齐了作业。",
        "会议由{}主持。",
        "跟{}确认过了。",
        "{}女儿今年五岁。",
    ),
}

FORMS: Final[Mapping[PersonalType, Forms]] = {
    "phone": {
        "en": (
            "You can reach me at {} after six.",
            "My new mobile number is {}, please update it.",
            "The courier kept ringing {} and nobody answered.",
            "Call {} if the alarm goes off.",
            "Phone: {}\nFax: none",
            "I gave {} as the contact for deliveries.",
        ),
        "zh": (
            "我的手机号是{}，请尽快回电。",
            "快递员一直打{}没人接。",
            "有事请拨打{}联系我。",
            "电话{}，微信同号。",
            "预留的号码{}已经停用了。",
            "家里座机换成了{}。",
        ),
    },
    "email": {
        "en": (
            "Please send the form to {} today.",
            "My login is {} and it no longer works.",
            "Contact me ({}) with any question.",
            "The receipt went to {}, which I cannot open.",
        ),
        "zh": (
            "请把表格发到{}，谢谢。",
            "我的邮箱{}收不到验证码。",
            "账单寄到了{}这个地址。",
            "有问题发邮件给我（{}）。",
        ),
    },
    "address": {
        "en": (
            "Please ship the replacement to {}.",
            "I have moved to {} last month.",
            "Our new office is at {} and opens at nine.",
            "The technician should come to {} before noon.",
            "Billing address: {}\nOrder total: 42 dollars",
            "She has lived at {} since the wedding.",
            "My parcel went to {} by mistake.",
            "Is {} still the address you have on file?",
        ),
        "zh": (
            "请把替换件寄到{}。",
            "我上个月搬到了{}。",
            "新办公室在{}，九点开门。",
            "师傅上午来{}维修就行。",
            "账单地址：{}\n订单金额四十二元",
            "她结婚后一直住在{}。",
            "我的包裹误送到了{}。",
            "系统里登记的还是{}吗？",
        ),
    },
    "id-card": {
        "en": (
            "The Chinese identity number on the form is {}.",
            "Her resident card reads {}, please verify.",
            "ID {} was rejected twice.",
        ),
        "zh": (
            "我的身份证号是{}，请核实。",
            "证件号码{}已经过期。",
            "登记时用的是{}这个号。",
            "身份证{}无法通过验证。",
        ),
    },
    "card": {
        "en": (
            "I paid with {} and was charged twice.",
            "The card ending there is {}, expiry next May.",
            "Please block {} at once.",
            "Card number {} was declined in the shop.",
        ),
        "zh": ("我用{}付款被扣了两次。", "请立即冻结{}这张卡。", "卡号{}在商店被拒。", "绑定的银行卡{}已经注销。"),
    },
    "iban": {
        "en": ("Transfer the refund to {} please.", "My IBAN is {}.", "The payment from {} never arrived."),
        "zh": ("请把退款转到{}。", "我的IBAN是{}，请查收。", "从{}汇出的款没有到账。"),
    },
    "ssn": {
        "en": (
            "My social is {} and I was born in Ohio.",
            "SSN {} does not match our records.",
            "The W-2 shows {} instead.",
        ),
        "zh": ("他的美国社会安全号是{}。", "报税表上写的是{}。", "SSN：{}，请核对。"),
    },
    "bank-account": {
        "en": (
            "Please wire it to account number {} at the credit union.",
            "My acct no. {} shows no deposit.",
            "Savings account {} should be closed.",
            "Bank account: {}",
        ),
        "zh": ("请汇到账号{}。", "我的银行账户{}没有入账。", "收款账号：{}", "开户行已确认，账号为{}。"),
    },
    "ip": {
        "en": (
            "The login came from {} at midnight.",
            "Our server {} refuses connections.",
            "Blocked host {} after five attempts.",
        ),
        "zh": ("凌晨的登录来自{}。", "服务器{}拒绝连接。", "已封禁地址{}，原因是多次失败。"),
    },
    "birth-date": {
        "en": (
            "I was born on {} in a small town.",
            "Date of birth: {}",
            "DOB {}, allergic to penicillin.",
            "Her birthday is {}, please correct the file.",
            "The patient, born {}, was admitted yesterday.",
        ),
        "zh": (
            "我出生于{}，籍贯不变。",
            "出生日期：{}",
            "患者{}出生，青霉素过敏。",
            "她的生日是{}，请更正档案。",
            "本人生于{}。",
        ),
    },
    "secret": {
        "en": (
            "I pasted {} into the config and it still fails.",
            "The script uses this key:\n{}\nPlease rotate it.",
            'export TOKEN="{}"',
            "Here is what I sent: {}",
        ),
        "zh": ("我把{}贴进了配置文件还是报错。", "脚本里用的是这个：\n{}\n请尽快更换。", "请求头里带的是{}。"),
    },
}

PASSWORDS: Final[Forms] = {
    "en": ("login works with password={} only", "My password is {} and it stopped working.", "pwd: {}"),
    "zh": ("我的密码是{}，登录不上。", "密码：{}", "后台口令为{}，请修改。"),
}

REFERENCES: Final[Forms] = {
    "en": ("Reference {} was archived in spring.", "The batch carries serial {} on its label.", "Ticket {} is closed."),
    "zh": ("流水号{}已经归档。", "这批货的序列号为{}。", "工单{}已关闭。"),
}

NOTHING: Final[Forms] = {
    "en": (
        "Order 9#########0##1# shipped on March 3, 2024 with tracking 1Z99#.",
        "Apple Pay and Google Pay are accepted at Northern Trust Bank branches.",
        "The Ministry of Finance met the World Bank in New York last Monday.",
        "Upgrade to version 3.#.#.1 before Friday; build 20240#1#-77 is faulty.",
        "Lichen Planus and Multiple Sclerosis are discussed in Chapter ##.",
        "Add 12 Tablespoons of sugar to 3 Cups of flour and stir for ## minutes.",
        "The Great Gatsby and Moby Dick are on the reading list for English Literature.",
        "Reset your password in Settings, then choose Security and Privacy.",
        "The total is 1,2##,3## units, up from 9##,### a year earlier.",
        "Invoice INV-20##-00#### covers the period 01/04/2023 to 31/03/2024.",
        "Crohn's disease and Hodgkin lymphoma need different treatment.",
        "In the United States the Supreme Court decided in June 2022.",
        "Take Highway 61 to South Bend, then follow Interstate 80 West.",
        "The ratio 4:3 became 16:9 at 10:45:30 on channel ##.",
        "Press Ctrl Shift Escape to open Task Manager in Windows.",
        "Natalia sold clips to 48 of her friends in April.",
    ),
    "zh": (
        "订单9#########0##1#已于2024年3月3日发货。",
        "高级经理方案已经通过，成本控制方面还需努力。",
        "财政部与世界银行上周在北京召开会议。",
        "请在周五前升级到3.#.#.1版本，构建号20240#1#有问题。",
        "金融市场平稳运行，白酒和黄金价格上涨。",
        "时间安排：上午九点开会，下午三点培训。",
        "关于任务进度，项目经理说明天给出答复。",
        "《红楼梦》和《西游记》都是古典文学名著。",
        "人工智能在医疗领域的应用越来越广泛。",
        "总计1,2##,3##元，同比增长9.#%。",
        "应用程序需要访问网络，请打开设置页面。",
        "曾经沧海难为水，除却巫山不是云。",
        "水果包括苹果、香蕉、葡萄和石榴。",
        "温度升高时，金属会膨胀，体积随之增大。",
        "地铁2号线在人民广场站换乘，全程约##分钟。",
        "主治医生和护士长正在讨论治疗方案。",
    ),
}
