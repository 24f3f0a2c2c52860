"""Which names the server answers to, and which web pages may call it.

A page of a stranger can make a browser send requests here, by a form, a script, or a name of its own that it lets point
at this machine (DNS rebinding). So on every request of every method the Host is one of ours, and what a browser says of
the page (Origin, Sec-Fetch-Site; Fetch Metadata, W3C) is ourselves, a listed page, or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tunesmith.recipe.serve import Serve
from tunesmith.serve.errors import Refused

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_OWN_SITES: Final = frozenset({"same-origin", "none"})
_PREFLIGHT: Final = {
    "access-control-allow-methods": "GET, POST, DELETE",
    "access-control-allow-headers": "authorization, content-type",
    "access-control-max-age": "600",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class HostGuard:
    """Refuses foreign hosts and foreign pages, and answers the preflight requests of listed ones."""

    def __init__(self, app: ASGIApp, section: Serve) -> None:
        self.app = app
        own = {_bracketed(section.host.lower())} - {"0.0.0.0", "[::]"}
        self.hosts = LOOPBACK_NAMES | own | {_bracketed(host.lower()) for host in section.hosts}
        self.origins = frozenset(origin.lower().rstrip("/") for origin in section.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = self._checked_host(headers.getlist("host"), scope["server"])
        origin = self._listed_origin(headers, host)
        scope["state"]["account"].listed_origin = origin
        if origin is not None and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _checked_host(self, given: Sequence[str], server: tuple[str, int | None] | None) -> str:
        """Raises Refused `host-foreign`."""
        host = given[0].lower() if len(given) == 1 else ""
        found = _HOST.fullmatch(host)
        if found is not None:
            # by the number of the socket that it came in at: no rebound name can say that
            at = {_bracketed(server[0].lower().removeprefix("::ffff:"))} if server is not None else set()
            if found["name"] in self.hosts | at or host in self.hosts:
                return host
        raise Refused("host-foreign")

    def _listed_origin(self, headers: Headers, host: str) -> str | None:
        """The listed page that asks; None for our own and for what is no browser. Raises Refused `origin-foreign`."""
        given = headers.getlist("origin")
        origin = given[0].lower() if given else None
        if len(given) <= 1 and origin in self.origins:
            return given[0]
        site = headers.get("sec-fetch-site", "none").lower()
        # behind a proxy that ends TLS the page is https and the request is not
        is_own = origin is None or origin in (f"http://{host}", f"https://{host}")
        if len(given) > 1 or not is_own or site not in _OWN_SITES:
            raise Refused("origin-foreign")
        return None


def _bracketed(host: str) -> str:
    """An IPv6 address as it stands in a Host header."""
    return f"[{host}]" if ":" in host and not host.startswith("[") and host.count(":") > 1 else host
