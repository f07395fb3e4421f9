"""Which processors there are: name to `package.module:callable`, checked without being run.

A user's module is imported in the workers only. Here its file is found and its top-level names are
read, so that a misspelt name stops the start and a module's side effects never reach the service's
process.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import MappingProxyType

from service.processing.processor import Job, Metadata


class UnknownProcessor(ValueError):
    """A processor's name leads nowhere; the message says which and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorSpec:
    name: str
    target: str
    """`package.module:callable`"""

    inline: bool = False
    """Does nothing that needs a process: the pool answers for it at once."""


PDF_TEXT = "pdf-text"
NONE = "none"

_BUILT_IN = (
    ProcessorSpec(name=PDF_TEXT, target="service.processing.pdf:read_pdf"),
    ProcessorSpec(name=NONE, target="service.processing.registry:do_nothing", inline=True),
)


def do_nothing(job: Job) -> Metadata | None:
    """The processor `none`: succeeds without looking at the document."""


def load_processors(own: str = "") -> Mapping[str, ProcessorSpec]:
    """The built-in processors and those of `own`: `name=package.module:callable, ...`."""
    found = {spec.name: spec for spec in _BUILT_IN}
    for entry in filter(None, (part.strip() for part in own.split(","))):
        spec = _parsed(entry)
        if spec.name in found:
            message = (
                f"the processor {spec.name!r} is already defined; give {spec.target!r} another name"
            )
            raise UnknownProcessor(message)
        _check_target(spec)
        found[spec.name] = spec
    return MappingProxyType(found)


def _parsed(entry: str) -> ProcessorSpec:
    name, _, target = (part.strip() for part in entry.partition("="))
    module, _, function = target.partition(":")
    words = [*module.split("."), function]
    if not name or not all(word.isidentifier() for word in words):
        message = f"{entry!r} does not name a processor; write it as name=package.module:callable"
        raise UnknownProcessor(message)
    return ProcessorSpec(name=name, target=target)


def _check_target(spec: ProcessorSpec) -> None:
    module, _, function = spec.target.partition(":")
    found = _module_spec(module)
    if found is None:
        message = (
            f"the processor {spec.name!r} needs the module {module!r}, which is not installed here;"
            " install it, or correct the name"
        )
        raise UnknownProcessor(message)
    tree = _source_tree(found)
    if tree is None:
        return  # compiled: its names show when a worker imports it
    defined = dict(_top_level_names(tree))
    if "*" not in defined and function not in defined:
        message = (
            f"the processor {spec.name!r} needs {function!r}, which {found.origin} does not define;"
            f" it defines {', '.join(sorted(defined)[:20]) or 'nothing'}"
        )
        raise UnknownProcessor(message)
    if isinstance(defined.get(function), ast.AsyncFunctionDef):
        message = f"the processor {spec.name!r} is an async function; write it as a plain one"
        raise UnknownProcessor(message)


def _module_spec(module: str) -> ModuleSpec | None:
    """What would be imported. `importlib.util.find_spec` would run the parent packages."""
    *packages, last = module.split(".")
    path: Sequence[str] | None = None
    for package in packages:
        # By its last word only: a package without `__init__` asks for the module of its parent.
        found = PathFinder.find_spec(package, path)
        if found is None or found.submodule_search_locations is None:
            return None
        path = list(found.submodule_search_locations)
    return PathFinder.find_spec(last, path)


def _source_tree(found: ModuleSpec) -> ast.Module | None:
    if not isinstance(found.loader, SourceFileLoader):
        return None
    try:
        return ast.parse(found.loader.get_data(found.loader.path))
    except (OSError, SyntaxError, ValueError) as cause:
        message = f"the module {found.name!r} cannot be read as Python: {cause}"
        raise UnknownProcessor(message) from cause


def _top_level_names(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    for statement in tree.body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield statement.name, statement
            case ast.Import() | ast.ImportFrom():
                for alias in statement.names:
                    yield alias.asname or alias.name, statement
            case _:
                # An assignment, or a definition inside `if` or `try`: any name that is bound there.
                for node in ast.walk(statement):
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                        yield node.id, statement
                    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                        yield node.name, statement
