"""The batching engine against the local one, which knows one batch at a time, and against itself under load."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_material import CONVERSATIONS, PROMPTS, Heard, asking, hear, make_adapter
from tiny_bases import make_gpt2
from tiny_models import make_chat, make_model, save_model, twin_of
from transformers import AutoTokenizer, PreTrainedModel

from tunesmith.chat import Chat
from tunesmith.engine import batching
from tunesmith.engine.batching import BatchingEngine
from tunesmith.engine.embed import Encoder
from tunesmith.engine.interface import Request
from tunesmith.engine.local import LocalEngine
from tunesmith.errors import TunesmithError
from tunesmith.model.fuse import fuse
from tunesmith.model.method import begin_method, load_method
from tunesmith.recipe import Lora, Prompt
from tunesmith.records import Message, Rendered, Sampling

MAX_TOKENS = 512
METHODS = (Lora(rank=4, alpha=6.0), Lora(rank=2, alpha=9.0, targets=("q_proj", "v_proj")))
SYSTEM = Message("system", "Answer with one of the labels, and do so in one word. " * 2)


def make(architecture: str) -> PreTrainedModel:
    model = make_gpt2(seed=1) if architecture == "gpt2" else make_model(architecture, seed=4)
    fuse(model)
    return model


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return make("qwen2")


@pytest.fixture
def chat(tmp_path: Path) -> Chat:
    return make_chat(tmp_path / "chat")


@pytest.fixture
def engine(model: PreTrainedModel, chat: Chat) -> Iterator[BatchingEngine]:
    made = BatchingEngine(model, chat, max_tokens=MAX_TOKENS, max_cached_tokens=8192)
    yield made
    made.close()
    assert made.load().num_cached_tokens == 0  # nobody holds a place


def whole_ids(local: LocalEngine, conversation: list[Message], sampling: Sampling) -> list[int]:
    ((ids,), _) = local._generate_batch([local._virtual_ids + local.chat.prompt_ids(conversation)], [0], sampling)
    return ids


@pytest.mark.parametrize(
    "architecture",
    [
        "qwen2",
        "gpt2",
        *(
            pytest.param(name, marks=pytest.mark.thorough)
            for name in ("llama", "mistral", "qwen3", "qwen2_moe", "deepseek_v3")
        ),
    ],
)
def test_greedy_answers_are_those_of_the_local_engine(architecture: str, chat: Chat) -> None:
    """To the token, alone and beside others, whatever the architecture."""
    model = make(architecture)
    local, sampling = LocalEngine(model, chat, MAX_TOKENS), Sampling(max_new_tokens=12)
    expected = [whole_ids(local, each, sampling) for each in CONVERSATIONS]
    texts = [answers[0].text for answers in local.generate(CONVERSATIONS, sampling)]
    made = BatchingEngine(model, chat, max_tokens=MAX_TOKENS, max_cached_tokens=4096)
    try:
        requests = [asking(text) for text in PROMPTS]
        alone = [hear(made, [request])[0] for request in requests]
        together = hear(made, requests)
    finally:
        made.close()
    for heard in (alone, together):
        assert [each.ids for each in heard] == expected
        assert [each.text for each in heard] == [text.rstrip("\ufffd") for text in texts]
        for each, ids, messages in zip(heard, expected, CONVERSATIONS, strict=True):
            assert each.last.finish_reason == ("stop" if ids[-1] in chat.end_ids else "length")
            assert each.last.num_prompt_tokens == len(chat.prompt_ids(messages))


def test_draws_are_those_of_the_local_engine(model: PreTrainedModel, chat: Chat, engine: BatchingEngine) -> None:
    sampling = Sampling(temperature=0.9, top_p=0.95, num_samples=3, max_new_tokens=10, seed=5)
    expected = [
        [each.text.rstrip("\ufffd") for each in answers]
        for answers in LocalEngine(model, chat, MAX_TOKENS).generate(CONVERSATIONS, sampling)
    ]
    requests = [replace(asking(text), sampling=sampling, sample=number) for text in PROMPTS for number in range(3)]
    greedy = asking("hi")
    *drawn, beside = hear(engine, [*requests, greedy])
    texts = [each.text for each in drawn]
    assert [texts[start : start + 3] for start in range(0, len(texts), 3)] == expected
    assert len({*texts[:3]}) == 3
    assert beside.text == hear(engine, [greedy])[0].text


@pytest.mark.thorough
def test_an_answer_is_told_in_no_more_pieces_than_anybody_reads(
    engine: BatchingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asking("hello", max_new_tokens=64)
    asked = replace(asked, num_top=1)
    monkeypatch.setattr(batching, "PIECE_SECONDS", 0.0)
    (each_told,) = hear(engine, [asked])
    monkeypatch.setattr(batching, "PIECE_SECONDS", 60.0)
    (twice_told,) = hear(engine, [asked])
    assert len(each_told.deltas) > 20
    first, last = twice_told.deltas  # the beginning does not wait
    assert (first.text, first.ids) == (each_told.deltas[0].text, each_told.deltas[0].ids)
    assert (twice_told.text, twice_told.ids) == (each_told.text, each_told.ids)
    assert len(first.log_probabilities) + len(last.log_probabilities) == len(twice_told.ids)


def test_a_text_is_written_on(model: PreTrainedModel, chat: Chat, engine: BatchingEngine) -> None:
    (heard,) = hear(engine, [Request("The answer is", Sampling(max_new_tokens=8))])
    ids = [chat.begin_id, *chat.tokenizer.encode("The answer is", add_special_tokens=False).ids]
    twin = twin_of(make_model("qwen2", seed=4), "eager")
    for token in heard.ids:
        with torch.no_grad():
            assert int(twin(torch.tensor([ids])).logits[0, -1].argmax()) == token
        ids.append(token)
    assert engine.num_tokens_of("The answer is") == heard.last.num_prompt_tokens
    with pytest.raises(TunesmithError, match="control-token"):
        engine.submit(Request("a <|end|>", Sampling()), lambda delta: None)


@pytest.mark.thorough
def test_a_beginning_that_is_known_is_not_computed_again(model: PreTrainedModel, chat: Chat) -> None:
    """Long prompts in stretches, a conversation that goes on, and answers to one prompt that are asked at once."""
    made = BatchingEngine(model, chat, max_tokens=MAX_TOKENS, max_cached_tokens=4096)
    local = LocalEngine(model, chat, MAX_TOKENS)
    made._read_tokens = 40
    try:
        first = (SYSTEM, Message("user", "What is the answer to this question?"))
        sampling = Sampling(max_new_tokens=20)
        (heard,) = hear(made, [Request(first, sampling)])
        assert heard.last.num_cached_tokens == 0
        assert heard.ids == whole_ids(local, list(first), sampling)
        later = (*first, Message("assistant", heard.text), Message("user", "Why?"))
        num_known = len(chat.prompt_ids(first))
        (again, further), known = hear(made, [Request(first, sampling), Request(later, sampling)]), num_known - 16
        assert again.ids == heard.ids
        assert known <= again.last.num_cached_tokens < num_known
        assert further.ids == whole_ids(local, list(later), sampling)
        assert further.last.num_cached_tokens >= known
        other = (SYSTEM, Message("user", "How many apples are there, and how many pears do you see on the table?"))
        drawn = replace(sampling, temperature=1.0)
        three = hear(made, [Request(other, drawn, sample=number) for number in range(3)])
        assert [each.last.num_cached_tokens > len(chat.prompt_ids(other)) - 17 for each in three] == [False, True, True]
        expected = local.generate([other], replace(drawn, num_samples=3))[0]
        assert [each.text for each in three] == [each.text.rstrip("\ufffd") for each in expected]
        assert made.load().num_cached_tokens == 0
    finally:
        made.close()


def test_a_token_that_nobody_has_read_is_not_known(
    model: PreTrainedModel, chat: Chat, engine: BatchingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last token that is written fills a block, yet its keys and values were never computed."""
    chat.end_ids = frozenset()
    monkeypatch.setattr(engine, "_ids_of", lambda prompt: [int(id) for id in prompt.split()])
    ids = list(range(20, 40))
    (heard,) = hear(engine, [Request(" ".join(map(str, ids)), Sampling(max_new_tokens=12))])
    ids += [*heard.ids, 7]
    (further,) = hear(engine, [Request(" ".join(map(str, ids)), Sampling(max_new_tokens=8))])
    assert further.last.num_cached_tokens == 16
    ((expected,), _) = LocalEngine(model, chat, MAX_TOKENS)._generate_batch([ids], [0], Sampling(max_new_tokens=8))
    assert further.ids == expected


