"""Translation by a local sequence-to-sequence model, loaded when the first text needs it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from tunesmith.errors import Place, TunesmithError

_BATCH_TEXTS: Final = 16


def translate_texts(texts: Sequence[str], folder: str) -> list[str]:
    """Each text through the model in `folder`, by its own generation settings, without sampling.

    A text longer than the model reads is cut at its end, which the check of what was made finds out. Raises
    TunesmithError `translator` where the folder holds no such model.
    """
    tokenizer, model = _loaded(folder)
    translated: list[str] = []
    for begin in range(0, len(texts), _BATCH_TEXTS):
        batch = tokenizer(list(texts[begin : begin + _BATCH_TEXTS]), return_tensors="pt", padding=True, truncation=True)
        ids = model.generate(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], do_sample=False)
        translated += [text.strip() for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]
    return translated


@lru_cache(maxsize=2)
def _loaded(folder: str) -> tuple[Any, Any]:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    if not Path(folder).is_dir():
        raise TunesmithError("translator", place=Place(folder), problem="-")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForSeq2SeqLM.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, ImportError, TypeError) as error:  # the last where the tokenizer's files are missing
        problem = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise TunesmithError("translator", place=Place(folder), problem=problem) from error
    longest = model.config.to_dict().get("max_position_embeddings")  # T5 counts positions without end
    tokenizer.model_max_length = min(tokenizer.model_max_length, longest or tokenizer.model_max_length)
    return tokenizer, model.eval()
