"""No route is open but the public ones, whatever is asked by whatever method and with whatever key."""

from __future__ import annotations

import ast
import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from guard_material import METHODS, NOON, Answer, Server, asked, chat, server
from starlette.responses import Response
from starlette.routing import Route

import tunesmith
from tunesmith.errors import TunesmithError
from tunesmith.recipe.serve import Serve
from tunesmith.serve.access import PUBLIC, Needs, authorise, check_exposure, open_routes, scopes_of
from tunesmith.store import SCOPES, NewKey, create_key, revoke_key

SOURCE = Path(tunesmith.__file__).parent
MODEL_PATH = "support"


@dataclass(frozen=True)
class Keys:
    server: Server
    by_scope: dict[str, str]
    revoked: str
    expired: str


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    made = server(tmp_path_factory.mktemp("served"), {"keys": True})

    def key(scopes: tuple[str, ...], **more: object) -> tuple[str, str]:
        told, secret = create_key(made.store, NewKey("test", frozenset(scopes), **more))
        return told.id, secret

    id, revoked = key(SCOPES)
    revoke_key(made.store, id)
    expired = key(SCOPES, expires_at=NOON - timedelta(seconds=1))[1]
    yield Keys(made, {scope: key((scope,))[1] for scope in SCOPES}, revoked, expired)
    made.store.close()


def routes(app: FastAPI) -> list[tuple[APIRoute, str, frozenset[str]]]:
    """Each route, a path that leads to it, and its methods."""
    found = []
    for context in iter_route_contexts(app.routes):
        assert isinstance(context.original_route, APIRoute)
        path = str(context.path).replace("{name:path}", MODEL_PATH)
        assert "{" not in path, f"say what stands in {path}"
        found.append((context.original_route, path, frozenset(context.methods or ())))
    return found


def ask_all(app: FastAPI, asks: list[tuple[str, str, dict[str, object]]]) -> list[Answer]:
    async def all_of_them() -> list[Answer]:
        return [await asked(app, method, path, **more) for method, path, more in asks]

    return asyncio.run(all_of_them())


def bearer(key: str) -> dict[str, object]:
    return {"headers": [("Authorization", f"Bearer {key}")]}


def test_the_public_list_is_short_and_all_of_it_is_served(keys: Keys) -> None:
    assert len(PUBLIC) <= 3
    assert {path for route, path, _ in routes(keys.server.app) if not scopes_of(route)} == PUBLIC


