"""One list of permissions, one table of roles, one short list of public routes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from uuid import UUID


class Permission(StrEnum):
    """`resource:action`."""

    CART_WRITE = "cart:write"
    ORDER_PLACE = "order:place"
    ORDER_READ = "order:read"
    ORDER_CANCEL = "order:cancel"
    PAYMENT_OPEN = "payment:open"
    REFUND_REQUEST = "refund:request"
    PAYMENT_DESK = "payment:desk"
    REPORT_READ = "report:read"
    PRODUCT_WRITE = "product:write"
    ME_READ = "me:read"
    USER_ADMINISTER = "user:administer"
    ROSTER_IMPORT = "roster:import"
    BULK_READ = "bulk:read"
    BULK_WRITE = "bulk:write"
    BULK_APPROVE = "bulk:approve"
    ACCEPTANCE_WRITE = "acceptance:write"
    ROLL_WRITE = "roll:write"
    ALLOWANCE_GRANT = "allowance:grant"
    CANTEEN_BUY = "canteen:buy"
    BANK_IMPORT = "bank:import"
    BANK_CONFIRM = "bank:confirm"
    INVOICE_READ = "invoice:read"
    INVOICE_WRITE = "invoice:write"
    EVIDENCE_READ = "evidence:read"
    EVIDENCE_WRITE = "evidence:write"
    EVIDENCE_CHECK = "evidence:check"
    RULE_READ = "rule:read"
    RULE_WRITE = "rule:write"
    CREDIT_READ = "credit:read"
    CORRECTION_REQUEST = "correction:request"
    CORRECTION_APPROVE = "correction:approve"
    PERIOD_CLOSE = "period:close"
    FILING_WRITE = "filing:write"
    INTAKE_WRITE = "intake:write"
    INTAKE_CONFIRM = "intake:confirm"
    BALANCE_READ = "balance:read"
    FLAG_READ = "flag:read"
    FLAG_CLEAR = "flag:clear"
    AUDIT_READ = "audit:read"


class Role(StrEnum):
    EMPLOYEE = "employee"
    OUTSIDE_BUYER = "outside_buyer"
    UNION_BUYER = "union_buyer"
    UNION_APPROVER = "union_approver"
    UNION_RECEIVER = "union_receiver"
    CANTEEN_BUYER = "canteen_buyer"
    STAFF = "staff"
    COUNTY_REVIEWER = "county_reviewer"
    SUPPLIER = "supplier"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


_everybody = frozenset({Permission.ME_READ})
_buyer = _everybody | {
    Permission.CART_WRITE,
    Permission.ORDER_PLACE,
    Permission.ORDER_READ,
    Permission.ORDER_CANCEL,
    Permission.PAYMENT_OPEN,
}
_union = _buyer | {
    Permission.BULK_READ,
    Permission.EVIDENCE_READ,
    Permission.EVIDENCE_WRITE,
    Permission.RULE_READ,
    Permission.INVOICE_READ,
}
_records = frozenset(
    {
        Permission.REPORT_READ,
        Permission.CREDIT_READ,
        Permission.BULK_READ,
        Permission.EVIDENCE_READ,
        Permission.INVOICE_READ,
        Permission.RULE_READ,
        Permission.BALANCE_READ,
        Permission.FLAG_READ,
        Permission.AUDIT_READ,
    }
)
ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.EMPLOYEE: _buyer,
    Role.OUTSIDE_BUYER: _buyer,
    Role.UNION_BUYER: _union
    | {
        Permission.BULK_WRITE,
        Permission.ROLL_WRITE,
        Permission.ROSTER_IMPORT,
        Permission.ALLOWANCE_GRANT,
        Permission.INVOICE_WRITE,
    },
    Role.UNION_APPROVER: _union | {Permission.BULK_APPROVE},
    Role.UNION_RECEIVER: _union | {Permission.ACCEPTANCE_WRITE, Permission.ROLL_WRITE},
    Role.CANTEEN_BUYER: _buyer
    | {Permission.CANTEEN_BUY, Permission.EVIDENCE_READ, Permission.EVIDENCE_WRITE, Permission.INVOICE_READ},
    Role.STAFF: _buyer
    | _records
    | {
        Permission.REFUND_REQUEST,
        Permission.PAYMENT_DESK,
        Permission.PRODUCT_WRITE,
        Permission.EVIDENCE_WRITE,
        Permission.EVIDENCE_CHECK,
        Permission.BANK_IMPORT,
        Permission.BANK_CONFIRM,
        Permission.INVOICE_WRITE,
        Permission.CORRECTION_REQUEST,
        Permission.CORRECTION_APPROVE,
        Permission.PERIOD_CLOSE,
        Permission.FILING_WRITE,
        Permission.INTAKE_WRITE,
        Permission.INTAKE_CONFIRM,
        Permission.FLAG_CLEAR,
    },
    Role.COUNTY_REVIEWER: _everybody,
    Role.SUPPLIER: _everybody
    | {
        Permission.ORDER_READ,
        Permission.REFUND_REQUEST,
        Permission.PRODUCT_WRITE,
        Permission.INVOICE_READ,
        Permission.INVOICE_WRITE,
    },
    Role.AUDITOR: _everybody | _records,
    Role.ADMINISTRATOR: _everybody
    | {
        Permission.USER_ADMINISTER,
        Permission.PRODUCT_WRITE,
        Permission.RULE_READ,
        Permission.RULE_WRITE,
        Permission.EVIDENCE_WRITE,
    },
}

ScopeKind = Literal["all", "unit", "county", "producer", "supplier"]


@dataclass(frozen=True, slots=True)
class Grant:
    """A role inside a scope; `scope_id` is '*' for kind `all`. A unit means its subtree."""

    role: Role
    scope_kind: ScopeKind
    scope_id: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is calling: ids only, never a name."""

    user_id: UUID
    person_id: UUID
    session_id: UUID
    grants: tuple[Grant, ...]

    def may(self, permission: Permission) -> bool:
        """Whoever is signed in may see to what is his own, also when his last role has ended."""
        return permission in _everybody or any(permission in ROLE_PERMISSIONS[grant.role] for grant in self.grants)

    def may_everywhere(self, permission: Permission) -> bool:
        """Over all units: what concerns everybody asks for it. An auditor reaches what a mandate names, never all."""
        return any(grant.scope_kind == "all" and grant.role is not Role.AUDITOR for grant in self.scopes(permission))

    def scopes(self, permission: Permission) -> tuple[Grant, ...]:
        """The grants that carry a permission: where it may be used."""
        return tuple(grant for grant in self.grants if permission in ROLE_PERMISSIONS[grant.role])

    def has(self, *roles: Role) -> bool:
        return any(grant.role in roles for grant in self.grants)


