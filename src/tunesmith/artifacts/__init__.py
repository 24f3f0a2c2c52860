"""Nouns on disk: what stages hand to each other. Readable without torch."""

from tunesmith.artifacts.dataset import Dataset, DatasetReport
from tunesmith.artifacts.folder import (
    Identity,
    Manifest,
    hash_file,
    hash_folder,
    is_whole,
    library_versions,
    publish,
    write_whole,
)
from tunesmith.artifacts.plan import Plan
from tunesmith.artifacts.quality import QualityReport
from tunesmith.artifacts.run import (
    Event,
    Run,
    followed_run,
    note_artifact,
    open_run,
    read_events,
    read_metrics,
    read_samples,
)
from tunesmith.artifacts.scorecard import Scorecard
from tunesmith.artifacts.tuned_model import TunedModel

__all__ = [
    "Dataset",
    "DatasetReport",
    "Event",
    "Identity",
    "Manifest",
    "Plan",
    "QualityReport",
    "Run",
    "Scorecard",
    "TunedModel",
    "followed_run",
    "hash_file",
    "hash_folder",
    "is_whole",
    "library_versions",
    "note_artifact",
    "open_run",
    "publish",
    "read_events",
    "read_metrics",
    "read_samples",
    "write_whole",
]
