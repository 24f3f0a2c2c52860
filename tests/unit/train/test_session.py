"""A session's verbs against the loop that trains, against plain forward passes of transformers, and against itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from flat_rows import gradient
from plan_material import plan_body
from tiny_models import make_chat, make_model, random_row, twin_of
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel

from tunesmith.artifacts import Manifest, Plan
from tunesmith.artifacts.head import Head
from tunesmith.errors import TunesmithError
from tunesmith.model.layout import MicroBatch
from tunesmith.recipe import Full, Train
from tunesmith.recipe.optimizers import AdamW
from tunesmith.recipe.schedules import Cosine
from tunesmith.records import Message, Rendered, Sampling
from tunesmith.runtime import Silent
from tunesmith.train.checkpoint import Progressed
from tunesmith.train.drive import Loop
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.schedule import make_schedule
from tunesmith.train.session import Session
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import LossSum, Objective, train_steps
from tunesmith.train.training import Training

NUM_STEPS, MAX_TOKENS = 6, 256
PLAN = plan_body(NUM_STEPS, checkpoint_every=3)


def noisy(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
    """SFT times a number from torch's own generator, so that a draw too many shows."""
    loss = sft.loss(model, batch)
    return replace(loss, sum=loss.sum * (0.5 + torch.rand(())))


def make_training(folder: Path) -> Training:
    manifest = Manifest(
        kind="plan", key="", stage_version=1, inputs={}, section={}, seed=0, libraries={"device": "cpu"}, files={}
    )
    base = SimpleNamespace(content_hash="base", reference="base", max_tokens=MAX_TOKENS, folder=folder)
    chat = make_chat(folder)
    rows: Any = SimpleNamespace(key="rows")
    return Training("tuned", rows, base, chat, Plan(Path(), manifest, PLAN), Train(method=Full()), 0)  # type: ignore[arg-type]


def make_loop(training: Training, objective: Objective = noisy, budget: int = 10_000) -> Loop:
    random = np.random.default_rng(1)
    rows = [random_row(random, str(n), [], 20 + n) for n in range(16)]
    model = make_model("qwen2", num_hidden_layers=1)
    source = RowSource(rows[:12], RowSampler(12, 4, seed=0), LayoutSettings(budget, True, "cpu"))
    torch.manual_seed(7)
    return Loop(
        model=model,
        optimizer=FlatOptimizer(model.named_parameters(), AdamW()),
        source=source,
        objective=objective,
        measure=sft.loss,
        schedule=make_schedule(Cosine(), 1e-2, NUM_STEPS, 0.2),
        validation_rows=rows[12:],
        checkpoints=Path("nowhere"),
        identity=training.identity(),
        progressed=Progressed(step=0, source=source.state(), rows_hash=""),
    )


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Session]:
    training = make_training(tmp_path / "base")
    return lambda objective=sft.loss, budget=10_000: Session(training, make_loop(training, objective, budget), Silent())


def same(one: Loop, other: Loop) -> bool:
    tensors = other.optimizer.state()
    return all(torch.equal(tensor, tensors[name]) for name, tensor in one.optimizer.state().items())


def plain_logs(model: PreTrainedModel, row: Rendered) -> Tensor:
    """(T,) by one forward pass of transformers, 0 where nothing is supervised."""
    ids_T = torch.from_numpy(row.ids_T.astype(np.int64))
    logs: Tensor = model(ids_T[None]).logits[0, :-1].log_softmax(1).gather(1, ids_T[1:, None])[:, 0]
    return torch.nn.functional.pad(logs, (1, 0)) * torch.from_numpy(row.weights_T != 0)


@pytest.mark.thorough
def test_a_loop_over_the_batches_is_the_training_to_the_bit_whatever_is_asked_between(
    opened: Callable[..., Session], tmp_path: Path
) -> None:
    expected = make_loop(make_training(tmp_path / "other"), noisy, 60)
    reports = list(
        train_steps(
            expected.model,
            expected.source,
            noisy,
            expected.optimizer,
            expected.schedule,
            range(NUM_STEPS),
        )
    )
    session = opened(noisy, 60)
    for rows, wanted in zip(session.batches(), reports, strict=True):
        session.forward_backward(rows)
        session.sample(["hi"], Sampling(temperature=1.0, max_new_tokens=3))
        session.log_probabilities(rows)
        session.measure(session.validation_rows)
        found = session.optim_step()
        assert (found.step, found.learning_rate, found.weight) == (wanted.step, wanted.learning_rate, wanted.weight)
        assert found.row_ids == wanted.row_ids
        assert torch.equal(found.loss, wanted.loss)
        assert torch.equal(found.grad_norm, wanted.grad_norm)
        assert session._loop.source.state()["next_step"] == session.step
    assert session.step == NUM_STEPS
    assert same(session._loop, expected)


