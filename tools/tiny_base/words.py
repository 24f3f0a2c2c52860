"""Skills on lists of words and on letters: following a format, counting, spelling, sorting."""

from __future__ import annotations

from functools import cache
from random import Random

from tools.tiny_base import lexicon
from tools.tiny_base.patterns import Language, Phrasings, Split, Turn, fits, phrasings, write


@cache
def common_words(language: Language) -> tuple[str, ...]:
    """One-word nouns, for lists."""
    words = (fact.subject.en if language == "en" else fact.subject.zh for fact in lexicon.categories())
    return tuple(dict.fromkeys(word for word in words if " " not in word))


def some_words(rng: Random, language: Language, split: Split, num: int) -> list[str]:
    """Different words whose first two, as a pair, belong to the split."""
    while True:
        words = rng.sample(common_words(language), num)
        if fits(split, "words", words[0], words[1]):
            return words


def listed(words: list[str], language: Language) -> str:
    return ", ".join(words) if language == "en" else "、".join(words)


# name: (question, reasoning); {w} the list, {f} its first, {l} its last, {m} its second word.
LIST_TASKS: dict[Language, dict[str, tuple[Phrasings, str]]] = {
    "en": {
        "first": (
            phrasings(
                """What is the first word of this list: {w}?
                Give me the first word: {w}.
                Which word comes first: {w}?
                Here is a list: {w}. Say the first word only.
                Read the list {w}. What is first?
                Answer with the first word only: {w}.
                Pick the first word from: {w}.
                {w}. Which one is the first?""",
                """Say only the first word from this list: {w}.
                Which word is the first one here: {w}?""",
            ),
            "The list starts with {f}.",
        ),
        "last": (
            phrasings(
                """What is the last word of this list: {w}?
                Give me the last word: {w}.
                Which word comes last: {w}?
                Here is a list: {w}. Say the last word only.
                Read the list {w}. What is last?
                Answer with the last word only: {w}.
                Pick the last word from: {w}.
                {w}. Which one is the last?""",
                """Say only the last word from this list: {w}.
                Which word is the last one here: {w}?""",
            ),
            "The list ends with {l}.",
        ),
        "second": (
            phrasings(
                """What is the second word of this list: {w}?
                Give me the second word: {w}.
                Which word comes second: {w}?
                Here is a list: {w}. Say the second word only.
                Answer with the second word only: {w}.
                Pick the second word from: {w}.
                Read the list {w}. What is second?
                {w}. Which one is the second?""",
                """Say only the second word from this list: {w}.
                Which word is the second one here: {w}?""",
            ),
            "The first is {f}, then comes {m}.",
        ),
        "repeat": (
            phrasings(
                """Repeat this: {w}
                Repeat these words: {w}
                Say this again: {w}
                Copy this list: {w}
                Please repeat exactly: {w}
                Write the same words again: {w}
                Give me back this list: {w}
                Echo: {w}""",
                """Please say these words again: {w}
                Repeat this list exactly: {w}""",
            ),
            "I only have to repeat the words.",
        ),
        "reverse": (
            phrasings(
                """Write this list backwards: {w}
                Turn the list around: {w}
                Reverse the order: {w}
                Say these words from last to first: {w}
                Start with the last word and go back: {w}
                Put the list in reverse order: {w}
                Please reverse this list: {w}
                List these from the end to the start: {w}""",
                """Say this list backwards: {w}
                Please turn this list around: {w}""",
            ),
            "The last word is {l}, so I start there.",
        ),
    },
    "zh": {
        "first": (
            phrasings(
                """{w},第一个词是什么?
                下面哪个词排第一:{w}?
                说出第一个词:{w}。
                只说第一个词:{w}。
                这些词里第一个是哪个:{w}?
                请给出开头的词:{w}。
                读一读:{w}。第一个是什么?
                从{w}中选出第一个。""",
                """只要说排第一的词:{w}。
                哪个词在最前面:{w}?""",
            ),
            "开头的词是{f}。",
        ),
        "last": (
            phrasings(
                """{w},最后一个词是什么?
                下面哪个词排最后:{w}?
                说出最后一个词:{w}。
                只说最后一个词:{w}。
                这些词里最后一个是哪个:{w}?
                请给出结尾的词:{w}。
                读一读:{w}。最后一个是什么?
                从{w}中选出最后一个。""",
                """只要说排最后的词:{w}。
                哪个词在最后面:{w}?""",
            ),
            "结尾的词是{l}。",
        ),
        "second": (
            phrasings(
                """{w},第二个词是什么?
                下面哪个词排第二:{w}?
                说出第二个词:{w}。
                只说第二个词:{w}。
                这些词里第二个是哪个:{w}?
                请给出第二个词:{w}。
                读一读:{w}。第二个是什么?
                从{w}中选出第二个。""",
                """只要说排第二的词:{w}。
                哪个词在第二位:{w}?""",
            ),
            "第一个是{f},接着是{m}。",
        ),
        "repeat": (
            phrasings(
                """重复:{w}
                请重复这些词:{w}
                再说一遍:{w}
                照着写:{w}
                跟我说:{w}
                把这些词再写一遍:{w}
                原样写出:{w}
                复述:{w}""",
                """请照原样再说一次:{w}
                把这几个词重复一次:{w}""",
            ),
            "只要照着重复。",
        ),
        "reverse": (
            phrasings(
                """倒着说:{w}
                把顺序倒过来:{w}
                从后往前写:{w}
                请倒序列出:{w}
                反过来排列:{w}
                按相反的顺序写:{w}
                从最后一个说到第一个:{w}
                把这些词倒过来写:{w}""",
                """请从后往前说:{w}
                把这几个词倒着排:{w}""",
            ),
            "最后一个是{l},从它开始。",
        ),
    },
}


