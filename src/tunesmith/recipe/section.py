"""What every section of a recipe is, and the numbers that they hold."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0.0)]


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a bracket or a port that is none
        has_host = False
    if not has_host or parts.scheme not in ("http", "https") or any(map(str.isspace, url)):
        raise PydanticCustomError("web_address", "no address on the web")
    return url


WebAddress = Annotated[str, AfterValidator(_web_address)]
"""Of `http` or `https`, with a host."""


class Section(BaseModel):
    """A closed, frozen part of the recipe: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
