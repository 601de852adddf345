"""People, accounts, sessions and grants."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Moment, one_of

ROLES = (
    "employee", "outside_buyer", "union_buyer", "union_approver", "union_receiver", "canteen_buyer",
    "staff", "county_reviewer", "supplier", "auditor", "administrator",
)  # fmt: skip
SCOPE_KINDS = ("all", "unit", "county", "producer", "supplier")


CHANGE_KINDS = (
    "counting_rule.add", "counting_rule.end", "spending_rule.add", "spending_rule.end", "flag_threshold.set",
    "retention_rule.add", "audit_mandate.grant", "role.grant", "role.end", "password.reset",
    "county.succeed", "user.reinstate", "sales_channel.set",
)  # fmt: skip


class Person(SQLModel, table=True):
    """A human being, known elsewhere only by this random id. The name and phone live here and can be erased.

    phone_verified_at: a code sent to the phone came back, or the operator vouched for it at the owner's shell; such a
    phone has one person. Without it the phone is what a list or somebody said.
    """

    __tablename__ = "person"
    __table_args__ = (
        Index("uq_person_verified_phone", "phone", unique=True, postgresql_where=text("phone_verified_at IS NOT NULL")),
        Index("ix_person_phone", "phone", "name", postgresql_where=text("phone IS NOT NULL")),
        CheckConstraint("phone_verified_at IS NULL OR phone IS NOT NULL", name="verified_has_a_phone"),
    )

    id: UUID = Field(primary_key=True)
    name: str | None = None
    phone: str | None = None
    phone_verified_at: datetime | None = Field(default=None, sa_type=Moment)
    created_at: datetime = Field(sa_type=Moment)
    erased_at: datetime | None = Field(default=None, sa_type=Moment)


class UserAccount(SQLModel, table=True):
    """Somebody who can sign in. closed: his personal data was erased; nobody signs in as him again.

    `email` is a name only once it is verified; until then it is what somebody typed, and others may have typed it too.
    The column's default in the database speaks of accounts that release 7d50459 makes; here it is always said.
    No password: it was made void, and waits for a new one. `password_version` counts the passwords there were.
    """

    __tablename__ = "user_account"
    __table_args__ = (
        Index(
            "uq_user_account_email",
            text("lower(email)"),
            unique=True,
            postgresql_where=text("email_verified_at IS NOT NULL"),
        ),
        Index("ix_user_account_email", text("lower(email)")),
        one_of("state", ("active", "suspended", "closed")),
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", unique=True)
    email: str
    email_verified_at: datetime | None = Field(default=None, sa_type=Moment)
    password_hash: str | None = None
    password_version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    state: str = "active"
    created_at: datetime = Field(sa_type=Moment)


class NoticeSeen(SQLModel, table=True):
    """A version of the privacy notice that was shown to somebody before he went on."""

    __tablename__ = "notice_seen"
    __table_args__ = ({"info": APPEND_ONLY},)

    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    version: str = Field(primary_key=True)
    seen_at: datetime = Field(sa_type=Moment)


class SignInSession(SQLModel, table=True):
    """One sign-in, of a page or of the API. Revoking the row ends it everywhere within a second.

    `secret_sha256` is the digest of a page's cookie; the cookie itself is nowhere stored.
    """

    __tablename__ = "sign_in_session"
    __table_args__ = (
        one_of("kind", ("page", "api")),
        # What the poller reads twice a second stays as small as what it asks for.
        Index("ix_sign_in_session_revoked", "expires_at", postgresql_where=text("revoked_at IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id", index=True)
    kind: str
    secret_sha256: bytes | None = Field(default=None, unique=True)
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment, index=True)
    revoked_at: datetime | None = Field(default=None, sa_type=Moment)


class RoleGrant(SQLModel, table=True):
    """A role, held from one business day to another (exclusive; open when blank), inside one scope.

    `scope_id` is '*' for kind `all`, a unit, producer or supplier id, or a county code. A unit means its whole subtree.
    """

    __tablename__ = "role_grant"
    __table_args__ = (
        one_of("role", ROLES),
        one_of("scope_kind", SCOPE_KINDS),
        CheckConstraint("(scope_kind = 'all') = (scope_id = '*')", name="all_has_no_id"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
        Index("uq_role_grant_once", "user_id", "role", "scope_kind", "scope_id", "valid_from", unique=True),
    )

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id", index=True)
    role: str
    scope_kind: str
    scope_id: str
    valid_from: date
    valid_to: date | None = None


class SignInAttempt(SQLModel, table=True):
    """Failed sign-ins of the last minutes, by digest of address or account: the limit holds across processes."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index("ix_sign_in_attempt_key_at", "key_sha256", "at"),)

    id: UUID = Field(primary_key=True)
    key_sha256: bytes
    at: datetime = Field(sa_type=Moment)


