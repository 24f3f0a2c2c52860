"""Names and addresses by a local token-classification model, beside the rules; loaded when the first text needs it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from tunesmith.errors import Place, TunesmithError
from tunesmith.text.personal import PersonalType, Span

_LABELS: Final[dict[PersonalType, frozenset[str]]] = {
    "name": frozenset(["PER", "PERSON", "NAME", "NR", "FIRSTNAME", "LASTNAME", "GIVENNAME", "SURNAME", "PATIENT"]),
    "address": frozenset(["ADDRESS", "ADDR", "STREET", "STREETADDRESS", "FULLADDRESS"]),
}
"""Labels of models by the type that they mean, after `B-` and the like. Places (LOC, GPE) alone are no addresses."""
_STRIDE_TOKENS: Final = 32
_MAX_TOKENS: Final = 512


def find_by_model(text: str, folder: str) -> list[Span]:
    """Find names and addresses with the model in `folder`; a long text is read in windows that overlap.

    Raises TunesmithError `personal-model` where the folder holds no such model, or one that knows neither.
    """
    tagger = _tagger(folder)
    spans: list[Span] = []
    for group in tagger(text) if text.strip() else ():
        kind = _type_of(group["entity_group"])
        if kind is None:
            continue
        # models that mark ends as well (E-, S-) give a name in pieces
        if spans and spans[-1].type == kind and not text[spans[-1].stop : group["start"]].strip():
            spans[-1] = Span(spans[-1].start, group["end"], kind)
        else:
            spans.append(Span(group["start"], group["end"], kind))
    return spans


def _type_of(label: str) -> PersonalType | None:
    plain = label[2:] if label[1:2] in ("-", "_") else label
    plain = plain.upper().replace("_", "").replace("-", "").replace(" ", "")
    return next((kind for kind, labels in _LABELS.items() if plain in labels), None)


@lru_cache(maxsize=1)
def _tagger(folder: str) -> Any:
    from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer, pipeline

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForTokenClassification.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise TunesmithError("personal-model", place=Place(folder), problem=str(error).partition("\n")[0]) from error
    labels = sorted(config.id2label.values())
    if not Path(folder).is_dir() or not any(map(_type_of, labels)):
        raise TunesmithError("personal-model", place=Place(folder), problem=", ".join(labels))
    tokenizer.model_max_length = min(tokenizer.model_max_length, _MAX_TOKENS, config.max_position_embeddings)
    stride = min(_STRIDE_TOKENS, tokenizer.model_max_length // 4)
    return pipeline(
        "token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple", stride=stride
    )
