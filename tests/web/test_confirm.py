"""The confirm and withdraw pages: what changes when, and what never does (rule D3, threats W01 to W04)."""

from __future__ import annotations

import asyncio
import logging

import pytest

from relay.mail.ids import make_id
from relay.mail.sender import SenderState
from relay.mail.tenant import Tenant
from relay.server.web.context import log_line

ADDRESS = "info@bakker.example"
TOKEN = "Zm9vYmFyLWZvb2Jhci1mb29iYXItZm9vYmFyLWZvb2I"
CONFIRM = f"/confirm/{TOKEN}"
WITHDRAW = f"/withdraw/{TOKEN}-w"
LINKS = [CONFIRM, WITHDRAW]


async def test_page_asks_in_whose_name_and_nothing_is_preselected(site):
    await site.ask(TOKEN)
    page = await site.client.get(CONFIRM)
    assert page.status_code == 200
    assert "Bakker B.V." in page.text
    assert ADDRESS in page.text
    assert "24 November 2026, 12:00 UTC" in page.text
    assert page.text.count('type="radio"') == 2
    assert " checked" not in page.text


@pytest.mark.parametrize("path", LINKS)
@pytest.mark.parametrize("state", [SenderState.PENDING, SenderState.VERIFIED])
async def test_looking_changes_nothing_however_it_is_done(site, path, state):
    await site.ask(TOKEN)
    await site.put_state(state)
    before = site.dump()
    for agent in ("Mozilla/5.0", "Barracuda Sentinel", "BingPreview/1.0b", ""):
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"):
            for query in ("", "?answer=yes", "?answer=yes&nonce=1"):
                await site.client.request(method, path + query, headers={"User-Agent": agent})
    assert site.dump() == before


async def test_yes_verifies_the_sender_once(site):
    await site.ask(TOKEN)
    page = await site.answer(CONFIRM, "yes")
    assert page.status_code == 200
    assert "may now send as" in page.text
    assert "withdraw link" in page.text
    assert await site.state() is SenderState.VERIFIED
    assert site.events == [("sender.confirmed", {"tenant": site.tenant.id, "address": ADDRESS})]
    again = await site.client.get(CONFIRM)
    assert again.status_code == 200
    assert "confirmed before" in again.text
    assert 'type="radio"' not in again.text


async def test_no_blocks_the_pair_and_tells_the_operator(site):
    await site.ask(TOKEN)
    page = await site.answer(CONFIRM, "no")
    assert page.status_code == 200
    assert "may not send as" in page.text
    assert await site.state() is SenderState.BLOCKED
    assert site.events == [("sender.refused", {"tenant": site.tenant.id, "address": ADDRESS})]
    assert "stays blocked" in (await site.client.get(CONFIRM)).text


async def test_refusal_is_not_overturned_by_another_link(site):
    await site.ask(TOKEN)
    await site.ask("another")
    form = await site.client.get("/confirm/another")
    await site.answer(CONFIRM, "no")
    page = await site.client.post("/confirm/another", data={"nonce": nonce(form), "answer": "yes"})
    assert "stays blocked" in page.text
    assert await site.state() is SenderState.BLOCKED


async def test_a_form_without_a_choice_comes_back_with_an_error(site):
    await site.ask(TOKEN)
    before = site.dump()
    page = await site.answer(CONFIRM, None)
    assert page.status_code == 422
    assert "choose one of the two" in page.text
    assert 'aria-describedby="missing"' in page.text
    assert (await site.answer(CONFIRM, "perhaps")).status_code == 422
    assert site.dump() == before


@pytest.mark.parametrize("path", LINKS)
@pytest.mark.parametrize("given", ["", "0" * 64, "é", None])
async def test_a_foreign_form_is_refused(site, path, given):
    await site.ask(TOKEN)
    await site.put_state(SenderState.VERIFIED if path == WITHDRAW else SenderState.PENDING)
    before = site.dump()
    data = {"answer": "yes"} | ({"nonce": given} if given is not None else {})
    page = await site.client.post(path, data=data)
    assert page.status_code == 403
    assert "Nothing has changed" in page.text
    assert site.dump() == before


