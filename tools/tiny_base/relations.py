"""How each kind of fact is asked, reasoned about and stated, in English and in Chinese."""

from __future__ import annotations

from dataclasses import dataclass

from tools.tiny_base import lexicon, lexicon_facts
from tools.tiny_base.lexicon import Fact, parse_table
from tools.tiny_base.patterns import Language, Phrasings, lines, phrasings
from tools.tiny_base.relations_zh import CHINESE, TRANSLATION_QUESTIONS, TRANSLATION_REASONING


@dataclass(frozen=True)
class Relation:
    """One kind of fact in one language; every field but `facts` holds patterns."""

    facts: tuple[Fact, ...]
    answer: str
    questions: Phrasings
    reasoning: tuple[str, ...]
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Translation:
    """How a translation is asked (by the language translated into) and reasoned about."""

    questions: dict[Language, Phrasings]
    reasoning: tuple[str, ...]


_OPPOSITE = parse_table(lexicon_facts.OPPOSITE)
FACTS: dict[str, tuple[Fact, ...]] = {
    "category": parse_table(lexicon_facts.CATEGORY),
    "colour": parse_table(lexicon_facts.COLOUR),
    "sound": parse_table(lexicon_facts.SOUND),
    "sound_of": lexicon.swap(parse_table(lexicon_facts.SOUND)),
    "opposite": _OPPOSITE + lexicon.swap(_OPPOSITE),
    "job": parse_table(lexicon_facts.JOB),
    "job_who": lexicon.swap(parse_table(lexicon_facts.JOB)),
    "use": parse_table(lexicon_facts.USE),
    "place": parse_table(lexicon_facts.PLACE),
    "capital": parse_table(lexicon_facts.CAPITAL),
    "capital_of": lexicon.swap(parse_table(lexicon_facts.CAPITAL)),
    "season": parse_table(lexicon_facts.SEASON),
    "quantity": parse_table(lexicon_facts.QUANTITY),
    "definition": lexicon.swap(parse_table(lexicon_facts.DEFINITION)),
    "body": lexicon.swap(parse_table(lexicon_facts.BODY)),
    "baby": parse_table(lexicon_facts.BABY),
    "material": parse_table(lexicon_facts.MATERIAL),
}

