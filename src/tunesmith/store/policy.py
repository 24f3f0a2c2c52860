"""What is kept of an exchange and of feedback, as the recipe's `serve.record` says.

Pseudonyms are made with a key that lies in a file apart from the database: who has the database alone can tell neither
whom a pseudonym stands for nor, by trying names, whether it stands for somebody they know.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select

from tunesmith.artifacts.folder import make_folder, sync
from tunesmith.errors import Place, TunesmithError
from tunesmith.recipe.serve import Recording
from tunesmith.records import Exchange, Feedback, Message
from tunesmith.store.open import writing
from tunesmith.store.schema import SCHEMA_VERSION
from tunesmith.text.personal.pseudonyms import pseudonymised

NUM_KEY_BYTES: Final = 32


def recorded(exchange: Exchange, policy: Recording, pseudonymiser: Pseudonymiser) -> Exchange | None:
    """What is kept of it: nothing, figures without text or person, pseudonyms for personal data, or all."""
    match policy:
        case "off":
            return None
        case "metadata":
            return replace(exchange, subject=None, prompt=(), answer=None)
        case "pseudonymised":
            return pseudonymiser.exchange(exchange)
        case "full":
            return exchange


def recorded_feedback(feedback: Feedback, policy: Recording, pseudonymiser: Pseudonymiser) -> Feedback | None:
    """The same of feedback, whose text may name people as well."""
    match policy:
        case "off":
            return None
        case "metadata":
            return replace(feedback, text=None)
        case "pseudonymised":
            return pseudonymiser.feedback(feedback)
        case "full":
            return feedback


@dataclass(frozen=True, slots=True)
class Pseudonymiser:
    """Replaces personal data; equal values get equal pseudonyms wherever the key is the same."""

    key: bytes = field(repr=False)

    def subject(self, subject: str) -> str:
        """HMAC-SHA256 of a `user`, of which 128 bits are kept."""
        digest = hmac.digest(self._derived("subjects"), subject.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"sub-{digest[:16].hex()}"

    def row(self, id: str) -> str:
        """The same of a row's id: a hash of its text, which could be guessed from what it hashes."""
        return f"row-{hmac.digest(self._derived('rows'), id.encode(), hashlib.sha256)[:16].hex()}"

    def exchange(self, exchange: Exchange) -> Exchange:
        """With pseudonyms in all of its texts, and a person's mentions alike in each of them."""
        messages = [*exchange.prompt, *([] if exchange.answer is None else [exchange.answer])]
        texts = [text for message in messages for text in (message.content, message.reasoning or "")]
        new = pseudonymised(texts, self._derived("texts"))
        changed = [
            _with_texts(message, content, reasoning)
            for message, content, reasoning in zip(messages, new[::2], new[1::2], strict=True)
        ]
        return replace(
            exchange,
            subject=None if exchange.subject is None else self.subject(exchange.subject),
            prompt=tuple(changed[: len(exchange.prompt)]),
            answer=None if exchange.answer is None else changed[-1],
        )

    def feedback(self, feedback: Feedback) -> Feedback:
        if feedback.text is None:
            return feedback
        return replace(feedback, text=pseudonymised([feedback.text], self._derived("texts"))[0])

    def fingerprint(self) -> str:
        """16 hex digits that change with the key and do not tell it."""
        return self._derived("fingerprint")[:8].hex()

    def _derived(self, purpose: str) -> bytes:
        """The key for one purpose: HKDF's expansion (RFC 5869) to one block, as the key is random to begin with."""
        return hmac.digest(self.key, f"tunesmith store {purpose}\x01".encode(), hashlib.sha256)


def _with_texts(message: Message, content: str, reasoning: str) -> Message:
    return replace(message, content=content, reasoning=None if message.reasoning is None else reasoning)


def open_pseudonymiser(database: Engine, key_file: Path) -> Pseudonymiser:
    """With the key of this database, which is made where neither knows of one.

    Raises TunesmithError `store-key-missing`, `store-key-other`: with another key a person's rows would not be found.
    """
    with writing(database) as connection:
        known = connection.scalars(select(SCHEMA_VERSION.c.pseudonym_key)).one()
        if not key_file.exists():
            if known is not None:
                raise TunesmithError("store-key-missing", place=Place(str(key_file)))
            _make_key(key_file)
        pseudonymiser = Pseudonymiser(_read_key(key_file))
        if known is None:
            connection.execute(SCHEMA_VERSION.update().values(pseudonym_key=pseudonymiser.fingerprint()))
        elif known != pseudonymiser.fingerprint():
            raise TunesmithError("store-key-other", place=Place(str(key_file)))
    return pseudonymiser


def _make_key(file: Path) -> None:
    """Whole or not at all; of two processes that make it at once, the first one's stays."""
    make_folder(file.parent)
    partial = file.with_name(f".{file.name}.{secrets.token_hex(8)}.partial")
    try:
        with open(partial, "x", opener=_private, encoding="ascii") as stream:
            stream.write(secrets.token_hex(NUM_KEY_BYTES) + "\n")
        sync(partial)
        try:
            os.link(partial, file)
        except FileExistsError:
            return
    finally:
        partial.unlink(missing_ok=True)
    sync(file.parent)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _read_key(file: Path) -> bytes:
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != NUM_KEY_BYTES:
        raise TunesmithError("store-key-other", place=Place(str(file)))
    return key