PUBLIC_ROUTES: frozenset[tuple[str, str]] = frozenset(
    {
        ("GET", "/"),
        ("GET", "/counties/{code}"),
        ("GET", "/products/{product_id}"),
        ("GET", "/media/products/{product_id}.svg"),
        ("GET", "/cart"),
        ("POST", "/cart/lines"),
        ("POST", "/cart/lines/{sku_id}"),
        ("GET", "/sign-in"),
        ("GET", "/privacy"),
        ("POST", "/sign-in"),
        ("GET", "/sign-in/forgot"),
        ("POST", "/sign-in/forgot"),
        ("GET", "/sign-in/reset"),
        ("POST", "/sign-in/reset"),
        ("GET", "/sign-in/reset/{told}"),
        ("POST", "/sign-in/reset/{told}"),
        ("GET", "/sign-in/verify/{token}"),
        ("POST", "/sign-in/verify/{token}"),
        ("POST", "/sign-out"),
        ("GET", "/join/{code}"),
        ("POST", "/join/{code}"),
        ("GET", "/choose/{secret}"),
        ("POST", "/choose/{secret}"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/docs"),
        ("GET", "/help"),
        ("GET", "/openapi.json"),
        ("POST", "/hooks/stripe"),
        ("POST", "/api/v1/auth/token"),
        ("POST", "/api/v1/auth/password-resets"),
        ("POST", "/api/v1/phone-proofs"),
        ("POST", "/api/v1/phone-proofs/{proof_id}/confirm"),
        ("GET", "/api/v1/counties"),
        ("GET", "/api/v1/counties/{code}"),
        ("GET", "/api/v1/producers"),
        ("GET", "/api/v1/producers/{producer_id}"),
        ("GET", "/api/v1/products"),
        ("GET", "/api/v1/products/{product_id}"),
        ("GET", "/api/v1/credit/keys"),
        ("GET", "/api/v1/credit/seals"),
        ("GET", "/verify"),
        ("GET", "/verify/{code}"),
    }
)
"""(method, path) that anybody may call; a test compares it with the routes that declare no permission.

The sandbox's routes (`/sandbox/…`) are public too, and exist in development only.
"""
