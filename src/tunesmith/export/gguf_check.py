"""Whether what a GGUF file says of itself fits the file, found out before anything that trusts it reads it.

Programs that load such files have been made to read and write outside of their memory by files with counts, offsets
and sizes beyond their end. Here every number is held against the bytes that are left before it is used, none of the
tensors' own bytes is read, and time and memory are bounded by the size of the header.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tunesmith.errors import Phrase, Place, TunesmithError

MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
MAX_DIMENSIONS: Final = 4
DEFAULT_ALIGNMENT: Final = 32
MAX_ALIGNMENT: Final = 1 << 20
ALIGNMENT: Final = "general.alignment"
ARCHITECTURE: Final = "general.architecture"
NUMBERS: Final = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 10: "<Q", 11: "<q", 12: "<d"}
"""By the number of a kind of value, how it is unpacked."""
BOOL, TEXT, ARRAY = 7, 8, 9
LEAST_ENTRY_BYTES: Final = 8 + 4 + 1
"""An empty name, a kind and one byte."""
LEAST_TENSOR_BYTES: Final = 8 + 4 + 8 + 4 + 8


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor, as the header has it."""

    name: str
    shape: tuple[int, ...]
    """As torch has it: neighbours in the file differ in the last index."""
    encoding: int
    """One of ggml's types."""
    offset: int
    """In bytes from the beginning of the file."""
    num_bytes: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a file says of itself."""

    metadata: dict[str, Any]
    tensors: tuple[GgufTensor, ...]


class _Reader:
    """Takes bytes one after the other, never more than there are."""

    def __init__(self, file: Path, data: mmap.mmap) -> None:
        self._file, self._data = file, data
        self.at = 0
        self.size = len(data)

    @property
    def left(self) -> int:
        return self.size - self.at

    def damaged(self, problem: str, **parameters: object) -> TunesmithError:
        place = Place(str(self._file), byte=self.at)
        return TunesmithError("gguf-damaged", place=place, at=self.at, problem=Phrase(f"gguf.{problem}", parameters))

    def take(self, num_bytes: int) -> bytes:
        if num_bytes > self.left:
            raise self.damaged("cut", wanted=num_bytes, left=self.left)
        self.at += num_bytes
        return self._data[self.at - num_bytes : self.at]

    def number(self, kind: str) -> Any:
        return struct.unpack(kind, self.take(struct.calcsize(kind)))[0]

    def count(self, least_bytes: int) -> int:
        """A number of things that follow, of so many bytes each at least."""
        found = int(self.number("<Q"))
        if found * least_bytes > self.left:
            raise self.damaged("count", count=found, left=self.left)
        return found

    def text(self) -> str:
        raw = self.take(self.count(1))
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as failure:
            raise self.damaged("text") from failure

    def truth(self) -> bool:
        found = self.take(1)[0]
        if found > 1:
            raise self.damaged("truth", value=found)
        return bool(found)

    def value(self) -> Any:
        kind = self.number("<I")
        if kind != ARRAY:
            return self._of(kind)()
        kind = self.number("<I")
        read = self._of(kind)
        least = struct.calcsize(NUMBERS[kind]) if kind in NUMBERS else {BOOL: 1, TEXT: 8}[kind]
        return [read() for _ in range(self.count(least))]

    def _of(self, kind: int) -> Callable[[], Any]:
        if kind in NUMBERS:
            return lambda: self.number(NUMBERS[kind])
        if kind not in (BOOL, TEXT):  # arrays of arrays are in no file that we know
            raise self.damaged("kind", kind=kind)
        return self.truth if kind == BOOL else self.text


def read_header(file: Path) -> GgufHeader:
    """What a GGUF file says of itself, all of it inside the file.

    Raises TunesmithError `gguf-damaged` with the byte at which it does not hold.
    """
    with file.open("rb") as opened:
        if file.stat().st_size < len(MAGIC):  # nothing to map
            raise TunesmithError("gguf-damaged", place=Place(str(file), byte=0), at=0, problem=Phrase("gguf.magic"))
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _header(_Reader(file, data))


def _header(reader: _Reader) -> GgufHeader:
    if reader.take(len(MAGIC)) != MAGIC:
        raise reader.damaged("magic")
    version = reader.number("<I")
    if version not in VERSIONS:
        raise reader.damaged("version", version=version)
    num_tensors = reader.count(LEAST_TENSOR_BYTES)
    num_entries = reader.count(LEAST_ENTRY_BYTES)
    metadata: dict[str, Any] = {}
    for _ in range(num_entries):
        name = reader.text()
        if name in metadata:
            raise reader.damaged("twice", name=name)
        metadata[name] = reader.value()
    if not isinstance(metadata.get(ARCHITECTURE), str):
        raise reader.damaged("architecture")
    alignment = metadata.get(ALIGNMENT, DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or not 0 < alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
        raise reader.damaged("alignment", value=alignment)
    told = [_tensor(reader, alignment) for _ in range(num_tensors)]
    begin = -(-reader.at // alignment) * alignment
    return GgufHeader(metadata, _placed(reader, told, begin))


def _tensor(reader: _Reader, alignment: int) -> GgufTensor:
    """One tensor, with its offset still counted from where tensors begin."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    name = reader.text()
    num_dimensions = reader.number("<I")
    if not 1 <= num_dimensions <= MAX_DIMENSIONS:
        raise reader.damaged("shape", name=name)
    shape = tuple(int(reader.number("<Q")) for _ in range(num_dimensions))[::-1]
    encoding = reader.number("<I")
    if encoding not in GGMLQuantizationType.__members__.values():
        raise reader.damaged("encoding", name=name, encoding=encoding)
    offset = int(reader.number("<Q"))
    block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(encoding)]
    num_values = 1
    for size in shape:
        num_values *= size
    if not num_values or shape[-1] % block or offset % alignment:
        raise reader.damaged("shape", name=name)
    return GgufTensor(name, shape, encoding, offset, num_values // block * block_bytes)


def _placed(reader: _Reader, told: list[GgufTensor], begin: int) -> tuple[GgufTensor, ...]:
    """The tensors with their offsets in the file; each lies inside it, and none on another."""
    end_before, names = begin, set[str]()
    for tensor in sorted(told, key=lambda tensor: tensor.offset):
        start = begin + tensor.offset
        if tensor.name in names:
            raise reader.damaged("twice", name=tensor.name)
        if start < end_before or start + tensor.num_bytes > reader.size:
            raise reader.damaged("place", name=tensor.name)
        names.add(tensor.name)
        end_before = start + tensor.num_bytes
    return tuple(GgufTensor(each.name, each.shape, each.encoding, begin + each.offset, each.num_bytes) for each in told)
