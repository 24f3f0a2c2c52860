"""Rows with personal data: masked, rejected, or given pseudonyms that the key alone undoes."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.privacy import PERSONAL_DATA, personal_check, placeholder, redact
from tunesmith.prepare.seal import SEALED, unseal
from tunesmith.recipe.prepare import Personal
from tunesmith.records import Entity, Example, Intent, Message, Rejected
from tunesmith.text.personal import PERSONAL_TYPES, find_personal

KEY = b"a key of thirty-two random bytes"
MASK, REMOVE = Personal(mode="mask"), Personal(mode="remove")
PSEUDONYM = Personal(mode="pseudonym", key="PERSONAL_KEY")


def row(*contents: str, **fields: object) -> Example:
    roles = ("user", "assistant")
    messages = tuple(Message(roles[index % 2], text) for index, text in enumerate(contents))
    return replace(Example("", messages, Place("rows.jsonl", 3)), **fields)


def treated(section: Personal, example: Example, key: bytes | None = None) -> Example:
    check = personal_check(section, key)
    assert check is not None
    outcome = check(example)
    assert isinstance(outcome, Example)
    return outcome


def contents(example: Example) -> list[str]:
    return [message.content for message in example.messages]


def test_off_checks_nothing_and_a_clean_row_passes_untouched() -> None:
    assert personal_check(Personal(), None) is None
    clean = row("How are you?", "很好，谢谢。")
    for section in (MASK, REMOVE):
        assert treated(section, clean) is clean
    assert treated(PSEUDONYM, clean, KEY) is clean


def test_every_text_of_the_row_is_masked_and_every_hit_recorded() -> None:
    example = row("My name is Brunhilda Okwuosa.", "写到 zhang3@qq.com 了", metadata={"email": "x@y.example", "n": "1"})
    answer = replace(example.messages[1], reasoning="Her card 4111111111111111?")
    example = replace(
        example, messages=(example.messages[0], answer), rejected=Message("assistant", "Call 13812345678")
    )
    masked = treated(MASK, replace(example, changes=("clean.mojibake",)))
    assert contents(masked) == ["My name is [NAME].", "写到 [EMAIL] 了"]
    assert masked.answer.reasoning == "Her card [CARD]?"
    assert masked.rejected == Message("assistant", "Call [PHONE]")
    assert masked.metadata == {"email": "[EMAIL]", "n": "1"}
    assert masked.changes[0] == "clean.mojibake"
    assert sorted(masked.changes[1:]) == [
        "personal.card", "personal.email", "personal.email", "personal.name", "personal.phone"
    ]  # fmt: skip


def test_remove_names_the_types() -> None:
    check = personal_check(REMOVE, None)
    assert check is not None
    outcome = check(row("mail a@b.example or c@d.example", "ok"))
    assert outcome == Rejected(Place("rows.jsonl", 3), PERSONAL_DATA, "email 2")


def test_only_the_chosen_types_are_treated() -> None:
    section = Personal(mode="mask", types=("phone",))
    assert contents(treated(section, row("a@b.example, 13812345678", "ok"))) == ["a@b.example, [PHONE]", "ok"]


def test_the_recipe_offers_every_type() -> None:
    assert set(Personal().types) == set(PERSONAL_TYPES)
    assert {placeholder(kind) for kind in PERSONAL_TYPES} >= {"[ID_CARD]", "[BIRTH_DATE]"}


def test_a_person_named_in_full_is_found_again_by_a_part_of_the_name() -> None:
    example = row("I am Maria Keller.", "Thank you, Maria. Mariana and May stay.")
    assert contents(treated(MASK, example)) == ["I am [NAME].", "Thank you, [NAME]. Mariana and May stay."]
    made = contents(treated(PSEUDONYM, example, KEY))
    first = made[0].removeprefix("I am ").split()[0]
    assert made[1] == f"Thank you, {first}. Mariana and May stay."
    assert contents(treated(MASK, row("我叫田慧敏。", "好的慧敏，再见。"))) == ["我叫[NAME]。", "好的[NAME]，再见。"]


def test_a_value_has_one_pseudonym_in_all_rows() -> None:
    one = treated(PSEUDONYM, row("Call 13812345678", "ok"), KEY)
    other = treated(PSEUDONYM, row("ok", "it was 138-1234-5678!"), KEY)
    number = one.messages[0].content.removeprefix("Call ")
    assert other.messages[1].content.replace("-", "") == f"it was {number}!"
    assert treated(PSEUDONYM, row("Call 13812345678", "ok"), KEY[::-1]) != one


def test_the_key_gives_the_row_back() -> None:
    example = row(
        *("我叫田慧敏，住在澜川市云栖区听雨街7号，慧敏。", "Dear Maria Keller, 4111 1111 1111 1111 is blocked, Maria."),
        metadata={"customer_name": "Ottoline Quarshie", "id": "7"},
        group="a@b.example",
        rejected=Message("assistant", "born on 5 May 1985", reasoning="SSN 078-05-1120"),
        annotations=(Entity("person", 2, 5, "田慧敏"), Intent("block"), Entity("noise", 90, 95, "田慧敏x")),
        changes=("clean.mojibake",),
    )
    made = treated(PSEUDONYM, example, KEY)
    assert made != example
    originals = [
        "田慧敏",
        "慧敏",
        "听雨街",
        "Maria",
        "Keller",
        "1111 1111",
        "Ottoline",
        "a@b.example",
        "5 May",
        "078-05",
    ]
    text = json.dumps([repr(made)], ensure_ascii=False)
    assert [value for value in originals if value in text] == []
    assert unseal(made, KEY) == example
    entity = made.annotations[0]
    assert isinstance(entity, Entity)
    assert made.messages[0].content[entity.start : entity.end] == entity.text


def test_the_seal_holds() -> None:
    made = treated(PSEUDONYM, row("mail a@b.example", "ok"), KEY)
    assert treated(PSEUDONYM, row("mail a@b.example", "ok"), KEY) == made
    for key in (KEY[::-1], KEY + b"x"):
        with pytest.raises(TunesmithError, match="personal-key-wrong"):
            unseal(made, key)
    forged = replace(made, metadata={SEALED: made.metadata[SEALED][:-4] + "AAAA"})
    with pytest.raises(TunesmithError, match="personal-key-wrong"):
        unseal(forged, KEY)
    edited = replace(made, messages=(Message("user", "something else"), made.messages[1]))
    with pytest.raises(TunesmithError, match="personal-row-changed"):
        unseal(edited, KEY)
    assert unseal(row("a", "b"), KEY) == row("a", "b")


def test_pseudonyms_need_a_key_worth_its_name() -> None:
    with pytest.raises(TunesmithError, match="personal-key-missing"):
        personal_check(PSEUDONYM, None)
    with pytest.raises(TunesmithError, match="personal-key-short"):
        personal_check(PSEUDONYM, b"short")
    with pytest.raises(ValidationError, match="pseudonym"):
        Personal(mode="pseudonym")


def test_an_answer_that_says_the_label_stays() -> None:
    example = row("Who wrote it? a@b.example", "I am Maria Keller", label="I am Maria Keller")
    assert contents(treated(MASK, example)) == ["Who wrote it? [EMAIL]", "I am Maria Keller"]


def test_a_group_hides_its_value_and_keeps_its_rows() -> None:
    one, two, three = (
        treated(MASK, row("hi", "ok", group=group)).group for group in ("a@b.example", "a@b.example", "c@b.example")
    )
    assert one == two != three
    assert one is not None
    assert "@" not in one
    assert treated(REMOVE, row("hi", "ok", group="a@b.example")).group == one
    # her name shows in one of her rows, and they stay together
    told, untold = (
        treated(MASK, row(text, "ok", group="Anna"))
        for text in ("Hello, my name is Anna Smith. Anna needs help", "Where is my card?")
    )
    assert told.group == untold.group != "Anna"
    assert told.messages[0].content == "Hello, my name is [NAME]. [NAME] needs help"


def test_entities_move_with_the_text() -> None:
    text = "mail a@b.example about the red car"
    example = row(text, "ok", annotations=(Entity("thing", 27, 34, "red car"), Entity("mail", 5, 16, "a@b.example")))
    thing, mail = treated(MASK, example).annotations
    assert (thing, mail) == (Entity("thing", 23, 30, "red car"), Entity("mail", 5, 12, "[EMAIL]"))
    inside = row(text, "ok", annotations=(Entity("host", 7, 8, "b"),))
    assert treated(MASK, inside).annotations == (Entity("host", 5, 12, "[EMAIL]"),)


def test_redact_masks_a_raw_row() -> None:
    assert redact('{"text": "mail a@b.example"}') == '{"text": "mail [EMAIL]"}'


def test_a_check_can_be_sent_to_another_process() -> None:
    check = pickle.loads(pickle.dumps(personal_check(PSEUDONYM, KEY)))
    assert check(row("mail a@b.example", "ok")) == treated(PSEUDONYM, row("mail a@b.example", "ok"), KEY)


@pytest.mark.thorough
def test_no_model_library_is_loaded_without_a_model() -> None:
    code = (
        "import sys; from tunesmith.prepare.privacy import personal_check\n"
        "from tunesmith.recipe.prepare import Personal\n"
        "personal_check(Personal(mode='mask'), None); print('transformers' in sys.modules, 'torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["False", "False"]


def test_a_model_adds_names_to_the_rules(tmp_path: Path) -> None:
    """A tiny BERT whose head calls the token of `zork` a person, whatever stands around it."""
    import torch
    from transformers import BertConfig, BertForTokenClassification, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "zork", "the", "machine", "said"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    labels = {0: "O", 1: "B-PER", 2: "B-LOC"}
    config = BertConfig(
        vocab_size=len(words), hidden_size=len(words), num_hidden_layers=0, num_attention_heads=1, intermediate_size=4,
        max_position_embeddings=32, id2label=labels, label2id={name: index for index, name in labels.items()},
    )  # fmt: skip
    model = BertForTokenClassification(config)
    with torch.no_grad():
        embeddings = model.bert.embeddings
        embeddings.word_embeddings.weight.copy_(torch.eye(len(words)))
        embeddings.position_embeddings.weight.zero_()
        embeddings.token_type_embeddings.weight.zero_()
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
        model.classifier.weight[1, words.index("zork")] = 5.0
    model.save_pretrained(tmp_path)
    section = Personal(mode="mask", model=str(tmp_path))
    # longer than the model's window, so that it must read in several
    text = "the machine said " * 30 + "zork said a@b.example"
    assert find_personal("zork") == []
    assert contents(treated(section, row(text, "zork"))) == [
        text.replace("zork", "[NAME]").replace("a@b.example", "[EMAIL]"), "[NAME]"
    ]  # fmt: skip
    with pytest.raises(TunesmithError, match="personal-model"):
        treated(Personal(mode="mask", model=str(tmp_path / "absent")), row("hi", "ok"))
