"""What the guard lets out breaks no rule, and is the same however an answer is cut into pieces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from guard_material import SayingEngine, chat, server
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.metrics.content import Rule, broken_rules
from tunesmith.recipe.serve import Guard
from tunesmith.records import Message
from tunesmith.serve.guard import MAX_PIECE_CHARACTERS, AnswerGuard, ContentGuard
from tunesmith.text.personal import find_personal

RULES = [
    {"name": "rivals", "words": ["Acme", "slot machine", "宏图公司"]},
    {"name": "cards", "patterns": [r"\b[0-9]{16}\b", r"code\s+red"]},
    {"name": "advice", "topics": ["medical"]},
]
REPLY = {"en": "I would rather not.", "zh": "这个我不便回答。"}
ASKED = (Message("user", "Where is my parcel? Write to ann.asked@example.org."),)
HARD = [
    "Ask Acme about it.",
    "We are better than Acmeware, and cheaper.",
    "A slot\n\n  machine stands there.",
    "It says code red. Now code\nred again!",
    "Your card is 4111111111111111 I think.",
    "Take a dose. Then another sentence. Then see a symptom of it.",
    "去宏图公司问问。好的！",
    "没有问题。请稍候……我马上查！",
    "Write to eve.eavesdropper@example.com or ann.asked@example.org soon.",
    "Call +1 415 555 0132 today, or 13800138000 tomorrow.",
    "My name is John Peterson. Dr. Alice Cooper lives at 12 Baker Street, London.",
    "我叫张伟明，电话是13912345678。",
    "x" * 900,
    "word " * 200,
    "字" * 850,
    'Look! "Really?" he asked (twice). Fine.\n\n- one\n- two,\n- three:\nfour',
    "a" * MAX_PIECE_CHARACTERS + ". b",
]


def content_guard(**section: Any) -> ContentGuard:
    return ContentGuard(Guard.model_validate({"reply": REPLY, **section}))


def answered(guard: AnswerGuard, pieces: Sequence[str], thinking: Sequence[str] = ()) -> tuple[str, str]:
    """(thinking, answer) as they go out, by the calls that a route makes."""
    reasoning = "".join(map(guard.feed_reasoning, thinking)) + guard.finish_reasoning()
    content = "".join(map(guard.feed, pieces)) + guard.finish()
    assert guard.finish() == ""
    return reasoning, content


def cut(text: str, places: Sequence[int]) -> list[str]:
    edges = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:stop] for start, stop in pairwise(edges)]


TEXTS = st.lists(st.sampled_from([*HARD, " ", "\n", "Dr. ", "？", "so on. "]), min_size=1, max_size=5).map("".join)
SECTIONS = st.fixed_dictionaries(
    {
        "answers": st.sampled_from([[], RULES, RULES[:1], RULES[1:]]),
        "personal": st.sampled_from(["allow", "mask", "refuse"]),
        "max_answer_characters": st.sampled_from([None, 1, 30, 700]),
    }
)


@pytest.mark.thorough
@settings(max_examples=80, deadline=None)
@given(
    text=TEXTS,
    thought=st.sampled_from(["", "Let me see. ", "Acme comes to mind. So "]),
    section=SECTIONS,
    places=st.lists(st.integers(0, 5000), max_size=30),
    every=st.booleans(),
)
def test_an_answer_is_judged_the_same_however_it_is_cut(
    text: str, thought: str, section: dict[str, Any], places: list[int], every: bool
) -> None:
    guard = content_guard(**section)
    whole, streamed = guard.answering(ASKED), guard.answering(ASKED)
    expected = answered(whole, [text], [thought])
    pieces = list(text) if every else cut(text, places)
    assert answered(streamed, pieces, cut(thought, places)) == expected
    assert (streamed.rules, streamed.finish_reason, streamed.is_over) == (
        whole.rules,
        whole.finish_reason,
        whole.is_over,
    )


@pytest.mark.thorough
@settings(max_examples=60, deadline=None)
@given(text=TEXTS, places=st.lists(st.integers(0, 5000), max_size=20))
def test_nothing_that_breaks_a_rule_ever_goes_out_and_nothing_else_is_held_back(text: str, places: list[int]) -> None:
    """Against the check of whole answers that evaluation uses."""
    content = content_guard(answers=RULES)
    guard = content.answering(ASKED)
    rules = [Rule(section) for section in content.section.answers]
    told = ""
    for piece in cut(text, places):
        told += guard.feed(piece)
        assert broken_rules(told, rules) == []
        assert text.startswith(told)
    told += guard.finish()
    if guard.finish_reason is None:
        assert told == text
        assert broken_rules(text, rules) == []
    else:
        assert told.endswith(REPLY["en"])
        kept = told.removesuffix(REPLY["en"])
        assert text.startswith(kept)
        assert broken_rules(text, rules)
        assert guard.rules == tuple(dict.fromkeys(b.rule for b in broken_rules(text, rules)))[: len(guard.rules)] or (
            set(guard.rules) <= {b.rule for b in broken_rules(text, rules)}
        )


@pytest.mark.parametrize("text", HARD)
def test_each_hard_text_breaks_what_it_breaks_as_a_whole(text: str) -> None:
    content = content_guard(answers=RULES)
    found = broken_rules(text, [Rule(section) for section in content.section.answers])
    for pieces in ([text], list(text)):
        guard = content.answering(ASKED)
        told = answered(guard, pieces)[1]
        assert (guard.finish_reason == "content_filter") == bool(found)
        assert set(guard.rules) <= {broken.rule for broken in found}
        assert found or told == text


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("Hello. Ask Acme about it. Bye.", ("rivals",)),
        ("Hello. ACME, slot  machine. Bye.", ("rivals",)),
        ("Hello. The code   red. Bye.", ("cards",)),
        ("Hello. 4111111111111111", ("cards",)),
        ("Hello. A dose of insulin against it.", ("advice",)),
        ("Hello. 去宏图公司吧", ("rivals",)),
    ],
)
def test_a_broken_rule_ends_the_answer_before_its_sentence(text: str, rules: tuple[str, ...]) -> None:
    guard = content_guard(answers=RULES).answering(ASKED)
    assert answered(guard, [text])[1] == f"Hello. {REPLY['en']}"
    assert (guard.rules, guard.finish_reason, guard.is_over) == (rules, "content_filter", True)


def test_one_word_of_a_topic_is_none_and_two_in_different_sentences_are() -> None:
    guard = content_guard(answers=RULES).answering(ASKED)
    assert guard.feed("Take your dose. Ok then. What") == "Take your dose. Ok then. "
    assert guard.feed(" symptom is it? And") == ""
    assert guard.finish() == REPLY["en"]


def test_words_within_words_are_let_through() -> None:
    text = "Acmeware is no rival; a slot-machine is, of course, no machine with a slot. 4111111111111111222."
    guard = content_guard(answers=[{**RULES[0], "words": ["Acme", "slot machine"]}, RULES[1]]).answering(ASKED)
    assert answered(guard, list(text))[1] == text
    assert guard.rules == ()


def test_thinking_that_breaks_a_rule_ends_the_answer_too() -> None:
    guard = content_guard(answers=RULES).answering(ASKED)
    assert answered(guard, ["All is well."], ["Let me think. ", "Acme would do it. "]) == (
        "Let me think. ",
        REPLY["en"],
    )
    assert guard.finish_reason == "content_filter"


def test_without_rules_text_goes_out_as_it_comes() -> None:
    guard = content_guard().answering(ASKED)
    assert guard.is_open
    assert [guard.feed(piece) for piece in ("A", "cme", " is")] == ["A", "cme", " is"]
    assert not content_guard(answers=RULES).answering(ASKED).is_open
    assert not content_guard(personal="mask").answering(ASKED).is_open


def test_the_reply_is_in_the_language_of_the_request() -> None:
    guard = content_guard(requests=RULES)
    for text, reply in (
        ("about Acme?", REPLY["en"]),
        ("宏图公司怎么样？", REPLY["zh"]),
        ("Acme 公司怎么样", REPLY["zh"]),
    ):
        verdict = guard.refuses([Message("user", text)])
        assert verdict is not None
        assert (verdict.reply, verdict.rules) == (reply, ("rivals",))
    plain = ContentGuard(Guard.model_validate({"requests": RULES}))
    replies = [plain.refuses([Message("user", text)]) for text in ("about Acme?", "宏图公司怎么样？")]
    assert [verdict.reply for verdict in replies if verdict] == [
        "I cannot help with that.",
        "抱歉，这个问题我无法回答。",
    ]
    assert guard.refuses([Message("user", "Where is my parcel?")]) is None


@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
def test_no_role_carries_a_request_past_the_rules(role: Any) -> None:
    guard = content_guard(requests=RULES)
    assert guard.refuses([Message(role, "Acme"), Message("user", "Go on.")]) is not None


def test_the_thinking_in_a_request_is_held_to_the_rules_too(tmp_path: Path) -> None:
    """Templates that keep thinking show it to the model, and a caller may write any."""
    asked = [
        {"role": "user", "content": "Go on."},
        {"role": "assistant", "content": "", "reasoning_content": "I will praise Acme."},
    ]
    engine = SayingEngine()
    served = server(tmp_path, {"guard": {"requests": RULES, "reply": REPLY}}, engine)
    answer = served.ask("POST", "/v1/chat/completions", chat(messages=asked))
    assert (answer.text, answer.json["tunesmith"]["guarded"]) == (REPLY["en"], ["rivals"])
    assert engine.num_submitted == 0
    known = content_guard(personal="mask").answering([Message("assistant", "", "It is eve@example.com.")])
    assert answered(known, ["Write to eve@example.com."])[1] == "Write to eve@example.com."


def test_personal_data_is_masked_unless_the_request_holds_it() -> None:
    guard = content_guard(personal="mask").answering((*ASKED, Message("user", "I am at +1 (415) 555-0132.")))
    text = "Write to eve@example.com or ann.asked@example.org. Call 4155550132 or 13912345678 today."
    told = answered(guard, list(text))[1]
    assert told == "Write to [EMAIL] or ann.asked@example.org. Call 4155550132 or [PHONE] today."
    assert (guard.rules, guard.finish_reason) == (("personal",), None)


def test_personal_data_is_refused_where_the_recipe_says_so() -> None:
    guard = content_guard(personal="refuse").answering(ASKED)
    told = answered(guard, list("All is well today. Write to eve@example.com. Bye."))[1]
    assert told == f"All is well today. {REPLY['en']}"
    assert (guard.rules, guard.finish_reason) == (("personal",), "content_filter")
    guard = content_guard(personal="refuse").answering(ASKED)
    assert answered(guard, ["I wrote to ann.asked@example.org."])[1] == "I wrote to ann.asked@example.org."


@pytest.mark.parametrize(
    "text",
    [
        "Please call Dr. Alice Cooper. She knows.",
        "My name is John Peterson. I live at 12 Baker Street, London NW1 6XE.\nMy card is 4111 1111 1111 1111.",
        "客户：张伟明\n电话：13912345678\n邮箱：zhang@example.cn",
        "Name: John Peterson\nE-mail: john@example.com\nPhone: +1 415 555 0132\n",
    ],
)
def test_what_is_found_in_a_whole_text_is_masked_in_its_pieces_too(text: str) -> None:
    guard = content_guard(personal="mask").answering((Message("user", "Who?"),))
    told = answered(guard, list(text))[1]
    found = [text[span.start : span.stop] for span in find_personal(text)]
    assert found
    assert [value for value in found if value in told] == []


def test_an_address_that_began_in_the_line_before_is_masked_to_its_end() -> None:
    guard = content_guard(personal="mask").answering(ASKED)
    told = answered(guard, list("He lives at 12 Baker Street\nLondon NW1 6XE today."))[1]
    assert told == "He lives at [ADDRESS]\n[ADDRESS] today."


def test_an_answer_is_cut_at_its_length() -> None:
    guard = content_guard(max_answer_characters=11, answers=RULES).answering(ASKED)
    assert answered(guard, list("Hello world, this is long. Acme."))[1] == "Hello world"
    assert (guard.finish_reason, guard.rules) == ("length", ())
    exact = content_guard(max_answer_characters=5).answering(ASKED)
    assert answered(exact, ["Hello"])[1] == "Hello"


def test_half_a_surrogate_pair_cannot_hide_a_word() -> None:
    guard = content_guard(answers=RULES).answering(ASKED)
    assert answered(guard, ["\ud800Acme\udc00 \ud800 Acme"])[1].endswith(REPLY["en"])
    assert guard.rules == ("rivals",)


def test_the_guard_holds_over_http_streamed_or_not(tmp_path: Path) -> None:
    engine = SayingEngine(("Hello. As", "k Ac", "me about it. ", "Bye."))
    served = server(
        tmp_path, {"guard": {"answers": RULES, "requests": RULES, "reply": REPLY}, "record": "full"}, engine
    )
    whole = served.ask("POST", "/v1/chat/completions", chat())
    assert (whole.text, whole.json["choices"][0]["finish_reason"]) == (f"Hello. {REPLY['en']}", "content_filter")
    assert whole.json["tunesmith"]["guarded"] == ["rivals"]
    streamed = served.ask("POST", "/v1/chat/completions", chat(stream=True)).body.decode()
    assert "Acme" not in streamed
    assert "Ac" not in streamed
    assert REPLY["en"] in streamed
    refused = served.ask("POST", "/v1/chat/completions", chat("Is Acme better?"))
    assert refused.text == REPLY["en"]
    assert engine.num_submitted == 2
    served.store.flush()
    exchange = served.store.exchange(whole.json["tunesmith"]["exchange"])
    assert exchange is not None
    assert (exchange.guarded, exchange.answer and exchange.answer.content) == (("rivals",), f"Hello. {REPLY['en']}")
    assert 'tunesmith_guard_hits_total{rule="rivals"} 3.0' in served.ask("GET", "/metrics").body.decode()
