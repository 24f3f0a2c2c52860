"""The field `prepare.long_text`: what counts as a long row, and the windows that a long text is cut into."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError

from tunesmith.recipe.section import PositiveInt, Section


class LongText(Section):
    """Rows longer than this are long; `too_long` says what becomes of them."""

    max_tokens: Annotated[
        PositiveInt | None,
        Field(description="Most tokens of a row, template and answer included; what the model reads when not given."),
    ] = None
    window_tokens: Annotated[PositiveInt, Field(description="Tokens of the user's text in each window.")] = 512
    stride_tokens: Annotated[
        PositiveInt | None,
        Field(description="Tokens from the start of a window to the start of the next; half a window when not given."),
    ] = None

    @field_validator("stride_tokens")
    @classmethod
    def _leaves_no_gap(cls, value: int | None, info: ValidationInfo) -> int | None:
        size = info.data.get("window_tokens")
        if value is not None and size is not None and value > size:
            raise PydanticKnownError("less_than_equal", {"le": size})
        return value

    @property
    def stride(self) -> int:
        return self.stride_tokens or max(1, self.window_tokens // 2)
