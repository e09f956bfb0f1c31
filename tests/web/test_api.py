"""`/api/v1/messages`: what tests of apps ask of `relay dev`."""

from __future__ import annotations

import asyncio

import pytest

PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n"


@pytest.fixture
async def three(site, sent_header):
    """Three messages in the inbox; their ids, the newest last."""
    mixed = sent_header.replace(b"Content-Type: text/plain", b"Content-Type: multipart/mixed; boundary=b")
    return [
        await site.catch(recipients=("ann@example.net",), subject="Offerte 12", document="quote"),
        await site.catch(recipients=("bob@example.net",), subject="Factuur 13", author="kas@bakker.example"),
        await site.catch(
            b"--b\r\n\r\nx\r\n--b--\r\n",
            header=b"Content-Type: multipart/mixed; boundary=b\r\n" + mixed,
            subject="100%_",
        ),
    ]


FOUND = [
    ("", [2, 1, 0]),
    ("to=ann", [0]),
    ("to=example.net&subject=factuur", [1]),
    ("from=KAS", [1]),
    ("document=quote", [0]),
    ("tenant=bakker", [2, 1, 0]),
    ("tenant=smid", []),
    ("has=attachment", [2]),
    ("q=subject:factuur to:bob", [1]),
    ("q=offerte", [0]),
    ("subject=%25_", [2]),
    ("before=2000-01-01", []),
    ("after=2000-01-01&limit=2", [2, 1]),
]


@pytest.mark.parametrize(("query", "numbers"), FOUND)
async def test_what_fits_is_listed(site, three, query, numbers):
    answer = await site.client.get(f"/api/v1/messages?{query}")
    assert [one["id"] for one in answer.json()["messages"]] == [three[number] for number in numbers]


async def test_the_page_searches_the_same_way(site, three):
    page = (await site.client.get("/?q=has:attachment")).text
    assert three[2] in page
    assert three[1] not in page


async def test_waiting_ends_when_enough_came(site):
    asked = asyncio.create_task(site.client.get("/api/v1/messages?to=klant&count=2&wait=20"))
    await asyncio.sleep(0.1)
    await site.catch()
    await asyncio.sleep(0.1)
    assert not asked.done()
    await site.catch()
    assert len((await asked).json()["messages"]) == 2


async def test_the_newest_is_opened_with_its_links_and_codes(site):
    await site.catch(b"Uw code: 493817, geldig tot 18:30.\r\nhttps://app.example/reset?t=1.\r\n")
    told = (await site.client.get("/api/v1/messages/latest?to=klant&wait=1")).json()
    assert told["codes"] == ["493817"]
    assert told["links"] == ["https://app.example/reset?t=1"]
    assert (await site.client.get(f"/api/v1/messages/{told['id']}")).json() == told


async def test_nothing_fits(site):
    answer = await site.client.get("/api/v1/messages/latest?to=nobody")
    assert answer.status_code == 404
    assert answer.json() == {"error": "no message fits within 0 s"}


async def test_deleting_by_search(site, three):
    assert (await site.client.delete("/api/v1/messages")).status_code == 400
    assert (await site.client.delete("/api/v1/messages?to=ann")).json() == {"deleted": 1}
    assert (await site.client.get(f"/messages/{three[0]}")).status_code == 404
    assert (await site.client.delete("/api/v1/messages?all=yes")).json() == {"deleted": 2}
    assert (await site.client.get("/api/v1/messages")).json() == {"messages": []}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("wait=soon", "wait: a number of seconds"),
        ("wait=600", "60 at most"),
        ("wait=nan", "wait: a number"),
        ("count=0", "count: a number from 1 to 200"),
        ("limit=²", "limit: a number"),
        ("before=tomorrow", "before: write a date such as"),
    ],
)
async def test_what_cannot_be_meant_is_said(site, query, said):
    answer = await site.client.get(f"/api/v1/messages?{query}")
    assert answer.status_code == 400
    assert said in answer.json()["error"]
