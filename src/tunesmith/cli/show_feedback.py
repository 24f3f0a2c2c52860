"""Feedback, FeedbackSets and reviews in lines and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from tunesmith.artifacts.feedback_set import FeedbackBody, Suspect
from tunesmith.cli.session import visible
from tunesmith.cli.show import table
from tunesmith.feedback.inbox import Entry
from tunesmith.feedback.lessons import question
from tunesmith.feedback.review import Quality
from tunesmith.i18n import translate
from tunesmith.metrics.wording import Language, Words, count, percent
from tunesmith.records import Feedback

CHARACTERS: Final = 40
NUM_SUSPECTS: Final = 20


def entry_json(entry: Entry) -> dict[str, Any]:
    exchange = entry.exchange
    decision = None if entry.decision is None else {**asdict(entry.decision), "at": entry.decision.at.isoformat()}
    answer = None if exchange is None or exchange.answer is None else exchange.answer.content
    return {
        **asdict(entry.feedback),
        "at": entry.feedback.at.isoformat(),
        "state": "open" if entry.decision is None else entry.decision.state,
        "decision": decision,
        "contradictory": entry.is_contradictory,
        "suspects": list(entry.suspects),
        "prompt": [] if exchange is None else [{"role": m.role, "content": m.content} for m in exchange.prompt],
        "answer": answer,
        "label": None if exchange is None else exchange.label,
        "version": None if exchange is None else exchange.version,
    }


def entry_lines(entries: Sequence[Entry], language: Language) -> list[str]:
    columns = ("id", "at", "said", "asked", "marks", "state")
    head = [translate(f"cli.feedback.{column}", language) for column in columns]
    rows = [
        [
            entry.feedback.id,
            f"{entry.feedback.at:%Y-%m-%d %H:%M}",
            shortened(said(entry.feedback, language)),
            "-" if entry.exchange is None else shortened(question(entry.exchange.prompt)) or "-",
            "; ".join(marks(entry, language)) or "-",
            translate(f"cli.feedback.state.{state_of(entry)}", language),
        ]
        for entry in entries
    ]
    return table([head, *rows]) if rows else []


def whole_entry_lines(entry: Entry, language: Language) -> list[str]:
    feedback, exchange, decision = entry.feedback, entry.exchange, entry.decision
    at = f"{feedback.at:%Y-%m-%d %H:%M:%S}"
    named = {"id": feedback.id, "at": at, "key": feedback.key or "-", "exchange": feedback.exchange}
    lines = [translate("cli.feedback.line.from", language, **named), visible(said(feedback, language))]
    lines += marks(entry, language)
    if exchange is None or not exchange.prompt:
        lines.append(translate("cli.feedback.line.no-text", language))
    else:
        answer = "-" if exchange.answer is None else exchange.answer.content
        lines.append(translate("cli.feedback.line.asked", language, text=visible(question(exchange.prompt))))
        lines.append(translate("cli.feedback.line.answered", language, text=visible(answer)))
    if decision is not None:
        told = {"who": decision.who, "at": f"{decision.at:%Y-%m-%d %H:%M:%S}", "reason": decision.reason or "-"}
        state = translate(f"cli.feedback.state.{decision.state}", language)
        lines.append(translate("cli.feedback.line.decided", language, state=state, **told))
        if decision.text is not None:
            lines.append(translate("cli.feedback.correction", language, text=visible(decision.text)))
    return lines


def said(feedback: Feedback, language: Language) -> str:
    match feedback.kind:
        case "thumb":
            return translate(f"cli.feedback.thumb.{'up' if (feedback.value or 0) > 0 else 'down'}", language)
        case "rating":
            dimension = translate(f"rating.{feedback.dimension}", language)
            return translate("cli.feedback.rating", language, dimension=dimension, value=feedback.value)
        case "preference":
            return translate("cli.feedback.preference", language, exchange=feedback.preferred)
        case "correction" | "comment":
            return translate(f"cli.feedback.{feedback.kind}", language, text=feedback.text or "-")


def marks(entry: Entry, language: Language) -> list[str]:
    found = [translate("cli.feedback.mark.contradictory", language)] if entry.is_contradictory else []
    patterns = (visible(pattern) for pattern in entry.suspects)
    return found + [translate("cli.feedback.mark.suspect", language, pattern=pattern) for pattern in patterns]


def state_of(entry: Entry) -> str:
    return "open" if entry.decision is None else entry.decision.state


def shortened(content: str) -> str:
    """One line of it."""
    line = visible(" ".join(content.split()))
    return line if len(line) <= CHARACTERS else line[: CHARACTERS - 1] + "…"


def set_lines(body: FeedbackBody, language: Language) -> list[str]:
    counts = {
        "rows": count(body.num_rows),
        "preferences": count(body.num_preferences),
        "ratings": count(body.num_ratings),
        "feedback": count(body.num_feedback),
    }
    lines = [translate("cli.feedback.made", language, **counts)]
    if body.left_out:
        told = [
            [count(number), translate(f"cli.feedback.reason.{reason}", language)]
            for reason, number in body.left_out.items()
        ]
        lines += ["", translate("cli.feedback.left-out", language), *(f"  {line}" for line in table(told))]
    if body.new_labels:
        labels = ", ".join(f"{visible(label)} ({number})" for label, number in body.new_labels.items())
        lines += ["", translate("cli.feedback.new-labels", language, labels=labels)]
    return [*lines, "", *suspect_lines(body.suspects, language)]


def suspect_lines(suspects: Sequence[Suspect], language: Language) -> list[str]:
    if not suspects:
        return [translate("cli.feedback.no-suspects", language)]
    head = [translate(f"cli.feedback.{name}", language) for name in ("pattern", "rows", "share", "answer", "keys")]
    rows = [
        [
            visible(suspect.pattern),
            count(suspect.num_rows),
            f"{percent(suspect.share_in_feedback)} ({percent(suspect.share_in_base)})",
            translate("cli.feedback.disapproved", language) if suspect.answer is None else shortened(suspect.answer),
            " ".join(suspect.keys[:3]) or "-",
        ]
        for suspect in suspects[:NUM_SUSPECTS]
    ]
    return [translate("cli.feedback.suspects", language), *table([head, *rows])]


def quality_lines(quality: Quality, language: Language) -> list[str]:
    words = Words(language)
    others = quality.num_drawn - quality.num_random
    lines = [words("cli.review.drawn", period=quality.period, random=count(quality.num_random), others=count(others))]
    if not quality.grades:
        return [*lines, words("cli.review.none")]
    for grade in quality.grades:
        mean, good = grade.mean_interval, grade.good_interval
        lines.append(
            words(
                "cli.review.grade",
                dimension=words(f"rating.{grade.dimension}"),
                mean=f"{grade.mean:.2f}",
                mean_interval=words.between(f"{mean.low:.2f}", f"{mean.high:.2f}"),
                share=percent(grade.share_good),
                share_interval=words.between(percent(good.low), percent(good.high)),
                count=count(grade.num_rated),
                random=count(quality.num_random),
            )
        )
    if quality.num_not_told:
        lines.append(words("cli.review.not-told", count=count(quality.num_not_told)))
    return [*lines, words("cli.review.basis")]
