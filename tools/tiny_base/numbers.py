"""Skills on numbers: digit-by-digit arithmetic, comparison, order, counting."""

from __future__ import annotations

from random import Random

from tools.tiny_base.patterns import Language, Phrasings, Split, Turn, fits, names, phrasings, tidy, write

_PLACES: dict[Language, tuple[str, str, str]] = {"en": ("ones", "tens", "hundreds"), "zh": ("个位", "十位", "百位")}

ADD: dict[Language, Phrasings] = {
    "en": phrasings(
        """What is {a} + {b}?
        {a} + {b} = ?
        What is {a} plus {b}?
        Add {a} and {b}.
        How much is {a} and {b} together?
        Find the sum of {a} and {b}.
        Please work out {a} plus {b}.
        Calculate {a} + {b}.
        I have {a} {things} and get {b} more. How many {things} do I have now?
        {a} {things} and {b} {things}: how many are there in all?""",
        """How much is {a} plus {b}?
        Work out the sum of {a} and {b}.
        What do you get if you add {a} and {b}?
        There are {a} {things} and I add {b} more. How many are there now?""",
    ),
    "zh": phrasings(
        """{a}+{b}=?
        {a}加{b}等于多少?
        {a}加{b}是多少?
        计算{a}+{b}。
        求{a}与{b}的和。
        {a}和{b}加起来是多少?
        请算一下{a}加{b}。
        我有{a}个{things},又得到{b}个,现在有几个?
        {a}个{things}和{b}个{things},一共有几个?""",
        """{a}再加上{b}得多少?
        把{a}跟{b}相加,得多少?
        原有{a}个{things},再放{b}个,总共几个?""",
    ),
}
SUBTRACT: dict[Language, Phrasings] = {
    "en": phrasings(
        """What is {a} - {b}?
        {a} - {b} = ?
        What is {a} minus {b}?
        Take {b} from {a}.
        Subtract {b} from {a}.
        Calculate {a} - {b}.
        Please work out {a} minus {b}.
        What is left of {a} after you take away {b}?
        I have {a} {things} and give away {b}. How many {things} are left?
        There were {a} {things}; {b} are gone. How many {things} do we still have?""",
        """How much is {a} minus {b}?
        Work out what is left if you take {b} from {a}.
        What do you get if you subtract {b} from {a}?
        I had {a} {things} and lost {b}. How many do I still have?""",
    ),
    "zh": phrasings(
        """{a}-{b}=?
        {a}减{b}等于多少?
        {a}减{b}是多少?
        计算{a}-{b}。
        求{a}与{b}的差。
        从{a}里拿走{b},还有多少?
        请算一下{a}减{b}。
        我有{a}个{things},送出{b}个,还有几个?
        原来有{a}个{things},少了{b}个,现在有几个?""",
        """{a}再减去{b}得多少?
        把{a}减掉{b},得多少?
        我有{a}个{things},用掉{b}个,剩几个?""",
    ),
}
MULTIPLY: dict[Language, Phrasings] = {
    "en": phrasings(
        """What is {a} x {b}?
        {a} x {b} = ?
        What is {a} times {b}?
        Multiply {a} by {b}.
        Calculate {a} times {b}.
        Please work out {a} x {b}.
        Find the product of {a} and {b}.
        There are {b} bags with {a} {things} in each. How many {things} are there?""",
        """How much is {a} times {b}?
        Work out the product of {a} and {b}.
        What do you get if you multiply {a} by {b}?""",
    ),
    "zh": phrasings(
        """{a}×{b}=?
        {a}乘{b}等于多少?
        {a}乘以{b}是多少?
        计算{a}×{b}。
        求{a}与{b}的积。
        请算一下{a}乘{b}。
        {b}个{a}是多少?
        每袋有{a}个{things},{b}袋有几个?""",
        """{a}再乘上{b}得多少?
        把{a}跟{b}相乘,得多少?""",
    ),
}
THINGS: dict[Language, tuple[str, ...]] = {
    "en": names(
        "apples pears coins books pens cups stamps eggs cards balls keys boxes bottles shells tickets sweets nuts "
        "plates chairs photos letters candles buttons stickers spoons flowers stones beans toys hats"
    ),
    "zh": names(
        "苹果 梨 橙子 鸡蛋 杯子 盒子 瓶子 球 贝壳 桃子 盘子 箱子 气球 玩具 纽扣 橘子 面包 饺子 核桃 柠檬 篮子 包裹"
    ),
}


