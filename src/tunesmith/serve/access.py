"""Who may do what. Everything needs a key with the right scope, but what is on a list of two.

Twice, so that neither has to be right alone: before a byte of the body is read, a request needs a valid key unless its
path is exactly a public one; and the endpoint that was routed to is reached only by the scope in its signature. A
route without one is open to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, cast, get_args

from anyio.to_thread import run_sync
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tunesmith.errors import TunesmithError
from tunesmith.recipe.serve import Serve
from tunesmith.serve.account import account_in
from tunesmith.serve.errors import Refused
from tunesmith.serve.health import Readiness, livez, readyz
from tunesmith.serve.hosts import is_loopback
from tunesmith.serve.limits import Budgets, Slots
from tunesmith.store import Key, KeyFault
from tunesmith.store import Scope as KeyScope

PUBLIC: Final = frozenset({"/livez", "/readyz"})
"""Paths that everyone may ask for: whether the server lives, and whether it is ready."""
ALL_SCOPES: Final[frozenset[KeyScope]] = frozenset(get_args(KeyScope))

FindKey = Callable[[str], Key | KeyFault]
"""Blocks while it asks the database; raises for nothing that a caller can present."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the holder of a key, or, where the server asks for none, anybody on this machine."""

    key: str | None
    """Id of the key."""
    scopes: frozenset[KeyScope]
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route asks of a key: `caller: Annotated[Caller, Depends(Needs("infer"))]`."""

    scope: KeyScope

    async def __call__(self, request: Request) -> Caller:
        return cast(Caller, request.state.caller)


def asks_for_keys(section: Serve) -> bool:
    """Whether requests need a key: as the recipe says, else wherever others than this machine can come in."""
    return section.keys if section.keys is not None else not is_loopback(section.host)


def check_exposure(section: Serve, num_keys: int) -> None:
    """Raises TunesmithError `serve-open` for a server that others could reach without a key, `serve-no-keys` for one
    that nobody could use."""
    if not asks_for_keys(section) and not is_loopback(section.host):
        raise TunesmithError("serve-open", host=section.host)
    if asks_for_keys(section) and num_keys == 0:
        raise TunesmithError("serve-no-keys", host=section.host)


async def authorise(request: Request) -> None:
    """The dependency of the whole application: whether this caller may use the endpoint that was routed to.

    Raises Refused `key-scope`, `not-ready`, `too-busy`.
    """
    route = request.scope["route"]
    if is_public(route):
        return
    wanted = scopes_of(route)
    caller = cast(Caller, request.state.caller)
    if not wanted or not wanted <= caller.scopes:
        raise Refused("key-scope", scope=", ".join(sorted(wanted)) or "-")
    if "infer" in wanted and request.method == "POST":
        cast(Readiness, request.app.state.readiness).check()
        cast(Slots, request.app.state.slots).take(account_in(request))


def is_public(route: APIRoute) -> bool:
    """By the function that answers, whatever the path looked like."""
    return route.endpoint in (livez, readyz)


def scopes_of(route: APIRoute) -> frozenset[KeyScope]:
    """The scopes in the signature of a route."""
    calls = (each.call for each in route.dependant.dependencies)
    return frozenset(call.scope for call in calls if isinstance(call, Needs))


def open_routes(app: FastAPI) -> Iterator[str]:
    """Routes that would be open, or closed to everyone: without `authorise`, without a scope, or of another kind."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute):
            yield str(context.path)
        elif not any(each.call is authorise for each in context.dependant.dependencies) or bool(
            scopes_of(route)
        ) == is_public(route):
            yield route.path


class KeyGate:
    """Lets a request in by its bearer key, before its body is read; counts it against the budgets of the key."""

    def __init__(self, app: ASGIApp, *, find_key: FindKey | None, budgets: Budgets) -> None:
        self.app = app
        self.find_key = find_key
        """None where no key is asked for."""
        self.budgets = budgets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in PUBLIC:
            caller = await self._caller(Headers(scope=scope))
            scope["state"]["caller"] = caller
            scope["state"]["account"].key = caller.key
            self.budgets.admit(caller.key, caller.requests_per_minute, caller.tokens_per_minute)
        await self.app(scope, receive, send)

    async def _caller(self, headers: Headers) -> Caller:
        """Raises Refused `key-missing`, `key-wrong`."""
        if self.find_key is None:
            return Caller(None, ALL_SCOPES)
        given = headers.getlist("authorization")
        scheme, _, presented = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not presented.strip():
            raise Refused("key-missing")
        found = await run_sync(self.find_key, presented.strip())
        if not isinstance(found, Key):
            raise Refused("key-wrong")
        return Caller(found.id, found.scopes, found.requests_per_minute, found.tokens_per_minute)
