"""All user-facing text, joined from one table per subject. A key may stand in one table only (tested)."""

from __future__ import annotations

from typing import Final

from tunesmith.i18n import (
    annotate,
    arms,
    augment,
    bases,
    changes,
    cli,
    data_card,
    errors,
    lengths,
    methods,
    metrics,
    model,
    objectives,
    optimizers,
    parity,
    plan,
    prepare,
    quality,
    reasoning,
    report,
    safety,
    safety_checks,
    scorecard,
    semantic,
    session,
    statistics,
    structured,
    watch,
)

Entry = tuple[str, str]
TABLES: Final[tuple[dict[str, Entry], ...]] = (
    arms.TEXTS,
    changes.TEXTS,
    bases.TEXTS,
    errors.TEXTS,
    lengths.TEXTS,
    methods.TEXTS,
    metrics.TEXTS,
    cli.TEXTS,
    model.TEXTS,
    objectives.TEXTS,
    optimizers.TEXTS,
    parity.TEXTS,
    plan.TEXTS,
    prepare.TEXTS,
    augment.TEXTS,
    quality.TEXTS,
    report.TEXTS,
    structured.TEXTS,
    annotate.TEXTS,
    data_card.TEXTS,
    semantic.TEXTS,
    reasoning.TEXTS,
    safety.TEXTS,
    safety_checks.TEXTS,
    session.TEXTS,
    watch.TEXTS,
    statistics.TEXTS,
    scorecard.TEXTS,
)
CATALOGUE: Final[dict[str, Entry]] = {key: entry for table in TABLES for key, entry in table.items()}
