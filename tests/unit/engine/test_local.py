"""The local engine against transformers' generate and plain forward passes."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from tiny_models import make_chat, make_model, random_row, twin_of
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel

from tunesmith.chat import Chat
from tunesmith.engine import candidates as candidates_module
from tunesmith.engine import local as engine_module
from tunesmith.engine.local import LocalEngine
from tunesmith.records import Completion, Message, Sampling

MAX_TOKENS = 256
PROMPTS = ["hi", "What is the answer to this question?", "问题的答案是什么？请一步一步地思考。", "7", "hi there"]
CONVERSATIONS = [[Message("user", text)] for text in PROMPTS]


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return make_model("qwen2", seed=4)


@pytest.fixture
def chat(tmp_path: Path) -> Chat:
    return make_chat(tmp_path)


@pytest.fixture
def engine(model: PreTrainedModel, chat: Chat) -> LocalEngine:
    return LocalEngine(model, chat, MAX_TOKENS)


def reference(model: PreTrainedModel, chat: Chat, ends: list[int], num_new: int) -> list[list[int]]:
    """Greedy answers of transformers, one left-padded batch, cut after the first end token."""
    prompts = [chat.prompt_ids(messages) for messages in CONVERSATIONS]
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    config = GenerationConfig(do_sample=False, max_new_tokens=num_new, eos_token_id=ends, pad_token_id=0)
    out = twin_of(model, "eager").generate(ids, attention_mask=mask, generation_config=config)
    written = out[:, width:].tolist()
    for row in written:
        stops = [place for place, token in enumerate(row) if token in ends]
        del row[stops[0] + 1 if stops else len(row) :]
    return written


def texts(answers: list[list[Completion]]) -> list[list[str]]:
    return [[completion.text for completion in each] for each in answers]


def test_greedy_answers_are_those_of_transformers(model: PreTrainedModel, chat: Chat) -> None:
    """Also where rows end at different times: the end tokens are taken from what the model writes."""
    endless = reference(model, chat, [chat.tokenizer.token_to_id("<|end|>")], 24)
    ends = [endless[0][4], endless[2][9], chat.tokenizer.token_to_id("<|end|>")]
    expected = reference(model, chat, ends, 24)
    assert len({len(row) for row in expected}) > 1
    chat.end_ids = frozenset(ends)
    done: list[int] = []
    answers = LocalEngine(model, chat, MAX_TOKENS).generate(CONVERSATIONS, Sampling(max_new_tokens=24), done.append)
    assert sum(done) == len(PROMPTS)
    for (completion,), ids, messages in zip(answers, expected, CONVERSATIONS, strict=True):
        ended = ids[-1] in ends
        assert completion.text == chat.decode(ids[:-1] if ended else ids)
        assert completion.num_tokens == len(ids)
        assert completion.num_prompt_tokens == len(chat.prompt_ids(messages))
        assert completion.finish_reason == ("stop" if ended else "length")
        assert completion.message == chat.parse(completion.text).message


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_sample_does_not_depend_on_its_neighbours(engine: LocalEngine, temperature: float) -> None:
    sampling = Sampling(temperature=temperature, top_p=0.95, num_samples=3, max_new_tokens=12, seed=2)
    together = engine.generate(CONVERSATIONS, sampling)
    alone = [engine.generate([messages], sampling)[0] for messages in CONVERSATIONS]
    backwards = engine.generate(CONVERSATIONS[::-1], sampling)[::-1]
    assert together == alone == backwards
    if temperature:
        assert all(len({completion.text for completion in samples}) == 3 for samples in together)


def test_small_batches_give_the_same(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    sampling = Sampling(temperature=0.8, num_samples=2, max_new_tokens=10)
    whole = engine.generate(CONVERSATIONS, sampling)
    monkeypatch.setattr(engine_module, "MAX_BATCH_TOKENS", 100)
    assert engine.generate(CONVERSATIONS, sampling) == whole


def test_the_seed_decides_and_the_global_generator_does_not(engine: LocalEngine) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = engine.generate(CONVERSATIONS, Sampling(temperature=1.0, max_new_tokens=8, seed=1))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(9)
    assert engine.generate(CONVERSATIONS, Sampling(temperature=1.0, max_new_tokens=8, seed=1)) == first
    assert engine.generate(CONVERSATIONS, Sampling(temperature=1.0, max_new_tokens=8, seed=2)) != first


def test_a_long_neighbour_takes_no_room(model: PreTrainedModel, chat: Chat) -> None:
    long = [Message("user", "x " * 60)]
    num_long = len(chat.prompt_ids(long))
    chat.end_ids = frozenset()  # nobody stops early
    engine = LocalEngine(model, chat, num_long + 3)
    sampling = Sampling(temperature=1.0, max_new_tokens=10, seed=5)
    short_alone, together = (
        engine.generate(CONVERSATIONS[:1], sampling),
        engine.generate([long, CONVERSATIONS[0]], sampling),
    )
    assert together[1] == short_alone[0]
    assert together[1][0].num_tokens == 10
    assert together[0][0].num_tokens == 3
    full = LocalEngine(model, chat, num_long)
    (nothing,), (something,) = full.generate([long, CONVERSATIONS[0]], sampling)
    assert (nothing.text, nothing.num_tokens, nothing.finish_reason) == ("", 0, "length")
    assert something == short_alone[0][0]


def plain_log_softmax(twin: PreTrainedModel, ids: list[int]) -> Tensor:
    with torch.no_grad():
        logits_TV: Tensor = twin(torch.tensor([ids])).logits[0]
    return logits_TV.double().log_softmax(1)


@pytest.mark.thorough
def test_row_likelihoods_are_those_of_a_plain_forward(model: PreTrainedModel, engine: LocalEngine) -> None:
    random = np.random.default_rng(0)
    prefix = random.integers(0, 320, 20).tolist()
    rows = [random_row(random, str(n), prefix if n % 2 else [], 3 + n) for n in range(70)]
    found = engine.row_likelihoods(rows)
    twin = twin_of(model, "eager")
    for each, likelihood in zip(rows, found, strict=True):
        logs_TV = plain_log_softmax(twin, each.ids_T.tolist())[:-1]
        logs_T = logs_TV.gather(1, torch.from_numpy(each.ids_T[1:].astype(np.int64))[:, None])[:, 0]
        assert likelihood == pytest.approx(float((logs_T * torch.from_numpy(each.weights_T[1:])).sum()), rel=1e-5)


CANDIDATES = ["card", "card lost", "card stolen", "cash", "问题", "问", "c", ""]


@pytest.mark.thorough
@pytest.mark.parametrize("system", ["", "Answer with one of the labels. " * 3])
def test_candidate_likelihoods_are_those_of_a_plain_forward(
    model: PreTrainedModel, chat: Chat, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    """Candidates that begin alike or continue one another, prompts with and without a long common beginning."""
    conversations = [[*([Message("system", system)] if system else []), *messages] for messages in CONVERSATIONS]
    candidates = [Message("assistant", text) for text in CANDIDATES]
    twin = twin_of(model, "eager")
    expected = []
    for messages in conversations:
        prompt = chat.prompt_ids(messages)
        for candidate in candidates:
            written = chat.answer_ids(candidate, messages)
            logs_TV = plain_log_softmax(twin, [*prompt, *written])[len(prompt) - 1 : -1]
            expected.append(float(logs_TV.gather(1, torch.tensor(written)[:, None]).sum()))
    # to the end of each
    monkeypatch.setattr(candidates_module, "MAX_LEFT_OUT", 0.0)
    for batch_tokens in (200, 16384):
        monkeypatch.setattr(engine_module, "MAX_BATCH_TOKENS", batch_tokens)
        done: list[int] = []
        found = LocalEngine(model, chat, MAX_TOKENS).log_likelihoods(conversations, candidates, done.append)
        assert sum(done) == len(conversations)
        assert [score for scores in found for score in scores] == pytest.approx(expected, rel=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize("num_prompts", [1, 3, 21, 40])
def test_many_prompts_are_read_in_batches_of_few_sizes(
    model: PreTrainedModel, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, num_prompts: int
) -> None:
    conversations = [[Message("user", f"question {number} " * (1 + number % 3))] for number in range(num_prompts)]
    candidates = [Message("assistant", text) for text in CANDIDATES]
    alone = [engine.log_likelihoods([messages], candidates)[0] for messages in conversations]
    together = engine.log_likelihoods(conversations, candidates)
    for one, other in zip(alone, together, strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_candidates_of_one_conversation_and_of_one_token(model: PreTrainedModel, chat: Chat) -> None:
    engine = LocalEngine(model, chat, MAX_TOKENS)
    candidates = [Message("assistant", ""), Message("assistant", "")]
    assert all(len(chat.answer_ids(each, CONVERSATIONS[0])) == 1 for each in candidates)
    ((score, again),) = engine.log_likelihoods(CONVERSATIONS[:1], candidates)
    logs_TV = plain_log_softmax(twin_of(model, "eager"), chat.prompt_ids(CONVERSATIONS[0]))
    (token,) = chat.answer_ids(candidates[0], CONVERSATIONS[0])
    assert score == again == pytest.approx(float(logs_TV[-1, token]), rel=1e-5)
    assert engine.log_likelihoods([], candidates) == []


@pytest.mark.thorough
@pytest.mark.parametrize(("temperature", "num_inside"), [(1.0, 320), (0.7, 40), (1.3, 4)])
def test_frequencies_in_the_nucleus(
    model: PreTrainedModel, engine: LocalEngine, chat: Chat, temperature: float, num_inside: int
) -> None:
    """3,000 first tokens against exact probabilities, by chi-square at 0.001; nothing from outside the nucleus."""
    num = 3000
    logs_V = plain_log_softmax(twin_of(model, "eager"), chat.prompt_ids(CONVERSATIONS[0]))[-1]
    shares_V, ids_V = (logs_V / temperature).softmax(0).sort(descending=True)
    # the limit falls into the middle of the last token inside, which makes it belong
    top_p = float(shares_V[:num_inside].sum() - shares_V[num_inside - 1] / 2)
    exact: dict[str, float] = defaultdict(float)
    for share, id in zip(shares_V[:num_inside].tolist(), ids_V.tolist(), strict=False):
        exact["" if id in chat.end_ids else chat.decode([id])] += share
    sampling = Sampling(temperature=temperature, top_p=top_p, num_samples=num, max_new_tokens=1, seed=3)
    counts: dict[str, int] = defaultdict(int)
    for completion in engine.generate(CONVERSATIONS[:1], sampling)[0]:
        counts[completion.text] += 1
    assert set(counts) <= set(exact)
    wanted = {text: num * share / sum(exact.values()) for text, share in exact.items()}
    common = [text for text, count in wanted.items() if count >= 5]
    assert len(common) >= 3
    pairs = [(counts[text], wanted[text]) for text in common]
    rare = num - sum(pair[0] for pair in pairs), num - sum(pair[1] for pair in pairs)
    if rare[1] >= 5:
        pairs.append(rare)
    observed, expected = np.array(pairs).T
    assert stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-3


def test_a_nucleus_of_one_token_is_greedy(engine: LocalEngine) -> None:
    greedy = engine.generate(CONVERSATIONS, Sampling(max_new_tokens=6))
    assert engine.generate(CONVERSATIONS, Sampling(temperature=1.0, top_p=1e-6, max_new_tokens=6)) == greedy
