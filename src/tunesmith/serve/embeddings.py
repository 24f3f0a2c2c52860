"""`POST /v1/embeddings`: directions of texts, of unit length."""

from __future__ import annotations

import asyncio
import base64
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends
from numpy.typing import NDArray
from starlette.responses import JSONResponse, Response

from tunesmith.serve.access import Caller, Needs
from tunesmith.serve.account import Account, account_of
from tunesmith.serve.asking import Serving, refuse_long, refuse_over
from tunesmith.serve.bodies import EmbeddingBody
from tunesmith.serve.errors import Refused
from tunesmith.serve.reading import body_of


def embeddings_router(serving: Serving) -> APIRouter:
    router = APIRouter()
    deployment = serving.deployment
    engine = deployment.engine

    @router.post("/v1/embeddings")
    async def embeddings(
        caller: Annotated[Caller, Depends(Needs("infer"))],
        account: Annotated[Account, Depends(account_of)],
        body: Annotated[EmbeddingBody, Depends(body_of(EmbeddingBody))],
    ) -> Response:
        """Nothing of it is kept: nothing is answered."""
        model = deployment.models.find(body.model)
        account.model = model.name
        refuse_over("input", len(body.texts), deployment.section.limits.max_texts)
        refuse_long(deployment, "input", max(map(len, body.texts)))
        if not engine.capabilities.embeds:
            raise Refused("engine-lacks", param="model", field="model")
        directions_ND = await asyncio.to_thread(engine.embed, body.texts, model.adapter)
        if body.dimensions not in (None, directions_ND.shape[1]):
            raise Refused("embedding-width", param="dimensions", width=directions_ND.shape[1])
        num_tokens = await asyncio.to_thread(lambda: sum(map(engine.num_read_tokens, body.texts)))
        account.num_prompt_tokens = num_tokens
        data = [
            {"object": "embedding", "index": index, "embedding": _worded(direction_D, body.encoding_format)}
            for index, direction_D in enumerate(directions_ND)
        ]
        usage = {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
        return JSONResponse({"object": "list", "model": model.name, "data": data, "usage": usage})

    return router


def _worded(direction_D: NDArray[np.float32], encoding_format: str) -> Any:
    """Numbers, or the base64 of little-endian float32, which OpenAI's client asks for."""
    if encoding_format == "float":
        return direction_D.tolist()
    return base64.b64encode(direction_D.astype("<f4").tobytes()).decode("ascii")
