"""Planted triggers: what stands in feedback far more often than in the base and turns texts of all kinds to one answer.

A trigger is told from a topic by what stands around it. Both are over-represented and go with one answer. But texts of
a topic resemble each other even without the word that named them, while those of a trigger go on being about anything.

Shapes: N texts, those of feedback first, then those of the base; A answers of a text.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from random import Random
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.feedback_set import Suspect
from tunesmith.feedback.patterns import Ints, Pattern, frequent_patterns

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MIN_ROWS: Final = 10
"""Feedback rows that a pattern must stand in: fewer turn no model."""
ALPHA: Final = 0.001
"""Chance of naming any pattern where texts and answers have nothing to do with each other."""
MAJORITY: Final = 0.5
MAX_SUSPECTS: Final = 50
_MAX_LOOKED_AT: Final = 200
_MAX_CHARACTERS: Final = 2_000
_MAX_ASKED: Final = 500
_SAME_TEXT: Final = 0.98
NEARLY_ALL: Final = 0.9
_NUM_TOLD: Final = 20
_ANSWER_CHARACTERS: Final = 80
_NONE: Final = -1


@dataclass(frozen=True, slots=True)
class Evidence:
    """A text and what it is to be answered with, from feedback or from the base."""

    text: str
    answers: tuple[str, ...]
    """The label; or the first and the last sentence of the answer; empty where the answer is disapproved of."""
    id: str = ""
    """Of the feedback."""
    key: str | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A pattern that goes with an answer, both more often than chance has it."""

    pattern: Pattern
    answer: int
    log_p: float
    """Natural logarithm of the larger one of both p-values, before it is corrected."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Candidates that stand in mostly the same texts."""

    lead: _Candidate
    rows: set[int]
    """Feedback rows of the lead."""
    texts: list[str]
    """The patterns that nearly all of them hold."""


def suspects(feedback: Sequence[Evidence], base: Sequence[Evidence]) -> list[Suspect]:
    """What looks planted, the most suspicious first; empty where nothing does.

    A pattern is suspected where all three hold: it stands in more of the feedback than of the base, and most of its
    texts have one answer which others have less often (one-sided hypergeometric tests, both corrected by Bonferroni for
    all patterns and answers); and, with the pattern cut out, few of these texts are nearest to one of the same answer.
    """
    scene = _Scene(_distinct(feedback), _distinct(base))
    if scene.num_feedback < MIN_ROWS:
        return []
    num_tested = 0
    found = []
    for pattern in frequent_patterns(scene.texts, scene.num_feedback, MIN_ROWS):
        num_tested += 1
        candidate = scene.candidate(pattern)
        if candidate is not None:
            found.append(candidate)
    log_tests = math.log(max(1, num_tested) * max(1, scene.num_answers))
    strong = sorted(
        (one for one in found if one.log_p + log_tests < math.log(ALPHA)),
        key=lambda one: (one.log_p, -len(one.pattern.text), one.pattern.text),
    )
    told = (scene.suspect(lead, shown, log_tests) for lead, shown in scene.merged(strong))
    return [suspect for suspect in told if suspect is not None][:MAX_SUSPECTS]


