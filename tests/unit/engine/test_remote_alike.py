"""The engine whose model is behind our own server, beside that server's own: the same tokens, whatever is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from engine_material import CONVERSATIONS, PROMPTS, Heard, asking, hear
from remote_material import VLLM, StandIn, in_front_of, running, says, standing_in
from serving_material import BASE, deployed
from tiny_models import make_chat, make_model

from tunesmith.chat import Chat
from tunesmith.engine.batching import BatchingEngine
from tunesmith.engine.interface import Capabilities, Request
from tunesmith.engine.remote import RemoteEngine
from tunesmith.errors import TunesmithError
from tunesmith.recipe.endpoint import Host
from tunesmith.records import Message, Sampling

pytestmark = pytest.mark.thorough
MAX_TOKENS = 512


@dataclass
class Both:
    local: BatchingEngine
    remote: RemoteEngine
    chat: Chat

    def hear(self, *requests: Request) -> list[tuple[Heard, Heard]]:
        return list(zip(hear(self.local, requests), hear(self.remote, requests), strict=True))

    def says_the_same(self, here: Heard, there: Heard) -> bool:
        """Thinking and answer; a server leaves out the white space around both."""
        return self.chat.parse(here.text) == self.chat.parse(there.text)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("served")
    chat = make_chat(folder / "chat")
    local = BatchingEngine(make_model("qwen2", seed=4), chat, max_tokens=MAX_TOKENS, max_cached_tokens=16_384)
    try:
        with (
            deployed(folder, local, {"limits": {"max_new_tokens": MAX_TOKENS}}) as deployment,  # type: ignore[arg-type]
            running(deployment) as address,
            in_front_of(Host(url=address, model=BASE), chat, max_tokens=MAX_TOKENS) as remote,
        ):
            yield Both(local, remote, chat)
    finally:
        local.close()


def assert_same_tokens(here: Heard, there: Heard) -> None:
    """As their log-probabilities tell them."""
    assert there.last.finish_reason == here.last.finish_reason
    assert there.last.num_tokens == len(here.ids)
    assert there.last.num_prompt_tokens == here.last.num_prompt_tokens
    told, expected = ([each for delta in one.deltas for each in delta.log_probabilities] for one in (there, here))
    assert [each.text for each in told] == [each.text for each in expected]
    assert [each.log_probability for each in told] == pytest.approx(
        [each.log_probability for each in expected], abs=1e-4
    )
    assert [[text for text, _ in each.top] for each in told] == [[text for text, _ in each.top] for each in expected]


def test_our_own_server_can_do_what_it_says(both: Both) -> None:
    assert both.remote.capabilities == Capabilities(
        log_probabilities=True,
        scores=False,
        embeds=True,
        labels=False,
        adapters=False,
        json=True,
        max_characters=both.local.capabilities.max_characters,
    )


def test_greedy_answers_are_the_same_to_the_token(both: Both) -> None:
    told = [replace(asking(text), num_top=2) for text in PROMPTS]
    for here, there in both.hear(*told):
        assert_same_tokens(here, there)
        assert both.says_the_same(here, there)
        assert len(here.ids) > 1
    for here, there in both.hear(*(asking(text) for text in PROMPTS)):
        assert both.says_the_same(here, there)
        assert there.last.num_tokens == len(here.ids)


def test_a_text_is_written_on_alike(both: Both) -> None:
    for here, there in both.hear(*(Request(text, Sampling(max_new_tokens=12), num_top=1) for text in PROMPTS)):
        assert_same_tokens(here, there)
        assert there.text == here.text


def test_draws_are_the_same_with_the_same_seed(both: Both) -> None:
    drawn = [asking(text, temperature=0.9, top_p=0.95, seed=5) for text in PROMPTS]
    for here, there in both.hear(*drawn):
        assert both.says_the_same(here, there)
    again = hear(both.remote, [replace(drawn[1], sample=number) for number in range(3)])
    assert len({each.text for each in again}) == 3


def test_a_stop_text_ends_both(both: Both) -> None:
    plain = [asking(text, max_new_tokens=24) for text in PROMPTS]
    num_stopped = 0
    for request, (here, _) in zip(plain, both.hear(*plain), strict=True):
        stop = here.text.strip()[1:3]
        if not stop:
            continue
        num_stopped += 1
        ((mine, theirs),) = both.hear(replace(request, stop=(stop,)))
        assert both.says_the_same(mine, theirs)
        assert stop not in mine.text
        assert mine.last.finish_reason == theirs.last.finish_reason == "stop"
    assert num_stopped >= 3


def test_json_is_held_to_its_schema_in_both(both: Both) -> None:
    schema = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"], "additionalProperties": False}
    wanted = replace(asking("hi", max_new_tokens=300, temperature=1.0), json_schema=schema)
    ((here, there),) = both.hear(wanted)
    assert both.says_the_same(here, there)
    assert json.loads(there.text)["a"] in (1, 2)
    ((here, there),) = both.hear(replace(asking("hi", max_new_tokens=5), is_json=True))
    assert both.says_the_same(here, there)


def test_a_schema_that_cannot_be_followed_is_refused(both: Both) -> None:
    (heard,) = hear(both.remote, [replace(asking("hi"), json_schema={"type": "no such type"})])
    assert heard.last.failure is not None
    assert heard.last.failure.code == "engine-refused"


def test_prompts_are_counted_and_refused_alike(both: Both) -> None:
    for conversation in CONVERSATIONS:
        prompt = tuple(conversation)
        assert both.remote.num_tokens_of(prompt) == both.local.num_tokens_of(prompt)
    for prompt in ((Message("user", "hi " * 600),), "hi " * 600, (Message("user", "<|end|>"),)):
        codes = []
        for engine in (both.local, both.remote):
            with pytest.raises(TunesmithError) as told:
                engine.submit(Request(prompt, Sampling()), Heard())
            codes.append((told.value.code, told.value.parameters))
        assert codes[0] == codes[1]


def test_directions_are_the_same(both: Both) -> None:
    texts = list(PROMPTS) * 5
    assert np.allclose(both.remote.embed(texts, None), both.local.embed(texts, None), atol=1e-6)


def test_many_at_once_are_not_mixed_up(both: Both) -> None:
    requests = [asking(PROMPTS[number % len(PROMPTS)], max_new_tokens=4 + number % 5) for number in range(60)]
    for here, there in both.hear(*requests):
        assert both.says_the_same(here, there)


def test_scores_and_labels_are_those_of_the_model(both: Both) -> None:
    """A stand-in tells what vLLM would, by a plain forward pass."""
    model = make_model("qwen2", seed=4)

    def score(ids: Sequence[int]) -> list[dict[str, Any] | None]:
        with torch.no_grad():
            logs_TV = model(torch.tensor([list(ids)])).logits[0].log_softmax(1)
        return [None, *({str(id): {"logprob": float(logs_TV[place, id])}} for place, id in enumerate(ids[1:]))]

    there = StandIn(says(), knows=VLLM, chat=both.chat, score=score)
    labels = ("yes", "no", "no idea")
    with standing_in(there), in_front_of(there.host, both.chat) as engine:
        assert (engine.capabilities.scores, engine.capabilities.labels) == (True, True)
        for conversation in CONVERSATIONS:
            answer_ids = both.chat.answer_ids(Message("assistant", "forty-two"), conversation)
            prompt_ids = both.chat.prompt_ids(conversation)
            expected = both.local.score(prompt_ids, answer_ids, None)
            assert engine.score(prompt_ids, answer_ids, None) == pytest.approx(expected, abs=1e-4)
        found = engine.label(CONVERSATIONS, labels, None)
    assert np.allclose(found, both.local.label(CONVERSATIONS, labels, None), atol=1e-4)
