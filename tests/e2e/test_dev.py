"""`relay dev --tour`: what a newcomer sees after `make run`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request


def test_the_tour_shows_one_invoice_before_and_after() -> None:
    command = [sys.executable, "-m", "relay", "dev", "--smtp", "0", "--http", "0", "--tour"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "stays up" in line:
                break
        said = "".join(lines)
        page = re.search(r"Look at it: (http://127\.0\.0\.1:\d+)(\S+)", said)
        assert page, said
        caught = json.loads(urllib.request.urlopen(page[1] + page[2] + ".json", timeout=10).read())
        shown = urllib.request.urlopen(page[1] + page[2], timeout=10).read().decode()
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert "550 5.7.1 U bent niet gemachtigd om een e-mail te versturen vanaf dit adres." in said
    assert "250 2.0.0 queued as" in said
    assert 'From: "Bakker B.V." <mail@customers.platform.example>' in said
    assert 'Reply-To: "Bakker B.V." <facturen@bakker.example>' in said
    assert [change["field"].lower() for change in caught["changes"]][:2] == ["from", "reply-to"]
    assert "Factuur-2026-0417.pdf" in shown
    assert process.returncode == 0
    assert errors == ""


def test_a_busy_port_is_said_in_one_line() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "relay", "dev", "--smtp", port, "--http", "0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert port in done.stderr
    assert "--smtp PORT" in done.stderr
