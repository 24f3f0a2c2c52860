"""Modelfiles: the template of Go's, rendered by a reading of it written here, against the chat's own rendering."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from tiny_models import CONTROL, TEMPLATE, make_model, make_tokenizer, save_model, save_tokenizer
from tokenizers import processors

from tunesmith.chat import Chat, load_chat
from tunesmith.export.gguf import FILE as WEIGHTS
from tunesmith.export.gguf import write_gguf
from tunesmith.export.gguf_tokenizer import gguf_tokenizer
from tunesmith.export.ollama import FILE, MAX_CONTEXT_TOKENS, model_name, pieces_of, write_modelfile
from tunesmith.model.base import find_base
from tunesmith.records import Message, Sampling

DEFAULT_SYSTEM = (
    "{% if messages[0].role != 'system' %}<|system|>You are \"helpful\".{{ '{{x}}' }}<|end|>{% endif %}" + TEMPLATE
)
WITH_BEGIN = "{{ bos_token }}" + TEMPLATE
WITHOUT_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + TEMPLATE
NUMBERED = (
    "{% for m in messages %}{{ '<|' + m.role + '|>' + (loop.index|string if m.role == 'user' else '') + "
    "('<think>\n' + m.reasoning_content + '\n</think>\n\n' if m.reasoning_content is string else '')"
    " + m.content + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
TALKS: tuple[tuple[Message, ...], ...] = (
    (Message("user", "What is it? “x” & {{y}}"),),
    (Message("user", "One"), Message("assistant", "Two\n\nlines"), Message("user", "三")),
    (Message("system", "Brief."), Message("user", "One"), Message("assistant", "1"), Message("user", "Two")),
)


def instructions(text: str) -> list[tuple[str, str]]:
    """What the lines of a Modelfile say; comments are left out."""
    found = []
    for match in re.finditer(r'^(FROM|TEMPLATE|PARAMETER) ("""(.*?)"""|[^\n]*)$', text, re.MULTILINE | re.DOTALL):
        found.append((match[1], match[3] if match[3] is not None else match[2]))
    return found


def go_rendered(template: str, messages: Sequence[Message]) -> str:
    """What Go's text/template makes of the few actions that are used."""
    parts = re.split(r"\{\{ (.*?) \}\}", template)
    system = messages[0].content if messages[0].role == "system" else ""

    def block(at: int, message: Message | None, is_on: bool) -> tuple[int, str]:
        """Text from part `at` up to the action that ends this block, and where that is."""
        written = ""
        while at < len(parts):
            if at % 2 == 0:
                written += parts[at] if is_on else ""
                at += 1
                continue
            action = parts[at]
            if action in ("end",) or action.startswith("else"):
                return at, written
            if action.startswith("if "):
                done = False
                while parts[at] != "end":
                    wanted = parts[at].removeprefix("else").strip()
                    holds = not done and (
                        wanted == ""
                        or (wanted == "if .System" and bool(system))
                        or (message is not None and wanted == f'if eq .Role "{message.role}"')
                    )
                    at, inner = block(at + 1, message, is_on and holds)
                    written += inner
                    done = done or holds
            elif action == "range .Messages":
                start = at + 1
                for each in messages:
                    at, inner = block(start, each, True)
                    written += inner
            elif is_on:
                if action == ".System":
                    written += system
                elif action == ".Content":
                    assert message is not None
                    written += message.content
                else:
                    written += str(json.loads(action))
            at += 1
        return at, written

    return block(0, None, True)[1]


def chat_of(folder: Path, template: str, *, adds_begin: bool = False) -> Chat:
    tokenizer = make_tokenizer((*CONTROL, "<|begin|>"))
    if adds_begin:
        begin = tokenizer.token_to_id("<|begin|>")
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<|begin|> $A", special_tokens=[("<|begin|>", begin)]
        )
    save_tokenizer(folder, tokenizer, template, begin="<|begin|>")
    return load_chat(folder)


def modelfile(folder: Path, chat: Chat, max_tokens: int = 512) -> list[tuple[str, str]]:
    return instructions(
        write_modelfile(folder, "model.gguf", chat, gguf_tokenizer(chat, 320), Sampling(), max_tokens).read_text(
            encoding="utf-8"
        )
    )


@pytest.mark.parametrize("template", [TEMPLATE, DEFAULT_SYSTEM, WITH_BEGIN, WITHOUT_SYSTEM])
@pytest.mark.parametrize("adds_begin", [False, True])
def test_the_template_sends_what_the_model_was_judged_with(tmp_path: Path, template: str, adds_begin: bool) -> None:
    chat = chat_of(tmp_path, template, adds_begin=adds_begin)
    found = dict(modelfile(tmp_path, chat))["TEMPLATE"]
    for talk in TALKS[:2] if template == WITHOUT_SYSTEM else TALKS:
        sent = chat.tokenizer.encode(go_rendered(found, talk), add_special_tokens=True).ids
        expected = chat.prompt_ids(talk)
        begins_itself = template == WITH_BEGIN or not adds_begin
        assert sent == (expected if begins_itself else [chat.begin_id, *expected])


def test_the_embedded_base_and_its_answers(tmp_path: Path) -> None:
    base = find_base("builtin:tiny")
    chat = load_chat(base.folder)
    told = instructions(
        write_modelfile(tmp_path, WEIGHTS, chat, gguf_tokenizer(chat, 4096), Sampling(), base.max_tokens).read_text(
            "utf-8"
        )
    )
    assert told[0] == ("FROM", f"./{WEIGHTS}")
    for talk in TALKS:
        assert go_rendered(dict(told)["TEMPLATE"], talk) == chat.decode_all(chat.prompt_ids(talk))
    parameters = [value for name, value in told if name == "PARAMETER"]
    assert parameters == ["temperature 0", "repeat_penalty 1", "num_ctx 4096", 'stop "<|im_end|>"']


def test_a_template_that_does_more_is_left_to_ollama(tmp_path: Path) -> None:
    chat = chat_of(tmp_path, NUMBERED)
    assert pieces_of(chat) is None
    told = modelfile(tmp_path, chat, max_tokens=10**6)
    assert [name for name, _ in told] == ["FROM", *["PARAMETER"] * 4]
    assert ("PARAMETER", f"num_ctx {MAX_CONTEXT_TOKENS}") in told
    assert "# no TEMPLATE" in (tmp_path / FILE).read_text(encoding="utf-8")


def test_the_command_names_files_that_are_there_and_a_model_that_ollama_takes(tmp_path: Path) -> None:
    merged = save_model(tmp_path / "merged", make_model("qwen2"))
    form = write_gguf(merged, load_chat(merged), tmp_path / "gguf", name="Support Desk 客服 v1")
    created, _, run = form.use["ollama"].partition(" && ")
    words = created.split()
    assert words[:2] == ["ollama", "create"]
    assert words[3] == "-f"
    assert run == f"ollama run {words[2]}"
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,79}", words[2])
    source = dict(instructions((tmp_path / words[4]).read_text(encoding="utf-8")))["FROM"]
    assert (tmp_path / words[4]).parent.joinpath(source).samefile(tmp_path / "gguf" / WEIGHTS)


def test_names() -> None:
    assert model_name("Support Desk v1") == "support-desk-v1"
    assert model_name("客服") == "model"
    assert model_name("-.x" * 60)[:1].isalnum()
    assert len(model_name("a" * 300)) == 80
