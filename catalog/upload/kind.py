"""What can be imported: each kind is one declaration of columns, how a row is read, and how rows are saved."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from shop.access.permissions import Actor
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.sheet.cells import Cells
from shop.sheet.refused import ROWS_MAX, HeaderWrong
from shop.sheet.table import Table, untitled
from shop.sheet.value import plain

Row = TypeVar("Row")


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
    """Who saves, when, and which file it came from. numbers: the file's row number of each row."""

    actor: Actor | None
    now: datetime
    batch_id: UUID
    numbers: Sequence[int]

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

    def places(self, table: Table) -> dict[str, int]:
        """Column name → its place. Raises HeaderWrong when one is missing, unknown or there twice; a column without a
        title that holds something is an unknown one.
        """
        header = table.titles
        names = self.named(header)
        unknown = [title for title, name in zip(header, names, strict=True) if name is None and title]
        unknown += [untitled(place) for place in table.untitled]
        missing = [one.title for one in self.columns if one.needed and one.name not in names]
        twice = sorted({title for title, name in zip(header, names, strict=True) if name and names.count(name) > 1})
        said = "；".join(
            f"{what}：{'、'.join(titles)}"
            for what, titles in (("缺少列", missing), ("不认识的列", unknown), ("重复的列", twice))
            if titles
        )
        if said:
            raise HeaderWrong(f"{said}。应有：{'、'.join(one.title for one in self.columns)}。")
        return {name: place for place, name in enumerate(names) if name}


@dataclass(frozen=True, slots=True)
class Kind(Generic[Row]):
    """save: all rows in one transaction, set-based; its Problems point at `/{index}/{column}`.

    The first layout is ours, the one of the template. keeps_rows False: the file holds personal data, so its rows are
    not kept beside the import. key: what no two rows of a file may share; None = this row may repeat.
    """

    name: str
    title: str
    layouts: tuple[Layout[Row], ...]
    save: Callable[[WriteSession, Sequence[Row], Saving], Awaitable[None]]
    keeps_rows: bool = True
    rows_max: int = ROWS_MAX
    key: Callable[[Row], object] = lambda _: None

    def is_header(self, titles: Sequence[str]) -> bool:
        return any(layout.is_header(titles) for layout in self.layouts)

    def layout_for(self, header: Sequence[str]) -> Layout[Row]:
        """The layout whose columns the header names best."""
        return max(self.layouts, key=lambda layout: sum(name is not None for name in layout.named(header)))


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
