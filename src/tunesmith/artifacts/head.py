"""The head of a tuned model on disk: what its outputs mean. `head.json` lies beside the weights or the adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

HEAD: Final = "head.json"


class Head(BaseModel):
    """A linear layer without bias on the last token's hidden state, called `score`.

    classification: one logit a class, in the order of `classes`. regression: one number z, which stands for the
    target `mean + scale * z`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    kind: Literal["classification", "regression"]
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    scale: float = 1.0

    @property
    def num_outputs(self) -> int:
        return len(self.classes) if self.kind == "classification" else 1


def write_head(folder: Path, head: Head) -> None:
    (folder / HEAD).write_text(head.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_head(folder: Path) -> Head | None:
    """None for a folder of a language model."""
    file = folder / HEAD
    return Head.model_validate_json(file.read_bytes()) if file.is_file() else None