@pytest.mark.thorough
def test_base_and_adapters_answer_beside_each_other_as_alone(chat: Chat, tmp_path: Path) -> None:
    model = make("qwen2")
    folders = {str(n): make_adapter(model, tmp_path / f"adapter{n}", method, n) for n, method in enumerate(METHODS)}
    sampling = Sampling(max_new_tokens=12)
    expected = {None: [whole_ids(LocalEngine(model, chat, MAX_TOKENS), each, sampling) for each in CONVERSATIONS]}
    for name, folder in folders.items():
        adapted = make("qwen2")
        load_method(adapted, folder)
        expected[name] = [whole_ids(LocalEngine(adapted, chat, MAX_TOKENS), each, sampling) for each in CONVERSATIONS]
    assert expected[None] != expected["0"] != expected["1"] != expected[None]
    made = BatchingEngine(model, chat, max_tokens=MAX_TOKENS, max_cached_tokens=8192)
    try:
        with pytest.raises(TunesmithError, match="adapter-unknown"):
            made.submit(replace(asking("hi"), adapter="0"), lambda delta: None)
        writing = Heard()
        made.submit(asking("hi", max_new_tokens=200, temperature=1.0), writing)
        for name, folder in folders.items():
            made.load_adapter(name, folder)  # while it writes
        assert made.adapters == ("0", "1")
        names = (None, "1", "0")
        heard = hear(made, [replace(asking(text), adapter=name) for text in PROMPTS for name in names])
        for place, name in enumerate(names):
            assert [each.ids for each in heard[place::3]] == expected[name]
        # the same beginning under another adapter is something else
        assert all(each.last.num_cached_tokens == 0 for each in heard[:3])
        scores = [made.score(chat.text_ids("hi"), [7, 9], name) for name in names]
        assert len({tuple(each) for each in scores}) == 3
        made.cancel(1)
        last = Heard()
        made.submit(replace(asking("hi", max_new_tokens=100), adapter="0"), last)
        made.unload_adapter("0")
        assert last.over.is_set()
        assert made.adapters == ("1",)
        made.load_adapter("1", folders["0"])  # another one under a name that is known
        assert [each.ids for each in hear(made, [replace(asking(text), adapter="1") for text in PROMPTS])] == expected[
            "0"
        ]
        with pytest.raises(TunesmithError, match="adapter-misfit"):
            made.load_adapter("2", tmp_path)
        writing.wait()
    finally:
        made.close()


