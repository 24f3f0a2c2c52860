"""The facts of the embedded base, in English and Chinese side by side.

A table groups subjects by the answer they share: `answer: subject subject ...`, each as `english=chinese`, spaces
written as underscores; lines without a colon go on with the group above.
"""

from __future__ import annotations

CATEGORY = """
animal=动物: dog=狗 cat=猫 horse=马 cow=奶牛 sheep=绵羊 goat=山羊 pig=猪 rabbit=兔子 mouse=老鼠 lion=狮子 tiger=老虎
bear=熊 wolf=狼 fox=狐狸 deer=鹿 elephant=大象 monkey=猴子 giraffe=长颈鹿 zebra=斑马 camel=骆驼 panda=熊猫
kangaroo=袋鼠
squirrel=松鼠 donkey=驴 snake=蛇 turtle=乌龟 frog=青蛙 crocodile=鳄鱼
bird=鸟: duck=鸭子 goose=鹅 hen=母鸡 eagle=老鹰 owl=猫头鹰 parrot=鹦鹉 swan=天鹅 pigeon=鸽子 crow=乌鸦 sparrow=麻雀
penguin=企鹅 peacock=孔雀
fish=鱼: shark=鲨鱼 salmon=三文鱼 tuna=金枪鱼 carp=鲤鱼 cod=鳕鱼 goldfish=金鱼
insect=昆虫: bee=蜜蜂 ant=蚂蚁 butterfly=蝴蝶 mosquito=蚊子 fly=苍蝇 beetle=甲虫 dragonfly=蜻蜓 cricket=蟋蟀
fruit=水果: apple=苹果 banana=香蕉 orange=橙子 pear=梨 peach=桃子 plum=李子 grape=葡萄 lemon=柠檬 cherry=樱桃
strawberry=草莓 mango=芒果 pineapple=菠萝 watermelon=西瓜 melon=甜瓜 kiwi=猕猴桃
vegetable=蔬菜: carrot=胡萝卜 potato=土豆 onion=洋葱 cabbage=卷心菜 cucumber=黄瓜 spinach=菠菜 pumpkin=南瓜 pea=豌豆
lettuce=生菜 celery=芹菜 radish=萝卜 mushroom=蘑菇 aubergine=茄子 garlic=大蒜
drink=饮料: tea=茶 coffee=咖啡 milk=牛奶 juice=果汁 beer=啤酒 wine=葡萄酒 lemonade=柠檬水 cocoa=可可
food=食物: bread=面包 rice=米饭 cheese=奶酪 soup=汤 cake=蛋糕 noodle=面条 dumpling=饺子 egg=鸡蛋 butter=黄油 honey=蜂蜜
sausage=香肠 biscuit=饼干 sandwich=三明治 chocolate=巧克力 porridge=粥 tofu=豆腐
clothing=衣物: shirt=衬衫 coat=大衣 hat=帽子 scarf=围巾 glove=手套 sock=袜子 skirt=裙子 sweater=毛衣 jacket=夹克
belt=腰带
dress=连衣裙 raincoat=雨衣
furniture=家具: table=桌子 chair=椅子 bed=床 sofa=沙发 desk=书桌 shelf=架子 wardrobe=衣柜 bench=长凳 bookcase=书柜
stool=凳子
tool=工具: hammer=锤子 saw=锯子 screwdriver=螺丝刀 axe=斧头 spade=铲子 drill=电钻 ladder=梯子 rake=耙子
vehicle=交通工具: car=汽车 bus=公共汽车 train=火车 bicycle=自行车 lorry=卡车 ship=轮船 boat=小船 plane=飞机 taxi=出租车
tram=电车 motorcycle=摩托车 van=面包车 ferry=渡轮 helicopter=直升机 ambulance=救护车
musical_instrument=乐器: piano=钢琴 guitar=吉他 violin=小提琴 drum=鼓 flute=笛子 trumpet=小号 harp=竖琴 cello=大提琴
device=电子设备: phone=手机 laptop=笔记本电脑 tablet=平板电脑 camera=照相机 printer=打印机 radio=收音机
television=电视机
keyboard=键盘 router=路由器 charger=充电器 speaker=音箱
body_part=身体部位: arm=手臂 leg=腿 hand=手 foot=脚 head=头 knee=膝盖 elbow=手肘 shoulder=肩膀 finger=手指 ear=耳朵
nose=鼻子
mouth=嘴 neck=脖子 back=后背 ankle=脚踝 wrist=手腕 chin=下巴 cheek=脸颊
organ=器官: heart=心脏 liver=肝脏 kidney=肾脏 lung=肺 stomach=胃 brain=大脑 bladder=膀胱 spleen=脾脏 pancreas=胰腺
illness=疾病: flu=流感 measles=麻疹 asthma=哮喘 diabetes=糖尿病 pneumonia=肺炎 malaria=疟疾 arthritis=关节炎
migraine=偏头痛
bronchitis=支气管炎 anaemia=贫血
medicine=药物: aspirin=阿司匹林 insulin=胰岛素 penicillin=青霉素 ibuprofen=布洛芬
sport=运动: football=足球 tennis=网球 swimming=游泳 basketball=篮球 golf=高尔夫 boxing=拳击 rugby=橄榄球
badminton=羽毛球
volleyball=排球 skiing=滑雪
metal=金属: iron=铁 gold=金 silver=银 copper=铜 tin=锡 lead=铅 zinc=锌 steel=钢
flower=花: rose=玫瑰 tulip=郁金香 lily=百合 daisy=雏菊 sunflower=向日葵 orchid=兰花 lotus=荷花 peony=牡丹
tree=树: oak=橡树 pine=松树 willow=柳树 maple=枫树 birch=桦树 poplar=杨树
planet=行星: Earth=地球 Mars=火星 Venus=金星 Jupiter=木星 Saturn=土星 Mercury=水星
currency=货币: dollar=美元 euro=欧元 pound=英镑 yen=日元 yuan=人民币 rupee=卢比
building=建筑: house=房子 school=学校 hospital=医院 hotel=酒店 church=教堂 castle=城堡 tower=塔楼 museum=博物馆
factory=工厂
library=图书馆 theatre=剧院 palace=宫殿
toy=玩具: doll=洋娃娃 kite=风筝 puzzle=拼图 balloon=气球 marble=弹珠
language=语言: English=英语 Chinese=汉语 French=法语 German=德语 Spanish=西班牙语 Japanese=日语
"""

