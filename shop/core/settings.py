"""One frozen settings object, read from the environment and `.env`."""

from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEVELOPMENT_SECRET = "development-only-secret-that-production-refuses"  # noqa: S105  # it is meant to be known


class Settings(BaseSettings):
    """What an operator may set. Unset `database_url` means the embedded PostgreSQL; unset Stripe keys mean the sandbox.

    Raises ValueError in production on a default secret, sandbox payments or the embedded database.
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    database_url: str | None = None
    database_owner_url: str | None = None
    database_replica_url: str | None = None
    database_schema: str = "public"
    shop_env: Literal["development", "production"] = "development"
    secret_key: str = DEVELOPMENT_SECRET
    seal_key: str | None = None
    public_url: str = "http://127.0.0.1:8000"
    stripe_secret_key: str | None = None
    stripe_webhook_secret: str | None = None
    stripe_api_base: str | None = None
    data_folder: Path = Path(".data")
    files_url: str | None = None
    """Where evidence is kept: a folder, `s3://bucket/prefix`; unset → `files` in the data folder."""
    mail_url: str | None = None
    """`smtp+starttls://user:password@host:587/?from=shop@example.com` or `smtps://…`. Unset: development keeps mail in
    a table (`/sandbox/messages`), production in the outbox, until there is one."""
    sms_url: str | None = None
    """`https://user:password@gateway/path`, which gets `{"id", "to", "text"}`. Unset: as for mail."""
    channel_keys: dict[str, str] = {}
    """What other channels gave us to sign with, as JSON: {"platform_832": "…"}. Without one nothing is fetched."""

    @property
    def production(self) -> bool:
        return self.shop_env == "production"

    @property
    def sandbox_payments(self) -> bool:
        return not self.stripe_secret_key

    @model_validator(mode="after")
    def refuse_defaults_in_production(self) -> Self:
        if not self.database_schema.isidentifier():
            raise ValueError("DATABASE_SCHEMA must be a plain name")
        if not self.production:
            return self
        missing = [
            name
            for name, bad in {
                "SECRET_KEY (a secret of at least 32 characters)": self.secret_key == DEVELOPMENT_SECRET
                or len(self.secret_key) < 32,
                "DATABASE_URL (a PostgreSQL server)": not self.database_url,
                "STRIPE_SECRET_KEY": not self.stripe_secret_key,
                "STRIPE_WEBHOOK_SECRET": not self.stripe_webhook_secret,
                "FILES_URL (a folder or s3://bucket/prefix)": (self.files_url or "").startswith("memory:"),
                "SEAL_KEY (32 random bytes as hex)": not self.seal_key,
                "PUBLIC_URL (https)": not self.public_url.startswith("https://"),
            }.items()
            if bad
        ]
        if missing:
            raise ValueError("production needs: " + ", ".join(missing))
        return self


@cache
def settings() -> Settings:
    return Settings()
