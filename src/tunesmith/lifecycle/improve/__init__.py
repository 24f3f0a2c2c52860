"""One round of improvement: what was learned in service becomes a candidate, which is judged, and takes the champion's
place or does not.

A round is known by what it is made of: the champion, the FeedbackSet and the recipe. Every step finds what an earlier
attempt made, and then notes in the store that it is done; so a round that was killed goes on where it was, and one
that is called for again is found. Within a workspace one process at a time improves a recipe's model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from tunesmith import lifecycle
from tunesmith.artifacts import Dataset, is_whole
from tunesmith.artifacts.feedback_set import KIND as FEEDBACK_SET
from tunesmith.artifacts.feedback_set import FeedbackSet
from tunesmith.artifacts.folder import locked, make_folder
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.evaluate.gate import ARM
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.export import export
from tunesmith.lifecycle.feedback import feedback_set
from tunesmith.lifecycle.improve import rows
from tunesmith.lifecycle.improve.judging import judge
from tunesmith.lifecycle.improve.rows import Champion, champion_at
from tunesmith.lifecycle.improve.transfer import ON
from tunesmith.stats.gate import Passage
from tunesmith.store import (
    CHAMPION,
    Store,
    Version,
    add_version,
    aliases,
    history,
    open_version,
    resolve,
    set_alias,
    versions,
)
from tunesmith.store.cycles import Round, advance_round, begin_round, rounds

UNSHIPPABLE: Final = frozenset({"export-refused", "certificate-failed"})
"""Ends of an export that end the round: the candidate itself is at fault."""


def improve(job: Job, store: Store, *, trigger: Mapping[str, str], who: str) -> Round:
    """Train a candidate from the champion's rows and those of feedback, judge it, and promote it or not.

    `trigger` tells what called for it, such as `{"by": "command"}`. A round that was begun is continued first, with
    the feedback that it was begun with; a second call with nothing new gives the round that there was. Raises
    TunesmithError `improve-no-champion`, `improve-no-rows`, RunFailed `improve-busy`, `improve-split-moved`, what
    `champion_at` and `feedback_set` raise, and what the stages raise.
    """
    with _alone(job):
        going = _going(job, store)
        if going is not None:
            return _continued(job, store, going, who)
        version = _champion(store)
        champion = champion_at(job, store, version)
        feedback = feedback_set(job, store, champion.dataset)
        known = rounds(store, job.recipe.name)
        made_it = next((round for round in known if round.candidate == str(version)), None)
        if made_it is not None and not unseen(job, feedback, [made_it]):
            return made_it
        if not feedback.body.num_rows:
            raise TunesmithError("improve-no-rows")
        earlier = " ".join(round.id for round in known if "fresh" in round.products)
        products = {"champion": champion.bundle.key, "feedback_set": feedback.key, "earlier": earlier}
        now = store.clock()
        id = round_id(job, champion.bundle.key, feedback.key)
        begun = Round(id, job.recipe.name, "began", trigger, str(version), None, None, (), now, now, products)
        return _continued(job, store, begin_round(store, begun), who)


def round_id(job: Job, champion: str, feedback_set: str) -> str:
    """16 hex digits of all that a round is made of; `champion` and `feedback_set` are keys."""
    recipe = job.recipe
    sections = {
        "improve": recipe.improve.model_dump(mode="json", exclude={"when"}),
        "export": recipe.export.model_dump(mode="json"),
    }
    made_of = [champion, feedback_set, recipe.name, recipe.fingerprint(), sections]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def num_unseen(job: Job, store: Store) -> int:
    """Rows of feedback, as they would be learned now, that no candidate of the recipe has been made with.

    Raises TunesmithError `improve-no-champion`, and what `champion_at` and `feedback_set` raise.
    """
    champion = champion_at(job, store, _champion(store))
    ended = [round for round in rounds(store, job.recipe.name) if round.has_ended]
    return len(unseen(job, feedback_set(job, store, champion.dataset), ended))


def unseen(job: Job, feedback: FeedbackSet, known: Sequence[Round]) -> set[str]:
    """What of it none of these rounds had: by row, the ids of the feedback that it came from."""
    folders = [rows.artifact_at(job, FEEDBACK_SET, round.products["feedback_set"]) for round in known]
    seen = [rows.feedback_ids(FeedbackSet.open(folder)) for folder in folders if is_whole(folder)]
    return rows.feedback_ids(feedback).difference(*seen)


@contextmanager
def _alone(job: Job) -> Iterator[None]:
    """Raises RunFailed `improve-busy` for whoever calls for a round meanwhile; called for later, it is found."""
    folder = job.runtime.workspace / "rounds"
    make_folder(folder)
    lock = folder / f"{job.recipe.name}.lock"
    with locked(lock, lambda process: RunFailed("improve-busy", place=Place(str(lock)), process=process)):
        yield


def _champion(store: Store) -> Version:
    """Raises TunesmithError `improve-no-champion`, `version-withdrawn`."""
    if CHAMPION not in aliases(store):
        raise TunesmithError("improve-no-champion")
    return resolve(store, CHAMPION)


def _going(job: Job, store: Store) -> Round | None:
    """A round of this very recipe that has not come to its end, and can: who was forgotten meanwhile may have taken its
    feedback along, or its champion.
    """
    sound = {str(version): version for version in versions(store) if version.withdrawn_at is None}
    for round in reversed(rounds(store, job.recipe.name)):
        champion, feedback = round.products["champion"], round.products["feedback_set"]
        is_there = round.champion in sound and is_whole(rows.artifact_at(job, FEEDBACK_SET, feedback))
        if round.has_ended or not is_there or round.id != round_id(job, champion, feedback):
            continue
        if not rows.lost_parts(job, store, open_version(sound[round.champion]).body):
            return round
    return None


@dataclass(frozen=True)
class _Going:
    """A round, and what it is made of."""

    job: Job
    store: Store
    round: Round
    champion: Champion
    feedback: FeedbackSet
    who: str

    @property
    def earlier(self) -> dict[str, Dataset]:
        """By round, the rows that earlier ones held out."""
        ids = self.round.products["earlier"].split()
        keys = {each.id: each.products["fresh"] for each in rounds(self.store, self.job.recipe.name) if each.id in ids}
        found = {id: rows.fresh_of(self.job, key) for id, key in keys.items()}
        return {id: dataset for id, dataset in found.items() if dataset is not None}


def _continued(job: Job, store: Store, round: Round, who: str) -> Round:
    """Go on with a round to its end; one that has ended is given as it ended."""
    if round.has_ended:
        return round
    version = next(version for version in versions(store) if str(version) == round.champion)
    feedback = FeedbackSet.open(rows.artifact_at(job, FEEDBACK_SET, round.products["feedback_set"]))
    going = _Going(job, store, round, champion_at(job, store, version), feedback, who)
    candidate, taught = _prepared(going)
    return _shipped(going, candidate, _judged(going, candidate, taught))


def _prepared(going: _Going) -> tuple[Job, Dataset]:
    """The candidate's recipe, and the dataset whose test are the rows that this round holds out."""
    job, champion = going.job, going.champion
    taught = rows.with_feedback(job, champion, going.feedback, list(going.earlier.values()))
    candidate = rows.candidate_of(job, champion, taught)
    dataset = lifecycle.prepare(candidate)
    rows.check_frozen(dataset, champion.dataset)
    advance_round(going.store, going.round.id, "prepared", {"fresh": taught.key, "dataset": dataset.key})
    return candidate, taught


