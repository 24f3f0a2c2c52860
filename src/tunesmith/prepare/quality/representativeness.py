"""How well the training rows stand for the inputs that the model will meet.

Texts are compared by the cosine of their TF-IDF vectors over character n-grams, right for English and Chinese. An
expected input is covered when it has a training row as near as 95 % of the training rows have among themselves; the
maximum mean discrepancy tells whether the two come from one distribution at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.quality import Region, Representativeness
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.duplicates import keys_of
from tunesmith.prepare.files import files_of
from tunesmith.prepare.format_readers import turns
from tunesmith.prepare.formats import SYNONYMS, missing_column, plain_name
from tunesmith.prepare.index import Rows, Spool, first_of_equal, key_of
from tunesmith.prepare.privacy import redact
from tunesmith.prepare.read import read_file
from tunesmith.prepare.rows import RawRow, Refused
from tunesmith.recipe import Prepare
from tunesmith.stats.two_sample import mean_discrepancy

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Shapes: T training rows, E expected texts, U uncovered ones, V dimensions.
Floats = NDArray[np.float64]

COVERED_IF_ALIKE: Final = 0.95
_MAX_TRAIN: Final = 5_000
_MAX_EXPECTED: Final = 1_000
_MAX_OF_DISCREPANCY: Final = 1_000
_MAX_REGIONS: Final = 8
_ROWS_PER_REGION: Final = 5
_NUM_EXAMPLES: Final = 3
_SHOWN_CHARACTERS: Final = 200
_JUDGED_CHARACTERS: Final = 500
_ROWS_AT_ONCE: Final = 250
_ROLES: Final = ("messages", "conversations", "prompt", "question", "instruction", "text")


def representativeness(spool: Spool, train: Rows, cluster_N: Rows, section: Prepare) -> Representativeness:
    """Hold the training rows against the expected inputs, each near-duplicate once.

    Raises TunesmithError for a file that cannot be read (see `read_file`), `column-missing` and `column-absent` for a
    named column that it lacks, `quality-expected` when it holds no text to compare.
    """
    quality = section.quality
    texts = expected_texts(str(quality.expected), quality.expected_column)
    if section.personal.mode != "off":  # some are shown, and the rows that they are held against have none either
        texts = map(redact, texts)
    expected = _sample(texts, section.user_style)
    trained = _trained(spool, train, cluster_N)
    if len(expected) < 2 or len(trained) < 2:
        raise TunesmithError(
            "quality-expected", place=Place(str(quality.expected)), count=len(expected), rows=len(trained)
        )
    train_TV, expected_EV = vectors(trained, expected)
    among = nearest(train_TV[:_MAX_EXPECTED], train_TV, skip_self=True)
    # the 5 % that are farthest from all others are no yardstick
    similarity = float(np.quantile(among, 1 - COVERED_IF_ALIKE))
    near_E = nearest(expected_EV, train_TV)
    missing = np.flatnonzero(near_E < similarity)
    first, second = train_TV[:_MAX_OF_DISCREPANCY], expected_EV[:_MAX_OF_DISCREPANCY]
    found = mean_discrepancy(squared_distances(first, second), first.shape[0])
    shown = [expected[place] for place in missing.tolist()]
    return Representativeness(
        expected=str(quality.expected),
        texts=len(expected),
        rows=len(trained),
        covered=round(1 - len(missing) / len(expected), 6),
        covered_if_alike=COVERED_IF_ALIKE,
        similarity=round(similarity, 6),
        distance=round(found.squared, 6),
        p_value=found.p_value,
        regions=[
            Region(
                texts=len(region),
                share=round(len(region) / len(expected), 6),
                examples=[shown[place][:_SHOWN_CHARACTERS] for place in region[:_NUM_EXAMPLES]],
            )
            for region in regions(expected_EV[missing])
        ],
    )


def expected_texts(path: str, column: str | None) -> Iterator[str]:
    """Every text of the file or files: of a `.txt` each line, of a table one column."""
    for file in files_of(path):
        if file.suffix.lower() == ".txt":
            yield from _lines(file)
            continue
        table = read_file(file)
        read = _reader(table.columns, column, Place(table.name))
        for row in table.rows:
            text = read(row.values) if isinstance(row, RawRow) else ""
            if text.strip():
                yield text


def vectors(trained: list[str], expected: list[str]) -> tuple[csr_matrix, csr_matrix]:
    """(T, V) and (E, V): unit vectors over runs of 2 to 4 characters, weighted by how few texts of both have them."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    weigh = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    both = weigh.fit_transform([text[:_JUDGED_CHARACTERS] for text in (*trained, *expected)])
    return both[: len(trained)], both[len(trained) :]


