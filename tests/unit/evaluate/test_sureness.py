"""How likely a model finds its answers, by a plain forward pass; what it is asked, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_models import make_chat, make_model, twin_of

from tunesmith.engine.local import LocalEngine
from tunesmith.evaluate import arms
from tunesmith.evaluate.arms import Answers, Asking
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.kept import open_kept
from tunesmith.evaluate.sureness import HOW_SURE, PERCENT_TOKENS, stated
from tunesmith.records import Message
from tunesmith.text.language import language_of

pytestmark = pytest.mark.thorough
Told = tuple[Asking, list[Item], Answers, list[int]]
ASKED = ["How many apples?", "一共有几个梨？", "What?", "Who?", "Which?"]
SAID = ["three", "五个", "", "cut off in the", "so <|user|> asks"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("tiny")
    engine = LocalEngine(make_model("qwen2", seed=4), make_chat(folder), 256)
    items = [
        Item(f"i{n}", "test", (Message("user", text),), Message("assistant", "?"), ("?",), language=language_of(text))
        for n, text in enumerate(ASKED)
    ]
    samples = [
        replace(arms.text_sample("tuned", item, Message("assistant", said)), index=index)
        for item, said in zip(items, SAID, strict=True)
        for index in range(2)
    ]
    samples[6] = replace(samples[6], finish_reason="length")
    done: list[int] = []
    with open_kept(folder / "kept.jsonl") as kept:
        yield Asking(engine, kept, done.append), items, Answers(tuple(samples), None, 1.0), done


def test_likelihood_is_the_geometric_mean_of_the_tokens_of_the_answer(told: Told) -> None:
    asking, items, answers, done = told
    done.clear()
    found, asides = stated(asking, items, [item.prompt for item in items], answers, ["likelihood"])
    assert (sum(done), asides) == (5, [])
    assert ["likelihood" in sample.scores for sample in found.samples] == [True, False, True] + [False] * 7
    chat, plain = asking.engine.chat, twin_of(asking.engine.model, "eager")
    for place, said in ((0, SAID[0]), (2, SAID[1])):
        prompt = chat.prompt_ids(items[place // 2].prompt)
        answer = chat.tokenizer.encode(said, add_special_tokens=False).ids
        answer.append(chat.tokenizer.token_to_id("<|end|>"))
        with torch.no_grad():
            logits = plain(torch.tensor([prompt + answer])).logits[0].double()
        logs = logits.log_softmax(1)[len(prompt) - 1 : -1].gather(1, torch.tensor(answer)[:, None])
        assert found.samples[place].scores["likelihood"] == pytest.approx(float(logs.mean().exp()), rel=1e-4)
    assert found.samples[1].scores == answers.samples[1].scores


def test_the_model_is_asked_behind_its_answer_in_the_questions_language(told: Told) -> None:
    asking, items, answers, done = told
    done.clear()
    prompts = [(Message("system", "Count."), *item.prompt) for item in items]
    found, asides = stated(asking, items, prompts, answers, ["verbalised", "agreement"])
    assert sum(done) == 5
    for aside, item, said, language in zip(asides, items, SAID, ("en", "zh"), strict=False):
        assert (aside.suite, aside.item, aside.arm, aside.index) == ("verbalised", item.id, "tuned", 0)
        assert aside.prompt == (
            Message("system", "Count."),
            *item.prompt,
            Message("assistant", said),
            Message("user", HOW_SURE[language]),
        )
        assert (aside.sampling.max_new_tokens, aside.sampling.temperature) == (PERCENT_TOKENS, 0.0)
        assert 0 < aside.num_tokens <= PERCENT_TOKENS
        first = next(sample for sample in found.samples if sample.item == item.id)
        assert first.scores.get("verbalised") == aside.scores.get("verbalised")
        assert first.scores["agreement"] == 1.0
    assert len(asides) == 2
    assert np.isfinite([score for sample in found.samples for score in sample.scores.values()]).all()