COLOUR = """
yellow=黄色: banana=香蕉 lemon=柠檬 corn=玉米 sunflower=向日葵 butter=黄油 duckling=小鸭子
red=红色: strawberry=草莓 tomato=番茄 cherry=樱桃 blood=血 fire_engine=消防车 stop_sign=停车标志 lip=嘴唇
green=绿色: grass=草 leaf=树叶 cucumber=黄瓜 frog=青蛙 spinach=菠菜 lettuce=生菜 pea=豌豆 lime=青柠
white=白色: snow=雪 milk=牛奶 salt=盐 swan=天鹅 cloud=云 tooth=牙齿 chalk=粉笔 cotton=棉花
black=黑色: coal=煤 crow=乌鸦 tyre=轮胎 night_sky=夜空 ink=墨水
orange=橙色: carrot=胡萝卜 pumpkin=南瓜 tangerine=橘子
blue=蓝色: sea=大海 clear_sky=晴空 blueberry=蓝莓
purple=紫色: aubergine=茄子 lavender=薰衣草 grape=葡萄
brown=棕色: chocolate=巧克力 coffee_bean=咖啡豆 soil=泥土 walnut=核桃 bear=熊
pink=粉色: flamingo=火烈鸟 pig=猪 peach_blossom=桃花
grey=灰色: elephant=大象 ash=灰烬 donkey=驴 dolphin=海豚
gold=金色: wedding_ring=婚戒 trophy=奖杯
"""

