"""What came of ratings: means, differences, preferences, and how far raters, and a judging model, may be believed.

Shapes: N ratings, U units (one answer, or one pair of answers), V values. Ratings of one item, or of items of one
group, are drawn together wherever an interval is a bootstrap's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts import Scorecard
from tunesmith.artifacts.rated import OfJudge, Preference, Rated
from tunesmith.artifacts.ratings import JudgeHead, newest, shown_hash
from tunesmith.artifacts.scorecard import Difference, Estimate
from tunesmith.evaluate.rating import TEST, first_answers, questions
from tunesmith.records import PREFERENCE, Choice, Message, Rating, Sample
from tunesmith.stats.agreement import Coefficient, Lean, kappa, krippendorff_alpha, lean, with_interval
from tunesmith.stats.intervals import bootstrap_bca
from tunesmith.stats.paired import holm, paired_difference

LOWEST: Final = 1
HIGHEST: Final = 5
_WINNER: Final[Mapping[int | Choice | None, int]] = {"left": 0, "right": 1}


@dataclass(frozen=True)
class _Outcome:
    """One comparison of `arm` with `against`: 1 where the first was better, -1 the second, 0 neither."""

    item: str
    arm: str
    against: str
    sign: int
    is_both_bad: bool = False

    @property
    def value(self) -> int:
        return 3 if self.is_both_bad else self.sign + 1


@dataclass(frozen=True)
class Answered:
    """What a scorecard's arms answered first to each test item."""

    samples: Mapping[tuple[str, str], Sample]
    """By arm and item."""
    seed: int

    @classmethod
    def of(cls, scorecard: Scorecard) -> Answered:
        return cls(first_answers(scorecard.samples()), scorecard.manifest.seed)

    @cached_property
    def arms(self) -> list[str]:
        """In the order of the scorecard."""
        return list(dict.fromkeys(arm for arm, _ in self.samples))

    @cached_property
    def prompts(self) -> dict[str, tuple[Message, ...]]:
        return questions(self.samples.values())

    @cached_property
    def group_of(self) -> dict[str, str]:
        """By item; an item without a group is one of its own."""
        return {item: sample.group or item for (_, item), sample in self.samples.items()}

    def groups(self, items: Iterable[str]) -> list[str]:
        return [self.group_of[item] for item in items]

    def rated(self, ratings: Iterable[Rating]) -> list[Rating]:
        """Those that are about these very answers, each the newest."""
        found = []
        for rating in newest(ratings):
            samples = [self.samples.get((arm, rating.item)) for arm in rating.arms]
            shown = [sample for sample in samples if sample is not None]
            if len(shown) == len(samples) and shown_hash(self.prompts[rating.item], shown) == rating.shown:
                found.append(rating)
        return found


def of_people(answered: Answered, ratings: Iterable[Rating]) -> Rated | None:
    """None where nobody rated these answers."""
    found = answered.rated(ratings)
    if not found:
        return None
    sides = [_WINNER[rating.value] for rating in found if rating.value in _WINNER]
    rated = _rated(answered, found, _outcomes(answered, found), lean(sides.count(0), len(sides)))
    return rated.model_copy(update={"agreement": _agreement(answered, found)})


def of_judge(answered: Answered, head: JudgeHead, judged: Sequence[Rating], people: Iterable[Rating]) -> Rated:
    """What a judging model said, held against people where they rated the same answers.

    Every pair was judged in both orders: only what holds in both is a preference, the rest counts as a tie. A pair with
    an unreadable judgement counts as none.
    """
    orders = _orders(judged)
    settled, turned = _settled(answered, orders)
    # who names the same side twice has named two arms; one who judges the answers alone names either side as often
    same_side = [_WINNER[one.value] for one, other in orders if one.value == other.value and one.value in _WINNER]
    rated = _rated(answered, judged, settled, lean(same_side.count(0), len(same_side)))
    unreadable = {(one.item, one.arms) for one in judged if one.value is None}
    told = OfJudge(head=head, unreadable=len(unreadable), turned=turned, pairs=len(orders))
    return against_people(answered, rated.model_copy(update={"judge": told}), judged, people)


def against_people(answered: Answered, rated: Rated, judged: Sequence[Rating], people: Iterable[Rating]) -> Rated:
    """What a judging model said (`rated`, made of `judged`), with how far people agree who rated the same answers."""
    assert rated.judge is not None
    known, (settled, _) = answered.rated(people), _settled(answered, _orders(judged))
    kappas = _kappa_of_grades(answered, judged, known) | _kappa_of_preferences(answered, settled, known)
    return rated.model_copy(update={"judge": rated.judge.model_copy(update={"kappa": kappas})})


def _orders(judged: Sequence[Rating]) -> list[list[Rating]]:
    """Of each pair of answers the judgements in both orders; pairs that lack one are left out."""
    both: dict[tuple[str, frozenset[str]], list[Rating]] = {}
    for rating in judged:
        if rating.dimension == PREFERENCE and rating.value is not None:
            both.setdefault((rating.item, frozenset(rating.arms)), []).append(rating)
    return [pair for pair in both.values() if len(pair) == 2]


