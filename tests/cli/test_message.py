"""``relay message``."""

from __future__ import annotations

import pytest

from relay.mail.conversation import Said, Side
from relay.mail.delivery import Answer, Attempt, Deferred
from relay.store.model import Settlement


@pytest.fixture
def sent(queue, defer):
    """A rewritten message with one deferred attempt a recipient."""
    queued = queue("a@x.example", "b@x.example", body=b"Beste klant,\r\n\xff\r\n" * 30_000)
    defer("greylisted")
    return queued


def test_the_document_is_what_scripts_expect(shell, sent, tenant):
    shown = shell.json("message", "show", sent.message.id)
    assert {"original", "sent", "changes", "attempts"} <= set(shown)
    assert (shown["id"], shown["tenant"], shown["from"]) == (sent.message.id, tenant, "info@bakker.example")
    assert shown["original"]["from"] == "info@bakker.example"
    assert shown["original"]["reply_to"] is None
    assert shown["sent"]["from"] == '"Bakker B.V." <mail@p.example>'
    assert shown["sent"]["reply_to"] == '"Bakker B.V." <info@bakker.example>'
    assert shown["sent"]["subject"] == "Factuur 12"
    assert [each["name"] for each in shown["sent"]["headers"]] == ["From", "To", "Subject", "Reply-To"]
    assert shown["original"]["raw"].encode() == sent.message.original_header


def test_a_change_says_why_in_a_sentence(shell, sent):
    first, second = shell.json("message", "show", sent.message.id)["changes"]
    assert set(first) == {"field", "before", "after", "reason", "code"}
    assert (first["field"], first["code"], second["before"]) == ("From", "from", None)
    assert first["reason"].endswith(".")
    assert " " in first["reason"]
    assert second["reason"] == "no.such.reason"  # a key of a newer version is better than a traceback


def test_attempts_tell_to_whom(shell, sent):
    attempts = shell.json("message", "show", sent.message.id)["attempts"]
    assert [(each["to"], each["outcome"], each["code"]) for each in attempts] == [
        ("a@x.example", "deferred", 451),
        ("b@x.example", "deferred", 451),
    ]


def test_a_delivery_stands_for_its_message(shell, sent):
    assert shell.json("message", "show", sent.deliveries[0].id)["id"] == sent.message.id


@pytest.mark.parametrize("side", ["original", "sent"])
def test_both_sides_come_byte_for_byte(shell, sent, side):
    header = sent.message.original_header if side == "original" else sent.message.header
    result = shell.run("message", "show", sent.message.id, f"--{side}")
    assert result.stdout_bytes == header + b"\r\n" + sent.body


def test_a_body_that_was_purged_is_said_after_the_header(shell, sent, store):
    store.cancel([each.id for each in sent.deliveries], 1.0)
    assert store.purge_bodies(2.0) == 1
    result = shell.run("message", "show", sent.message.id, "--sent", code=1)
    assert result.stdout_bytes == sent.message.header + b"\r\n"
    assert "not kept any longer" in result.stderr


def test_the_difference_is_the_lines_that_differ(shell, sent):
    lines = shell.run("message", "show", sent.message.id, "--diff").stdout.splitlines()
    assert [line for line in lines if line[:1] in "+-" and line[:3] not in {"+++", "---"}] == [
        "-From: info@bakker.example",
        '+From: "Bakker B.V." <mail@p.example>',
        '+Reply-To: "Bakker B.V." <info@bakker.example>',
    ]


def test_people_see_what_changed_and_what_happened(shell, sent):
    shown = shell.run("message", "show", sent.message.id).stdout
    assert "  - From: info@bakker.example\n" in shown
    assert '  + From: "Bakker B.V." <mail@p.example>\n' in shown
    assert "451 4.7.1 greylisted" in shown


def test_the_log_tells_how_it_came_and_what_was_answered(shell, sent):
    log = shell.json("message", "log", sent.message.id)
    assert (log["login"], log["peer"]) == ("bakker", "192.0.2.7")
    assert [(each["to"], len(each["log"])) for each in log["deliveries"]] == [("a@x.example", 1), ("b@x.example", 1)]
    shown = shell.run("message", "log", sent.message.id).stdout
    assert "by bakker from 192.0.2.7" in shown
    assert "mx.x.example[192.0.2.1]:25, TLSv1.3" in shown


@pytest.mark.parametrize("command", ["show", "log"])
def test_a_message_that_does_not_exist_is_exit_code_1(shell, command):
    assert "there is no message or delivery x" in shell.run("message", command, "x", code=1).stderr


@pytest.fixture
def talked(store, queue):
    """A message with an attempt of which it was kept what was said, and one of which it was not."""
    queued = queue("a@x.example")
    lines = (Said(0.0, Side.NOTE, "connected to mx"), Said(0.25, Side.THEM, "450 4.2.0 later \x1b[31m"))
    for number, said in enumerate(((), lines), 1):
        [work] = store.lease("test", 2e9 * number, 2e9 * number + 60, 1)
        answer = Answer("later", 450, "4.2.0", "mx.x.example[192.0.2.1]:25")
        attempt = Attempt(number, 1_700_000_000.0 + number, 0.25, "deferred", answer)
        after = work.delivery.after(Deferred(answer), 1_700_000_000.0 + number)
        settlement = Settlement(work.delivery, after, attempt, conversation=said)
        assert store.settle(settlement)
        if said:
            store.keep_conversation(settlement)
    return queued


def test_the_log_tells_what_was_said_in_an_attempt(shell, talked):
    lines = shell.run("message", "log", talked.message.id).stdout.splitlines()
    assert [line for line in lines if line[6:13].strip() in {"0.000", "0.250"}] == [
        "        0.000 * connected to mx",
        "        0.250 < 450 4.2.0 later \N{REPLACEMENT CHARACTER}[31m",
    ]
    [delivery] = shell.json("message", "log", talked.message.id)["deliveries"]
    assert [each["conversation"] for each in delivery["log"]] == [
        [],
        [
            {"after_s": 0.0, "side": "note", "text": "connected to mx"},
            {"after_s": 0.25, "side": "them", "text": "450 4.2.0 later \x1b[31m"},
        ],
    ]


def test_what_was_said_goes_with_its_message(talked, store):
    store.cancel([talked.deliveries[0].id], 1.0)
    assert store.purge_messages(2e9) == 1
    assert store.conversations(talked.deliveries[0].id) == {}
