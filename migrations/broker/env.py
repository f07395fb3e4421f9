"""How Alembic reaches the broker's file."""

from alembic import context
from sqlalchemy import create_engine, pool

from migrations.reaching import all_or_nothing

engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
all_or_nothing(engine)
with engine.begin() as connection:
    context.configure(connection=connection, transactional_ddl=True)
    context.config.attributes["refuse_newer"](context.get_context().get_current_revision())
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