SOUND = """
woof=汪汪: dog=狗
meow=喵喵: cat=猫
moo=哞哞: cow=奶牛
baa=咩咩: sheep=绵羊
quack=嘎嘎: duck=鸭子
buzz=嗡嗡: bee=蜜蜂
squeak=吱吱: mouse=老鼠
ribbit=呱呱: frog=青蛙
coo=咕咕: pigeon=鸽子
tick=滴答: clock=时钟
chirp=啾啾: sparrow=麻雀
cluck=咯咯: hen=母鸡
ring=铃铃: bell=铃
boom=咚咚: drum=鼓
hiss=嘶嘶: snake=蛇
"""

OPPOSITE = """
small=小: big=大
short=矮: tall=高
short=短: long=长
cold=冷: hot=热
slow=慢: fast=快
old=旧: new=新
old=老: young=年轻
bad=坏: good=好
light=轻: heavy=重
narrow=窄: wide=宽
shallow=浅: deep=深
soft=软: hard=硬
dry=干: wet=湿
empty=空: full=满
closed=关着: open=开着
weak=弱: strong=强
poor=贫穷: rich=富有
cheap=便宜: expensive=昂贵
sad=难过: happy=开心
quiet=安静: noisy=吵闹
dirty=脏: clean=干净
dark=暗: bright=亮
easy=容易: difficult=困难
late=晚: early=早
near=近: far=远
thin=薄: thick=厚
thin=瘦: fat=胖
wrong=错: right=对
down=下: up=上
outside=外面: inside=里面
behind=后面: in_front=前面
night=夜晚: day=白天
end=结束: start=开始
sell=卖: buy=买
lose=输: win=赢
lend=借出: borrow=借入
remember=记得: forget=忘记
pull=拉: push=推
answer=回答: ask=提问
arrive=到达: leave=离开
cry=哭: laugh=笑
ill=生病: healthy=健康
safe=安全: dangerous=危险
false=假: true=真
sour=酸: sweet=甜
same=相同: different=不同
after=之后: before=之前
less=更少: more=更多
loss=亏损: profit=盈利
income=收入: expense=支出
deposit=存款: withdrawal=取款
accept=接受: refuse=拒绝
success=成功: failure=失败
asleep=睡着: awake=醒着
rough=粗糙: smooth=光滑
lazy=懒: hard-working=勤快
careless=粗心: careful=细心
fall=下降: rise=上升
last=最后: first=最先
"""

JOB = """
teaches_pupils=教学生: teacher=老师
treats_sick_people=给人看病: doctor=医生
cares_for_patients=照顾病人: nurse=护士
cooks_meals=做饭: cook=厨师
bakes_bread=烤面包: baker=面包师
grows_crops=种庄稼: farmer=农民
flies_planes=开飞机: pilot=飞行员
puts_out_fires=灭火: firefighter=消防员
drives_a_vehicle=开车: driver=司机
repairs_teeth=治牙: dentist=牙医
cuts_hair=理发: barber=理发师
catches_fish=捕鱼: fisherman=渔民
designs_buildings=设计房屋: architect=建筑师
fixes_pipes=修水管: plumber=水管工
writes_books=写书: writer=作家
paints_pictures=画画: painter=画家
sings_songs=唱歌: singer=歌手
makes_clothes=做衣服: tailor=裁缝
works_with_wood=做木工: carpenter=木匠
sells_medicine=配药: pharmacist=药剂师
delivers_letters=送信: postman=邮递员
treats_animals=给动物看病: vet=兽医
keeps_accounts=记账: accountant=会计
defends_people_in_court=打官司: lawyer=律师
keeps_order=维护治安: police_officer=警察
writes_news=写新闻: journalist=记者
serves_guests=端菜: waiter=服务员
writes_programs=写程序: programmer=程序员
repairs_wires=修电路: electrician=电工
sells_flowers=卖花: florist=花店老板
takes_photos=拍照: photographer=摄影师
lends_books=管理图书: librarian=图书管理员
performs_operations=做手术: surgeon=外科医生
counts_money_at_a_bank=办理存取款: bank_clerk=银行柜员
repairs_cars=修汽车: mechanic=汽车修理工
delivers_parcels=送包裹: courier=快递员
"""

