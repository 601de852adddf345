"""What can be wrong with a file as a whole, and the limits it is held to."""

from typing import Final

from shop.core.errors import Problem

FILE_BYTES_MAX: Final = 20 * 1024 * 1024
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
    """A formula of a workbook is not a figure: what it says depends on who opens it."""

    status = 422
    code = "file_has_formula"
    title = "表格里有公式"


class ErrorFound(Problem):
    """A cell that says #REF! or the like is no figure, and not an empty cell either."""

    status = 422
    code = "file_has_error_cell"
    title = "表格里有错误值"


class FormatChangesValue(Problem):
    """A cell shows another figure than it holds: whoever looked at it has seen another file. extra: cell."""

    status = 422
    code = "format_changes_value"
    title = "单元格显示的不是它的数值"


class RowsHidden(Problem):
    """Rows that nobody saw who looked at the file, by hand or by a filter. extra: row, the first."""

    status = 422
    code = "rows_hidden"
    title = "表格里有隐藏的行"


class MergedCells(Problem):
    """A merged cell belongs to several rows or columns: nobody can say to which."""

    status = 422
    code = "file_has_merged_cells"
    title = "表格里有合并单元格"


class SeveralSheets(Problem):
    """Which of its tables is meant, nobody can say. extra: sheets, the names of those that hold something."""

    status = 422
    code = "file_has_several_sheets"
    title = "工作簿里有几张表"


class TooManyRows(Problem):
    status = 422
    code = "file_too_many_rows"
    title = "行数太多"


class HeaderWrong(Problem):
    status = 422
    code = "file_header_wrong"
    title = "表头不对"


class ColumnsUnknown(Problem):
    """Columns that nobody reads: shown before anything is saved. extra: unknown_columns, titles as written."""

    status = 422
    code = "columns_unknown"
    title = "有不认识的列，请确认它们可以不读"


class RowsRefused(Problem):
    """Rows with errors; nothing was saved.

    extra: error_count, rows_read, rows_set_aside, rows_refused, set_aside; of kept files batch_id (None on a dry run).
    """

    status = 422
    code = "import_refused"
    title = "表格里有错误，什么都没有保存"