# name, answer, questions of the corpus, questions of the suite, reasoning, statements
ENGLISH: tuple[tuple[str, str, str, str, str, str], ...] = (
    (
        "category",
        "{V}",
        """What kind of thing is {S}?
        What is {S}?
        Which group does {S} belong to?
        {S} is a kind of what?
        Tell me what kind of thing {S} is.
        To which kind of thing does {S} belong?
        If I say "{s}", which kind of thing do I mean?
        What do we call things such as {S}?
        Name the group of {S}.
        In one [word|term], what is {S}?""",
        """What kind of thing do we call {S}?
        Say which group {S} belongs to.
        Which kind of thing is {S}?""",
        """[The question asks for the kind.|I need the group.|Which group fits?|] {S} is a kind of {v}.
        {S} belongs to the group "{v}". [So I say that.|]
        I know {S}. [It is one kind of {v}.|That is a kind of {v}.]""",
        """{S} is a kind of {v}.
        {S} belongs to the group called {v}.
        Among the things we call {v}, there is also {S}.""",
    ),
    (
        "colour",
        "{v}",
        """What colour is {S}?
        Which colour does {S} have?
        Tell me the colour of {S}.
        What is the colour of {S}?
        Name the usual colour of {S}.
        {S} is usually which colour?
        If I paint {S}, which colour do I take?
        Think of {S}. What colour is it?
        What colour do you see on {S}?""",
        """Which colour is {S}?
        What is the usual colour of {S}?
        Tell me what colour {S} has.""",
        """[The question asks for a colour.|I picture {S}.|] {S} is usually {v}.
        The usual colour of {S} is {v}.
        I think of {S} and see {v}.""",
        """{S} is usually {v}.
        The colour of {S} is {v}.
        Everyone knows that {S} is {v}.""",
    ),
    (
        "sound",
        "{v}",
        """What sound does {S} make?
        Which sound comes from {S}?
        How does {S} sound?
        What does {S} say?
        Tell me the sound of {S}.
        What noise does {S} make?
        If you hear {S}, what do you hear?
        Name the noise of {S}.""",
        """Which noise does {S} make?
        Tell me what sound {S} makes.
        What is the sound of {S}?""",
        """[The question asks for a sound.|] {S} makes the sound {v}.
        When we listen to {S}, we hear {v}.""",
        """{S} makes the sound {v}.
        When you hear {v}, it may be {S}.""",
    ),
    (
        "sound_of",
        "{V}",
        """What goes {s}?
        What makes the sound {s}?
        You hear {s}. What is it?
        The sound is {s}. What made it?
        Which one says {s}?
        Who or what makes the noise {s}?
        I hear {s}. What could that be?
        Where does the sound {s} come from?""",
        """What could make the sound {s}?
        Which one makes the noise {s}?
        I hear the sound {s}. What is it?""",
        """The sound {s} comes from {V}.
        [I know this sound.|] {V} makes the sound {s}.""",
        """The sound {s} comes from {V}.
        If something goes {s}, think of {V}.""",
    ),
    (
        "opposite",
        "{v}",
        """What is the opposite of {s}?
        What is the opposite of "{s}"?
        Give the opposite of {s}.
        Which word means the opposite of {s}?
        Tell me the opposite of {s}.
        {s} is the opposite of what?
        Not {s}, but the opposite: which word is it?
        Name the opposite of {s}.
        If something is not {s} but the opposite, what is it?""",
        """Which word is the opposite of {s}?
        Tell me which word means the opposite of {s}.
        Name the word that is the opposite of {s}.""",
        """[I need the opposite word.|The question asks for the opposite.|] The opposite of {s} is {v}.
        {s} and {v} are opposites.""",
        """The opposite of {s} is {v}.
        The words {s} and {v} are opposites.""",
    ),
    (
        "job",
        "{v}",
        """What does {S} do?
        What is the work of {S}?
        What does {S} do at work?
        Tell me what {S} does.
        What is the job of {S}?
        If someone is {S}, what does that person do?
        Describe the work of {S} in a few words.
        How does {S} earn money?""",
        """What does {S} do for work?
        Tell me the job of {S}.
        Tell me what {S} does at work.""",
        """[The question is about a job.|] {S} is a person who {v}.
        I think of the work of {S}: such a person {v}.""",
        """{S} is a person who {v}.
        At work {S} {v}.""",
    ),
    (
        "job_who",
        "{V}",
        """Who {s}?
        Which person {s}?
        What do we call a person who {s}?
        Name the job of someone who {s}.
        This person {s}. What is the job?
        My aunt {s} for a living. What is she?
        I met a man who {s}. What is his job?
        Tell me who {s}.""",
        """What do we call someone who {s}?
        Name the person who {s}.
        My uncle {s} for a living. What is he?""",
        """A person who {s} is {V}.
        [The question asks for a job.|] It is {V} who {s}.""",
        """A person who {s} is called {V}.
        It is {V} who {s}.""",
    ),
    (
        "use",
        "to {v}",
        """What is {S} used for?
        What do we use {S} for?
        What can you do with {S}?
        Why do people need {S}?
        Tell me what {S} is for.
        What is the use of {S}?
        For what do people take {S}?
        I have {S}. What can I do with it?
        What is {S} good for?""",
        """What do people use {S} for?
        Tell me the use of {S}.
        What can I do with {S}?""",
        """[The question asks for a use.|] We use {S} to {v}.
        People take {S} when they want to {v}.""",
        """We use {S} to {v}.
        With {S} you can {v}.
        People need {S} to {v}.""",
    ),
    (
        "place",
        "in {V}",
        """Where do you [usually |]find {S}?
        Where can I find {S}?
        Where would you look for {S}?
        In which place is {S} usually found?
        I need {S}. Where should I look?
        Tell me where to find {S}.
        Where does {S} belong?
        Where do people [usually |]see {S}?""",
        """Where would you find {S}?
        Tell me where {S} is usually found.
        Where should I look for {S}?""",
        """[The question asks for a place.|] {S} is usually found in {V}.
        We look for {S} in {V}.""",
        """You usually find {S} in {V}.
        In {V} there is often {S}.""",
    ),
    (
        "capital",
        "{v}",
        """What is the capital of {s}?
        Which city is the capital of {s}?
        Name the capital of {s}.
        Tell me the capital of {s}.
        {s} has which capital?
        What is the capital city of {s}?
        The capital of {s} is which city?
        I travel to the capital of {s}. Which city is that?""",
        """Tell me which city is the capital of {s}.
        Name the capital city of {s}.
        Which city is the capital city of {s}?""",
        """[The question asks for a capital.|] The capital of {s} is {v}.
        {v} is the capital city of {s}.""",
        """The capital of {s} is {v}.
        {v} is the capital city of {s}.""",
    ),
    (
        "capital_of",
        "{v}",
        """{s} is the capital of which country?
        Which country has the capital {s}?
        Of which country is {s} the capital?
        {s} is a capital. Name the country.
        In which country is {s}?
        Where is {s}?
        Tell me the country of {s}.
        Which country does {s} belong to?""",
        """Name the country that has the capital {s}.
        Tell me in which country {s} is.
        {s} is the capital city of which country?""",
        """[The question asks for a country.|] {s} is the capital of {v}.
        {s} is in {v}.""",
        """The city of {s} is in {v}.
        {s} is in {v}, and it is the capital.""",
    ),
    (
        "season",
        "{v}",
        """Which season is {s} in?
        In which season is {s}?
        What season does {s} belong to?
        {s} is in which season?
        Tell me the season of {s}.
        What season is it in {s}?
        Name the season of {s}.
        It is {s} now. Which season is it?""",
        """Which season does {s} belong to?
        Tell me which season {s} is in.
        What season is {s} in?""",
        """[In the north,|The month of] {s} belongs to {v}.
        {s} is a month of {v}.""",
        """{s} is a month of {v}.
        In {s} it is {v}.""",
    ),
    (
        "quantity",
        "{v}",
        """How many {unit} are there in {whole}?
        How many {unit} are in {whole}?
        How many {unit} does {whole} have?
        {whole} has how many {unit}?
        Tell me how many {unit} {whole} has.
        Count the {unit} in {whole}.
        What number of {unit} does {whole} have?
        Give the number of {unit} in {whole}.""",
        """What is the number of {unit} in {whole}?
        Tell me the number of {unit} in {whole}.
        How many {unit} can you count in {whole}?""",
        """[I count the {unit}.|] There are {v} {unit} in {whole}.
        {whole} has {v} {unit}.""",
        """There are {v} {unit} in {whole}.
        {whole} has {v} {unit}.""",
    ),
    (
        "definition",
        "{v}",
        """What does the word "{s}" mean?
        What is meant by {s}?
        Explain the word {s}.
        What does {s} mean?
        Define {s}.
        Please explain what {s} means.
        I do not know the word {s}. What is it?
        Give the meaning of {s}.""",
        """Explain what the word {s} means.
        What is the meaning of {s}?
        Please define the word {s}.""",
        """[I explain the word.|The question asks for a meaning.|] The word {s} means {v}.
        By {s} we mean {v}.""",
        """The word {s} means {v}.
        By {s} people mean {v}.""",
    ),
    (
        "body",
        "the {v}",
        """Which part of the body do we use to {s}?
        What part of the body helps us to {s}?
        What do we need to {s}?
        Which body part lets us {s}?
        Name the body part that we use to {s}.
        With what do people {s}?
        Tell me the part of the body used to {s}.
        Our body can {s}. Which part does it?""",
        """What part of the body do we need to {s}?
        Name the part that helps us to {s}.
        Which part lets people {s}?""",
        """[The question asks for a body part.|] We use the {v} to {s}.
        The {v} helps us to {s}.""",
        """We use the {v} to {s}.
        The work of the {v} is to {s}.""",
    ),
    (
        "baby",
        "{V}",
        """What do we call a young {s}?
        What is a baby {s} called?
        Name the young of {S}.
        The young of {S} is called what?
        How do you call a young {s}?
        What is the name of a baby {s}?
        Which word means a young {s}?
        Tell me the word for a young {s}.""",
        """What is a young {s} called?
        Which word do we use for a baby {s}?
        Name a baby {s} with the right word.""",
        """A young {s} is called {V}.
        [The question asks for a young animal.|] The young of {S} is {V}.""",
        """A young {s} is called {V}.
        {V} grows up and becomes {S}.""",
    ),
    (
        "material",
        "{v}",
        """What is {S} made of?
        What is {S} made from?
        From what do we make {S}?
        Which material is in {S}?
        Tell me what {S} is made of.
        What do people use to make {S}?
        Name the material of {S}.
        {S} is made of what?""",
        """Which material is {S} made of?
        Tell me the material of {S}.
        What do we need to make {S}?""",
        """[The question asks for a material.|] {S} is usually made of {v}.
        People make {S} from {v}.""",
        """{S} is usually made of {v}.
        People use {v} to make {S}.""",
    ),
)