def _settled(answered: Answered, orders: Sequence[Sequence[Rating]]) -> tuple[list[_Outcome], int]:
    """What holds in both orders, else a tie; and how many judgements turned with the order."""
    outcomes = [(_outcome(answered, one), _outcome(answered, other)) for one, other in orders]
    settled = [
        one if one.sign == other.sign else _Outcome(one.item, one.arm, one.against, 0) for one, other in outcomes
    ]
    return settled, sum(one.sign != other.sign for one, other in outcomes)


def _rated(answered: Answered, ratings: Sequence[Rating], outcomes: Sequence[_Outcome], left: Lean | None) -> Rated:
    graded = [rating for rating in ratings if isinstance(rating.value, int)]
    dimensions = list(dict.fromkeys(rating.dimension for rating in graded))
    differences = [each for dimension in dimensions for each in _differences(answered, graded, dimension)]
    preferences = _preferences(answered, outcomes)
    corrected = holm([each.p_value for each in (*differences, *(p.difference for p in preferences))])
    differences = [_corrected(each, p) for each, p in zip(differences, corrected, strict=False)]
    preferences = [
        each.model_copy(update={"difference": _corrected(each.difference, p)})
        for each, p in zip(preferences, corrected[len(differences) :], strict=True)
    ]
    longer = _longer(answered, outcomes)
    return Rated(
        raters=dict(Counter(rating.rater for rating in ratings)),
        num_items=len({rating.item for rating in ratings}),
        scores={dimension: _scores(answered, graded, dimension) for dimension in dimensions},
        differences=differences,
        preferences=preferences,
        left=left,
        longer=lean(sum(longer), len(longer)),
        not_told=sum(rating.value is None for rating in ratings),
    )


def _corrected(difference: Difference, p_adjusted: float) -> Difference:
    return difference.model_copy(update={"p_adjusted": p_adjusted})


def _scores(answered: Answered, graded: Sequence[Rating], dimension: str) -> dict[str, Estimate]:
    """The mean of all grades; where all are equal there is no interval to be had."""
    found = {}
    for arm in answered.arms:
        own = [rating for rating in graded if rating.dimension == dimension and rating.arms == (arm,)]
        if own:
            values_N = np.array([rating.value for rating in own], np.float64)
            groups = answered.groups(rating.item for rating in own)
            interval = bootstrap_bca(values_N, seed=answered.seed, groups=groups)
            found[arm] = Estimate(
                value=float(values_N.mean()),
                low=interval.low if interval.has_width else None,
                high=interval.high if interval.has_width else None,
                n=len(own),
            )
    return found


def _differences(answered: Answered, graded: Sequence[Rating], dimension: str) -> list[Difference]:
    """Each arm less those before it in the scorecard."""
    by_arm: dict[str, dict[str, list[int]]] = {}
    for rating in graded:
        if rating.dimension == dimension and isinstance(rating.value, int):
            by_arm.setdefault(rating.arms[0], {}).setdefault(rating.item, []).append(rating.value)
    found = []
    for against, arm in combinations([arm for arm in answered.arms if arm in by_arm], 2):
        items = [item for item in by_arm[arm] if item in by_arm[against]]
        if items:
            # as shares of the scale, which is what scores are compared by
            before_N, after_N = (
                np.array([(np.mean(by_arm[name][item]) - LOWEST) / (HIGHEST - LOWEST) for item in items])
                for name in (against, arm)
            )
            found.append(_difference(answered, dimension, (arm, against), (after_N, before_N), items))
    return found


def _difference(
    answered: Answered,
    dimension: str,
    pair: tuple[str, str],
    values: tuple[NDArray[np.float64], NDArray[np.float64]],
    items: Sequence[str],
) -> Difference:
    """Of shares of the scale; grades are told in grades."""
    after_N, before_N = values
    groups = answered.groups(items)
    found = paired_difference(before_N, after_N, groups if groups != list(items) else None, seed=answered.seed)
    scale = 1 if dimension == PREFERENCE else HIGHEST - LOWEST
    return Difference(
        suite=TEST,
        metric=dimension,
        arm=pair[0],
        against=pair[1],
        mean=found.mean * scale,
        low=found.low * scale,
        high=found.high * scale,
        p_value=found.p_value,
        n=found.n,
    )


def _outcomes(answered: Answered, ratings: Sequence[Rating]) -> list[_Outcome]:
    told = [rating for rating in ratings if rating.dimension == PREFERENCE and rating.value is not None]
    return [_outcome(answered, rating) for rating in told]


def _outcome(answered: Answered, rating: Rating) -> _Outcome:
    against, arm = sorted(rating.arms, key=answered.arms.index)
    better = None if rating.value not in _WINNER else rating.arms[_WINNER[rating.value]]
    sign = 0 if better is None else 1 if better == arm else -1
    return _Outcome(rating.item, arm, against, sign, rating.value == "both_bad")


