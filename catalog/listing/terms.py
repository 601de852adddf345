"""What a product can be found by, and what a search asks for. Pure; pinyin is handed in.

A text is cut into runs of one script. A Chinese run gives its single characters and its pairs, so that one GIN index
answers one, two and more characters; a Latin run, and the pinyin from each syllable on, gives its beginnings.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from unicodedata import normalize

QUERY_LENGTH = 60
BEGINNING = 6
"""Longest beginning that is indexed: longer words are found by their first letters and then compared in full."""

Pinyin = Callable[[str], list[str]]
"""Syllables of a run of Chinese characters; other characters are returned as they are."""

_RUN = re.compile(r"[0-9a-z]+|[^\W_0-9a-z]+")


@dataclass(frozen=True, slots=True)
class Searchable:
    """`terms` for the index; `text` for comparing what is longer than a term."""

    terms: frozenset[str]
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A product matches when it has all `terms` and its text contains all of `parts`. No terms: nothing was asked."""

    terms: tuple[str, ...]
    parts: tuple[str, ...]


def searchable(texts: Iterable[str], pinyin: Pinyin) -> Searchable:
    """Everything that a search may hit in these texts."""
    terms: set[str] = set()
    written: list[str] = []
    for text in texts:
        plain = _plain(text)
        written.append(plain)
        for run in _RUN.findall(plain):
            if run.isascii():
                terms.update(_beginnings(run))
                continue
            terms.update(run, _pairs(run))
            syllables = pinyin(run)
            spoken = "".join(syllables)
            written.append(spoken)
            start = 0
            for syllable in syllables:
                terms.update(_beginnings(spoken[start : start + BEGINNING]))
                start += len(syllable)
    return Searchable(frozenset(terms), "\n".join(written))


def asked(query: str) -> Asked:
    """Terms and parts of what a visitor typed: every run must be found, in any order."""
    terms: dict[str, None] = {}
    parts: dict[str, None] = {}
    for run in _RUN.findall(_plain(query)):
        if run.isascii():
            terms[run[:BEGINNING]] = None
            if len(run) > BEGINNING:
                parts[run] = None
        elif len(run) == 1:
            terms[run] = None
        else:
            terms.update(dict.fromkeys(_pairs(run)))
            if len(run) > 2:
                parts[run] = None
    return Asked(tuple(terms), tuple(parts))


def _plain(text: str) -> str:
    return normalize("NFKC", text).casefold()


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


def _beginnings(word: str) -> list[str]:
    return [word[:end] for end in range(1, min(len(word), BEGINNING) + 1)]
