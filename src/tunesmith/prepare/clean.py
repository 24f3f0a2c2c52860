"""Repairs and filters of canonical rows, as the section `clean` asks for them; all can be sent to other processes.

A repair that changed a row leaves its code in `Example.changes`; a filter that refuses one says why in `Rejected`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tunesmith.artifacts import hash_file
from tunesmith.errors import Phrase, Place, TunesmithError
from tunesmith.prepare.rows import Refused
from tunesmith.recipe.prepare import Clean, Length, Relevance
from tunesmith.records import REHEARSAL, Example, Message, Rejected
from tunesmith.text.language import Language, chinese_share, identify_language
from tunesmith.text.ngrams import ngrams
from tunesmith.text.numbers import normalise_numbers
from tunesmith.text.repair import REPAIRS, looks_broken, narrow_full_width, strip_markup, tidy_white_space, without_code
from tunesmith.text.tokens import words

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from tunesmith.prepare.checks import Check

FILLED: Final = "clean.filled"
_REWRITES: Final[dict[str, Callable[[str], str]]] = {
    "markup": strip_markup,
    "full-width": narrow_full_width,
    "white-space": tidy_white_space,
    "numbers": normalise_numbers,
}
_RUN_UNITS: Final = 10
# What a text is about, and in which language, shows in its beginning.
_JUDGED_CHARACTERS: Final = 1_000
_NUM_FEATURES: Final = 2**18


def cleaners(section: Clean) -> tuple[Check, ...]:
    """The repairs, as one check: each text is gone through once."""
    repairs = tuple(REPAIRS) if section.repair else ()
    rewrites = tuple(name for name in _REWRITES if name in section.rewrite)
    return (Cleaner(repairs, rewrites),) if repairs or rewrites else ()


def filters(section: Clean) -> tuple[Check, ...]:
    """The filters, cheapest first, and last the language tag.

    Raises TunesmithError `examples-unreadable`.
    """
    checks: list[Check] = []
    if section.prompt_characters != Length():
        checks.append(partial(check_length, part="prompt", length=section.prompt_characters))
    if section.answer_characters != Length():
        checks.append(partial(check_length, part="answer", length=section.answer_characters))
    if section.languages or section.max_mixed_share is not None:
        checks.append(partial(check_language, languages=section.languages, max_mixed_share=section.max_mixed_share))
    if section.max_repetition is not None:
        checks.append(partial(check_repetition, max_share=section.max_repetition))
    if section.relevance is not None:
        checks.append(OnTask.fit(section.relevance))
    if section.language_tag:
        checks.append(tag_language)
    return tuple(checks)


def fill_missing(
    values: Mapping[str, Any], section: Clean, columns: Mapping[str, str]
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """A raw row with its empty columns filled, and the code `clean.filled` where one was.

    A column is empty when it is absent, null or white space. The recipe names it as the file does, or by its canonical
    name, which `columns` translates. Raises Refused `missing-value`.
    """
    if not section.fill and not section.require:
        return values, ()
    gaps = {columns.get(name, name): text for name, text in section.fill.items()}
    found = {column: text for column, text in gaps.items() if _is_empty(values.get(column))}
    filled = {**values, **found} if found else values
    for name in section.require:
        column = columns.get(name, name)
        if _is_empty(filled.get(column)):
            raise Refused("missing-value", column, field=column)
    return filled, (FILLED,) if found else ()


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Runs repairs on every text of a row: contents, thinking, the rejected answer and the label."""

    repairs: tuple[str, ...]
    rewrites: tuple[str, ...]

    def steps(self) -> tuple[Cleaner, ...]:
        """The same rules, one after the other."""
        return (
            *(Cleaner((name,), ()) for name in self.repairs),
            *(Cleaner((), (name,)) for name in self.rewrites),
        )

    def __call__(self, example: Example) -> Example:
        codes: dict[str, None] = {}
        messages = tuple(self._message(message, codes) for message in example.messages)
        rejected = self._message(example.rejected, codes) if example.rejected else None
        if not codes:
            return example
        # The label is what the answer says, and has to go on saying it.
        label = self._text(example.label, codes) if example.label else example.label
        return replace(example, messages=messages, rejected=rejected, label=label, changes=(*example.changes, *codes))

    def _message(self, message: Message, codes: dict[str, None]) -> Message:
        content = self._text(message.content, codes)
        reasoning = self._text(message.reasoning, codes) if message.reasoning else message.reasoning
        if content == message.content and reasoning == message.reasoning:
            return message
        return replace(message, content=content, reasoning=reasoning)

    def _text(self, text: str, codes: dict[str, None]) -> str:
        """The text, cleaned; the code of each repair that changed it is added to `codes`."""
        if self.repairs and looks_broken(text):
            for name in self.repairs:
                text = _changed(text, name, REPAIRS[name], codes)
        for name in self.rewrites:
            text = _changed(text, name, _REWRITES[name], codes)
        return text


def _changed(text: str, name: str, change: Callable[[str], str], codes: dict[str, None]) -> str:
    changed = change(text)
    if changed != text:
        codes[f"clean.{name}"] = None
    return changed


def check_length(example: Example, part: str, length: Length) -> Example | Rejected:
    """Reject `too-short` and `too-long-text`; `part` is "prompt" or "answer"."""
    texts = example.prompt if part == "prompt" else (example.answer,)
    num_characters = sum(len(message.content.strip()) for message in texts if message.role != "system")
    if num_characters < length.min:
        return _rejected(example, "too-short", f"{part}: {num_characters} < {length.min}")
    if length.max is not None and num_characters > length.max:
        return _rejected(example, "too-long-text", f"{part}: {num_characters} > {length.max}")
    return example


