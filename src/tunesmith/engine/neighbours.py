"""Which words a language model holds for alike: mutual nearest neighbours among its input embeddings.

Shapes: W words, D width of the model, B words of a block, K neighbours of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import AutoTokenizer

from tunesmith.errors import Place, TunesmithError
from tunesmith.text.tokens import is_han

NUM_NEIGHBOURS: Final = 3
LEAST_COSINE: Final = 0.25
"""Rare words have nearest neighbours too, which are near to nothing."""
_TABLE: Final = "embed_tokens.weight"
_WORD_BEGINS: Final = ("\u0120", "\u2581")
"""What stands for the space before a word: in byte-level BPE, and in SentencePiece."""
_BLOCK_WORDS: Final = 2048


def neighbouring_words(folder: Path) -> Iterator[tuple[str, str]]:
    """Pairs of words that are each among the other's three nearest, with a cosine of 0.25 at least.

    The mean of all words of a script is taken off their vectors first.

    Words are single tokens: of lower-case Latin letters with a space before them, or of two Chinese characters or more.
    Each script is compared with itself. Raises TunesmithError `neighbours-model` where the folder holds no tokenizer or
    no table of input embeddings in safetensors.
    """
    words = _words(folder)
    table = _table(folder)
    for is_chinese in (False, True):
        chosen = {word: token for word, token in words.items() if is_han(word[0]) == is_chinese}
        if len(chosen) > 1:
            names = sorted(chosen)
            vectors_WD = table[torch.tensor([chosen[name] for name in names])].float()
            yield from ((names[one], names[other]) for one, other in _mutual(vectors_WD))


def _words(folder: Path) -> dict[str, int]:
    """The token of each word."""
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as failure:
        raise _no_model(folder, str(failure).partition("\n")[0]) from failure
    found: dict[str, int] = {}
    for token, number in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        word = tokenizer.decode([number]).strip()
        is_latin = token.startswith(_WORD_BEGINS) and word.isascii() and word.isalpha() and word.islower()
        if is_latin or (len(word) > 1 and all(map(is_han, word))):
            found.setdefault(word, number)
    return found


def _table(folder: Path) -> Tensor:
    """(V, D): the input embeddings."""
    try:
        for file in sorted(folder.glob("*.safetensors")):
            with safe_open(file, framework="pt") as tensors:
                names: list[str] = list(tensors.keys())  # not a mapping: it cannot be iterated itself
                name = next((name for name in names if name.endswith(_TABLE)), None)
                if name is not None:
                    table: Tensor = tensors.get_tensor(name)
                    return table
    except SafetensorError as failure:
        raise _no_model(folder, str(failure)) from failure
    raise _no_model(folder, _TABLE)


def _mutual(vectors_WD: Tensor) -> Iterator[tuple[int, int]]:
    unit_WD = torch.nn.functional.normalize(vectors_WD - vectors_WD.mean(0), dim=-1)
    num_words = len(unit_WD)
    nearest, cosines = [], []
    for begin in range(0, num_words, _BLOCK_WORDS):
        cosine_BW = unit_WD[begin : begin + _BLOCK_WORDS] @ unit_WD.T
        rows_B = torch.arange(len(cosine_BW))
        cosine_BW[rows_B, begin + rows_B] = -2.0  # not its own neighbour
        found = cosine_BW.topk(min(NUM_NEIGHBOURS, num_words - 1))
        nearest.append(found.indices)
        cosines.append(found.values)
    nearest_WK = torch.cat(nearest)
    is_mutual_WK = (nearest_WK[nearest_WK] == torch.arange(num_words)[:, None, None]).any(-1)
    for one, place in (is_mutual_WK & (torch.cat(cosines) >= LEAST_COSINE)).nonzero().tolist():
        other = int(nearest_WK[one, place])
        if one < other:
            yield one, other


def _no_model(folder: Path, problem: str) -> TunesmithError:
    return TunesmithError("neighbours-model", place=Place(str(folder)), problem=problem)
