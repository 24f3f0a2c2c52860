"""A tokenizer as GGUF files have it: the vocabulary, its merges, and the name by which llama.cpp knows how text is cut.

llama.cpp carries the cutting of each tokenizer that it knows in its own code, by name. A tokenizer whose cutting it
does not know would read text in other tokens than the model was trained on, without a word: it is refused. What is
known here is byte-level BPE with the cutting of GPT-2, Llama 3, Qwen 2, SmolLM and Mistral's Tekken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tunesmith.chat import Chat
from tunesmith.errors import Place, TunesmithError

if TYPE_CHECKING:
    from gguf import GGUFWriter

_CONTRACTIONS: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_OTHERS: Final = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2: Final = _CONTRACTIONS + r"\p{N}" + _OTHERS
LLAMA3: Final = _CONTRACTIONS + r"\p{N}{1,3}" + _OTHERS
TEKKEN: Final = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
    r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT2: Final = "ByteLevel"
"""The pattern that the byte-level step has of its own."""
DIGITS: Final = "Digits"
"""Every digit by itself."""
NAMES: Final[dict[tuple[tuple[str, ...], bool], str]] = {
    ((GPT2,), False): "gpt-2",
    ((DIGITS, GPT2), False): "smollm",
    ((QWEN2,), False): "qwen2",
    ((LLAMA3,), True): "llama-bpe",
    ((LLAMA3,), False): "smaug-bpe",
    ((TEKKEN,), True): "tekken",
}
"""By how text is cut, and whether a piece that is a token is taken without merging: what llama.cpp calls it."""

ENDS: Final = ("tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id")
"""Where a file names tokens that end an answer."""


@dataclass(frozen=True, slots=True)
class GgufTokenizer:
    """What a GGUF file says of a tokenizer."""

    pre: str
    """How text is cut, by llama.cpp's name."""
    tokens: list[str]
    types: list[int]
    merges: list[str]
    begin_id: int
    end_ids: tuple[int, ...]
    """Tokens that end an answer, the chat's own first; at most as many as `ENDS`."""
    pad_id: int
    adds_begin: bool
    """Whether the tokenizer puts the begin token before a text by itself."""
    template: str

    def add_to(self, writer: GGUFWriter) -> None:
        writer.add_tokenizer_model("gpt2")  # byte-level BPE
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.types)
        writer.add_token_merges(self.merges)
        writer.add_bos_token_id(self.begin_id)
        for key, id in zip(ENDS, self.end_ids, strict=False):
            writer.add_uint32(key, id)
        writer.add_pad_token_id(self.pad_id)
        writer.add_add_bos_token(self.adds_begin)
        writer.add_add_eos_token(False)
        writer.add_chat_template(self.template)


def gguf_tokenizer(chat: Chat, num_rows: int) -> GgufTokenizer:
    """What a file with `num_rows` embeddings says of a chat's tokenizer and template.

    Raises TunesmithError `form-tokenizer` where llama.cpp would read text in other tokens, `form-setting` where more
    tokens end an answer than a file can name.
    """
    told: dict[str, Any] = json.loads(chat.tokenizer.to_str())
    pre = _name_of_cutting(told)
    tokens, types = _tokens(told, num_rows)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in told["model"]["merges"]]
    if not merges:
        raise _refused("merges: 0")
    end_ids = (chat.end_id, *sorted(chat.end_ids - {chat.end_id}))
    if len(end_ids) > len(ENDS):
        raise TunesmithError(
            "form-setting", place=Place("generation_config.json", field="eos_token_id"), form="gguf", value=end_ids
        )
    return GgufTokenizer(
        pre=pre,
        tokens=tokens,
        types=types,
        merges=merges,
        begin_id=chat.begin_id,
        end_ids=end_ids,
        pad_id=chat.pad_id,
        adds_begin=_adds_begin(chat),
        template=chat.source,
    )


def _name_of_cutting(told: dict[str, Any]) -> str:
    model, normalizer = told["model"], told["normalizer"]
    if model["type"] != "BPE":
        raise _refused(f"model: {model['type']}")
    strange = next(
        (
            key
            for key in ("byte_fallback", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")
            if model[key]
        ),
        None,
    )
    if strange:
        raise _refused(f"model.{strange}: {model[strange]}")
    # composed forms are what nearly all text has; llama.cpp composes nothing, for the tokenizers it knows neither
    if normalizer is not None and normalizer["type"] != "NFC":
        raise _refused(f"normalizer: {normalizer['type']}")
    cutting = tuple(_steps(told["pre_tokenizer"] or {"type": "None"}))
    name = NAMES.get((cutting, bool(model.get("ignore_merges"))))
    if name is None:
        raise _refused(f"pre_tokenizer: {', '.join(cutting)}; ignore_merges: {model.get('ignore_merges')}")
    return name


def _steps(step: dict[str, Any]) -> list[str]:
    """What cuts text, one after the other; the step that turns bytes into letters cuts only by a pattern of its own."""
    if step["type"] == "Sequence":
        return [one for each in step["pretokenizers"] for one in _steps(each)]
    if step["type"] == "ByteLevel" and not step["add_prefix_space"]:
        return [GPT2] if step["use_regex"] else []
    if step["type"] == "Digits" and step["individual_digits"]:
        return [DIGITS]
    is_plain_split = step["type"] == "Split" and step["behavior"] == "Isolated" and not step["invert"]
    if is_plain_split and "Regex" in step["pattern"]:
        return [str(step["pattern"]["Regex"])]
    return [json.dumps(step, ensure_ascii=False)]


def _tokens(told: dict[str, Any], num_rows: int) -> tuple[list[str], list[int]]:
    """Every embedding's token and its type; rows that no token has are called so."""
    from gguf import TokenType

    texts = {id: text for text, id in told["model"]["vocab"].items()}
    types = dict.fromkeys(texts, TokenType.NORMAL)
    for token in told["added_tokens"]:
        if token["lstrip"] or token["rstrip"] or token["single_word"]:
            raise _refused(f"added_tokens: {token['content']} (lstrip, rstrip, single_word)")
        texts[token["id"]] = token["content"]
        types[token["id"]] = TokenType.CONTROL if token["special"] else TokenType.USER_DEFINED
    if max(texts) >= num_rows:
        raise _refused(f"{max(texts) + 1} > {num_rows}")
    whole = [texts.get(id, f"[PAD{id}]") for id in range(num_rows)]
    return whole, [int(types.get(id, TokenType.UNUSED)) for id in range(num_rows)]


def _adds_begin(chat: Chat) -> bool:
    plain, whole = (chat.tokenizer.encode("a", add_special_tokens=added).ids for added in (False, True))
    if whole == plain:
        return False
    if whole == [chat.begin_id, *plain]:
        return True
    raise _refused(f"post_processor: {whole}")


def _refused(problem: str) -> TunesmithError:
    return TunesmithError("form-tokenizer", form="gguf", problem=problem)
