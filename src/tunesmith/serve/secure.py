"""Every guard of the server, in the order in which a request meets them.

boundary    an account; failures beneath become envelopes, log lines and figures
hosts       the Host is ours, the web page too or listed
key gate    a valid key, within its budgets
bodies      a whole body of plain JSON, within size and time
authorise   the scope that the route asks for; the engine is ready and has room
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.responses import Response

from tunesmith.serve.access import Caller, KeyGate, Needs, asks_for_keys, open_routes
from tunesmith.serve.boundary import Boundary
from tunesmith.serve.deployment import Deployment
from tunesmith.serve.errors import install
from tunesmith.serve.health import Proof, Proving, ProvingByTexts, Readiness, livez, readyz
from tunesmith.serve.hosts import HostGuard
from tunesmith.serve.limits import Bodies, Budgets, Slots
from tunesmith.serve.log import write_access
from tunesmith.serve.metrics import Metrics
from tunesmith.store import find_key


@dataclass(frozen=True, slots=True)
class Guards:
    """What the guards of a running server know."""

    metrics: Metrics
    readiness: Readiness
    budgets: Budgets
    slots: Slots


def secure(app: FastAPI, deployment: Deployment, num_dropped: Callable[[], int]) -> Guards:
    """Put every guard around an application whose routes are all in place. `num_dropped` tells how many exchanges
    could not be recorded.

    An application that has a route without `authorise` or without a scope is a defect: AssertionError.
    """
    section, language = deployment.section, deployment.runtime.language
    limits = section.limits
    guards = Guards(
        metrics=Metrics(deployment.engine.load),
        readiness=Readiness(deployment.engine, _proving(deployment)),
        budgets=Budgets(limits.requests_per_minute, limits.tokens_per_minute),
        slots=Slots(limits.max_running + limits.max_waiting),
    )
    app.state.readiness, app.state.slots = guards.readiness, guards.slots
    app.add_api_route("/livez", livez, methods=["GET"])
    app.add_api_route("/readyz", readyz, methods=["GET"])
    app.add_api_route("/metrics", _metrics_route(guards, num_dropped), methods=["GET"])
    found = list(open_routes(app))
    if found:
        raise AssertionError(f"routes without a scope: {found}")
    install(app, language)
    find = partial(find_key, deployment.store) if asks_for_keys(section) else None
    # the last one added is the first that a request meets
    app.add_middleware(Bodies, max_body_bytes=limits.max_body_bytes)
    app.add_middleware(KeyGate, find_key=find, budgets=guards.budgets)
    app.add_middleware(HostGuard, section=section)
    on_close = (guards.slots.give_back, guards.budgets.spend, guards.metrics.closed, write_access)
    app.add_middleware(Boundary, language=language, on_open=guards.metrics.opened, on_close=on_close)
    return guards


def _proving(deployment: Deployment) -> Proof | None:
    """By texts where the engine cannot tell how likely an answer is; None where nothing was certified."""
    bundle, facts = deployment.bundle, deployment.facts
    if bundle is None:
        return None
    adapter = deployment.models.find(facts.name).adapter
    if not deployment.engine.capabilities.scores:
        return ProvingByTexts(bundle.canaries(), facts.certified, adapter, facts.prefilled)
    # a form that was not certified is never ready
    tolerance = bundle.certificate().canary_tolerances.get(facts.form, 0.0)
    return Proving(bundle.canaries(), facts.canary_prompts, tolerance, adapter)


def _metrics_route(guards: Guards, num_dropped: Callable[[], int]) -> Callable[..., object]:
    async def metrics(caller: Annotated[Caller, Depends(Needs("metrics"))]) -> Response:
        return guards.metrics.told(num_dropped=num_dropped(), is_ready=guards.readiness.reason is None)

    return metrics
