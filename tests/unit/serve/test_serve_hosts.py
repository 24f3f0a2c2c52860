"""Foreign hosts and foreign pages are refused on every method; listed ones are let in, and only they are told so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from guard_material import METHODS, Answer, Server, asked, chat, server

from tunesmith.serve.hosts import is_loopback

OWN_HOSTS = ("127.0.0.1", "127.0.0.1:8000", "localhost", "LOCALHOST:8000", "[::1]", "[::1]:8000", "localhost:1")
FOREIGN_HOSTS = (
    *("evil.example", "127.0.0.1.evil.com", "127.0.0.1.evil.com:8000", "localhost.evil.com", "evil.com:127.0.0.1"),
    *("localhost.", "127.0.0.1.", "127.1", "0x7f000001", "2130706433", "0.0.0.0", "[::ffff:127.0.0.1]", "[::]"),
    *("localhost:8000:8000", "localhost:", "localhost:x", "localhost:-1", "localhost:999999", "user@localhost"),
    *("localhost/evil", "localhost\\evil", "localhost evil", " localhost", "localhost,evil", "", "[::1", "::1", "[]"),
    *("l\u00f6calhost", "localhost\x00", "127.0.0.1#", "127.0.0.1?", "10.0.0.7"),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    section = {
        "hosts": ("api.example.org", "gate.example.org:8443"),
        "origins": ("https://Chat.example.org", "http://localhost:3000/"),
    }
    made = server(tmp_path_factory.mktemp("served"), section)
    yield made
    made.store.close()


def answers(served: Server, **headers: str) -> dict[str, Answer]:
    """Of every method."""

    async def all_of_them() -> dict[str, Answer]:
        pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return {method: await asked(served.app, method, "/v1/models", headers=pairs) for method in METHODS}

    return asyncio.run(all_of_them())


def refusals(served: Server, **headers: str) -> set[tuple[int, str]]:
    return {
        (answer.status, answer.code) if answer.status >= 400 else (answer.status, "")
        for answer in answers(served, **headers).values()
    }


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_our_own_names_are_answered(served: Server, host: str) -> None:
    assert refusals(served, host=host) == {(200, ""), (405, "method-unserved")}


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_foreign_hosts_are_refused_on_every_method(served: Server, host: str) -> None:
    assert refusals(served, host=host) == {(403, "host-foreign")}


def test_a_host_is_given_once(served: Server) -> None:
    for hosts in ([], ["localhost", "localhost"], ["localhost", "evil.example"]):
        given = [("x-nothing", "1"), *(("host", host) for host in hosts)]
        answer = served.ask("GET", "/v1/models", headers=given if hosts else [("host", "")])
        assert answer.code == "host-foreign"


def test_listed_hosts_are_answered_with_the_port_that_they_state(served: Server) -> None:
    for host, status in (
        ("api.example.org", 200),
        ("API.example.org:9000", 200),
        ("gate.example.org:8443", 200),
        ("gate.example.org", 403),
        ("gate.example.org:8000", 403),
        ("sub.api.example.org", 403),
        ("xapi.example.org", 403),
    ):
        assert served.ask("GET", "/v1/models", headers=[("host", host)]).status == status, host


def test_the_number_that_a_request_came_in_at_is_ours(tmp_path: Path) -> None:
    """Probes and scrapers call a pod by its number; a page cannot: a name that was rebound stays a name."""
    served = server(tmp_path, {"host": "0.0.0.0", "keys": True})
    for host, came_in_at, status in (
        ("10.0.0.7:8000", "10.0.0.7", 401),
        ("10.0.0.7:8000", "::ffff:10.0.0.7", 401),
        ("[fd00::7]:8000", "fd00::7", 401),
        ("10.0.0.8:8000", "10.0.0.7", 403),
        ("evil.example", "10.0.0.7", 403),
        ("0.0.0.0", "10.0.0.7", 403),
    ):
        answer = served.ask("GET", "/v1/models", headers=[("host", host)], server=(came_in_at, 8000))
        assert answer.status == status, host


@pytest.mark.parametrize(
    ("origin", "host"),
    [("http://127.0.0.1:8000", "127.0.0.1:8000"), ("https://api.example.org", "api.example.org")],
)
def test_our_own_pages_may_ask(served: Server, origin: str, host: str) -> None:
    for site in ("same-origin", "none"):
        found = answers(served, host=host, origin=origin, sec_fetch_site=site)
        assert found["GET"].status == 200
        assert not any("access-control" in name for name in found["GET"].headers)


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "null",
            "https://evil.example",
            "http://127.0.0.1.evil.com:8000",
            "http://127.0.0.1",
            "http://127.0.0.1:80000",
        ),
        *(
            "http://localhost:8000",
            "file://",
            "",
            "http://127.0.0.1:8000/",
            "http://127.0.0.1:8000 http://evil.example",
        ),
        *("https://chat.example.org.evil.com", "https://evil-chat.example.org", "chat.example.org", "*"),
    ],
)
def test_foreign_pages_are_refused_on_every_method_and_told_nothing(served: Server, origin: str) -> None:
    found = answers(served, origin=origin, access_control_request_method="POST")
    assert {answer.code for answer in found.values()} == {"origin-foreign"}
    assert not any("access-control" in name for answer in found.values() for name in answer.headers)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "", "anything"])
def test_a_page_that_sends_no_origin_is_seen_by_its_fetch_metadata(served: Server, site: str) -> None:
    assert refusals(served, sec_fetch_site=site) == {(403, "origin-foreign")}
    assert refusals(served, sec_fetch_site=site, origin="http://127.0.0.1:8000") == {(403, "origin-foreign")}


def test_two_origins_are_none_of_ours(served: Server) -> None:
    given = [("origin", "https://chat.example.org"), ("origin", "https://evil.example")]
    assert served.ask("GET", "/v1/models", headers=given).code == "origin-foreign"


@pytest.mark.parametrize("origin", ["https://chat.example.org", "http://localhost:3000"])
def test_listed_pages_may_ask_and_read(served: Server, origin: str) -> None:
    found = answers(served, origin=origin, sec_fetch_site="cross-site")
    assert found["GET"].status == 200
    assert {answer.headers["access-control-allow-origin"] for answer in found.values()} == {origin}
    assert {answer.headers["vary"] for answer in found.values()} == {"Origin"}
    assert "access-control-allow-credentials" not in found["GET"].headers


def test_a_listed_page_may_read_what_was_refused_too(tmp_path: Path) -> None:
    served = server(tmp_path, {"keys": True, "origins": ("https://chat.example.org",)})
    answer = served.ask("GET", "/v1/models", headers=[("origin", "https://chat.example.org")])
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (401, "https://chat.example.org")


def test_the_preflight_of_a_listed_page_is_answered_without_a_key(tmp_path: Path) -> None:
    served = server(tmp_path, {"keys": True, "origins": ("https://chat.example.org",)})
    given = [("origin", "https://chat.example.org"), ("access-control-request-method", "POST")]
    answer = served.ask("OPTIONS", "/v1/chat/completions", headers=given)
    assert answer.status == 204
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert served.ask("OPTIONS", "/v1/chat/completions", headers=given[:1]).status == 401


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", "json"),
        *(
            "application/jsonx",
            "application/json, text/plain",
            "application/json; charset=utf-16",
            "application/problem",
        ),
    ],
)
def test_a_form_of_a_foreign_page_cannot_send_json(served: Server, content_type: str) -> None:
    answer = served.ask("POST", "/v1/chat/completions", chat(), headers=[("content-type", content_type)])
    assert (answer.status, answer.code) == (415, "body-type")
    assert served.engine.num_submitted == 0


def test_json_with_its_charset_is_taken(tmp_path: Path) -> None:
    served = server(tmp_path)
    for content_type in ("application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'):
        answer = served.ask("POST", "/v1/chat/completions", chat(), headers=[("content-type", content_type)])
        assert answer.status == 200, answer


def test_which_addresses_only_this_machine_reaches() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost", "LOCALHOST")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.evil.com", "", "127.1")))
