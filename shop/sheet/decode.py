"""Bytes of a text file to characters: UTF-8 or GBK by what is in it, a sign cut in half replaced."""

import codecs
from typing import Final

from shop.sheet.refused import NotATable

LOST: Final = "\ufffd"
"""Stands where a sign was cut in half."""
_SAMPLE: Final = 256 * 1024
_PIECE: Final = 256 * 1024
"""Read in pieces: while one is read, nobody else in the process has a turn."""
_FEW: Final = 0.1
_A_WORD: Final = 4
# What people hand in by mistake, said by name.
_KNOWN: Final = (
    (b"MZ", "这是一个程序文件"),
    (b"\x7fELF", "这是一个程序文件"),
    (b"%PDF", "这是 PDF 文件"),
    (b"\xd0\xcf\x11\xe0", "这是旧版 xls 文件，请用表格软件另存为 xlsx"),
    (b"\x89PNG", "这是一张图片"),
    (b"\xff\xd8\xff", "这是一张图片"),
    (b"Rar!", "这是压缩包"),
    (b"\x1f\x8b", "这是压缩包"),
    (b"7z\xbc\xaf", "这是压缩包"),
    (b"\xff\xfe", "文字编码是 UTF-16，请另存为 UTF-8 的 csv"),
    (b"\xfe\xff", "文字编码是 UTF-16，请另存为 UTF-8 的 csv"),
)
_CONTROL: Final = bytes(sign for sign in range(32) if sign not in b"\t\n\r") + b"\x7f"
"""In neither encoding one of these is part of a longer sign."""


def text_of(data: bytes) -> str:
    """Raises NotATable for what is no text in UTF-8 or GBK."""
    if not data.strip():
        raise NotATable("文件是空的。")
    for start, why in _KNOWN:
        if data.startswith(start):
            raise NotATable(f"{why}。请上传 csv 或 xlsx 表格。")
    if len(data.translate(None, _CONTROL)) != len(data):
        raise _no_text()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    _refuse_mixed(_sample(data))
    # Broken UTF-8 is often whole GBK, of other words: what is nearly UTF-8 is UTF-8.
    encoding = "utf-8-sig" if _decoded(_sample(data), "utf-8-sig")[1] <= _FEW else "gb18030"
    found, lost = _decoded(data, encoding)
    if lost > _FEW:
        raise _no_text()
    return found


def _sample(data: bytes) -> bytes:
    """Whole lines of its beginning: looking for mistakes in all of a large file takes seconds."""
    return data[: data.find(b"\n", _SAMPLE) + 1 or len(data)]


def _refuse_mixed(sample: bytes) -> None:
    """A header in one encoding over rows in another: two files were put together, and half of it would be rubbish."""
    kinds = set()
    for line in sample.removeprefix(codecs.BOM_UTF8).split(b"\n"):
        found = line.decode("utf-8", "replace")
        beyond, lost = sum(not sign.isascii() for sign in found), found.count(LOST)
        if beyond >= _A_WORD and (lost == 0 or lost * 2 > beyond):
            kinds.add("UTF-8" if lost == 0 else "GBK")
    if len(kinds) > 1:
        raise NotATable("文件里有的行是 UTF-8，有的行是 GBK，像是两个文件拼在一起。请用同一种编码重新导出或另存。")


def _decoded(data: bytes, encoding: str) -> tuple[str, float]:
    """The text, and which share of the signs beyond ASCII could not be read: half of one, where a field was cut off."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    pieces, lost, beyond = [], 0, 0
    for start in range(0, len(data), _PIECE):
        piece = decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
        lost += piece.count(LOST)
        beyond += len(piece) - len(piece.encode("ascii", "ignore"))
        pieces.append(piece)
    return "".join(pieces), lost / max(1, beyond)


def _no_text() -> NotATable:
    return NotATable("文件不是 csv 文字表格（应为 UTF-8 或 GBK 编码）。请另存为 csv 或 xlsx 再上传。")
