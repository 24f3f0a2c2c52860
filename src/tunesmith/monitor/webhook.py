"""One post to the operator's address, which can neither be led elsewhere nor hold anybody up.

The name is resolved once, every address that it gives is judged, and the connection goes to one of those very
addresses: a second answer of the name server changes nothing (DNS rebinding). TLS still checks the certificate against
the name. Redirects are not followed, proxies of the environment not asked, the answer's body not read.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from tunesmith.errors import Phrase, TunesmithError
from tunesmith.recipe.alerts import Webhook
from tunesmith.runtime import Runtime

CONNECT_SECONDS: Final = 5.0
WHOLE_SECONDS: Final = 10.0
"""Name look-up, connection, TLS, post and answer together."""
SIGNATURE: Final = "Tunesmith-Signature"
_PORTS: Final = {"http": 80, "https": 443}
_LATER: Final = frozenset((408, 425, 429))
_MAX_SHOWN: Final = 200
_PUBLIC: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_METADATA: Final = frozenset(map(ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")))
"""Where Alibaba's, Azure's, Oracle's and Amazon's clouds tell a machine its secrets; other places are link-local."""

Address = tuple[socket.AddressFamily, Any]
"""A family, and what a socket of it connects to."""
Resolve = Callable[[str, int], list[Address]]


def look_up(host: str, port: int) -> list[Address]:
    """All addresses of a name. Raises OSError where it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


@cache
def certificates() -> ssl.SSLContext:
    """Whom to trust; reading all of them takes longer than many a post."""
    return ssl.create_default_context()


@dataclass(frozen=True)
class Receiver:
    """The address of a recipe, with the secret's value."""

    webhook: Webhook
    secret: str | None = field(default=None, repr=False)
    resolve: Resolve = look_up
    tls: Callable[[], ssl.SSLContext] = certificates
    whole_seconds: float = WHOLE_SECONDS

    def post(self, body: bytes, headers: Mapping[str, str], at: datetime) -> Answer:
        """Post JSON; signed where there is a secret. Never raises for what a receiver does."""
        signed = {} if self.secret is None else {SIGNATURE: signature(self.secret, body, at)}
        said = {"Content-Type": "application/json", "Connection": "close", **headers, **signed}
        posting = _Posting(self, body, said)
        # the name server takes no time limit, and neither does a receiver that answers a byte a second
        thread = threading.Thread(target=posting.run, daemon=True)
        thread.start()
        thread.join(self.whole_seconds)
        return posting.end()


def receiver_of(webhook: Webhook, runtime: Runtime) -> Receiver:
    """Raises TunesmithError `webhook-secret` where the variable that the recipe names is not set."""
    if webhook.secret is None:
        return Receiver(webhook)
    secret = runtime.secrets.get(webhook.secret)
    if not secret:
        raise TunesmithError("webhook-secret", name=webhook.secret)
    return Receiver(webhook, secret)


def signature(secret: str, body: bytes, at: datetime) -> str:
    """`t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256 of `<seconds>.<body>`; the time lets old posts be refused."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


@dataclass(frozen=True, slots=True)
class Answer:
    """How a post ended."""

    problem: Phrase | None
    """None where it was taken (2xx)."""
    is_there: bool = True
    """False where nobody answered, or asked to be asked later: the next post would fare no better."""


def may_be_asked(address: str, *, private: bool) -> bool:
    """Whether an alert may go to an IP address.

    Never to many (multicast), to none, to a link alone or to where a cloud tells secrets; to one's own network and
    machine only where `private`. An IPv4 address inside an IPv6 one (mapped, NAT64, 6to4) is judged as itself.
    """
    found = _meant(ip_address(address.partition("%")[0]))
    if found.is_multicast or found.is_unspecified or found.is_link_local or found in _METADATA:
        return False
    # IPv6 outside of 2000::/3, such as ::127.0.0.1 or fec0::1, is nobody's public address
    is_public = found.is_global and (isinstance(found, IPv4Address) or found in _PUBLIC)
    return private or is_public


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


class _Posting:
    """One post in a thread of its own, which may be cut off."""

    def __init__(self, receiver: Receiver, body: bytes, headers: Mapping[str, str]) -> None:
        self._receiver = receiver
        self._parts = urlsplit(receiver.webhook.url)
        self._body = body
        self._headers = headers
        self._lock = threading.Lock()
        self._connected: socket.socket | None = None
        self._answer: Answer | None = None
        self._is_cut = False

    def run(self) -> None:
        try:
            answer = self._ask()
        except (OSError, HTTPException, UnicodeError) as failure:
            problem = Phrase("alert.problem.failed", {"failure": f"{type(failure).__name__} {failure}"[:_MAX_SHOWN]})
            answer = Answer(problem, is_there=False)
        with self._lock:
            self._answer = answer

    def end(self) -> Answer:
        """How it ended; where it has not, it is cut off."""
        with self._lock:
            if self._answer is not None:
                return self._answer
            self._is_cut = True
            if self._connected is not None:
                with suppress(OSError):  # wakes the thread; closing is its own
                    socket.socket.shutdown(self._connected, socket.SHUT_RDWR)
        return Answer(Phrase("alert.problem.slow", {"seconds": f"{self._receiver.whole_seconds:g}"}), is_there=False)

    def _ask(self) -> Answer:
        host, port = str(self._parts.hostname), self._parts.port or _PORTS[self._parts.scheme]
        addresses = self._receiver.resolve(host, port)
        for _, address in addresses:
            if not may_be_asked(address[0], private=self._receiver.webhook.private):
                return Answer(Phrase("alert.problem.address", {"host": host, "address": address[0]}))
        connection = HTTPConnection(host, port)
        with closing(connection), closing(self._connect(addresses)) as opened:
            connection.sock = self._encrypted(opened, host)
            target = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
            connection.request("POST", target, self._body, {"Host": self._parts.netloc, **self._headers})
            with connection.getresponse() as response:
                status = response.status
        if 200 <= status < 300:
            return Answer(None)
        return Answer(Phrase("alert.problem.status", {"status": status}), status < 500 and status not in _LATER)

    def _connect(self, addresses: list[Address]) -> socket.socket:
        """A connection to the first address that takes one. Raises the last one's OSError."""
        failure = OSError("no address")
        for family, address in addresses:
            opened = socket.socket(family, socket.SOCK_STREAM)
            opened.settimeout(CONNECT_SECONDS)
            try:
                opened.connect(address)
                opened.settimeout(None)  # from here on it can be cut off
                self._hold(opened)
            except OSError as refused:
                opened.close()
                failure = refused
            else:
                return opened
        raise failure

    def _encrypted(self, opened: socket.socket, host: str) -> socket.socket:
        if self._parts.scheme != "https":
            return opened
        wrapped = self._receiver.tls().wrap_socket(opened, server_hostname=host, do_handshake_on_connect=False)
        try:
            self._hold(wrapped)
            wrapped.do_handshake()
        except OSError:
            wrapped.close()
            raise
        return wrapped

    def _hold(self, connected: socket.socket) -> None:
        """Let it be cut off. Raises OSError where it is already."""
        with self._lock:
            self._connected = connected
            if self._is_cut:
                raise OSError("cut off")