def _judged(going: _Going, candidate: Job, taught: Dataset) -> Round:
    """The round with the gate's word."""
    store, id = going.store, going.round.id
    models = lifecycle.models_of(candidate)
    round = advance_round(store, id, "trained", {"model": models[ARM].key})
    if round.state != "trained":
        return round
    outcome = lifecycle.run(candidate)
    own = rows.fresh_of(going.job, taught.key)
    fresh = going.earlier | ({} if own is None else {id: own})
    judged = judge(candidate, outcome, going.champion, going.feedback, fresh, id)
    cards = {f"{ON}{other}": card.key for other, card in judged.on_fresh.items()}
    products = {"scorecard": outcome.scorecard.key, **cards}
    passage = str(judged.decision.passage)
    return advance_round(store, id, "judged", products, passage=passage, findings=judged.findings)


def _shipped(going: _Going, candidate: Job, round: Round) -> Round:
    """The round at its end: the candidate is the champion, or is not."""
    store, id = going.store, round.id
    if round.passage != Passage.PROMOTE:
        return advance_round(store, id, "refused" if round.passage == Passage.REJECT else "inconclusive")
    try:
        bundle = export(candidate)
    except RunFailed as failure:
        if failure.code not in UNSHIPPABLE:
            raise
        return _refused(going, round, {"code": failure.code, "detail": failure.message(going.job.language)})
    advance_round(store, id, "exported", {"bundle": bundle.key})
    version = add_version(store, bundle.folder, name=going.champion.version.name, who=going.who)
    round = advance_round(store, id, "registered", candidate=str(version))
    if any((change.alias, change.version) == (CHAMPION, str(version)) for change in history(store)):
        return advance_round(store, id, "promoted")  # and who went back from it since is not overruled
    try:
        set_alias(store, CHAMPION, str(version), who=going.who, instead_of=round.champion)
    except TunesmithError as failure:
        if failure.code != "alias-moved":
            raise
        return _refused(going, round, {"code": "overtaken"})
    return advance_round(store, id, "promoted")


def _refused(going: _Going, round: Round, finding: Mapping[str, str]) -> Round:
    return advance_round(going.store, round.id, "refused", findings=(*round.findings, finding))
