"""The sandbox of chat templates: what they may do, what they may not, and for how long."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from tunesmith.chat import template as template_module
from tunesmith.chat.template import Template
from tunesmith.errors import TunesmithError

MESSAGES = [{"role": "user", "content": "hi"}]


def render(source: str) -> str:
    return Template(source, {"bos_token": "<s>"}).render(MESSAGES, add_generation_prompt=True)


def code_of(source: str) -> str:
    with pytest.raises(TunesmithError) as caught:
        render(source)
    assert caught.value.message("zh")
    return caught.value.code


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ raise_exception.__globals__.json }}",
        "{{ strftime_now.__closure__[0].cell_contents }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update({'content': 'x'}) }}",
        "{{ raise_exception('roles must alternate') }}",
        "{{ messages[0].content.split(3) }}",
        "{{ messages[7].content }}",
        "{{ 1 / 0 }}",
        "{{ range(999999999) }}",
        "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{{ 'a' * 999999999999 }}",
        "{{ 999999999999 * 'a' }}",
        "{{ 7 ** 9999 ** 2 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%*d' % (999999999, 1) }}",
        "{% set n = namespace(x='aa') %}{% for i in range(90) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x='aa') %}{% for i in range(90) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x=9) %}{% for i in range(90) %}{% set n.x = n.x * n.x %}{% endfor %}",
    ],
)
def test_it_is_refused(source: str) -> None:
    assert code_of(source) == "template-refused"


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) if range(99999)|sum < 0 %}{{ a }}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    ],
)
def test_it_may_not_go_on_for_ever(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_module, "MAX_RENDER_SECONDS", 0.05)
    with pytest.raises(TunesmithError, match="more than"):
        render(source)


def test_it_may_not_write_without_end() -> None:
    line = "x" * 1000
    assert code_of(f"{{% for i in range(99999) %}}{line}{{% endfor %}}") == "template-output"


def test_mistakes_in_the_template_itself() -> None:
    assert code_of("{% for m in messages %}") == "template-syntax"
    assert code_of("{% for m in messages recursive %}{{ loop(messages) }}{% endfor %}") == "template-syntax"
    assert code_of("x" * 100_001) == "template-too-long"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ bos_token }}{% for m in messages %}{{ loop.index0 ~ loop.first ~ loop.last ~ m.role }}{% endfor %}", None),
        ("{{ bos_token ~ 1 ~ none ~ missing }}|{{ 'a' + 'b' }}|{{ [1] + [2] }}|{{ 'ab' * 2 }}|{{ 2 ** 5 * 3 }}", None),
        ("{% for i in range(4) if i != 1 %}{{ i }}/{{ loop.length }} {% else %}none{% endfor %}", "0/3 2/3 3/3 "),
        ("{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% if i > 3 %}{% break %}{% endif %}"
         "{% endfor %}", "0134"),
        ("{% for i in [] %}{{ i }}{% else %}none{% endfor %}", "none"),
        ("{{ {'b': '你', 'a': [1, 2.5]}|tojson }}", '{"b": "你", "a": [1, 2.5]}'),
        ("{% generation %}a{{ 1 }}{% endgeneration %}b", "a1b"),
        ("{% for m in messages %}\n  {% if true %}\nx\n  {% endif %}\n{% endfor %}", "x\n"),
        ("{% set ns = namespace(n=0) %}{% for m in messages[::-1] %}{% set ns.n = 1 %}{% endfor %}{{ ns.n }}", "1"),
    ],
)  # fmt: skip
def test_what_templates_do_every_day_is_left_alone(source: str, text: str | None) -> None:
    if text is None:  # the same in Jinja without our limits
        import jinja2

        plain = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(source)
        text = plain.render(messages=MESSAGES, bos_token="<s>", add_generation_prompt=True)
    assert render(source) == text


def test_the_date_is_that_of_the_clock_it_is_given() -> None:
    template = Template("{{ strftime_now('%d %b %Y') }}", {}, today=lambda: datetime(2026, 3, 4))
    assert template.render(MESSAGES, add_generation_prompt=False) == "04 Mar 2026"
    assert template.today() == date(2026, 3, 4)
    assert template.render(MESSAGES, add_generation_prompt=False, day=date(2025, 12, 31)) == "31 Dec 2025"


def test_a_template_without_a_date_has_no_today() -> None:
    assert Template("{{ messages[0].content }}", {}).today() is None


def test_without_the_known_statement_there_is_no_twin() -> None:
    assert Template("{{ messages }}", {}).training_twin() is None
    twin = Template("a" + template_module.REASONING_CUT + "b", {}).training_twin()
    assert twin is not None
    assert twin.source == "ab"


def test_templates_see_what_transformers_shows_them() -> None:
    assert render("{{ 'tools' if tools is not none }}{{ 'documents' if documents is defined and documents }}") == ""
    assert render("{{ {'b': '中', 'a': 1} | tojson(ensure_ascii=False, sort_keys=True) }}") == '{"a": 1, "b": "中"}'
    assert render("{{ [1, '中'] | tojson(separators=(',', ':'), ensure_ascii=True) }}") == '[1,"\\u4e2d"]'


def test_short_texts_may_be_formatted() -> None:
    assert render("{{ '%02d of %s' % (7, 'x') }}{{ 7 % 4 }}") == "07 of x3"
