"""An explanation on a terminal, in both languages."""

from __future__ import annotations

import math

from tunesmith.cli.show_explain import MARKED, PLAIN, deciding, explanation_lines
from tunesmith.evaluate.explain import Deletion, Neighbour, Reasons, Unit
from tunesmith.lifecycle.explain import Explanation

TEXT = "the card is lost"
UNITS = (Unit("the", 0, 3, 0.05), Unit("card", 4, 8, 0.5), Unit("is", 9, 11, 0.0), Unit("lost", 12, 16, 2.0))
FOUND = Explanation(
    item="3f9a",
    text=TEXT,
    reference="card_lost",
    answer="card_lost",
    reasons=Reasons(math.log(0.8), UNITS, Deletion(1, 2.0, 0.4, 1.5, 0.025)),
    neighbours=(Neighbour("a", "desk.csv", 7, 0.83, "my card\nis lost", "card_lost"),),
)


def test_deciding_words_are_marked_and_ranked() -> None:
    assert [unit.text for unit in deciding(FOUND.reasons or Reasons(0.0, (), None))] == ["lost", "card"]
    lines = explanation_lines(FOUND, "en", colour=False)
    assert lines[0] == "▸ the ⟦card⟧ is ⟦lost⟧"
    assert lines[1:3] == ["  answer: card_lost", "  reference: card_lost"]
    assert "probability of the answer: 0.800" in lines[4]
    assert lines[5].split() == [f"{0.8 * math.exp(-2.0):.3f}", "lost"]
    assert "2.000" in lines[7]
    assert "p = 0.025" in lines[7]
    assert lines[-1] == "  0.83  desk.csv:7  my card is lost → card_lost"
    assert explanation_lines(FOUND, "en", colour=True)[0] == f"▸ the {MARKED}card{PLAIN} is {MARKED}lost{PLAIN}"


def test_in_chinese_and_without_reasons() -> None:
    written = Explanation("", TEXT, "", "it is in the post", None, ())
    assert explanation_lines(written, "zh", colour=False) == [f"▸ {TEXT}", "  回答：it is in the post"]
    assert "检验" in "\n".join(explanation_lines(FOUND, "zh", colour=False))


def test_what_was_asked_and_said_cannot_steer_the_terminal() -> None:
    text = "the \x1b[8mcard\x1b[0m is lost"
    units = (Unit("\x1b[8mcard\x1b", 4, 13, 2.0),)
    rows = (Neighbour("a", "desk.csv", 7, 0.83, "my\x1b[2J card", "lost\x07"),)
    found = Explanation("3f9a", text, "lost\x1b", "lost\x9d", Reasons(math.log(0.8), units, None), rows)
    lines = explanation_lines(found, "en", colour=True)
    assert lines[0] == f"▸ the {MARKED}\ufffd[8mcard\ufffd{PLAIN}[0m is lost"
    assert not any(character in "".join(lines[1:]) for character in "\x1b\x07\x9d")
    assert lines[-1] == "  0.83  desk.csv:7  my\ufffd[2J card → lost\ufffd"
