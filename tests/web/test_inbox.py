"""The development inbox: what was caught, before and after, and hostile mail that stays inert (threat W06)."""

from __future__ import annotations

import base64

import pytest

from relay.store.model import MessageKind

CANARY = "<script>window.canary=1</script><img src=x onerror=window.canary=1>"
MIXED = (
    b'--b\r\nContent-Type: multipart/alternative; boundary="c"\r\n\r\n'
    b"--c\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Caf=E9 https://app.example/f?a=1&b=2.\r\n"
    b'--c\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Caf\xc3\xa9 <img src="cid:logo"></p>\r\n--c--\r\n'
    b"--b\r\nContent-Type: image/png\r\nContent-ID: <logo>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0K\r\n"
    b'--b\r\nContent-Type: text/html; name="x.html"\r\n'
    b"Content-Disposition: attachment; filename*=utf-8''fact%C3%BCr.html\r\n\r\n" + CANARY.encode() + b"\r\n--b--\r\n"
)


def mixed(header: bytes) -> bytes:
    """The header of a message with that body."""
    return header + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n'


async def test_an_empty_inbox_says_what_to_do_next(site):
    page = await site.client.get("/")
    assert "No mail yet" in page.text
    assert "127.0.0.1:2587" in page.text


async def test_messages_are_listed_newest_first(site):
    await site.catch(subject="First")
    await site.catch(subject="Second", recipients=("a@example.net", "b@example.net", "c@example.net"))
    page = (await site.client.get("/")).text
    assert page.index("Second") < page.index("First")
    assert "mail@customers.platform.example" in page
    assert "a@example.net" in page
    assert "and 2 more" in page
    assert "Bakker B.V." in page


async def test_search_finds_subject_author_and_recipient(site):
    await site.catch(subject="Offerte 100%")
    await site.catch(subject="Other", recipients=("zeldzaam@example.net",))
    for search, found in (("offerte", 1), ("100%", 1), ("%", 1), ("zeldzaam", 1), ("info@bakker", 2), ("nothing", 0)):
        answer = await site.client.get("/messages.json", params={"q": search})
        assert len(answer.json()["messages"]) == found, search
    assert "Nothing matches" in (await site.client.get("/", params={"q": "<b>no"})).text
    assert "<b>no" not in (await site.client.get("/", params={"q": "<b>no"})).text


async def test_pages_go_on_where_the_last_one_ended(site):
    ids = [await site.catch() for _ in range(5)]
    seen: list[str] = []
    before: str | None = ""
    while before is not None:
        answer = (await site.client.get("/messages.json", params={"limit": 2, "before": before})).json()
        seen += [message["id"] for message in answer["messages"]]
        before = answer["older"]
    assert seen == ids[::-1]
    page = (await site.client.get("/?limit=2")).text
    assert f'href="/?before={ids[3]}"' in page


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "limit=99999999999", "before=%00", "q=%00", "limit=٣"]
)
async def test_odd_questions_are_answered(site, query):
    await site.catch()
    assert (await site.client.get(f"/messages.json?{query}")).status_code == 200
    assert (await site.client.get(f"/?{query}")).status_code == 200


async def test_before_and_after_stand_side_by_side_with_the_reason(site):
    page = (await site.client.get(f"/messages/{await site.catch()}")).text
    rows = page.partition('class="diff"')[2].partition("</section>")[0]
    order = [rows.index(f'role="rowheader">{name}<') for name in ("From", "Reply-To", "Bcc", "DKIM-Signature")]
    assert order == sorted(order)
    assert "&lt;info@bakker.example&gt;" in rows
    assert "Café Bakker" in rows
    assert "&#34;Bakker B.V.&#34; &lt;mail@customers.platform.example&gt;" in rows
    assert "boekhouding@bakker.example" in rows
    assert "Recipients must not see who got a blind copy" in rows
    assert "Signed in the name of" in rows
    assert "3 further fields, unchanged" in rows


async def test_a_mail_of_our_own_has_no_before(site):
    body = b"Open http://mail.platform.example:8025/confirm/abc-DEF_1 now.\r\n"
    message_id = await site.catch(body, kind=MessageKind.VERIFICATION)
    page = (await site.client.get(f"/messages/{message_id}")).text
    assert "written by the relay itself" in page
    assert 'href="http://mail.platform.example:8025/confirm/abc-DEF_1"' in page
    assert "Source as submitted" not in page


async def test_parts_of_a_message(site, sent_header):
    message_id = await site.catch(MIXED, header=mixed(sent_header))
    page = (await site.client.get(f"/messages/{message_id}")).text
    assert f'src="/messages/{message_id}/html" sandbox ' in page
    assert "factür.html" in page
    text = (await site.client.get(f"/messages/{message_id}?view=text")).text
    assert (
        'Café <a href="https://app.example/f?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">' in text
    )
    html = await site.client.get(f"/messages/{message_id}/html")
    assert "Café" in html.text
    assert "data:image/png;base64,iVBORw0K" in html.text
    plain = await site.client.get(f"/messages/{message_id}/text")
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    assert plain.text.startswith("Café")


