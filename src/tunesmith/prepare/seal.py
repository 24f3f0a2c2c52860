"""What a row's pseudonyms stand for, encrypted into the row: AES-SIV (RFC 5297), so that equal rows seal equally.

The key is never in the dataset. Without it nothing can be read or forged; with it `unseal` gives the row back.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from tunesmith.errors import TunesmithError
from tunesmith.prepare.lengths import kept_of
from tunesmith.records import Annotation, Entity, Example, Message

SEALED: Final = "personal_sealed"
"""The metadata of a row that hold, encrypted, what its pseudonyms stand for."""
MIN_KEY_BYTES: Final = 16
_CHANGE: Final = "personal."
_METADATA: Final = "metadata."
_NUM_BYTES: Final = {"pseudonyms": 32, "seal": 64, "fingerprint": 8}


@dataclass(frozen=True, slots=True)
class Swap:
    """A value replaced in a text: where it begins once all before it are replaced, the new value and the old."""

    start: int
    new: str
    old: str


@dataclass(frozen=True, slots=True)
class Original:
    """All that a row has lost."""

    swaps: Mapping[str, Sequence[Swap]]
    """By the path of the text."""
    annotations: tuple[Annotation, ...]
    group: str | None


def derived(key: bytes | None, purpose: Literal["pseudonyms", "seal", "fingerprint"]) -> bytes:
    """Return the key for one purpose, by HKDF-SHA256 (RFC 5869).

    Raises TunesmithError `personal-key-missing`, and `personal-key-short` for one that can be guessed.
    """
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    if not key:
        raise TunesmithError("personal-key-missing")
    if len(key) < MIN_KEY_BYTES:
        raise TunesmithError("personal-key-short", num_bytes=len(key), least=MIN_KEY_BYTES)
    return HKDF(SHA256(), _NUM_BYTES[purpose], None, f"tunesmith personal {purpose}".encode()).derive(key)


def key_fingerprint(key: bytes | None) -> str:
    """16 hex digits that change with the key and do not tell it. Raises what `derived` raises."""
    return derived(key, "fingerprint").hex()


def seal(example: Example, original: Original, seal_key: bytes) -> Example:
    """Return the row with what it lost in its metadata, encrypted."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    entities = [asdict(item) if isinstance(item, Entity) else None for item in original.annotations]
    lost = {
        "texts": {path: [[swap.start, swap.new, swap.old] for swap in swaps] for path, swaps in original.swaps.items()},
        "entities": entities,
        "group": original.group,
    }
    token = AESSIV(seal_key).encrypt(json.dumps(lost).encode(), None)
    return replace(example, metadata={**example.metadata, SEALED: base64.b64encode(token).decode()})


def unseal(example: Example, key: bytes) -> Example:
    """Return a row with pseudonyms as it was before; a row without any comes back as it is.

    The id is that of the row as it is in the dataset. Of a row that was cut (`lengths.KEPT`) what is left comes back; a
    pseudonym that was cut in two stays. Raises TunesmithError `personal-key-wrong` for another key, and
    `personal-row-changed` where the text was edited since.
    """
    token = example.metadata.get(SEALED)
    if token is None:
        return example
    lost = _decrypted(token, key, example)
    rest = replace(example, metadata={name: value for name, value in example.metadata.items() if name != SEALED})
    texts = texts_of(rest)
    kept = kept_of(example)
    for path, swaps in lost["texts"].items():
        text = texts.get(path, "")
        for whole_start, new, old in reversed(swaps):
            start = kept.place(whole_start, len(new)) if kept and path == kept.path else whole_start
            if start is None:
                continue
            if text[start : start + len(new)] != new:
                raise TunesmithError("personal-row-changed", place=example.place)
            text = text[:start] + old + text[start + len(new) :]
        texts[path] = text
    pairs = zip(lost["entities"], example.annotations, strict=True)
    return replace(
        with_texts(rest, texts),
        annotations=tuple(Entity(**entity) if entity else annotation for entity, annotation in pairs),
        group=lost["group"],
        changes=tuple(change for change in example.changes if not change.startswith(_CHANGE)),
    )


def _decrypted(token: str, key: bytes, example: Example) -> dict[str, Any]:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    cipher = AESSIV(derived(key, "seal"))
    try:
        lost: dict[str, Any] = json.loads(cipher.decrypt(base64.b64decode(token), None))
    except (InvalidTag, binascii.Error) as error:
        raise TunesmithError("personal-key-wrong", place=example.place) from error
    return lost


def texts_of(example: Example) -> dict[str, str]:
    """Return the texts of a row that may hold personal data, by their path.

    The last answer of a row with a label or a target is not among them.
    """
    texts: dict[str, str] = {}
    says_label = example.label is not None or example.target is not None
    for index, message in enumerate(example.messages):
        if not (says_label and index == len(example.messages) - 1):
            texts[f"messages.{index}.content"] = message.content
        if message.reasoning is not None:
            texts[f"messages.{index}.reasoning"] = message.reasoning
    if example.rejected is not None:
        texts["rejected.content"] = example.rejected.content
        if example.rejected.reasoning is not None:
            texts["rejected.reasoning"] = example.rejected.reasoning
    return texts | {f"{_METADATA}{name}": value for name, value in example.metadata.items()}


def with_texts(example: Example, texts: Mapping[str, str]) -> Example:
    """Return the row with these texts in place of its own; a text whose path is not given stays."""

    def put(message: Message, path: str) -> Message:
        content = texts.get(f"{path}.content", message.content)
        return replace(message, content=content, reasoning=texts.get(f"{path}.reasoning", message.reasoning))

    return replace(
        example,
        messages=tuple(put(message, f"messages.{index}") for index, message in enumerate(example.messages)),
        rejected=None if example.rejected is None else put(example.rejected, "rejected"),
        metadata={name: texts.get(f"{_METADATA}{name}", value) for name, value in example.metadata.items()},
    )
