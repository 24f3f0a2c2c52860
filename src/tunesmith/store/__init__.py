"""What a served model leaves behind: exchanges, feedback, versions and keys, in one database. No torch here."""

from tunesmith.store.feedback_states import Decision, State, decide, decisions_of, exchanges_named, latest_exchanges
from tunesmith.store.keys import SCOPES, Key, KeyFault, NewKey, Scope, create_key, find_key, list_keys, revoke_key
from tunesmith.store.policy import Pseudonymiser, recorded, recorded_feedback
from tunesmith.store.registry import (
    CHAMPION,
    Change,
    Version,
    add_version,
    aliases,
    history,
    open_version,
    resolve,
    roll_back,
    set_alias,
    versions,
    withdraw,
)
from tunesmith.store.reviews import Review, ReviewRating, add_reviews, rate_reviews, review_ratings, reviews_of
from tunesmith.store.store import Removed, Store, open_store, workspace_store
from tunesmith.store.traffic import Spoken, Tally, Traffic

__all__ = [
    "CHAMPION",
    "SCOPES",
    "Change",
    "Decision",
    "Key",
    "KeyFault",
    "NewKey",
    "Pseudonymiser",
    "Removed",
    "Review",
    "ReviewRating",
    "Scope",
    "Spoken",
    "State",
    "Store",
    "Tally",
    "Traffic",
    "Version",
    "add_reviews",
    "add_version",
    "aliases",
    "create_key",
    "decide",
    "decisions_of",
    "exchanges_named",
    "find_key",
    "history",
    "latest_exchanges",
    "list_keys",
    "open_store",
    "open_version",
    "rate_reviews",
    "recorded",
    "recorded_feedback",
    "resolve",
    "review_ratings",
    "reviews_of",
    "revoke_key",
    "roll_back",
    "set_alias",
    "versions",
    "withdraw",
    "workspace_store",
]
