"""The one renderer: a conversation becomes tokens, the same way for training, evaluation and serving.

A conversation is cut at each assistant turn: the prompt up to it is exactly the text that serving would send, and
its tokens are exactly the tokens that serving would compute; only what the model itself would write is supervised.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
from tokenizers import Encoding, Tokenizer

from tunesmith.chat.parse import CLOSE, OPEN, Parsed, parse_answer
from tunesmith.chat.styles import style_source
from tunesmith.chat.template import Template, as_field, as_inline
from tunesmith.errors import Place, TunesmithError
from tunesmith.recipe import PromptStyle, Supervise
from tunesmith.records import Example, Message, Rendered

_ROWS_AT_ONCE: Final = 4096
TOKENIZER: Final = "tokenizer.json"
SPECIAL_NAMES: Final = ("bos_token", "eos_token", "pad_token", "unk_token", "mask_token")
MASKS: Final = ("[MASK]", "<mask>")
"""What an encoder's tokenizer calls the token that hides another, where its settings do not say it."""
VERSION: Final = 3
"""Raised by hand whenever equal conversations become other tokens."""
_PROBE: Final = (
    Message("user", "probe question"),
    Message("assistant", "probe answer", "probe thinking"),
)


@dataclass(frozen=True)
class _Turn:
    """What the model reads and what it then writes, its end token included."""

    after: str
    """The end token of the turn before; empty at the beginning."""
    prompt: str
    answer: str
    weight: float


_Row = list[_Turn]
_Ids = tuple[list[int], list[int]]
"""Tokens of a turn's prompt and of its answer."""


