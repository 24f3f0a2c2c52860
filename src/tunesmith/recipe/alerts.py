"""The section `monitor.alerts`: what somebody is told of, and where."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.section import PositiveInt, Section

FigureName = Literal[
    "exchanges_per_day",
    "unfamiliar_share",
    "latency_p50_seconds",
    "latency_p95_seconds",
    "first_token_p95_seconds",
    "length_cut_share",
    "timeout_share",
    "filtered_share",
    "length_mean",
    "chinese_mean",
    "confidence_mean",
    "answer_length_mean",
    "thinking_length_mean",
    "refused_share",
    "guarded_share",
    "bits_per_byte_mean",
    "feedback_share",
    "thumbs_down_share",
    "corrected_share",
    "rating_mean",
    "correction_distance_mean",
    "accuracy_share",
]
"""Figures of a health report, of which a rule may name one."""
_ADDRESS: Final = re.compile(r"https?://[!-~]+", re.IGNORECASE)


class AlertRule(Section):
    """A figure of a health report, and the bound beyond which somebody is told."""

    figure: Annotated[FigureName, Field(description="Its name in the health report, such as `latency_p95_seconds`.")]
    above: Annotated[float | None, Field(description="Told where it is larger.")] = None
    below: Annotated[float | None, Field(description="Told where it is smaller.")] = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> AlertRule:
        if self.above is None and self.below is None:
            raise PydanticCustomError("rule_bound", "give `above` or `below`")
        return self


class Webhook(Section):
    """One address that alerts are posted to as JSON."""

    url: Annotated[str, Field(description="`https://...`; addresses inside your own network are refused unless named.")]
    secret: Annotated[
        str | None, Field(description="Name of the environment variable whose value signs each alert (HMAC-SHA256).")
    ] = None
    private: Annotated[
        bool, Field(description="Whether the address may be one of your own network, or of this machine.")
    ] = False

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if not _ADDRESS.fullmatch(value) or not _has_host(value):
            raise PydanticCustomError("webhook_url", "no address to post to")
        return value

    @model_validator(mode="after")
    def _is_encrypted(self) -> Webhook:
        if not self.private and urlsplit(self.url).scheme != "https":
            raise PydanticCustomError("webhook_https", "what leaves the network is encrypted")
        return self


def _has_host(url: str) -> bool:
    """Whether a host is named, a port that is one, and nobody's name or password."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0 and not parts.fragment
    except ValueError:  # a port that is no number, half a bracket
        return False


class Alerts(Section):
    """What somebody is told of, and where. The terminal and the workspace's `alerts.jsonl` always hear it."""

    on: Annotated[
        tuple[Literal["drift", "concept", "quality"], ...],
        Field(description="Findings with a stated false-alarm rate that are told.", strict=False),
    ] = ("drift", "concept", "quality")
    rules: Annotated[tuple[AlertRule, ...], Field(description="Bounds of your own.", strict=False)] = ()
    webhook: Annotated[Webhook | None, Field(description="Where they are posted; absent: nowhere.")] = None
    max_waiting: Annotated[
        PositiveInt, Field(description="Alerts that wait for a webhook that does not answer; older ones are dropped.")
    ] = 100
