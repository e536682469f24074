"""Issue and revoke API keys."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy import Connection

from app.commands.terminal import console, database, plainly
from app.settings import read_settings
from app.storefronts.issue_key import issue_key
from app.storefronts.queries import storefront_by_key
from app.storefronts.revoke_key import revoke_key
from app.values.actor import Role


def issue(
    name: Annotated[str, typer.Argument(help="Who will use the key.")],
    storefront: Annotated[
        str | None, typer.Option(help="The storefront's key, if there are several.")
    ] = None,
    operator: Annotated[bool, typer.Option(help="A key that runs the house.")] = False,
) -> None:
    """Issue an API key; it is shown this once."""
    with plainly():
        key = secrets.token_urlsafe(32)

        def work(conn: Connection, now: datetime) -> None:
            role = Role.OPERATOR if operator else Role.STOREFRONT
            owner = storefront_by_key(conn, storefront)
            issue_key(conn, now=now, storefront_id=owner.id, key=key, name=name, role=role)

        with database(read_settings(demo=True)) as db:
            db.write_now(work)
        console.print(key, markup=False, soft_wrap=True)


def revoke(
    name: Annotated[str, typer.Argument(help="Whose keys shall not work any longer.")],
    storefront: Annotated[
        str | None, typer.Option(help="The storefront's key, if there are several.")
    ] = None,
) -> None:
    """Revoke the keys of this name; they stop working within seconds."""
    with plainly():

        def work(conn: Connection, now: datetime) -> int:
            owner = storefront_by_key(conn, storefront)
            return revoke_key(conn, now=now, storefront_id=owner.id, name=name)

        with database(read_settings(demo=True)) as db:
            revoked = db.write_now(work)
        console.print(f"[green]✓[/green] {revoked} revoked")
