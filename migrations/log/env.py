"""How Alembic reaches the log's database."""

from migrations.reaching import migrate

migrate("log")
