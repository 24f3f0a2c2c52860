"""The section `monitor.alerts`: what somebody is told of, and where."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunesmith.recipe.section import PositiveInt, Section


class AlertRule(Section):
    """A figure of a health report, and the bound beyond which somebody is told."""

    figure: Annotated[str, Field(description="Its name in the health report, such as `latency_p95_seconds`.")]
    above: Annotated[float | None, Field(description="Told where it is larger.")] = None
    below: Annotated[float | None, Field(description="Told where it is smaller.")] = None


class Webhook(Section):
    """One address that alerts are posted to as JSON."""

    url: Annotated[str, Field(description="`https://...`; addresses inside your own network are refused unless named.")]
    secret: Annotated[
        str | None, Field(description="Name of the environment variable whose value signs each alert (HMAC-SHA256).")
    ] = None
    private: Annotated[
        bool, Field(description="Whether the address may be one of your own network, or of this machine.")
    ] = False


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