def test_several_calls_make_one_step(opened: Callable[..., Session]) -> None:
    whole, parts = opened(), opened()
    rows = list(whole.rows[:7])
    whole.forward_backward(rows)
    for part in (rows[:1], rows[1:5], rows[5:]):
        parts.forward_backward(part)
    expected, found = gradient(whole._loop.model), gradient(parts._loop.model)
    assert ((found - expected).norm() / expected.norm()).item() < 1e-5
    one, several = whole.optim_step(), parts.optim_step()
    assert several.loss.item() == pytest.approx(one.loss.item(), rel=1e-5)
    assert several.grad_norm.item() == pytest.approx(one.grad_norm.item(), rel=1e-5)
    assert sorted(several.row_ids) == sorted(one.row_ids)
    assert several.weight == pytest.approx(one.weight)


@pytest.mark.thorough
@pytest.mark.parametrize("budget", [10_000, 40])
def test_the_gradient_of_a_loss_of_ones_own_is_that_of_autograd(opened: Callable[..., Session], budget: int) -> None:
    """A loss that is no sum over rows: each row's slope depends on all of them."""

    def loss(logs_R: Sequence[Tensor]) -> LossSum:
        totals_R = torch.stack([logs_T.sum() for logs_T in logs_R]) / 10
        return LossSum(
            torch.logsumexp(-totals_R * torch.arange(1, len(logs_R) + 1), 0), 3.0, {"rows": torch.tensor(6.0)}
        )

    session = opened(budget=budget)
    rows = list(session.rows[:6])
    twin = twin_of(session._loop.model, "eager")
    expected = loss([plain_logs(twin, row) for row in rows]).sum
    expected.backward()
    found = session.forward_backward(rows, loss)
    wanted = gradient(twin)
    assert ((gradient(session._loop.model) - wanted).norm() / wanted.norm()).item() < 1e-5
    assert found.loss_sum.item() == pytest.approx(expected.item(), rel=1e-5)
    assert found.loss.item() == pytest.approx(expected.item() / 3, rel=1e-5)
    report = session.optim_step(1e-3)
    assert (report.weight, report.learning_rate, report.metrics["rows"].item()) == (3.0, 1e-3, 6.0)
    assert sorted(report.row_ids) == sorted(row.id for row in rows)
    assert report.grad_norm.item() == pytest.approx(wanted.norm().item() / 3, rel=1e-4)


def test_cross_entropy_written_as_a_loss_is_the_objective(opened: Callable[..., Session]) -> None:
    built_in, own = opened(), opened()
    rows = list(own.rows[:5])

    def cross_entropy(logs_R: Sequence[Tensor]) -> LossSum:
        weights_R = [torch.from_numpy(row.weights_T) for row in rows]
        total = torch.stack([(weights_T * logs_T).sum() for weights_T, logs_T in zip(weights_R, logs_R, strict=True)])
        return LossSum(-total.sum(), float(sum(weights_T[1:].sum() for weights_T in weights_R)))

    wanted, found = built_in.forward_backward(rows), own.forward_backward(rows, cross_entropy)
    assert found.loss.item() == pytest.approx(wanted.loss.item(), rel=1e-5)
    expected = gradient(built_in._loop.model)
    assert ((gradient(own._loop.model) - expected).norm() / expected.norm()).item() < 1e-5
    # a step of both kinds has the metrics of neither alone
    own.forward_backward(rows)
    assert own.optim_step().metrics == {}


def test_log_probabilities_are_those_of_transformers_at_each_tokens_place(opened: Callable[..., Session]) -> None:
    session = opened()
    first, second = session.rows[:2]
    rows = [first, replace(first, id="0"), replace(second, id="0")]  # equal names do not matter
    twin = twin_of(session._loop.model, "eager")
    found = session.log_probabilities(rows)
    for row, logs_T in zip(rows, found, strict=True):
        assert (logs_T.shape, logs_T.dtype) == (row.ids_T.shape, np.float32)
        assert logs_T == pytest.approx(plain_logs(twin, row).detach().numpy(), abs=1e-5)
        assert not logs_T[row.weights_T == 0].any()


