"""Chinese words and characters that tell names and addresses from other text."""

from __future__ import annotations

from typing import Final

from tunesmith.text.personal.words import any_of, characters, words

SURNAMES: Final = characters("zh_surnames")
COMPOUND_SURNAMES: Final = words("zh_compound_surnames")
COMMON_SURNAMES: Final = characters("zh_common_surnames")
GIVEN_CHARACTERS: Final = characters("zh_given_characters")
GIVEN_WORDS: Final = words("zh_given_words")
"""Words that are given names too."""
FREQUENT_CHARACTERS: Final = characters("zh_frequent_characters")
"""The 600 characters that everyday text is made of for the most part."""
TRANSLITERATION: Final = "".join(sorted(characters("zh_transliteration")))
"""Characters that foreign names are written with."""
TITLES: Final = any_of(words("zh_titles"))
"""Titles that stand after a name."""
ROLES: Final = any_of(words("zh_roles"))
"""Words that stand before a name, in front of a colon, a verb or nothing."""
PERSON_WORDS: Final = words("zh_titles") | words("zh_roles")
"""Titles and roles: no given names."""
DONE_AS_PERSONS: Final = any_of(words("zh_done_as_persons"))
"""What a person does or has, right after the name."""
DONE_TO: Final = words("zh_done_to_persons")
DONE_TO_PERSONS: Final = any_of(DONE_TO)
"""What is done to or with a person, right before the name."""
BEFORE: Final = (
    "和跟与同由被给让请向对叫是为找问替帮把及因但而且在的了过着将使令到有从比"
    "欠借见写陪接送带看听骂打爱恨嫁娶求谢教派选推扶夸劝催等约怪像靠凭"
    "、，。；：！？“”（）()\"'\n \t,;:!?《》【】"
)
"""Characters that may stand right before a name in running text: particles, and verbs with a person as their object."""
AFTER: Final = (
    "说称表在是的于与和跟同已也都就将把被给向对因为没不未有曾正从到去来要想会能可写签负担提告通问答打发寄收申拒办住做等"
    "用先再还只才又很常总刚每一两几二三四五六七八九十这那我你他她您"
    "，。；：！？、,.;:!?()（）“”\"' \t\n"
)
"""Characters that may stand right after a name in running text: particles, adverbs, verbs, numerals, pronouns."""
NEVER_GIVEN: Final = (
    "说称表在是的于与跟同已也都就将把被给因但没不未有曾从到去要想会能写签提问答打发寄收拒办住做了着过吗呢吧啊什么"
    "这那个们我你您他她它很最更还又再其每各某些者及或并则而且等"
)
"""Characters that are in no given name."""
NEVER_NAMES: Final = words("zh_never_names")
"""Words that look like a surname and a character, and that jieba's dictionary calls names."""
ALSO_PARTICLES: Final = frozenset("于应向成常全时明高平任计单连关过解和")
"""Surnames that are everyday function words or begin many words: alone they are no sign of a name."""
PROVINCES: Final = any_of(words("zh_provinces"))
CITIES: Final = any_of(words("zh_cities"))
