"""Find and check a base model, without loading it.

A model is only ever read from a list of architectures whose heads and attention this project has tested; code that
comes with a model is never run and pickled weights are refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from tunesmith.artifacts import hash_file
from tunesmith.errors import Place, TunesmithError

BUILTIN: Final = "builtin:tiny"
DENSE_TYPES: Final = ("llama", "mistral", "qwen2", "qwen3")
"""Dense decoders whose logits are hidden @ head, without scaling or capping."""
LATENT_TYPES: Final = ("deepseek_v3",)
"""Decoders whose layers keep keys and values as one compressed vector a token (multi-head latent attention)."""
MIXTURE_TYPES: Final = ("qwen2_moe", *LATENT_TYPES)
"""Decoders with mixtures of experts: a router sends each token through a few of many feed-forward layers."""
LEARNED_POSITION_TYPES: Final = ("gpt2",)
"""Decoders with an embedding for each position, so that there are no more of these; linear layers are `Conv1D`."""
ENCODER_TYPES: Final = ("bert", "distilbert", "roberta", "xlm-roberta")
"""Every token attends to its whole text: they carry a head, and write nothing."""
MODEL_TYPES: Final = (*DENSE_TYPES, *MIXTURE_TYPES, *LEARNED_POSITION_TYPES, *ENCODER_TYPES)
OTHER_NAMES: Final[dict[str, dict[str, str]]] = {
    "gpt2": {
        "n_positions": "max_position_embeddings",
        "n_embd": "hidden_size",
        "n_layer": "num_hidden_layers",
        "n_head": "num_attention_heads",
        "n_inner": "intermediate_size",
    },
    "distilbert": {
        "dim": "hidden_size",
        "n_layers": "num_hidden_layers",
        "n_heads": "num_attention_heads",
        "hidden_dim": "intermediate_size",
    },
}
"""By model type: what its configuration calls what all others call so."""
SIZES: Final = ("max_position_embeddings", "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
PLAIN_SETTINGS: Final[dict[str, object]] = {
    "is_decoder": False,
    "add_cross_attention": False,
    "position_embedding_type": "absolute",
}
"""Settings of encoders and of GPT-2 that make other models of them, with their plain values."""
CODE_KEYS: Final = ("auto_map", "attn_implementation", "_attn_implementation", "_attn_implementation_internal")
"""Settings that name code to fetch and run: classes of the model's own, or kernels from the Hub."""
LENGTH_DEPENDENT_ROPE: Final = ("dynamic", "longrope")
"""Rotary scalings that change with the longest row of a batch: a row would depend on its neighbours."""
PATTERNS: Final = ("*.safetensors", "*.json", "*.jinja", "LICENSE*", "README.md")


@dataclass(frozen=True)
class Base:
    """A base model that was found: where it lies and what exactly it is."""

    reference: str
    folder: Path
    config: dict[str, Any]
    """Of config.json, with the names that most architectures give their sizes."""

    @property
    def model_type(self) -> str:
        return str(self.config["model_type"])

    @property
    def is_encoder(self) -> bool:
        return self.model_type in ENCODER_TYPES

    @property
    def max_tokens(self) -> int:
        """Longest conversation, answer included, in tokens; a sliding attention window bounds it too."""
        first = first_position(self.model_type, self.config.get("pad_token_id"))
        positions = int(self.config["max_position_embeddings"]) - first
        window = self.config.get("sliding_window")
        # Mistral's window is always in force, Qwen's only where the configuration says so
        in_force = self.config.get("use_sliding_window", self.config["model_type"] == "mistral")
        return min(positions, int(window)) if window and in_force else positions

    def generation_config(self) -> dict[str, Any]:
        """The model's own decoding settings; empty where it ships none."""
        file = self.folder / "generation_config.json"
        settings: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return settings

    @cached_property
    def content_hash(self) -> str:
        """One hash over configuration, tokenizer, template and weights."""
        names = sorted(p for p in self.folder.iterdir() if p.suffix in {".json", ".jinja", ".safetensors"})
        joined = "".join(f"{file.name}:{hash_file(file)}" for file in names)
        return hashlib.sha256(joined.encode()).hexdigest()


