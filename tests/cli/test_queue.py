"""``relay queue``."""

from __future__ import annotations

import time

import pytest

FIELDS = ["id", "message_id", "tenant", "from", "to", "document", "state", "attempts", "due_at", "last_reply", "age_s"]


@pytest.fixture
def three(queue):
    """Three deliveries: two of one message, one of an older one to another domain."""
    young = queue("a@x.example", "b@x.example")
    old = queue("c@y.example", age=7200)
    return {each.recipient[0]: each.id for each in (*young.deliveries, *old.deliveries)}


def recipients(rows):
    return [row["to"][0] for row in rows]


def test_the_list_is_what_scripts_expect(shell, three, defer, tenant):
    defer("greylisted")
    rows = shell.json("queue", "list")
    assert recipients(rows) == ["c", "a", "b"]
    row = next(row for row in rows if row["to"] == "a@x.example")
    assert set(FIELDS) <= set(row)
    assert (row["id"], row["tenant"], row["from"], row["document"]) == (
        three["a"],
        tenant,
        "info@bakker.example",
        "invoice",
    )
    assert (row["state"], row["attempts"], row["last_reply"]) == ("queued", 1, "451 4.7.1 greylisted")
    assert row["due_at"] == 1_700_000_061.0
    assert row["age_s"] == pytest.approx(time.time() - 1_700_000_000, abs=30)


def test_an_empty_queue_is_an_empty_list(shell):
    assert shell.json("queue", "list") == []
    assert shell.run("queue", "list").stdout == "Nothing waits.\n"
    assert shell.run("queue", "list", "--state", "failed").stdout == "No delivery fits.\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--domain", "X.example"], "ab"),
        (["--domain", "nowhere.example"], ""),
        (["--state", "queued"], "cab"),
        (["--state", "held"], ""),
        (["--tenant", "bakker b.v."], "cab"),
        (["--limit", "1"], "c"),
    ],
)
def test_filters(shell, three, options, expected):
    assert recipients(shell.json("queue", "list", *options)) == list(expected)


def test_filter_by_age(shell, three):
    age = int(time.time() - 1_700_000_000)
    assert recipients(shell.json("queue", "list", "--age", f"{age + 3600}s")) == ["c"]
    assert recipients(shell.json("queue", "list", "--age", "1d")) == ["c", "a", "b"]
    assert recipients(shell.json("queue", "list", "--age", f"{age + 7300}")) == []


def test_people_see_a_table_that_a_reply_cannot_disturb(shell, three, defer):
    defer("try \x1b[31mlater\r\nagain")
    lines = shell.run("queue", "list").stdout.splitlines()
    assert len(lines) == 7
    assert lines[0].split() == ["ID", "STATE", "AGE", "TRIES", "NEXT", "TO"]
    assert lines[1].split()[-1] == "c@y.example"
    assert lines[2].startswith("    from info@bakker.example: 451 4.7.1 try ")
    assert "\x1b" not in "".join(lines)
    assert max(map(len, lines)) < 80


def test_a_long_reply_is_cut_to_the_width_of_a_terminal(shell, three, defer):
    defer("later " * 100)
    lines = shell.run("queue", "list").stdout.splitlines()
    assert max(map(len, lines)) < 80
    assert lines[2].endswith("...")


def test_show_has_every_attempt(shell, three, defer):
    defer("greylisted")
    [shown] = shell.json("queue", "show", three["a"])
    assert shown["id"] == three["a"]
    assert shown["log"] == [
        {
            "number": 1,
            "started_at": 1_700_000_001.0,
            "took_s": 0.25,
            "outcome": "deferred",
            "code": 451,
            "enhanced": "4.7.1",
            "text": "greylisted",
            "remote": "mx.x.example[192.0.2.1]:25",
            "tls": "TLSv1.3",
        }
    ]
    assert recipients(shell.json("queue", "show", shown["message_id"])) == ["a", "b"]
    assert "451 4.7.1 greylisted" in shell.run("queue", "show", three["a"]).stdout


def test_named_deliveries_are_changed_without_asking(shell, store, three):
    assert shell.json("queue", "hold", three["a"], three["c"]) == {"deliveries": 2}
    assert recipients(shell.json("queue", "list", "--state", "held")) == ["c", "a"]
    assert shell.json("queue", "release", three["a"]) == {"deliveries": 1}
    assert recipients(shell.json("queue", "list", "--state", "queued")) == ["a", "b"]
    assert shell.json("queue", "cancel", three["a"], three["c"]) == {"deliveries": 2}
    assert recipients(shell.json("queue", "list")) == ["b"]
    assert recipients(shell.json("queue", "list", "--state", "cancelled")) == ["a", "c"]


def test_a_message_stands_for_its_deliveries(shell, store, three):
    message = store.delivery(three["a"]).message_id
    assert shell.json("queue", "hold", message) == {"deliveries": 2}


def test_retry_makes_it_due_now(shell, store, three, defer):
    defer("greylisted")
    before = time.time()
    shell.run("queue", "retry", three["a"])
    assert before <= store.delivery(three["a"]).due_at <= time.time()
    assert store.delivery(three["b"]).due_at == 1_700_000_061.0


def test_a_bulk_change_tells_the_count_and_asks(shell, three):
    refused = shell.run("queue", "cancel", "--domain", "x.example", input="n\n", code=1)
    assert "cancel 2 deliveries?" in refused.output
    assert len(shell.json("queue", "list")) == 3
    shell.run("queue", "cancel", "--domain", "x.example", input="y\n")
    assert recipients(shell.json("queue", "list")) == ["c"]


def test_with_yes_nothing_is_asked(shell, three):
    assert shell.json("queue", "hold", "--all", "--yes") == {"deliveries": 3}
    assert shell.json("queue", "retry", "--all", "--yes") == {"deliveries": 0}
    assert shell.json("queue", "release", "--tenant", "Bakker B.V.", "--yes") == {"deliveries": 3}
    assert shell.run("queue", "retry", "--all", "--yes").stdout == "retry: 3 deliveries\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("retry",),
        ("hold", "--all", "--domain", "x.example"),
        ("cancel", "06gfn7b200000001", "--all"),
        ("list", "--age", "soon"),
        ("list", "--state", "lost"),
        ("list", "--limit", "0"),
    ],
)
def test_wrong_usage_is_exit_code_2(shell, three, arguments):
    shell.run("queue", *arguments, code=2)
    assert len(shell.json("queue", "list", "--state", "queued")) == 3


def test_what_does_not_exist_or_does_not_fit_is_exit_code_1(shell, three):
    assert "no message or delivery" in shell.run("queue", "show", "x", code=1).stderr
    assert "no message or delivery" in shell.run("queue", "retry", three["a"], "x", code=1).stderr
    assert "is queued" in shell.run("queue", "release", three["a"], code=1).stderr
    assert "no tenant" in shell.run("queue", "list", "--tenant", "nobody", code=1).stderr