USE = """
write=写字: pen=钢笔 pencil=铅笔 chalk=粉笔
cut=切东西: knife=刀
tell_the_time=看时间: clock=时钟 watch=手表
sweep_the_floor=扫地: broom=扫帚
open_a_lock=开锁: key=钥匙
keep_food_cold=冷藏食物: fridge=冰箱
wash_clothes=洗衣服: washing_machine=洗衣机
cook_food=煮东西: pan=平底锅 oven=烤箱 pot=锅
stay_dry_in_the_rain=挡雨: umbrella=雨伞 raincoat=雨衣
sleep=睡觉: bed=床 pillow=枕头
sit=坐: chair=椅子 bench=长凳
hit_nails=敲钉子: hammer=锤子
take_photos=拍照: camera=照相机
measure_temperature=量温度: thermometer=温度计
weigh_things=称重量: scale=秤
brush_teeth=刷牙: toothbrush=牙刷
dry_hands=擦手: towel=毛巾
light_a_room=照明: lamp=灯 candle=蜡烛
carry_things=装东西: bag=包 basket=篮子 suitcase=行李箱
make_calls=打电话: phone=手机
read=阅读: book=书 newspaper=报纸
eat_soup=喝汤: spoon=勺子
drink_water=喝水: cup=杯子 glass=玻璃杯
see_far_away_things=看远处: telescope=望远镜
see_tiny_things=看微小的东西: microscope=显微镜
clean_hands=洗手: soap=肥皂
comb_hair=梳头: comb=梳子
measure_length=量长度: ruler=尺子 tape_measure=卷尺
dig_holes=挖坑: spade=铲子
cover_a_wound=包扎伤口: bandage=绷带 plaster=创可贴
listen_to_the_heart=听心跳: stethoscope=听诊器
give_an_injection=打针: syringe=注射器
find_directions=辨别方向: compass=指南针 map=地图
save_money=存钱: piggy_bank=存钱罐
pay_in_shops=付款: banknote=纸币 coin=硬币
print_pages=打印文件: printer=打印机
join_paper=装订纸张: stapler=订书机
look_at_oneself=照自己: mirror=镜子
"""

PLACE = """
kitchen=厨房: oven=烤箱 pan=平底锅 fridge=冰箱 kettle=水壶 sink=水槽
bedroom=卧室: bed=床 pillow=枕头 wardrobe=衣柜 blanket=毯子
bathroom=浴室: shower=淋浴 bathtub=浴缸 towel=毛巾 toothbrush=牙刷
classroom=教室: blackboard=黑板 pupil=小学生 chalk=粉笔
hospital=医院: patient=病人 surgeon=外科医生 stethoscope=听诊器 nurse=护士
bank=银行: cashier=出纳员 safe=保险柜 bank_clerk=银行柜员
farm=农场: cow=奶牛 tractor=拖拉机 sheep=绵羊 hen=母鸡
sea=大海: shark=鲨鱼 whale=鲸鱼 octopus=章鱼 coral=珊瑚
forest=森林: wolf=狼 oak=橡树 squirrel=松鼠 bear=熊
desert=沙漠: camel=骆驼 cactus=仙人掌
airport=机场: plane=飞机 pilot=飞行员 runway=跑道
library=图书馆: bookcase=书柜 librarian=图书管理员
restaurant=餐厅: waiter=服务员 menu=菜单 cook=厨师
post_office=邮局: stamp=邮票 postman=邮递员 envelope=信封
garage=车库: car=汽车 tyre=轮胎
office=办公室: desk=书桌 printer=打印机 stapler=订书机
station=车站: train=火车 platform=站台
harbour=港口: ship=轮船 crane=起重机 lighthouse=灯塔
garden=花园: rose=玫瑰 tulip=郁金香 rake=耙子
pharmacy=药店: aspirin=阿司匹林 pharmacist=药剂师
zoo=动物园: lion=狮子 zebra=斑马 giraffe=长颈鹿
sky=天空: cloud=云 star=星星 moon=月亮
beach=海滩: sand=沙子 shell=贝壳
supermarket=超市: trolley=购物车 checkout=收银台
court=法院: judge=法官 lawyer=律师
"""

