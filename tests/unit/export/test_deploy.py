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

from tunesmith.recipe.serve import Serve

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
MANIFESTS = {
    manifest["kind"]: manifest
    for manifest in yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8"))
}


@pytest.fixture(scope="module")
def stages() -> list[str]:
    return re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]


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


@pytest.mark.parametrize("words", [_container()["args"], COMPOSE["services"]["server"]["entrypoint"][-1].split()])
def test_commands_set_keys_of_the_recipe(words: list[str]) -> None:
    given = [word.strip('"').partition("=")[0] for word in words if word.strip('"').startswith("serve.")]
    assert given
    assert {key.removeprefix("serve.") for key in given} <= Serve.model_fields.keys()
