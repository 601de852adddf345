"""Look into an xlsx before anything opens it: is it one, how large does it grow, is there a formula in it?"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

from shop.sheet.refused import (
    CELL_MAX,
    COLUMNS_MAX,
    ROWS_MAX,
    ErrorFound,
    FileTooLarge,
    FormulaFound,
    NotATable,
    TooManyRows,
)

_UNPACKED_MAX: Final = 64 * 1024 * 1024
_CELLS_MAX: Final = 600_000
_MERGED_MAX: Final = 5_000
_TEXT_MAX: Final = 32 * 1024 * 1024
"""Characters of all cells together: one long shared text may stand in a million cells."""
_PARTS_MAX: Final = 500
_CHUNK: Final = 256 * 1024
_LOCAL_HEADER: Final = struct.Struct("<4sHHHHHIIIHH")
_NUMBER: Final = re.compile(r"[0-9]{1,8}")
_REFERENCE: Final = re.compile(r"^([A-Z]{1,4})([0-9]{1,8})$")


def check_workbook(data: bytes, rows_max: int = ROWS_MAX) -> None:
    """Raises NotATable for a zip that is no workbook, FileTooLarge for one that grows too large when unpacked,
    TooManyRows, and FormulaFound or ErrorFound for a formula or an error value in any sheet.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError) as error:
        raise NotATable("压缩包已损坏，不是 xlsx 表格。") from error
    names = {part.filename for part in parts}
    if not {"[Content_Types].xml", "xl/workbook.xml"} <= names or len(parts) > _PARTS_MAX:
        raise NotATable("这是压缩包，不是 xlsx 表格。请上传 csv 或 xlsx。")
    left = _UNPACKED_MAX
    texts: list[int] = []
    for part in sorted(parts, key=lambda one: one.filename != "xl/sharedStrings.xml"):
        scan = _Scan(part.filename, texts, rows_max)
        for chunk in _unpack(data, part):
            left -= len(chunk)
            if left < 0:
                raise FileTooLarge("工作簿解压后太大，请分成几个文件，或另存为 csv。")
            if scan.is_open and b"<" not in chunk and len(chunk) >= _CHUNK:
                raise NotATable("工作簿里有不是表格的内容，请用表格软件另存后再上传。")
            scan.feed(chunk)


