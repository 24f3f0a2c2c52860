"""Random models held to JSON, checked by a JSON parser and by jsonschema."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from engine_material import asking, hear
from tiny_models import TEMPLATE, VOCABULARY, make_chat, make_model

from tunesmith.engine.batching import BatchingEngine
from tunesmith.engine.interface import Request
from tunesmith.engine.json_mask import JsonMasks
from tunesmith.errors import TunesmithError

SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["card", "cash"]},
        "count": {"type": "integer", "minimum": 0, "maximum": 99},
        "sure": {"type": "boolean"},
    },
    "required": ["kind", "count", "sure"],
    "additionalProperties": False,
}


@pytest.mark.thorough
def test_answers_follow_the_schema(tmp_path: Path) -> None:
    engine = BatchingEngine(make_model("qwen2", seed=4), make_chat(tmp_path), max_tokens=1024)
    try:
        plain = asking("hi", max_new_tokens=700)
        requests = [
            replace(plain, json_schema=SCHEMA, sampling=replace(plain.sampling, temperature=temperature, seed=seed))
            for temperature, seed in ((1.0, 0), (1.0, 1), (1.0, 2))
        ]
        *held, free = hear(engine, [*requests, asking("hi")])
        assert free.ids == hear(engine, [asking("hi")])[0].ids  # nobody else is held to it
        assert len({heard.text for heard in held}) > 1
        for heard in held:
            assert heard.last.finish_reason == "stop"
            jsonschema.validate(json.loads(heard.text), SCHEMA)
    finally:
        engine.close()


def test_any_object_is_json_without_a_schema(tmp_path: Path) -> None:
    engine = BatchingEngine(make_model("qwen2", seed=4), make_chat(tmp_path), max_tokens=256)
    try:
        (heard,) = hear(engine, [replace(asking("hi", max_new_tokens=5), is_json=True)])
        assert heard.text.lstrip().startswith("{")
    finally:
        engine.close()


def test_thinking_that_the_prompt_has_opened_is_free(tmp_path: Path) -> None:
    chat = make_chat(tmp_path, TEMPLATE.replace("{{ '<|assistant|>' }}", "{{ '<|assistant|><think>\n' }}"))
    assert chat.prefilled
    mask = JsonMasks(chat, VOCABULARY).mask(SCHEMA)
    for token in chat.tokenizer.encode("so }{ on </think>", add_special_tokens=False).ids:
        assert mask.allowed() is None
        assert not mask.take(token, chat.decode_all([token]))
    written = chat.tokenizer.encode('{"kind":"card","count":7,"sure":true}', add_special_tokens=False).ids
    ends = []
    for token in written:
        allowed_V = mask.allowed()
        assert allowed_V is not None
        assert allowed_V.shape == (VOCABULARY,)
        assert allowed_V[token]
        assert not allowed_V[chat.tokenizer.token_to_id("<|user|>")]
        ends.append(mask.take(token, chat.decode_all([token])))
    assert ends == [False] * (len(written) - 1) + [True]


def test_a_schema_that_cannot_be_followed_is_refused(tmp_path: Path) -> None:
    engine = BatchingEngine(make_model("qwen2", seed=4), make_chat(tmp_path), max_tokens=256)
    try:
        for schema in ({"type": "nothing"}, {"type": "string", "pattern": "("}):
            with pytest.raises(TunesmithError) as failure:
                engine.submit(Request("hi", asking("hi").sampling, json_schema=schema), lambda delta: None)
            assert failure.value.code == "json-schema"
            assert failure.value.message("zh") != failure.value.message("en")
    finally:
        engine.close()
