"""The labelled set shares nothing with the detector, and the packaged figures are those of this detector."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import privacy, privacy_forms, privacy_held_out
from benchmarks.privacy_set import make_set
from tools import fit_names_zh
from tunesmith.text.personal import words_en, words_zh
from tunesmith.text.personal.measured import FILE, measured

DETECTOR = Path(words_en.__file__).parent


def detector_texts() -> str:
    files = [*DETECTOR.glob("*.py"), *(DETECTOR / "lists").glob("*.txt")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_no_name_and_no_place_of_the_set_is_known_to_the_detector() -> None:
    listed = words_en.GIVEN_NAMES | words_en.SURNAMES | words_en.PINYIN_SURNAMES
    parts = {part for name in privacy_forms.GIVEN_EN + privacy_forms.SURNAMES_EN for part in name.split("-")}
    assert parts & listed == set()
    assert set(privacy_forms.RARE_SURNAMES_ZH) & words_zh.SURNAMES == set()
    assert set(privacy_forms.GIVEN_CHARACTERS_ZH) & words_zh.GIVEN_CHARACTERS == set()
    texts = detector_texts()
    places = (
        *(privacy_forms.TOWNS_EN + privacy_forms.STREETS_EN),
        *(privacy_forms.CITIES_ZH + privacy_forms.DISTRICTS_ZH + privacy_forms.ROADS_ZH),
        *(privacy_forms.ESTATES_ZH + privacy_forms.VILLAGES_ZH),
    )
    assert [place for place in places if place in texts] == []


def test_each_name_of_the_set_has_a_part_that_is_in_no_list() -> None:
    for sentence in make_set(60, 1):
        if sentence.type != "name":
            continue
        name = sentence.text[sentence.spans[0].start : sentence.spans[0].stop]
        if sentence.language == "en":
            ends = name.split(" ")
            known = [ends[0] in words_en.GIVEN_NAMES, ends[-1] in words_en.SURNAMES]
        else:
            known = [name[0] in words_zh.SURNAMES, *(character in words_zh.GIVEN_CHARACTERS for character in name[1:])]
        assert not all(known)
        assert any(known) == (sentence.subset == "partly listed")


def test_no_form_of_the_set_stands_in_the_detector() -> None:
    texts = detector_texts()
    kinds = [privacy_forms.NAMES, privacy_forms.PASSWORDS, privacy_forms.REFERENCES, *privacy_forms.FORMS.values()]
    forms = [form for kind in kinds for language in kind.values() for form in language]
    assert len(forms) > 150
    assert [form for form in forms if form in texts or form.replace("{}", "").strip(" .。") in texts.split("|")] == []


def test_held_out_forms_are_nobody_elses() -> None:
    forms = {form for language in privacy_held_out.FORMS.values() for form in language}
    nothing = {text for language in privacy_held_out.NOTHING.values() for text in language}
    tuned = {form for language in privacy_forms.NAMES.values() for form in language}
    assert len(privacy_held_out.FORMS["zh"]) >= 60
    assert len(privacy_held_out.FORMS["en"]) >= 30
    assert forms & (tuned | set(fit_names_zh.FORMS)) == set()
    assert tuned & set(fit_names_zh.FORMS) == set()
    texts = detector_texts()
    assert [form for form in forms if form in texts or form.replace("{}", "").strip(" .。") in texts.split("|")] == []
    assert [text for text in nothing if text in texts] == []


def test_no_name_of_the_set_was_put_into_the_sentences_that_weights_were_fitted_on() -> None:
    known = "".join(fit_names_zh.GIVEN) + "".join(fit_names_zh.UNLISTED_SURNAMES | fit_names_zh.UNLISTED_GIVEN)
    assert set(privacy_forms.GIVEN_CHARACTERS_ZH + privacy_forms.RARE_SURNAMES_ZH) & set(known) == set()


def test_held_out_sentences_name_whom_they_say() -> None:
    sentences = list(privacy_held_out.make_held_out(1))
    assert sentences == list(privacy_held_out.make_held_out(1))
    for sentence in sentences:
        if sentence.language == "zh" and sentence.subset == "in no list":
            named = [sentence.text[span.start : span.stop] for span in sentence.spans]
            assert all(name[0] in privacy_forms.RARE_SURNAMES_ZH for name in named)


def test_the_packaged_figures_are_in_step() -> None:
    """The whole set takes half a minute; its first sentences must give what they gave when the file was written."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    assert stored["num_per_type"] == privacy.NUM_PER_TYPE
    assert privacy.counts_to_quote(privacy.NUM_FIRST) == stored["first"]


def test_the_packaged_figures_meet_the_goals() -> None:
    figures = measured()
    for (kind, language), counts in figures.items():
        goal = privacy.GOALS.get(f"recall/{kind}/{language}")
        assert goal is None or goal.is_met(counts.recall), (kind, language)
        goal = privacy.GOALS.get(f"precision/{kind}/{language}")
        assert goal is None or goal.is_met(counts.precision or 0.0), (kind, language)
    assert figures["name in no list", "en"].precision is None


def test_what_is_labelled_is_what_was_put_in() -> None:
    sentences = list(make_set(6, 3))
    assert sentences == list(make_set(6, 3))
    emails = [s.text[s.spans[0].start : s.spans[0].stop] for s in sentences if s.type == "email"]
    assert len(emails) == 12
    assert all("@" in email and " " not in email for email in emails)
