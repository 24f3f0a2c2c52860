"""Text piece by piece against the text of all tokens at once."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import make_tokenizer
from tokenizers import Tokenizer, decoders, models

from tunesmith.engine.text_out import HALF, TextOut

TOKENIZER = make_tokenizer()


def decode(ids: list[int]) -> str:
    text: str = TOKENIZER.decode(list(ids), skip_special_tokens=True)
    return text


def pieces_of(ids: list[int], stop: tuple[str, ...] = ()) -> list[str]:
    out, pieces = TextOut(decode, stop), []
    for id in ids:
        pieces.append(out.add(id))
        if out.stopped:
            break
    return [*pieces, out.end()]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, TOKENIZER.get_vocab_size() - 1), max_size=30))
def test_the_pieces_are_the_whole(ids: list[int]) -> None:
    """Also where bytes are no characters; only halves at the very end are not shown."""
    assert "".join(pieces_of(ids)) == decode(ids).rstrip(HALF)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(alphabet="ab答案🙂 \n", max_size=20), st.lists(st.text("ab答 ", min_size=1, max_size=4), max_size=3))
def test_a_stop_text_ends_the_answer_wherever_tokens_part(text: str, stop: list[str]) -> None:
    ids = TOKENIZER.encode(text, add_special_tokens=False).ids
    pieces = pieces_of(ids, tuple(stop))
    joined = "".join(pieces)
    assert HALF not in joined
    assert not any(each in joined for each in stop)
    if any(each in text for each in stop):  # as soon as one is whole
        assert joined in {text[: text.index(each)] for each in stop if each in text}
        first_end = min(text.index(each) + len(each) for each in stop if each in text)
        assert len(joined) < first_end
    else:
        assert joined == text


def test_half_a_character_is_never_shown() -> None:
    ids = TOKENIZER.encode("a🙂b", add_special_tokens=False).ids
    assert len(ids) > 4  # the face is several tokens
    shown = pieces_of(ids)
    assert all(HALF not in piece for piece in shown)
    assert "".join(shown) == "a🙂b"
    assert "".join(pieces_of(ids[:3])) == "a"


def test_what_may_begin_a_stop_text_waits() -> None:
    out = TextOut(lambda ids: "".join("abc"[id] for id in ids), ("bc",))
    assert [out.add(0), out.add(1), out.add(1)] == ["a", "", "b"]
    assert out.add(2) == ""
    assert out.stopped
    assert out.end() == ""


def test_tokens_that_begin_words_keep_their_spaces() -> None:
    """A decoder of SentencePiece's kind leaves the first space of a text out, not those of its pieces."""
    names = {"▁a": 0, "▁b": 1, "c": 2, "<u>": 3}
    tokenizer = Tokenizer.from_str(Tokenizer(models.BPE(vocab=names, merges=[], unk_token="<u>")).to_str())
    tokenizer.decoder = decoders.Metaspace()
    out = TextOut(lambda ids: tokenizer.decode(list(ids)))
    assert [out.add(id) for id in (0, 1, 2, 1)] == ["a", " b", "c", " b"]