class Chat:
    """A tokenizer with its chat template. Use `load_chat`.

    Where `reads_only`, the model is an encoder: its prompts stand between the special tokens that the tokenizer itself
    puts around a text, and nothing is written behind them.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        template: Template,
        end_ids: frozenset[int],
        fingerprint: str,
        *,
        is_styled: bool = False,
        reads_only: bool = False,
    ) -> None:
        self.tokenizer = tokenizer
        self.end_ids = end_ids
        self.is_styled = is_styled
        """Whether the template is a style's, which no model folder has."""
        self.reads_only = reads_only
        self.source = template.source
        """Of the template with which the model is served."""
        # R1 does not call `<｜User｜>` special, yet its template steers with it; thinking tags belong to the text
        self._control_tokens = tuple(
            token.content
            for token in tokenizer.get_added_tokens_decoder().values()
            if token.special or (token.content in template.source and token.content not in (OPEN, CLOSE))
        )
        self.control_ids = frozenset(id for id, token in tokenizer.get_added_tokens_decoder().items() if token.special)
        """Ids that steer the conversation; no user's text may hold them."""
        added = tokenizer.get_added_tokens_decoder()
        self._ends = {token.content: token.rstrip for id, token in added.items() if id in end_ids}
        """Texts that end an answer, and whether white space behind one belongs to it."""
        mask = tokenizer.token_to_id(template.special["mask_token"]) if "mask_token" in template.special else None
        self.filler_id = min(self.control_ids - self.end_ids or self.end_ids) if mask is None else mask
        """A control id that stands for a token which is not shown."""
        pad = tokenizer.token_to_id(template.special["pad_token"]) if "pad_token" in template.special else None
        self.pad_id = self.filler_id if pad is None else pad
        """What fills the shorter rows of a padded batch, where others read the model."""
        end = tokenizer.token_to_id(template.special["eos_token"]) if "eos_token" in template.special else None
        self.end_id = min(end_ids) if end is None else end
        """The tokenizer's own end token, which parts documents of plain text."""
        begin = tokenizer.token_to_id(template.special["bos_token"]) if "bos_token" in template.special else None
        self.begin_id = self.end_id if begin is None else begin
        """Stands before a document, so that its first token is predicted too."""
        self._template, self._as_fields = _keeping_reasoning(template)
        # The twin keeps all thinking; the model's own template, with which it is served, shows none of earlier turns.
        self._drops_thinking = self._template is not template
        decisive = (VERSION, fingerprint, self._template.source, sorted(template.special.items()), sorted(end_ids))
        kind = " reads only" if reads_only else ""
        self.fingerprint = hashlib.sha256(f"{decisive!r}{kind}".encode()).hexdigest()
        """Changes with everything that decides how a conversation is rendered."""
        probe = self._text(_PROBE[:1], add_generation_prompt=True)
        self.prefilled = probe.rstrip().endswith(OPEN)
        """Whether the prompt already opens the thinking, as R1's does."""

    def render(self, example: Example, supervise: Supervise = "answers") -> Rendered:
        """Tokens and loss weights of one example.

        The weight of a token is that of its message times that of the row; what the model does not write counts with
        weight 1 where `all` is supervised, else not at all; with `last` no earlier answer counts. Where the template
        shows a conversation otherwise once it goes on (without the thinking of earlier turns), this is the conversation
        as it stands at its last answer; `training_rows` has those of the earlier answers too. Raises TunesmithError
        `template-refused`, `template-rewrites` or `control-token` with the row's place; `template-no-end`.
        """
        return self.render_many([example], supervise)[0]

    def render_many(self, examples: Sequence[Example], supervise: Supervise = "answers") -> list[Rendered]:
        """`render` for many examples, tokenised together."""
        return self._rendered([(example, self._rows_of(example)[-1]) for example in examples], supervise)

    def training_rows(self, examples: Sequence[Example], supervise: Supervise = "answers") -> list[Rendered]:
        """What each example teaches, in order: every answer stands once after exactly the prompt it is served with.

        Of an encoder, what it reads of each example.

        A plain text stands without the template between begin and end token, all of it supervised but its context.

        A conversation is one row while its later prompts begin with its earlier turns as they were; where the template
        drops earlier thinking, a conversation of k turns is k rows, named `id.1` to `id.k`. Rows without any weight
        are left out unless an example has no other. Raises what `render` raises.
        """
        if self.reads_only:
            return self.prompt_rows(examples)
        parts = groupby(examples, lambda example: example.text is not None)
        return [
            row
            for is_text, part in parts
            for row in (self._texts(list(part)) if is_text else self._conversations(part, supervise))
        ]

    def _texts(self, examples: Sequence[Example]) -> list[Rendered]:
        rows = []
        for start in range(0, len(examples), _ROWS_AT_ONCE):
            part = examples[start : start + _ROWS_AT_ONCE]
            for example in part:
                self._refuse_control_tokens_of(example)
            encodings = self.tokenizer.encode_batch(
                [each.messages[0].content for each in part], add_special_tokens=False
            )
            rows += [self._text_row(*pair) for pair in zip(part, encodings, strict=True)]
        return rows

    def _text_row(self, example: Example, encoding: Encoding) -> Rendered:
        assert example.text is not None
        ends = [self.end_id] if example.text.is_end else []
        is_taught = [begin >= example.text.num_context for begin, _ in encoding.offsets]
        weights_T = np.asarray([False, *is_taught, *(True for _ in ends)], np.float32) * np.float32(example.weight)
        ids_T = np.asarray([self.begin_id, *encoding.ids, *ends], np.int32)
        return Rendered(example.id, ids_T, weights_T, example.repeats)

    def _conversations(self, examples: Iterable[Example], supervise: Supervise) -> list[Rendered]:
        rows: list[tuple[Example, _Row]] = []
        for example in examples:
            found = self._rows_of(example)[-1 if supervise == "last" else 0 :]
            taught = [row for row in found if supervise == "all" or any(turn.weight for turn in row)] or found[-1:]
            names = [example.id] if len(taught) == 1 else [f"{example.id}.{n}" for n in range(1, len(taught) + 1)]
            rows += [(replace(example, id=name), row) for name, row in zip(names, taught, strict=True)]
        return self._rendered(rows, supervise)

    def _rendered(self, rows: Sequence[tuple[Example, _Row]], supervise: Supervise) -> list[Rendered]:
        """The tokenizer works on all cores by itself; what it makes of a text is large, so not of all at once."""
        parts = (rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE))
        return [rendered for part in parts for rendered in self._rendered_part(part, supervise)]

    def _rendered_part(self, rows: Sequence[tuple[Example, _Row]], supervise: Supervise) -> list[Rendered]:
        ids = iter(self._ids_of([turn for _, row in rows for turn in row]))
        return [self._join(example, [(turn, next(ids)) for turn in row], supervise) for example, row in rows]

    def _ids_of(self, turns: Sequence[_Turn]) -> list[_Ids]:
        """Tokens of each turn as a whole conversation has them.

        A control token parts a text; what stands between two of them is tokenised together, so that no text gets the
        mark of a beginning that many tokenizers set, nor is cut between white space. Where the end of a prompt and the
        beginning of its answer would become one token, the answer is tokenised on its own, as a model writes it.
        """
        texts: list[str] = []
        for turn in turns:
            before = turn.after + turn.prompt
            last = before[max([0, *(before.rfind(token) for token in self._control_tokens)]) :]
            texts += [before, last, last + turn.answer]
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch(texts, add_special_tokens=False)]
        told: list[_Ids] = []
        for turn, before_ids, last_ids, both_ids in zip(turns, ids[::3], ids[1::3], ids[2::3], strict=True):
            goes_on = both_ids[: len(last_ids)] == last_ids
            answer_ids = both_ids[len(last_ids) :] if goes_on else self._alone(turn.answer)
            told.append((before_ids[1 if turn.after else 0 :], answer_ids))
        return told

    def _alone(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def prompt_rows(self, examples: Sequence[Example]) -> list[Rendered]:
        """The prompt of each example alone, after which a model would answer; no token is supervised.

        Raises TunesmithError `template-refused` or `control-token` with the row's place.
        """
        rows = []
        for example in examples:
            try:
                ids = self.prompt_ids(example.prompt)
            except TunesmithError as failure:
                failure.place = example.place
                raise
            rows.append(
                Rendered(example.id, np.asarray(ids, np.int32), np.zeros(len(ids), np.float32), example.repeats)
            )
        return rows

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Where each token of a text begins and ends, in characters; those of one character may share it."""
        spans: list[tuple[int, int]] = self.tokenizer.encode(text, add_special_tokens=False).offsets
        return spans

    def prompt_ids(self, messages: Sequence[Message], day: date | None = None) -> list[int]:
        """The tokens after which the model writes its answer to `messages`, or all that an encoder reads; today, or on
        a `day`, which templates may tell the model."""
        self._refuse_control_tokens(messages)
        text = self._text(self._served(messages), add_generation_prompt=not self.reads_only, day=day)
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=self.reads_only).ids
        return ids

    def today(self) -> date | None:
        """The date that prompts tell the model; None where the template tells none."""
        return self._template.today()

    def text_ids(self, text: str) -> list[int]:
        """The tokens after which the model writes on from a plain text. Raises TunesmithError `control-token`."""
        self._refuse_control_tokens([Message("user", text)])
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return [self.begin_id, *ids]

    def read_ids(self, text: str) -> list[int]:
        """The tokens of a text that is read for its meaning, with those that the tokenizer itself puts around one.

        Raises TunesmithError `control-token`.
        """
        self._refuse_control_tokens([Message("user", text)])
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=True).ids
        return ids

    def answer_ids(self, answer: Message, prompt: Sequence[Message]) -> list[int]:
        """The tokens that the model would write to give `answer` after `prompt`, its end token included."""
        row = self._rows_of(Example("", (*prompt, answer), Place("")))[-1]
        return self._ids_of(row[-1:])[0][1]

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=True)
        return text

    def decode_all(self, ids: Sequence[int]) -> str:
        """Text with its control tokens, to be looked at."""
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def parse(self, text: str) -> Parsed:
        """Split generated text into reasoning and answer by this model's rules."""
        return parse_answer(text, prefilled=self.prefilled)

    def _text(self, messages: Sequence[Message], *, add_generation_prompt: bool, day: date | None = None) -> str:
        fields = [self._as_fields(message) for message in messages]
        return self._template.render(fields, add_generation_prompt=add_generation_prompt, day=day)

    def _served(self, messages: Sequence[Message]) -> list[Message]:
        """What comes before an answer, as a server shows it to the model."""
        if self._drops_thinking:
            return [replace(message, reasoning=None) for message in messages]
        return [self._closed(message) for message in messages]

    def _closed(self, message: Message) -> Message:
        """A prompt that opens the thinking needs it closed, also in turns that have none."""
        if self.prefilled and message.role == "assistant" and message.reasoning is None:
            return replace(message, reasoning="")
        return message

    def _rows_of(self, example: Example) -> list[_Row]:
        """Every answer once, after its prompt; turns stay in one row as long as each prompt goes on from the last."""
        try:
            self._refuse_control_tokens(example.messages)
            rows: list[_Row] = []
            done = after = ""
            for turn, message in enumerate(example.messages):
                if message.role != "assistant":
                    continue
                history = self._served(example.messages[:turn])
                prompt = self._text(history, add_generation_prompt=True)
                whole = self._text([*history, self._closed(message)], add_generation_prompt=False)
                if not whole.startswith(prompt):
                    raise TunesmithError("template-rewrites")
                if not rows or not prompt.startswith(done):
                    rows.append([])
                    done = after = ""
                answer, end = self._up_to_end(whole[len(prompt) :])
                rows[-1].append(_Turn(after, prompt[len(done) :], answer, message.weight))
                done, after = prompt + answer, end
        except TunesmithError as failure:
            failure.place = example.place
            raise
        return rows

    def _join(self, example: Example, row: list[tuple[_Turn, _Ids]], supervise: Supervise) -> Rendered:
        read_weight = 1.0 if supervise == "all" else 0.0
        ids: list[int] = []
        weights: list[float] = []
        for index, (turn, (prompt_ids, answer_ids)) in enumerate(row):
            is_taught = supervise != "last" or index == len(row) - 1
            ids += prompt_ids + answer_ids
            weights += [read_weight] * len(prompt_ids) + [turn.weight if is_taught else 0.0] * len(answer_ids)
        if weights:
            weights[0] = 0.0  # nothing comes before the first token
        weights_T = np.asarray(weights, np.float32) * np.float32(example.weight)
        return Rendered(example.id, np.asarray(ids, np.int32), weights_T, example.repeats)

    def _up_to_end(self, written: str) -> tuple[str, str]:
        """What the model writes, up to its last end token, and that token; what follows is the template's own."""
        place, end = max(((written.rfind(end), end) for end in self._ends), default=(-1, ""))
        if place < 0:
            raise TunesmithError("template-no-end")
        stop = place + len(end)
        if self._ends[end]:
            stop = len(written) - len(written[stop:].lstrip())
        return written[:stop], end

    def _refuse_control_tokens_of(self, example: Example) -> None:
        try:
            self._refuse_control_tokens(example.messages)
        except TunesmithError as failure:
            failure.place = example.place
            raise

    def _refuse_control_tokens(self, messages: Sequence[Message]) -> None:
        for message in messages:
            for token in self._control_tokens:
                if token in message.content or (message.reasoning and token in message.reasoning):
                    raise TunesmithError("control-token", token=token)


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model folder; it cuts and fills up nothing. Raises TunesmithError `tokenizer-missing`."""
    file = folder / TOKENIZER
    if not file.is_file():
        raise TunesmithError("tokenizer-missing", place=Place(str(folder)))
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def load_chat(folder: Path, style: PromptStyle | None = None, *, reads_only: bool = False) -> Chat:
    """The chat of a model folder: `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja`, end tokens.

    With a `style`, conversations are rendered in it rather than by the folder's own template. `reads_only` says that
    the model is an encoder. Raises TunesmithError `tokenizer-missing`, `template-missing`, `template-no-end`,
    `template-drops-reasoning` or `template-syntax`.
    """
    tokenizer = load_tokenizer(folder)
    settings = _read_json(folder / "tokenizer_config.json")
    special = {name: _token_text(settings[name]) for name in SPECIAL_NAMES if settings.get(name)}
    around: list[int] = tokenizer.encode("", add_special_tokens=True).ids  # what is put around a text
    end_ids = _end_ids(folder, tokenizer, special)
    if reads_only:
        end_ids = end_ids or frozenset(around[-1:])
        masks = [("mask_token", mask) for mask in MASKS if tokenizer.token_to_id(mask) is not None]
        special = dict(masks[:1]) | special
    if not end_ids:
        raise TunesmithError("template-no-end", place=Place(str(folder)))
    if style is None:
        source = _template_source(folder, settings)
    else:
        begin = "".join(str(tokenizer.id_to_token(id)) for id in around[:1] if not reads_only)
        end = special.get("eos_token") or str(tokenizer.id_to_token(min(end_ids)))
        source = style_source(style, begin, end)
    tokenizer_hash = hashlib.sha256((folder / TOKENIZER).read_bytes()).hexdigest()
    template, is_styled = Template(source, special), style is not None
    return Chat(tokenizer, template, end_ids, tokenizer_hash, is_styled=is_styled, reads_only=reads_only)


def _keeping_reasoning(template: Template) -> tuple[Template, Callable[[Message], dict[str, Any]]]:
    """The template and message form under which thinking reaches the text: as it is, else its training twin."""
    twin = template.training_twin()
    for candidate in [template] + ([twin] if twin else []):
        for as_fields in (as_field, as_inline):
            text = candidate.render([as_fields(m) for m in _PROBE[:2]], add_generation_prompt=False)
            prompt = candidate.render([as_fields(m) for m in _PROBE[:1]], add_generation_prompt=True)
            if "probe thinking" in text and text.startswith(prompt):
                return candidate, as_fields
    raise TunesmithError("template-drops-reasoning")


def _template_source(folder: Path, settings: dict[str, Any]) -> str:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    source = settings.get("chat_template")
    if isinstance(source, list):
        named = {entry["name"]: entry["template"] for entry in source}
        source = named.get("default")
    if not isinstance(source, str):
        raise TunesmithError("template-missing", place=Place(str(folder)))
    return source


def _end_ids(folder: Path, tokenizer: Tokenizer, special: dict[str, str]) -> frozenset[int]:
    """Every id that ends an answer: generation_config's, else the tokenizer's end token."""
    declared = _read_json(folder / "generation_config.json").get("eos_token_id")
    ids = set(declared if isinstance(declared, list) else [] if declared is None else [declared])
    end = tokenizer.token_to_id(special["eos_token"]) if "eos_token" in special else None
    if end is not None:
        ids.add(end)
    return frozenset(ids)


def _token_text(value: Any) -> str:
    return str(value["content"]) if isinstance(value, dict) else str(value)


def _read_json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content
