"""BERTScore with a small encoder made here, against the paper's equations written out over transformers' states."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from tunesmith.engine.bertscore import BertScorer
from tunesmith.metrics.case import Case

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "the",
    "cat",
    "sat",
    "dog",
    "ran",
    "很",
    "好",
    "今",
    "天",
    "信",
    "用",
    "卡",
]
PAIRS = [
    ("the cat sat", "the dog sat"),
    ("今天很好", "今天好"),
    ("信用卡 the cat ran", "信用卡"),
    ("cat", "the dog ran the dog"),
    ("zebra", "cat"),
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, "[UNK]"))
    # each Chinese character is a word
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Split(Regex("[\u4e00-\u9fff]"), "isolated")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def states(folder: Path, text: str, layer: int | None) -> tuple[list[int], list[list[float]]]:
    """Tokens and their states, one text at a time, without any batch."""
    model = BertModel.from_pretrained(folder).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    ids = tokenizer(text)["input_ids"]
    with torch.no_grad():
        told = model(torch.tensor([ids]), output_hidden_states=True)
    return ids, (told.last_hidden_state if layer is None else told.hidden_states[layer])[0].tolist()


def cosine(first: list[float], second: list[float]) -> float:
    dot = sum(a * b for a, b in zip(first, second, strict=True))
    return dot / math.sqrt(sum(a * a for a in first) * sum(b * b for b in second))


def written_f1(folder: Path, answer: str, reference: str, layer: int | None, weights: dict[int, float] | None) -> float:
    (ids_a, states_a), (ids_r, states_r) = (states(folder, text, layer) for text in (answer, reference))

    def mean(ids: list[int], mine: list[list[float]], theirs: list[list[float]]) -> float:
        total = top = 0.0
        for token, state in zip(ids, mine, strict=True):
            weight = (
                0.0 if token in (2, 3) else 1.0 if weights is None else weights.get(token, math.log(len(PAIRS) + 1))
            )
            total += weight
            top += weight * max(cosine(state, other) for other in theirs)
        return top / total

    precision, recall = mean(ids_a, states_a, states_r), mean(ids_r, states_r, states_a)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.thorough
@pytest.mark.parametrize(("layer", "idf"), [(None, False), (1, False), (2, True)])
def test_it_is_the_papers_formula(encoder: Path, layer: int | None, idf: bool) -> None:
    weights = None
    if idf:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(encoder)
        references = [set(tokenizer(reference)["input_ids"]) for _, reference in PAIRS]
        weights = {
            token: math.log((len(PAIRS) + 1) / (sum(token in ids for ids in references) + 1))
            for token in set().union(*references)
        }
    found = BertScorer(encoder, layer, idf=idf)([Case((), answer, (reference,)) for answer, reference in PAIRS])
    for value, (answer, reference) in zip(found, PAIRS, strict=True):
        assert value == pytest.approx(written_f1(encoder, answer, reference, layer, weights), abs=2e-6)


def test_the_best_reference_counts_and_an_empty_answer_is_nothing(encoder: Path) -> None:
    scorer = BertScorer(encoder, None, idf=False)
    found = scorer([Case((), "the cat", ("the dog ran", "the cat")), Case((), "", ("the cat",))])
    assert found == [pytest.approx(1.0, abs=1e-6), 0.0]
