"""docs/formats.md shows what the tests run through."""

from tests.io.cases import DOCS, render


def test_the_page_on_formats_is_that_of_the_tests() -> None:
    assert DOCS.read_text(encoding="utf-8") == render(), "run: python -m tests.io.cases"
