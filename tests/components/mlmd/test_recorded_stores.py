"""What real clients ask of a store while they fill it is answered as it was when it was recorded."""

from __future__ import annotations

import pytest

from tests.support import recorded_stores


def test_the_recordings_are_there():
    assert len(recorded_stores.NAMES) == 7


@pytest.mark.parametrize("name", recorded_stores.NAMES)
def test_every_answer_is_as_recorded(name, call):
    assert recorded_stores.replay(name, call) == []
