"""Sources -> Dataset: read, check, drop duplicates, split, prove that no split leaks into another."""

from tunesmith.prepare.checks import CONTROL_TOKEN, TOO_LONG, Fits, RowCheck
from tunesmith.prepare.proof import recheck
from tunesmith.prepare.run import VERSION, identity, prepare

__all__ = ["CONTROL_TOKEN", "TOO_LONG", "VERSION", "Fits", "RowCheck", "identity", "prepare", "recheck"]
