"""What `doctor` asks PostgreSQL: whether it answers, will do, and holds the whole log."""

from events.errors import LogUnavailable
from events.postgres_server import look_at, shown, survey
from service.commands.finding import Finding, ok, problem

CHECK = "database"


async def postgresql(url: str) -> list[Finding]:
    """Whether the service can work there; nothing is changed."""
    place = shown(url)
    try:
        server = await look_at(url)
    except LogUnavailable as error:
        return [
            problem(
                CHECK,
                str(error),
                repair="compare WAYBILL_DATABASE_URL with the server's address, user and password; "
                "is it running, and does its pg_hba.conf let this machine in?",
            )
        ]
    if reason := server.problem():
        return [problem(CHECK, f"{place}: {reason}", repair="see docs/how-to/postgresql.md")]
    pooled = ", behind a pooler: nodes look for news once a second" if server.pooled else ""
    found = [ok(CHECK, f"{place}, version {server.version}{pooled}")]
    return [*found, await _log(url, there="log" not in server.missing)]


async def _log(url: str, *, there: bool) -> Finding:
    if not there:
        return ok("log", "not there yet; the first start makes it")
    try:
        count, head = await survey(url)
    except LogUnavailable as error:
        return problem(
            "log",
            str(error),
            repair="GRANT USAGE ON SCHEMA log and SELECT on its tables to Waybill's user, or let "
            "it own them",
        )
    if count != head:
        return problem(
            "log",
            f"it holds {count} events, and its last position is {head}",
            repair="stop every node and bring the database back from a backup",
        )
    return ok("log", f"{count} events, none missing")
