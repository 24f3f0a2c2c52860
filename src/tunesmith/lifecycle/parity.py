"""Whether a model can be tuned here without surprises: each part compared with transformers and peft themselves.

The parts run one after the other on a few short conversations. A part that fails, or cannot run, is a Result with the
reason: the others still run.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tunesmith.chat import Chat, load_chat
from tunesmith.chat.template import Template, as_field, as_inline
from tunesmith.errors import Place, TunesmithError
from tunesmith.i18n import translate
from tunesmith.model.base import Base, find_base
from tunesmith.recipe import PromptStyle
from tunesmith.records import Example, Message, Rendered
from tunesmith.runtime import Progress, Runtime

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NOWHERE: Final = Place("")

_ASK_EN: Final = Message("user", "A box holds 12 red pens and 7 blue ones. How many pens are in 3 such boxes?")
_THOUGHT_EN: Final = "One box: 12 + 7 = 19 pens.\nThree boxes: 3 * 19 = 57."
_ASK_ZH: Final = Message("user", "早上血压偏高，饭后又恢复正常，需要去医院吗？")
_THOUGHT_ZH: Final = "先看数值：140/90 以下多为临界。\n再看是否头晕、胸闷。"
_LONG: Final = " ".join(f"{number} + {number} = {number + number}." for number in range(1, 40))
CONVERSATIONS: Final[tuple[tuple[Message, ...], ...]] = (
    (_ASK_EN, Message("assistant", "There are **57** pens.", _THOUGHT_EN)),
    (_ASK_EN, Message("assistant", "57", "19 pens in a box, so 57.")),
    (_ASK_EN, Message("assistant", "57 pens, i.e. 36 red and 21 blue.")),
    (_ASK_ZH, Message("assistant", "建议连续测量一周；若多次高于 140/90，请就诊。", _THOUGHT_ZH)),
    (_ASK_ZH, Message("assistant", "不必紧张，先在家连测几天😊。")),
    (
        _ASK_ZH,
        Message("assistant", "先连测一周。", _THOUGHT_ZH),
        Message("user", "And what if it stays at 150/95?"),
        Message("assistant", "Then see a doctor this week.", "150/95 is above 140/90: not to be left alone."),
    ),
    (Message("user", "Double the numbers from 1 to 39."), Message("assistant", _LONG, "n + n, one by one.")),
)
TEXTS: Final = (
    "The café’s bill: 3 × €4.50 = €13.50 (50% off!)",
    "血红蛋白 6 g/dL，属于重度贫血；建议复查。",
    "def f(x):\n\treturn x ** 2  # 平方\n\n\nprint(f(10_000))",
    "naïve 😊 𝛼-β  two  spaces, Привет, こんにちは",
)

Fields = Callable[[Message], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """What one part found. `name` is an entry `cli.parity.<name>`; `detail` is in the runtime's language."""

    name: str
    passed: bool
    detail: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Finding:
    """`key` is an entry `cli.parity.<key>`, filled from `figures`."""

    passed: bool
    key: str
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Subject:
    base: Base
    chat: Chat
    device: str

    def rows(self) -> list[Rendered]:
        """The conversations with every token supervised, so that every position can be compared."""
        return self.chat.render_many(_examples(), supervise="all")

    def tokenizer(self) -> PreTrainedTokenizerBase:
        from transformers import AutoTokenizer  # brings torch

        # said in words, or transformers asks on the terminal whether to run code of the folder's
        tokenizer = AutoTokenizer.from_pretrained(self.base.folder, local_files_only=True, trust_remote_code=False)
        if self.chat.is_styled:
            tokenizer.chat_template = self.chat.source
        return tokenizer


