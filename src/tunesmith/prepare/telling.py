"""What `prepare` says of what it did."""

from __future__ import annotations

from collections.abc import Mapping

from tunesmith.artifacts import DatasetReport
from tunesmith.prepare.duplicates import HELD_OUT, KINDS_OF_REPEAT
from tunesmith.prepare.report import reasons_of
from tunesmith.prepare.walk import Rejects
from tunesmith.runtime import Progress


def say_repeats(rejects: Rejects, progress: Progress) -> None:
    kinds = [kind.format(held_out) for kind in KINDS_OF_REPEAT for held_out in HELD_OUT]
    cut = {reason: rejects.counts[reason] for reason in kinds if rejects.counts[reason]}
    if cut:
        progress.say("say.prepare.repeats", "warning", count=sum(cut.values()), reasons=counted(cut, rejects))


def say_done(report: DatasetReport, progress: Progress) -> None:
    progress.say(
        "say.prepare.done",
        kept=report.kept,
        read=report.read,
        train=report.splits["train"],
        validation=report.splits["validation"],
        test=report.splits["test"],
    )
    left = report.unhidden
    if left is not None and left.rows:
        progress.say(
            "say.prepare.unhidden", "warning", rows=left.rows, looked_at=left.looked_at, types=listed(left.types)
        )


def listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in counts.items()) or "-"


def counted(counts: Mapping[str, int], rejects: Rejects) -> str:
    return ", ".join(f"{reason} {found.count}" for reason, found in reasons_of(counts, rejects.of_reason).items())
