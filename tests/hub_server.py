"""A stand-in of the Hub's API over real HTTP, for what `huggingface_hub` sends when a repository is written.

It takes `create_repo`, the tree of a repository, `validate-yaml`, `preupload`, LFS uploads and commits as the library
of version 2.4 sends them, refuses what lacks the token, and keeps every repository's files.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import yaml

TOKEN = "hf_" + "t" * 34


@dataclass
class Repository:
    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    num_commits: int = 0


@dataclass
class HubServer:
    """What arrived."""

    url: str
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    """By type and id."""
    lfs: dict[str, bytes] = field(default_factory=dict)
    """Contents by SHA-256."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path, in their order."""
    bodies: list[bytes] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    """HTTP status to answer with, by the word that a path holds."""
    lfs_from: int | None = None
    """Bytes from which on files go by LFS; none does where that is None."""
    token: str = TOKEN

    def mode_of(self, size: int) -> str:
        return "lfs" if self.lfs_from is not None and size >= self.lfs_from else "regular"


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[HubServer]

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_GET

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path))
        self.hub.bodies.append(body)
        failure = next((status for word, status in self.hub.failures.items() if word in path), None)
        if not path.startswith("/storage/") and self.headers.get("authorization") != f"Bearer {self.hub.token}":
            self._reply(401, {"error": "Invalid credentials"})
        elif failure is not None:
            self._reply(failure, {"error": "not today"})
        else:
            self._answer(path, body)

    def _answer(self, path: str, body: bytes) -> None:
        if path == "/api/repos/create":
            self._create(json.loads(body))
        elif path == "/api/validate-yaml":
            yaml.safe_load(json.loads(body)["content"].split("---")[1])
            self._reply(200, {"errors": [], "warnings": []})
        elif path.startswith("/storage/"):
            self.hub.lfs[hashlib.sha256(body).hexdigest()] = body
            self._reply(200, {})
        elif path.endswith("/info/lfs/objects/batch"):
            self._batch(json.loads(body))
        else:
            self._in_repository(path, body)

    def _create(self, wanted: dict[str, Any]) -> None:
        kind, name = wanted.get("type", "model"), f"{wanted['organization']}/{wanted['name']}"
        there = (kind, name) in self.hub.repositories
        private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        self.hub.repositories.setdefault((kind, name), Repository(private))
        prefix = "datasets/" if kind == "dataset" else ""
        self._reply(409 if there else 200, {"url": f"{self.hub.url}/{prefix}{name}", "error": "exists"})

    def _batch(self, wanted: dict[str, Any]) -> None:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.hub.url}/storage/{one['oid']}"}}}
            for one in wanted["objects"]
        ]
        self._reply(200, {"transfer": "basic", "objects": objects})

    def _in_repository(self, path: str, body: bytes) -> None:
        _, _, kinds, owner, name, verb, *_ = [*path.split("/"), "", ""]
        key = (kinds.removesuffix("s"), f"{owner}/{name}")
        found = self.hub.repositories.get(key)
        if found is None:
            self._reply(404, {"error": "Repository not found"}, {"x-error-code": "RepoNotFound"})
        elif verb == "preupload":
            files = json.loads(body)["files"]
            told = [
                {"path": f["path"], "uploadMode": self.hub.mode_of(f["size"]), "shouldIgnore": False} for f in files
            ]
            self._reply(200, {"files": told})
        elif verb == "commit":
            self._commit(key, [json.loads(line) for line in body.splitlines()])
        elif verb == "tree":
            entries = [{"type": "file", "path": p, "size": len(c), "oid": "0" * 40} for p, c in found.files.items()]
            self._reply(200, entries)
        else:
            siblings = [{"rfilename": path} for path in found.files]
            self._reply(200, {"id": key[1], "sha": "0" * 40, "siblings": siblings})

    def _commit(self, key: tuple[str, str], lines: list[dict[str, Any]]) -> None:
        repository = self.hub.repositories[key]
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                repository.files[value["path"]] = self.hub.lfs[value["oid"]]
            elif line["key"] == "deletedFile":
                del repository.files[value["path"]]
        repository.num_commits += 1
        oid, prefix = f"{repository.num_commits:040d}", "datasets/" if key[0] == "dataset" else ""
        self._reply(200, {"commitUrl": f"{self.hub.url}/{prefix}{key[1]}/commit/{oid}", "commitOid": oid})

    def _reply(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        for name, said in {**(headers or {}), "content-type": "application/json"}.items():
            self.send_header(name, said)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def hub(*, lfs_from: int | None = None, token: str = TOKEN) -> Iterator[HubServer]:
    """Serve on a free port of this machine."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server = HubServer(f"http://127.0.0.1:{http.server_address[1]}", lfs_from=lfs_from, token=token)
    http.RequestHandlerClass = type("Handler", (_Handler,), {"hub": server})
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