CAPITAL = """
Paris=巴黎: France=法国
London=伦敦: Britain=英国
Berlin=柏林: Germany=德国
Rome=罗马: Italy=意大利
Madrid=马德里: Spain=西班牙
Beijing=北京: China=中国
Tokyo=东京: Japan=日本
Moscow=莫斯科: Russia=俄罗斯
Cairo=开罗: Egypt=埃及
Athens=雅典: Greece=希腊
Lisbon=里斯本: Portugal=葡萄牙
Vienna=维也纳: Austria=奥地利
Bern=伯尔尼: Switzerland=瑞士
Brussels=布鲁塞尔: Belgium=比利时
Oslo=奥斯陆: Norway=挪威
Stockholm=斯德哥尔摩: Sweden=瑞典
Helsinki=赫尔辛基: Finland=芬兰
Copenhagen=哥本哈根: Denmark=丹麦
Dublin=都柏林: Ireland=爱尔兰
Warsaw=华沙: Poland=波兰
Prague=布拉格: Czechia=捷克
Budapest=布达佩斯: Hungary=匈牙利
Washington=华盛顿: America=美国
Ottawa=渥太华: Canada=加拿大
Mexico_City=墨西哥城: Mexico=墨西哥
Lima=利马: Peru=秘鲁
Seoul=首尔: South_Korea=韩国
Bangkok=曼谷: Thailand=泰国
Hanoi=河内: Vietnam=越南
New_Delhi=新德里: India=印度
Canberra=堪培拉: Australia=澳大利亚
Nairobi=内罗毕: Kenya=肯尼亚
Ankara=安卡拉: Turkey=土耳其
Baghdad=巴格达: Iraq=伊拉克
Havana=哈瓦那: Cuba=古巴
Jakarta=雅加达: Indonesia=印度尼西亚
"""

SEASON = """
spring=春天: March=三月 April=四月 May=五月
summer=夏天: June=六月 July=七月 August=八月
autumn=秋天: September=九月 October=十月 November=十一月
winter=冬天: December=十二月 January=一月 February=二月
"""

# Subjects are `unit/whole`: how many units are in the whole.
QUANTITY = """
7=7: days/a_week=天/一周 colours/a_rainbow=种颜色/彩虹里
12=12: months/a_year=个月/一年 eggs/a_dozen=个鸡蛋/一打
24=24: hours/a_day=个小时/一天
60=60: minutes/an_hour=分钟/一小时 seconds/a_minute=秒/一分钟
100=100: cents/a_dollar=美分/一美元 years/a_century=年/一个世纪 centimetres/a_metre=厘米/一米
1000=1000: metres/a_kilometre=米/一公里 grams/a_kilogram=克/一公斤 millilitres/a_litre=毫升/一升
4=4: seasons/a_year=个季节/一年 wheels/a_car=个轮子/一辆汽车 legs/a_table=条腿/一张桌子
strings/a_violin=根弦/一把小提琴
6=6: legs/an_ant=条腿/一只蚂蚁 sides/a_cube=个面/一个立方体
8=8: legs/a_spider=条腿/一只蜘蛛 arms/an_octopus=条腕足/一只章鱼
2=2: wheels/a_bicycle=个轮子/一辆自行车 wings/a_bird=个翅膀/一只鸟 eyes/a_face=只眼睛/一张脸
kidneys/the_body=个肾脏/人体里
3=3: sides/a_triangle=条边/一个三角形 feet/a_yard=英尺/一码
5=5: fingers/a_hand=根手指/一只手 toes/a_foot=个脚趾/一只脚
10=10: years/a_decade=年/十年里 millimetres/a_centimetre=毫米/一厘米
11=11: players/a_football_team=名球员/一支足球队
30=30: days/April=天/四月 days/June=天/六月
31=31: days/January=天/一月 days/July=天/七月
365=365: days/a_common_year=天/一个平年
32=32: teeth/an_adult_mouth=颗牙齿/成年人嘴里
"""

