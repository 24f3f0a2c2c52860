"""Texts to vectors with a local model folder: a sentence encoder, or any language model by the mean of its last states.

Shapes: T texts, B texts of a batch, S padded tokens, D width of the model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from tunesmith.errors import Place, TunesmithError
from tunesmith.metrics.bertscore import TokenVectors
from tunesmith.model.vector_math import choose_kernels

MAX_TOKENS: Final = 512
"""What a text means shows in its beginning."""
BATCH_TOKENS: Final = 8192
Pooling = Literal["mean", "cls", "last"]
_KNOWN_MODULES: Final = ("Transformer", "Pooling", "Normalize")
_KEY: Final = "pooling_mode_"
_POOLINGS: Final[dict[str, Pooling]] = {
    "cls": "cls",
    "cls_token": "cls",
    "mean": "mean",
    "mean_tokens": "mean",
    "lasttoken": "last",
}


class Encoder:
    """One model and how its states become one vector."""

    def __init__(self, folder: Path) -> None:
        """Raises TunesmithError `encoder-folder` where the folder holds no model that can be read safely."""
        if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
            raise TunesmithError("encoder-folder", place=Place(str(folder)), problem="config.json")
        choose_kernels()
        transformer, self.pooling = _modules(folder)
        try:
            # said in words, or transformers asks on the terminal whether to run code of the folder's
            self._tokenizer = AutoTokenizer.from_pretrained(transformer, local_files_only=True, trust_remote_code=False)
            self._model = AutoModel.from_pretrained(
                transformer, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
            ).eval()
        except (OSError, ValueError, KeyError) as failure:
            problem = str(failure).partition("\n")[0]
            raise TunesmithError("encoder-folder", place=Place(str(folder)), problem=problem) from failure
        positions = self._model.config.to_dict().get("max_position_embeddings") or MAX_TOKENS
        self._max_tokens = min(MAX_TOKENS, self._tokenizer.model_max_length, positions)

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, those that the tokenizer puts around it included, as many as the model reads."""
        return [self._tokenizer(text, truncation=True, max_length=self._max_tokens)["input_ids"] for text in texts]

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(T, D): a vector of length 1 for each text; zeros for a text without any token."""
        ids = self.token_ids(texts)
        vectors_TD = np.zeros((len(texts), self._model.config.hidden_size), dtype=np.float32)
        spoken = [place for place, tokens in enumerate(ids) if tokens]
        waiting = sorted(spoken, key=lambda place: -len(ids[place]))
        while waiting:
            size = max(1, BATCH_TOKENS // len(ids[waiting[0]]))
            batch, waiting = waiting[:size], waiting[size:]
            vectors_TD[batch] = self._embed_batch([ids[place] for place in batch]).numpy()
        return vectors_TD

    @torch.inference_mode()
    def token_vectors(self, texts: Sequence[str], layer: int | None = None) -> list[TokenVectors]:
        """The states of each text's tokens, brought to length 1, after `layer` layers (None: the model's output)."""
        rows = [
            self._tokenizer(text, truncation=True, max_length=self._max_tokens, return_special_tokens_mask=True)
            for text in texts
        ]
        states_BSD, seen_BS = self._states([row["input_ids"] for row in rows], layer)
        vectors_BSD = torch.nn.functional.normalize(states_BSD.float(), dim=-1).numpy()
        return [
            TokenVectors(
                row["input_ids"], [bool(special) for special in row["special_tokens_mask"]], vectors_SD[seen_S]
            )
            for row, vectors_SD, seen_S in zip(rows, vectors_BSD, seen_BS.numpy(), strict=True)
        ]

    def _embed_batch(self, ids: Sequence[list[int]]) -> Tensor:
        """(B, D)"""
        states_BSD, seen_BS = self._states(ids, None)
        pooled_BD = _POOL[self.pooling](states_BSD, seen_BS)
        return torch.nn.functional.normalize(pooled_BD.float(), dim=-1)

    def _states(self, ids: Sequence[list[int]], layer: int | None) -> tuple[Tensor, Tensor]:
        """(B, S, D) states, and (B, S) where they are of a token rather than of padding."""
        lengths_B = torch.tensor([len(row) for row in ids])
        ids_BS = torch.zeros(len(ids), max(1, int(lengths_B.max())), dtype=torch.long)
        for row, tokens in enumerate(ids):
            ids_BS[row, : len(tokens)] = torch.tensor(tokens)
        seen_BS = torch.arange(ids_BS.shape[1])[None] < lengths_B[:, None]
        told = self._model(input_ids=ids_BS, attention_mask=seen_BS.long(), output_hidden_states=layer is not None)
        return told.last_hidden_state if layer is None else told.hidden_states[layer], seen_BS


def _mean(states_BSD: Tensor, seen_BS: Tensor) -> Tensor:
    return (states_BSD * seen_BS[:, :, None]).sum(1) / seen_BS.sum(1, keepdim=True)


def _first(states_BSD: Tensor, seen_BS: Tensor) -> Tensor:
    return states_BSD[:, 0]


def _last(states_BSD: Tensor, seen_BS: Tensor) -> Tensor:
    return states_BSD[torch.arange(len(states_BSD)), seen_BS.sum(1) - 1]


_POOL: Final[dict[Pooling, Callable[[Tensor, Tensor], Tensor]]] = {"mean": _mean, "cls": _first, "last": _last}


def _modules(folder: Path) -> tuple[Path, Pooling]:
    """The folder of the model itself and how its states are pooled, as sentence-transformers writes it down.

    Raises TunesmithError `encoder-folder` for a module that does something else.
    """
    file = folder / "modules.json"
    if not file.is_file():
        return folder, "mean"
    transformer = folder
    pooling: Pooling = "mean"
    for module in json.loads(file.read_text(encoding="utf-8")):
        kind = str(module["type"]).rpartition(".")[2]
        if kind not in _KNOWN_MODULES:
            raise TunesmithError("encoder-folder", place=Place(str(file)), problem=kind)
        if kind == "Transformer":
            transformer = folder / module["path"]
        elif kind == "Pooling":
            pooling = _pooling(folder / module["path"] / "config.json")
    return transformer, pooling


def _pooling(file: Path) -> Pooling:
    settings: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    named = settings.get("pooling_mode")
    wished = [named] if named else [key for key, value in settings.items() if key.startswith(_KEY) and value is True]
    modes = [_POOLINGS[name] for name in (str(wish).removeprefix(_KEY) for wish in wished) if name in _POOLINGS]
    if len(wished) != 1 or not modes:
        raise TunesmithError("encoder-folder", place=Place(str(file)), problem=", ".join(map(str, wished)))
    return modes[0]
