"""`tunesmith improve`, `promote`, `rollback` and `history`: one model takes the place of another, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tunesmith.cli.environment import user_name
from tunesmith.cli.keys import StoreOption, store_of
from tunesmith.cli.models import ReferenceArgument, change_line, version_json, version_lines
from tunesmith.cli.session import JsonOption, Overrides, RecipeArgument, job, recipe_file, runtime, show, text, visible
from tunesmith.errors import ExitCode

if TYPE_CHECKING:
    from tunesmith.lifecycle.improve.transfer import Rounds
    from tunesmith.store.cycles import Round

TRIGGERS: Final = ("command", "drift", "feedback_rows", "every", "forgotten")
"""What calls for a round, as `lifecycle.watching.due` and the verbs word it."""


def improve(
    recipe: RecipeArgument, overrides: Overrides = None, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Ends with 1 where the candidate was not promoted."""
    from tunesmith.lifecycle.improve import improve as one_round

    this = job(recipe, overrides)
    with store_of(store or this.recipe.serve.store) as opened:
        round = one_round(this, opened, trigger={"by": "command"}, who=user_name())
    show(round_json(round), round_lines(round))
    if round.state != "promoted":
        raise typer.Exit(ExitCode.FAILED)


def promote(model: ReferenceArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    from tunesmith.store import CHAMPION, aliases, set_alias

    with store_of(store) as opened:
        before = aliases(opened).get(CHAMPION)
        version = set_alias(opened, CHAMPION, model, who=user_name())
    if before == version:
        lines = [text("cli.promoted.same", version=version)]
    else:
        key = "cli.promoted.first" if before is None else "cli.promoted"
        lines = [text(key, version=version, before=before), text("cli.promoted.reload")]
    show({**version_json(version), "before": before and str(before)}, lines)


def rollback(store: StoreOption = None, as_json: JsonOption = False) -> None:
    from tunesmith.store import CHAMPION, aliases, roll_back

    with store_of(store) as opened:
        before = aliases(opened).get(CHAMPION)
        version = roll_back(opened, CHAMPION, who=user_name())
    lines = [text("cli.promoted", version=version, before=before), text("cli.promoted.reload")]
    show({**version_json(version), "before": before and str(before)}, lines)


def history(
    recipe: Annotated[Path | None, typer.Argument(metavar="RECIPE", help=text("cli.argument.history-recipe"))] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    from dataclasses import asdict

    from tunesmith.lifecycle.improve.transfer import transfer_of
    from tunesmith.recipe import load_recipe
    from tunesmith.store import aliases, versions
    from tunesmith.store import history as changes_of
    from tunesmith.store.cycles import rounds

    of = None if recipe is None else load_recipe(recipe_file(recipe), [])
    name, url = (None, None) if of is None else (of.name, of.serve.store)
    with store_of(store or url) as opened:
        found, pointed, changes = versions(opened), aliases(opened), list(changes_of(opened))
        known = rounds(opened, name)
    kept = None if name is None else transfer_of(known, runtime(devices=False).workspace)
    told = {
        "versions": [
            {**version_json(version), "aliases": [alias for alias, target in pointed.items() if target == version]}
            for version in found
        ],
        "rounds": [round_json(round) for round in known],
        "changes": [{**asdict(change), "at": change.at.isoformat()} for change in changes],
        "transfer": kept and asdict(kept),
    }
    parts = {
        "versions": version_lines(found, pointed),
        "rounds": [line for round in known for line in round_lines(round)],
        "changes": [change_line(change) for change in changes],
    }
    lines = [line for part, of_part in parts.items() if of_part for line in (text(f"cli.history.{part}"), *of_part, "")]
    show(told, [*lines, *transfer_lines(kept)] or [text("cli.history.none")])


def round_json(round: Round) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        **asdict(round),
        "began_at": round.began_at.isoformat(),
        "changed_at": round.changed_at.isoformat(),
    }


def round_lines(round: Round) -> list[str]:
    """What became of a round, and why."""
    by = round.trigger.get("by")
    if by in TRIGGERS:
        trigger = text(
            f"cli.round.trigger.{by}", **{name: told for name, told in round.trigger.items() if name != "by"}
        )
    else:  # of a caller's own
        trigger = ", ".join(f"{name} {value}" for name, value in round.trigger.items())
    lines = [
        text("cli.round", id=round.id, name=round.name, word=text(f"cli.round.state.{round.state}")),
        text("cli.round.triggered-by", trigger=trigger),
        text("cli.round.champion", version=round.champion),
    ]
    if round.candidate is not None:
        lines.append(text("cli.round.candidate", version=round.candidate))
    return lines + [f"  {line}" for finding in round.findings for line in _finding_lines(dict(finding))]


def _finding_lines(finding: dict[str, Any]) -> list[str]:
    from tunesmith.stats.gate import FRESH, TEST, GateReason

    code = finding.pop("code")
    if code not in set(GateReason):
        return [text(f"cli.round.finding.{code}", **finding)]
    # what looks planted is a stranger's text
    told = finding["suite"] in (TEST, FRESH)
    finding["suite"] = text(f"gate.suite.{finding['suite']}") if told else visible(finding["suite"])
    signed = {name: f"{finding[name]:+.3f}" for name in ("mean", "low", "high") if name in finding}
    shares = {name: f"{finding[name]:.0%}" for name in ("level", "max_loss")}
    lines = [text(f"gate.reason.{code}", **finding | signed | shares, count=len(finding.get("items", ())))]
    if "num_items_needed" in finding:
        lines.append(text("gate.reason.items_needed", num_items_needed=finding["num_items_needed"]))
    if "more_items_needed" in finding:
        lines.append(text("gate.reason.more_items_needed", num_items=f"{finding['more_items_needed']:,}"))
    return lines


def transfer_lines(kept: Rounds | None) -> list[str]:
    """A row for each candidate, a column for the rows of each round."""
    if kept is None:
        return []
    from tunesmith.cli.show import table

    head = [text("cli.history.round"), *(id[:8] for id in kept.ids)]
    rows = [
        [id[:8], *("-" if score is None else f"{score:.3f}" for score in scores)]
        for id, scores in zip(kept.ids, kept.scores, strict=True)
    ]
    lines = [text("cli.history.transfer", metric=kept.metric), *table([head, *rows])]
    if kept.transfer is not None:
        backward, forgetting = (f"{figure:+.3f}" for figure in (kept.transfer.backward, kept.transfer.forgetting))
        lines.append(text("cli.history.backward", backward=backward, forgetting=forgetting))
    return lines