async def test_html_is_shown_where_it_can_do_nothing(site, sent_header):
    message_id = await site.catch(CANARY.encode(), header=sent_header + b"Content-Type: text/html\r\n")
    html = await site.client.get(f"/messages/{message_id}/html")
    policy = html.headers["content-security-policy"].split("; ")
    assert {
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        "sandbox",
        "frame-ancestors 'self'",
    } <= set(policy)
    assert not any(rule.startswith("script-src") for rule in policy)
    assert html.headers["x-content-type-options"] == "nosniff"


async def test_attachments_are_downloads_and_nothing_else(site, sent_header):
    message_id = await site.catch(MIXED, header=mixed(sent_header))
    file = await site.client.get(f"/messages/{message_id}/attachments/1")
    assert file.content == CANARY.encode()
    assert file.headers["content-disposition"] == "attachment; filename*=UTF-8''fact%C3%BCr.html"
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in file.headers["content-security-policy"]
    assert (await site.client.get(f"/messages/{message_id}/attachments/2")).status_code == 404
    assert (await site.client.get(f"/messages/{message_id}/attachments/-1")).status_code == 404


async def test_source_is_complete_to_the_octet(site, sent_header):
    body = bytes(range(256)) * 3
    message_id = await site.catch(body, header=sent_header)
    source = await site.client.get(f"/messages/{message_id}/source")
    assert source.content == sent_header + b"\r\n" + body
    assert source.headers["content-type"].startswith("text/plain")
    original = await site.client.get(f"/messages/{message_id}/source?which=original")
    assert original.content.startswith(b"From: =?utf-8?Q?Caf=C3=A9_Bakker?=")
    assert b"Bcc: boekhouding@bakker.example" in original.content


async def test_large_bodies_are_read_in_chunks_and_shown_in_part(site):
    body = b"0123456789abcdef" * 40_000
    message_id = await site.catch(body)
    assert (await site.client.get(f"/messages/{message_id}/source")).content.endswith(body)
    assert "Only the beginning is shown" in (await site.client.get(f"/messages/{message_id}?view=sent")).text


async def test_a_purged_body_is_missed(site):
    message_id = await site.catch()
    await site.group.write(lambda store: store.purge_bodies(site.clock.at + 1e6))
    page = await site.client.get(f"/messages/{message_id}")
    assert page.status_code == 200
    assert "was deleted when its time was over" in page.text


async def test_hostile_messages_stay_text(site):
    header = (
        f'From: "{CANARY}" <mail@customers.platform.example>\r\nSubject: {CANARY}\r\nX{CANARY[8:20]}: {CANARY}\r\n'
    ).encode()
    message_id = await site.catch(
        CANARY.encode(), header=header, original=header, subject=CANARY, recipients=(f"{CANARY}@example.net",)
    )
    for path in ("/", f"/?q={CANARY[1:7]}", f"/messages/{message_id}", f"/messages/{message_id}?view=sent"):
        page = (await site.client.get(path)).text
        assert "<script>" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "header", [b"", b"\xff\xfe\r\n", b" folded first\r\n", b"no colon\r\n", b"From:\r\n", b"From: <<<\r\n"]
)
async def test_a_header_that_cannot_be_read_is_no_obstacle(site, header):
    message_id = await site.catch(header=header, original=header)
    for path in ("/", "/messages.json", f"/messages/{message_id}", f"/messages/{message_id}.json"):
        assert (await site.client.get(path)).status_code == 200


async def test_json_twin_by_name_and_by_accept(site, sent_header):
    message_id = await site.catch(MIXED, header=mixed(sent_header))
    by_name = (await site.client.get(f"/messages/{message_id}.json")).json()
    accept = {"Accept": "application/json"}
    assert (await site.client.get(f"/messages/{message_id}", headers=accept)).json() == by_name
    listed = (await site.client.get("/", headers=accept)).json()
    assert listed == (await site.client.get("/messages.json")).json()
    assert by_name["from"] == {"name": "Bakker B.V.", "address": "mail@customers.platform.example"}
    assert by_name["changes"][0] == {
        "field": "From",
        "before": "info@bakker.example",
        "after": '"Bakker B.V." <mail@customers.platform.example>',
        "reason": "from",
    }
    assert {"name": "Bcc", "value": "boekhouding@bakker.example"} in by_name["original"]["header"]
    assert by_name["deliveries"][0]["attempts"][0]["outcome"] == "delivered"
    assert by_name["text"].startswith("Café")
    assert [each["name"] for each in by_name["attachments"]] == ["", "factür.html"]
    assert listed["messages"][0]["received_at"].endswith("Z")


@pytest.mark.parametrize("path", ["", ".json", "/html", "/text", "/source", "/attachments/0"])
async def test_unknown_messages_are_404(site, path):
    assert (await site.client.get(f"/messages/0000000000000000{path}")).status_code == 404


async def test_inbox_is_read_only(site):
    message_id = await site.catch(base64.b64encode(b"x"))
    before = site.dump()
    for path in ("/", "/messages.json", f"/messages/{message_id}", f"/messages/{message_id}/source"):
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            await site.client.request(method, path)
    assert site.dump() == before
