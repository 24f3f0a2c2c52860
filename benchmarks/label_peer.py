"""transformers as a peer that chooses labels: `generate` held to them, and their likelihoods by padded batches.

Shapes: B rows of a batch, T padded tokens, S places in the trie of labels, V vocabulary, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, GenerationConfig, LogitsProcessor, LogitsProcessorList, PreTrainedModel

from tunesmith.chat import Chat
from tunesmith.records import Message

Prompt = tuple[Message, ...]
BEGIN = 0


@dataclass(frozen=True)
class LabelTrie:
    """Which tokens may follow what is written of a label, as tables: one look-up a step for a whole batch."""

    allowed_SV: Tensor
    next_SV: Tensor
    """Where a token leads; from anywhere but along a label, to BEGIN."""

    @classmethod
    def of(cls, labels: Sequence[Sequence[int]], vocab_size: int) -> LabelTrie:
        """Of labels as token ids, each with its end token."""
        places: dict[tuple[int, ...], int] = {(): BEGIN}
        for ids in labels:
            for stop in range(1, len(ids) + 1):
                places.setdefault(tuple(ids[:stop]), len(places))
        allowed_SV = torch.zeros(len(places), vocab_size, dtype=torch.bool)
        next_SV = torch.zeros(len(places), vocab_size, dtype=torch.int32)
        for written, place in places.items():
            if written:
                before = places[written[:-1]]
                allowed_SV[before, written[-1]] = True
                next_SV[before, written[-1]] = place
        # what is written behind a whole label nobody looks at
        allowed_SV[~allowed_SV.any(1)] = True
        return cls(allowed_SV, next_SV)


class HeldToLabels(LogitsProcessor):
    """Lets each row of one call of `generate` write a label and nothing else."""

    def __init__(self, trie: LabelTrie) -> None:
        self._trie = trie
        self._place_B: Tensor | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self._place_B is None:
            self._place_B = torch.full((len(input_ids),), BEGIN, dtype=torch.int32)
        else:
            self._place_B = self._trie.next_SV[self._place_B, input_ids[:, -1]]
        return scores.masked_fill(~self._trie.allowed_SV[self._place_B], -torch.inf)


class Peer:
    """A model as transformers loads it by default, in fp32, asked for one of some labels."""

    def __init__(self, folder: Path, chat: Chat, labels: Sequence[Sequence[int]]) -> None:
        """`labels` are token ids, each with its end token."""
        self.model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
        ).eval()
        self._chat = chat
        self._labels = labels
        self._number_of = {tuple(ids): number for number, ids in enumerate(labels)}
        self._trie = LabelTrie.of(labels, self.model.config.vocab_size)
        self._config = GenerationConfig(
            do_sample=False,
            max_new_tokens=max(map(len, labels)),
            eos_token_id=sorted(chat.end_ids),
            pad_token_id=chat.pad_id,
        )

    def choose(self, prompts: Sequence[Prompt], batch_size: int, *, by_length: bool = False) -> list[int]:
        """The number of the label that greedy decoding writes behind each prompt, in left-padded batches."""
        ids = [self._chat.prompt_ids(prompt) for prompt in prompts]
        order = sorted(range(len(ids)), key=lambda place: -len(ids[place])) if by_length else range(len(ids))
        chosen = [-1] * len(ids)
        for start in range(0, len(ids), batch_size):
            places = order[start : start + batch_size]
            for place, number in zip(places, self._written([ids[place] for place in places]), strict=True):
                chosen[place] = number
        return chosen

    def _written(self, prompts: Sequence[list[int]]) -> list[int]:
        width = max(map(len, prompts))
        ids_BT = torch.tensor([[self._chat.pad_id] * (width - len(ids)) + ids for ids in prompts])
        mask_BT = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts])
        out_BT = self.model.generate(  # type: ignore[operator]
            ids_BT,
            attention_mask=mask_BT,
            generation_config=self._config,
            logits_processor=LogitsProcessorList([HeldToLabels(self._trie)]),
        )
        return [self._number(row) for row in out_BT[:, width:].tolist()]

    def _number(self, written: list[int]) -> int:
        last = next(place for place, token in enumerate(written) if token in self._chat.end_ids)
        return self._number_of[tuple(written[: last + 1])]

    @torch.no_grad()
    def likelihoods(self, prompt: Prompt) -> list[float]:
        """log P(label | prompt) in nats of every label, all of them one padded batch."""
        prompt_ids = self._chat.prompt_ids(prompt)
        width = len(prompt_ids) + max(map(len, self._labels))
        rows = [[*prompt_ids, *label] for label in self._labels]
        ids_LT = torch.tensor([row + [self._chat.pad_id] * (width - len(row)) for row in rows])
        mask_LT = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        hidden_LTD = self.model.base_model(input_ids=ids_LT, attention_mask=mask_LT, use_cache=False).last_hidden_state
        head = self.model.get_output_embeddings()
        found = []
        for label, hidden_TD in zip(self._labels, hidden_LTD, strict=True):
            before_TD = hidden_TD[len(prompt_ids) - 1 : len(prompt_ids) - 1 + len(label)]
            logs_TV = head(before_TD).double().log_softmax(1)
            found.append(float(logs_TV.gather(1, torch.tensor(label)[:, None]).sum()))
        return found


def from_greedy(labels: Sequence[Sequence[int]], logs: Sequence[Sequence[float]], chosen: int) -> float:
    """How far a label is from the one that greedy decoding writes, in nats: the most that any of its tokens lies below
    the likeliest one allowed in its place. `logs` are those of every label's tokens; 0 is greedy's own label.
    """
    furthest = 0.0
    for place in range(len(labels[chosen])):
        written = labels[chosen][:place]
        allowed = [
            of_label[place]
            for label, of_label in zip(labels, logs, strict=True)
            if len(label) > place and label[:place] == written
        ]
        furthest = max(furthest, max(allowed) - logs[chosen][place])
    return furthest
