"""Settings: read once from the environment, frozen, and complete about what is wrong."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_PREFIX = "LASTLAP_"
# What platforms set without our prefix.
_BARE = ("DATABASE_URL", "PORT")


class SettingsError(Exception):
    """The environment cannot be used; the message lists every problem with its variable."""


class Settings(BaseSettings):
    """What a deployment decides. Variables are called LASTLAP_<NAME>; DATABASE_URL and PORT are read too."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_file=".env", extra="ignore", frozen=True)

    database_url: str = Field(
        "sqlite:///var/lastlap.db",
        validation_alias=AliasChoices("LASTLAP_DATABASE_URL", "DATABASE_URL", "database_url"),
    )
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535, validation_alias=AliasChoices("LASTLAP_PORT", "PORT", "port"))
    public_url: str = ""
    demo: bool = False
    # Checked even where it is not given, and after `demo`: only a demo may do without.
    secret: SecretStr = Field(SecretStr(""), validate_default=True)
    checkout_storefront: str | None = None
    smtp_host: str | None = None
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_start_tls: bool = True
    # Whom alerts are mailed to; the storefront's own address where nobody is named.
    operators_email: str | None = None
    log_level: str = "INFO"
    job_lease_s: float = Field(60.0, ge=1)
    plan_days: int = Field(14, ge=1, le=28)
    plan_seconds_per_day: float = Field(20.0, gt=0)
    plan_gap: float = Field(0.002, ge=0, lt=1)
    plan_processes: int = Field(2, ge=1)
    # Street graphs built by `lastlap streets build`, and how long tours of a node are searched for.
    streets_dir: str = "var/streets"
    tour_seconds: float = Field(20.0, gt=0)

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("use sqlite:///FILE or postgresql://USER@HOST/NAME")
        return url

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("use DEBUG, INFO, WARNING or ERROR")
        return level.upper()

    @field_validator("public_url")
    @classmethod
    def _reachable(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("use http://HOST or https://HOST, where customers reach this deployment")
        return url

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        if not info.data.get("demo", True) and len(secret.get_secret_value()) < 32:
            raise ValueError("set at least 32 random characters; they sign customers' links")
        return secret

    @property
    def base_url(self) -> str:
        """Where customers reach this deployment, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


def read_settings(**given: object) -> Settings:
    """The settings of this process; raises SettingsError with the whole list of problems."""
    problems = [
        f"{name}: there is no such setting"
        for name in sorted(os.environ)
        if name.startswith(_PREFIX) and name.removeprefix(_PREFIX).lower() not in Settings.model_fields
    ]
    try:
        found = Settings(**given)  # type: ignore[arg-type]  # checked by the model itself
    except ValidationError as why:
        problems += [_problem(error) for error in why.errors()]
        raise SettingsError("\n".join(problems)) from why
    if problems:
        raise SettingsError("\n".join(problems))
    return found


def _problem(error: Any) -> str:
    """One problem with the variable that it is about, as the operator wrote it."""
    bare = str(error["loc"][0]).upper().removeprefix(_PREFIX)
    told = bare in _BARE and bare in os.environ and _PREFIX + bare not in os.environ
    return f"{bare if told else _PREFIX + bare}: {str(error['msg']).removeprefix('Value error, ')}"
