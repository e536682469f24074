"""Settings: read once from the environment, frozen, and complete about what is wrong."""

from __future__ import annotations

from typing import Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(Exception):
    """The environment cannot be used; the message lists every problem with its variable."""


class Settings(BaseSettings):
    """What a deployment decides. Variables are called LASTLAP_<NAME>; DATABASE_URL and PORT are read too."""

    model_config = SettingsConfigDict(env_prefix="LASTLAP_", env_file=".env", extra="ignore", frozen=True)

    database_url: str = Field(
        "sqlite:///var/lastlap.db",
        validation_alias=AliasChoices("LASTLAP_DATABASE_URL", "DATABASE_URL", "database_url"),
    )
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535, validation_alias=AliasChoices("LASTLAP_PORT", "PORT", "port"))
    public_url: str = ""
    secret: SecretStr = SecretStr("")
    demo: bool = False
    checkout_storefront: str | None = None
    smtp_host: str | None = None
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_start_tls: bool = True
    log_level: str = "INFO"
    job_lease_s: float = Field(60.0, ge=1)
    plan_days: int = Field(14, ge=1, le=28)
    plan_seconds_per_day: float = Field(20.0, gt=0)
    plan_gap: float = Field(0.002, ge=0, lt=1)
    plan_processes: int = Field(2, ge=1)

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

    @model_validator(mode="after")
    def _secret_outside_the_demo(self) -> Self:
        if not self.demo and len(self.secret.get_secret_value()) < 32:
            raise ValueError("LASTLAP_SECRET: set at least 32 random characters; they sign customers' links")
        return self

    @property
    def base_url(self) -> str:
        """Where customers reach this deployment, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


def read_settings(**given: object) -> Settings:
    """The settings of this process; raises SettingsError with the whole list of problems."""
    try:
        return Settings(**given)  # type: ignore[arg-type]  # checked by the model itself
    except ValidationError as why:
        raise SettingsError("\n".join(_problem(error) for error in why.errors())) from why


def _problem(error: object) -> str:
    place = error["loc"]  # type: ignore[index]  # pydantic's ErrorDetails
    said = str(error["msg"]).removeprefix("Value error, ")  # type: ignore[index]
    if not place:
        return said
    name = str(place[0])
    variable = name if name.isupper() else f"LASTLAP_{name.upper()}"
    return f"{variable}: {said}"
