"""Every error of the core.

WaybillError
├── Refused             a rule says no; nothing was written
│   ├── DocumentUnknown     there is no such document
│   └── DocumentGone        what the document held was erased
├── Conflict            somebody else wrote to the stream first; load it again
├── CorruptedIdempotency   some of these events are stored already, but not all of them
├── InvalidEvent        this event may never be stored: too large, bad id, bad number
├── UnknownEvent        the log holds an event that this version cannot read
├── Archived            these positions are no longer in the database
├── Overloaded          too many appends are waiting; try again shortly
└── LogUnavailable      the log cannot be written or read now; nothing was acknowledged
"""


class WaybillError(Exception):
    """Base of every error that Waybill raises on purpose."""


class Refused(WaybillError):
    """A rule of the domain says no."""


class DocumentUnknown(Refused):
    """There is no such document."""

    def __init__(self, document_id: str) -> None:
        super().__init__(f"document {document_id!r} is not known; check the id")
        self.document_id = document_id


class DocumentGone(Refused):
    """What the document held was erased."""

    def __init__(self, document_id: str) -> None:
        super().__init__(
            f"document {document_id!r} was erased; upload it anew under another id or "
            "idempotency key (waybill upload --again)"
        )
        self.document_id = document_id


class Conflict(WaybillError):
    """The stream is not at the version that the writer expected."""

    def __init__(self, stream: str, *, expected: int, actual: int) -> None:
        super().__init__(
            f"stream {stream} is at version {actual}, you expected {expected}; load it again"
        )
        self.stream = stream
        self.expected = expected
        self.actual = actual


class CorruptedIdempotency(WaybillError):
    """A repeated append is not what it was: it begins like a stored one and then differs."""

    def __init__(self, stream: str, *, expected: int, same: int, given: int) -> None:
        super().__init__(
            f"of {given} events for stream {stream} the first {same} are stored already behind "
            f"version {expected}, the next is not; nothing was written: repeat an append as it "
            "was, or give new events new ids"
        )
        self.stream = stream
        self.expected = expected


class InvalidEvent(WaybillError):
    """The event may not be stored as it is; the text names the field and the limit."""


class UnknownEvent(WaybillError):
    """The log holds an event type or a version that this code cannot read."""

    def __init__(self, type_name: str, version: int, why: str) -> None:
        super().__init__(
            f"the log holds {type_name} version {version}, which cannot be read here: {why}"
        )
        self.type_name = type_name
        self.version = version
        self.why = why


class Archived(WaybillError):
    """The positions that were asked for are no longer in the database."""

    def __init__(self, position: int, floor: int) -> None:
        super().__init__(
            f"position {position} is archived: the database begins behind position {floor}; "
            f"read from there, or from the archive"
        )
        self.position = position
        self.floor = floor


class Overloaded(WaybillError):
    """The queue of waiting appends is full."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} appends are waiting already; try again in a few seconds")
        self.waiting = waiting


class LogUnavailable(WaybillError):
    """The log could not be reached; whatever was asked for has not been acknowledged.

    ``outcome_unknown`` says that a commit was under way, so that what it held may be stored. Asked
    again with the same event ids, the log tells.
    """

    def __init__(self, message: str, *, outcome_unknown: bool = False) -> None:
        super().__init__(message)
        self.outcome_unknown = outcome_unknown
