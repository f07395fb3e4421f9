"""The credentials of QStash's own development server, which everybody knows.

With them, tools that expect that server find this broker; whoever can reach it can use it, and
sign deliveries, too.
"""

from service.broker.credentials import Credentials

__all__ = ["DEVELOPMENT", "TOKENS"]

DEVELOPMENT = Credentials(
    token="eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=",  # noqa: S106 - published
    read_only_token="",
    current_signing_key="sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
    next_signing_key="sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
)

TOKENS = frozenset(
    {
        DEVELOPMENT.token,
        "eyJVc2VySUQiOiJ0ZXN0VXNlcjEiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9",
        "eyJVc2VySUQiOiJ0ZXN0VXNlcjIiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9",
        "eyJVc2VySUQiOiJ0ZXN0VXNlcjMiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9",
    }
)
"""Of all its users; none of them keeps anybody out."""
