"""What can be wrong with a file as a whole, and the limits it is held to."""

from typing import Final

from shop.core.errors import Problem

ROWS_MAX: Final = 20_000
COLUMNS_MAX: Final = 60
CELL_MAX: Final = 2_000
ERRORS_SHOWN_MAX: Final = 200


class FileTooLarge(Problem):
    status = 413
    code = "file_too_large"
    title = "文件太大"


class NotATable(Problem):
    status = 422
    code = "file_not_a_table"
    title = "不是可以导入的表格"


class FormulaFound(Problem):
    """A formula is not a figure: what it says depends on who opens it."""

    status = 422
    code = "file_has_formula"
    title = "表格里有公式"


class MergedCells(Problem):
    """A merged cell belongs to several rows or columns: nobody can say to which."""

    status = 422
    code = "file_has_merged_cells"
    title = "表格里有合并单元格"


class TooManyRows(Problem):
    status = 422
    code = "file_too_many_rows"
    title = "行数太多"


class HeaderWrong(Problem):
    status = 422
    code = "file_header_wrong"
    title = "表头不对"


class ImportRefused(Problem):
    """Rows with errors; nothing was saved. extra: batch_id (None on a dry run), error_count."""

    status = 422
    code = "import_refused"
    title = "表格里有错误，什么都没有保存"


class KindUnknown(Problem):
    status = 422
    code = "import_kind_unknown"
    title = "没有这种导入"