def nearest(asked_EV: csr_matrix, known_TV: csr_matrix, *, skip_self: bool = False) -> Floats:
    """(E,): the cosine to the nearest known text; with `skip_self` the asked ones are the first of the known."""
    found = []
    for begin in range(0, asked_EV.shape[0], _ROWS_AT_ONCE):
        similarity = (asked_EV[begin : begin + _ROWS_AT_ONCE] @ known_TV.T).toarray()
        if skip_self:
            places = np.arange(len(similarity))
            similarity[places, begin + places] = -1.0
        found.append(similarity.max(axis=1))
    nearest_E: Floats = np.concatenate(found)
    return nearest_E


def squared_distances(first: csr_matrix, second: csr_matrix) -> Floats:
    """Between all unit vectors of both."""
    from scipy.sparse import vstack

    both = vstack([first, second]).tocsr()
    distances: Floats = np.maximum(0.0, 2.0 - 2.0 * (both @ both.T).toarray())
    return distances


def regions(missing_UV: csr_matrix) -> list[list[int]]:
    """Texts that are like each other, largest group first, the most typical of each in front.

    Ward's clustering, cut where the silhouette (Rousseeuw 1987) is best; of fewer than ten texts one group.
    """
    num_texts = missing_UV.shape[0]
    if not num_texts:
        return []
    group_U = np.zeros(num_texts, dtype=np.int64)
    if num_texts >= 2 * _ROWS_PER_REGION:
        group_U = _grouped(missing_UV, min(_MAX_REGIONS, num_texts // _ROWS_PER_REGION))
    groups = []
    for group in np.unique(group_U):
        members = np.flatnonzero(group_U == group)
        centre = np.asarray(missing_UV[members].mean(axis=0)).ravel()
        typical = np.asarray(missing_UV[members] @ centre).ravel()
        groups.append(members[np.argsort(-typical, kind="stable")].tolist())
    return sorted(groups, key=len, reverse=True)


def _grouped(missing_UV: csr_matrix, max_groups: int) -> NDArray[np.int64]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform
    from sklearn.metrics import silhouette_score

    distance_UU = np.sqrt(squared_distances(missing_UV, missing_UV[:0]))
    np.fill_diagonal(distance_UU, 0.0)
    tree = linkage(squareform(distance_UU, checks=False), "ward")
    cuts = [fcluster(tree, number, "maxclust") for number in range(2, max_groups + 1)]
    merits = [silhouette_score(distance_UU, cut, metric="precomputed") if cut.max() > 1 else -1.0 for cut in cuts]
    best: NDArray[np.int64] = cuts[int(np.argmax(merits))]
    return best


def _trained(spool: Spool, train: Rows, cluster_N: Rows) -> list[str]:
    """What the user last says in the training rows with the smallest ids, one of each near-duplicate cluster."""
    cluster = keys_of(cluster_N[train])
    distinct = train[first_of_equal(cluster) == np.arange(len(train))]
    order = np.argsort(spool["id"][distinct], kind="stable")
    drawn = distinct[order[:_MAX_TRAIN]]
    asked = {}
    for row, written in zip(np.sort(drawn).tolist(), spool.written(np.sort(drawn)), strict=True):
        asked[row] = next(said["content"] for said in reversed(written["messages"]) if said["role"] == "user")
    # in the order of their ids, so that any first ones are as good as drawn
    return [asked[row] for row in drawn.tolist()]


def _sample(texts: Iterator[str], style: str) -> list[str]:
    """Different texts, those with the smallest hashes: as good as drawn, and never more in memory than twice as many.

    The recipe's pattern is put around them, as it is around the training rows.
    """
    kept: dict[int, str] = {}
    for text in texts:
        kept[key_of(text)] = text
        if len(kept) >= 2 * _MAX_EXPECTED:
            kept = {key: kept[key] for key in sorted(kept)[:_MAX_EXPECTED]}
    return [style.replace("{prompt}", kept[key]) for key in sorted(kept)[:_MAX_EXPECTED]]


def _lines(file: Path) -> Iterator[str]:
    try:
        with file.open(encoding="utf-8-sig") as stream:
            yield from (line.strip() for line in stream if line.strip())
    except (OSError, UnicodeDecodeError) as failure:
        raise TunesmithError("data-unreadable", place=Place(str(file)), problem=str(failure)) from failure


def _reader(columns: tuple[str, ...], column: str | None, place: Place) -> Callable[[Mapping[str, Any]], str]:
    """From a row to its text: of the named column, else of the first that is known to hold a user's words."""
    by_name = {plain_name(name): name for name in columns}
    known = [by_name[name] for role in _ROLES for name in SYNONYMS[role] if name in by_name]
    if column is not None and column not in columns:
        raise missing_column("expected_column", column, columns, place)
    if column is None and not known:
        raise missing_column("expected_column", "text", columns, place)
    return partial(_text_of, column=column or known[0])


def _text_of(values: Mapping[str, Any], column: str) -> str:
    """Empty where the row holds none."""
    value = values.get(column)
    if not isinstance(value, list):
        return value if isinstance(value, str) else ""
    try:
        said = turns(value, column)
    except Refused:
        return ""
    return next((message.content for message in reversed(said) if message.role == "user"), "")
