"""An installation whose log grows."""

import pytest
from failures import lines


@pytest.fixture
def grow(installation):
    """A function that lets so many more logins fail and extracts them."""
    state = {"next": 0}
    installation.log.touch()

    def grow(count=1):
        with open(installation.log, "a", encoding="utf-8") as file:
            file.write(lines(state["next"], count))
        state["next"] += count
        installation.extract()

    return grow
