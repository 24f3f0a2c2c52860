"""One round of improvement: what was learned in service becomes a candidate, which is judged, and takes the champion's
place or does not.
"""

from __future__ import annotations

from collections.abc import Mapping

from tunesmith.lifecycle import Job
from tunesmith.store import Store
from tunesmith.store.cycles import Round


def improve(job: Job, store: Store, *, trigger: Mapping[str, str], who: str) -> Round:
    """Train a candidate from the champion's rows and those of feedback, judge it, and promote it or not.

    `trigger` tells what called for it, such as `{"by": "command"}`. A round is known by what it is made of: called
    again, or after a kill, it is continued or found. Raises TunesmithError `improve-no-champion`, `improve-no-rows`,
    and what the stages raise.
    """
    raise NotImplementedError


def num_unseen(job: Job, store: Store) -> int:
    """Rows of feedback, as `curate` gives them now, that no candidate of the recipe has been made with."""
    raise NotImplementedError
