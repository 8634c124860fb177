"""The encodings a CSV file may be in: those whose line ends are single bytes, by Python's and by Java's name."""

from __future__ import annotations

import codecs

# In all of them a byte up to 0x20 is never part of another character, so lines can be told apart undecoded.
# UTF-16 and UTF-32 are missing for that reason: Spark cuts their lines in the middle of a character.
JAVA_NAMES = {
    "utf-8": "UTF-8",
    "ascii": "US-ASCII",
    "iso8859-1": "ISO-8859-1",
    "iso8859-2": "ISO-8859-2",
    "iso8859-5": "ISO-8859-5",
    "iso8859-7": "ISO-8859-7",
    "iso8859-9": "ISO-8859-9",
    "iso8859-13": "ISO-8859-13",
    "iso8859-15": "ISO-8859-15",
    "cp1250": "windows-1250",
    "cp1251": "windows-1251",
    "cp1252": "windows-1252",
    "cp1253": "windows-1253",
    "cp1254": "windows-1254",
    "cp1257": "windows-1257",
    "koi8-r": "KOI8-R",
    "gbk": "GBK",
    "gb18030": "GB18030",
    "big5": "Big5",
    "euc_jp": "EUC-JP",
    "shift_jis": "Shift_JIS",
    "euc_kr": "EUC-KR",
}


def java_name(encoding: str) -> str | None:
    """Java's name of the encoding; None where it is unknown or can't be read line by line.

    >>> java_name("latin-1"), java_name("UTF-16")
    ('ISO-8859-1', None)
    """
    try:
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        return None
    return JAVA_NAMES.get(name)
