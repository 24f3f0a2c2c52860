"""The command line: parses, calls `lifecycle`, prints the result.

Results go to stdout, progress and messages to stderr. Everything heavy is imported inside the verb that needs it.
"""

from tunesmith.cli.guard import main

__all__ = ["main"]
