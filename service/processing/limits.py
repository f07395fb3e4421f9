"""How much one document may take: time, memory, output, pages."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    seconds: float = 300.0
    """Wall-clock time for one document; then the worker is killed."""

    address_space_bytes: int = 1024 * MEBIBYTE
    """What a worker may map. An idle one maps about 55 MiB, the 10 MB sample takes 70 MiB."""

    output_bytes: int = 64 * MEBIBYTE
    """The result file's size. No other file that a processor writes can pass twice this."""

    pages: int = 50_000

    def __post_init__(self) -> None:
        for name in ("seconds", "address_space_bytes", "output_bytes", "pages"):
            if getattr(self, name) <= 0:
                message = f"the limit {name} is {getattr(self, name)}; it must be above zero"
                raise ValueError(message)
