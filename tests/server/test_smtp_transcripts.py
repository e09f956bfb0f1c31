"""The dialogue as it is written in tests/transcripts."""

from pathlib import Path

import pytest

TRANSCRIPTS = sorted(Path(__file__).parents[1].joinpath("transcripts").glob("*.smtp"))


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 10


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_dialogue(path, serve, play) -> None:
    play(path, serve)
