"""A model's chat template, run in a sandbox with limits, and its training twin where the template drops reasoning."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tunesmith.errors import TunesmithError
from tunesmith.records import Message

MAX_TEMPLATE_CHARACTERS: Final = 100_000
MAX_RENDERED_CHARACTERS: Final = 20_000_000
MAX_RENDER_SECONDS: Final = 2.0
"""Processor time of one conversation: a thousand times what a template needs."""
MAX_NUMBER_BITS: Final = 4096
_WIDTH: Final = re.compile(r"\*|[0-9]{1,18}")

# DeepSeek-R1 and its distills cut the thinking out of every assistant turn; without this statement they keep it.
REASONING_CUT: Final = "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"


class _GenerationBlock(Extension):
    """`{% generation %}...{% endgeneration %}` marks the assistant's text in some templates; it renders as its body."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it as an instance attribute

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _TemplateRefused(Exception):
    """The template itself called `raise_exception`."""


def _refuse(reason: str) -> None:
    raise _TemplateRefused(reason)


class _ClockedContext(Context):
    """Knows when the rendering it belongs to has to be over."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._deadline = time.thread_time() + MAX_RENDER_SECONDS

    def check_clock(self) -> None:
        if time.thread_time() > self._deadline:
            raise _TemplateRefused(f"it takes more than {MAX_RENDER_SECONDS} seconds")


class _ClockedCode(CodeGenerator):
    """Loops look at the clock at every turn."""

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        if node.recursive:
            self.fail("recursive loops are not allowed", node.lineno)
        arguments = [nodes.ContextReference(), node.iter]
        node.iter = nodes.Call(nodes.EnvironmentAttribute("clocked"), arguments, [], None, None)
        super().visit_For(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.visit(nodes.Call(nodes.EnvironmentAttribute("concatenated"), node.nodes, [], None, None), frame)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with limits on time and on the size of what the operators make."""

    code_generator_class = _ClockedCode
    context_class = _ClockedContext
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    @staticmethod
    def clocked(context: _ClockedContext, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            context.check_clock()
            yield item

    @staticmethod
    def concatenated(*parts: object) -> str:
        texts = [str(part) for part in parts]
        _refuse_large(sum(map(len, texts)), MAX_RENDERED_CHARACTERS)
        return "".join(texts)

    def call(__self, __context: Context, __obj: Any, *arguments: Any, **named: Any) -> Any:
        assert isinstance(__context, _ClockedContext)
        __context.check_clock()
        return super().call(__context, __obj, *arguments, **named)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%":
            # `'%999d' % 1` is as long as it says, and `*` reads the length from elsewhere
            widths = _WIDTH.findall(left) if isinstance(left, str) else []
            _refuse_large(
                sum(MAX_RENDERED_CHARACTERS + 1 if w == "*" else int(w) for w in widths), MAX_RENDERED_CHARACTERS
            )
        elif isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() * (right if operator == "**" else 1) + right.bit_length()
            _refuse_large(bits, MAX_NUMBER_BITS)
        elif operator == "*":
            times, items = (left, right) if isinstance(left, int) else (right, left)
            _refuse_large(times * len(items), MAX_RENDERED_CHARACTERS)
        elif operator == "+" and isinstance(left, str):
            _refuse_large(len(left) + len(right), MAX_RENDERED_CHARACTERS)
        return super().call_binop(context, operator, left, right)


def _refuse_large(size: int, limit: int) -> None:
    if size > limit:
        raise _TemplateRefused("it makes too large a value")


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """What templates know as `tojson`, with the arguments that transformers gives it."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _environment(today: Callable[[], datetime]) -> jinja2.Environment:
    environment = _Sandbox(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _GenerationBlock]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda pattern: today().strftime(pattern)
    return environment


class Template:
    """One compiled chat template. `special` holds `bos_token`, `eos_token` and the like."""

    def __init__(self, source: str, special: dict[str, str], today: Callable[[], datetime] = datetime.now) -> None:
        if len(source) > MAX_TEMPLATE_CHARACTERS:
            raise TunesmithError("template-too-long", limit=MAX_TEMPLATE_CHARACTERS)
        self.source = source
        self.special = special
        self._today = today
        try:
            self._template = _environment(today).from_string(source)
        except jinja2.TemplateSyntaxError as failure:
            raise TunesmithError("template-syntax", problem=str(failure)) from failure

    def today(self) -> date | None:
        """The date that the text may hold; None where it will be the same tomorrow."""
        return self._today().date() if "strftime_now" in self.source else None

    def render(
        self, messages: Sequence[dict[str, Any]], *, add_generation_prompt: bool, day: date | None = None
    ) -> str:
        """The conversation as text, of today or of a `day`.

        Raises TunesmithError `template-refused` when the template rejects the conversation, fails, breaks the sandbox
        or does not end, `template-output` when it writes more than MAX_RENDERED_CHARACTERS.
        """
        pieces: list[str] = []
        num_characters = 0
        # transformers hands over None where there are none, and templates ask `tools is not none`
        given = {"messages": list(messages), "tools": None, "documents": None}
        context: dict[str, Any] = {**given, "add_generation_prompt": add_generation_prompt, **self.special}
        if day is not None:
            context["strftime_now"] = day.strftime
        try:
            for piece in self._template.generate(context):
                num_characters += len(piece)
                if num_characters > MAX_RENDERED_CHARACTERS:
                    raise TunesmithError("template-output", limit=MAX_RENDERED_CHARACTERS)
                pieces.append(piece)
        except TunesmithError:
            raise
        except Exception as failure:  # a template is a program of somebody else's: it may raise anything
            raise TunesmithError("template-refused", problem=str(failure) or type(failure).__name__) from failure
        return "".join(pieces)

    def training_twin(self) -> Template | None:
        """The same template without the statement that cuts the thinking away; None where it has none."""
        if REASONING_CUT not in self.source:
            return None
        return Template(self.source.replace(REASONING_CUT, ""), self.special)


def as_field(message: Message) -> dict[str, Any]:
    """The message with its reasoning in `reasoning_content`, as newer templates expect it."""
    fields: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.reasoning is not None:
        fields["reasoning_content"] = message.reasoning
    return fields


def as_inline(message: Message) -> dict[str, Any]:
    """The message with its reasoning inside the content, in R1's form."""
    if message.reasoning is None:
        return {"role": message.role, "content": message.content}
    return {"role": message.role, "content": f"<think>\n{message.reasoning}\n</think>\n\n{message.content}"}
