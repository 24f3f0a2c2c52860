"""Sample prompts: answered as plain greedy decoding answers them, and never felt by the training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from test_drive import NUM_STEPS, make_loop, make_training, messages, same
from tiny_models import make_chat, make_model, twin_of

from tunesmith.artifacts import Event, open_run, read_samples
from tunesmith.chat import Chat
from tunesmith.errors import Place
from tunesmith.recipe import Lora, Train
from tunesmith.recipe.watch import Samples
from tunesmith.records import Example, Message
from tunesmith.runtime import Silent, utc_now
from tunesmith.train.drive import Driver, Loop
from tunesmith.train.interrupt import deferred_signals
from tunesmith.train.samples import answers, questions_of
from tunesmith.train.training import Training

LENGTH = 8
SETTINGS = Samples(prompts=("What is six times seven?",), num_rows=2, max_new_tokens=LENGTH)


def example(number: int) -> Example:
    turns = (Message("system", "Be brief."), Message("user", f"Count to {number}."), Message("assistant", "One."))
    return Example(str(number), turns, Place("rows.jsonl", number))


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Chat:
    return make_chat(tmp_path_factory.mktemp("chat"))


def watched(chat: Chat, samples: Samples | None = SETTINGS, **plan: Any) -> Training:
    training = make_training(Train(samples=samples), **plan)
    rows = [example(number) for number in range(20)]
    return replace(
        training,
        chat=chat,
        dataset=SimpleNamespace(key="rows", rows=lambda split: rows if split == "validation" else []),  # type: ignore[arg-type]
        base=SimpleNamespace(content_hash="base", max_tokens=512),  # type: ignore[arg-type]
    )


def drive(folder: Path, training: Training, change: Callable[[Loop], None] = lambda loop: None) -> Loop:
    with open_run(folder, "", utc_now) as run, deferred_signals() as stop:
        loop = make_loop(training, folder)
        loop.questions = questions_of(training)
        change(loop)
        Driver(training, loop, stop, Silent(), run, []).drive()
    return loop


def test_asking_changes_no_weight_and_draws_nothing(tmp_path: Path, chat: Chat) -> None:
    asked = drive(tmp_path / "asked", watched(chat))
    drawn = torch.rand(3)
    silent = drive(tmp_path / "silent", watched(chat, None))
    assert same(asked, silent)
    assert torch.equal(drawn, torch.rand(3))
    assert asked.identity.key() == silent.identity.key()
    assert read_samples(tmp_path / "silent") == []


def test_every_validation_has_an_answer_to_each_prompt(tmp_path: Path, chat: Chat) -> None:
    drive(tmp_path, watched(chat))
    events = read_samples(tmp_path)
    assert [(event.step, event.data["item"]) for event in events] == [
        (step, item) for step in (0, 3, NUM_STEPS) for item in range(3)
    ]
    first = [event.data for event in events[:3]]
    assert first[0]["prompt"] == SETTINGS.prompts[0]
    assert [data["reference"] for data in first] == [None, "One.", "One."]
    assert {data["prompt"] for data in first[1:]} < {f"Count to {number}." for number in range(20)}
    assert len({data["prompt"] for data in first}) == 3
    assert {data["model"] for data in first} == {"tuned"}


def test_the_seed_draws_the_rows(chat: Chat) -> None:
    prompts = [
        [question.messages[-1].content for question in questions_of(replace(watched(chat), seed=seed))]
        for seed in (0, 0, 1)
    ]
    assert prompts[0] == prompts[1] != prompts[2]
    few = watched(chat, Samples(num_rows=50))
    assert [question.reference for question in questions_of(few)] == ["One."] * 20
    assert questions_of(watched(chat, Samples(prompts=("a",), num_rows=0)))[0].reference is None


def test_the_answers_are_those_of_plain_greedy_decoding(chat: Chat) -> None:
    """Token after token from transformers' own attention, without a cache; a pass in training mode would drop."""
    training = watched(chat)
    model = make_model("qwen2", num_hidden_layers=1)
    questions = questions_of(training)
    model.train()
    told = answers(model, training, questions)
    assert model.training
    twin = twin_of(model, "eager")
    for question, answer in zip(questions, told, strict=True):
        ids = chat.prompt_ids(question.messages)
        num_prompt = len(ids)
        while len(ids) < num_prompt + LENGTH and ids[-1] not in chat.end_ids:
            with torch.no_grad():
                ids.append(int(twin(torch.tensor([ids])).logits[0, -1].argmax()))
        written = ids[num_prompt:]
        ended = written[-1] in chat.end_ids
        parsed = chat.parse(chat.decode(written[:-1] if ended else written)).message
        assert (answer["answer"], answer["reasoning"]) == (parsed.content, parsed.reasoning)
        assert answer["finish_reason"] == ("stop" if ended else "length")


@pytest.mark.thorough
def test_without_memory_nobody_asks_again_and_training_goes_on(tmp_path: Path, chat: Chat) -> None:
    def full(loop: Loop) -> None:
        def refuse(_: torch.nn.Module, arguments: tuple[()], named: dict[str, Any]) -> None:
            if named.get("use_cache"):
                raise torch.OutOfMemoryError("CUDA out of memory.")

        loop.model.base_model.register_forward_pre_hook(refuse, with_kwargs=True)

    full_up = drive(tmp_path / "full", watched(chat), full)
    (message,) = messages(tmp_path / "full")
    assert (message.step, message.data["code"]) == (0, "samples-no-memory")
    assert same(full_up, drive(tmp_path / "other", watched(chat, None)))


def test_what_is_asked_again_after_a_resume_counts_once(tmp_path: Path) -> None:
    with open_run(tmp_path, "", utc_now) as run:
        for attempt, steps in enumerate(((0, 3, 6), (6, 9))):
            for step in steps:
                run.record("sample", step=step, model="tuned", item=0, answer=f"{attempt}")
        run.record("sample", step=6, model="other", item=0, answer="2")
    found: list[Event] = read_samples(tmp_path)
    assert [(event.step, event.data["model"], event.data["answer"]) for event in found] == [
        (0, "tuned", "0"),
        (3, "tuned", "0"),
        (6, "other", "2"),
        (6, "tuned", "1"),
        (9, "tuned", "1"),
    ]


@pytest.mark.parametrize("objective", ["text", "classification", "regression"])
def test_an_objective_that_answers_nothing_has_no_samples(objective: str) -> None:
    with pytest.raises(ValueError, match="answers no prompts"):
        Train.model_validate({"objective": objective, "samples": {}})
    assert Train.model_validate({"samples": {}}).samples == Samples()
    assert isinstance(Train(samples=SETTINGS).method, Lora)