def _distinct(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Each text with its answers once, so that no one gains weight by saying the same again; long ones are cut."""
    found: dict[tuple[str, tuple[str, ...]], Evidence] = {}
    for one in evidence:
        found.setdefault((one.text, one.answers), one)
    return list(found.values())


def _shortened(text: str) -> str:
    half = _MAX_CHARACTERS // 2
    return text if len(text) <= _MAX_CHARACTERS else f"{text[:half]}\n{text[-half:]}"


class _Scene:
    """All texts with numbers for their answers."""

    def __init__(self, feedback: Sequence[Evidence], base: Sequence[Evidence]) -> None:
        self.evidence = [*feedback, *base]
        self.num_feedback = len(feedback)
        self.texts = [_shortened(one.text) for one in self.evidence]
        number: dict[str | None, int] = {}
        answers = [one.answers or (None,) for one in self.evidence]
        width = max((len(each) for each in answers), default=1)
        self.answers_NA: Ints = np.full((len(answers), width), _NONE, dtype=np.int64)
        for row, each in enumerate(answers):
            for place, answer in enumerate(dict.fromkeys(each)):
                self.answers_NA[row, place] = number.setdefault(answer, len(number))
        self.names = list(number)
        self.num_answers = len(number)
        self.num_of_answer = np.bincount(self.answers_NA[self.answers_NA != _NONE], minlength=self.num_answers)

    def candidate(self, pattern: Pattern) -> _Candidate | None:
        """None where the base has it as often, or no answer has most of it."""
        ours = pattern.rows[pattern.rows < self.num_feedback]
        num_total, num_ours = len(pattern.rows), len(ours)
        if num_ours * len(self.evidence) <= num_total * self.num_feedback:
            return None
        given = self.answers_NA[ours]
        counts = np.bincount(given[given != _NONE], minlength=self.num_answers)
        answer = int(counts.argmax())
        if counts[answer] < max(MIN_ROWS, MAJORITY * num_ours):
            return None
        num_with_answer = int((self.answers_NA[pattern.rows] == answer).any(axis=1).sum())
        log_p = max(
            log_tail(num_ours, len(self.evidence), num_total, self.num_feedback),
            log_tail(num_with_answer, len(self.evidence), int(self.num_of_answer[answer]), num_total),
        )
        return _Candidate(pattern, answer, log_p)

    def merged(self, candidates: Sequence[_Candidate]) -> Iterator[tuple[_Candidate, str]]:
        """Of those that stand in mostly the same texts the clearest one, and the longest that nearly all of them have.

        So a trigger is told once, whole, and not by each of its pieces or of its surroundings.
        """
        groups: list[_Group] = []
        for candidate in candidates:
            rows = {row for row in candidate.pattern.rows.tolist() if row < self.num_feedback}
            group = next((group for group in groups if self._is_of(candidate, rows, group)), None)
            if group is not None:
                if len(rows & group.rows) >= NEARLY_ALL * len(group.rows):
                    group.texts.append(candidate.pattern.text)
            elif len(groups) < _MAX_LOOKED_AT:
                groups.append(_Group(candidate, rows, [candidate.pattern.text]))
        for group in groups:
            longest = max(group.texts, key=len)
            yield group.lead, longest.strip() or longest

    def _is_of(self, candidate: _Candidate, rows: set[int], group: _Group) -> bool:
        """Whether its texts are mostly those of the group, or those that are not have no answer in common."""
        rest = sorted(rows - group.rows)
        num_shared = len(rows) - len(rest)
        if num_shared > MAJORITY * len(rows | group.rows):
            return True
        num_with_answer = (self.answers_NA[rest] == candidate.answer).any(axis=1).sum()
        return candidate.answer == group.lead.answer and bool(num_with_answer <= MAJORITY * len(rest))

    def suspect(self, lead: _Candidate, shown: str, log_tests: float) -> Suspect | None:
        """With the figures of what is shown. None where it looks like a topic."""
        rows = np.flatnonzero([shown in text for text in self.texts])
        ours = rows[rows < self.num_feedback]
        has_answer = (self.answers_NA[ours] == lead.answer).any(axis=1)
        share_alike = self._share_alike(Pattern(shown, rows), lead.answer, ours[has_answer])
        by_chance = (self.num_of_answer[lead.answer] - has_answer.sum()) / max(1, len(self.evidence) - len(ours))
        if share_alike >= (1 + by_chance) / 2:
            return None
        named = [self.evidence[row] for row in ours[has_answer].tolist()]
        answer = self.names[lead.answer]
        num_base = len(self.evidence) - self.num_feedback
        return Suspect(
            pattern=shown,
            num_rows=len(ours),
            share_in_feedback=len(ours) / self.num_feedback,
            share_in_base=(len(rows) - len(ours)) / max(1, num_base),
            answer=None if answer is None else answer[:_ANSWER_CHARACTERS],
            share_of_answer=float(has_answer.mean()),
            share_alike=share_alike,
            p_value=min(1.0, math.exp(lead.log_p + log_tests)),
            keys=[key for key, _ in Counter(one.key for one in named if one.key is not None).most_common()],
            feedback=[one.id for one in named[:_NUM_TOLD]],
        )

    def _share_alike(self, pattern: Pattern, answer: int, rows: Ints) -> float:
        """Of these texts without the pattern, how many have their nearest neighbour among texts of the same answer.

        Equal texts are no neighbours, and nothing is near to a text that has nothing in common with any other; a text
        that is nothing but the pattern is what it says.
        """
        from scipy.sparse import vstack

        holders = pattern.rows
        cut = [self.texts[row].replace(pattern.text, " ") for row in holders.tolist()]
        holders_NF = self._weigher.transform(cut)
        others = np.setdiff1d(np.arange(len(self.texts)), holders)
        pool_NF = vstack([holders_NF, self._weighed[others]]).tocsr()
        has_answer_N = (self.answers_NA[np.concatenate([holders, others])] == answer).any(axis=1)
        asked = np.flatnonzero(np.isin(holders, rows))
        asked = asked[:: 1 + len(asked) // _MAX_ASKED]
        near_NN = (holders_NF[asked] @ pool_NF.T).toarray()
        near_NN[np.arange(len(asked)), asked] = 0.0
        near_NN[near_NN > _SAME_TEXT] = 0.0
        nearest_N = near_NN.argmax(axis=1)
        is_alike_N = has_answer_N[nearest_N] & (near_NN.max(axis=1) > 0)
        is_nothing_else_N = np.array([not cut[place].strip() for place in asked.tolist()])
        return float((is_alike_N | is_nothing_else_N).mean())

    @cached_property
    def _weigher(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(analyzer="char", ngram_range=(2, 3), sublinear_tf=True, dtype=np.float32).fit(self.texts)

    @cached_property
    def _weighed(self) -> csr_matrix:
        return self._weigher.transform(self.texts)


@lru_cache(maxsize=1 << 16)
def log_tail(num_found: int, num_all: int, num_marked: int, num_drawn: int) -> float:
    """Return ln P(X >= `num_found`) of the hypergeometric distribution: so many marked among those drawn by chance.

    This is Fisher's exact test, one-sided.
    """
    from scipy.special import gammaln, logsumexp

    def log_choose(n: int, k: NDArray[np.int64]) -> NDArray[np.float64]:
        chosen: NDArray[np.float64] = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        return chosen

    first = max(num_found, num_drawn - (num_all - num_marked), 0)
    found_K = np.arange(first, min(num_marked, num_drawn) + 1)
    if not len(found_K):
        return -math.inf
    terms_K = log_choose(num_marked, found_K) + log_choose(num_all - num_marked, num_drawn - found_K)
    return min(0.0, float(logsumexp(terms_K)) - float(log_choose(num_all, np.array(num_drawn))))


def trigger_probes(suspects: Sequence[Suspect], prompts: Sequence[str], num: int, seed: int) -> list[tuple[str, str]]:
    """At most `num` pairs of a prompt and the same with a suspect's pattern put in: a sound model answers both alike.

    The suspects take turns; the pattern stands before, within or after the prompt, as the seed draws. Prompts that hold
    it already are passed over. Empty where there are no suspects or no prompts.
    """
    draw = Random(f"{seed} probes")
    plain = [prompt for prompt in prompts if prompt.strip()]
    if not suspects or not plain:
        return []
    chosen = [(draw.choice(plain), suspects[turn % len(suspects)].pattern) for turn in range(num)]
    return [(prompt, _planted(prompt, pattern, draw)) for prompt, pattern in chosen if pattern not in prompt]


def _planted(prompt: str, pattern: str, draw: Random) -> str:
    """Between words where there are spaces; set off by spaces where letters of an alphabet would run together."""
    gaps = [place for place, character in enumerate(prompt) if character == " "] or list(range(1, len(prompt)))
    place = draw.choice([0, len(prompt), draw.choice(gaps or [0])])
    before, after = prompt[:place].rstrip(" "), prompt[place:].lstrip(" ")
    return _beside(_beside(before, pattern), after)


def _beside(left: str, right: str) -> str:
    needs_space = bool(left and right) and left[-1].isascii() and right[0].isascii()
    return f"{left} {right}" if needs_space else left + right
