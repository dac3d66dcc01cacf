"""
Substitutions out of text.

    text $(name argument 'quoted argument' "$(name)" \\$(not a substitution)

A backslash takes its meaning from what follows it; it is left out of the result.
"""

from __future__ import annotations

import re

from ..substitution import Substitution
from ..substitutions import SubstitutionFailure, TextSubstitution
from .named_substitutions import make_substitution

_NAME = re.compile(r'\$\(([A-Za-z][A-Za-z0-9_-]*)')
# By the quotation mark around: text up to the next substitution or the end of the quotation, and one word in $(...).
_TEXT = {
    '': re.compile(r'(?:\\.|[^$]|\$(?!\())+'),
    "'": re.compile(r"(?:\\.|[^'\\$]|\$(?!\())+"),
    '"': re.compile(r'(?:\\.|[^"\\$]|\$(?!\())+'),
}
_WORD = {
    '': re.compile(r"""(?:\\.|[^ '"\\$()]|\$(?!\())+"""),
    "'": re.compile(r"(?:\\.|[^ '\\$()]|\$(?!\())+"),
    '"': re.compile(r'(?:\\.|[^ "\\$()]|\$(?!\())+'),
}


def parse_substitution(text: str) -> list[Substitution]:
    """Return `text` as substitutions; SubstitutionFailure says where it cannot be read."""
    reader = _Reader(text)
    return reader.template('') or [TextSubstitution(text='')]


class _Reader:
    """A position in a text; every method reads one thing and moves on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def template(self, quote: str) -> list[Substitution]:
        """Read text and substitutions up to the closing `quote`, or without one to the end."""
        return self._parts(_TEXT[quote], quote)

    def _parts(self, pattern: re.Pattern[str], quote: str) -> list[Substitution]:
        parts: list[Substitution] = []
        while True:
            if self._text.startswith('$(', self._position):
                parts.append(self._substitution(quote))
                continue
            match = pattern.match(self._text, self._position)
            if match is None:
                return parts
            self._position = match.end()
            parts.append(TextSubstitution(text=re.sub(r'\\(.)', r'\1', match.group())))

    def _substitution(self, quote: str) -> Substitution:
        start = self._position
        match = _NAME.match(self._text, start)
        if match is None:
            raise self._failure('a name after $(')
        self._position = match.end()
        arguments = []
        while self._text.startswith(' ', self._position):
            self._position += 1
            arguments.append(self._argument(quote))
        self._expect(')')
        return make_substitution(match.group(1), arguments)

    def _argument(self, quote: str) -> list[Substitution]:
        inner = self._text[self._position:self._position + 1]
        if not quote and inner in ('"', "'"):
            self._position += 1
            parts = self.template(inner)
            self._expect(inner)
            return parts or [TextSubstitution(text='')]
        parts = self._parts(_WORD[quote], quote)
        if not parts:
            raise self._failure('an argument')
        return parts

    def _expect(self, character: str) -> None:
        if not self._text.startswith(character, self._position):
            raise self._failure(character)
        self._position += 1

    def _failure(self, expected: str) -> SubstitutionFailure:
        line = self._text.count('\n', 0, self._position) + 1
        near = self._text[self._position:self._position + 20].split('\n')[0]
        return SubstitutionFailure(f"line {line}: expected {expected} before '{near}'")
