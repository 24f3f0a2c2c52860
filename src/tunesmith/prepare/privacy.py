"""Personal data of rows: masked, replaced by pseudonyms, or a reason to reject, as the section `personal` asks.

Placeholders are the same in every language (`[EMAIL]`, `[ID_CARD]`), so that one search finds them all. Pseudonyms are
drawn by a key: one value has one pseudonym in the whole dataset, in whatever process it is met. What stood in a row is
sealed into its metadata (`prepare/seal.py`) under the same key, which is kept outside the dataset.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tunesmith.prepare.name_model import find_by_model
from tunesmith.prepare.seal import Original, Swap, derived, seal, texts_of, with_texts
from tunesmith.recipe.prepare import Personal
from tunesmith.records import Annotation, Entity, Example, Rejected
from tunesmith.text.normalise import fingerprint
from tunesmith.text.personal import PersonalType, Span, find_personal, without_overlaps
from tunesmith.text.personal.mentions import find_mentions, parts_of
from tunesmith.text.personal.pseudonyms import pseudonyms_of
from tunesmith.text.personal.surrogates import surrogate

if TYPE_CHECKING:
    from tunesmith.prepare.checks import Check

PERSONAL_DATA: Final = "personal-data"
_METADATA: Final = "metadata."
_GROUP: Final = "group"

Replacement = Callable[[str, PersonalType], str]


def personal_check(section: Personal, key: bytes | None) -> Check | None:
    """The check that the section asks for; None when its mode is `off`. It can be sent to other processes.

    Treated are contents and reasoning of all messages, a rejected answer, metadata, entities and the group; not the
    answer of a row with a label or a numeric target, which says nothing else. Every hit leaves `personal.<type>` in
    `Example.changes`. `key` is the value of the secret that the section names; only pseudonyms need it.

    Raises TunesmithError `personal-key-missing`, `personal-key-short`; the check raises `personal-model`.
    """
    if section.mode == "off":
        return None
    if section.mode == "pseudonym":
        return PersonalCheck(section, derived(key, "pseudonyms"), derived(key, "seal"))
    return PersonalCheck(section)


@dataclass(frozen=True, slots=True)
class PersonalCheck:
    """One row in, the row without personal data out, or why it was rejected."""

    section: Personal
    pseudonym_key: bytes = b""
    seal_key: bytes = b""

    def __call__(self, example: Example) -> Example | Rejected:
        texts = texts_of(example)
        found = self._find_all(texts if example.group is None else texts | {_GROUP: example.group})
        if not found and example.group is None:
            return example
        in_group = found.pop(_GROUP, [])
        kinds = [span.type for spans in (*found.values(), in_group) for span in spans]
        if found and self.section.mode == "remove":
            counts = ", ".join(f"{kind} {number}" for kind, number in Counter(kinds).items())
            return Rejected(example.place, PERSONAL_DATA, counts)
        swaps = {
            path: list(_swaps(texts[path], spans, self._replacement(texts, found))) for path, spans in found.items()
        }
        changed = replace(
            with_texts(example, texts | {path: _swapped(texts[path], swaps[path]) for path in swaps}),
            annotations=_moved(example.annotations, texts, swaps),
            # of every row: that a group is a person's name may show in some of its rows alone, and they must stay one
            group=None if example.group is None else self._hidden(example.group),
        )
        if self.section.mode == "pseudonym":
            changed = seal(changed, Original(swaps, example.annotations, example.group), self.seal_key)
        return replace(changed, changes=(*example.changes, *(f"personal.{kind}" for kind in kinds)))

    def _find_all(self, texts: Mapping[str, str]) -> dict[str, list[Span]]:
        """What is found in each text that holds anything; then the same people again, by parts of their names."""
        found = {path: _find(path, text, self.section) for path, text in texts.items()}
        if not any(found.values()):
            return {}
        wanted = frozenset(mention for name in _names(texts, found) for mention in parts_of(name))
        for path, text in texts.items() if wanted else ():
            mentions = list(find_mentions(text, wanted))
            if mentions:
                found[path] = without_overlaps(found[path] + mentions)
        kept = {path: [span for span in spans if span.type in self.section.types] for path, spans in found.items()}
        return {path: spans for path, spans in kept.items() if spans}

    def _replacement(self, texts: Mapping[str, str], found: Mapping[str, list[Span]]) -> Replacement:
        """A placeholder, or the pseudonym; a later mention takes the same part of the name that the full name got."""
        if self.section.mode != "pseudonym":
            return lambda value, kind: placeholder(kind)
        known = pseudonyms_of(_names(texts, found), self.pseudonym_key)
        return lambda value, kind: (
            known[value] if kind == "name" and value in known else surrogate(value, kind, self.pseudonym_key)
        )

    def _hidden(self, group: str) -> str:
        """A group that keeps its rows together and says no more.

        Without a key whoever holds a list of possible values can try them.
        """
        return hmac.digest(self.pseudonym_key, fingerprint(group).encode(), hashlib.sha256)[:8].hex()


def placeholder(kind: PersonalType) -> str:
    """What stands for a value of this type when it is masked."""
    return f"[{kind.upper().replace('-', '_')}]"


def types_of(reject: Rejected) -> list[str]:
    """The types of personal data for which a row was rejected."""
    return [count.rpartition(" ")[0] for count in reject.detail.split(", ")]


def redacted(reject: Rejected) -> Rejected:
    """A reject whose row and detail say no more of persons than the dataset does."""
    detail = reject.detail if reject.reason == PERSONAL_DATA else redact(reject.detail)  # that one says types alone
    return replace(reject, row=redact(reject.row), detail=detail)


def redact(text: str) -> str:
    """Return the text with placeholders: for what is kept of a row beside the dataset, such as rejects."""
    return _swapped(text, _swaps(text, find_personal(text), lambda value, kind: placeholder(kind)))


def _find(path: str, text: str, section: Personal) -> list[Span]:
    # the name of a column is a cue: `customer_name: ...`
    cue = f"{path.removeprefix(_METADATA)}: " if path.startswith(_METADATA) else ""
    spans = find_personal(cue + text, section.types)
    if section.model is not None:
        spans = without_overlaps([*spans, *find_by_model(cue + text, section.model)])
    shift = len(cue)
    return [Span(span.start - shift, span.stop - shift, span.type) for span in spans if span.start >= shift]


def _names(texts: Mapping[str, str], found: Mapping[str, list[Span]]) -> Iterator[str]:
    for path, spans in found.items():
        yield from (texts[path][span.start : span.stop] for span in spans if span.type == "name")


def _swaps(text: str, spans: Iterable[Span], replacement: Replacement) -> Iterator[Swap]:
    shift = 0
    for span in spans:
        old = text[span.start : span.stop]
        new = replacement(old, span.type)
        yield Swap(span.start + shift, new, old)
        shift += len(new) - len(old)


def _swapped(text: str, swaps: Iterable[Swap]) -> str:
    for swap in swaps:
        text = text[: swap.start] + swap.new + text[swap.start + len(swap.old) :]
    return text


def _moved(
    annotations: Sequence[Annotation], texts: Mapping[str, str], swaps: Mapping[str, Sequence[Swap]]
) -> tuple[Annotation, ...]:
    return tuple(
        _moved_entity(annotation, texts, swaps) if isinstance(annotation, Entity) else annotation
        for annotation in annotations
    )


def _moved_entity(entity: Entity, texts: Mapping[str, str], swaps: Mapping[str, Sequence[Swap]]) -> Entity:
    """The entity where it stands now: in the first text that has it at its place, else with what it quotes replaced."""
    for path, text in texts.items():
        if text[entity.start : entity.end] == entity.text:
            here = swaps.get(path, ())
            start, end = _place_after(entity.start, here, 0), _place_after(entity.end, here, 1)
            return replace(entity, start=start, end=end, text=_swapped(text, here)[start:end])
    quoted = entity.text
    for swap in (swap for path in swaps for swap in swaps[path]):
        quoted = quoted.replace(swap.old, swap.new)
    return replace(entity, text=quoted)


def _place_after(place: int, swaps: Iterable[Swap], is_end: int) -> int:
    """Where a place of the old text is in the new one; one inside a replaced value goes to its start or its end."""
    for swap in swaps:
        # each swap begins where those before it have moved it, and so has `place`
        if place >= swap.start + len(swap.old):
            place += len(swap.new) - len(swap.old)
        elif place > swap.start:
            return swap.start + is_end * len(swap.new)
    return place
