"""The command line `waybill`: `main` is the console script.

Reading order: `parser` (the verbs), `options` (what they share), `endings` (exit codes and what
goes wrong); then one module per verb. Verbs that talk to a server use `client` (HTTP), `stream`
(the feed's bytes), `follow` (its connection), `heard` and `board` (what it said), `wording` and
`screen` (what is shown), and `watching`, which ties these together. `demo` starts a server of its
own: `child`, `demo_documents`, `flaky`.

Nothing is imported here: a worker process that loads `flaky` does not pay for a command line.
"""


def main() -> None:
    """Runs the command line on this process's arguments."""
    from service.commands.parser import run

    run()