async def test_a_nonce_counts_for_its_own_link_only(site):
    await site.ask(TOKEN)
    await site.ask("other")
    await site.put_state(SenderState.PENDING)
    borrowed = nonce(await site.client.get("/confirm/other"))
    page = await site.client.post(CONFIRM, data={"nonce": borrowed, "answer": "yes"})
    assert page.status_code == 403
    await site.put_state(SenderState.VERIFIED)
    borrowed = nonce(await site.client.get("/withdraw/other-w"))
    assert (await site.client.post(WITHDRAW, data={"nonce": borrowed, "answer": "yes"})).status_code == 403
    assert await site.state() is SenderState.VERIFIED


async def test_an_expired_link_says_so_and_does_nothing(site):
    await site.ask(TOKEN)
    form = await site.client.get(CONFIRM)
    site.clock.at += 7 * 86400
    before = site.dump()
    page = await site.client.get(CONFIRM)
    assert page.status_code == 410
    assert "1 December 2026, 12:00 UTC" in page.text
    late = await site.client.post(CONFIRM, data={"nonce": nonce(form), "answer": "yes"})
    assert late.status_code == 410
    assert site.dump() == before


UNKNOWN = ["x", "A" * 43, "%2E%2E", "%00", "%ff%fe", "a" * 5000, "' OR 1=1 --", "%0d%0aX: y", TOKEN + "-w", "ｚ"]


async def test_unknown_links_all_get_the_same_answer(site):
    await site.ask(TOKEN)
    pages = []
    for number, token in enumerate(UNKNOWN):
        site.clock.at += 60 * (number % 5 == 0)
        pages.append(await site.client.get(f"/confirm/{token}"))
        pages.append(await site.client.get(f"/withdraw/{token.removesuffix('-w')}"))
    answers = {(page.status_code, page.text, str(sorted(page.headers.items()))) for page in pages}
    assert len(answers) == 1
    assert pages[0].status_code == 404
    assert "not valid" in pages[0].text


async def test_posting_to_an_unknown_link_is_the_same_404(site):
    page = await site.client.post("/confirm/unknown", data={"answer": "yes"})
    assert page.status_code == 404
    assert page.text == (await site.client.get("/confirm/unknown")).text


async def test_guessing_is_slowed_down_for_the_one_who_guesses(site):
    await site.ask(TOKEN)
    codes = [(await site.client.get(f"/confirm/guess-{n}")).status_code for n in range(12)]
    assert codes == [404] * 10 + [429] * 2
    waiting = await site.client.get(CONFIRM)
    assert waiting.status_code == 429
    assert waiting.headers["retry-after"] == "60"
    site.clock.at += 60
    assert (await site.client.get(CONFIRM)).status_code == 200


async def test_a_link_tells_nothing_of_other_tenants(site):
    other = Tenant(make_id(1.0, 9), "Andere B.V.", "x@andere.example", "nl", 1.0)
    await site.group.write(lambda store: store.add_tenant(other))
    await site.ask(TOKEN)
    await site.ask("theirs", tenant_id=other.id)
    before = (await site.client.get("/confirm/theirs")).text
    await site.answer(CONFIRM, "yes")
    after = (await site.client.get("/confirm/theirs")).text
    assert after == before
    assert await site.state(tenant_id=other.id) is SenderState.PENDING


async def test_withdrawing_takes_the_permission_away_and_works_for_good(site):
    await site.ask(TOKEN)
    await site.answer(CONFIRM, "yes")
    site.clock.at += 400 * 86400
    page = await site.answer(WITHDRAW, "yes")
    assert page.status_code == 200
    assert "no longer send" in page.text
    assert await site.state() is SenderState.REVOKED
    assert site.events[-1][0] == "sender.withdrawn"
    assert "no longer send" in (await site.client.get(WITHDRAW)).text
    await site.put_state(SenderState.VERIFIED)
    await site.answer(WITHDRAW, "yes")
    assert await site.state() is SenderState.REVOKED


