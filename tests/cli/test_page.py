from tests.cli.page import PAGE, page


def test_the_page_of_the_commands_says_what_their_help_says() -> None:
    assert PAGE.read_text() == page(), "Fix: uv run python -m tests.cli.page"
