"""The peer that chooses labels against a loop written out, and what is held against each other."""

from __future__ import annotations

import pytest
import torch
from tiny_models import make_model, save_model

from benchmarks import label_scoring
from benchmarks.label_peer import LabelTrie, Peer, Prompt, from_greedy
from benchmarks.label_scoring import BATCHED, LOOP, OURS, SORTED, Round, Scale, Sides, Subject, Turn
from tunesmith.records import Message

NAMES = ("card", "card lost", "card stolen", "cash", "问题", "an apple", "a pear")
PROMPTS: list[Prompt] = [
    (Message("user", text),)
    for text in ("hi", "What is the answer?", "问题的答案是什么？请一步一步地思考。", "7 apples")
]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Sides:
    folder = save_model(tmp_path_factory.mktemp("base"), make_model("qwen2", seed=4))
    return Sides(Subject(folder, PROMPTS, NAMES))


def greedy(peer: Peer, prompt_ids: list[int], labels: list[list[int]]) -> int:
    """One token after the other, the likeliest that a label goes on with."""
    written: list[int] = []
    while written not in labels:
        with torch.no_grad():
            logits_V = peer.model(torch.tensor([prompt_ids + written])).logits[0, -1]
        going = {label[len(written)] for label in labels if label[: len(written)] == written}
        written.append(max(sorted(going), key=lambda token: float(logits_V[token])))
    return labels.index(written)


@pytest.mark.thorough
def test_generate_is_held_to_the_labels_and_greedy_among_them(sides: Sides) -> None:
    expected = [greedy(sides.peer, sides.chat.prompt_ids(prompt), sides.label_ids) for prompt in PROMPTS]
    assert len(set(expected)) > 1
    rows = list(range(len(PROMPTS)))
    for size, by_length in ((1, False), (3, False), (4, True), (2, True)):
        assert sides.generate(rows, size, by_length=by_length) == expected
    for row, chosen in zip(rows, expected, strict=True):
        assert from_greedy(sides.label_ids, sides.token_logs(row), chosen) == pytest.approx(0.0, abs=1e-5)


def test_both_programs_find_the_same_likelihoods(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunesmith.engine.candidates.MAX_LEFT_OUT", 0.0)
    for row, scores in enumerate(sides.scores(range(len(PROMPTS)))):
        theirs = sides.peer.likelihoods(PROMPTS[row])
        assert scores == pytest.approx(theirs, rel=1e-5)
        assert [sum(logs) for logs in sides.token_logs(row)] == pytest.approx(theirs, rel=1e-5)


def test_a_trie_allows_what_labels_go_on_with() -> None:
    trie = LabelTrie.of([[3, 1], [3, 4, 1], [5, 1]], vocab_size=7)
    assert trie.allowed_SV[0].nonzero()[:, 0].tolist() == [3, 5]
    behind_three = int(trie.next_SV[0, 3])
    assert trie.allowed_SV[behind_three].nonzero()[:, 0].tolist() == [1, 4]
    behind_four = int(trie.next_SV[behind_three, 4])
    assert trie.allowed_SV[behind_four].nonzero()[:, 0].tolist() == [1]


def test_the_distance_from_greedy_is_that_of_the_worst_token() -> None:
    labels = [[3, 1], [3, 4, 1], [5, 1]]
    logs = [[-0.5, -2.0], [-0.5, -0.2, -0.1], [-0.9, -0.1]]
    # the third label is likelier than the second, which greedy decoding writes
    assert from_greedy(labels, logs, 1) == 0.0
    assert from_greedy(labels, logs, 0) == pytest.approx(1.8)
    assert from_greedy(labels, logs, 2) == pytest.approx(0.4)


def round_of(ours: float, loop: float, batched: float, in_order: float, load: float = 0.0) -> Round:
    seconds = {OURS: ours, LOOP: loop, BATCHED: batched, SORTED: in_order}
    return Round({side: Turn((0, 1), (1, 1), each) for side, each in seconds.items()}, load)


def test_ratios_are_medians_over_rounds() -> None:
    rounds = [round_of(1.0, 5.0, 2.0, 1.0), round_of(2.0, 8.0, 6.0, 3.0), round_of(1.0, 9.0, 1.0, 4.0)]
    figures = label_scoring.figures_of(rounds)
    assert figures["ours_rows_per_second"] == 2.0
    assert figures["generate_loop_ratio"] == 5.0
    assert figures["batched_generate_ratio"] == 2.0
    assert figures["sorted_generate_ratio"] == 1.5


def test_answers_are_compared_under_the_same_rule(sides: Sides) -> None:
    rows = range(len(PROMPTS))
    ours, written = sides.ours(rows), sides.generate(rows, 2)
    same = {OURS: dict(zip(rows, ours, strict=True)), LOOP: dict(zip(rows, written, strict=True))}
    found, num = label_scoring.compare_greedy(sides, same)
    assert num == sum(one != other for one, other in zip(ours, written, strict=True))
    assert all(each.margin < 1e-4 for each in found)
    # a label that neither rule gives
    wrong = next(number for number in range(len(NAMES)) if number not in (ours[0], written[0]))
    (one,), num = label_scoring.compare_greedy(sides, {OURS: {0: ours[0]}, LOOP: {0: wrong}})
    assert (one.row, one.ours, one.theirs, num) == (0, ours[0], wrong, 1)
    assert one.margin > 1e-3
    assert label_scoring.compare_likeliest(sides, rows)[0] == []


@pytest.mark.thorough
def test_rounds_are_taken_until_enough_were_on_an_idle_machine(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = iter([1.0, 0.0, 0.1])
    monkeypatch.setattr(label_scoring, "watch_machine", lambda: next(loads))
    scale = Scale(2, 1, 2, 2, (2,), 1, num_threads=1)
    rounds = label_scoring.take_rounds(sides, scale, 2)
    assert [each.load for each in rounds] == [0.0, 0.1]
    assert all(set(each.turns) == {OURS, LOOP, BATCHED, SORTED} for each in rounds)
    monkeypatch.setattr(label_scoring, "watch_machine", lambda: 1.0)
    busy = label_scoring.take_rounds(sides, scale, 2)
    assert len(busy) == 4
    (reason,) = label_scoring._busy(busy, scale)
    assert "4 of 4" in reason
