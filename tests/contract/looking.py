"""Looking at a broker as its page does, and a network that answers by the path."""

from typing import Any

from service.broker.outcome import Answer, NoAnswer
from tests.broker_scene import Scene
from tests.brokers import Sent

URL = "http://a.example/x"
NOT_NOW = Answer(status=500, body=b"not now")
REFUSED = Answer(status=489, headers=(("Upstash-NonRetryable-Error", "true"),), body=b"for good")


def by_path(sent: Sent) -> Answer | NoAnswer:
    """`ok` is taken, `bad` is refused for good, anything else fails for now."""
    if "ok" in sent.url:
        return Answer(status=200, headers=(("Content-Type", "text/plain"),), body=b"thank you")
    if "bad" in sent.url:
        return REFUSED
    return NOT_NOW


async def look(scene: Scene, path: str, **query: str | int) -> Any:
    answer = await scene.http.get(f"/waybill/v1/{path}", params={**query})
    assert answer.status_code == 200, answer.text
    return answer.json()