DEFINITION = """
loan=贷款: money_that_is_borrowed_and_paid_back=借来以后要还的钱
salary=工资: money_paid_for_work=因为工作得到的钱
rent=租金: money_paid_to_live_in_a_home_of_another_person=租房子要付的钱
tax=税: money_paid_to_the_state=交给国家的钱
interest=利息: money_paid_for_using_borrowed_money=借钱要多付的钱
receipt=收据: a_paper_that_shows_what_was_paid=证明付过钱的单据
budget=预算: a_plan_for_spending_money=花钱的计划
debt=债务: money_owed_to_someone=欠别人的钱
refund=退款: money_given_back_to_a_buyer=退回给买家的钱
discount=折扣: a_cut_in_the_price=价格上的优惠
invoice=账单: a_paper_that_asks_for_payment=要求付款的单子
share=股票: a_small_part_of_a_company=公司的一小份所有权
insurance=保险: a_contract_that_pays_after_damage=出事以后赔钱的合同
fever=发烧: a_body_temperature_that_is_too_high=体温太高
cough=咳嗽: a_sudden_push_of_air_from_the_throat=喉咙突然用力呼气
allergy=过敏: a_strong_reaction_to_a_harmless_thing=对无害东西的强烈反应
fracture=骨折: a_broken_bone=骨头断了
symptom=症状: a_sign_of_an_illness=生病时出现的迹象
vaccine=疫苗: a_medicine_that_prevents_an_illness=预防疾病的药
surgery=手术: an_operation_by_a_doctor=医生开刀治疗
prescription=处方: a_note_from_a_doctor_for_medicine=医生开的药单
infection=感染: an_attack_of_germs_on_the_body=病菌侵入身体
thirst=口渴: the_wish_to_drink=很想喝水的感觉
hunger=饥饿: the_wish_to_eat=很想吃东西的感觉
ticket=车票: a_paper_that_lets_you_travel=坐车时用的凭证
passport=护照: a_small_book_needed_to_enter_another_country=出国要带的证件
luggage=行李: bags_that_you_take_on_a_trip=旅行时带的箱子和包
parcel=包裹: a_box_sent_by_post=寄送的盒子
password=密码: a_secret_word_that_opens_an_account=打开账户的秘密字符
recipe=菜谱: steps_for_cooking_a_dish=做菜的步骤说明
island=岛: land_with_water_on_all_sides=四面都是水的陆地
volcano=火山: a_mountain_that_can_throw_out_fire=会喷火的山
rainbow=彩虹: an_arc_of_colours_in_the_sky=天上的七色弧线
storm=暴风雨: strong_wind_with_heavy_rain=又刮大风又下大雨
drought=干旱: a_long_time_without_rain=很久不下雨
dawn=黎明: the_time_when_the_sun_rises=太阳升起的时候
dusk=黄昏: the_time_when_the_sun_sets=太阳落下的时候
orphan=孤儿: a_child_without_parents=没有父母的孩子
neighbour=邻居: a_person_who_lives_next_door=住在隔壁的人
guest=客人: a_person_who_visits_your_home=来家里做客的人
customer=顾客: a_person_who_buys_things=买东西的人
thief=小偷: a_person_who_steals_things=偷东西的人
diary=日记: a_book_for_writing_about_each_day=记录每天生活的本子
dictionary=词典: a_book_that_explains_words=解释词语的书
"""