def _unpack(data: bytes, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """The part in pieces of at most `_CHUNK`. Sizes that the archive states of itself are not believed."""
    try:
        fields = _LOCAL_HEADER.unpack_from(data, part.header_offset)
    except struct.error as error:
        raise NotATable("压缩包已损坏，不是 xlsx 表格。") from error
    start = part.header_offset + _LOCAL_HEADER.size + fields[9] + fields[10]
    packed = data[start : start + part.compress_size]
    if part.flag_bits & 1 or part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotATable("工作簿带密码或用了不认识的压缩方式，请另存后再上传。")
    if part.compress_type == zipfile.ZIP_STORED:
        yield packed
        return
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while packed and not engine.eof:
            yield engine.decompress(packed, _CHUNK)
            packed = engine.unconsumed_tail
    except zlib.error as error:
        raise NotATable("压缩包已损坏，不是 xlsx 表格。") from error


def _row_number(said: str) -> int:
    if _NUMBER.fullmatch(said) is None:
        raise NotATable("工作簿已损坏，请用表格软件另存后再上传。")
    return int(said)


class _Scan:
    """Reads one part as XML until it proves to be neither a sheet nor the shared texts."""

    def __init__(self, name: str, texts: list[int], rows_max: int) -> None:
        self._rows_max = rows_max
        self._texts = texts  # characters of each shared text, filled by their own part
        self._root: str | None = None
        self._cell, self._shared, self._in_value = "", False, False
        self._value = ""
        self._characters, self._rows, self._cells, self._in_row, self._merged = 0, 0, 0, 0, 0
        self._open = True
        self._name = name
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    @property
    def is_open(self) -> bool:
        """Whether it may still prove to be a sheet or the shared texts."""
        return self._open and self._root is not None

    def feed(self, chunk: bytes) -> None:
        if not self._open:
            return
        try:
            self._parser.Parse(chunk)
        except expat.ExpatError as error:
            if self._name.endswith(".xml"):
                raise NotATable("工作簿已损坏，请用表格软件另存后再上传。") from error
            self._open = False  # a picture or a font

    def _doctype(self, *_: object) -> None:
        raise NotATable("工作簿里有不允许的内容（DOCTYPE）。")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        if self._root is None:
            self._root = tag
            self._open = tag in {"worksheet", "sst"}
            if not self._open:
                self._parser.StartElementHandler = self._parser.EndElementHandler = None
                self._parser.CharacterDataHandler = None
            return
        if self._root == "sst":
            if tag == "si":
                self._texts.append(0)
            return
        if tag == "row":
            self._rows += 1
            self._in_row = 0
            self._in_bounds(self._rows, _row_number(attributes.get("r") or "0"))
        elif tag == "c":
            self._one_more_cell(attributes.get("r", ""), attributes.get("t"))
        elif tag == "v":
            self._in_value, self._value = True, ""
        else:
            self._refuse(tag)

    def _refuse(self, tag: str) -> None:
        """What a sheet may not hold, or not so often."""
        if tag == "f":
            raise FormulaFound(f"单元格 {self._cell or '?'} 是公式，请改成数值或文字（粘贴为值）。")
        if tag == "mergeCell":
            self._merged += 1
            if self._merged > _MERGED_MAX:
                raise NotATable("合并单元格太多，请取消合并后再上传。")

    def _end(self, name: str) -> None:
        if not self._in_value or name.rpartition(" ")[2] != "v":
            return
        self._in_value = False
        if self._shared and _NUMBER.fullmatch(self._value) and int(self._value) < len(self._texts):
            self._count(self._texts[int(self._value)])

    def _text(self, characters: str) -> None:
        if self._root == "sst":
            if self._texts:
                self._texts[-1] += len(characters)
                if self._texts[-1] > 4 * CELL_MAX:
                    raise NotATable(f"有单元格超过 {CELL_MAX} 个字。")
            return
        self._count(len(characters))
        if self._in_value:
            self._value += characters

    def _count(self, characters: int) -> None:
        self._characters += characters
        if self._characters > _TEXT_MAX:
            raise FileTooLarge("工作簿里的文字太多，请分成几个文件。")

    def _one_more_cell(self, reference: str, kind: str | None) -> None:
        self._cell, self._shared = reference, kind == "s"
        if kind == "e":
            raise ErrorFound(f"单元格 {reference or '?'} 是错误值（如 #REF!、#DIV/0!），请改正后再上传。")
        self._at(reference)
        self._cells += 1
        self._in_row += 1
        if self._in_row > COLUMNS_MAX:
            raise NotATable(f"第 {self._rows} 行超过 {COLUMNS_MAX} 列。")
        if self._cells > _CELLS_MAX:
            raise FileTooLarge(f"单元格超过 {_CELLS_MAX:,} 个，请分成几个文件，或另存为 csv。")

    def _at(self, reference: str) -> None:
        """A lone cell in the far corner would make a reader fill everything before it."""
        if not reference:
            return
        found = _REFERENCE.match(reference)
        if found is None:
            raise NotATable("工作簿已损坏，请用表格软件另存后再上传。")
        column = 0
        for letter in found[1]:
            column = column * 26 + ord(letter) - ord("A") + 1
        if column > COLUMNS_MAX:
            raise NotATable(f"单元格 {reference} 超出 {COLUMNS_MAX} 列。")
        self._in_bounds(int(found[2]))

    def _in_bounds(self, *rows: int) -> None:
        if max(rows) > self._rows_max + 1:
            raise TooManyRows(f"最多 {self._rows_max:,} 行，请分成几个文件。")
