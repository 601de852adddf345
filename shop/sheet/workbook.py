"""Look into an xlsx before anything opens it: is it one, how large does it grow, is there a formula in it?"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

from shop.sheet.number_format import BUILT_IN, shows_another
from shop.sheet.refused import (
    CELL_MAX,
    COLUMNS_MAX,
    ROWS_MAX,
    ErrorFound,
    FileTooLarge,
    FormatChangesValue,
    FormulaFound,
    NotATable,
    RowsHidden,
    TooManyRows,
)

_UNPACKED_MAX: Final = 64 * 1024 * 1024
_CELLS_MAX: Final = 600_000
_MERGED_MAX: Final = 5_000
_TEXT_MAX: Final = 32 * 1024 * 1024
"""Characters of all cells together: one long shared text may stand in a million cells."""
_PARTS_MAX: Final = 500
_FIRST: Final = ("xl/sharedStrings.xml", "xl/styles.xml")
"""Sheets name their texts and formats by places in these."""
_CHUNK: Final = 256 * 1024
_LOCAL_HEADER: Final = struct.Struct("<4sHHHHHIIIHH")
_NUMBER: Final = re.compile(r"[0-9]{1,8}")
_REFERENCE: Final = re.compile(r"^([A-Z]{1,4})([0-9]{1,8})$")


def check_workbook(data: bytes, rows_max: int = ROWS_MAX) -> None:
    """Raises NotATable for a zip that is no workbook, FileTooLarge for one that grows too large when unpacked,
    TooManyRows; of any of its sheets FormulaFound, ErrorFound, FormatChangesValue for a cell that shows another figure
    than it holds, and RowsHidden for rows that hold something and are not seen.
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
    formats: list[str] = []
    for part in sorted(parts, key=lambda one: one.filename not in _FIRST):
        scan = _Scan(part.filename, texts, formats, rows_max)
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
    """Reads one part as XML until it proves to be neither a sheet nor the shared texts or formats."""

    def __init__(self, name: str, texts: list[int], formats: list[str], rows_max: int) -> None:
        self._rows_max = rows_max
        self._texts = texts  # characters of each shared text, filled by their own part
        self._formats = formats  # the number format of each cell style, likewise
        self._codes: dict[str, str] = {str(number): code for number, code in BUILT_IN.items()}
        self._in_styles, self._is_number, self._style, self._hidden, self._place = False, False, "", False, 0
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
            self._open = tag in {"worksheet", "sst", "styleSheet"}
            if not self._open:
                self._parser.StartElementHandler = self._parser.EndElementHandler = None
                self._parser.CharacterDataHandler = None
            return
        if self._root == "sst":
            if tag == "si":
                self._texts.append(0)
            return
        if self._root == "styleSheet":
            self._style_said(tag, attributes)
        elif tag == "row":
            self._one_more_row(attributes)
        elif tag == "c":
            self._style, self._is_number = attributes.get("s", ""), attributes.get("t", "n") == "n"
            self._one_more_cell(attributes.get("r", ""), attributes.get("t"))
        elif tag == "v":
            self._in_value, self._value = True, ""
        else:
            self._refuse(tag)

    def _style_said(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "numFmt":
            self._codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif tag == "cellXfs":
            self._in_styles = True
        elif tag == "xf" and self._in_styles and len(self._formats) < _CELLS_MAX:
            self._formats.append(self._codes.get(attributes.get("numFmtId", ""), ""))

    def _one_more_row(self, attributes: dict[str, str]) -> None:
        """Rows stand in their order, each once: of two with one number a reader would show the last."""
        said = attributes.get("r", "")
        number = _row_number(said) if said else self._rows + 1
        if number <= self._rows:
            raise NotATable(f"第 {number} 行在文件里出现了两次（或行号乱了），请用表格软件另存后再上传。")
        self._rows, self._in_row, self._place = number, 0, 0
        self._hidden = attributes.get("hidden", "0") in {"1", "true"}
        self._in_bounds(number)

    def _refuse(self, tag: str) -> None:
        """What a sheet may not hold, or not so often."""
        if tag == "f":
            raise FormulaFound(f"单元格 {self._cell or '?'} 是公式，请改成数值或文字（粘贴为值）。")
        if tag == "mergeCell":
            self._merged += 1
            if self._merged > _MERGED_MAX:
                raise NotATable("合并单元格太多，请取消合并后再上传。")

    def _end(self, name: str) -> None:
        tag = name.rpartition(" ")[2]
        self._in_styles = self._in_styles and tag != "cellXfs"
        if not self._in_value or tag != "v":
            return
        self._in_value = False
        if self._is_number and _NUMBER.fullmatch(self._style) and int(self._style) < len(self._formats):
            code = self._formats[int(self._style)]
            if code and shows_another(code, self._value):
                said = f"单元格 {self._cell or '?'} 的数字格式“{code[:40]}”显示的不是它的数值 {self._value[:30]}"
                raise FormatChangesValue(f"{said}，请改成普通数字再上传。", extra={"cell": self._cell})
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
        if self._hidden and characters.strip():
            said = f"第 {self._rows} 行是隐藏的：请取消筛选或隐藏，核对之后再上传；不要的行请删除。"
            raise RowsHidden(said, extra={"row": self._rows})
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
        if column <= self._place or int(found[2]) != self._rows:
            raise NotATable(f"单元格 {reference} 在文件里出现了两次（或不在它的行里），请用表格软件另存后再上传。")
        self._place = column
        self._in_bounds(int(found[2]))

    def _in_bounds(self, *rows: int) -> None:
        if max(rows) > self._rows_max + 1:
            raise TooManyRows(f"最多 {self._rows_max:,} 行，请分成几个文件。")