def first_position(model_type: str, pad_id: int | None) -> int:
    """The number of a row's first position: RoBERTa counts on from the id of its padding token."""
    return (pad_id or 0) + 1 if model_type in ("roberta", "xlm-roberta") else 0


def find_base(reference: str, revision: str | None = None) -> Base:
    """Find a base model: the embedded one, a local folder, or a Hub id (downloaded into the Hub's own cache).

    Raises TunesmithError: `model-missing`, `model-unreachable`, `model-config`, `model-type`, `model-code`,
    `model-rope`, `model-setting`, `weights-pickle`.
    """
    return _checked(reference, model_folder(reference, revision))


def model_folder(reference: str, revision: str | None = None) -> Path:
    """Where any model lies. Raises TunesmithError `model-missing`, `model-unreachable`."""
    if reference == BUILTIN:
        return Path(str(files("tunesmith.model") / "tiny"))
    if Path(reference).is_dir():
        return Path(reference)
    if reference.startswith((".", "/", "~")) or reference.count("/") != 1:
        raise TunesmithError("model-missing", place=Place(reference))
    return _from_hub(reference, revision)


def _from_hub(reference: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(reference, revision=revision, allow_patterns=list(PATTERNS)))
    except HFValidationError as failure:
        raise TunesmithError("model-missing", place=Place(reference)) from failure
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as failure:
        problem = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
        raise TunesmithError("model-unreachable", reference=reference, problem=problem) from failure


def _checked(reference: str, folder: Path) -> Base:
    file = folder / "config.json"
    if not file.is_file():
        raise TunesmithError("model-missing", place=Place(str(folder)))
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as failure:
        raise TunesmithError("model-config", place=Place(str(file)), problem=str(failure)) from failure
    code = next((key for key in CODE_KEYS if key in config), None)
    if code:
        raise TunesmithError("model-code", place=Place(str(file), field=code))
    if config.get("model_type") not in MODEL_TYPES:
        known = ", ".join(MODEL_TYPES)
        raise TunesmithError("model-type", place=Place(str(file)), type=config.get("model_type"), known=known)
    if config["model_type"] in (*LEARNED_POSITION_TYPES, *ENCODER_TYPES):
        config = _with_common_names(config, file)
        strange = next(
            (key for key, plain in PLAIN_SETTINGS.items() if config.get(key, plain) not in (plain, None)), None
        )
        if strange:
            place = Place(str(file), field=strange)
            raise TunesmithError("model-setting", place=place, value=config[strange], plain=PLAIN_SETTINGS[strange])
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    rope_type = rope.get("rope_type", rope.get("type"))
    if rope_type in LENGTH_DEPENDENT_ROPE:
        raise TunesmithError("model-rope", place=Place(str(file)), type=rope_type)
    if not any(folder.glob("*.safetensors")):
        pickled = next((p for pattern in ("*.bin", "*.pt", "*.pth") for p in folder.glob(pattern)), None)
        if pickled:
            raise TunesmithError("weights-pickle", place=Place(str(pickled)))
        raise TunesmithError("model-missing", place=Place(str(folder)))
    return Base(reference, folder, config)


def _with_common_names(config: dict[str, Any], file: Path) -> dict[str, Any]:
    names = OTHER_NAMES.get(config["model_type"], {})
    common = {**config, **{name: config[own] for own, name in names.items() if config.get(own) is not None}}
    missing = next((name for name in SIZES if name not in common), None)
    if missing:
        raise TunesmithError("model-config", place=Place(str(file)), problem=f"no {missing}")
    common.setdefault("intermediate_size", 4 * int(common["hidden_size"]))  # GPT-2's, unless it says otherwise
    return common
