"""Sources -> Dataset: read, check, drop duplicates, split, prove that no split leaks into another."""

from tunesmith.prepare.run import VERSION, identity, prepare

__all__ = ["VERSION", "identity", "prepare"]