def list_task(rng: Random, language: Language, split: Split) -> Turn:
    """First, second or last word of a list; the list again, or backwards."""
    task = rng.choice(tuple(LIST_TASKS[language]))
    wording, reasoning = LIST_TASKS[language][task]
    words = some_words(
        rng, language, split, rng.randrange(2, 4) if task in ("repeat", "reverse") else rng.randrange(3, 6)
    )
    slots = {"w": listed(words, language), "f": words[0], "l": words[-1], "m": words[1]}
    answer = {
        "first": words[0],
        "last": words[-1],
        "second": words[1],
        "repeat": slots["w"],
        "reverse": listed(words[::-1], language),
    }[task]
    return Turn(write(wording.pick(rng, split), rng, slots, language), write(reasoning, rng, slots, language), answer)


COUNT: dict[Language, Phrasings] = {
    "en": phrasings(
        """How many words are in this list: {w}?
        Count the words: {w}.
        How many things do I name: {w}?
        Here is a list: {w}. How many words does it have?
        Count these: {w}.
        {w}. How many are there?
        I bought {w}. How many things did I buy?
        Tell me how many words you see: {w}.""",
        """How many words do you count here: {w}?
        I packed {w}. How many things did I pack?""",
    ),
    "zh": phrasings(
        """{w},一共有几个词?
        数一数有几个词:{w}。
        我说了几样东西:{w}?
        这里有几个词:{w}?
        {w},总共有几个?
        数数看:{w}。
        我买了{w},一共买了几样?
        请问有多少个词:{w}?""",
        """我带了{w},总共带了几样?
        请你数清楚这里有几个词:{w}。""",
    ),
}


def count(rng: Random, language: Language, split: Split) -> Turn:
    """How many words a list has."""
    words = some_words(rng, language, split, rng.randrange(2, 8))
    prompt = write(COUNT[language].pick(rng, split), rng, {"w": listed(words, language)}, language)
    if language == "en":
        steps = ", ".join(f"{word} {number}" for number, word in enumerate(words, 1))
        return Turn(prompt, f"I count: {steps}.", str(len(words)))
    steps = "\uff0c".join(f"{word}{number}" for number, word in enumerate(words, 1))
    return Turn(prompt, f"数一数\uff1a{steps}。", str(len(words)))


SPELL: dict[Language, Phrasings] = {
    "en": phrasings(
        """Spell the word {s}.
        How do you spell {s}?
        Spell "{s}" with hyphens.
        Write {s} letter by letter.
        Which letters are in {s}?
        Please spell {s}.
        Give the letters of {s} in order.
        I cannot spell {s}. Help me.""",
        """Please spell the word "{s}" for me.
        How is the word {s} spelled?""",
    ),
    "zh": phrasings(
        """把“{s}”拆成单个的字。
        “{s}”由哪几个字组成?
        一个字一个字地写“{s}”。
        请把{s}逐字写出来。
        {s}里面有哪些字?
        逐字写出{s}。
        分开写{s}的每个字。
        {s}这个词有哪几个字?""",
        """请一个字一个字写出{s}。
        把{s}的字一个个分开写。""",
    ),
}


@cache
def spellable(language: Language) -> tuple[str, ...]:
    limit = 5 if language == "en" else 9
    return tuple(word for word in common_words(language) if 1 < len(word) <= limit)


def spell(rng: Random, language: Language, split: Split) -> Turn:
    """A short word letter by letter (English) or character by character (Chinese)."""
    word = rng.choice(spellable(language))
    prompt = write(SPELL[language].pick(rng, split), rng, {"s": word}, language)
    if language == "en":
        return Turn(prompt, f"I take the letters of {word} one by one.", "-".join(word))
    return Turn(prompt, f"把{word}的字一个个写出来。", "-".join(word))


NUMBER_ORDER: dict[Language, Phrasings] = {
    "en": phrasings(
        """Put these numbers in order from small to large: {w}.
        Sort these numbers: {w}.
        Order {w} from smallest to largest.
        List {w} from small to large.
        Arrange the numbers {w}, smallest first.
        Please sort {w}.
        Which order is right for {w}, smallest first?
        Write {w} in rising order.""",
        """Sort the numbers {w}, smallest first.
        Please put {w} in order from small to large.""",
    ),
    "zh": phrasings(
        """把{w}从小到大排列。
        从小到大排序:{w}。
        请把这些数排好:{w}。
        {w},从小到大怎么排?
        按从小到大写出:{w}。
        给{w}排序,小的在前。
        排列{w},最小的放前面。
        请把{w}由小到大排列。""",
        """请按小的在前来排{w}。
        {w}由小到大应该怎么写?""",
    ),
}


def number_order(rng: Random, language: Language, split: Split) -> Turn:
    """Three numbers put in order."""
    while True:
        numbers = rng.sample(range(1, 100), 3)
        if fits(split, "sort", *sorted(numbers)):
            break
    low, middle, high = sorted(numbers)
    prompt = write(
        NUMBER_ORDER[language].pick(rng, split), rng, {"w": listed(list(map(str, numbers)), language)}, language
    )
    answer = listed([str(low), str(middle), str(high)], language)
    if language == "en":
        return Turn(prompt, f"The smallest is {low}, the largest is {high}, {middle} is between.", answer)
    return Turn(prompt, f"最小的是{low}\uff0c最大的是{high}\uff0c中间是{middle}。", answer)
