"""Whether a folder of a bundle is what this project writes, told before anything in it is loaded.

Neither the suffix of a file nor a setting is believed: weights are refused unless they are safetensors or GGUF by their
first bytes, and a file that could hold code is refused whatever it says.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tunesmith.errors import Place, TunesmithError
from tunesmith.model.base import CODE_KEYS

SUFFIXES: Final = frozenset({"", ".safetensors", ".gguf", ".json", ".jsonl", ".jinja", ".md", ".txt", ".yaml"})
"""Of the files that a bundle may hold; those without are LICENSE and Modelfile."""
PICKLES: Final = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz"})
ARCHIVE: Final = b"PK\x03\x04"
"""Begins a zip file, as which torch writes its pickles."""
PROTOCOLS: Final = frozenset(bytes((0x80, version)) for version in range(2, 6))
"""Begin a pickle."""
MAX_HEADER_BYTES: Final = 100_000_000
"""Of safetensors' own header, as the format has it."""
SETTINGS: Final = (
    *("config.json", "generation_config.json", "tokenizer_config.json"),
    *("special_tokens_map.json", "adapter_config.json"),
)
"""Files whose keys other libraries act on."""
CLASS_NAMES: Final = ("id2label", "label2id")
"""Whose keys are the user's own words."""
TORCHAO: Final = ("_type", "_version", "_data")
"""How it writes down what a weight is quantised by; it takes no other names than those of its own settings."""


def refuse_harmful(folder: Path) -> None:
    """Look at every file under a folder, and load none.

    Raises TunesmithError `bundle-file` for a link or a file of a foreign kind, `bundle-pickle` for a pickle by name or
    by its first bytes, `bundle-weights` for weights that are not what their suffix says, `bundle-code` for a setting
    that names code or is private.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise TunesmithError("bundle-file", place=Place(str(path)))
        if path.is_file():
            _refuse_file(path)


def _refuse_file(file: Path) -> None:
    with file.open("rb") as stream:
        first = stream.read(9)
    if file.suffix in PICKLES:
        raise TunesmithError("bundle-pickle", place=Place(str(file)))
    if file.suffix not in SUFFIXES:
        raise TunesmithError("bundle-file", place=Place(str(file)))
    is_right = {
        # a header whose length happens to read like a pickle's beginning is followed by a brace all the same
        ".safetensors": first[8:] == b"{" and int.from_bytes(first[:8], "little") <= MAX_HEADER_BYTES,
        ".gguf": first[:4] == b"GGUF",
    }
    if is_right.get(file.suffix):
        return
    if first[:4] == ARCHIVE or first[:2] in PROTOCOLS:
        raise TunesmithError("bundle-pickle", place=Place(str(file)))
    if file.suffix in is_right:
        raise TunesmithError("bundle-weights", place=Place(str(file)))
    if file.name in SETTINGS:
        _refuse_settings(file)


def _refuse_settings(file: Path) -> None:
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as failure:
        raise TunesmithError("model-config", place=Place(str(file)), problem=str(failure)) from failure
    if not isinstance(settings, dict):
        raise TunesmithError("model-config", place=Place(str(file)), problem=type(settings).__name__)
    for key, value in _keys(settings):
        if _is_harmful(key, value):
            raise TunesmithError("bundle-code", place=Place(str(file), field=key))


def _is_harmful(key: str, value: Any) -> bool:
    return key in CODE_KEYS or key.startswith("_") or (key == "auto_mapping" and value is not None)


def _keys(settings: Mapping[str, Any], known: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
    """Every key with its value but the known ones, those of mappings within too."""
    for key, value in settings.items():
        if key not in known:
            yield key, value
        inner = value if isinstance(value, list) else [value]
        for each in inner:
            if isinstance(each, dict) and key not in CLASS_NAMES:
                yield from _keys(each, TORCHAO if key == "quantization_config" else known)


def without_code(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a bundle may hold them: what would be refused is left out, at any depth."""
    kept = {key: value for key, value in settings.items() if not _is_harmful(key, value)}
    return {key: value if key in CLASS_NAMES else _without_code(value) for key, value in kept.items()}


def _without_code(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_code(each) for each in value]
    if not isinstance(value, dict):
        return value
    # a token as older libraries write it; all but its text stands in `tokenizer.json`
    return value["content"] if value.get("__type") == "AddedToken" else without_code(value)
