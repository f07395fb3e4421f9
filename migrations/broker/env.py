"""Runs the broker's migrations on the SQLite file of `sqlalchemy.url`."""

from alembic import context
from sqlalchemy import create_engine

url = context.config.get_main_option("sqlalchemy.url")
if url is None:
    raise ValueError("sqlalchemy.url is not set; give the address of the broker's file")

engine = create_engine(url)
with engine.connect() as connection:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
