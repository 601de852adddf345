"""What can be imported: each kind is one declaration of columns, how a row is read, and how rows are saved."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from catalog.review.ask import Asked
from shop.access.permissions import Actor
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.sheet.cells import Cells
from shop.sheet.refused import ROWS_MAX, HeaderWrong
from shop.sheet.table import Table, require_known
from shop.sheet.value import plain

Row = TypeVar("Row")
_NO_TOTAL_HAS: Final = 3


class KindUnknown(Problem):
    status = 422
    code = "import_kind_unknown"
    title = "没有这种导入"


@dataclass(frozen=True, slots=True)
class Column:
    """A column is known by its name or by its Chinese title. needed: it must stand in the header."""

    name: str
    title: str
    example: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Saving:
    """Who saves, when, and which file it came from. numbers: the file's row number of each row.

    acknowledged: columns of the file that nobody read, as whoever brought it said.
    """

    actor: Actor | None
    now: datetime
    batch_id: UUID
    numbers: Sequence[int]
    acknowledged: Sequence[str] = ()

    @property
    def actor_id(self) -> UUID | None:
        return self.actor.user_id if self.actor else None


@dataclass(frozen=True, slots=True)
class Layout(Generic[Row]):
    """One header that a kind understands. read: a row, noting mistakes in its cells."""

    columns: tuple[Column, ...]
    read: Callable[[Cells], Row]

    def named(self, titles: Sequence[str]) -> list[str | None]:
        """The column that each title names, by its title or its name."""
        known = {plain(said): one.name for one in self.columns for said in (one.title, one.name)}
        return [known.get(plain(title).removesuffix("*")) for title in titles]

    def is_header(self, titles: Sequence[str]) -> bool:
        found = set(self.named(titles))
        return all(one.name in found for one in self.columns if one.needed)

    def is_row(self, titles: Sequence[str], cells: Sequence[str]) -> bool:
        """Whether all that it needs is filled, and enough that no total has it."""
        named = dict(zip(self.named(titles), cells, strict=False))
        needed = [named.get(one.name) for one in self.columns if one.needed]
        return len(needed) >= _NO_TOTAL_HAS and all(needed)

    def places(self, table: Table, acknowledged: Collection[str] = ()) -> tuple[dict[str, int], tuple[str, ...]]:
        """Column name → its place, and the titles that nobody reads. acknowledged: those that somebody said need none.

        Raises HeaderWrong when a column is missing or there twice, naming the unknown ones too: one of them may be
        what is missing under another title. Raises ColumnsUnknown.
        """
        names = self.named(table.titles)
        called = [name or plain(title) for title, name in zip(table.titles, names, strict=True)]
        known = {plain(title) for title, name in zip(table.titles, names, strict=True) if name}
        missing = [one.title for one in self.columns if one.needed and one.name not in names]
        twice = sorted(
            {title for title, name in zip(table.titles, called, strict=True) if called.count(name) > 1} - {""}
        )
        if missing or twice:
            unknown = [title for title in dict.fromkeys(table.columns) if title and plain(title) not in known]
            said = "；".join(
                f"{what}：{'、'.join(titles)}"
                for what, titles in (("缺少列", missing), ("不认识的列", unknown), ("重复的列", twice))
                if titles
            )
            raise HeaderWrong(f"{said}。应有：{'、'.join(one.title for one in self.columns)}。")
        lacking = [one.title for one in self.columns if one.name not in names]
        ignored = require_known(table, known, {plain(one) for one in acknowledged}, lacking)
        return {name: place for place, name in enumerate(names) if name}, ignored


@dataclass(frozen=True, slots=True)
class Kind(Generic[Row]):
    """save: all rows in one transaction, set-based; its Problems point at `/{index}/{column}`. It gives back what of
    them waits for a second person, where anything does.

    The first layout is ours, the one of the template. keeps_rows False: the file holds personal data, so its rows are
    not kept beside the import. key: what no two rows of a file may share; None = this row may repeat.
    """

    name: str
    title: str
    layouts: tuple[Layout[Row], ...]
    save: Callable[[WriteSession, Sequence[Row], Saving], Awaitable[Sequence[Asked] | None]]
    keeps_rows: bool = True
    rows_max: int = ROWS_MAX
    key: Callable[[Row], object] = lambda _: None

    def is_header(self, titles: Sequence[str]) -> bool:
        return any(layout.is_header(titles) for layout in self.layouts)

    def is_row(self, titles: Sequence[str], cells: Sequence[str]) -> bool:
        return self.layout_for(titles).is_row(titles, cells)

    def layout_for(self, header: Sequence[str]) -> Layout[Row]:
        """The layout whose columns the header names best: one that is whole, whatever more another one knows."""

        def fit(layout: Layout[Row]) -> tuple[bool, int]:
            return layout.is_header(header), sum(name is not None for name in layout.named(header))

        return max(self.layouts, key=fit)


def template(kind: Kind[Any]) -> list[list[str]]:
    """The header and one example row."""
    columns = kind.layouts[0].columns
    return [[one.title for one in columns], [one.example for one in columns]]


def kind_named(name: str, kinds: Sequence[Kind[Any]]) -> Kind[Any]:
    """Raises KindUnknown."""
    for one in kinds:
        if one.name == name:
            return one
    raise KindUnknown(f"没有“{name}”这种导入；可用：{'、'.join(one.name for one in kinds)}。")
