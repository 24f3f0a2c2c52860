"""Prompt styles: chat templates for bases that come without one.

A style is made for one tokenizer: the tokens that begin a text and end an answer stand in it by name. So it renders the
same wherever it is saved, beside a tuned model as in training.
"""

from __future__ import annotations

import json
from typing import Final

from tunesmith.recipe import PromptStyle

_ANSWER: Final = (
    "{{ ('<think>\\n' + m.reasoning_content + '\\n</think>\\n\\n' if m.reasoning_content is string else '') "
    "+ m.content + end }}"
)
_PARTED: Final = "{{ '' if loop.first else '\\n' }}"
STYLES: Final[dict[PromptStyle, str]] = {
    "bare": (
        "{% for m in messages %}" + _PARTED + "{% if m.role == 'assistant' %}" + _ANSWER + "{% else %}{{ m.content }}"
        "{% endif %}{% endfor %}{{ '\\n' if add_generation_prompt else '' }}"
    ),
    "plain": (
        "{% for m in messages %}{% if m.role == 'user' %}{{ 'Question: ' + m.content + '\\n' }}"
        "{% elif m.role == 'assistant' %}{{ 'Answer: ' }}" + _ANSWER + "{{ '\\n\\n' }}"
        "{% else %}{{ m.content + '\\n\\n' }}{% endif %}{% endfor %}{{ 'Answer:' if add_generation_prompt else '' }}"
    ),
    "plain-zh": (
        "{% for m in messages %}{% if m.role == 'user' %}{{ '问：' + m.content + '\\n' }}"
        "{% elif m.role == 'assistant' %}{{ '答：' }}" + _ANSWER + "{{ '\\n\\n' }}"
        "{% else %}{{ m.content + '\\n\\n' }}{% endif %}{% endfor %}{{ '答：' if add_generation_prompt else '' }}"
    ),
    "alpaca": (
        "{% for m in messages %}{% if m.role == 'user' %}{{ '### Instruction:\\n' + m.content + '\\n\\n' }}"
        "{% elif m.role == 'assistant' %}{{ '### Response:\\n' }}" + _ANSWER + "{{ '\\n\\n' }}"
        "{% else %}{{ m.content + '\\n\\n' }}{% endif %}{% endfor %}"
        "{{ '### Response:\\n' if add_generation_prompt else '' }}"
    ),
}
"""Jinja sources, which ask for `begin` and `end`. A system message stands before what it is said of, and a thought
before its answer."""


def style_source(style: PromptStyle, begin: str, end: str) -> str:
    """The chat template of a style for a tokenizer that begins texts with `begin`, maybe empty, and ends with `end`."""
    begin, end = (json.dumps(token, ensure_ascii=False) for token in (begin, end))
    return f"{{% set end = {end} %}}{{{{ {begin} }}}}{STYLES[style]}"
