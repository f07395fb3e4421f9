"""What a server prints when it is ready, a line each; scripts, commands and tests read them."""

LISTENING = "listening on "
EXPORT = "export "
PAGE = "page at "
MISBEHAVING = "misbehaving on purpose: "
"""What a broker says of itself when it was asked to; its seed is in what follows."""
