"""What a window is held against: what the model was trained on, and traffic that nothing was found wrong with.

The training part are the questions of the training rows, without those of rehearsal, and what the model answered to
the test rows when it was judged: what rows teach is not what a model answers. The accepted part are the first
`NUM_ACCEPTED` windows after promotion in which neither questions nor answers had drifted; their number is bounded, so
that a slow drift is not taken for the state that it began from. A feature has drifted where the window differs from
each part that tells of it: traffic like either part alarms no more often than the level says, since the larger of two
valid p-values is a valid one for both (Berger 1982, Technometrics 24:295).

Shapes: N training rows, D width of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from tunesmith.artifacts.folder import Identity, publish, read_manifest
from tunesmith.errors import TunesmithError
from tunesmith.metrics.faults import label_forms
from tunesmith.monitor.features import (
    DISTANCE,
    EMBEDDING,
    NGRAMS,
    UNSTYLED,
    Answered,
    Features,
    Vectors,
    input_features,
    joined,
    ngram_vectors,
    output_features,
    question_of,
)
from tunesmith.monitor.features_file import read_features, write_features
from tunesmith.monitor.unfamiliar import Known, known
from tunesmith.records import REHEARSAL, Example, Sample
from tunesmith.text.ngrams import FiveGramModel

KIND: Final = "reference"
VERSION: Final = 1
NUM_ACCEPTED: Final = 4
ROWS_PER_POINT: Final = 4
"""Training rows that a reference is made of, for each text that is compared by embeddings."""
_FEATURES: Final = "features.safetensors"
_KNOWN: Final = "known.safetensors"
_WORDING: Final = "wording.safetensors"
_LEAST_ROWS: Final = 10
_LEAST_HELD_OUT: Final = 20
_HELD_OUT_SHARE: Final = 5
"""Where hardly a row was held out from training, every fifth row takes the place of those that were."""

Embed = Callable[[Sequence[str]], Vectors]
"""(N, D) directions of length 1 of texts, by the model that answers."""


@dataclass(frozen=True)
class Trained:
    """What is known of a model from before it was served."""

    rows: Sequence[Example]
    held_out: Sequence[Example]
    """Rows like those that it was not trained on."""
    judged: Sequence[Sample]
    """Its answers to test rows; empty where it was not judged."""
    labels: Sequence[str]
    style: str = UNSTYLED


@dataclass(frozen=True)
class Reference:
    """Everything of the training part: figures, directions, counts of runs of five bytes, no text."""

    key: str
    training: Features
    known: Known
    wording: FiveGramModel
    """Of half of the questions; the other half tells what is usual by it."""


def make_reference(trained: Trained, embed: Embed, max_points: int, *, identity: Identity, out: Path) -> Reference:
    """Look at the training rows and publish what was found.

    Raises TunesmithError `monitor-no-rows` where they hold no question to compare with.
    """
    questions = [question_of(row.prompt, trained.style) or "" for row in trained.rows]
    own = [place for place, row in enumerate(trained.rows) if questions[place] and row.split != REHEARSAL]
    if len(own) < _LEAST_ROWS:
        raise TunesmithError("monitor-no-rows", rows=len(own), least=_LEAST_ROWS)
    asked = [questions[place] for place in own]
    vectors_ND = embed(questions)
    held = [question for row in trained.held_out if (question := question_of(row.prompt, trained.style))]
    found = _known(vectors_ND, embed(held) if len(held) >= _LEAST_HELD_OUT else None)
    wording = FiveGramModel.fit(asked[::2])
    seldom = Features({DISTANCE: found.distances_H, **surprise(asked[1::2], wording)})
    told = joined([input_features(asked), seldom, _judged(trained)])
    vectors = {NGRAMS: ngram_vectors(asked[:max_points]), EMBEDDING: vectors_ND[own[:max_points]]}
    with publish(out, identity) as staging:
        write_features(staging / _FEATURES, replace(told, vectors=vectors))
        save_file(_arrays(found), staging / _KNOWN)
        save_file(wording.arrays(), staging / _WORDING)
    return open_reference(out)


def open_reference(folder: Path) -> Reference:
    """Raises what `read_manifest` raises."""
    manifest = read_manifest(folder, KIND)
    arrays = load_file(folder / _KNOWN)
    return Reference(
        manifest.key,
        read_features(folder / _FEATURES),
        Known(arrays["vectors"], float(arrays["limit"][0]), arrays["distances"]),
        FiveGramModel.of_arrays(load_file(folder / _WORDING)),
    )


def surprise(questions: Sequence[str], wording: FiveGramModel) -> dict[str, NDArray[np.float64]]:
    """Bits per byte of each question; nothing where none has a byte."""
    told = [wording.bits_per_byte([question]) for question in questions if question]
    return {"bits_per_byte": np.array(told)} if told else {}


def _judged(trained: Trained) -> Features:
    """Of the model's answers to test rows. It is judged without a server's rules: none of them were guarded."""
    answers = [Answered(sample.answer, sample.reasoning) for sample in trained.judged]
    found = output_features(answers, label_forms(trained.labels))
    return replace(found, shares={name: share for name, share in found.shares.items() if name != "guarded"})


def _arrays(of: Known) -> dict[str, NDArray[Any]]:
    return {"vectors": of.vectors_ND, "limit": np.array([of.limit]), "distances": of.distances_H}


def _known(vectors_ND: Vectors, held_out_HD: Vectors | None) -> Known:
    if held_out_HD is not None:
        return known(vectors_ND, held_out_HD)
    is_held_N = np.arange(len(vectors_ND)) % _HELD_OUT_SHARE == 0
    return known(vectors_ND[~is_held_N], vectors_ND[is_held_N])
