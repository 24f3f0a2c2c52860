"""The application: every route of one deployment, behind its guards."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Depends, FastAPI

from tunesmith.serve.access import authorise
from tunesmith.serve.asking import Serving
from tunesmith.serve.chat import chat_router
from tunesmith.serve.classify import classify_router
from tunesmith.serve.completions import completions_router
from tunesmith.serve.deployment import Deployment
from tunesmith.serve.embeddings import embeddings_router
from tunesmith.serve.feedback import feedback_router
from tunesmith.serve.guard import ContentGuard
from tunesmith.serve.models import models_router
from tunesmith.serve.secure import Guards, secure
from tunesmith.serve.submitted import Arrivals

ROUTERS = (models_router, chat_router, completions_router, embeddings_router, classify_router, feedback_router)


@dataclass(frozen=True, slots=True)
class Application:
    """What is run, and what watches over it."""

    app: FastAPI
    guards: Guards


def make_app(deployment: Deployment) -> Application:
    """Without pages of its own: no schema, no forms to try it with, which would ask for no key."""
    app = FastAPI(
        dependencies=[Depends(authorise)], docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    serving = Serving(deployment, ContentGuard(deployment.section.guard), Arrivals(deployment.engine))
    for router in ROUTERS:
        app.include_router(router(serving))
    return Application(app, secure(app, deployment, lambda: deployment.recorder.num_dropped))
