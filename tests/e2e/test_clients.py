"""Other people's clients hand in the same invoice, with the very code that docs/apps.md shows for them."""

from __future__ import annotations

import email
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email import policy
from email.message import EmailMessage
from functools import cache
from itertools import takewhile
from operator import attrgetter
from pathlib import Path

import dkim
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from relay.locales import catalog
from relay.mail.reply import Reply

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "apps.md").read_text()
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 40 + b"\r\n.\r\n%%EOF"
SUBJECT, TEXT = "Invoice 2026-0417: € 263.78", "Total: € 263.78\n"
REFUSED = (
    "You are not authorised to send mail from this address.",
    "Open the link in the mail to",
)
SYSTEM_TRUST = "/etc/ssl/certs/ca-certificates.crt"
DEV_LINES = ("Page", "SMTP", "Username", "Password")
PORTS = {"starttls": "587", "implicit": "465", "dev": "1025"}


@dataclass(frozen=True)
class Client:
    """A client as clients.toml describes it."""

    name: str
    files: list[str]
    command: str
    needs: dict[str, str] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)
    whole: bool = False
    end: str = ""
    root: bool = False

    @property
    def slug(self) -> str:
        return re.sub(r"\W+", "-", self.name.lower())

    def missing(self) -> str | None:
        """What is not there to run it."""
        if self.root and os.geteuid() != 0:
            return f"{self.name}: only root can run it"
        absent = [f"{need} is not installed ({package})" for need, package in self.needs.items() if not present(need)]
        return f"{self.name}: {', '.join(absent)}" if absent else None


def present(need: str) -> bool:
    """Is a program, a /path or an "import module" there?"""
    if need.startswith("/"):
        return any(Path("/").glob(need[1:]))
    module = need.removeprefix("import ")
    return importlib.util.find_spec(module) is not None if module != need else shutil.which(need) is not None


CLIENTS = [Client(**each) for each in tomllib.loads((HERE / "clients.toml").read_text())["client"]]
slug = attrgetter("slug")
each_client = pytest.mark.parametrize("client", CLIENTS, ids=slug)


