"""Rewrite the data of `examples/`: `python tools/make_examples.py [--out FOLDER]`. Standard library only."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def main() -> None:
    """Make every example under the folder given by `--out`, the repository's `examples/` by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "examples")
    out: Path = parser.parse_args().out
    # Python puts the script's own folder on the path, not the repository's.
    sys.path.insert(0, str(REPOSITORY))
    from tools.examples import finance_sentiment, support_desk

    support_desk.make(out / "support_desk")
    finance_sentiment.make(out / "finance_sentiment")


if __name__ == "__main__":
    main()
