"""Answers and likelihoods: from a model in this process."""

from tunesmith.engine.local import LocalEngine

__all__ = ["LocalEngine"]
