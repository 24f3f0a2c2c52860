"""A head behind a server, against transformers' own classifier reading one text at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import log_expit, log_softmax, softmax
from tiny_bases import make_encoder, save_base
from tiny_models import make_model, save_model
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.chat import Chat, load_chat
from tunesmith.engine import headed
from tunesmith.engine.embed import Encoder
from tunesmith.engine.headed import HeadEngine
from tunesmith.engine.interface import CHARACTERS_PER_TOKEN, Request
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.model.score import begin_score, load_with_head
from tunesmith.records import Message, Sampling

CLASSES = Head(kind="classification", classes=("no", "yes", "也许"))
NUMBER = Head(kind="regression", mean=2.0, scale=3.0)
TEXTS = ("hi", "What is the answer to this question?", "问题的答案是什么？请一步一步地思考。", "7", "hi there")
CONVERSATIONS = [(Message("user", text),) for text in TEXTS]
MAX_TOKENS = 128


@dataclass(frozen=True)
class Made:
    engine: HeadEngine
    chat: Chat
    twin: PreTrainedModel
    """The same folder as transformers alone reads it."""
    base: Path

    @torch.no_grad()
    def logits(self, text: str) -> np.ndarray:
        ids = torch.tensor([self.chat.prompt_ids([Message("user", text)])])
        return self.twin(ids).logits[0].double().numpy()


def make(folder: Path, kind: str, head: Head) -> Made:
    if kind == "bert":
        base, chat_style = save_base(folder / "base", make_encoder("bert")), "bare"
    else:
        base, chat_style = save_model(folder / "base", make_model(kind, seed=4)), None
    chat = load_chat(base, chat_style, reads_only=kind == "bert")  # type: ignore[arg-type]
    model = load_with_head(base, head, dtype=torch.float32, device="cpu")
    begin_score(model, chat.pad_id, seed=1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(("score", "classifier")):
                parameter.mul_(5.0)  # far from what a head has that learned nothing
    model.save_pretrained(folder / "tuned")
    twin = AutoModelForSequenceClassification.from_pretrained(folder / "tuned", attn_implementation="eager").eval()
    return Made(HeadEngine(model, head, chat, name="desk", max_tokens=MAX_TOKENS), chat, twin, base)


@pytest.fixture(scope="module", params=["qwen2", "bert"])
def classifier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    made = make(tmp_path_factory.mktemp("classifier"), request.param, CLASSES)
    yield made
    made.engine.close()


@pytest.fixture(scope="module", params=["qwen2", "bert"])
def regressor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    made = make(tmp_path_factory.mktemp("regressor"), request.param, NUMBER)
    yield made
    made.engine.close()


def test_labels_have_the_probabilities_of_transformers_whatever_their_order(classifier: Made) -> None:
    expected = np.array([softmax(classifier.logits(text)) for text in TEXTS])
    assert np.ptp(expected, axis=0).max() > 0.05  # texts differ
    found = classifier.engine.label(CONVERSATIONS * 8, CLASSES.classes, None)
    assert len(found) == 40 > headed.TEXTS_AT_ONCE
    np.testing.assert_allclose(found, np.tile(expected, (8, 1)), atol=1e-5)
    backwards = classifier.engine.label(CONVERSATIONS, CLASSES.classes[::-1], None)
    np.testing.assert_allclose(backwards, expected[:, ::-1], atol=1e-5)


def test_numbers_are_in_the_unit_of_the_target(regressor: Made) -> None:
    expected = [2.0 + 3.0 * regressor.logits(text)[0] for text in TEXTS]
    assert np.ptp(expected) > 0.05
    np.testing.assert_allclose(regressor.engine.numbers(CONVERSATIONS), expected, atol=1e-4)


@pytest.mark.thorough
def test_outcomes_are_scored_as_the_certificate_has_them(classifier: Made, regressor: Made) -> None:
    for text, conversation in zip(TEXTS, CONVERSATIONS, strict=True):
        found = classifier.engine.score(classifier.chat.prompt_ids(conversation), [2, 0], None)
        np.testing.assert_allclose(found, log_softmax(classifier.logits(text))[[2, 0]], atol=1e-4)
        (z,) = regressor.logits(text)
        found = regressor.engine.score(regressor.chat.prompt_ids(conversation), [0, 1], None)
        np.testing.assert_allclose(found, log_expit([z, -z]), atol=1e-4)


def test_directions_are_means_of_the_last_states(classifier: Made) -> None:
    found = classifier.engine.embed([*TEXTS, "hi " * 30], None)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)
    if not classifier.chat.reads_only:
        np.testing.assert_allclose(found, Encoder(classifier.base).embed([*TEXTS, "hi " * 30]), atol=1e-5)
        told = [classifier.engine.num_read_tokens(text) for text in TEXTS]
        assert told == [len(ids) for ids in Encoder(classifier.base).token_ids(TEXTS)]
        return
    for text, direction_D in zip(TEXTS, found, strict=False):
        with torch.no_grad():
            ids = torch.tensor([classifier.chat.read_ids(text)])
            mean_D = classifier.twin.base_model(ids).last_hidden_state[0].mean(0)
        np.testing.assert_allclose(direction_D, mean_D / mean_D.norm(), atol=1e-5)


def test_it_says_what_it_can_and_writes_nothing(classifier: Made, regressor: Made) -> None:
    can, cannot = classifier.engine.capabilities, regressor.engine.capabilities
    assert (can.labels, can.scores, can.embeds, cannot.labels) == (True, True, True, False)
    assert not any((can.writes, can.adapters, can.json, can.log_probabilities))
    assert can.max_characters == CHARACTERS_PER_TOKEN * MAX_TOKENS
    request = Request(CONVERSATIONS[0], Sampling())
    with pytest.raises(TunesmithError) as refusal:
        classifier.engine.submit(request, lambda delta: None)
    assert refusal.value.code == "writes-nothing"
    assert "`desk`" in refusal.value.message("en")
    classifier.engine.cancel(1)
    assert classifier.engine.adapters == ()
    for call in (lambda: classifier.engine.load_adapter("a", Path()), lambda: classifier.engine.unload_adapter("a")):
        with pytest.raises(TunesmithError):
            call()


def test_what_is_too_long_is_refused(classifier: Made) -> None:
    long = (Message("user", "7 " * MAX_TOKENS),)
    for call in (
        lambda: classifier.engine.label([CONVERSATIONS[0], long], CLASSES.classes, None),
        lambda: classifier.engine.score([7] * (MAX_TOKENS + 1), [0], None),
        lambda: classifier.engine.embed([long[0].content], None),
    ):
        with pytest.raises(TunesmithError) as refusal:
            call()
        assert refusal.value.code == "prompt-too-long"
    assert classifier.engine.load().num_running == 0


def test_many_callers_take_turns_and_closing_ends_them(tmp_path: Path) -> None:
    made = make(tmp_path, "qwen2", CLASSES)
    engine, expected = made.engine, made.engine.label(CONVERSATIONS, CLASSES.classes, None)
    told: dict[int, list[list[float]]] = {}

    def ask(number: int) -> None:
        told[number] = engine.label(CONVERSATIONS, CLASSES.classes, None)

    callers = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert [told[number] for number in range(8)] == [expected] * 8

    is_read, may_end = threading.Event(), threading.Event()
    engine._reader.submit(lambda: (is_read.set(), may_end.wait()))
    assert is_read.wait(10)
    failures: list[str] = []

    def ask_in_vain() -> None:
        try:
            engine.label(CONVERSATIONS, CLASSES.classes, None)
        except RunFailed as failure:
            failures.append(failure.code)

    waiting = [threading.Thread(target=ask_in_vain) for _ in range(3)]
    for caller in waiting:
        caller.start()
    while engine.load().num_waiting < 2:
        may_end.wait(0.001)
    load = engine.load()
    assert (load.num_running, load.num_waiting) == (1, 2)
    closing = threading.Thread(target=engine.close)
    closing.start()
    for caller in waiting:
        caller.join(10)
    assert failures == ["engine-closed"] * 3
    may_end.set()
    closing.join(10)
    with pytest.raises(RunFailed, match="engine-closed"):
        engine.score([7], [0], None)