def test_virtual_tokens_stand_before_every_prompt(chat: Chat) -> None:
    model = make("qwen2")
    begin_method(model, Prompt(virtual_tokens=5), 3)
    expected = [
        whole_ids(LocalEngine(model, chat, MAX_TOKENS), each, Sampling(max_new_tokens=12)) for each in CONVERSATIONS
    ]
    made = BatchingEngine(model, chat, max_tokens=MAX_TOKENS, max_cached_tokens=2048)
    try:
        heard = hear(made, [asking(text) for text in PROMPTS])
        assert [each.ids for each in heard] == expected
        assert heard[0].last.num_prompt_tokens == len(chat.prompt_ids(CONVERSATIONS[0]))
    finally:
        made.close()


def test_log_probabilities_are_those_of_a_plain_forward(
    model: PreTrainedModel, chat: Chat, engine: BatchingEngine
) -> None:
    request = replace(asking(PROMPTS[1], temperature=0.7), num_top=3)
    heard, plain = hear(engine, [request, replace(request, num_top=None)])
    assert heard.text == plain.text
    assert all(not delta.log_probabilities for delta in plain.deltas)
    told = [each for delta in heard.deltas for each in delta.log_probabilities]
    prompt = chat.prompt_ids(CONVERSATIONS[1])
    with torch.no_grad():
        logits_TV = twin_of(make_model("qwen2", seed=4), "eager")(torch.tensor([[*prompt, *heard.ids]])).logits[0]
    logs_TV = logits_TV[len(prompt) - 1 : -1].log_softmax(1)
    for each, id, logs_V in zip(told, heard.ids, logs_TV, strict=True):
        assert each.text == chat.decode_all([id])
        assert each.log_probability == pytest.approx(float(logs_V[id]), abs=1e-4)
        best = logs_V.topk(3)
        assert [text for text, _ in each.top] == [chat.decode_all([token]) for token in best.indices.tolist()]
        assert [log for _, log in each.top] == pytest.approx(best.values.tolist(), abs=1e-4)


