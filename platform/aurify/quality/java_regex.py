"""What Java surely refuses in a regular expression, told without a JVM.

Spark matches with `java.util.regex`. This reads a pattern just far enough to find what never compiles there:
it may let a broken pattern pass, and must never blame a good one.
"""

from __future__ import annotations

import re

_GROUP = re.compile(r"\?(?:[:=!>]|<[=!]|<[a-zA-Z][a-zA-Z0-9]*>|[idmsuxU]*(?:-[idmsuxU]*)?[:)])")
_COMMENTS = re.compile(r"\(\?[a-zA-Z]*x")
_COUNT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_BRACED = re.compile(r"[pPxN]\{[^}]*\}|k<[^>]*>")
_NO_ESCAPE = "EFIJKLMOTUYgijlmoqy"
_PYTHON_ONLY = {"?P<": "Java writes (?<name>...)", "?P=": "Java writes \\k<name>", "?#": "Java has no (?#comment)"}


def java_refuses(pattern: str) -> str:
    """Why the pattern can't compile in Java; empty where nothing is surely wrong.

    >>> java_refuses("^[A-Z]{2}$"), java_refuses("(a")
    ('', 'the group opened at position 1 is not closed')
    """
    return "" if _COMMENTS.search(pattern) else _Scan(pattern).fault()


class _Scan:
    """One walk over a pattern; positions in messages count from 1."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.groups: list[int] = []
        self.repeatable = False

    def fault(self) -> str:
        while self.at < len(self.pattern):
            if fault := self.step(self.pattern[self.at]):
                return fault
        return f"the group opened at position {self.groups[-1] + 1} is not closed" if self.groups else ""

    def step(self, char: str) -> str:
        if char == "\\":
            return self.escape()
        if char == "[":
            return self.char_class()
        if char == "(":
            return self.open_group()
        if char in "*+?{":
            return self.quantifier(char)
        if char == ")":
            if not self.groups:
                return f"the ')' at position {self.at + 1} closes nothing"
            self.groups.pop()
        self.repeatable = char != "|"
        self.at += 1
        return ""

    def escape(self) -> str:
        after = self.pattern[self.at + 1 : self.at + 2]
        if not after:
            return "it ends in a single backslash"
        if after in _NO_ESCAPE:
            return f"Java has no escape '\\{after}'"
        self.repeatable = True
        if after == "Q":
            end = self.pattern.find("\\E", self.at + 2)
            self.at = len(self.pattern) if end < 0 else end + 2
            return ""
        braced = _BRACED.match(self.pattern, self.at + 1)
        self.at = braced.end() if braced else self.at + 2
        return ""

    def open_group(self) -> str:
        after = self.pattern[self.at + 1 :]
        if after.startswith("?"):
            if not (known := _GROUP.match(self.pattern, self.at + 1)):
                hint = next((text for start, text in _PYTHON_ONLY.items() if after.startswith(start)), "")
                return f"Java has no group that begins with '({after[:3]}'" + (f": {hint}" if hint else "")
            self.repeatable = False
            start, self.at = self.at, known.end()
            if not known.group().endswith(")"):
                self.groups.append(start)
            return ""
        self.groups.append(self.at)
        self.repeatable = False
        self.at += 1
        return ""

    def quantifier(self, char: str) -> str:
        count = _COUNT.match(self.pattern, self.at)
        if char == "{" and not count:
            return f"the '{{' at position {self.at + 1} begins no repetition: write '\\{{' for the character"
        if char != "{" and not self.repeatable:
            return f"the '{char}' at position {self.at + 1} repeats nothing"
        if count and count[2] and int(count[1]) > int(count[2]):
            return f"the repetition {count.group()} has its bounds the wrong way round"
        self.at = count.end() if count else self.at + 1
        if self.pattern[self.at : self.at + 1] in ("+", "?"):
            self.at += 1
        self.repeatable = False
        return ""

    def char_class(self) -> str:
        start, depth = self.at, 0
        while self.at < len(self.pattern):
            char = self.pattern[self.at]
            if char == "\\":
                if fault := self.escape():
                    return fault
                continue
            self.at += 1
            if char == "[":
                depth += 1
                if self.pattern[self.at : self.at + 1] == "^":
                    self.at += 1
                if self.pattern[self.at : self.at + 1] == "]":
                    self.at += 1
            elif char == "]":
                depth -= 1
                if depth == 0:
                    self.repeatable = True
                    return ""
        return f"the '[' at position {start + 1} is not closed"
