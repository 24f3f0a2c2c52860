"""Tunesmith: from raw domain rows to a proven better language model, with evidence at every step."""

__version__ = "0.1.0"
