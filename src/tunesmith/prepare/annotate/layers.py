"""The three layers as Label Studio knows them: its labelling configuration, and results from annotations and back."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Final
from xml.etree import ElementTree

from tunesmith.prepare.label_studio import EARLIER_TURNS, annotations_of, read_results
from tunesmith.prepare.rows import Refused
from tunesmith.recipe.annotate import Annotate
from tunesmith.records import Annotation, Entity, Intent, Relation

TEXT: Final = "text"
ENTITY: Final = "entity"
INTENT: Final = "intent"

Answer = tuple[Annotation, ...]
"""What one annotator said of one text."""
Result = list[dict[str, Any]]


def labelling_config(section: Annotate, *, with_turns: bool) -> str:
    """The XML that a project is made with: one control a declared layer, all on the text.

    `with_turns` shows the turns of a conversation before the text.
    """
    view = ElementTree.Element("View")
    if with_turns:
        shown = {"layout": "dialogue", "nameKey": "role", "textKey": "content"}
        ElementTree.SubElement(view, "Paragraphs", name=EARLIER_TURNS, value=f"${EARLIER_TURNS}", attrib=shown)
    if section.entities:
        _control(view, "Labels", "Label", section.entities, name=ENTITY, toName=TEXT)
    if section.relations:
        _control(view, "Relations", "Relation", section.relations)
    ElementTree.SubElement(view, "Text", name=TEXT, value=f"${TEXT}")
    if section.intents:
        _control(
            view, "Choices", "Choice", section.intents, name=INTENT, toName=TEXT, choice="single", showInLine="true"
        )
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def _control(view: ElementTree.Element, tag: str, item: str, labels: Iterable[str], **attributes: str) -> None:
    control = ElementTree.SubElement(view, tag, attributes)
    for label in labels:
        ElementTree.SubElement(control, item, value=label)


def result_of(answer: Sequence[Annotation]) -> Result:
    """Annotations as a result of Label Studio; places are counted in code points, as it does."""
    result: Result = []
    for number, annotation in enumerate(answer):
        match annotation:
            case Entity(label=label, start=start, end=end, text=text):
                value = {"start": start, "end": end, "text": text, "labels": [label]}
                result.append(_item(f"e{number}", "labels", ENTITY, value))
            case Relation(label=label, head=head, tail=tail):
                ends = {"from_id": f"e{head}", "to_id": f"e{tail}"}
                result.append({"type": "relation", **ends, "direction": "right", "labels": [label]})
            case Intent(label=label):
                result.append(_item(f"i{number}", "choices", INTENT, {"choices": [label]}))
    return result


def _item(id: str, type: str, control: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": id, "type": type, "from_name": control, "to_name": TEXT, "value": dict(value)}


def answer_of(result: object, text: str) -> Answer:
    """What a result says in the three layers. Raises Refused `annotation-kind` for anything else that it says, and
    as `read_results` and `annotations_of` do.
    """
    if not isinstance(result, list) or not all(isinstance(item, Mapping) for item in result):
        raise Refused("not-a-list", field="annotations")
    read = read_results(result, text)
    if read.texts or read.numbers or read.selected is not None:
        raise Refused("annotation-kind", ", ".join(sorted({str(item.get("type")) for item in result})))
    return annotations_of(read)


def intents(answer: Answer) -> frozenset[str]:
    return frozenset(annotation.label for annotation in answer if isinstance(annotation, Intent))


def entities(answer: Answer) -> frozenset[Hashable]:
    """Label and place of each."""
    return frozenset(_span(annotation) for annotation in answer if isinstance(annotation, Entity))


def relations(answer: Answer) -> frozenset[Hashable]:
    """Label and both ends of each."""
    return frozenset(
        (annotation.label, _span(answer[annotation.head]), _span(answer[annotation.tail]))
        for annotation in answer
        if isinstance(annotation, Relation)
    )


def meaning(answer: Answer) -> Hashable:
    """Equal for answers that say the same, in whatever order."""
    return intents(answer), entities(answer), relations(answer)


def _span(annotation: Annotation) -> Hashable:
    match annotation:
        case Entity(label=label, start=start, end=end):
            return (label, start, end)
    raise Refused("bad-span", annotation.label, field="annotations")
