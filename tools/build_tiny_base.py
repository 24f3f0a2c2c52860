"""Make the embedded base `builtin:tiny` from nothing: text, tokenizer, pretraining, card.

    python -m tools.build_tiny_base            # at most an hour on two cores; rewrites src/tunesmith/model/tiny

Deterministic on one machine type, torch build and thread count. The text is made by `tools.tiny_base`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Qwen2Config, Qwen2ForCausalLM

from tools.tiny_base import corpus
from tunesmith.chat import Chat, load_chat
from tunesmith.errors import Place
from tunesmith.model.attention import NAME
from tunesmith.recipe.optimizers import AdamW
from tunesmith.recipe.schedules import Cosine
from tunesmith.records import Example, Message, Rendered
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.schedule import make_schedule
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import train_steps

OUT: Final = Path(__file__).parent.parent / "src" / "tunesmith" / "model" / "tiny"
SEED: Final = 20
VOCABULARY: Final = 4096
BATCH_ROWS: Final = 64
LEARNING_RATE: Final = 3e-3
RARE: Final = 64
"""A token shown fewer times still has the vector that pretraining gives to those it never shows."""
RARE_LENGTH: Final = 0.5
"""Changes what the base predicts on its own text by 1e-4 nats, and the likeliest token nowhere."""


@dataclass(frozen=True)
class Cycle:
    """One pass over fresh text, with its own warm-up and cosine."""

    seed: int
    num_conversations: int
    num_documents: int


CYCLES: Final = (Cycle(SEED, 150_000, 40_000), Cycle(SEED + 2, 160_000, 8_000))
END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
# Qwen2's published pre-tokenisation: digits one by one, words with their leading space, contractions apart
PRE_TOKENISATION: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEMPLATE: Final = (
    "{%- for message in messages -%}\n"
    "{{- '<|im_start|>' + message.role + '\\n' -}}\n"
    "{%- if message.role == 'assistant' and message.reasoning_content is defined -%}\n"
    "{{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' -}}\n"
    "{%- endif -%}\n"
    "{{- message.content + '<|im_end|>\\n' -}}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}\n"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    write_tokenizer(options.out)
    chat = load_chat(options.out)
    model = new_model(chat.tokenizer)
    num_shown_V = torch.zeros(VOCABULARY, dtype=torch.int64)
    for cycle in CYCLES:
        rows = pretraining_rows(chat, cycle)
        ids = torch.cat([torch.from_numpy(row.ids_T) for row in rows])
        print(f"{len(rows)} rows, {len(ids)} tokens", flush=True)
        num_shown_V += torch.bincount(ids, minlength=VOCABULARY)
        pretrain(model, rows, cycle.seed)
    tell_rare_tokens_apart(model.get_input_embeddings(), num_shown_V)
    model.save_pretrained(options.out)


def write_tokenizer(folder: Path) -> None:
    """Byte-level BPE trained on the pretraining text, and the chat template."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRE_TOKENISATION), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    thinking = [AddedToken(text, special=False, normalized=False) for text in ("<think>", "</think>")]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(thinking),
        special_tokens=[END_OF_TEXT, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(tokenizer_text(), trainer)
    tokenizer.add_tokens(thinking)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "eos_token": END,
        "pad_token": END_OF_TEXT,
        "model_max_length": 4096,
    }
    _write_json(folder / "tokenizer_config.json", settings)
    _write_json(folder / "generation_config.json", {"eos_token_id": tokenizer.token_to_id(END), "do_sample": False})
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")


def tokenizer_text() -> Iterator[str]:
    """More plain paragraphs than the model reads, so that rare words get tokens of their own."""
    yield from corpus.documents(SEED + 1, 40_000)
    for conversation in corpus.conversations(SEED + 1, 40_000):
        for message in conversation:
            yield message["reasoning"]
            yield message["content"]


def pretraining_rows(chat: Chat, cycle: Cycle) -> list[Rendered]:
    """Conversations in the chat template and paragraphs ending with an end token; every token is supervised."""
    examples = [
        Example(str(index), tuple(_message(m) for m in conversation), Place("corpus"))
        for index, conversation in enumerate(corpus.conversations(cycle.seed, cycle.num_conversations))
    ]
    rows = chat.render_many(examples, supervise="all")
    end = chat.tokenizer.token_to_id(END_OF_TEXT)
    texts = list(corpus.documents(cycle.seed, cycle.num_documents))
    for index, encoding in enumerate(chat.tokenizer.encode_batch(texts, add_special_tokens=False)):
        ids = torch.tensor([*encoding.ids, end], dtype=torch.int32).numpy()
        weights = torch.ones(len(ids)).numpy()
        weights[0] = 0.0
        rows.append(Rendered(f"document-{index}", ids, weights))
    return rows


def new_model(tokenizer: Tokenizer) -> Qwen2ForCausalLM:
    torch.manual_seed(SEED)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=6,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.token_to_id(END),
        pad_token_id=tokenizer.token_to_id(END_OF_TEXT),
    )
    config._attn_implementation = NAME
    # float32 masters receive the updates, see FlatOptimizer
    return Qwen2ForCausalLM(config).to(torch.bfloat16)


def pretrain(model: Qwen2ForCausalLM, rows: list[Rendered], seed: int) -> None:
    sampler = RowSampler(len(rows), BATCH_ROWS, seed)
    source = RowSource(rows, sampler, LayoutSettings(16384, share_prefixes=False, device="cpu"))
    optimizer = FlatOptimizer(model.named_parameters(), AdamW(beta2=0.98, weight_decay=0.1))
    schedule = make_schedule(Cosine(), LEARNING_RATE, sampler.steps_per_epoch, 0.02)
    started = time.perf_counter()
    num_tokens = 0
    for report in train_steps(model, source, sft.loss, optimizer, schedule, range(sampler.steps_per_epoch)):
        num_tokens += report.num_tokens
        if report.step % 50 == 0:
            seconds = time.perf_counter() - started
            loss = report.loss_sum.item() / report.weight
            print(
                f"step {report.step}/{sampler.steps_per_epoch} loss {loss:.4f} "
                f"{num_tokens / seconds:.0f} tokens/s {seconds / 60:.1f} min",
                flush=True,
            )


@torch.no_grad()
def tell_rare_tokens_apart(embedding: torch.nn.Embedding, num_shown_V: torch.Tensor) -> None:
    """Add to the vector of every token that the text hardly showed a random one of its own, of length 0.5 on average.

    The head is tied, and a token that is never the answer is only ever pushed away: pretraining leaves `_`, `{`, `@`
    and hundreds more one common vector, and an adapter, which does not touch it, could never write one of them.
    """
    rare = torch.nonzero(num_shown_V < RARE).flatten()
    width = embedding.embedding_dim
    noise_RD = torch.randn(len(rare), width, generator=torch.Generator().manual_seed(SEED)) * (RARE_LENGTH / width**0.5)
    embedding.weight[rare] = (embedding.weight[rare].float() + noise_RD).to(embedding.weight.dtype)


def _message(row: corpus.Message) -> Message:
    reasoning = row["reasoning"] if row["role"] == "assistant" else None
    return Message(row["role"], row["content"], reasoning)


def _write_json(file: Path, content: dict[str, object]) -> None:
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