def test_there_are_routes_to_check(keys: Keys) -> None:
    paths = {path for _, path, _ in routes(keys.server.app)}
    assert {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/models", "/v1/feedback"} <= paths
    assert {"/metrics", "/v1/classify", "/v1/models/load", "/v1/models/unload"} <= paths


@pytest.mark.thorough
@pytest.mark.parametrize("who", ["nobody", "wrong", "revoked", "expired", "hash"])
def test_without_a_valid_key_every_method_of_every_route_is_denied(keys: Keys, who: str) -> None:
    wrong = f"ts-{'0' * 12}-{'A' * 43}"
    presented = {"wrong": wrong, "revoked": keys.revoked, "expired": keys.expired, "hash": stored_digest(keys.server)}
    more = bearer(presented[who]) if who != "nobody" else {}
    asks = [(method, path, more) for _, path, _ in routes(keys.server.app) for method in METHODS]
    for (method, path, _), answer in zip(asks, ask_all(keys.server.app, asks), strict=True):
        if path in PUBLIC:
            assert answer.status == (200 if method == "GET" else 405), (method, path)
        else:
            assert answer.status == 401, (method, path, answer)
            assert answer.headers["www-authenticate"] == "Bearer"
    assert keys.server.engine.num_submitted == 0


def stored_digest(served: Server) -> str:
    """As it lies in the database: whoever reads it must not come in with it."""
    file = served.deployment.runtime.workspace / "store.db"
    with sqlite3.connect(file) as connection:
        id, digest = connection.execute("select id, digest from keys").fetchone()
    return f"ts-{id}-{digest.hex()[:43]}"


@pytest.mark.thorough
def test_a_key_of_another_scope_is_denied_and_one_of_its_own_is_not(keys: Keys) -> None:
    for route, path, methods in routes(keys.server.app):
        wanted = scopes_of(route)
        if not wanted:
            continue
        for scope, key in keys.by_scope.items():
            asks = [(method, path, bearer(key)) for method in METHODS]
            for (method, _, _), answer in zip(asks, ask_all(keys.server.app, asks), strict=True):
                if method not in methods:
                    # `/v1/models/load` is a model's name too
                    assert answer.status in (403, 404, 405), (method, path)
                elif scope not in wanted:
                    assert answer.status == 403, (method, path, scope)
                    assert answer.code == "key-scope"
                else:
                    assert answer.status not in (401, 403), (method, path, scope)


@pytest.mark.thorough
def test_a_scrapers_key_opens_the_figures_and_nothing_else(keys: Keys) -> None:
    asks = [
        (method, path, bearer(keys.by_scope["metrics"]))
        for _, path, _ in routes(keys.server.app)
        for method in METHODS
        if path not in PUBLIC
    ]
    answers = dict(zip([ask[:2] for ask in asks], ask_all(keys.server.app, asks), strict=True))
    opened = {asked for asked, answer in answers.items() if answer.status not in (403, 405)}
    assert opened == {("GET", "/metrics")}
    assert b"tunesmith_http_requests_total" in answers["GET", "/metrics"].body
    # and whoever loads adapters does not read them by that
    assert keys.server.ask("GET", "/metrics", **bearer(keys.by_scope["admin"])).code == "key-scope"


@pytest.mark.parametrize(
    "target",
    [
        *("//v1/models", "/v1/models/", "/v1%2fmodels", "/v1;/models", "/v1/models;x=y", "/v1/%6dodels", "/V1/MODELS"),
        *(
            "/livez/",
            "//livez",
            "/LIVEZ",
            "/livez;",
            "/livez%2f",
            "/livez%00",
            "/livez/../v1/models",
            "/livez%2f..%2fv1",
        ),
        *("/readyz/v1/models", "/readyz%2e", "/metrics/", "//metrics", "/docs", "/redoc", "/openapi.json", "/", "*"),
        *("http://127.0.0.1/livez", "http://127.0.0.1/v1/models", "/%", "/\u00e9"),
    ],
)
def test_no_spelling_of_a_path_opens_a_route(keys: Keys, target: str) -> None:
    asks = [(method, target, {}) for method in METHODS]
    assert {answer.status for answer in ask_all(keys.server.app, asks)} == {401}


@pytest.mark.parametrize("target", ["//v1/models", "/v1/models;x", "/V1/models", "/livez/", "/v1/;/models"])
def test_with_a_key_an_odd_path_is_nothing(keys: Keys, target: str) -> None:
    answer = keys.server.ask("GET", target, **bearer(keys.by_scope["infer"]))
    assert (answer.status, answer.code) == (404, "route-unknown")


@pytest.mark.parametrize(
    "value",
    [
        *("", "Bearer", "Bearer ", "Basic {key}", "{key}", "Bearer {key}x", "Bearer {half}", "Bearer clé"),
        *("Bearer \x00", "Bearer ts-", "Bearer " + "A" * 1_000_000, "Bearer {key} {key}", "Bearer,{key}"),
    ],
)
def test_what_is_no_key_is_401_and_never_a_defect(keys: Keys, value: str) -> None:
    key = keys.by_scope["infer"]
    header = value.replace("{key}", key).replace("{half}", key[: len(key) // 2])
    answer = keys.server.ask("GET", "/v1/models", headers=[("Authorization", header)])
    assert answer.status == 401
    assert key not in answer.body.decode()


def test_a_key_counts_only_as_one_bearer_header(keys: Keys) -> None:
    key = keys.by_scope["infer"]
    twice = keys.server.ask("GET", "/v1/models", headers=[("Authorization", f"Bearer {key}")] * 2)
    in_url = keys.server.ask("GET", f"/v1/models?api_key={key}&key={key}&token={key}")
    as_cookie = keys.server.ask("GET", "/v1/models", headers=[("Cookie", f"key={key}"), ("x-api-key", key)])
    assert [answer.status for answer in (twice, in_url, as_cookie)] == [401, 401, 401]
    assert keys.server.ask("GET", "/v1/models", headers=[("authorization", f"bearer {key}")]).status == 200


def test_a_body_is_not_read_before_the_key_is_right(keys: Keys) -> None:
    answer = keys.server.ask("POST", "/v1/chat/completions", b"{" * 5_000_000)
    assert (answer.status, answer.headers["connection"]) == (401, "close")


def test_a_revoked_key_is_out_at_once(keys: Keys) -> None:
    told, secret = create_key(keys.server.store, NewKey("short", frozenset({"infer"})))
    assert keys.server.ask("GET", "/v1/models", **bearer(secret)).status == 200
    revoke_key(keys.server.store, told.id)
    assert keys.server.ask("GET", "/v1/models", **bearer(secret)).status == 401


def test_without_keys_everything_is_allowed_on_this_machine(tmp_path: Path) -> None:
    served = server(tmp_path)
    assert served.ask("POST", "/v1/chat/completions", chat()).text == "Yes."
    assert served.ask("GET", "/metrics").status == 200
    assert served.ask("GET", "/metrics", headers=[("Host", "evil.example")]).status == 403


def test_a_server_that_others_reach_needs_keys() -> None:
    check_exposure(Serve(), num_keys=0)
    check_exposure(Serve(host="::1"), num_keys=0)
    check_exposure(Serve(host="0.0.0.0"), num_keys=1)
    for section, num_keys, code in (
        (Serve(host="0.0.0.0", keys=False), 5, "serve-open"),
        (Serve(host="192.168.0.2", keys=False), 5, "serve-open"),
        (Serve(host="example.org"), 0, "serve-no-keys"),
        (Serve(host="::"), 0, "serve-no-keys"),
        (Serve(keys=True), 0, "serve-no-keys"),
    ):
        with pytest.raises(TunesmithError) as failure:
            check_exposure(section, num_keys)
        assert failure.value.code == code


def test_a_route_without_a_scope_is_found() -> None:
    app = FastAPI(dependencies=[Depends(authorise)], openapi_url=None)

    @app.get("/scoped")
    async def scoped(caller: Annotated[object, Depends(Needs("infer"))]) -> None: ...

    assert list(open_routes(app)) == []

    @app.get("/bare")
    async def bare() -> None: ...

    app.routes.append(Route("/plain", lambda request: Response()))
    assert list(open_routes(app)) == ["/bare", "/plain"]
    loose = FastAPI(openapi_url=None)
    loose.get("/scoped")(scoped)
    assert list(open_routes(loose)) == ["/scoped"]


@pytest.mark.thorough
def test_secrets_are_not_compared_by_equality() -> None:
    """`==` stops at the first byte that differs, and so tells how many were right."""
    names = ("secret", "digest", "presented", "password")
    faults = []
    for file in (*(SOURCE / "serve").glob("*.py"), *(SOURCE / "store").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops):
                sides = [side for side in (node.left, *node.comparators) if not isinstance(side, ast.Constant)]
                if any(name in ast.unparse(side).lower() for side in sides for name in names):
                    faults.append(f"{file.name}:{node.lineno}")
    assert faults == []


def test_the_caller_of_a_keyless_server_is_nobody(tmp_path: Path) -> None:
    served = server(tmp_path, {"record": "full"})
    answer = served.ask("POST", "/v1/chat/completions", chat(), headers=[("Authorization", "Bearer anything")])
    served.store.flush()
    exchange = served.store.exchange(answer.json["tunesmith"]["exchange"])
    assert exchange is not None
    assert exchange.key is None
