"""`POST /v1/feedback`: what somebody says of an exchange. It is answered once it is committed, or not at all."""

from __future__ import annotations

import asyncio
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, Response

from tunesmith.errors import RunFailed
from tunesmith.records import Feedback
from tunesmith.serve.access import Caller, Needs
from tunesmith.serve.account import Account, account_of
from tunesmith.serve.asking import Serving
from tunesmith.serve.bodies import FeedbackBody
from tunesmith.serve.reading import body_of
from tunesmith.serve.recording import RECORD_SECONDS
from tunesmith.store import recorded_feedback


def feedback_router(serving: Serving) -> APIRouter:
    router = APIRouter()
    deployment = serving.deployment

    @router.post("/v1/feedback")
    async def feedback(
        caller: Annotated[Caller, Depends(Needs("feedback"))],
        account: Annotated[Account, Depends(account_of)],
        body: Annotated[FeedbackBody, Depends(body_of(FeedbackBody))],
    ) -> Response:
        """Raises TunesmithError `exchange-unknown`; RunFailed `feedback-late`, and what the store fails with."""
        account.exchange = body.exchange
        said = Feedback(
            id=f"fb-{secrets.token_hex(12)}",
            exchange=body.exchange,
            at=deployment.runtime.clock(),
            key=caller.key,
            kind=body.kind,
            value=body.value,
            dimension=body.dimension,
            text=body.text,
            preferred=body.preferred,
        )
        is_recorded = await _committed(serving, said)
        return JSONResponse(
            {
                "id": said.id,
                "object": "feedback",
                "created": int(said.at.timestamp()),
                "exchange": said.exchange,
                "kind": said.kind,
                "recorded": is_recorded,
            }
        )

    return router


async def _committed(serving: Serving, said: Feedback) -> bool:
    """False where the policy keeps nothing."""
    deployment = serving.deployment
    store, policy = deployment.store, deployment.section.record
    if policy == "off":
        return False
    kept = await asyncio.to_thread(lambda: recorded_feedback(said, policy, store.pseudonymiser))
    if kept is None:
        return False
    try:
        async with asyncio.timeout(RECORD_SECONDS):
            await asyncio.wrap_future(store.add_feedback(kept))
    except TimeoutError:
        raise RunFailed("feedback-late", seconds=f"{RECORD_SECONDS:g}") from None
    return True
