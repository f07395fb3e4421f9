"""Settings from their three places: the defaults, then one TOML file, then the environment.

All problems are told at once, so that nobody repairs a configuration one start at a time.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from service.settings.rules import SettingsError, contradictions
from service.settings.table import DECLARATIONS, PREFIX, Declaration, Settings

FILE_VARIABLE = "WAYBILL_CONFIG"
USUAL_FILE = Path("waybill.toml")
_LONGEST_FILE = 1 << 20


@dataclass(frozen=True, slots=True)
class _Written:
    """A value as somebody wrote it, and the name under which they will look for it."""

    name: str
    text: str


def load_settings(
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """Reads the settings; `flags` are the command line's, by key, and win over everything else.

    Without `environment` it is the process's own; without `file` it is the one that WAYBILL_CONFIG
    names, or ./waybill.toml if there is one.
    """
    environment = os.environ if environment is None else environment
    named = file or (Path(environment[FILE_VARIABLE]) if environment.get(FILE_VARIABLE) else None)
    keys = _read_file(named or USUAL_FILE, required=named is not None)
    return settings_from(
        environment=environment, file=keys, file_name=str(named or USUAL_FILE), flags=flags or {}
    )


def settings_from(
    *,
    environment: Mapping[str, str],
    file: Mapping[str, object],
    file_name: str = str(USUAL_FILE),
    flags: Mapping[str, object],
) -> Settings:
    """The pure part: three layers of written values in, checked settings or every problem out."""
    problems = [*_unknown_in_environment(environment), *_unknown_in_file(file, file_name)]
    values: dict[str, object] = {}
    for declaration in DECLARATIONS:
        written = _written(declaration, environment, file, file_name, flags)
        if written is None:
            continue
        try:
            values[declaration.key] = declaration.kind.parse(written.text)
        except ValueError:
            problems.append(_bad_value(declaration, written))
    settings = Settings(**values)  # type: ignore[arg-type] # each kind parses its field's own type
    settings = replace(
        settings, lease_seconds=min(settings.lease_seconds, settings.delivery_seconds)
    )
    if not problems:
        problems.extend(contradictions(settings))
    if problems:
        raise SettingsError(problems)
    return settings


def _written(
    declaration: Declaration,
    environment: Mapping[str, str],
    file: Mapping[str, object],
    file_name: str,
    flags: Mapping[str, object],
) -> _Written | None:
    """The strongest place that says something; an empty text says nothing."""
    places = (
        (f"--{declaration.key.replace('_', '-')}", flags.get(declaration.key)),
        (declaration.variable, environment.get(declaration.variable)),
        (f"{declaration.key} in {file_name}", file.get(declaration.key)),
    )
    for name, value in places:
        if value is not None and value != "":
            return _Written(name, _as_text(value))
    return None


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(_as_text(item) for item in value)
    return str(value).strip()


def _bad_value(declaration: Declaration, written: _Written) -> str:
    shown = "the value (not shown)" if declaration.is_secret else repr(written.text[:200])
    return f"{written.name}: {shown} does not do; it must be {declaration.kind.allowed}"


def _unknown_in_environment(environment: Mapping[str, str]) -> Iterator[str]:
    known = [declaration.variable for declaration in DECLARATIONS] + [FILE_VARIABLE]
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            yield f"{name} is no setting{_did_you_mean(name.removeprefix(PREFIX), known)}"


def _unknown_in_file(file: Mapping[str, object], file_name: str) -> Iterator[str]:
    known = [declaration.key for declaration in DECLARATIONS]
    for key in sorted(file):
        if key not in known:
            yield f"{key} in {file_name} is no setting{_did_you_mean(key, known)}"


def _did_you_mean(name: str, known: Sequence[str]) -> str:
    # What all of them begin with makes none of them likely.
    likely = {one.removeprefix(PREFIX): one for one in known}
    if near := difflib.get_close_matches(name, likely, n=1):
        return f"; did you mean {likely[near[0]]}?"
    return "; docs/reference/settings.md lists them all"


def _read_file(file: Path, *, required: bool) -> Mapping[str, object]:
    try:
        with file.open("rb") as opened:
            written = opened.read(_LONGEST_FILE + 1)
    except FileNotFoundError:
        if not required:
            return {}
        raise SettingsError([f"{FILE_VARIABLE}: there is no file {file}; create it"]) from None
    except OSError as error:
        raise SettingsError([f"{file} cannot be read: {error.strerror}"]) from error
    if len(written) > _LONGEST_FILE:
        raise SettingsError([f"{file} is larger than {_LONGEST_FILE} bytes; is it the right file?"])
    try:
        return tomllib.loads(written.decode())
    except ValueError as error:
        raise SettingsError([f"{file} is no TOML: {error}"]) from error
