"""How fast an arm answered and what an answer cost: figures of the arm as a whole, absent where nothing tells them."""

from __future__ import annotations

from dataclasses import dataclass

from tunesmith.recipe.metrics import Cost

_MILLION = 1e6
_SECONDS_OF_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Effort:
    """What an arm took to give its answers."""

    num_answers: int
    num_characters: int
    """Written, thinking included."""
    num_tokens: int
    """Written; 0 where nothing was written, as by an arm that scores labels or has none."""
    num_prompt_tokens_mean: float | None
    seconds: float
    first_token_seconds: float | None


def speeds(effort: Effort) -> dict[str, float]:
    """Characters and tokens per second over all answers of the arm, and the mean time to the first token."""
    found = {}
    if effort.num_tokens and effort.seconds > 0:
        found["characters_per_second"] = effort.num_characters / effort.seconds
        found["tokens_per_second"] = effort.num_tokens / effort.seconds
    if effort.first_token_seconds is not None:
        found["first_token_seconds"] = effort.first_token_seconds
    return found


def cost_per_answer(cost: Cost, effort: Effort) -> float | None:
    """The sum of what the stated prices make of an answer; None where one of them cannot be applied to the arm."""
    if effort.num_prompt_tokens_mean is None and (cost.prompt is not None or cost.answer is not None):
        return None
    if cost.answer is not None and not effort.num_tokens:
        return None
    prompt = (cost.prompt or 0.0) * (effort.num_prompt_tokens_mean or 0.0) / _MILLION
    answer = (cost.answer or 0.0) * effort.num_tokens / effort.num_answers / _MILLION
    machine = (cost.hour or 0.0) * effort.seconds / _SECONDS_OF_HOUR / effort.num_answers
    return prompt + answer + machine