def _preferences(answered: Answered, outcomes: Sequence[_Outcome]) -> list[Preference]:
    found = []
    for arm, against in dict.fromkeys((one.arm, one.against) for one in outcomes):
        own = [one for one in outcomes if (one.arm, one.against) == (arm, against)]
        by_item: dict[str, list[int]] = {}
        for one in own:
            by_item.setdefault(one.item, []).append(one.sign)
        won_N, lost_N = (np.array([np.mean([s == sign for s in by_item[i]]) for i in by_item]) for sign in (1, -1))
        signs = Counter(one.value for one in own)
        found.append(
            Preference(
                arm=arm,
                against=against,
                won=signs[2],
                lost=signs[0],
                ties=signs[1],
                both_bad=signs[3],
                difference=_difference(answered, PREFERENCE, (arm, against), (won_N, lost_N), list(by_item)),
            )
        )
    return found


def _longer(answered: Answered, outcomes: Sequence[_Outcome]) -> list[bool]:
    """Of each comparison that one answer won, whether that was the longer one; those of equal length are left out."""
    found = []
    for one in outcomes:
        more = len(answered.samples[one.arm, one.item].answer) - len(answered.samples[one.against, one.item].answer)
        if one.sign and more:
            found.append((more > 0) == (one.sign > 0))
    return found


def _agreement(answered: Answered, ratings: Sequence[Rating]) -> dict[str, Coefficient]:
    """By dimension, over the answers or pairs that two raters or more judged."""
    graded: dict[str, list[tuple[str, tuple[str, ...], int]]] = {}
    for rating in ratings:
        if isinstance(rating.value, int):
            given = (rating.item, (rating.item, *rating.arms), rating.value - LOWEST)
            graded.setdefault(rating.dimension, []).append(given)
    found = {dimension: _alpha(answered, own, HIGHEST - LOWEST + 1) for dimension, own in graded.items()}
    chosen = [(one.item, (one.item, one.arm, one.against), one.value) for one in _outcomes(answered, ratings)]
    if chosen:
        found[PREFERENCE] = _alpha(answered, chosen, len(get_args(Choice)), is_ordinal=False)
    return found


def _alpha(
    answered: Answered, given: Sequence[tuple[str, tuple[str, ...], int]], num_values: int, *, is_ordinal: bool = True
) -> Coefficient:
    """`given` are item, unit and value, counted from 0, of each rating."""
    item_of = {unit: item for item, unit, _ in given}
    place = {unit: number for number, unit in enumerate(item_of)}
    counts_UV = np.zeros((len(place), num_values), np.int64)
    for _, unit, value in given:
        counts_UV[place[unit], value] += 1
    has_met_U = counts_UV.sum(axis=1) >= 2
    met_UV = counts_UV[has_met_U]
    items = [item for item, has_met in zip(item_of.values(), has_met_U.tolist(), strict=True) if has_met]
    level: Literal["nominal", "ordinal"] = "ordinal" if is_ordinal else "nominal"
    return with_interval(
        lambda places: krippendorff_alpha(met_UV[places], level),
        len(met_UV),
        answered.groups(items),
        seed=answered.seed,
    )


def _kappa_of_grades(answered: Answered, judged: Sequence[Rating], people: Sequence[Rating]) -> dict[str, Coefficient]:
    said = {(r.dimension, r.item, r.arms): r.value for r in judged if isinstance(r.value, int)}
    met: dict[str, list[tuple[str, int, int]]] = {}
    for rating in people:
        told = said.get((rating.dimension, rating.item, rating.arms))
        if told is not None and isinstance(rating.value, int):
            met.setdefault(rating.dimension, []).append((rating.item, told - LOWEST, rating.value - LOWEST))
    return {dimension: _kappa(answered, pairs, HIGHEST - LOWEST + 1) for dimension, pairs in met.items()}


def _kappa_of_preferences(
    answered: Answered, settled: Sequence[_Outcome], people: Sequence[Rating]
) -> dict[str, Coefficient]:
    said = {(one.item, one.arm, one.against): one.sign for one in settled}
    met = [
        (one.item, said[one.item, one.arm, one.against] + 1, one.sign + 1)
        for one in _outcomes(answered, people)
        if (one.item, one.arm, one.against) in said
    ]
    return {PREFERENCE: _kappa(answered, met, 3, is_graded=False)} if met else {}


def _kappa(
    answered: Answered, met: Sequence[tuple[str, int, int]], num_values: int, *, is_graded: bool = True
) -> Coefficient:
    """`met` are item, what the judge said and what a person said, counted from 0."""
    judge_N, person_N = (np.array([pair[place] for pair in met], np.int64) for place in (1, 2))
    return with_interval(
        lambda places: kappa(judge_N[places], person_N[places], num_values, "quadratic" if is_graded else "none"),
        len(met),
        answered.groups(pair[0] for pair in met),
        seed=answered.seed,
    )
