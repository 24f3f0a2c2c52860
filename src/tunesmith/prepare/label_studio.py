"""Tasks as Label Studio exports them (its JSON format): one row a task, its annotators' results in `annotations`.

Choices become a label, ratings and numbers a target, a written text the answer, a pairwise choice a preference, and
entities with their relations (and choices beside them, as intents) annotations, which the answer says as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tunesmith.prepare.format_readers import Conversation, Values, number_of, text_of, turns
from tunesmith.prepare.rows import Refused
from tunesmith.records import Annotation, Entity, Intent, Message, Relation

_PROMPTS: Final = ("prompt", "question", "instruction")
_TEXTS: Final = ("text", *_PROMPTS)
EARLIER_TURNS: Final = "earlier_turns"
"""Field of a task whose text is the last turn of a conversation: the turns before it, each with role and content."""


@dataclass(slots=True)
class Results:
    """What one annotator said of one task, by kind."""

    choices: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    entities: list[tuple[str, Entity]] = field(default_factory=list)
    """With the id by which relations name them."""
    relations: list[tuple[str, str, str]] = field(default_factory=list)
    """Label, id of the head, id of the tail."""
    selected: str | None = None
    """The side that is better, `left` or `right`."""
    sides: str = ""
    """The names of the two sides, with a comma between them."""


def label_studio(values: Values) -> Conversation:
    """Raises Refused: `not-annotated`, `annotators-disagree`, `annotation-kind`, `bad-span`, `bad-pair`,
    `equal-pair`, `several-labels`, `not-a-number`, `not-a-list`, `not-text`, and as `earlier_turns` does.
    """
    data = values["data"]
    if not isinstance(data, Mapping):
        raise Refused("not-text", field="data")
    result = _agreed(values["annotations"])
    name = name_of_text(data, result)
    text = text_of(data.get(name), f"data.{name}")
    said = _conversation(read_results(result, text), text, data)
    earlier = earlier_turns(data)
    return Conversation(
        (*earlier, *said.messages),
        said.label,
        said.rejected,
        target=said.target,
        annotations=said.annotations,
        metadata={key: value for key, value in data.items() if key not in (name, EARLIER_TURNS)},
    )


def earlier_turns(data: Mapping[str, Any]) -> tuple[Message, ...]:
    """What was said before the annotated text: read by the model, never supervised.

    Raises Refused as `turns` does.
    """
    said = turns(data.get(EARLIER_TURNS), f"data.{EARLIER_TURNS}")
    return tuple(replace(turn, weight=0.0) if turn.role == "assistant" else turn for turn in said)


def _agreed(annotations: object) -> list[Mapping[str, Any]]:
    """The results of the annotation that counts: the one marked as ground truth, else what all annotators agree on."""
    if not isinstance(annotations, list) or not all(isinstance(one, Mapping) for one in annotations):
        raise Refused("not-a-list", field="annotations")
    done = [one for one in annotations if one.get("result") and not one.get("was_cancelled")]
    if not done:
        raise Refused("not-annotated", field="annotations")
    done = [one for one in done if one.get("ground_truth")] or done
    for one in done:
        if not isinstance(one["result"], list) or not all(isinstance(item, Mapping) for item in one["result"]):
            raise Refused("not-a-list", field="annotations")
    if len({_meaning(one["result"]) for one in done}) > 1:
        raise Refused("annotators-disagree", str(len(done)), field="annotations")
    chosen: list[Mapping[str, Any]] = done[0]["result"]
    return chosen


def _meaning(result: Iterable[Mapping[str, Any]]) -> str:
    """What a result says, whoever said it in whatever order: the random ids of spans are left out."""
    result = list(result)
    values = {item.get("id"): json.dumps(item.get("value"), sort_keys=True) for item in result}
    said = [
        [
            item.get("type"),
            item.get("from_name"),
            json.dumps(item.get("value"), sort_keys=True),
            item.get("labels"),
            *(values.get(item.get(end), "") for end in ("from_id", "to_id")),
        ]
        for item in result
    ]
    return json.dumps(sorted(said, key=json.dumps))


def name_of_text(data: Mapping[str, Any], result: Iterable[Mapping[str, Any]]) -> str:
    """The field of the task that was annotated: the one that its results name, else the first that is text."""
    named = [str(item.get("to_name")) for item in result]
    candidates = [name for name in (*named, *_TEXTS) if isinstance(data.get(name), str)]
    candidates += [name for name, value in data.items() if isinstance(value, str)]
    if not candidates:
        raise Refused("not-text", field="data")
    return candidates[0]


def read_results(result: Iterable[Mapping[str, Any]], text: str) -> Results:
    """What one annotator's result says of a text. Raises Refused as `label_studio` does."""
    read = Results()
    for item in result:
        kind, value = item.get("type"), item.get("value")
        if kind == "relation":
            labels = item.get("labels") or [""]
            read.relations += [(str(label), str(item.get("from_id")), str(item.get("to_id"))) for label in labels]
        elif not isinstance(value, Mapping):
            raise Refused("not-annotated", str(kind), field="annotations")
        elif kind in ("choices", "taxonomy"):
            read.choices += [_path_of(choice) for choice in value.get(kind, ())]
        elif kind in ("rating", "number"):
            read.numbers.append(number_of(value.get(kind), "annotations"))
        elif kind == "textarea":
            written = value.get("text")
            read.texts += [text_of(one, "annotations") for one in (written if isinstance(written, list) else [written])]
        elif kind in ("labels", "hypertextlabels"):
            read.entities += [(str(item.get("id")), entity) for entity in _entities(value, str(kind), text)]
        elif kind == "pairwise":
            read.selected, read.sides = str(value.get("selected")), str(item.get("to_name"))
        else:
            raise Refused("annotation-kind", str(kind), field="annotations")
    return read


