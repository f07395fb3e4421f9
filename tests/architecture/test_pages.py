"""The pages made from the code are as the code makes them now."""

import pytest

from tests.architecture.pages import PAGES, REFERENCE


@pytest.mark.parametrize("name", PAGES)
def test_a_made_page_is_the_one_that_the_code_makes(name: str) -> None:
    assert (REFERENCE / name).read_text() == PAGES[name](), "run scripts/docs"
