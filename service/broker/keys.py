"""Statements about the signing keys, which live in the broker's own file."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from service.broker.signing import SigningKeys, rotated
from service.broker.tables import signing_keys

__all__ = ["fresh_key", "fresh_keys", "load_or_keep", "rotate"]


def fresh_key(new_secret: Callable[[], str]) -> str:
    """A new signing key, named as QStash's are."""
    return f"sig_{new_secret()}"


def fresh_keys(new_secret: Callable[[], str]) -> SigningKeys:
    """A new pair."""
    return SigningKeys(current=fresh_key(new_secret), next=fresh_key(new_secret))


def load_or_keep(connection: Connection, fresh: Sequence[SigningKeys]) -> list[SigningKeys]:
    """The keys of this file; the first start keeps the fresh ones it is given."""
    kept = _load(connection)
    if kept is None:
        kept = fresh[0]
        _keep(connection, kept)
    return [kept] * len(fresh)


def rotate(connection: Connection, fresh: Sequence[str]) -> list[SigningKeys]:
    """Moves the next key up and puts a fresh one behind it, once for each given."""
    keys = _load(connection)
    if keys is None:
        raise LookupError("there are no signing keys to rotate; the broker makes them at its start")
    results = []
    for key in fresh:
        keys = rotated(keys, key)
        results.append(keys)
    _keep(connection, keys)
    return results


def _load(connection: Connection) -> SigningKeys | None:
    found = {row.role: row.key for row in connection.execute(select(signing_keys))}
    if not found:
        return None
    return SigningKeys(current=found["current"], next=found["next"])


def _keep(connection: Connection, keys: SigningKeys) -> None:
    statement = insert(signing_keys)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[signing_keys.c.role], set_={"key": statement.excluded.key}
        ),
        [{"role": "current", "key": keys.current}, {"role": "next", "key": keys.next}],
    )
