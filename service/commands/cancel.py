"""`waybill cancel`: stops a document that has not ended."""

from service.commands.asking import Ids, ask_for_each
from service.commands.endings import run
from service.commands.options import USUAL_URL, AsJson, Reason, Token, Url


def cancel(
    ids: Ids,
    reason: Reason = None,
    url: Url = USUAL_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Stop documents; an attempt that is running may still end well."""
    run(ask_for_each("cancel", ids, url=url, token=token, reason=reason, as_json=as_json))
