"""The served description is true: whatever it allows is answered as it says, and nothing else.

Schemathesis makes requests from the description, right and wrong ones, always the same; the server
is the started product, with a token. Streams do not end, so the feed's are asked by hand below.
"""

from collections.abc import Iterator

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from tests.architecture.tree import ROOT
from tests.journey.product import Waybill, running

GOLDEN = ROOT / "tests" / "golden" / "openapi.json"
TOKEN = "a-token-for-the-tests"
SIGNED_IN = {"Authorization": f"Bearer {TOKEN}"}
STREAMS = r"^/v1/feed(/documents/.*|/users/.*|/all)?$"


@pytest.fixture(scope="module")
def waybill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waybill]:
    folder = tmp_path_factory.mktemp("described")
    with running(folder, {"WAYBILL_API_TOKEN": TOKEN}) as started:
        yield started


described = schemathesis.openapi.from_path(GOLDEN).exclude(path_regex=STREAMS)


@described.parametrize()
@settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_description_promises(
    case: schemathesis.Case, waybill: Waybill
) -> None:
    case.call_and_validate(base_url=waybill.url, headers=SIGNED_IN)
