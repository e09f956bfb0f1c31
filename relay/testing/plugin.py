"""The pytest plugin: the fixture ``relay_inbox``. It comes with the package; nothing is started until a test asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from relay.testing.inbox import Inbox


@pytest.fixture(scope="session")
def relay_inbox_session() -> Iterator[Inbox]:
    """One relay for all tests of a run."""
    from relay.testing.inbox import open_inbox  # noqa: PLC0415 - a run that does not need it does not pay for it

    with open_inbox() as inbox:
        yield inbox


@pytest.fixture
def relay_inbox(relay_inbox_session: Inbox) -> Inbox:
    """The relay of this run, empty: hand in mail at ``host``, ``port`` with ``username`` and ``password``, and
    ``wait`` for it."""
    relay_inbox_session.clear()
    return relay_inbox_session
