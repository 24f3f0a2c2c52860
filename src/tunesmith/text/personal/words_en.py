"""English words that tell names and addresses from other capitalised words."""

from __future__ import annotations

from typing import Final

from tunesmith.text.personal.words import words

FEMALE_NAMES: Final = words("en_female_names")
MALE_NAMES: Final = words("en_male_names")
GIVEN_NAMES: Final = FEMALE_NAMES | MALE_NAMES
SURNAMES: Final = words("en_surnames")
PINYIN_SURNAMES: Final = words("en_pinyin_surnames")
"""Chinese surnames in Latin letters, which stand first: Zhang Wei."""
PARTICLES: Final = "de|van|von|der|den|bin|al|el|la|del|di|da|dos|du|le|ibn|ter"
TITLES: Final = words("en_titles")
ROLES: Final = words("en_roles")
"""What a person is, with a capital as at the start of a sentence: Patient, Tenant."""
GREETINGS: Final = frozenset(["Dear", "Hi", "Hello", "Hey"])
SENTENCE_WORDS: Final = words("en_sentence_words")
"""Words that begin a sentence or a line with a capital, and days and months: no part of a name."""
THINGS: Final = words("en_things")
"""Words of organisations, places, titles of works and headings: a run that holds one is no name."""
THING_SUFFIXES: Final = (
    *("tion", "sion", "ment", "ness", "ity", "ism", "ology", "ography", "ics", "ing", "ance", "ency", "ship", "ware"),
    *("itis", "osis", "emia", "oma", "pathy", "gram", "ative", "able", "ible", "ous", "ical", "ular", "ory"),
)
"""Ends of common nouns and adjectives that stand in headings and names of diseases."""
STREET_TYPES: Final = (
    "Street|St|Road|Rd|Avenue|Ave|Av|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Close|Crescent|Cres|Terrace|Ter|"
    "Way|Parkway|Pkwy|Highway|Hwy|Square|Sq|Circle|Cir|Trail|Trl|Gardens|Gdns|Grove|Row|Mews|Hill|Rise|Walk|Alley|"
    "Broadway|Loop|Path|Plaza|Esplanade|Quay|Wharf|Green|View|Park"
)
STATES: Final = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]|"
    "ON|QC|BC|AB|MB|NSW|VIC|QLD"
)
"""Short forms of states and provinces: United States, Canada, Australia."""
