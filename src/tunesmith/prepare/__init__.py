"""Sources -> Dataset: read, check, drop duplicates, split, prove that no split leaks into another."""

from tunesmith.prepare.lengths import CONTROL_TOKEN, TOO_LONG, Fits
from tunesmith.prepare.proof import recheck
from tunesmith.prepare.run import VERSION, changed_rows, identity, key_of_secret, prepare

__all__ = [
    "CONTROL_TOKEN",
    "TOO_LONG",
    "VERSION",
    "Fits",
    "changed_rows",
    "identity",
    "key_of_secret",
    "prepare",
    "recheck",
]
