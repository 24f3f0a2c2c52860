"""A server asked over HTTP: what its client hears, and what is made of a reply that is not what the engine wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client
from openai import OpenAI
from serving_material import LABELS, TUNED, ScriptedEngine, deployed, says

from tunesmith.chat import Chat, load_chat
from tunesmith.errors import RunFailed
from tunesmith.lifecycle.certificate.answers import Wrote, refuse_altered
from tunesmith.lifecycle.certificate.over_http import Asker, Reply, is_sayable
from tunesmith.model.base import find_base
from tunesmith.records import Message
from tunesmith.serve.classify import text_of
from tunesmith.serve.deployment import Facts
from tunesmith.serve.run import serving_beside

PROMPT = (Message("system", "Be brief."), Message("user", "Where?"), Message("assistant", "There.", "hm"))
ASKED = (*PROMPT, Message("user", "我的包裹在哪里？"))
# a line separator, which is no end of a line to the wire, and tags that come in parts
PIECES = ("<th", "ink>one", " two</th", "ink>\n\n", "On\u2028its", " way. 好的", "。 ")


@contextmanager
def asking(folder: Path, engine: ScriptedEngine, **section: Any) -> Iterator[tuple[Asker, str]]:
    with (
        deployed(folder, engine, {"record": "off", **section}) as deployment,
        serving_beside(deployment) as address,
        Client(base_url=f"{address}/", timeout=30, trust_env=False) as http,
    ):
        yield Asker(http, TUNED), address


@pytest.mark.thorough
def test_whole_and_streamed_it_is_what_openais_own_client_hears(tmp_path: Path) -> None:
    engine = ScriptedEngine(says(*PIECES))
    with asking(tmp_path, engine) as (asker, address):
        whole = asker.whole(ASKED, logprobs=True, max_tokens=9, temperature=0.0)
        streamed = asker.streamed(ASKED, max_tokens=9)
        client = OpenAI(base_url=address, api_key="none", max_retries=0)
        theirs = client.chat.completions.create(model=TUNED, messages=[{"role": "user", "content": "Where?"}])
    message = theirs.choices[0].message
    assert message.model_extra is not None
    expected = Message("assistant", str(message.content), message.model_extra["reasoning_content"])
    assert expected == Message("assistant", "On\u2028its way. 好的。", "one two")
    assert whole.messages == streamed.messages == (expected,)
    assert whole.finish_reasons == streamed.finish_reasons == ("stop",)
    assert whole.num_prompt_tokens == streamed.num_prompt_tokens == theirs.usage.prompt_tokens  # type: ignore[union-attr]
    assert whole.num_tokens == streamed.num_tokens == theirs.usage.completion_tokens  # type: ignore[union-attr]
    assert whole.log_probabilities == (-0.5,) * len(PIECES)
    assert streamed.log_probabilities == ()
    first, second, _ = engine.asked
    assert first.prompt == second.prompt == ASKED
    assert (first.sampling.temperature, first.sampling.max_new_tokens, first.adapter) == (0.0, 9, TUNED)


@pytest.mark.thorough
def test_labels_are_asked_as_texts_and_as_conversations(tmp_path: Path) -> None:
    with asking(tmp_path, ScriptedEngine()) as (asker, _):
        rows = asker.probabilities(LABELS, input=["my billing", "a delivery"])
        (row,) = asker.probabilities(LABELS[::-1], messages=[{"role": "user", "content": "my billing"}])
    assert [len(each) for each in rows] == [3, 3]
    assert rows[0].index(max(rows[0])) == 0
    assert rows[1].index(max(rows[1])) == 1
    assert row == rows[0][::-1]


@pytest.mark.thorough
def test_what_the_server_refuses_is_told(tmp_path: Path) -> None:
    with asking(tmp_path, ScriptedEngine(), limits={"max_new_tokens": 5}) as (asker, _):
        for ask in (asker.whole, asker.streamed):
            with pytest.raises(RunFailed) as caught:
                ask(ASKED, max_tokens=6)
            assert (caught.value.code, caught.value.parameters["status"]) == ("certificate-http", 400)
            assert "max_tokens" in caught.value.message()
            assert caught.value.hint("zh")
    failing = ScriptedEngine(lambda request: RunFailed("engine-numbers"))
    with asking(tmp_path, failing) as (asker, _), pytest.raises(RunFailed) as caught:
        asker.streamed(ASKED)
    assert caught.value.code == "certificate-http"


@pytest.fixture(scope="module")
def chat() -> Chat:
    return load_chat(find_base("builtin:tiny").folder)


def wrote(chat: Chat, text: str, *, ends: bool = True, cut: int | None = None) -> Wrote:
    ids = chat.tokenizer.encode(text, add_special_tokens=False).ids[:cut]
    return Wrote((*ids, *([chat.end_id] if ends else ())), 11, chat)


def reply(message: Message, of: Wrote) -> Reply:
    return Reply((message,), (of.finish_reason,), of.num_prompt_tokens, len(of.ids))


def test_a_reply_is_what_the_engine_wrote(chat: Chat) -> None:
    plain = wrote(chat, " It is on its way. \n")
    assert plain.message == Message("assistant", "It is on its way.")
    assert (plain.finish_reason, plain.is_ended) == ("stop", True)
    refuse_altered(plain, reply(Message("assistant", "It is on its way."), plain))
    thinking = wrote(chat, "<think>\nhm\n</think>\n\nYes.")
    refuse_altered(thinking, reply(Message("assistant", "Yes.", "hm"), thinking))
    silent = wrote(chat, "<think></think>Yes.")
    refuse_altered(silent, reply(Message("assistant", "Yes."), silent))


def test_half_a_character_at_the_end_is_never_told(chat: Chat) -> None:
    text = "好的，谢谢鑫龘"
    whole = wrote(chat, text, ends=False)
    cuts = [wrote(chat, text, ends=False, cut=cut) for cut in range(1, len(whole.ids))]
    halves = [each for each in cuts if chat.decode(each.ids).endswith("\ufffd")]
    assert halves
    for each in halves:
        assert each.finish_reason == "length"
        assert text.startswith(each.message.content)


def test_a_stream_may_tell_a_closing_tag_that_nothing_opened(chat: Chat) -> None:
    odd = wrote(chat, "hm</think>Yes.")
    assert odd.message == Message("assistant", "Yes.", "hm")
    streamed = reply(Message("assistant", "hm</think>Yes."), odd)
    refuse_altered(odd, streamed, tells_as_it_comes=True)
    with pytest.raises(RunFailed):
        refuse_altered(odd, streamed)
    opened = wrote(chat, "<think>hm</think>Yes.")
    assert opened.as_it_came is None
    with pytest.raises(RunFailed):
        refuse_altered(opened, reply(Message("assistant", "<think>hm</think>Yes."), opened), tells_as_it_comes=True)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_reply_that_says_anything_else_is_refused(chat: Chat, language: Any) -> None:
    whole = wrote(chat, "<think>hm</think>It is on its way.")
    right = reply(Message("assistant", "It is on its way.", "hm"), whole)
    wrong = {
        "answer": [
            replace(right, messages=(Message("assistant", "It is on its way", "hm"),)),
            replace(right, messages=(Message("assistant", "It is on its way."),)),
            replace(right, messages=(Message("assistant", "hm It is on its way."),)),
        ],
        "usage": [
            replace(right, finish_reasons=("length",)),
            replace(right, num_prompt_tokens=12),
            replace(right, num_tokens=right.num_tokens - 1),
        ],
    }
    refuse_altered(whole, right)
    for what, replies in wrong.items():
        for each in replies:
            with pytest.raises(RunFailed) as caught:
                refuse_altered(whole, each)
            assert caught.value.code == "certificate-altered"
            assert caught.value.parameters["what"].key == f"certificate.altered.{what}"  # type: ignore[attr-defined]
            assert caught.value.message(language)
            assert "export.forms=[gguf]" in caught.value.hint(language)


def test_a_text_is_known_again_in_the_words_around_it() -> None:
    facts = Facts(TUNED, "adapter", system="Be brief.", user_style="Q: {prompt}\nA:")
    asked = (Message("system", "Be brief."), Message("user", "Q: Where?\nA:"))
    assert text_of(asked, facts) == "Where?"
    assert text_of(asked[1:], facts) is None
    assert text_of((asked[0], Message("user", "Where?")), facts) is None
    assert text_of((asked[0], Message("user", "Q: \nA:")), facts) is None
    assert text_of((Message("user", "Where?"),), Facts(TUNED, "adapter")) == "Where?"


def test_what_tools_said_fits_into_no_request() -> None:
    assert is_sayable(ASKED)
    assert not is_sayable((*ASKED, Message("tool", "42")))
    assert not is_sayable(())
