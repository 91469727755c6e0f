# SPDX-License-Identifier: Apache-2.0
"""Glob patterns, matched in time linear in the text whatever the pattern. Knows no property and no operator.

A regular expression would backtrack: a few stars against one long value, which any visitor of a site can send, hold up
the whole stream. So this follows all readings of the pattern at once, one bit of an integer for each.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_STAR = "*"
_DEEP_STAR = "**"
# Stars, `?`, a bracket (in which a `]` that comes first is one of the characters), or any other character.
_TOKEN = re.compile(r"(\*+)|(\?)|\[(!|(?!!))(\][^\]]*|[^\]]+)\]|(.)", re.DOTALL)
_RANGE = re.compile(r"(.)-(.)|(.)", re.DOTALL)


class _One(NamedTuple):
    """Stands for one character: in one of the ranges, or negated in none."""

    ranges: tuple[tuple[str, str], ...]
    is_negated: bool = False

    def accepts(self, char: str, ignores_case: bool) -> bool:
        if char == "/":
            return self == _SLASH
        pair = [one for one in {char, char.lower(), char.upper()} if len(one) == 1] if ignores_case else [char]
        return any(low <= one <= high for one in pair for low, high in self.ranges) != self.is_negated


_SLASH = _One((("/", "/"),))
_ANY = _One((), is_negated=True)


class Glob:
    """A pattern for a whole text; `ignores_case`: a letter stands for the other one of its pair, too.

    | in the pattern | stands for                               |
    |----------------|------------------------------------------|
    | `*`            | any characters but `/`, or none          |
    | `**`           | any characters, or none                  |
    | `?`            | one character but `/`                    |
    | `[0-9_]`       | one of these characters                  |
    | `[!a-z]`       | one character but these and `/`          |
    | any other      | itself; `[*]` is a star, `[]]` a bracket |

    Raises:
      ValueError: a bracket without its end, or a range that runs backwards.
    """

    def __init__(self, pattern: str, ignores_case: bool = False) -> None:
        tokens = list(_tokens(pattern))
        self._end = 1 << len(tokens)
        # Bit i of a state: the text so far fits the first i tokens. A mask has the bits of the tokens it is about.
        self._stars = _mask(isinstance(token, str) for token in tokens)
        self._deep_stars = _mask(token == _DEEP_STAR for token in tokens)
        self._steps = _Steps(tokens, ignores_case)

    def matches(self, text: str) -> bool:
        states = self._skip_stars(1)
        for char in text:
            stay = self._deep_stars if char == "/" else self._stars
            states = self._skip_stars((states & self._steps[char]) << 1 | states & stay)
            if not states:
                return False
        return bool(states & self._end)

    def _skip_stars(self, states: int) -> int:
        return states | (states & self._stars) << 1  # once is enough: no two stars stand side by side


class _Steps(dict[str, int]):
    """For each character, the mask of the tokens that stand for it; worked out when the character is first seen."""

    def __init__(self, tokens: list[str | _One], ignores_case: bool) -> None:
        super().__init__()
        self._tokens = tokens
        self._ignores_case = ignores_case

    def __missing__(self, char: str) -> int:
        step = self[char] = _mask(
            isinstance(token, _One) and token.accepts(char, self._ignores_case) for token in self._tokens
        )
        return step


def _mask(bits: Iterable[bool]) -> int:
    return sum(1 << place for place, bit in enumerate(bits) if bit)


def _tokens(pattern: str) -> Iterator[str | _One]:
    for stars, any_one, negation, chars, char in _TOKEN.findall(pattern):
        if stars:
            yield _STAR if stars == _STAR else _DEEP_STAR
        elif any_one:
            yield _ANY
        elif chars:
            yield _One(tuple(_ranges(pattern, chars)), is_negated=bool(negation))
        elif char == "[":
            raise ValueError(f"{pattern!r} has a [ without its ]")
        else:
            yield _One(((char, char),))


def _ranges(pattern: str, chars: str) -> Iterator[tuple[str, str]]:
    for low, high, char in _RANGE.findall(chars):
        if low > high:
            raise ValueError(f"{pattern!r} has a range that runs backwards: {low}-{high}")
        yield (low, high) if low else (char, char)
