"""Every failure of a request in OpenAI's envelope, with a hint, in English or Chinese, and never with a value of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tunesmith.errors import Phrase, RunFailed, TunesmithError
from tunesmith.i18n import LANGUAGES
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.serve.account import account_in

LOGGER: Final = logging.getLogger("tunesmith.serve")
STATUSES: Final[Mapping[str, int]] = {
    "adapter-unknown": 404,
    "body-slow": 408,
    "body-too-large": 413,
    "body-type": 415,
    "engine-broke-off": 502,
    "engine-busy": 429,
    "engine-closed": 503,
    "engine-garbled": 502,
    "engine-status": 502,
    "engine-unreachable": 503,
    "exchange-unknown": 404,
    "feedback-late": 503,
    "host-foreign": 403,
    "key-missing": 401,
    "key-scope": 403,
    "key-wrong": 401,
    "method-unserved": 405,
    "model-unknown": 404,
    "not-ready": 503,
    "origin-foreign": 403,
    "queue-full": 429,
    "request-failed": 500,
    "requests-spent": 429,
    "route-unknown": 404,
    "store-closed": 503,
    "store-failed": 503,
    "store-full": 503,
    "store-key-missing": 503,
    "store-key-other": 503,
    "store-unavailable": 503,
    "tokens-spent": 429,
    "too-busy": 429,
    "version-unknown": 404,
}
"""The status of a failure by its code; of any other TunesmithError 400, of a RunFailed 500."""
KNOWN_AS: Final[Mapping[str, str]] = {
    "engine-busy": "rate_limit_exceeded",
    "key-missing": "invalid_api_key",
    "key-wrong": "invalid_api_key",
    "model-unknown": "model_not_found",
    "prompt-too-long": "context_length_exceeded",
    "queue-full": "rate_limit_exceeded",
    "requests-spent": "rate_limit_exceeded",
    "text-too-long": "context_length_exceeded",
    "tokens-spent": "rate_limit_exceeded",
    "too-busy": "rate_limit_exceeded",
}
"""Codes by which clients of OpenAI's API know some of ours."""
OF_STORE: Final = frozenset({"store-failed", "store-key-missing", "store-key-other", "store-unavailable"})
"""What these say is for the operator: a database names its hosts and users, and whoever sends some key hears it."""
TYPES: Final[Mapping[int, str]] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
RETRY_SECONDS: Final = 1
"""When a request that found no room may come again, where nothing better is known."""
PROBLEMS: Final[Mapping[str, str]] = {
    "bool_type": "bool",
    "dict_type": "object",
    "extra_forbidden": "unknown",
    "finite_number": "finite",
    "float_type": "number",
    "greater_than": "greater",
    "greater_than_equal": "at-least",
    "int_from_float": "whole",
    "int_type": "whole",
    "less_than": "less",
    "less_than_equal": "at-most",
    "list_type": "list",
    "literal_error": "choice",
    "missing": "missing",
    "model_attributes_type": "object",
    "model_type": "object",
    "string_pattern_mismatch": "pattern",
    "string_too_long": "text-long",
    "string_too_short": "text-short",
    "string_type": "text",
    "too_long": "too-long",
    "too_short": "too-short",
    "tuple_type": "list",
}
"""pydantic's types of errors, by entries `request.problem.*`; another type is looked for under its own name."""
MAX_PARAM_CHARACTERS: Final = 100
MAX_MESSAGE_CHARACTERS: Final = 500
"""A name that was asked for may be as long as a request."""


class Refused(TunesmithError):
    """A request that is not answered. `param` is the field that is to blame."""

    def __init__(
        self, code: str, *, param: str | None = None, retry_after_seconds: int | None = None, **parameters: object
    ) -> None:
        super().__init__(code, place=None, **parameters)
        self.param = param
        self.retry_after_seconds = retry_after_seconds


def status_of(failure: TunesmithError) -> int:
    """The HTTP status of a failure."""
    return STATUSES.get(failure.code, 500 if isinstance(failure, RunFailed) else 400)


