"""From the bytes of a request to its body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from tunesmith.serve.bodies import Body
from tunesmith.serve.errors import Refused

MAX_ERRORS: Final = 100
"""Of more mistakes none is told: to collect them would take longer than such a request is worth."""

B = TypeVar("B", bound=Body)


def body_of(kind: type[B]) -> Callable[[Request], Awaitable[B]]:
    """What reads the body of a request, for FastAPI's `Depends`.

    Of the bytes, not of what FastAPI makes of them: only so a list is a tuple while `true` is no number. The reader
    raises Refused `body-json` and `body-mistakes`, and FastAPI's RequestValidationError.
    """

    async def read(request: Request) -> B:
        try:
            return kind.model_validate_json(await request.body())
        except ValidationError as failure:
            if failure.error_count() > MAX_ERRORS:
                raise Refused("body-mistakes", count=failure.error_count()) from None
            details = failure.errors(include_url=False)
        if details[0]["type"] == "json_invalid":
            raise Refused("body-json")
        raise RequestValidationError([_of_body(detail) for detail in details])

    return read


def _of_body(detail: ErrorDetails) -> ErrorDetails:
    """The same at its field: pydantic puts names of types into the path where a value may be of several."""
    fields = [part for part in detail["loc"] if isinstance(part, int) or part in NAMES]
    if detail["type"] == "extra_forbidden":
        fields += detail["loc"][-1:]
    return {**detail, "loc": ("body", *fields)}


def _bodies(kind: type[Body]) -> Iterator[type[Body]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _bodies(each)


NAMES: Final = frozenset(field.alias or name for kind in _bodies(Body) for name, field in kind.model_fields.items())
"""Of every field that a body may hold."""
