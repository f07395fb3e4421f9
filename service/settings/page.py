"""The reference page of the settings, made from the table so that it cannot be wrong."""

from service.settings.load import FILE_VARIABLE
from service.settings.table import DECLARATIONS, Declaration

_HEAD = f"""\
# Settings

<!-- made by scripts/docs from service/settings/table.py; edit that file, not this one -->

A setting is taken from the first place that has it: a flag of the command line, the environment,
one TOML file, the default. The file is the one that `{FILE_VARIABLE}` names, or `waybill.toml` in
the current folder if there is one; it holds flat keys such as `port = 9000`. An empty value
counts as not set. An unknown name and a value that does not do stop the start, and all problems are
told at once.

Sizes are bytes or such as `100MB` (millions) and `64MiB`; durations are seconds or such as `500ms`,
`90s`, `2m`, `1h`. Secrets are never shown in logs or messages.

| environment | key in the file | kind | default | meaning |
|---|---|---|---|---|
"""


def describe_settings() -> tuple[Declaration, ...]:
    """Every setting with its name, kind, default, unit and meaning, in the order of the table."""
    return DECLARATIONS


def settings_page() -> str:
    return _HEAD + "".join(_row(declaration) for declaration in describe_settings())


def _row(declaration: Declaration) -> str:
    kind = declaration.kind.name.replace("|", "\\|")
    if declaration.unit:
        kind += f", in {declaration.unit}"
    cells = (
        f"`{declaration.variable}`",
        f"`{declaration.key}`",
        kind,
        _default(declaration),
        declaration.meaning,
    )
    return f"| {' | '.join(cells)} |\n"


def _default(declaration: Declaration) -> str:
    if declaration.default is None:
        return declaration.when_unset or "not set"
    shown = declaration.kind.show(declaration.default)
    return f"`{shown}`" if shown else "empty"