def test_measuring_is_validation(opened: Callable[..., Session]) -> None:
    session = opened()
    rows = session.validation_rows
    logs_R = session.log_probabilities(rows)
    weight = sum(row.weights_T[1:].sum() for row in rows)
    loss = -sum((row.weights_T * logs_T).sum() for row, logs_T in zip(rows, logs_R, strict=True)) / weight
    assert session.measure(rows)["loss"] == pytest.approx(float(loss), rel=1e-5)


def test_dropout_stays_on_after_a_question(opened: Callable[..., Session]) -> None:
    session = opened()
    session._loop.model.train()
    session.sample(["hi"], Sampling(max_new_tokens=1))
    session.log_probabilities(session.rows[:1])
    assert session._loop.model.training


@pytest.mark.thorough
def test_a_state_is_gone_on_from_to_the_bit(opened: Callable[..., Session], tmp_path: Path) -> None:
    def take(session: Session, num: int) -> None:
        for rows, _ in zip(session.batches(), range(num), strict=False):
            session.forward_backward(rows)
            session.optim_step()

    whole = opened(noisy)
    take(whole, 5)
    parts = opened(noisy)
    take(parts, 2)
    parts.save_state(tmp_path / "states")
    take(parts, 1)
    parts.save_state(tmp_path / "states")
    again = opened(noisy)
    torch.manual_seed(99)
    assert again.load_state(tmp_path / "nothing") == 0
    assert again.load_state(tmp_path / "states") == 3
    take(again, 2)
    assert same(again._loop, whole._loop)
    assert again._loop.progressed.rows_hash == whole._loop.progressed.rows_hash
    # a damaged state is passed over; one that lies ahead is of another way
    (tmp_path / "states" / "step-00000003" / "weights.safetensors").write_bytes(b"")
    assert again.load_state(tmp_path / "states") == 2
    take(again, 1)
    again.save_state(tmp_path / "states")
    again.load_state(tmp_path / "states")
    assert again.step == 3
    earlier = opened(noisy)
    take(earlier, 1)
    earlier.save_state(tmp_path / "states")
    assert opened(noisy).load_state(tmp_path / "states") == 1


@pytest.mark.thorough
def test_a_saved_model_is_loaded_by_transformers_and_says_what_it_was_made_from(
    opened: Callable[..., Session], tmp_path: Path
) -> None:
    session = opened()
    first = session.save(tmp_path / "model")
    session.forward_backward(session.rows[:4])
    session.optim_step()
    second = session.save(tmp_path / "model")
    other = opened()
    other.forward_backward(other.rows[:4])
    other.optim_step(learning_rate=1e-4)
    assert len({first.key, second.key, other.save(tmp_path / "other").key}) == 3
    inputs = second.manifest.inputs
    assert (inputs["dataset"], inputs["base"], inputs["loop"]) == ("rows", "base", "session")
    assert second.key != session._loop.identity.key()
    loaded = AutoModelForCausalLM.from_pretrained(second.payload)
    row = session.rows[0]
    (found,) = session.log_probabilities([row])
    assert plain_logs(loaded, row).detach().numpy() == pytest.approx(found, abs=1e-5)
    assert json.loads((second.folder / "training.json").read_text())["step"] == 1
    assert (second.payload / "tokenizer.json").is_file()


def test_rendered_conversations_teach_their_answers(opened: Callable[..., Session]) -> None:
    session = opened()
    (row,) = session.render([(Message("user", "hi"), Message("assistant", "forty-two"))])
    taught = row.ids_T[row.weights_T > 0].tolist()
    assert session.chat.decode(taught) == "forty-two"
    assert session.forward_backward([row]).num_tokens == len(row.ids_T)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(TunesmithError) as caught:
        call()
    for language in ("en", "zh"):
        assert caught.value.message(language)
        assert caught.value.hint(language)
    return caught.value.code


