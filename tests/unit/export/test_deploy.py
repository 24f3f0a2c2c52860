"""The files that put a server into containers: by the linters and schemas of others, and by what they promise."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

from tunesmith.recipe.serve import Serve
from tunesmith.runtime import utc_now
from tunesmith.store import open_store
from tunesmith.store.store import KEY_FILE

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
MANIFESTS = {
    manifest["kind"]: manifest
    for manifest in yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8"))
}


TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT, "minItems": 1}
DURATION = {"type": "string", "pattern": r"^([0-9]+(us|ms|s|m|h))+$"}


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def by_name(what: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": what}


CONDITION = closed(
    condition={"enum": ["service_started", "service_healthy", "service_completed_successfully"]},
    restart={"type": "boolean"},
    required={"type": "boolean"},
)
HEALTH = closed(
    test={**TEXTS, "prefixItems": [{"enum": ["NONE", "CMD", "CMD-SHELL"]}], "minItems": 2},
    interval=DURATION,
    timeout=DURATION,
    start_period=DURATION,
    retries={"type": "integer", "minimum": 1},
)
MOUNT = closed(type={"enum": ["bind", "volume", "tmpfs"]}, source=TEXT, target=TEXT, read_only={"type": "boolean"}) | {
    "required": ["type", "target"]
}
SERVICE = closed(
    image=TEXT,
    build=TEXT,
    restart={"enum": ["no", "always", "on-failure", "unless-stopped"]},
    depends_on=by_name(CONDITION),
    environment=by_name({"type": ["string", "number", "null"]}),
    secrets=TEXTS,
    entrypoint=TEXTS,
    command={"type": "array", "items": TEXT},
    volumes={"type": "array", "items": {"anyOf": [{**TEXT, "pattern": r"^[\w-]+:/[\w./-]+(:ro|:rw)?$"}, MOUNT]}},
    ports={"type": "array", "items": {"type": "string", "pattern": r"^[\d.]+:(\d+|\$\{\w+:-\d+\}):\d+$"}},
    networks=TEXTS,
    healthcheck=HEALTH,
    stop_grace_period=DURATION,
    cap_drop=TEXTS,
    security_opt=TEXTS,
    mem_limit={"type": "string", "pattern": r"^(\d+[bkmg]|\$\{\w+:-\d+[bkmg]\})$"},
    pids_limit={"type": "integer", "minimum": 1},
)
COMPOSE_SCHEMA = closed(
    name={"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
    services={**by_name(SERVICE), "minProperties": 1},
    networks=by_name(closed(internal={"type": "boolean"})),
    volumes=by_name(closed()),
    secrets=by_name(closed(file=TEXT) | {"required": ["file"]}),
) | {"required": ["services"]}
"""What the Compose Specification says of the keys that are used here, and of no others."""


@pytest.fixture(scope="module")
def stages() -> list[str]:
    return re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]


@pytest.mark.thorough
def test_the_dockerfile_is_clean() -> None:
    linter = shutil.which("hadolint", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    assert linter is not None
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_pinned_unprivileged_and_tells_its_health(stages: list[str]) -> None:
    bases = [stage.split()[0] for stage in stages]
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases[0])
    last = stages[-1]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    health = re.search(r"^HEALTHCHECK .*?\n    CMD (.*)$", last, re.MULTILINE)
    assert health is not None
    assert "/readyz" in health[1]
    assert last.index("USER") < last.index("ENTRYPOINT")
    assert "whl/cpu" in stages[0]
    assert "--constraint constraints.txt" in stages[0]


def test_the_health_check_is_python_that_fails_where_nobody_answers(stages: list[str]) -> None:
    found = re.search(r'CMD \["python", "-c", "(.*?)"\]', stages[-1])
    assert found is not None
    code = found[1].replace(":8000/", ":9/")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 1


def test_the_kernels_folder_is_where_the_package_lies(stages: list[str]) -> None:
    """Of the same Python, in the Dockerfile and in the manifest."""
    python = re.match(r"python:(3\.\d+)", stages[0])
    assert python is not None
    folder = f"/opt/tunesmith/lib/python{python[1]}/site-packages/tunesmith/model/kernels/__pycache__"
    assert folder in stages[-1]
    mounts = _container()["volumeMounts"]
    assert folder in [mount["mountPath"] for mount in mounts]
    assert (ROOT / "src/tunesmith/model/kernels/native.cpp").is_file()


def test_everything_that_is_copied_reaches_the_builder(stages: list[str]) -> None:
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    copied = [line.split()[1:-1] for line in stages[0].splitlines() if line.startswith("COPY")]
    assert {name for names in copied for name in names} == allowed
    assert all((ROOT / name).exists() for name in allowed)


@pytest.mark.parametrize("kind", ["Deployment", "Service"])
def test_manifests_hold_to_the_schema_of_kubernetes(kind: str) -> None:
    for version in ("1.30", "1.37"):
        kubernetes_validate.validate(MANIFESTS[kind], version, strict=True)
    broken = {**MANIFESTS[kind], "spec": {**MANIFESTS[kind]["spec"], "replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.37", strict=True)


def _container() -> dict[str, Any]:
    (container,) = MANIFESTS["Deployment"]["spec"]["template"]["spec"]["containers"]
    return dict(container)


def test_the_pod_has_no_rights_and_bounds() -> None:
    pod, container = MANIFESTS["Deployment"]["spec"]["template"]["spec"], _container()
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"].keys() == {"cpu", "memory"}
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert paths == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/livez"}
    secrets = [one["valueFrom"]["secretKeyRef"]["name"] for one in container["env"] if "valueFrom" in one]
    assert secrets == ["tunesmith-database"]
    service = MANIFESTS["Service"]["spec"]
    assert service["selector"] == MANIFESTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert service["ports"][0]["targetPort"] == container["ports"][0]["name"]


def test_a_stop_leaves_time_to_drain() -> None:
    drain = Serve().limits.drain_seconds
    assert MANIFESTS["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > drain
    assert int(COMPOSE["services"]["server"]["stop_grace_period"].removesuffix("s")) > drain


def test_compose_publishes_to_this_machine_alone_and_keeps_the_password_in_a_file() -> None:
    services = COMPOSE["services"]
    assert services.keys() == {"server", "database"}
    assert services["server"]["ports"] == ["127.0.0.1:${PORT:-8000}:8000"]
    assert "ports" not in services["database"]
    assert COMPOSE["networks"][services["database"]["networks"][0]] == {"internal": True}
    assert COMPOSE["secrets"] == {"postgres_password": {"file": "./secrets/postgres_password"}}
    for service in services.values():
        assert service["secrets"] == ["postgres_password"]
        assert all("PASSWORD" not in name or name.endswith("_FILE") for name in service["environment"])
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"postgres:\d+\.\d+-\w+", services["database"]["image"])


def test_compose_holds_to_its_specification() -> None:
    lint = Draft202012Validator(COMPOSE_SCHEMA)
    assert [error.message for error in lint.iter_errors(COMPOSE)] == []
    server = COMPOSE["services"]["server"]
    for wrong in (
        {"stop_grace_periode": "40s"},
        {"stop_grace_period": "40"},
        {"ports": ["8000:8000"]},
        {"restart": "sometimes"},
        {"depends_on": {"database": {"condition": "healthy"}}},
        {"volumes": [{"type": "bind", "source": "/bundle"}]},
    ):
        broken = {**COMPOSE, "services": {**COMPOSE["services"], "server": {**server, **wrong}}}
        assert not lint.is_valid(broken), wrong


def test_what_a_service_names_is_declared_and_all_that_is_declared_is_named() -> None:
    services = COMPOSE["services"].values()
    named: dict[str, set[str]] = {"networks": set(), "secrets": set(), "volumes": set()}
    for service in services:
        named["networks"].update(service["networks"])
        named["secrets"].update(service["secrets"])
        named["volumes"].update(mount.partition(":")[0] for mount in service["volumes"] if isinstance(mount, str))
        assert service.get("depends_on", {}).keys() <= COMPOSE["services"].keys()
    assert named == {kind: set(COMPOSE[kind]) for kind in named}


def test_the_shell_of_compose_is_sound() -> None:
    shell, option, script = COMPOSE["services"]["server"]["entrypoint"]
    assert (shell, option) == ("sh", "-c")
    # every dollar is for the shell, none is left to be filled in by compose
    assert "$" not in script.replace("$$", "")
    done = subprocess.run(["sh", "-n", "-c", script.replace("$$", "$")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [_container()["args"], COMPOSE["services"]["server"]["entrypoint"][-1].split()])
def test_commands_set_keys_of_the_recipe(words: list[str]) -> None:
    given = [word.strip('"').partition("=")[0] for word in words if word.strip('"').startswith("serve.")]
    assert given
    assert {key.removeprefix("serve.") for key in given} <= Serve.model_fields.keys()


@pytest.mark.parametrize("page", [*ROOT.glob("docs/*/how-to/deploy-with-docker.md"), ROOT / "compose.yaml"])
def test_a_key_is_made_before_a_server_that_does_not_start_without_one(page: Path) -> None:
    """What is run inside of a container that is not running runs nowhere."""
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"\bexec\b[^\n]*\bkeys create\b", text.replace("\\\n", ""))
    for start in ("docker run --rm --publish", "docker compose up", "kubectl apply"):
        if start in text:
            block = text[: text.index(start)].rpartition("```sh")[2]
            assert "keys create desk" in block, start


def test_a_new_pod_has_the_key_of_the_pseudonyms_of_the_one_before(tmp_path: Path) -> None:
    """The database knows the key; one that a pod made for itself would be gone with it."""
    mounts = {mount["mountPath"]: mount for mount in _container()["volumeMounts"]}
    volumes = {one["name"]: one for one in MANIFESTS["Deployment"]["spec"]["template"]["spec"]["volumes"]}
    mount = mounts[f"/workspace/{KEY_FILE}"]
    assert mount["subPath"] == KEY_FILE
    secret = volumes[mount["name"]]["secret"]["secretName"]
    made = f"kubectl create secret generic {secret} --from-literal={KEY_FILE}="
    for page in (*ROOT.glob("docs/*/how-to/deploy-with-docker.md"), ROOT / "deploy" / "kubernetes.yaml"):
        assert made in page.read_text(encoding="utf-8")
    # as `openssl rand -hex 32` writes it
    (tmp_path / KEY_FILE).write_text("ab" * 32 + "\n", encoding="ascii")
    with open_store(f"sqlite:///{tmp_path}/store.db", clock=utc_now, key_file=tmp_path / KEY_FILE) as store:
        assert store.pseudonymiser.key == bytes.fromhex("ab" * 32)