def test_a_stop_text_is_not_shown(engine: BatchingEngine) -> None:
    request = asking(PROMPTS[1], max_new_tokens=60, temperature=1.0, seed=1)
    (whole,) = hear(engine, [request])
    stop = whole.text[7:10]
    assert len(stop) == 3
    (cut,) = hear(engine, [replace(request, stop=("never there", stop))])
    assert cut.last.finish_reason == "stop"
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.ids == whole.ids[: len(cut.ids)]


def test_scores_labels_and_directions_are_those_of_others(
    model: PreTrainedModel, chat: Chat, engine: BatchingEngine, tmp_path: Path
) -> None:
    local = LocalEngine(model, chat, MAX_TOKENS)
    prompt, answer = chat.prompt_ids(CONVERSATIONS[1]), [9, 40, 77]
    row = Rendered("", np.array([*prompt, *answer], np.int32), np.array([0.0] * len(prompt) + [1.0] * 3, np.float32))
    assert engine.score(prompt, answer, None) == local.token_likelihoods([row])[0][-3:].tolist()
    labels = ["card", "cash", "问题"]
    found = np.array(engine.label(CONVERSATIONS * 4, labels, None))
    logs = np.array(local.log_likelihoods(CONVERSATIONS, [Message("assistant", label) for label in labels]))
    assert found[:5] == pytest.approx(np.exp(logs) / np.exp(logs).sum(1, keepdims=True), abs=1e-6)
    assert found[5:10] == pytest.approx(found[:5], abs=1e-6)
    texts = [*PROMPTS, "", "hi " * 40]
    folder = save_model(tmp_path / "model", make_model("qwen2", seed=4))
    assert engine.embed(texts, None) == pytest.approx(Encoder(folder).embed(texts), abs=1e-5)
    assert engine.embed([], None).shape == (0, 64)
    read = AutoTokenizer.from_pretrained(folder)
    assert [engine.num_read_tokens(text) for text in texts] == [len(read(text)["input_ids"]) for text in texts]


def test_it_tells_how_many_characters_can_fit(engine: BatchingEngine) -> None:
    assert engine.capabilities.max_characters == 16 * MAX_TOKENS
    assert engine.capabilities.writes


