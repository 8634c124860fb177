"""The check of one CSV file, plain or gzip: encoding, header, and the number of its records."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from aurify.errors import did_you_mean
from aurify.sources.fault import Fault
from aurify.sources.gzip_stream import MAGIC, decompressed
from aurify.sources.record_count import RecordCounter

if TYPE_CHECKING:
    from aurify.sources.folder import FolderOptions

# Spark decompresses these by the name too, but nothing here could see a fault in them.
_OTHER_COMPRESSIONS = (".bz2", ".deflate", ".lz4", ".snappy", ".zst")
_BOM = codecs.BOM_UTF8
_MAGICS = {
    MAGIC: ("gzip data", "add .gz to its name"),
    b"PK\x03\x04": ("a zip archive, or a workbook", "unpack it, or save it as CSV"),
    b"\xd0\xcf\x11\xe0": ("a workbook", "save it as CSV"),
    b"\x28\xb5\x2f\xfd": ("zstd data", "compress it with gzip"),
    b"\xfd7zXZ\x00": ("xz data", "compress it with gzip"),
    b"%PDF-": ("a PDF document", "deliver CSV"),
}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def csv_records(chunks: Iterable[bytes], path: str, options: FolderOptions) -> int:
    """The number of data records that Spark will read from the file; Fault if it may not enter a batch."""
    if path.endswith(_OTHER_COMPRESSIONS):
        found = f"a file compressed as .{path.rpartition('.')[2]}"
        raise Fault("unknown_compression", found, "a plain file or gzip", "compress it with gzip")
    counter = RecordCounter(options.delimiter.encode(options.encoding), options.header)
    encoding = _EncodingCheck(options.encoding, counter)
    for chunk in _text(decompressed(chunks) if path.endswith(".gz") else chunks):
        encoding.feed(chunk)
        counter.feed(chunk)
    encoding.finish()
    counter.finish()
    if options.header:
        _check_header(counter.header, options)
    return counter.records


def _text(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks without a byte order mark, which Spark skips as well; Fault where they are no text."""
    start: bytes | None = b""
    for chunk in chunks:
        if start is None:
            yield chunk
            continue
        start += chunk
        if len(start) >= 8:
            yield _without_mark(start)
            start = None
    if start == b"":
        raise Fault("zero_bytes", "nothing in the file", "a header, at least", "deliver it again")
    if start:
        yield _without_mark(start)


def _without_mark(start: bytes) -> bytes:
    for magic, (found, hint) in _MAGICS.items():
        if start.startswith(magic):
            raise Fault("wrong_magic", found, "CSV text", hint)
    if start.startswith(_UTF16):
        hint = "save it in an encoding whose line ends are single bytes, like UTF-8"
        raise Fault("wrong_encoding", "UTF-16, by its byte order mark", "UTF-8, or what the folder declares", hint)
    return start.removeprefix(_BOM)


class _EncodingCheck:
    """Sees whether every byte belongs to a character; most text is ASCII and is passed at memory speed."""

    def __init__(self, encoding: str, counter: RecordCounter) -> None:
        self._encoding = encoding
        self._counter = counter
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._is_between_characters = True

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes, before they are counted."""
        if 0 in chunk:
            self._fail("a NUL byte", chunk.index(0), chunk)
        if self._is_between_characters and chunk.isascii():
            return
        try:
            self._decoder.decode(chunk)
        except UnicodeDecodeError as error:
            self._fail(f"the byte 0x{error.object[error.start]:02X}", error.start, chunk)
        self._is_between_characters = not self._decoder.getstate()[0]

    def finish(self) -> None:
        """See that the text does not end within a character."""
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self._fail("a character cut in two by the end of the file", 0, b"")

    def _fail(self, found: str, at: int, chunk: bytes) -> None:
        line = self._counter.lines + chunk.count(b"\n", 0, at) + 1
        hint = "set the encoding of folder(...) if the sender uses another; a NUL byte means it is no text at all"
        raise Fault("wrong_encoding", f"{found} in line {line}", f"text in {self._encoding}", hint)


def _check_header(line: bytes | None, options: FolderOptions) -> None:
    expected = options.columns.fieldNames()
    if line is None:
        raise Fault("wrong_header", "blank lines only", f"the header {_shown(expected, options)}")
    found = _fields(line.decode(options.encoding), options.delimiter)
    if found != expected:
        raise Fault(
            "wrong_header",
            f"the header {_shown(found, options)}",
            _shown(expected, options),
            _header_hint(found, expected, line.decode(options.encoding)),
        )


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)


def _shown(names: Sequence[str], options: FolderOptions) -> str:
    text = options.delimiter.join(names)
    return f"'{text}'" if len(text) <= 400 else f"'{text[:400]}...'"


def _header_hint(found: Sequence[str], expected: Sequence[str], line: str) -> str:
    other = next((d for d in ",;\t|" if _fields(line, d) == list(expected)), None)
    if other:
        return f"the file is delimited by {other!r}: set the delimiter of folder(...)"
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    if not missing and not extra:
        return "the columns are the same, in another order or twice"
    said = [f"missing: {', '.join(missing)}"] if missing else []
    said += [f"not declared: {', '.join(extra)} ({did_you_mean(extra[0], missing or expected)})"] if extra else []
    return "; ".join(said)
