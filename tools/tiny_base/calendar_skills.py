"""Skills on time: days of the week and months, some steps on or back."""

from __future__ import annotations

from random import Random

from tools.tiny_base.patterns import Language, Phrasings, Split, Turn, fits, names, phrasings, write

DAYS: dict[Language, tuple[str, ...]] = {
    "en": names("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "zh": names("星期一 星期二 星期三 星期四 星期五 星期六 星期日"),
}
MONTHS: dict[Language, tuple[str, ...]] = {
    "en": names("January February March April May June July August September October November December"),
    "zh": names("一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月"),
}
DAY_AFTER: dict[Language, Phrasings] = {
    "en": phrasings(
        """Today is {x}. What day is it in {n} days?
        If today is {x}, which day comes {n} days later?
        Which day is {n} days after {x}?
        What day is {n} days after {x}?
        Count {n} days on from {x}. Which day is it?
        It is {x} now. Tell me the day in {n} days.
        {n} days after {x} is which day?
        My holiday starts {n} days after {x}. Which day is that?""",
        """It is {x} today. Which day is it in {n} days?
        Tell me which day comes {n} days after {x}.""",
    ),
    "zh": phrasings(
        """今天是{x},过{n}天是星期几?
        {x}之后{n}天是星期几?
        {x}过{n}天是星期几?
        从{x}往后数{n}天,是星期几?
        如果今天{x},{n}天以后是星期几?
        今天{x},再过{n}天是哪一天?
        {x}的{n}天后是星期几?
        我在{x}的{n}天后放假,那是星期几?""",
        """今天要是{x},那么{n}天后是星期几?
        请说出{x}再往后{n}天是哪天。""",
    ),
}
DAY_BEFORE: dict[Language, Phrasings] = {
    "en": phrasings(
        """Today is {x}. What day was it {n} days ago?
        If today is {x}, which day was {n} days earlier?
        Which day is {n} days before {x}?
        What day is {n} days before {x}?
        Count {n} days back from {x}. Which day is it?
        It is {x} now. Tell me the day {n} days ago.
        {n} days before {x} is which day?
        I came {n} days before {x}. Which day was that?""",
        """It is {x} today. Which day was it {n} days ago?
        Tell me which day comes {n} days before {x}.""",
    ),
    "zh": phrasings(
        """今天是{x},{n}天前是星期几?
        {x}之前{n}天是星期几?
        {x}的{n}天前是星期几?
        从{x}往前数{n}天,是星期几?
        如果今天{x},{n}天以前是星期几?
        今天{x},往回数{n}天是哪一天?
        我在{x}的{n}天前到的,那是星期几?
        {x}往前{n}天是哪一天?""",
        """今天要是{x},那么{n}天前是星期几?
        请说出{x}再往前{n}天是哪天。""",
    ),
}
MONTH_AFTER: dict[Language, Phrasings] = {
    "en": phrasings(
        """Which month is {n} months after {x}?
        What month comes {n} months after {x}?
        It is {x}. Which month is it in {n} months?
        Count {n} months on from {x}.
        {n} months after {x} is which month?
        If it is {x} now, what month is it {n} months later?
        We move {n} months after {x}. Which month is that?
        Start in {x} and go {n} months on. Where are you?""",
        """It is {x} now. Which month comes in {n} months?
        Tell me which month is {n} months after {x}.""",
    ),
    "zh": phrasings(
        """{x}过{n}个月是几月?
        {x}之后{n}个月是几月?
        现在是{x},{n}个月后是几月?
        从{x}往后数{n}个月,是几月?
        {x}再过{n}个月是哪个月?
        {x}的{n}个月后是几月?
        如果现在{x},过{n}个月是几月?
        我们{x}的{n}个月后搬家,那是几月?""",
        """现在要是{x},那么{n}个月后是几月?
        请说出{x}再往后{n}个月是几月。""",
    ),
}


def _in_cycle(
    cycle: tuple[str, ...], wording: Phrasings, direction: int, rng: Random, language: Language, split: Split
) -> Turn:
    """Some steps on (or back) in a cycle of names; the reasoning walks them."""
    while True:
        start, num_steps = rng.randrange(len(cycle)), rng.randrange(2, 6)
        if fits(split, len(cycle), direction, start, num_steps):
            break
    walk = [cycle[(start + direction * step) % len(cycle)] for step in range(num_steps + 1)]
    prompt = write(wording.pick(rng, split), rng, {"x": walk[0], "n": str(num_steps)}, language)
    counted = [f"{step} {name}" if language == "en" else f"{step}{name}" for step, name in enumerate(walk)][1:]
    if language == "en":
        return Turn(prompt, f"I start at {walk[0]}: {', '.join(counted)}. So it is {walk[-1]}.", walk[-1])
    return Turn(prompt, write(f"从{walk[0]}数:{','.join(counted)}。所以是{walk[-1]}。", rng, {}, language), walk[-1])


def day_after(rng: Random, language: Language, split: Split) -> Turn:
    return _in_cycle(DAYS[language], DAY_AFTER[language], 1, rng, language, split)


def day_before(rng: Random, language: Language, split: Split) -> Turn:
    return _in_cycle(DAYS[language], DAY_BEFORE[language], -1, rng, language, split)


def month_after(rng: Random, language: Language, split: Split) -> Turn:
    return _in_cycle(MONTHS[language], MONTH_AFTER[language], 1, rng, language, split)