def test_what_cannot_be_done_is_told_by_code(opened: Callable[..., Session], tmp_path: Path) -> None:
    session = opened()
    row = session.rows[0]
    unsupervised = replace(row, weights_T=np.zeros_like(row.weights_T))
    long = random_row(np.random.default_rng(0), "long", [], MAX_TOKENS + 1)
    assert code_of(session.optim_step) == "session-nothing-collected"
    for verb in (session.forward_backward, session.log_probabilities, session.measure):
        assert code_of(lambda: verb([])) == "session-unsupervised"  # noqa: B023
        assert code_of(lambda: verb([unsupervised])) == "session-unsupervised"  # noqa: B023
        assert code_of(lambda: verb([row, long])) == "session-row-too-long"  # noqa: B023
    for constant in (lambda logs_R: LossSum(torch.ones(()), 1.0), lambda logs_R: logs_R[0].sum()):
        assert code_of(lambda: session.forward_backward([row], constant)) == "session-no-gradient"  # noqa: B023
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert code_of(lambda: session.save(tmp_path / "mine")) == "session-folder"
    assert (tmp_path / "mine" / "thesis.txt").is_file()
    assert code_of(session.optim_step) == "session-nothing-collected"
    session._loop.head = Head(kind="classification", classes=("a", "b"))
    assert code_of(lambda: session.sample(["hi"])) == "session-head"
    assert code_of(lambda: session.log_probabilities([row])) == "session-head"


def test_a_failure_on_the_way_leaves_no_part_of_the_step(opened: Callable[..., Session]) -> None:
    class Broken(Exception):
        pass

    calls = []

    def objective(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
        calls.append(batch)
        if len(calls) == 3:
            raise Broken
        return sft.loss(model, batch)

    session = opened(objective, 40)
    session.forward_backward(session.rows[:1])
    with pytest.raises(Broken):
        session.forward_backward(session.rows[1:4])
    assert not gradient(session._loop.model).any()
    assert code_of(session.optim_step) == "session-nothing-collected"
    session.forward_backward(session.rows[:1])
    session.discard()
    assert not gradient(session._loop.model).any()


@pytest.mark.parametrize("kind", ["no rows", "too long", "no gradient", "a loss that fails"])
def test_whatever_fails_leaves_no_gradient_of_the_step(opened: Callable[..., Session], kind: str) -> None:
    """The next step is that of a session in which nothing failed."""

    def failing(logs_R: Sequence[torch.Tensor]) -> LossSum:
        raise ZeroDivisionError

    session, undisturbed = opened(), opened()
    rows, long = session.rows[:1], random_row(np.random.default_rng(0), "long", [], MAX_TOKENS + 1)
    refused: dict[str, Any] = {
        "no rows": ([], None),
        "too long": ([long], None),
        "no gradient": (rows, lambda logs_R: LossSum(torch.ones(()), 1.0)),
        "a loss that fails": (rows, failing),
    }
    session.forward_backward(session.rows[2:4])
    with pytest.raises((TunesmithError, ZeroDivisionError)):
        session.forward_backward(*refused[kind])
    assert not gradient(session._loop.model).any()
    assert code_of(session.optim_step) == "session-nothing-collected"
    for each in (session, undisturbed):
        each.forward_backward(rows)
        each.optim_step()
    assert torch.equal(session._loop.optimizer.master_N, undisturbed._loop.optimizer.master_N)


def test_an_update_that_fails_leaves_no_gradient_that_was_divided(
    opened: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no memory")

    session = opened()
    session.forward_backward(session.rows[:2])
    monkeypatch.setattr(session._loop.optimizer._rule, "apply", fails)
    with pytest.raises(RuntimeError, match="no memory"):
        session.optim_step()
    assert not gradient(session._loop.model).any()
    assert code_of(session.optim_step) == "session-nothing-collected"


def test_a_rate_can_be_given_and_no_gradient_that_is_not_finite_is_taken(opened: Callable[..., Session]) -> None:
    session = opened()
    before = session._loop.optimizer.master_N.clone()
    session.forward_backward(session.rows[:2])
    session.optim_step(learning_rate=0.0)
    assert torch.equal(session._loop.optimizer.master_N, before)
    session.forward_backward(session.rows[:2], lambda logs_R: LossSum(logs_R[0].sum() * torch.nan, 1.0))
    assert not session.optim_step().grad_norm.isfinite()
    assert torch.equal(session._loop.optimizer.master_N, before)
