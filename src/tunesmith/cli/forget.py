"""`tunesmith forget`: a person is found in all that is kept, taken out, and looked for once more."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tunesmith.cli.environment import user_name
from tunesmith.cli.keys import StoreOption, store_of
from tunesmith.cli.session import JsonOption, runtime, show, text
from tunesmith.errors import ExitCode

if TYPE_CHECKING:
    from tunesmith.lifecycle.forget import Forgotten, Found, Mention

SubjectOption = Annotated[str | None, typer.Option("--subject", metavar="USER", help=text("cli.option.forget-subject"))]
WordsOption = Annotated[list[str] | None, typer.Option("--text", help=text("cli.option.forget-text"))]
RawOption = Annotated[bool, typer.Option("--raw", help=text("cli.option.forget-raw"))]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help=text("cli.option.forget-dry-run"))]


def forget(
    subject: SubjectOption = None,
    words: WordsOption = None,
    raw: RawOption = False,
    dry_run: DryRunOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ends with code 1 where something of the person is left."""
    from tunesmith.lifecycle.forget import Person, find
    from tunesmith.lifecycle.forget import forget as forget_person

    person, this = Person(subject, tuple(words or ())), runtime(devices=False)
    with store_of(store) as opened:
        if dry_run:
            found = find(opened, this, person)
            show(found_json(found), [*found_lines(found), text("cli.forget.nothing-done")])
            return
        done = forget_person(opened, this, person, raw=raw, who=user_name())
    show(forgotten_json(done), forgotten_lines(done))
    if not done.verified:
        raise typer.Exit(ExitCode.FAILED)


def found_json(found: Found) -> dict[str, Any]:
    """Ids, keys and places; nothing of what stands there but the texts that were looked for."""
    return {
        "mentions": [
            {
                "text": each.text,
                "removed": each.is_removed,
                "passages": each.num,
                "inside_words": each.num_inside,
                "examples": list(each.examples),
            }
            for each in found.mentions
        ],
        "exchanges": list(found.stored.exchanges),
        "feedback": list(found.stored.feedback),
        "ratings": len(found.stored.ratings),
        "rounds": list(found.stored.rounds),
        "raw": [{"file": each.file, "lines": list(each.lines), "can_rewrite": each.can_rewrite} for each in found.raw],
        "raw_missing": list(found.missing),
        "in_paths": list(found.needles.paths),
        "raw_edited": {name: list(keys) for name, keys in found.edited.items()},
        "data": [
            {
                "kind": cut.node.kind,
                "key": cut.node.key,
                "lines": {name: len(lines) for name, lines in sorted(cut.lines.items())},
            }
            for cut in found.cuts
        ],
        "artifacts": [str(folder) for folder in found.removed],
        "files": {str(file): form for file, form in found.files.items()},
        "models": [step.key for step in found.models],
        "withdrawn": [str(version) for version in found.withdrawn],
        "unsure": [str(version) for version in found.unsure],
        "retrain": [_retrain(str(folder)) for folder in found.retrain],
    }


def found_lines(found: Found) -> list[str]:
    stored = found.stored
    lines = [mention_line(each) for each in found.mentions if each.num]
    lines += [text("cli.forget.in-path", path=path) for path in found.needles.paths]
    if found.is_nothing:
        lines.append(text("cli.forget.nothing-found"))
    else:
        counts = {name: len(ids) for name, ids in asdict(stored).items()}
        lines.append(text("cli.forget.stored", **counts))
    for each in found.raw:
        key = "cli.forget.raw" if each.can_rewrite else "cli.forget.raw-fixed"
        lines.append(text(key, file=each.file, lines=", ".join(map(str, each.lines))))
    lines += [text("cli.forget.raw-missing", file=name) for name in found.missing]
    for name, keys in found.edited.items():
        lines.append(text("cli.forget.raw-edited", file=name, datasets=", ".join(keys)))
    for cut in found.cuts:
        lines.append(
            text("cli.forget.data", kind=cut.node.kind, artifact=cut.node.key, rows=sum(map(len, cut.lines.values())))
        )
    lines += [text("cli.forget.artifact", folder=folder) for folder in found.removed]
    parents = Counter(str(file.parent) for file in found.files)
    lines += [text("cli.forget.files", folder=folder, files=count) for folder, count in sorted(parents.items())]
    lines += [text("cli.forget.model", model=step.key) for step in found.models]
    lines += [text("cli.forget.withdrawn", version=version) for version in found.withdrawn]
    lines += [text("cli.forget.unsure", version=version) for version in found.unsure]
    return lines


def mention_line(mention: Mention) -> str:
    told = {"text": mention.text, "num": mention.num, "inside": mention.num_inside}
    key = "cli.forget.mention" if mention.is_removed else "cli.forget.mention-kept"
    return text(key, **told, quoted=shlex.quote(mention.text), examples=", ".join(mention.examples))


def forgotten_json(done: Forgotten) -> dict[str, Any]:
    return {
        **found_json(done.found),
        "successors": done.successors,
        "aliases": list(done.aliases),
        "verified": done.verified,
        "left": [{"place": each.place, "form": each.form} for each in done.left],
    }


def forgotten_lines(done: Forgotten) -> list[str]:
    lines = found_lines(done.found)
    lines += [text("cli.forget.successor", old=old, new=new) for old, new in sorted(done.successors.items())]
    lines += [text("cli.forget.alias", alias=alias) for alias in done.aliases]
    lines += [text("cli.forget.retrain", command=_retrain(str(folder))) for folder in done.found.retrain]
    lines += [text("cli.forget.left", place=each.place, form=each.form) for each in done.left]
    if any(each.form == "raw-row" for each in done.left):
        lines.append(text("cli.forget.left-raw"))
    return [*lines, text("cli.forget.verified" if done.verified else "cli.forget.not-verified")]


def _retrain(folder: str) -> str:
    return f"tunesmith run {shlex.quote(folder)}"
