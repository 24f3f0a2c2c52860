"""The verb `annotate` against a real Label Studio, in its own environment: sent, answered by two, fetched, prepared."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cli_material import Told, environment

from tunesmith.prepare.annotate.layers import result_of
from tunesmith.records import Annotation, Entity, Intent, Relation

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "label-studio"
SOURCE = HERE.parents[1] / "src"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
START_SECONDS = 900
TEXT = "Ada 😀 works for 微软."
ADA, COMPANY = Entity("person", 0, 3, "Ada"), Entity("company", 16, 18, "微软")
ROWS = [
    {"text": TEXT, "intent": "statement"},
    {"text": "退款在哪里？", "intent": "question"},
    {"text": "退款在哪里？", "intent": "question"},
    *({"text": f"Where is parcel {number}?", "intent": "question"} for number in range(10)),
]
CHAT = ("I bought a lamp.", "Is it broken?", "Yes, send me another one")
RECIPE = """\
name: desk
prepare: {{sources: annotation/desk/rows.jsonl, test_share: 0.2}}
annotate:
  sources: [questions.jsonl, chats.jsonl]
  entities: [person, company]
  relations: [works for]
  intents: [question, statement]
  server: {{url: "{url}", key: LABEL_STUDIO_TOKEN}}
"""


def python_of(name: str, *, sees_ours: bool) -> Path:
    """The interpreter of an environment made from `label_studio/NAME.txt`, made again when that changes."""
    requirements = HERE / "label_studio" / f"{name}.txt"
    folder, pins = CACHE / name, hashlib.sha256(requirements.read_bytes()).hexdigest()
    python, made = folder / "bin" / "python", folder / "made-from.sha256"
    if not (made.is_file() and made.read_text(encoding="utf-8") == pins):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        if sees_ours:  # what `pip install 'tunesmith[annotate]'` would give, without installing the rest again
            (site,) = folder.glob("lib/python*/site-packages")
            (site / "ours.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
        subprocess.run([str(python), "-m", "pip", "install", "-qq", "-r", str(requirements)], check=True)
        made.write_text(pins, encoding="utf-8")
    return python


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own data on a free port of the loopback."""
    folder = tmp_path_factory.mktemp("server")
    command = python_of("server", sees_ours=False).with_name("label-studio")
    port = free_port()
    options = ["--data-dir", str(folder / "data"), "--internal-host", "127.0.0.1", "--port", str(port), "--no-browser"]
    user = ["--username", "first@example.org", "--password", "a-word-of-this-test", "--user-token", TOKEN]
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
    }
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [command, "start", *options, *user, "--enable-legacy-api-token"], env=variables, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not answers(address):
                assert server.poll() is None, (folder / "log").read_text(encoding="utf-8")[-2000:]
                assert time.monotonic() < deadline
                time.sleep(0.5)
            yield address
        finally:
            server.terminate()
            server.wait(30)


@dataclass(frozen=True)
class Desk:
    """A folder with a recipe, and the command in an environment that has the client."""

    folder: Path
    python: Path

    def tell(self, *arguments: str, token: str = TOKEN) -> Told:
        variables = environment(self.folder, PYTHONPATH=str(SOURCE), LABEL_STUDIO_TOKEN=token)
        command = [str(self.python), "-m", "tunesmith", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=300)
        return Told(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def desk(url: str, tmp_path: Path) -> Desk:
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(url=url), encoding="utf-8")
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS]
    (tmp_path / "questions.jsonl").write_text("".join(lines), encoding="utf-8")
    turns = [{"role": role, "content": said} for role, said in zip(("user", "assistant", "user"), CHAT, strict=True)]
    chat = {"messages": [*turns, {"role": "assistant", "content": "Gladly."}]}
    (tmp_path / "chats.jsonl").write_text(json.dumps(chat) + "\n", encoding="utf-8")
    return Desk(tmp_path, python_of("client", sees_ours=True))


def two_answers() -> dict[str, Any]:
    """Both agree on all but the refund."""
    question, statement = Intent("question"), Intent("statement")
    of_ada: list[Annotation] = [ADA, COMPANY, Relation("works for", 0, 1), statement]
    said: dict[str, tuple[list[Annotation], list[Annotation]]] = {
        row["text"]: ([question], [question]) for row in ROWS if row["text"] != TEXT
    }
    said |= {TEXT: (of_ada, of_ada), "退款在哪里？": ([question], [statement]), CHAT[-1]: ([statement], [statement])}
    return {text: [result_of(answer) for answer in both] for text, both in said.items()}


def test_there_and_back(desk: Desk, url: str) -> None:
    no_project = desk.tell("annotate", "import", "recipe.yaml")
    assert "error[annotate-project]" in no_project.err
    refused = desk.tell("annotate", "export", "recipe.yaml", "--push", token="f" * 40)
    assert "error[annotate-server]" in refused.err
    assert "401" in refused.err
    assert "f" * 40 not in refused.err

    for num_new in (13, 0):  # the repeated text once, and nothing twice
        pushed = desk.tell("annotate", "export", "recipe.yaml", "--push", "--json")
        assert pushed.code == 0, pushed.err
        assert (pushed.json()["tasks"], pushed.json()["pushed"]) == (13, num_new)

    script = [str(desk.python), str(HERE / "label_studio" / "annotate_as.py"), url, TOKEN, "tunesmith desk"]
    subprocess.run([*script, json.dumps(two_answers())], check=True, timeout=300)

    found = desk.tell("annotate", "agreement", "recipe.yaml", "--json").json()
    assert (found["tasks"], found["unanimous"], found["disputed"]) == (13, 12, 1)
    assert found["intents"]["observed"] == pytest.approx(12 / 13)
    assert found["entities"]["mean_f1"] == found["relations"]["mean_f1"] == 1.0

    imported = desk.tell("annotate", "import", "recipe.yaml", "--json").json()
    assert (imported["rows"], imported["disputed"]) == (12, 1)
    disputes = desk.folder / "annotation" / "desk" / "adjudication.jsonl"
    dispute = json.loads(disputes.read_text(encoding="utf-8"))
    disputes.write_text(json.dumps({**dispute, "decision": min(dispute["answers"], key=int)}), encoding="utf-8")
    imported = desk.tell("annotate", "import", "recipe.yaml", "--json").json()
    assert (imported["rows"], imported["decided"]) == (13, 1)

    prepared = desk.tell("prepare", "recipe.yaml", "--json")
    assert prepared.code == 0, prepared.err
    assert prepared.json()["kept"] == 13
    folder = desk.folder / prepared.json()["folder"]
    rows = [json.loads(line) for file in folder.glob("t*.jsonl") for line in file.read_text("utf-8").splitlines()]
    rows += [json.loads(line) for line in (folder / "validation.jsonl").read_text("utf-8").splitlines()]
    by_text = {row["messages"][-2]["content"]: row for row in rows}
    assert by_text["退款在哪里？"]["label"] == "question"
    assert [message["content"] for message in by_text[CHAT[-1]]["messages"][:-1]] == list(CHAT)
    kinds = [annotation["kind"] for annotation in by_text[TEXT]["annotations"]]
    assert kinds == ["entity", "entity", "relation", "intent"]


def test_a_server_that_is_not_there(desk: Desk) -> None:
    told = desk.tell(
        "annotate", "export", "recipe.yaml", "--push", f"annotate.server.url=http://127.0.0.1:{free_port()}"
    )
    assert told.code == 1
    assert "error[annotate-server]" in told.err