def _path_of(choice: object) -> str:
    """A choice, or the path to it in a taxonomy, which is a list."""
    return " / ".join(map(str, choice)) if isinstance(choice, list) else str(choice)


def _entities(value: Mapping[str, Any], kind: str, text: str) -> Iterable[Entity]:
    offsets = value.get("globalOffsets", value)
    start, end = offsets.get("start"), offsets.get("end")
    if not isinstance(start, int) or not isinstance(end, int):
        raise Refused("bad-span", f"{start}:{end}", field="annotations")
    shown = value.get("text")
    if isinstance(shown, str) and text[start:end] != shown:
        # counted in UTF-16, where a character beyond the basic plane (an emoji) is two
        units = text.encode("utf-16-le")
        start, end = (len(units[: 2 * place].decode("utf-16-le", "ignore")) for place in (start, end))
        if text[start:end] != shown:
            raise Refused("bad-span", f"{start}:{end}", field="annotations")
    if not 0 <= start < end <= len(text):
        raise Refused("bad-span", f"{start}:{end}", field="annotations")
    for label in value.get(kind, ()):
        yield Entity(str(label), start, end, text[start:end])


def _conversation(read: Results, text: str, data: Mapping[str, Any]) -> Conversation:
    if read.selected is not None:
        return _pair(read, data)
    user = Message("user", text)
    if read.entities:
        annotations = annotations_of(read)
        return Conversation((user, Message("assistant", _said(annotations))), annotations=annotations)
    if len(read.choices) > 1:
        raise Refused("several-labels", str(len(read.choices)), field="annotations")
    if read.choices:
        label = read.choices[0].strip()
        return Conversation((user, Message("assistant", label)), label, annotations=(Intent(label),))
    if read.texts:
        return Conversation((user, Message("assistant", "\n".join(read.texts))))
    if len(read.numbers) > 1:
        raise Refused("several-labels", str(len(read.numbers)), field="annotations")
    if not read.numbers:
        raise Refused("not-annotated", field="annotations")
    said = f"{read.numbers[0]:.15g}"
    return Conversation((user, Message("assistant", said)), target=read.numbers[0])


def _pair(read: Results, data: Mapping[str, Any]) -> Conversation:
    """Two answers of the task, of which the annotator preferred one."""
    names = [name.strip() for name in read.sides.split(",")]
    prompt = next((data[name] for name in _PROMPTS if isinstance(data.get(name), str)), None)
    if prompt is None or len(names) != 2 or read.selected not in ("left", "right"):
        raise Refused("bad-pair", read.sides, field="annotations")
    left, right = (Message("assistant", text_of(data.get(name), f"data.{name}")) for name in names)
    if left == right:
        raise Refused("equal-pair", field="annotations")
    better, worse = (left, right) if read.selected == "left" else (right, left)
    return Conversation((Message("user", prompt), better), rejected=worse)


def annotations_of(read: Results) -> tuple[Annotation, ...]:
    """Entities in the order of the text, then relations, then intents. Raises Refused `bad-span`."""
    entities = sorted(read.entities, key=lambda named: (named[1].start, named[1].end, named[1].label))
    number = {id: index for index, (id, _) in reversed(list(enumerate(entities)))}
    relations = []
    for label, head, tail in read.relations:
        if head not in number or tail not in number:
            raise Refused("bad-span", f"{head} -> {tail}", field="annotations")
        relations.append(Relation(label, number[head], number[tail]))
    return (*(entity for _, entity in entities), *relations, *map(Intent, read.choices))


def _said(annotations: tuple[Annotation, ...]) -> str:
    """The annotations as an answer: JSON that names entities by their text."""
    said: dict[str, list[Any]] = {"entities": [], "relations": [], "intents": []}
    for annotation in annotations:
        match annotation:
            case Entity(label=label, text=text):
                said["entities"].append({"text": text, "label": label})
            case Relation(label=label, head=head, tail=tail):
                ends = [one.text for one in (annotations[head], annotations[tail]) if isinstance(one, Entity)]
                said["relations"].append({"label": label, "head": ends[0], "tail": ends[1]})
            case Intent(label=label):
                said["intents"].append(label)
    return json.dumps({kind: items for kind, items in said.items() if items}, ensure_ascii=False)