def check_model(reference: str, runtime: Runtime, progress: Progress, style: PromptStyle | None = None) -> list[Result]:
    """Judge a local folder, `builtin:tiny` or a Hub id: template, tokenizer, logits, adapter, three training steps.

    With a `style`, conversations are rendered in it rather than by the model's own template, which it may lack. Never
    raises for a fault of the model: a folder that cannot be opened is one failed Result, named `model` or
    `template`. Needs memory for one copy of the model in float32.
    """
    parts: dict[str, Callable[[_Subject], _Finding]] = {
        "template": _template,
        "prefix": _prefix,
        "tokenizer": _tokenizer,
        "round_trip": _round_trip,
        "end_token": _end_token,
        "logits": _logits,
        "adapter": _adapter,
        "training": _training,
    }
    language = runtime.language
    try:
        base = find_base(reference)
    except TunesmithError as failure:
        return [Result("model", False, _reason(failure, language))]
    found = translate("cli.parity.model.found", language, type=base.config["model_type"], tokens=base.max_tokens)
    results = [Result("model", True, found)]
    try:
        subject = _Subject(base, load_chat(base.folder, style), runtime.device)
    except Exception as failure:  # a folder of somebody else's: its tokenizer may be broken in any way
        return [*results, Result("template", False, _reason(failure, language))]
    progress.begin("task.parity", len(parts))
    for name, part in parts.items():
        results.append(_judge(name, part, subject, language))
        gc.collect()  # the next part loads the model anew
        progress.advance()
    progress.end()
    return results


def _judge(name: str, part: Callable[[_Subject], _Finding], subject: _Subject, language: str) -> Result:
    try:
        finding = part(subject)
    except Exception as failure:  # model, template and libraries are somebody else's: they may raise anything
        return Result(name, False, _reason(failure, language))
    return Result(name, finding.passed, translate(f"cli.parity.{finding.key}", language, **finding.figures))


def _reason(failure: Exception, language: str) -> str:
    if isinstance(failure, TunesmithError):
        at = f" ({failure.place})" if failure.place else ""
        return f"[{failure.code}] {failure.message(language)}{at}; {failure.hint(language)}"
    return f"{type(failure).__name__}: {failure}"


def _examples() -> list[Example]:
    return [Example(str(number), messages, NOWHERE) for number, messages in enumerate(CONVERSATIONS)]


def _template(subject: _Subject) -> _Finding:
    """Thinking reaches the tokens, by the model's own template or its twin, and comes back from them."""
    _, source = _form(subject.tokenizer())
    for example in _examples():
        rendered = subject.chat.render(example)
        last = _starts(rendered)[-1]
        said = subject.chat.parse(subject.chat.decode(rendered.ids_T[last:].tolist())).message
        meant = (example.answer.content, example.answer.reasoning or "")
        if (said.content, said.reasoning or "") != meant:
            return _Finding(False, "template.lost", {"meant": meant, "said": (said.content, said.reasoning or "")})
    return _Finding(True, "template.twin" if source else "template.own")


def _form(tokenizer: PreTrainedTokenizerBase) -> tuple[Fields, str | None]:
    """How transformers is told of thinking so that it keeps it, and the twin's source where the own template drops it.

    Judged by what transformers itself renders. Raises TunesmithError `template-drops-reasoning`.
    """
    asked, answer = CONVERSATIONS[0]
    twin = Template(tokenizer.get_chat_template(), {}).training_twin()
    for source in [None] + ([twin.source] if twin else []):
        for fields in (as_field, as_inline):
            prompt = _said(tokenizer, [asked], fields, source, prompt=True)
            text = _said(tokenizer, [asked, answer], fields, source, prompt=False)
            if _THOUGHT_EN in text and text.startswith(prompt):
                return fields, source
    raise TunesmithError("template-drops-reasoning")


def _said(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], fields: Fields, source: str | None, *, prompt: bool
) -> str:
    text: str = tokenizer.apply_chat_template(
        [fields(message) for message in messages], chat_template=source, tokenize=False, add_generation_prompt=prompt
    )
    return text


def _starts(rendered: Rendered) -> list[int]:
    """Where each supervised stretch begins."""
    supervised_T = rendered.weights_T > 0
    return (np.flatnonzero(supervised_T[1:] & ~supervised_T[:-1]) + 1).tolist()