def check_repetition(example: Example, max_share: float) -> Example | Rejected:
    """Reject `repetitive`: any text of the row, thinking included, that repeats more of itself than `max_share`."""
    for index, message in enumerate(example.messages):
        for text in (message.content, message.reasoning or ""):
            share = repetition_share(text)
            if share > max_share:
                return _rejected(example, "repetitive", f"{share:.2f} > {max_share:g}", index)
    return example


def repetition_share(text: str) -> float:
    """The share of a text's characters (letters and digits) in runs of ten units that stood in it before, 0 to 1.

    One of Gopher's measures of repetition (Rae et al. 2021, arXiv:2112.11446, table A1: duplicate n-grams), counted
    from the second occurrence on, each character once. A unit is a word or one Chinese character (`tokens.words`).
    """
    units = words(text)
    lengths = [len(unit) for unit in units]
    seen: set[tuple[str, ...]] = set()
    num_repeated = covered = 0
    for start, run in enumerate(ngrams(units, _RUN_UNITS)):
        if run in seen:
            num_repeated += sum(lengths[max(start, covered) : start + _RUN_UNITS])
            covered = start + _RUN_UNITS
        seen.add(run)
    return num_repeated / max(1, sum(lengths))


def check_language(
    example: Example, languages: Sequence[Language], max_mixed_share: float | None
) -> Example | Rejected:
    """Reject `wrong-language`, by the user's text and, unless the row has a label, the answers; code is left out.

    A text without letters (a number, a date) has no language and is not judged.
    """
    for name, text in _judged(example):
        if not any(map(str.isalpha, text)):
            continue
        found = identify_language(text) if languages else None
        if found is not None and found not in languages:
            return _rejected(example, "wrong-language", f"{name}: {found}")
        if max_mixed_share is not None:
            share = chinese_share(text)
            mixed = min(share, 1 - share)
            if mixed > max_mixed_share:
                return _rejected(example, "wrong-language", f"{name}: {mixed:.2f} > {max_mixed_share:g}")
    return example


def _judged(example: Example) -> Iterator[tuple[str, str]]:
    yield "user", _said(example, "user")
    if example.label is None:
        yield "assistant", _said(example, "assistant")


def _said(example: Example, role: str) -> str:
    """All that one side says, without code, as far as it is judged."""
    said = "\n".join(message.content for message in example.messages if message.role == role)
    return without_code(said[:_JUDGED_CHARACTERS])


def tag_language(example: Example) -> Example:
    """Put `[EN]` or `[ZH]` before each text of the user that is in one of the two and has no tag yet."""
    messages = tuple(_tagged(message) if message.role == "user" else message for message in example.messages)
    if messages == example.messages:
        return example
    return replace(example, messages=messages, changes=(*example.changes, "clean.language-tag"))


TAGS: Final[Mapping[Language, str]] = {"en": "[EN] ", "zh": "[ZH] "}


def _tagged(message: Message) -> Message:
    if message.content.startswith(tuple(TAGS.values())):
        return message
    tag = TAGS.get(identify_language(without_code(message.content)), "")
    return replace(message, content=tag + message.content)


@dataclass(frozen=True, slots=True, eq=False)
class OnTask:
    """Rejects `off-task`: rows whose user says nothing like any of the examples."""

    weigh: Pipeline
    """From texts to TF-IDF vectors of unit length over hashed character n-grams."""
    examples_FE: Any
    """Sparse matrix: the vectors of the E examples."""
    threshold: float

    @classmethod
    def fit(cls, relevance: Relevance) -> OnTask:
        """Weigh n-grams of 2 to 4 characters by how few of the examples have them: right for both languages.

        Raises TunesmithError `examples-unreadable`.
        """
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
        from sklearn.pipeline import make_pipeline

        counts = HashingVectorizer(
            analyzer="char_wb", ngram_range=(2, 4), n_features=_NUM_FEATURES, norm=None, alternate_sign=False
        )
        weigh = make_pipeline(counts, TfidfTransformer(sublinear_tf=True))
        texts = _read_examples(Path(relevance.examples))
        return cls(weigh, weigh.fit_transform(texts).T.tocsr(), relevance.threshold)

    def __call__(self, example: Example) -> Example | Rejected:
        if example.split == REHEARSAL:
            return example
        text = "\n".join(message.content for message in example.messages if message.role == "user")
        similarity = float((self.weigh.transform([text[:_JUDGED_CHARACTERS]]) @ self.examples_FE).max())
        if similarity >= self.threshold:
            return example
        return _rejected(example, "off-task", f"{similarity:.3f} < {self.threshold:g}")


def hash_examples(file: Path) -> dict[str, str]:
    """The file's name and SHA-256, 64 hex digits. Raises TunesmithError `examples-unreadable`."""
    try:
        return {str(file): hash_file(file)}
    except OSError as failure:
        raise TunesmithError("examples-unreadable", place=Place(str(file)), problem=str(failure)) from failure


def _read_examples(file: Path) -> list[str]:
    try:
        content = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as failure:
        raise TunesmithError("examples-unreadable", place=Place(str(file)), problem=str(failure)) from failure
    texts = [line for line in content.splitlines() if line.strip()]
    if not texts:
        raise TunesmithError("examples-unreadable", place=Place(str(file)), problem=Phrase("examples.problem.empty"))
    return texts


def _rejected(example: Example, reason: str, detail: str, index: int | None = None) -> Rejected:
    field = None if index is None else f"messages[{index}]"
    return Rejected(replace(example.place, field=field), reason, detail)