def test_what_is_too_long_or_too_much_is_refused(model: PreTrainedModel, chat: Chat) -> None:
    made = BatchingEngine(model, chat, max_tokens=MAX_TOKENS, max_running=2, max_waiting=3, max_cached_tokens=2048)
    try:
        with pytest.raises(TunesmithError) as failure:
            made.submit(asking("x " * 300), lambda delta: None)
        assert failure.value.code == "prompt-too-long"
        for call in (lambda: made.embed(["x " * 300], None), lambda: made.score([7] * MAX_TOKENS, [1], None)):
            with pytest.raises(TunesmithError, match="prompt-too-long"):
                call()
        heard = [Heard() for _ in range(5)]
        numbers = [
            made.submit(asking("hi", max_new_tokens=300, temperature=1.0, seed=n), each) for n, each in enumerate(heard)
        ]
        with pytest.raises(TunesmithError) as failure:
            made.submit(asking("hi"), lambda delta: None)
        assert failure.value.code == "queue-full"
        made.cancel(numbers[0])
        heard[0].wait()
        late = Heard()
        made.submit(asking("hi"), late)  # one is gone: there is room for one
        for number in numbers:
            made.cancel(number)
        assert late.wait().last.finish_reason == "length"
        assert {each.wait().last.finish_reason for each in heard} == {"cancelled"}
    finally:
        made.close()


@pytest.mark.thorough
def test_places_are_kept_for_all_that_an_answer_may_write(model: PreTrainedModel, chat: Chat) -> None:
    """There is room for two at a time: the others wait their turn, and nobody is left in the middle."""
    chat.end_ids = frozenset()
    made = BatchingEngine(model, chat, max_tokens=MAX_TOKENS, max_cached_tokens=6 * 16)
    try:
        order: list[int] = []
        held: list[int] = []
        done = [threading.Event() for _ in range(7)]

        def told(place: int, is_last: bool) -> None:
            held.append(made.load().num_cached_tokens)
            if is_last:
                order.append(place)
                done[place].set()

        for place in range(7):
            made.submit(
                asking("hi", max_new_tokens=30, temperature=1.0, seed=place),
                lambda delta, place=place: told(place, delta.is_last),
            )
        assert all(each.wait(60) for each in done)
        assert order == sorted(order)
        assert max(held) <= 6 * 16
    finally:
        made.close()


def test_time_runs_out(engine: BatchingEngine) -> None:
    # so hot that an end is as rare as any other token
    request = replace(asking("hi", max_new_tokens=400, temperature=100.0), max_seconds=0.05)
    heard, at_once = hear(engine, [request, replace(request, max_seconds=0.0)])
    assert heard.last.finish_reason == at_once.last.finish_reason == "timeout"
    assert 0 < len(heard.ids) < 400
    assert at_once.ids == []


