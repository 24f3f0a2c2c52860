"""The check of GGUF headers: it reads what the format's own package reads, and nothing that lies."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from gguf import GGUFReader, GGUFWriter
from tiny_models import make_model, save_model

from tunesmith.chat import load_chat
from tunesmith.errors import TunesmithError
from tunesmith.export.gguf import FILE, write_gguf
from tunesmith.export.gguf_check import GgufHeader, read_header


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    merged = save_model(folder / "merged", make_model("qwen2", num_hidden_layers=1))
    write_gguf(merged, load_chat(merged), folder / "gguf", name="good")
    return folder / "gguf" / FILE


def test_the_check_reads_what_the_formats_own_package_does(good: Path) -> None:
    header, reader = read_header(good), GGUFReader(good)
    told = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    assert header.metadata == told
    expected = [
        (each.name, tuple(each.shape.tolist())[::-1], int(each.tensor_type), each.data_offset, each.n_bytes)
        for each in reader.tensors
    ]
    found = [(each.name, each.shape, each.encoding, each.offset, each.num_bytes) for each in header.tensors]
    assert found == expected


def small(folder: Path) -> bytes:
    """A file with every kind of value, and two tensors, small enough for its header to be most of it."""
    import numpy as np

    writer = GGUFWriter(folder / "small.gguf", "qwen2")
    for kind in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"):
        getattr(writer, f"add_{kind}")(f"a.{kind}", 7)
    writer.add_float32("a.float32", 0.5)
    writer.add_float64("a.float64", 0.25)
    writer.add_bool("a.bool", True)
    writer.add_array("a.texts", ["one", "二", "three"])
    writer.add_array("a.numbers", [1, 2, 3])
    writer.add_array("a.truths", [True, False])
    writer.add_tensor("first", np.ones((3, 4), np.float32))
    writer.add_tensor("second", np.ones(5, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return (folder / "small.gguf").read_bytes()


def test_values_of_every_kind_are_read(tmp_path: Path) -> None:
    small(tmp_path)
    header = read_header(tmp_path / "small.gguf")
    assert {name: value for name, value in header.metadata.items() if name.startswith("a.")} == {
        **{f"a.{kind}": 7 for kind in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")},
        **{"a.float32": 0.5, "a.float64": 0.25, "a.bool": True},
        **{"a.texts": ["one", "二", "three"], "a.numbers": [1, 2, 3], "a.truths": [True, False]},
    }


def read(file: Path, data: bytes) -> GgufHeader | TunesmithError:
    """The header of a file with these bytes, or how it was refused; anything else that happens is a failure."""
    file.write_bytes(data)
    try:
        return read_header(file)
    except TunesmithError as failure:
        return failure


def assert_inside(header: GgufHeader, size: int) -> None:
    end = 0
    for tensor in sorted(header.tensors, key=lambda tensor: tensor.offset):
        assert end <= tensor.offset
        assert tensor.num_bytes > 0
        end = tensor.offset + tensor.num_bytes
    assert end <= size


def mutated(data: bytes, dice: random.Random) -> bytes:
    """A few bytes changed, a number replaced by an extreme one, a piece left out or the end cut off."""
    found = bytearray(data)
    how = dice.randrange(4)
    at = dice.randrange(len(found))
    if how == 0:
        for _ in range(dice.randint(1, 4)):
            found[dice.randrange(len(found))] = dice.randrange(256)
    elif how == 1:
        extreme = dice.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1])
        found[at : at + 8] = struct.pack("<Q", extreme)
    elif how == 2:
        del found[at : at + dice.randint(1, 40)]
    else:
        del found[at:]
    return bytes(found)


def fuzz(tmp_path: Path, data: bytes, num: int, seed: int) -> None:
    dice, file = random.Random(seed), tmp_path / "mutant.gguf"
    refused = 0
    for _ in range(num):
        mutant = mutated(data, dice)
        told = read(file, mutant)
        if isinstance(told, GgufHeader):
            assert_inside(told, len(mutant))
        else:
            assert told.code == "gguf-damaged"
            refused += 1
    assert refused > num // 2


@pytest.mark.thorough
def test_mutants_are_refused_or_lie_inside_their_file(tmp_path: Path) -> None:
    fuzz(tmp_path, small(tmp_path), 1500, seed=0)


@pytest.mark.slow
def test_20_000_mutants_are_refused_or_lie_inside_their_file(tmp_path: Path, good: Path) -> None:
    fuzz(tmp_path, small(tmp_path), 18_000, seed=1)
    fuzz(tmp_path, good.read_bytes(), 2_000, seed=2)


def put(at: int, kind: str, value: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        return data[:at] + struct.pack(kind, value) + data[at + struct.calcsize(kind) :]

    return change


def behind(mark: bytes, skip: int, kind: str, value: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        return put(data.index(mark) + len(mark) + skip, kind, value)(data)

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda data: b"", "begin as such files"),
        (lambda data: b"GG", "begin as such files"),
        (lambda data: b"JUNK" + data[4:], "begin as such files"),
        (put(4, "<I", 1), "version 1"),
        (put(4, "<I", 0x03000000), "version"),
        (put(8, "<Q", 2**40), "announced"),
        (put(16, "<Q", 2**64 - 1), "announced"),
        (put(24, "<Q", 2**63), "announced"),
        (behind(b"a.texts", 0, "<I", 13), "kind 13"),
        (behind(b"a.texts", 4, "<I", 9), "kind 9"),
        (behind(b"a.texts", 8, "<Q", 2**50), "announced"),
        (behind(b"a.bool", 4, "<B", 2), "neither true nor false"),
        (lambda data: data.replace(b"a.int8", b"a.int\xff"), "UTF-8"),
        (lambda data: data.replace(b"a.int8", b"a.bool"), "twice"),
        (lambda data: data.replace(b"general.architecture", b"general.architectura"), "architecture"),
        (lambda data: data.replace(b"second", b"first\x00").replace(b"first\x00", b"second"), None),
        (behind(b"first", 0, "<I", 5), "`first`"),
        (behind(b"first", 0, "<I", 0), "`first`"),
        (behind(b"first", 4, "<Q", 0), "`first`"),
        (behind(b"first", 4, "<Q", 2**62), "outside the file"),
        (behind(b"first", 20, "<I", 5), "unknown way"),
        (behind(b"first", 20, "<I", 8), "impossible shape"),
        (behind(b"second", 16, "<Q", 1), "impossible shape"),
        (behind(b"second", 16, "<Q", 32), "on another tensor"),
        (behind(b"second", 16, "<Q", 2**40), "outside the file"),
        (lambda data: data[: -1 - 12], "outside the file"),
    ],
)
def test_each_lie_is_told_with_its_byte(tmp_path: Path, change: Callable[[bytes], bytes], problem: str | None) -> None:
    data = small(tmp_path)
    told = read(tmp_path / "lie.gguf", change(data))
    if problem is None:
        assert isinstance(told, GgufHeader)
        return
    assert isinstance(told, TunesmithError)
    assert problem in told.message("en")
    assert told.message("zh")
    assert told.hint("zh")
    assert told.place is not None
    assert told.place.byte is not None


@pytest.mark.parametrize("alignment", [0, 3, 2**30])
def test_alignments_that_are_none_are_refused(tmp_path: Path, alignment: int) -> None:
    data = small(tmp_path)
    # `a.uint32` and `general.alignment` differ in length: the entry is put in place of another of its kind
    old = data[data.index(b"a.uint32") - 8 : data.index(b"a.uint32") + 8 + 8]
    name = b"general.alignment"
    new = struct.pack("<Q", len(name)) + name + struct.pack("<II", 4, alignment)
    told = read(tmp_path / "lie.gguf", data.replace(old, new))
    assert isinstance(told, TunesmithError)
    assert str(alignment) in told.message("en")