def section(name: str) -> str:
    """The text under a heading of the page."""
    found = re.search(rf"^### {re.escape(name)}$(.*?)(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/apps.md has no section {name}"
    return found[1]


def blocks(name: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```$", section(name), re.MULTILINE | re.DOTALL)


def table_row(name: str) -> dict[str, list[str]]:
    """What the table of ports says for a client, by kind of TLS: fragments of its code."""
    found = re.search(rf"^\| {re.escape(name)} \|(.*)\|(.*)\|(.*)\|$", PAGE, re.MULTILINE)
    assert found, f"the table of ports has no row {name}"
    return dict(zip(PORTS, (re.findall(r"`([^`]+)`", cell) for cell in found.groups()), strict=True))


def with_tls(name: str, code: str, tls: str) -> str:
    """The code with the fragments for port 587 replaced by those for another port, one for one."""
    row = table_row(name)
    wanted = row[tls] + [""] * len(row["starttls"])
    for old, new in zip(row["starttls"], wanted, strict=False):
        fragment = re.escape(old) + (r"(?![\w-])" if old[-1].isalnum() else "")
        code = re.sub(fragment, lambda _, new=new: new, code)
    return code


def added(name: str, tls: str) -> list[str]:
    """Lines that another port needs besides."""
    row = table_row(name)
    return row[tls][len(row["starttls"]) :]


@dataclass(frozen=True)
class Place:
    """Where a client hands in, as whom, and what makes this run's addresses its own."""

    host: str
    port: int
    login: dict[str, str]
    mark: str

    def fill(self, text: str, tls: str, author: str) -> str:
        """A text of the page with this place's names instead of the example's."""
        text = re.sub(rf"\b{PORTS[tls]}\b", str(self.port), text.replace("smtp.platform.example", self.host))
        text = text.replace("bakker-x7k2", self.login["username"]).replace("PASSWORD\n", self.login["password"] + "\n")
        text = re.sub(r"archive(\\?@)bakker\.example", rf"archive\1{self.mark}.example", text)
        text = re.sub(r"info(\\?@bakker\.example)", rf"{author}\1", text)
        return text.replace("customer.example", f"{self.mark}.customer.example")


@cache
def invoice_file() -> str:
    """`invoice.eml`, as an app would make it."""
    message = EmailMessage()
    message["From"] = "Bakker invoices <info@bakker.example>"
    message["To"], message["Cc"] = "buyer@customer.example", "books@customer.example"
    message["Bcc"], message["Subject"] = "archive@bakker.example", SUBJECT
    message["X-Relay-Document"] = "invoice"
    message.set_content(TEXT + ".a line that begins with a dot\n")
    message.add_attachment(PDF, maintype="application", subtype="pdf", filename="invoice.pdf")
    return message.as_bytes(policy=policy.SMTP).decode()


def run(client: Client, folder: Path, place: Place, tls: str, author: str = "info", ca_file: str = SYSTEM_TRUST) -> str:
    """Let a client hand in the invoice; everything that it prints, and its exit code in front."""
    if missing := client.missing():
        pytest.skip(missing)
    named = zip(client.files, blocks(client.name), strict=False)
    files = {name: with_tls(client.name, code, tls) for name, code in named} | client.extra
    files[client.files[0]] += "".join(f"{line}\n" for line in added(client.name, tls))
    files["invoice.eml"] = invoice_file()
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        filled = place.fill(text, tls, author).replace(SYSTEM_TRUST, ca_file)
        (folder / name).write_bytes(filled.encode())
    (folder / "invoice.pdf").write_bytes(PDF)
    java = f"-Djavax.net.ssl.trustStore={ca_file}.p12 -Djavax.net.ssl.trustStorePassword=changeit"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "RELAY_PASSWORD": place.login["password"],
        "JDK_JAVA_OPTIONS": f"{java} -XX:TieredStopAtLevel=1",
        "SSL_CERT_FILE": ca_file,
        "CURL_CA_BUNDLE": ca_file,
        "NODE_EXTRA_CA_CERTS": ca_file,
    }
    done = subprocess.run(
        client.command.format(python=sys.executable, here=HERE),
        shell=True,
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return f"{done.returncode} " + (done.stdout + done.stderr).decode(errors="replace")


@pytest.fixture(scope="module")
def ca_file(shared) -> str:
    """What clients trust: a PEM file, and beside it the same for Java."""
    path = shared.relay.folder / "ca.pem"
    path.write_bytes(shared.authority.cert_pem.bytes())
    certificate = pkcs12.PKCS12Certificate(x509.load_pem_x509_certificate(path.read_bytes()), b"relay")
    store = pkcs12.serialize_java_truststore([certificate], BestAvailableEncryption(b"changeit"))
    Path(f"{path}.p12").write_bytes(store)
    return str(path)


@pytest.fixture(scope="module")
def dnsfunc(shared):
    """The relay's DKIM records as dkimpy asks for them."""
    records = {record["name"].rstrip(".") + ".": record["value"] for record in shared.relay.json("dns")["records"]}
    return lambda name, timeout=5: records[name.decode()].encode()


def judge(content: bytes, mark: str, client: Client, dnsfunc) -> None:
    """What a recipient got is the invoice: rewritten, no trace of the Bcc, text and file untouched, signed."""
    got = email.message_from_bytes(content, policy=policy.default)
    assert got["From"] == '"Bakker B.V." <mail@customers.platform.example>'
    assert got["Reply-To"] == '"Bakker B.V." <info@bakker.example>'
    assert got["Subject"] == SUBJECT
    assert (got["To"], got["Cc"]) == (f"buyer@{mark}.customer.example", f"books@{mark}.customer.example")
    assert b"archive" not in content.lower()
    assert got["X-Relay-Document"] is None
    body = got.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r", "").startswith(TEXT)  # Ruby's gem encodes the CR of each line
    [file] = got.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("invoice.pdf", PDF)
    if client.whole:
        assert (
            content.partition(b"\r\n\r\n")[2] == invoice_file().encode().partition(b"\r\n\r\n")[2] + client.end.encode()
        )
    verifier = dkim.DKIM(content)
    assert [verifier.verify(idx=number, dnsfunc=dnsfunc) for number in range(2)] == [True, True]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@each_client
def test_the_invoice_arrives(client, tls, shared, ca_file, dnsfunc, tmp_path) -> None:
    mark = f"{client.slug}.{tls}"
    place = Place("localhost", shared.port(tls), shared.login, mark)
    said = run(client, tmp_path, place, tls, ca_file=ca_file)
    assert said.startswith("0 "), said
    for recipient in (f"buyer@{mark}.customer.example", f"books@{mark}.customer.example", f"archive@{mark}.example"):
        [content] = shared.sink.wait_for(recipient)
        judge(content, mark, client, dnsfunc)


@each_client
def test_the_refusal_reaches_the_developer(client, shared, ca_file, tmp_path) -> None:
    place = Place("localhost", shared.port("starttls"), shared.login, f"refused.{client.slug}")
    said = run(client, tmp_path, place, "starttls", author=f"new-{client.slug}", ca_file=ca_file)
    assert not said.startswith("0 "), said
    for sentence in REFUSED:
        assert sentence in said


@each_client
def test_a_certificate_that_nobody_signed_is_not_trusted(client, shared, tmp_path) -> None:
    place = Place("localhost", shared.port("starttls"), shared.login, f"untrusted.{client.slug}")
    said = run(client, tmp_path, place, "starttls")
    assert not said.startswith("0 "), said
    assert "certificate" in said.lower() or "ssl" in said.lower()


@pytest.fixture(scope="module")
def dev() -> Iterator[tuple[Place, str]]:
    """A `relay dev` as a developer has it: where its SMTP is, and its page."""
    command = [sys.executable, "-m", "relay", "dev", "--smtp", "0", "--http", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = "".join(takewhile(lambda line: not line.startswith("Stop with"), process.stdout))
    shown = {name: re.search(rf"^  {name} +(\S+)", said, re.MULTILINE)[1] for name in DEV_LINES}
    login = {"username": shown["Username"], "password": shown["Password"]}
    yield Place("127.0.0.1", int(shown["SMTP"].rpartition(":")[2]), login, ""), shown["Page"]
    process.send_signal(signal.SIGINT)
    process.wait(30)


@pytest.mark.parametrize("client", [each for each in CLIENTS if table_row(each.name)["dev"]], ids=slug)
def test_relay_dev_catches_it(client, dev, tmp_path) -> None:
    place, page = dev
    said = run(client, tmp_path, replace(place, mark=f"dev.{client.slug}"), "dev")
    assert said.startswith("0 "), said
    inbox = urllib.request.urlopen(page, timeout=10).read().decode()
    assert f"@dev.{client.slug}." in inbox


def test_what_the_page_says_is_run_is_run() -> None:
    sections = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    assert {name for name in sections if "✓" in section(name)} == {client.name for client in CLIENTS}


def test_the_page_quotes_the_refusal_as_it_is() -> None:
    sentence = catalog("en").sentences["reply.sender.unverified_sent"].format(address="new@bakker.example")
    assert Reply(550, "5.7.1", tuple(sentence.split("\n"))).encode().decode().replace("\r", "") in PAGE