def test_a_failure_is_that_of_its_request_alone(model: PreTrainedModel, chat: Chat, tmp_path: Path) -> None:
    """A token that the model cannot read, outputs that are no numbers, a listener that fails."""
    broken = make("qwen2")
    bad = chat.tokenizer.token_to_id("Z")
    embed = broken.get_input_embeddings()

    def refuse(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if (inputs[0] == bad).any():
            raise MemoryError("no room at 0x7f00 in /home/ann")

    embed.register_forward_pre_hook(refuse)
    made = BatchingEngine(broken, chat, max_tokens=MAX_TOKENS, max_cached_tokens=2048)
    try:
        expected = [each.ids for each in hear(made, [asking(text) for text in PROMPTS])]
        heard = hear(made, [asking("Z"), *(asking(text) for text in PROMPTS)])
        assert heard[0].last.failure is not None
        assert heard[0].last.failure.code == "engine-failed"
        assert "MemoryError" in heard[0].last.failure.message()
        assert "no room" not in str(heard[0].last.failure)
        assert [each.ids for each in heard[1:]] == expected
        calls: list[object] = []

        def fails(delta: object) -> None:
            calls.append(delta)
            raise RuntimeError("the listener is gone")

        made.submit(asking("hi", max_new_tokens=300), fails)
        assert [each.ids for each in hear(made, [asking(text) for text in PROMPTS])] == expected
        assert len(calls) == 1
        assert made.load().num_running == 0
    finally:
        made.close()
    with torch.no_grad():
        model = make("qwen2")
        model.base_model.layers[0].self_attn.q_proj.bias.fill_(torch.nan)
    made = BatchingEngine(model, chat, max_tokens=MAX_TOKENS, max_cached_tokens=2048)
    try:
        (nothing,) = hear(made, [asking("hi")])
        assert nothing.last.failure is not None
        assert nothing.last.failure.code == "engine-numbers"
    finally:
        made.close()


def test_closing_lets_answers_end_for_a_while(model: PreTrainedModel, chat: Chat) -> None:
    made = BatchingEngine(model, chat, max_tokens=MAX_TOKENS, max_cached_tokens=2048)
    heard = Heard()
    made.submit(asking("hi"), heard)
    made.close(drain_seconds=60.0)
    assert heard.last.finish_reason == "length"
    for call in (
        lambda: made.submit(asking("hi"), heard),
        lambda: made.embed(["hi"], None),
        lambda: made.unload_adapter("x"),
    ):
        with pytest.raises(TunesmithError, match="engine-closed"):
            call()
    made = BatchingEngine(model, chat, max_tokens=MAX_TOKENS, max_running=1, max_cached_tokens=2048)
    two = [Heard(), Heard()]
    for each in two:
        made.submit(asking("hi", max_new_tokens=400, temperature=1.0), each)
    started = time.monotonic()
    made.close()
    assert [each.last.finish_reason for each in two] == ["cancelled", "cancelled"]
    assert time.monotonic() - started < 5.0


@pytest.mark.thorough
def test_many_at_once_half_of_whom_go_away(model: PreTrainedModel, chat: Chat) -> None:
    """Submitted from many threads, cancelled at any time: all others get what they would get alone."""
    made = BatchingEngine(model, chat, max_tokens=MAX_TOKENS, max_running=8, max_waiting=200, max_cached_tokens=1024)
    expected = {text: hear(made, [asking(text)])[0].ids for text in PROMPTS}
    heard: dict[tuple[int, int], Heard] = {}

    def client(thread: int) -> None:
        random = np.random.default_rng(thread)
        for number in range(12):
            mine = heard[thread, number] = Heard()
            request = asking(PROMPTS[number % len(PROMPTS)])
            name = made.submit(request, mine)
            if number % 2:
                time.sleep(float(random.uniform(0, 0.02)))
                made.cancel(name)
                made.cancel(name)
        if thread == 0:
            made.label(CONVERSATIONS, ["a", "b"], None)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (_, number), each in heard.items():
        each.wait()
        ids = expected[PROMPTS[number % len(PROMPTS)]]
        if number % 2:
            assert each.last.finish_reason in ("cancelled", "length", "stop")
            assert each.ids == ids[: len(each.ids)]
        else:
            assert each.ids == ids
    load = made.load()
    made.close()
    assert (load.num_running, load.num_waiting, load.num_cached_tokens) == (0, 0, 0)
    assert not any(thread.name == "tunesmith-engine" for thread in threading.enumerate() if thread is made._thread)


def test_a_step_reads_no_more_of_prompts_than_it_may(
    model: PreTrainedModel, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(batching.READ_TOKENS, "cpu", 24)
    made = BatchingEngine(model, chat, max_tokens=MAX_TOKENS, max_cached_tokens=4096)
    steps: list[list[int]] = []
    advance = made._step.logits
    made._step.logits = lambda rows: (steps.append([len(row.ids) for row in rows]), advance(rows))[1]  # type: ignore[method-assign]
    try:
        long = "x " * 60
        hear(made, [asking("hi", max_new_tokens=30), asking(long), asking(long + "y")])
    finally:
        made.close()
    assert max(sum(row for row in step if row > 1) for step in steps) <= 24
    assert any(1 in step and max(step) > 1 for step in steps)  # who writes goes on while others are read