def _relations(rows: tuple[tuple[str, str, str, str, str, str], ...]) -> tuple[Relation, ...]:
    return tuple(
        Relation(FACTS[name], answer, phrasings(train, suite), lines(reasoning), lines(statements))
        for name, answer, train, suite, reasoning, statements in rows
    )


RELATIONS: dict[Language, tuple[Relation, ...]] = {"en": _relations(ENGLISH), "zh": _relations(CHINESE)}

_TO_CHINESE = phrasings(
    """How do you say "{s}" in Chinese?
    What is "{s}" in Chinese?
    Translate "{s}" into Chinese.
    What is the Chinese word for "{s}"?
    Say "{s}" in Chinese.
    Give me the Chinese for "{s}".
    Which Chinese word means "{s}"?
    I want to write "{s}" in Chinese. How?""",
    """What is the word "{s}" in Chinese?
    Translate the word "{s}" into Chinese.
    Tell me how to say "{s}" in Chinese.""",
)
_TO_ENGLISH = phrasings(
    """What does "{s}" mean in English?
    Translate "{s}" into English.
    What is the English word for "{s}"?
    Say "{s}" in English.
    Give me the English for "{s}".
    How do you say "{s}" in English?
    Which English word means "{s}"?
    I see the word "{s}". What is it in English?""",
    """Tell me what "{s}" means in English.
    Translate the word "{s}" into English.
    What is the word "{s}" in English?""",
)
TRANSLATION: dict[Language, Translation] = {
    "en": Translation(
        {"zh": _TO_CHINESE, "en": _TO_ENGLISH},
        (
            'The word "{s}" is "{v}" in the other language.',
            'I know the word "{s}": it is "{v}".',
            '"{s}" means "{v}".',
        ),
    ),
    "zh": Translation(TRANSLATION_QUESTIONS, TRANSLATION_REASONING),
}
