"""Pinyin keys. Only imports and the worker call this: the library weighs 55 MB, too much for the web process."""


def pinyin_key(chinese: str) -> str:
    """`tianzhuxian tzx`: the syllables joined, then their initials; for sorting and for finding by either."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415  # see above

    syllables = lazy_pinyin(chinese)
    return f"{''.join(syllables)} {''.join(one[:1] for one in syllables)}"
