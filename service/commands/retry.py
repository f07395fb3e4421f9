"""`waybill retry`: another run for a document that has ended."""

from service.commands.asking import Ids, ask_for_each
from service.commands.endings import run
from service.commands.options import USUAL_URL, AsJson, Reason, Token, Url


def retry(
    ids: Ids,
    reason: Reason = None,
    url: Url = USUAL_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Process documents once more, with a new budget of attempts."""
    run(ask_for_each("retry", ids, url=url, token=token, reason=reason, as_json=as_json))