def envelope(failure: TunesmithError, language: str) -> dict[str, dict[str, str | None]]:
    """OpenAI's error object with a `hint` beside it; also what a stream that fails half-way ends with."""
    status = status_of(failure)
    if isinstance(failure, Refused):
        param = failure.param
    else:
        param = failure.place.field if failure.place is not None else None
    told = Refused("store-down") if failure.code in OF_STORE else failure
    return {
        "error": {
            "message": told.message(language)[:MAX_MESSAGE_CHARACTERS],
            "type": TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
            "param": param,
            "code": KNOWN_AS.get(failure.code, failure.code),
            "hint": told.hint(language),
        }
    }


def language_asked(headers: Headers, otherwise: str) -> str:
    """The first of our languages by the weights of `Accept-Language` (RFC 9110, 12.5.4); `otherwise` without any."""
    weighted: list[tuple[float, str]] = []
    for item in headers.get("accept-language", "")[:200].split(","):
        tag, _, parameter = item.strip().partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES:
            weighted.append((_weight(parameter), language))
    best = max(weighted, default=(0.0, otherwise), key=lambda pair: pair[0])
    return best[1] if best[0] > 0 else otherwise


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if name.strip().lower() == "q" and 0.0 <= weight <= 1.0 else 0.0


def response_to(failure: TunesmithError, language: str) -> Response:
    """The response, with `Retry-After` where coming again helps and `WWW-Authenticate` where a key is wanted."""
    status = status_of(failure)
    headers: dict[str, str] = {}
    if status in (429, 503):
        seconds = failure.retry_after_seconds if isinstance(failure, Refused) else None
        headers["retry-after"] = str(RETRY_SECONDS if seconds is None else seconds)
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(envelope(failure, language), status, headers)


def internal_error(error: Exception, request_id: str) -> TunesmithError:
    """A defect of ours: where it happened goes to the log under an id, and the caller gets the id."""
    LOGGER.error("request failed", exc_info=error, extra={"request_id": request_id})
    return Refused("request-failed", id=request_id)


def install(app: FastAPI, language: str) -> None:
    """Answer what fails within the routes. What fails around them, the boundary answers."""

    def answered(request: Request, failure: TunesmithError) -> Response:
        account_in(request).refusal = failure.code
        return response_to(failure, language_asked(request.headers, language))

    async def coded(request: Request, failure: Exception) -> Response:
        assert isinstance(failure, TunesmithError)
        return answered(request, failure)

    async def invalid(request: Request, failure: Exception) -> Response:
        assert isinstance(failure, RequestValidationError)
        return answered(request, _invalid(failure.errors()))

    async def http(request: Request, failure: Exception) -> Response:
        assert isinstance(failure, HTTPException)
        response = answered(request, _of_status(failure.status_code))
        response.headers.update({name: value for name, value in (failure.headers or {}).items() if name == "Allow"})
        return response

    app.add_exception_handler(TunesmithError, coded)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _invalid(details: Sequence[Mapping[str, Any]]) -> TunesmithError:
    """The first of pydantic's errors, and how many there are. What was given is not repeated."""
    first = details[0]
    param = _param(first["loc"])
    if len(details) > 1:
        return Refused("request-fields", param=param, field=param, problem=_problem(first), count=len(details))
    return Refused("request-field", param=param, field=param, problem=_problem(first))


def _param(loc: Sequence[str | int]) -> str:
    """`messages[0].content`. Parts that no field of ours could have are left out: the caller wrote them."""
    said = ""
    for part in loc[1:]:
        if isinstance(part, int):
            said += f"[{part}]"
        elif part.isidentifier() and part.isascii():
            said += f".{part}" if said else part
    return said[:MAX_PARAM_CHARACTERS] or "body"


def _problem(detail: Mapping[str, Any]) -> Phrase | str:
    kind = str(detail["type"])
    key = f"request.problem.{PROBLEMS.get(kind, kind.replace('_', '-'))}"
    if key not in CATALOGUE:
        return Phrase("request.problem.other")
    context = detail.get("ctx", {})
    return Phrase(key, {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()})


def _of_status(status: int) -> TunesmithError:
    match status:
        case 404:
            return Refused("route-unknown")
        case 405:
            return Refused("method-unserved")
    return Refused("body-json")
