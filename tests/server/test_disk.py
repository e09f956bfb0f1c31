"""How much room there is left."""

from __future__ import annotations

import shutil

from relay.server.disk import Disk


def test_room_is_what_is_free_beyond_the_reserve(tmp_path) -> None:
    free = shutil.disk_usage(tmp_path).free
    assert Disk(str(tmp_path), free // 2).has_room()
    assert not Disk(str(tmp_path), free * 2).has_room()


def test_who_cannot_say_does_not_stop_mail(tmp_path) -> None:
    assert Disk(str(tmp_path / "gone"), 1).has_room()
