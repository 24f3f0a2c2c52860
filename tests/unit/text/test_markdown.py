from __future__ import annotations

from markdown_it import MarkdownIt

from tunesmith.text.markdown import escaped


def test_text_stays_text() -> None:
    """What a Markdown parser of others makes of it is the text again, and nothing of its own."""
    hostile = "a | b <img src=x onerror=y> [link](http://x) ![i](y) \\ `c`\x07\nd"
    rendered = MarkdownIt("commonmark").enable("table").render(f"| h |\n|---|\n| {escaped(hostile)} |\n")
    assert "<img" not in rendered
    assert "<a " not in rendered
    assert rendered.count("<td>") == 1
    assert "a | b &lt;img" in rendered


def test_what_looks_escaped_is_shown_as_it_is() -> None:
    assert escaped("AT&T wrote &lt;b&gt; and &#60;") == "AT&T wrote &#38;lt;b&#38;gt; and &#38;#60;"
