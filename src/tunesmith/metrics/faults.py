"""Answers that are none: counted apart, so that a figure can tell what they cost, all of them right or all wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from tunesmith.artifacts.scorecard import Task
from tunesmith.metrics.answers import last_number
from tunesmith.records import Sample
from tunesmith.text.normalise import normalise_answer

Fault = Literal["timed_out", "truncated", "empty", "refused", "unparsable"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
_JUDGED_CHARACTERS: Final = 160
"""A refusal says so at once."""
_SORRY: Final = r"(?:i(?:'m| am) (?:very |so |truly )?sorry|my apologies|i apologi[sz]e|sorry|unfortunately)"
_CANNOT: Final = (
    r"i(?:'m| am)? (?:can(?:no|')t|can not|could not|couldn't|won't|will not|(?:not |un)able to|must decline)"
)
_HELPING: Final = (
    r"(?: \w+){0,3}? (?:help(?! but)|assist|answer|provide|comply|do that|do this|support|share|discuss|give)"
)
_REFUSAL_EN: Final = rf"(?:{_SORRY}[ ,.;:-]+(?:but )?)?(?:as an ai[^.]{{0,40}}, )?{_CANNOT}{_HELPING}"
_SORRY_ZH: Final = r"(?:(?:非常|很|十分|实在)?(?:抱歉|对不起|遗憾)|不好意思)[,。!:;\s]*(?:但|但是|不过)?"
_CANNOT_ZH: Final = r"(?:无法|不能|不可以|不便|没有办法|没办法|拒绝)(?:为|向|给|对|就|在|满足|继续)?[^,。!?]{0,8}?"
_HELPING_ZH: Final = r"(?:提供|回答|帮助|协助|帮|满足|完成|讨论|给出|处理)"
_SUBJECT_ZH: Final = r"(?:作为(?:一个|一名)?(?:ai|人工智能|语言模型)[^,。]{0,12},)?(?:我|本人|本助手)"
_REFUSAL_ZH: Final = rf"(?:{_SORRY_ZH}(?:{_SUBJECT_ZH})?|{_SUBJECT_ZH}){_CANNOT_ZH}{_HELPING_ZH}"
_REFUSAL: Final = re.compile(rf"(?:{_REFUSAL_EN})\b|{_REFUSAL_ZH}")


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer must be to be one at all."""

    task: Task
    labels: Mapping[str, str] = field(default_factory=dict)
    """As `label_forms` gives them."""
    is_parsable: Callable[[str], bool] | None = None
    """Of an answer in words; None where any words do."""

    def fault(self, sample: Sample) -> Fault | None:
        """What kept the sample from being an answer; the first that holds, in the order of `FAULTS`.

        What refuses where the reference refuses too is an answer.
        """
        if sample.finish_reason == "timeout":
            return "timed_out"
        if sample.finish_reason == "length":
            return "truncated"
        if not sample.answer.strip():
            return "empty"
        if is_refusal(sample.answer) and not is_refusal(sample.reference):
            return "refused"
        return None if self._parses(sample.answer) else "unparsable"

    def _parses(self, answer: str) -> bool:
        if self.task == "labels":
            return label_told(answer, self.labels) is not None
        if self.task == "numbers":
            return last_number(answer) is not None
        return self.is_parsable is None or self.is_parsable(answer)


def label_forms(labels: Sequence[str]) -> dict[str, str]:
    """Each label by itself and by its form in any case and width, with any punctuation around it."""
    return {normalise_answer(label): label for label in labels} | {label: label for label in labels}


def label_told(answer: str, forms: Mapping[str, str]) -> str | None:
    """The label that an answer is; None where it is none of these."""
    return forms.get(answer) or forms.get(normalise_answer(answer))


def is_refusal(answer: str) -> bool:
    """Whether an answer begins by declining, in English or Chinese, as chat models word it.

    Rules over the first words: what declines in other words is not found.
    """
    begun = unicodedata.normalize("NFKC", answer[:_JUDGED_CHARACTERS]).casefold().replace("\u2019", "'").strip()
    return _REFUSAL.match(" ".join(begun.split())) is not None
