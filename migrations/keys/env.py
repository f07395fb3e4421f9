"""How Alembic reaches the keys' database."""

from migrations.reaching import migrate

migrate("keys")
