"""Words and numbers of what was measured, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from tunesmith.artifacts.dataset import SplitProof
from tunesmith.artifacts.scorecard import Difference, Estimate, ScorecardBody, Verdict
from tunesmith.i18n import translate
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.metrics.registry import LOWER_IS_BETTER
from tunesmith.recipe.sections import SHIPPED_SUITES, ArmName

Language = Literal["en", "zh"]
Direction = Literal["improved", "worse", "unclear"]

_NAMED_ARMS: Final = frozenset(get_args(ArmName))
_NAMED_SUITES: Final = SHIPPED_SUITES
_NAMED_LANGUAGES: Final = frozenset({"en", "zh", "mixed", "other"})
_NAMED_SLICES: Final = frozenset({"language", "label", "length", "source", "phrase"})
_NAMED_ATTRIBUTES: Final = frozenset({"gender", "name", "language", "label", "length", "source"})
_NAMED_GROUPS: Final = frozenset({"female", "male", "latin", "han"})
_DIGITS: Final = 3


def figure(value: float) -> str:
    """A metric's value with three decimals, as in every table: 0.874; one that is small but not zero as 1.2e-4."""
    if 0 < value < 0.5 * 10**-_DIGITS:
        return significant(value, 2)
    return f"{_unsigned_zero(value):.{_DIGITS}f}".replace("-", "\N{MINUS SIGN}")


def signed(value: float) -> str:
    """A difference with its sign and three decimals: +0.462; what rounds to zero has no sign."""
    value = _unsigned_zero(value)
    return f"{value:+.{_DIGITS}f}".replace("-", "\N{MINUS SIGN}") if value else figure(0.0)


def count(number: float) -> str:
    """A whole number with separators: 12,345."""
    return f"{round(number):,}"


def significant(value: float, digits: int = 4) -> str:
    """A number with so many significant digits: 0.5546; whole from 1,000 on, with an exponent below 1e-3: 2e-4."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if value == 0 or abs(value) >= 1e-3:
        return f"{value:.{digits}g}"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def percent(share: float) -> str:
    """A share as a percentage of about three digits: 1.38%."""
    return f"{significant(100 * share, 3)}%"


def probability(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def direction(difference: Difference) -> Direction:
    """Whether the whole interval lies on the better side of zero, on the worse one, or neither."""
    if difference.low <= 0 <= difference.high:
        return "unclear"
    return "improved" if (difference.low > 0) != (difference.metric in LOWER_IS_BETTER) else "worse"


def is_worse(metric: str, value: float, than: float) -> bool:
    return value > than if metric in LOWER_IS_BETTER else value < than


@dataclass(frozen=True)
class Words:
    """The catalogue in one language, and the names of things that a recipe or scorecard mentions."""

    language: Language

    def __call__(self, key: str, /, **parameters: object) -> str:
        return translate(key, self.language, **parameters)

    def arm(self, name: str) -> str:
        """The name of a known arm in words; a variant keeps the name that its recipe gives it."""
        return self(f"arm.{name}") if name in _NAMED_ARMS else name

    def metric(self, name: str) -> str:
        """A user's function keeps its own name."""
        return self(f"metric.{name}") if f"metric.{name}" in CATALOGUE else name

    def suite(self, name: str) -> str:
        """The name of a shipped suite in words; a user's own keeps the name that its recipe gives it."""
        return self(f"suite.{name}") if name in _NAMED_SUITES else name

    def language_name(self, code: str) -> str:
        return self(f"report.language.{code}") if code in _NAMED_LANGUAGES else code

    def slice(self, kind: str) -> str:
        """A way to divide the items, as a heading."""
        return self(f"report.slice.{kind}") if kind in _NAMED_SLICES else self("report.slice.column", column=kind)

    def slice_value(self, kind: str, value: str) -> str:
        return self.language_name(value) if kind == "language" else value

    def attribute(self, name: str) -> str:
        """A protected attribute."""
        return self(f"bias.attribute.{name}") if name in _NAMED_ATTRIBUTES else name

    def group(self, name: str, attribute: str) -> str:
        """The people of one value of a protected attribute."""
        if attribute in ("gender", "name") and name in _NAMED_GROUPS:
            return self(f"bias.group.{name}")
        return self.slice_value(attribute, name)

    def between(self, low: str, high: str) -> str:
        return self("report.between", low=low, high=high)

    def interval(self, estimate: Estimate) -> str:
        """The interval of an estimate in words, or nothing where none can be given."""
        if estimate.low is None or estimate.high is None:
            return ""
        return self.between(figure(estimate.low), figure(estimate.high))

    def interval_of_difference(self, difference: Difference) -> str:
        return self.between(signed(difference.low), signed(difference.high))

    def meaning(self, verdict: Verdict, body: ScorecardBody) -> str:
        """What a verdict comes to; that nothing else was lost is said only where something else was asked."""
        asked = any(one.arm == verdict.arm for one in body.forgetting)
        word = "better_unasked" if verdict.word == "better" and not asked else verdict.word
        return self(f"verdict.meaning.{word}")

    def listed(self, names: Sequence[str]) -> str:
        return self("report.list_separator").join(names)

    def sentences(self, one: str, other: str) -> str:
        """Two sentences, one behind the other."""
        return self("report.sentences", one=one, other=other)

    def duration(self, seconds: float) -> str:
        """Seconds below two minutes, else minutes and seconds."""
        if seconds < 10:
            return self("report.seconds", seconds=f"{seconds:.1f}")
        if seconds < 120:
            return self("report.seconds", seconds=round(seconds))
        minutes, rest = divmod(round(seconds), 60)
        return self("report.minutes", minutes=count(minutes), seconds=rest)

    def reason(self, key: str, parameters: Mapping[str, str | int | float]) -> str:
        """A catalogue entry whose parameters name arms, metrics and suites by their codes and carry plain numbers."""
        namers = {"arm": self.arm, "against": self.arm, "metric": self.metric, "suite": self.suite}
        filled: dict[str, str] = {}
        for name, value in parameters.items():
            if isinstance(value, str):
                filled[name] = namers[name](value) if name in namers else value
            elif name in ("mean", "low", "high"):
                filled[name] = signed(value)
            elif isinstance(value, int):
                filled[name] = count(value)
            else:
                filled[name] = significant(value)
        return self(key, **filled)


def proof_sentence(found: SplitProof, words: Words) -> str:
    """What the splits share, counted over every pair of them, or that they share nothing."""
    if found.holds:
        return words(
            "report.data.proof",
            num_prompts=count(sum(found.distinct_prompts.values())),
            num_groups=count(sum(found.distinct_groups.values())),
        )
    return words(
        "report.data.proof_broken",
        shared_prompts=count(sum(overlap.prompts for overlap in found.shared.values())),
        shared_groups=count(sum(overlap.groups for overlap in found.shared.values())),
    )


def _unsigned_zero(value: float) -> float:
    return 0.0 if round(value, _DIGITS) == 0 else value
