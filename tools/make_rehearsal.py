"""Write `examples/rehearsal/general.jsonl`: general questions with answers, mixed into training against forgetting.

They come from the generator of the embedded base's text, from a seed of their own; like that text they share no
8-gram with the general suite, so that rehearsing is not peeking.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tools.tiny_base import corpus

OUT: Final = Path(__file__).parent.parent / "examples" / "rehearsal" / "general.jsonl"
SEED: Final = 77
NUM_ROWS: Final = 1600


def main(out: Path = OUT) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8", newline="\n") as stream:
        for conversation in corpus.conversations(SEED, NUM_ROWS):
            stream.write(json.dumps({"messages": [_message(m) for m in conversation]}, ensure_ascii=False) + "\n")


def _message(row: corpus.Message) -> dict[str, str]:
    message = {"role": row["role"], "content": row["content"]}
    return message | ({"reasoning_content": row["reasoning"]} if row["role"] == "assistant" else {})


if __name__ == "__main__":
    main()
