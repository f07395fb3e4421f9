"""The framework's request as our routes take it, which keep nothing in it: no user, no state."""

from typing import Any

from litestar import Request

WebRequest = Request[Any, Any, Any]
