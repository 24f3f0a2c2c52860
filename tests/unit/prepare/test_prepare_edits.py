"""Word edits: only free words change, by as many as were asked for, the same way again for the same seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tunesmith.errors import TunesmithError
from tunesmith.prepare.edits import Edit, delete_words, edited, insert_words, replace_words, swap_words
from tunesmith.prepare.synonyms import lexicon
from tunesmith.text.analysis import segment

ENGLISH = "Yesterday the parcel from Hamburg arrived with 3 broken cups, and nobody did not answer my polite letters."
CHINESE = "昨天快递员把包裹放在门口，里面有三个杯子坏了，我没有收到任何客服的回复。"
GROUPS = {"polite": ("courteous",), "arrived": ("came",), "broken": ("smashed",), "昨天": ("昨日",), "回复": ("答复",)}
KEPT = {ENGLISH: ["Hamburg", "3", "nobody", "not"], CHINESE: ["三个", "没有"]}


def many(text: str, edit: Edit, share: float = 0.2, protect: tuple[str, ...] = ()) -> list[str]:
    made = [edited(text, edit, share, protect, Random(seed)) for seed in range(40)]
    assert made == [edited(text, edit, share, protect, Random(seed)) for seed in range(40)]
    return [one for one in made if one is not None]


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_swapping_keeps_all_words_and_moves_free_ones_only(text: str) -> None:
    made = many(text, swap_words)
    assert len(set(made)) > 10
    for one in made:
        assert sorted(one.casefold()) == sorted(text.casefold())
        if text is ENGLISH:
            before, after = text.split(), one.split()
            assert all(after[place] == word for place, word in enumerate(before) if word in KEPT[text])
            assert one[0].isupper()
        assert all(word in one for word in KEPT[text])


@pytest.mark.parametrize(("text", "share"), [(ENGLISH, 0.01), (ENGLISH, 0.2), (CHINESE, 0.2)])
def test_deleting_leaves_out_that_share_of_the_words(text: str, share: float) -> None:
    num_words = len(segment(text.replace("3", "")))
    for one in many(text, delete_words, share):
        left = Counter(segment(text)) - Counter(segment(one))
        assert left.total() == max(1, round(share * num_words))
        assert not Counter(segment(one)) - Counter(segment(text))
        assert all(word in one for word in KEPT[text])
        assert "  " not in one


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_synonyms_come_from_the_lexicon_alone(text: str) -> None:
    allowed = {(old, new) for old, others in GROUPS.items() for new in others}
    for one in many(text, replace_words(GROUPS)):
        before, after = segment(text), segment(one)
        changed = {(old, new) for old, new in zip(before, after, strict=True) if old != new}
        assert changed
        assert changed <= allowed
    for one in many(text, insert_words(GROUPS)):
        added = Counter(segment(one)) - Counter(segment(text))
        assert set(added) <= {new for _, new in allowed}
        assert not Counter(segment(text)) - Counter(segment(one))


def test_a_capital_and_a_phrase_stay() -> None:
    assert many("Broken cups are sad", replace_words(GROUPS)) == ["Smashed cups are sad"] * 40
    assert many("Broken cups are sad", replace_words(GROUPS), protect=("broken cups",)) == []
    assert many("ok", delete_words) == []
    assert all(one.split() for one in many("sad old cups", delete_words, 0.5))


def test_a_file_of_groups_and_the_lines_of_cilin(tmp_path: Path) -> None:
    file = tmp_path / "groups.txt"
    file.write_text("quick, fast, speedy\n高兴，开心、愉快\nalone\nfast\tfirm\n", encoding="utf-8")
    found = lexicon(str(file))
    assert found["fast"] == ("quick", "speedy", "firm")
    assert found["开心"] == ("高兴", "愉快")
    assert "alone" not in found
    cilin = tmp_path / "cilin.txt"
    cilin.write_text("Aa01A01= 人 士 人物\nAa01A02# 树 花\nAa01A03@ 天\n", encoding="utf-8")
    assert dict(lexicon(str(cilin))) == {"人": ("士", "人物"), "士": ("人", "人物"), "人物": ("人", "士")}


LICENCE = "  1 This is no entry\n"
NOUNS = """00000100 05 n 02 dog 0 domestic_dog 0 001 @ 00000200 n 0000 | a pet
00000200 05 n 01 frump 0 000 | dull
00000300 05 n 03 parcel 0 package 0 bundle 0 000 | a thing
"""
VERBS = "00000100 38 v 02 chase 0 dog 0 01 + 08 00 | go after\n00000200 38 v 02 speak 0 talk 0 00 | say\n"


def test_the_first_sense_of_wordnet(tmp_path: Path) -> None:
    """As in wndb(5WN): dog is a noun with two senses and a verb, parcel a noun alone, pretty(a) a marked adjective."""
    files = {
        "data.noun": NOUNS,
        "index.noun": "dog n 2 1 @ 2 1 00000100 00000200\nparcel n 1 0 1 0 00000300\ndomestic_dog n 1 0 1 0 00000100\n",
        "data.verb": VERBS,
        "index.verb": "chase v 1 1 + 1 0 00000100\ndog v 1 0 1 0 00000100\nspeak v 1 0 1 0 00000200\n",
        "data.adj": "00000100 00 s 02 pretty(a) 0 rather_fine 0 000 | fine\n",
        "index.adj": "pretty a 1 0 1 0 00000100\n",
        "data.adv": "",
        "index.adv": "",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(LICENCE + content, encoding="utf-8")
    assert dict(lexicon(str(tmp_path))) == {
        "parcel": ("package", "bundle"),
        "chase": ("dog",),
        "speak": ("talk",),
        "pretty": ("rather fine",),
    }


@pytest.mark.parametrize("index", ["word n 1 0 1 0 00000001\n", "word\n", "\n", "word n 1 x\n"])
def test_a_damaged_wordnet_is_said_so(tmp_path: Path, index: str) -> None:
    for part in ("noun", "verb", "adj", "adv"):
        (tmp_path / f"index.{part}").write_text(index)
        (tmp_path / f"data.{part}").write_text("")
    with pytest.raises(TunesmithError, match="synonyms-unreadable"):
        lexicon(str(tmp_path))


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"lonely\n"])
def test_a_source_without_synonyms_is_said_so(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "none.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TunesmithError) as caught:
        lexicon(str(file))
    assert caught.value.code == "synonyms-unreadable"
