"""`/v1/models`: what is served, and adapters that come and go by their name in the registry."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, Response

from tunesmith.artifacts.bundle import Bundle
from tunesmith.model.harmless import refuse_harmful
from tunesmith.serve.access import Caller, Needs
from tunesmith.serve.account import Account, account_of
from tunesmith.serve.asking import Serving
from tunesmith.serve.bodies import AdapterBody
from tunesmith.serve.deployment import Deployment, Served
from tunesmith.serve.errors import Refused
from tunesmith.serve.reading import body_of
from tunesmith.store import open_version, resolve


def models_router(serving: Serving) -> APIRouter:
    router = APIRouter()
    deployment = serving.deployment
    changing = asyncio.Lock()

    @router.get("/v1/models")
    async def models(caller: Annotated[Caller, Depends(Needs("infer"))]) -> Response:
        return JSONResponse({"object": "list", "data": [_worded(each) for each in deployment.models]})

    @router.get("/v1/models/{name:path}")
    async def model(name: str, caller: Annotated[Caller, Depends(Needs("infer"))]) -> Response:
        return JSONResponse(_worded(deployment.models.find(name)))

    @router.post("/v1/models/load")
    async def load(
        caller: Annotated[Caller, Depends(Needs("admin"))],
        account: Annotated[Account, Depends(account_of)],
        body: Annotated[AdapterBody, Depends(body_of(AdapterBody))],
    ) -> Response:
        """Raises TunesmithError `version-unknown`, `version-withdrawn`, `adapter-misfit`, what `refuse_harmful` raises;
        Refused `model-loaded`, `engine-lacks`, `adapter-none`, `adapter-other-base`."""
        async with changing:
            if body.name in deployment.models:
                raise Refused("model-loaded", param="name", name=body.name)
            if not (deployment.facts.takes_adapters and deployment.engine.capabilities.adapters):
                raise Refused("engine-lacks", param="name", field="name")
            served = await asyncio.to_thread(_loaded, deployment, body.name)
            deployment.models.add(served)
        account.model = served.name
        return JSONResponse(_worded(served))

    @router.post("/v1/models/unload")
    async def unload(
        caller: Annotated[Caller, Depends(Needs("admin"))],
        body: Annotated[AdapterBody, Depends(body_of(AdapterBody))],
    ) -> Response:
        """Answers that it is writing end first. Raises TunesmithError `model-unknown`, Refused `model-fixed`."""
        async with changing:
            served = deployment.models.find(body.name)
            if not served.is_loaded or served.adapter is None:
                raise Refused("model-fixed", param="name", name=body.name)
            deployment.models.remove(served.name)
            await asyncio.to_thread(deployment.engine.unload_adapter, served.adapter)
        return JSONResponse({"id": served.name, "object": "model", "deleted": True})

    return router


def _loaded(deployment: Deployment, name: str) -> Served:
    """Into the engine. What stands under a name is the registry's word, its files are checked against their hashes."""
    version = resolve(deployment.store, name)
    bundle = open_version(version)
    folder = bundle.form("adapter")
    if folder is None:
        raise Refused("adapter-none", param="name", name=name)
    base = next(iter(deployment.models)).parent
    if deployment.bundle is not None and _ground(bundle) != _ground(deployment.bundle):
        raise Refused("adapter-other-base", param="name", name=name, base=base)
    refuse_harmful(folder)
    # a request of the version before, still on its way to the engine, is not to be answered by this one
    adapter = f"{name}={version.bundle}"
    deployment.engine.load_adapter(adapter, folder)
    return Served(name, adapter, version.bundle, deployment.runtime.clock(), parent=base, is_loaded=True)


def _ground(bundle: Bundle) -> tuple[object, ...]:
    """What all adapters of one engine have in common: the base's numbers, and how conversations are put to them."""
    base = bundle.body.base
    return base.sha256, base.four_bit, bundle.body.prompt_style


def _worded(model: Served) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "created": int(model.created.timestamp()),
        "owned_by": "tunesmith",
        "root": model.version,
        "parent": model.parent,
    }
