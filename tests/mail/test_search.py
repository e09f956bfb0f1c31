"""What a line that somebody typed looks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.mail.search import Search, parse_search

CASES = [
    ("", Search()),
    ("factuur 2026", Search(words="factuur 2026")),
    ('"factuur  2026"', Search(words="factuur  2026")),
    ("from:info@bakker.example", Search(sender="info@bakker.example")),
    ("TO:klant rest", Search(recipient="klant", words="rest")),
    ('subject:"factuur 2026" tenant:bakker', Search(subject="factuur 2026", tenant="bakker")),
    ("document:quote has:attachment", Search(document="quote", attachment=True)),
    ("before:2026-12-01 after:2026-11-01T12:00", Search(before=1796083200.0, after=1793534400.0)),
    ("after:2026-11-01T12:00+01:00", Search(after=1793530800.0)),
    ("before:yesterday", Search(words="before:yesterday")),
    ("has:nothing", Search(words="has:nothing")),
    ("https://app.example/x", Search(words="https://app.example/x")),
    ("from:", Search(words="from:")),
    ('subject:"no end', Search(subject="no end")),
]


@pytest.mark.parametrize(("text", "meant"), CASES)
def test_a_line(text, meant):
    assert parse_search(text) == meant


@given(st.text())
def test_any_line_means_something(text):
    assert isinstance(parse_search(text), Search)