def _prefix(subject: _Subject) -> _Finding:
    """What is learned stands after exactly the tokens that serving would send, in every turn."""
    chat = subject.chat
    num_turns = num_rows = 0
    for example in _examples():
        rows = chat.training_rows([example])
        turns = [i for i, message in enumerate(example.messages) if message.role == "assistant"]
        found = [(row, start) for row in rows for start in _starts(row)]
        if len(found) != len(turns):
            return _Finding(False, "prefix.turns", {"found": len(found), "expected": len(turns)})
        for (row, start), turn in zip(found, turns, strict=True):
            served, read = chat.prompt_ids(example.messages[:turn]), row.ids_T[:start].tolist()
            if served != read:
                return _Finding(False, "prefix.differs", {"row": example.id, "at": _first_difference(served, read)})
        num_turns += len(turns)
        num_rows += len(rows)
    figures = {"rows": len(CONVERSATIONS), "turns": num_turns, "training_rows": num_rows}
    return _Finding(True, "prefix.history" if num_rows == len(CONVERSATIONS) else "prefix.apart", figures)


def _first_difference(ours: Sequence[int], theirs: Sequence[int]) -> int:
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(ours), len(theirs)))


def _tokenizer(subject: _Subject) -> _Finding:
    """Prompts as transformers' own tokenizer makes them, with the template that the model is served with."""
    tokenizer = subject.tokenizer()
    fields, twin = _form(tokenizer)
    num_tokens = 0
    for number, messages in enumerate(CONVERSATIONS):
        ours = subject.chat.prompt_ids(messages[:-1])
        shown = messages[:-1] if twin is None else [replace(message, reasoning=None) for message in messages[:-1]]
        theirs: list[int] = tokenizer.apply_chat_template(
            [fields(message) for message in shown],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=False,
        )
        if ours != theirs:
            place = _first_difference(ours, theirs)
            pieces = {"ours": _piece(subject.chat, ours, place), "theirs": _piece(subject.chat, theirs, place)}
            return _Finding(False, "tokenizer.differs", {"row": number, "at": place, **pieces})
        num_tokens += len(ours)
    return _Finding(True, "tokenizer.equal", {"tokens": num_tokens, "rows": len(CONVERSATIONS)})


def _piece(chat: Chat, ids: Sequence[int], place: int) -> str:
    return repr(chat.decode_all(ids[place : place + 4]))


def _round_trip(subject: _Subject) -> _Finding:
    for text in TEXTS:
        ids = subject.chat.tokenizer.encode(text, add_special_tokens=False).ids
        again = subject.chat.decode_all(ids)
        if again != text:
            return _Finding(False, "round_trip.differs", {"text": repr(text), "again": repr(again)})
    return _Finding(True, "round_trip.equal", {"texts": len(TEXTS)})


def _end_token(subject: _Subject) -> _Finding:
    """Every answer that is learned closes with a token at which generation stops."""
    ends = {int(row.ids_T[-1]) for row in subject.chat.render_many(_examples())}
    names = ", ".join(sorted(subject.chat.decode_all([id]) for id in ends))
    return _Finding(bool(ends) and ends <= subject.chat.end_ids, "end_token.found", {"tokens": names})


def _logits(subject: _Subject) -> _Finding:
    from tunesmith.train.parity import compare_logits  # brings torch

    found = compare_logits(subject.base, subject.rows(), subject.device)
    tokens = {"computed": found.num_computed_tokens, "tokens": found.num_tokens}
    figures = {"difference": f"{found.difference:.2g}", "limit": f"{found.limit:.2g}", **tokens}
    return _Finding(found.holds, "logits.difference", figures)


def _adapter(subject: _Subject) -> _Finding:
    from tunesmith.train.parity import compare_adapter

    found = compare_adapter(subject.base, subject.rows(), subject.device)
    figures = {"difference": f"{found.difference:.2g}", "limit": f"{found.limit:.2g}", "effect": f"{found.effect:.2g}"}
    return _Finding(found.holds, f"adapter.{found.loaded_by}", figures)


def _training(subject: _Subject) -> _Finding:
    from tunesmith.train.parity import train_shortly

    found = train_shortly(subject.base, subject.chat.render_many(_examples()[:3]), subject.device)
    if not found.kept_base:
        return _Finding(False, "training.touched")
    figures = {"steps": found.num_steps, "before": f"{found.before:.4f}", "after": f"{found.after:.4f}"}
    return _Finding(found.holds, "training.loss", figures)
