"""Migrations run on the engine that the product uses, on SQLite and on PostgreSQL."""

from alembic import context
from app.database.engine import engine_for
from app.tables import metadata


def run() -> None:
    """Bring the database of the configuration to the wanted revision."""
    engine = engine_for(context.config.attributes["url"])
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # A batch makes a table anew and drops the old one: with the keys held, its rows would have to go.
            # Outside any transaction, where alone SQLite heeds it; the engine ends with this run.
            connection.connection.execute("PRAGMA foreign_keys = OFF")
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        if connection.in_transaction():
            connection.commit()
    engine.dispose()


run()
