"""What each recording policy keeps, and how pseudonyms hold together."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from store_material import START, exchange, feedback

from tunesmith.errors import TunesmithError
from tunesmith.records import Exchange, Message
from tunesmith.store import Pseudonymiser, Store, open_store, recorded, recorded_feedback
from tunesmith.text.personal import find_personal
from tunesmith.text.personal.pseudonyms import pseudonymised

KEY = bytes(range(32))
PERSONAL = ("Brunhilda Okwuosa", "Okwuosa", "brunhilda@okwuosa.example", "4111111111111111", "13812345678")
ASKED = exchange(
    1,
    subject="brunhilda@okwuosa.example",
    key="0123456789ab",
    prompt=(
        Message("system", "be kind"),
        Message("user", "My name is Brunhilda Okwuosa, write to brunhilda@okwuosa.example."),
        Message("assistant", "Done.", reasoning="Ms. Okwuosa has card 4111111111111111."),
        Message("user", "或打电话13812345678"),
    ),
    answer=Message("assistant", "Dear Brunhilda, all is well."),
    label="letter",
    confidence=0.75,
)


def test_off_keeps_nothing_and_full_keeps_all() -> None:
    said = feedback(1, ASKED, kind="comment", text="I am Brunhilda Okwuosa")
    assert recorded(ASKED, "off", Pseudonymiser(KEY)) is None
    assert recorded_feedback(said, "off", Pseudonymiser(KEY)) is None
    assert recorded(ASKED, "full", Pseudonymiser(KEY)) == ASKED
    assert recorded_feedback(said, "full", Pseudonymiser(KEY)) == said


def test_metadata_keep_no_text_and_no_person() -> None:
    kept = recorded(ASKED, "metadata", Pseudonymiser(KEY))
    assert kept is not None
    lost = {"subject", "prompt", "answer"}
    assert {name: value for name, value in asdict(kept).items() if name not in lost} == {
        name: value for name, value in asdict(ASKED).items() if name not in lost
    }
    assert (kept.subject, kept.prompt, kept.answer) == (None, (), None)
    said = recorded_feedback(feedback(1, ASKED, kind="comment", text="x"), "metadata", Pseudonymiser(KEY))
    assert said is not None
    assert said.text is None


def test_pseudonyms_replace_what_is_personal_in_every_text() -> None:
    kept = recorded(ASKED, "pseudonymised", Pseudonymiser(KEY))
    assert kept is not None
    texts = json.dumps(asdict(kept), ensure_ascii=False, default=str)
    assert not [value for value in PERSONAL if value in texts]
    assert "Brunhilda" not in texts
    first = kept.prompt[1].content
    name = first.removeprefix("My name is ").partition(",")[0]
    assert kept.prompt[2].reasoning is not None
    assert name.split(" ")[-1] in kept.prompt[2].reasoning
    assert kept.answer == Message("assistant", f"Dear {name.split(' ')[0]}, all is well.")
    assert [span.type for span in find_personal(first)] == ["name", "email"]
    assert (kept.prompt[0], kept.label, kept.confidence, kept.key) == (ASKED.prompt[0], "letter", 0.75, ASKED.key)


def test_a_subject_is_an_hmac_of_a_derived_key() -> None:
    derived = hmac.new(KEY, b"tunesmith store subjects\x01", hashlib.sha256).digest()
    expected = "sub-" + hmac.new(derived, "zoë".encode(), hashlib.sha256).hexdigest()[:32]
    assert Pseudonymiser(KEY).subject("zoë") == expected
    assert Pseudonymiser(KEY).subject("\ud800").startswith("sub-")
    none = exchange(1, subject=None, answer=None)
    assert Pseudonymiser(KEY).exchange(none) == none


def test_equal_people_have_equal_pseudonyms_under_one_key() -> None:
    one, same, other = (
        pseudonymised([text], key)[0]
        for text, key in (
            ("My name is Brunhilda Okwuosa.", KEY),
            ("Hello, my name is Brunhilda Okwuosa!", KEY),
            ("My name is Brunhilda Okwuosa.", KEY[::-1]),
        )
    )
    assert one.removeprefix("My name is ").rstrip(".") == same.removeprefix("Hello, my name is ").rstrip("!")
    assert one != other


def test_hostile_text_passes() -> None:
    text = "mail me at a\ud800b@qq.com or \ud800, sk-proj-abc\ud83d0123456789012345678901234567890123"
    kept = Pseudonymiser(KEY).exchange(exchange(1, prompt=(Message("user", text),)))
    assert isinstance(kept, Exchange)


def test_the_key_lies_apart_and_is_that_of_the_store(
    url: str, tmp_path: Path, store: Store, open_it: Callable[[], Store]
) -> None:
    file = tmp_path / "store.key"
    assert not file.exists()
    name = store.pseudonymiser.subject("ann")
    key = bytes.fromhex(file.read_text())
    assert len(key) == 32
    assert open_it().pseudonymiser.subject("ann") == name
    assert repr(key)[2:-1] not in repr(store.pseudonymiser)
    with open_store(url, clock=lambda: START, key_file=tmp_path / "other.key") as elsewhere:
        with pytest.raises(TunesmithError, match="store-key-missing"):
            elsewhere.forget("ann")
        for content in ("00" * 32, "no key", ""):
            (tmp_path / "other.key").write_text(content)
            with pytest.raises(TunesmithError, match="store-key-other"):
                elsewhere.forget("ann")


def test_the_key_is_not_in_the_database(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/store.db", clock=lambda: START, key_file=tmp_path / "k") as store:
        store.record(store.pseudonymiser.exchange(ASKED)).result()
        key = bytes.fromhex((tmp_path / "k").read_text())
        for file in tmp_path.glob("store.db*"):
            content = file.read_bytes()
            assert key not in content
            assert key.hex().encode() not in content
            assert not [value for value in PERSONAL if value.encode() in content]