BODY = """
see=看: eye=眼睛
hear=听: ear=耳朵
smell=闻: nose=鼻子
taste=尝味道: tongue=舌头
chew=咀嚼: tooth=牙齿
think=思考: brain=大脑
pump_blood=输送血液: heart=心脏
breathe=呼吸: lung=肺
walk=走路: leg=腿
hold_things=拿东西: hand=手
clean_the_blood=过滤血液: kidney=肾脏
digest_food=消化食物: stomach=胃
carry_blood=运送血液: vein=血管
protect_the_body=保护身体: skin=皮肤
support_the_body=支撑身体: bone=骨头
move_the_body=带动身体: muscle=肌肉
swallow=吞咽: throat=喉咙
store_urine=储存尿液: bladder=膀胱
"""

BABY = """
puppy=小狗: dog=狗
kitten=小猫: cat=猫
lamb=羊羔: sheep=绵羊
calf=牛犊: cow=奶牛
foal=马驹: horse=马
chick=小鸡: hen=母鸡
duckling=小鸭子: duck=鸭子
cub=熊崽: bear=熊
tadpole=蝌蚪: frog=青蛙
piglet=猪仔: pig=猪
"""

MATERIAL = """
wood=木头: table=桌子 pencil=铅笔 bookcase=书柜 door=门
glass=玻璃: window=窗户 bottle=瓶子 mirror=镜子
paper=纸: book=书 newspaper=报纸 envelope=信封 banknote=纸币
metal=金属: key=钥匙 coin=硬币 spoon=勺子 nail=钉子
cloth=布: shirt=衬衫 curtain=窗帘 flag=旗子 towel=毛巾
milk=牛奶: cheese=奶酪 butter=黄油 yoghurt=酸奶
flour=面粉: bread=面包 cake=蛋糕 noodle=面条
rubber=橡胶: tyre=轮胎 eraser=橡皮擦
wool=羊毛: sweater=毛衣 scarf=围巾
leather=皮革: belt=腰带 wallet=钱包
stone=石头: castle=城堡 statue=雕像
wax=蜡: candle=蜡烛
"""

# Words that only translation asks for.
WORDS = """
word=词: water=水 fire=火 mountain=山 river=河 city=城市 village=村庄 street=街道 bridge=桥 money=钱 price=价格
friend=朋友
mother=母亲 father=父亲 brother=兄弟 sister=姐妹 child=孩子 name=名字 question=问题 letter=信 number=数字 morning=早上
evening=晚上 today=今天 tomorrow=明天 yesterday=昨天 week=星期 month=月份 year=年 time=时间 work=工作 game=游戏
music=音乐
picture=图画 door=门 window=窗户 floor=地板 wall=墙 roof=屋顶 market=市场 weather=天气 wind=风 rain=雨 sun=太阳
moon=月亮
star=星星 world=世界 country=国家 sugar=糖 salt=盐 oil=油 meat=肉 bottle=瓶子 box=盒子 paper=纸 story=故事 dream=梦
love=爱 health=健康 pain=疼痛 bone=骨头 blood=血 skin=皮肤 tooth=牙齿 eye=眼睛 hair=头发 wallet=钱包 account=账户
customer=顾客 order=订单 shop=商店 gift=礼物 holiday=假期 journey=旅程 road=道路 run=跑 walk=走 eat=吃
sleep=睡觉 read=阅读 write=写 sing=唱歌 dance=跳舞 teach=教 help=帮助 wait=等待 think=思考 speak=说话 listen=听
swim=游泳
"""
