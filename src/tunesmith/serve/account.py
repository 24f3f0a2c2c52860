"""What becomes known of one request while it is answered.

The routes fill it; the log, the metrics and the budgets read it when the response is over, however it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from starlette.requests import Request

from tunesmith.records import FinishReason

OTHER: Final = "other"
"""Stands in logs and metrics for a method or a model that is none: callers choose no names there."""
UNROUTED: Final = "unrouted"


@dataclass(slots=True)
class Account:
    """One request. `model` is only ever a name that is served."""

    request_id: str
    method: str
    began: float
    """By the monotonic clock."""
    route: str = UNROUTED
    """The template of its path, never the path."""
    key: str | None = None
    """Id of the API key."""
    status: int = 0
    """0 where nothing was answered."""
    seconds: float = 0.0
    refusal: str | None = None
    """Code of the error that it ended with."""
    model: str | None = None
    exchange: str | None = None
    num_prompt_tokens: int = 0
    num_cached_tokens: int = 0
    num_tokens: int = 0
    """Of all its answers."""
    first_token_seconds: float | None = None
    seconds_per_token: tuple[float, ...] = ()
    """Of the tokens after the first, one number for each answer that has such."""
    finish_reason: FinishReason | None = None
    guarded: tuple[str, ...] = ()
    """Names of the guard's rules that held something."""
    listed_origin: str | None = None
    """The listed web page that asks, which its browser lets read the answer."""


def account_in(request: Request) -> Account:
    return cast(Account, request.state.account)


async def account_of(request: Request) -> Account:
    """A dependency: `account: Annotated[Account, Depends(account_of)]`."""
    return account_in(request)
