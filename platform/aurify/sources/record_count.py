"""Counting the records of a CSV text as Spark does, in one pass and without keeping the text."""

from __future__ import annotations

import re

from aurify.sources.fault import Fault

# What Java's String.trim() takes away; a line of nothing else is no record.
_BLANK = bytes(range(0x21))
_BLANK_LINE = re.compile(rb"\n(?=[\x00-\x09\x0b-\x20]*\n)")
# Spark's parser stops the whole job at a line of more fields, and holds a line in memory as one string.
MOST_FIELDS = 20_480
LONGEST_LINE = 16 << 20


class RecordCounter:
    """Counts lines that are not blank; the first of them is the header if there is one.

    Spark reads line by line (`multiLine` is off): `\\n`, `\\r\\n` and a lone `\\r` end a record, inside quotes too.
    """

    def __init__(self, delimiter: bytes, has_header: bool) -> None:
        self.records = 0
        self.lines = 0
        self.header: bytes | None = None
        self._seeks_header = has_header
        self._delimiter = delimiter
        self._after_return = False
        # The line that is not ended yet: how long, how many delimiters, anything to see, and its text if a header.
        self._open_bytes = 0
        self._open_delimiters = 0
        self._open_blank = True
        self._open_text = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Count on; chunks may be cut anywhere."""
        chunk = self._with_plain_line_ends(chunk)
        first = chunk.find(b"\n")
        if first < 0:
            self._extend(chunk)
            return
        self._extend(chunk[:first])
        self._end_line()
        while self._seeks_header and (end := chunk.find(b"\n", first + 1)) >= 0:
            self._extend(chunk[first + 1 : end])
            self._end_line()
            first = end
        last = chunk.rfind(b"\n")
        lines = chunk.count(b"\n", first + 1, last + 1)
        self.lines += lines
        self.records += lines - len(_BLANK_LINE.findall(chunk, first, last + 1))
        self._check_long_lines(chunk, first + 1, last)
        self._extend(chunk[last + 1 :])

    def finish(self) -> None:
        """Count a last line without an end."""
        if self._open_bytes:
            self._end_line()

    def _with_plain_line_ends(self, chunk: bytes) -> bytes:
        """Every line end as `\\n`, one that is cut in two by the chunks too."""
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        if chunk:
            self._after_return = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n")
        return chunk.replace(b"\r", b"\n") if b"\r" in chunk else chunk

    def _extend(self, piece: bytes) -> None:
        """Add to the line that is not ended yet."""
        self._open_bytes += len(piece)
        self._open_delimiters += piece.count(self._delimiter)
        self._open_blank = self._open_blank and not piece.strip(_BLANK)
        if self._seeks_header:
            self._open_text += piece
        self._check_line(self._open_bytes, self._open_delimiters)

    def _end_line(self) -> None:
        self.lines += 1
        if not self._open_blank:
            if self._seeks_header:
                self.header = bytes(self._open_text)
                self._seeks_header = False
            else:
                self.records += 1
        self._open_bytes = self._open_delimiters = 0
        self._open_blank = True
        self._open_text.clear()

    def _check_long_lines(self, chunk: bytes, start: int, stop: int) -> None:
        """Look at the lines that are long enough for too many fields; strides past all others."""
        while start < stop:
            end = chunk.rfind(b"\n", start, start + MOST_FIELDS)
            if end < 0:
                end = chunk.find(b"\n", start)
                self._check_line(end - start, chunk.count(self._delimiter, start, end))
            start = end + 1

    def _check_line(self, length: int, delimiters: int) -> None:
        if length > LONGEST_LINE:
            found = f"a line of more than {LONGEST_LINE >> 20} MiB near line {self.lines + 1}"
            raise Fault("too_long_line", found, "shorter lines", "are the line ends missing?")
        if delimiters >= MOST_FIELDS:
            found = f"a line of more than {MOST_FIELDS} fields near line {self.lines + 1}"
            raise Fault("too_long_line", found, "as many as there are columns", "are the line ends missing?")