def _digits(number: int) -> list[int]:
    return [int(digit) for digit in reversed(str(number))]


def add_steps(a: int, b: int, language: Language) -> str:
    """Column addition written out, ones first."""
    steps, carry = [], 0
    left, right = _digits(a), _digits(b)
    for place in range(max(len(left), len(right))):
        parts = [digits[place] for digits in (left, right) if place < len(digits)] + ([carry] if carry else [])
        total = sum(parts)
        step = f"{_PLACES[language][place]} {'+'.join(map(str, parts))}"
        steps.append(f"{step}={total}" if len(parts) > 1 else step)
        carry = total // 10
        if carry:
            steps[-1] += f" carry {carry}" if language == "en" else f"进{carry}"
    return _joined(steps, a + b, language)


def subtract_steps(a: int, b: int, language: Language) -> str:
    """Column subtraction written out, ones first; needs a >= b."""
    steps, borrow = [], 0
    left, right = _digits(a), _digits(b)
    for place, digit in enumerate(left):
        taken = right[place] if place < len(right) else 0
        lent = 10 if digit < taken + borrow else 0
        parts = [digit + lent] + [part for part in (taken, borrow) if part]
        step = f"{_PLACES[language][place]} {'-'.join(map(str, parts))}"
        steps.append(f"{step}={parts[0] - sum(parts[1:])}" if len(parts) > 1 else step)
        borrow = lent // 10
        if borrow:
            steps[-1] += " borrow 1" if language == "en" else "借1"
    return _joined(steps, a - b, language)


def multiply_steps(a: int, b: int, language: Language) -> str:
    """A times the one-digit b, tens and ones apart."""
    tens, ones = a // 10 * 10, a % 10
    if not tens or not ones:
        return f"By the table {a}x{b}={a * b}." if language == "en" else f"口诀里{a}×{b}={a * b}。"
    sign = "x" if language == "en" else "×"
    steps = [f"{tens}{sign}{b}={tens * b}", f"{ones}{sign}{b}={ones * b}", f"{tens * b}+{ones * b}={a * b}"]
    return _joined(steps, a * b, language)


def _joined(steps: list[str], result: int, language: Language) -> str:
    if language == "en":
        return f"{', '.join(steps)}. So {result}."
    return f"{','.join(step.replace(' ', '') for step in steps)}。得{result}。"


def _number(rng: Random) -> int:
    """Mostly two digits, sometimes one or three."""
    top = rng.choice((20, 100, 100, 100, 1000))
    return rng.randrange(2, top)


def _sum(rng: Random, language: Language) -> tuple[str, int, int, str, int]:
    operation = rng.choice("++--x")
    a, b = _number(rng), _number(rng)
    if operation == "+":
        a, b = (a, b) if a + b < 1000 else (a // 2 + 2, b // 2 + 2)
        return operation, a, b, add_steps(a, b, language), a + b
    if operation == "-":
        a, b = max(a, b), min(a, b)
        return operation, a, b, subtract_steps(a, b, language), a - b
    a, b = rng.randrange(2, rng.choice((10, 10, 25))), rng.randrange(2, 10)
    return operation, a, b, multiply_steps(a, b, language), a * b


_ARITHMETIC = {"+": ADD, "-": SUBTRACT, "x": MULTIPLY}


def arithmetic(rng: Random, language: Language, split: Split) -> Turn:
    """A sum, difference or product; an eighth of all pairs (in either order) belongs to the suite."""
    while True:
        operation, a, b, steps, result = _sum(rng, language)
        if fits(split, operation, *sorted((a, b))):
            break
    slots = {"a": str(a), "b": str(b), "things": rng.choice(THINGS[language])}
    prompt = write(_ARITHMETIC[operation][language].pick(rng, split), rng, slots, language)
    return Turn(prompt, tidy(steps, language), str(result))
