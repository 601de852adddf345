"""For which suppliers may a caller act?"""

from uuid import UUID

from shop.access.permissions import Actor, Permission
from shop.core.errors import Problem


class NotYourSupplier(Problem):
    """A supplier's account reaches for another supplier's goods. Nothing was saved."""

    status = 403
    code = "not_your_supplier"
    title = "只能处理自己供应商的商品"


def supplier_ids(actor: Actor | None, permission: Permission) -> frozenset[UUID] | None:
    """None means all: whoever answers for every unit, or the shop's own command line (actor None). Goods are their
    supplier's and the platform's: a unit's staff buy them.
    """
    if actor is None:
        return None
    grants = actor.scopes(permission)
    if any(grant.scope_kind == "all" for grant in grants):
        return None
    return frozenset(UUID(grant.scope_id) for grant in grants if grant.scope_kind == "supplier")