async def test_withdraw_form_without_choice_or_with_no_changes_nothing(site):
    await site.ask(TOKEN)
    await site.answer(CONFIRM, "yes")
    before = site.dump()
    assert (await site.answer(WITHDRAW, None)).status_code == 422
    kept = await site.answer(WITHDRAW, "no")
    assert kept.status_code == 200
    assert "Nothing has changed" in kept.text
    assert site.dump() == before


async def test_nothing_to_withdraw_before_anything_was_confirmed(site):
    await site.ask(TOKEN)
    page = await site.client.get(WITHDRAW)
    assert page.status_code == 200
    assert "nothing to withdraw" in page.text


async def test_a_used_link_after_a_new_request_is_used(site):
    await site.ask(TOKEN)
    await site.answer(CONFIRM, "yes")
    await site.put_state(SenderState.PENDING)
    assert "has been used" in (await site.client.get(CONFIRM)).text


async def test_a_withdrawn_sender_can_be_confirmed_by_a_new_link(site):
    await site.ask(TOKEN)
    await site.answer(CONFIRM, "yes")
    await site.answer(WITHDRAW, "yes")
    await site.ask("fresh")
    await site.answer("/confirm/fresh", "yes")
    assert await site.state() is SenderState.VERIFIED


async def test_two_answers_at_once_count_once(site):
    await site.ask(TOKEN)
    secret = nonce(await site.client.get(CONFIRM))
    yes = {"nonce": secret, "answer": "yes"}
    no = {"nonce": secret, "answer": "no"}
    pages = await asyncio.gather(*(site.client.post(CONFIRM, data=data) for data in (yes, no, yes, no)))
    assert {page.status_code for page in pages} == {200}
    assert len(site.events) == 1
    decided = {"sender.confirmed": SenderState.VERIFIED, "sender.refused": SenderState.BLOCKED}
    assert await site.state() is decided[site.events[0][0]]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"a" * 5000, 413), (b"&".join(b"f%d=1" % n for n in range(50)), 403), (b"\xff\xfe", 403), (b"", 403)],
)
async def test_odd_forms_are_refused(site, body, status):
    await site.ask(TOKEN)
    before = site.dump()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await site.client.post(CONFIRM, content=body, headers=headers)).status_code == status
    assert site.dump() == before


async def test_hostile_names_stay_text(site):
    name = '<script>alert(1)</script>{{7*7}}{0}{company}" onload="x'
    hostile = Tenant(make_id(2.0, 9), name, "x@y.example", "nl", 1.0)
    await site.group.write(lambda store: store.add_tenant(hostile))
    await site.ask(TOKEN, address='"<img/src=x>"@bakker.example', tenant_id=hostile.id)
    for page in (await site.client.get(CONFIRM), await site.answer(CONFIRM, "yes"), await site.client.get(WITHDRAW)):
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "{{7*7}}{0}{company}&#34; onload=&#34;x" in page.text


async def test_erased_tenant_leaves_an_unknown_link(site):
    await site.ask(TOKEN)
    await site.group.write(lambda store: store.erase_tenant(site.tenant.id))
    assert (await site.client.get(CONFIRM)).status_code == 404


def nonce(page):
    """The nonce of the form on a page."""
    return page.text.partition('name="nonce" value="')[2].partition('"')[0]


def test_decisions_are_logged_on_one_line(caplog):
    caplog.set_level(logging.INFO, "relay.web")
    log_line("sender.refused", {"tenant": "t1", "address": '"a\nFAKE \x1b[31m"@bakker.example'})
    log_line("sender.confirmed", {"tenant": "t1", "address": "a@bakker.example"})
    refused, confirmed = caplog.records
    assert (refused.levelname, confirmed.levelname) == ("WARNING", "INFO")
    assert refused.getMessage().isprintable()
    assert "tenant='t1'" in refused.getMessage()
