"""The rows that training comparisons take, as token ids of a prompt and of the completion that is learned."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from tokenizers import Tokenizer

from benchmarks.process import REPOSITORY

END: Final = "<|endoftext|>"
SEED: Final = 0
DATA: Final = REPOSITORY.parent / "shared" / "data"
MEDICAL_FILE: Final = DATA / "medical_o1_150.jsonl"
"""FreedomIntelligence/medical-o1-reasoning-SFT, the first 150 English rows."""
BANKING_FILE: Final = DATA / "banking77_train.csv"
"""PolyAI/banking77, its training rows."""
INSTRUCTION: Final = (
    "You work at the help desk of a bank. A customer writes one message. Say which of the known intents it has, with "
    "the name of the intent and nothing else. If several would do, choose the one that has to be dealt with first. "
    "The intents are: "
)

Ids = tuple[list[int], list[int]]
"""Token ids of a prompt and of its completion."""


class Rows(Protocol):
    """One set of rows."""

    def texts(self) -> list[tuple[str, str]]:
        """Prompts and completions for a tokenizer to learn from; none where the rows are generated."""

    def ids(self, tokenizer: Tokenizer) -> list[Ids]:
        """What is trained on."""

    def describe(self) -> dict[str, Any]:
        """Everything that decides the rows, the content of their file included."""


@dataclass(frozen=True)
class MedicalRows:
    """The first questions with reasoned answers; random ids of such lengths where the file is absent."""

    num_rows: int = 8
    file: Path = MEDICAL_FILE

    def texts(self) -> list[tuple[str, str]]:
        if not self.file.is_file():
            return []
        rows = [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()]
        return [
            (f"{row['Question']}\n\n", f"<think>\n{row['Complex_CoT']}\n</think>\n\n{row['Response']}") for row in rows
        ]

    def ids(self, tokenizer: Tokenizer) -> list[Ids]:
        texts = self.texts()[: self.num_rows]
        if texts:
            return [_encode(tokenizer, prompt, completion) for prompt, completion in texts]
        generator = np.random.default_rng(SEED)
        rows = []
        for _ in range(self.num_rows):
            num_prompt, num_completion = generator.integers(60, 200), generator.integers(400, 1000)
            ids = generator.integers(1, tokenizer.get_vocab_size(), num_prompt + num_completion).tolist()
            rows.append((ids[:num_prompt], ids[num_prompt:]))
        return rows

    def describe(self) -> dict[str, Any]:
        return _description(self, self.file)


@dataclass(frozen=True)
class BankingRows:
    """Messages to a bank and their intent, each behind one system prompt of `num_shared_tokens`; random ids of such
    lengths where the file is absent. The rows are taken evenly from the file, which is sorted by intent."""

    num_rows: int = 128
    num_shared_tokens: int = 300
    file: Path = BANKING_FILE

    def texts(self) -> list[tuple[str, str]]:
        if not self.file.is_file():
            return []
        messages = self._messages()
        return [(self._system_prompt(messages), ""), *messages]

    def ids(self, tokenizer: Tokenizer) -> list[Ids]:
        if not self.file.is_file():
            return self._generated(tokenizer.get_vocab_size())
        messages = self._messages()
        shared_ids = _encode(tokenizer, self._system_prompt(messages), "")[0][: self.num_shared_tokens]
        rows = []
        for place in range(self.num_rows):
            prompt_ids, completion_ids = _encode(tokenizer, *messages[place * len(messages) // self.num_rows])
            rows.append(([*shared_ids, *prompt_ids], completion_ids))
        return rows

    def describe(self) -> dict[str, Any]:
        return _description(self, self.file)

    def _messages(self) -> list[tuple[str, str]]:
        with self.file.open(encoding="utf-8", newline="") as stream:
            return [(f"{row['text']}\n\n", row["category"].replace("_", " ")) for row in csv.DictReader(stream)]

    def _system_prompt(self, messages: list[tuple[str, str]]) -> str:
        intents = sorted({intent for _, intent in messages})
        return INSTRUCTION + ", ".join(intents)

    def _generated(self, vocab_size: int) -> list[Ids]:
        generator = np.random.default_rng(SEED)
        shared_ids = generator.integers(1, vocab_size, self.num_shared_tokens).tolist()
        rows = []
        for _ in range(self.num_rows):
            num_prompt, num_completion = generator.integers(8, 40), generator.integers(3, 8)
            ids = generator.integers(1, vocab_size, num_prompt + num_completion).tolist()
            rows.append(([*shared_ids, *ids[:num_prompt]], ids[num_prompt:]))
        return rows


@dataclass(frozen=True)
class RandomRows:
    """Random ids, all rows equally long and all of their tokens supervised: nothing is saved by any layout."""

    num_rows: int
    num_tokens: int

    def texts(self) -> list[tuple[str, str]]:
        return []

    def ids(self, tokenizer: Tokenizer) -> list[Ids]:
        generator = np.random.default_rng(SEED)
        drawn = generator.integers(1, tokenizer.get_vocab_size(), (self.num_rows, self.num_tokens))
        return [(ids[:1], ids[1:]) for ids in drawn.tolist()]

    def describe(self) -> dict[str, Any]:
        return _description(self, None)


def _encode(tokenizer: Tokenizer, prompt: str, completion: str) -> Ids:
    """The completion's ids end with the token that ends a text."""
    end = tokenizer.token_to_id(END)
    assert end is not None
    prompt_ids, completion_ids = (tokenizer.encode(text, add_special_tokens=False).ids for text in (prompt, completion))
    return prompt_ids, [*completion_ids, end]


def _description(rows: MedicalRows | BankingRows | RandomRows, file: Path | None) -> dict[str, Any]:
    content = hashlib.sha256(file.read_bytes()).hexdigest() if file is not None and file.is_file() else "generated"
    settings = {name: value for name, value in asdict(rows).items() if name != "file"}
    return {"kind": type(rows).__name__, **settings, "content": content}
