"""What a served model leaves behind: exchanges, feedback, versions and keys, in one database. No torch here."""

from tunesmith.store.keys import SCOPES, Key, KeyFault, NewKey, Scope, create_key, find_key, list_keys, revoke_key
from tunesmith.store.policy import Pseudonymiser, recorded, recorded_feedback
from tunesmith.store.registry import (
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
from tunesmith.store.store import Removed, Store, open_store, workspace_store

__all__ = [
    "SCOPES",
    "Change",
    "Key",
    "KeyFault",
    "NewKey",
    "Pseudonymiser",
    "Removed",
    "Scope",
    "Store",
    "Version",
    "add_version",
    "aliases",
    "create_key",
    "find_key",
    "history",
    "list_keys",
    "open_store",
    "open_version",
    "recorded",
    "recorded_feedback",
    "resolve",
    "revoke_key",
    "roll_back",
    "set_alias",
    "versions",
    "withdraw",
    "workspace_store",
]