class AccountLink(SQLModel, table=True):
    """What a link or a code opens, once and for a while: an address is verified, or a new password set.

    The link's secret is derived from the id when it is told (`shop/messages/secret.py`) and stored nowhere; of a code
    that an administrator hands over, the digest is. It ends with the password that it was made under.
    """

    __tablename__ = "account_link"
    __table_args__ = (
        one_of("purpose", ("verify_email", "reset_password")),
        CheckConstraint("purpose <> 'verify_email' OR email IS NOT NULL", name="verifies_something"),
    )

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id", index=True)
    purpose: str
    email: str | None = None
    code_sha256: bytes | None = Field(default=None, unique=True)
    password_version: int
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)


class ResetRequest(SQLModel, table=True):
    """Somebody forgot a password. Who asked is answered before anybody looks whether there is such an account: the
    worker does, and takes the row away with it.
    """

    __tablename__ = "reset_request"
    __table_args__ = (one_of("lang", ("zh", "en")),)

    id: UUID = Field(primary_key=True)
    email: str
    lang: str
    asked_at: datetime = Field(sa_type=Moment)


class PhoneProof(SQLModel, table=True):
    """A code was sent to a phone; whoever types it has the phone. Neither is stored: of the phone a keyed digest, and
    the code is derived from the id (`shop/messages/secret.py`). Five tries; used once, for one account.
    """

    __tablename__ = "phone_proof"
    __table_args__ = (
        CheckConstraint("tries BETWEEN 0 AND 5", name="five_tries"),
        CheckConstraint("used_at IS NULL OR confirmed_at IS NOT NULL", name="confirmed_before_used"),
        Index("ix_phone_proof_phone", "phone_digest", "asked_at"),
    )

    id: UUID = Field(primary_key=True)
    phone_digest: bytes
    tries: int = 0
    asked_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment, index=True)
    confirmed_at: datetime | None = Field(default=None, sa_type=Moment)
    used_at: datetime | None = Field(default=None, sa_type=Moment)


class PersonAlias(SQLModel, table=True):
    """Two persons turned out to be one: the account's earlier one, and the one of a list that it belongs to since.

    What was bought and credited keeps the person it was frozen with.
    """

    __tablename__ = "person_alias"
    __table_args__ = (
        CheckConstraint("person_id <> same_as_id", name="another"),
        {"info": APPEND_ONLY},
    )

    person_id: UUID = Field(foreign_key="person.id", primary_key=True)
    same_as_id: UUID = Field(foreign_key="person.id", index=True)
    user_id: UUID = Field(foreign_key="user_account.id")
    found_at: datetime = Field(sa_type=Moment)


class ChangeRequest(SQLModel, table=True):
    """What one person asked for and another decides: a rule of everybody, a mandate, a role. Two people: the database's
    refusal. `facts`: what is wanted, as its verb takes it; who asked may take it back alone.
    """

    __tablename__ = "change_request"
    __table_args__ = (
        one_of("kind", CHANGE_KINDS),
        one_of("state", ("asked", "approved", "refused", "withdrawn")),
        CheckConstraint("state = 'withdrawn' OR decided_by <> asked_by", name="two_people"),
        CheckConstraint("(state = 'asked') = (decided_by IS NULL AND decided_at IS NULL)", name="decided_by_somebody"),
        Index("ix_change_request_open", "asked_at", "id", postgresql_where=text("state = 'asked'")),
    )

    id: UUID = Field(primary_key=True)
    kind: str
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str = "asked"
    reason: str | None = None
    asked_by: UUID = Field(foreign_key="user_account.id")
    asked_at: datetime = Field(sa_type=Moment)
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    decided_at: datetime | None = Field(default=None, sa_type=Moment)
