"""Access tokens: kept, renewed ahead of time, by one process at a time, committed before they are used."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from relay.config import Config, Delivery
from relay.config.outgoing import OAuthApp
from relay.mail.oauth import Kind
from relay.mail.tenant import Tenant
from relay.net.oauth import Token
from relay.server.oauth_apps import endpoints_of, open_apps, secret_of
from relay.server.oauth_connect import connect, new_connection
from relay.server.oauth_tokens import REFRESH_PURPOSE, SPARED_FOR, OAuthTokens, resealed
from relay.server.own_route import NoToken
from relay.store.group import CommitGroup
from relay.store.vault import VaultError, fresh_key, open_vault

NOW = 1_800_000_000.0
WHOSE = ("t1", "ms", "info@bakker.example")


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'relay.db'}"


@pytest.fixture
async def group(url):
    group = CommitGroup(url)
    await group.start()
    await group.write(lambda store: store.add_tenant(Tenant("t1", "Bakker B.V.", "x@bakker.example", "nl", NOW)))
    yield group
    await group.close()


@pytest.fixture
def files(tmp_path):
    return [tmp_path / "relay-secrets"]


@pytest.fixture
def tokens(group, provider, files, clock):
    """The tokens of a process."""
    app = OAuthApp(
        name="ms", provider="microsoft", client_id="app-1", authorize=f"{provider.base}/a", token=f"{provider.base}/t"
    )
    return lambda of=group: OAuthTokens(of, files, open_apps(Config(oauth=(app,), delivery=Delivery()), clock), clock)


@pytest.fixture
def connected(group, provider, files, clock):
    """Connects an account whose token is good for ``lifetime`` seconds."""

    async def put(lifetime=3600.0, kind=Kind.CODE, refresh="r0"):
        provider.good.add(refresh)
        made = new_connection(WHOSE, kind, Token("a0", clock() + lifetime, refresh), files, clock())
        await group.write(lambda store: connect(store, made, clock()))
        return made

    return put


@pytest.fixture
def kept(group):
    return lambda: group.read(lambda store: store.oauth_connection("t1"))


async def test_without_an_account_there_is_none(tokens):
    assert await tokens().token("t1") == NoToken("no account is connected for OAuth", dead=True)


async def test_a_token_is_used_until_ten_minutes_before_its_end(tokens, connected, provider, clock):
    await connected()
    clock.at += 2999
    assert await tokens().token("t1") == "a0"
    clock.at += 1
    assert await tokens().token("t1") == provider.access[0]
    assert await tokens().token("t1") == provider.access[0]
    assert [form["grant_type"] for form in provider.asked] == ["refresh_token"]


async def test_a_short_token_is_used_for_half_of_its_life(tokens, connected, provider, clock):
    await connected(lifetime=300)
    clock.at += 149
    assert await tokens().token("t1") == "a0"
    clock.at += 1
    assert await tokens().token("t1") == provider.access[0]


async def test_rotation_is_kept_before_the_token_is_used(tokens, connected, kept, provider, clock, files):
    await connected()
    for _ in range(3):
        clock.at += 3000
        token = await tokens().token("t1")
        row = await kept()
        refresh = open_vault(files).open(row.refresh_token, tenant_id="t1", purpose=REFRESH_PURPOSE)
        assert provider.good == {refresh}
        assert (token, row.refreshed_at, row.expires_at) == (provider.access[-1], clock(), clock() + 3600)


async def test_who_comes_second_asks_for_nothing(url, group, tokens, connected, provider, clock):
    """A refresh token that is used twice would revoke everything; two processes, ten deliveries each."""
    await connected()
    clock.at += 3601
    provider.slow = 0.1
    other = CommitGroup(url)
    await other.start()
    mine, theirs = tokens(), tokens(other)
    found = await asyncio.gather(*(each.token("t1") for each in (mine, theirs) * 10))
    await other.close()
    assert set(found) == {provider.access[0]}
    assert len(provider.asked) == 1
    clock.at += 3000
    assert await mine.token("t1") == provider.access[1]


async def test_while_another_process_asks_the_old_token_serves(group, tokens, connected, kept, provider, clock):
    await connected()
    clock.at += 3000
    row = await kept()
    assert await group.write(lambda store: store.lease_oauth(row, "other", clock(), clock() + 60))
    assert await tokens().token("t1") == "a0"
    assert provider.asked == []
    clock.at += 61  # the other one died: its lease is over
    assert await tokens().token("t1") == provider.access[0]


async def test_nobodys_cancelling_stops_a_renewal(tokens, connected, kept, provider, clock):
    await connected()
    clock.at += 3601
    provider.slow = 0.2
    all_of_them = tokens()
    caller = asyncio.create_task(all_of_them.token("t1"))
    await asyncio.sleep(0.1)  # the provider takes longer than that
    caller.cancel()
    assert await all_of_them.token("t1") == provider.access[0]
    assert len(provider.asked) == 1


DEAD = [
    {
        "error": "invalid_grant",
        "error_description": "AADSTS50173: The provided grant has expired due to it being revoked",
    },
    {"error": "invalid_grant", "error_description": "Token has been expired or revoked."},
    {"error": "interaction_required", "error_description": "AADSTS50076: you must use multi-factor authentication"},
    {"error": "access_denied"},
]


@pytest.mark.parametrize("answer", DEAD)
async def test_a_dead_account_is_not_asked_for_again(tokens, connected, kept, provider, clock, answer):
    await connected()
    clock.at += 3000  # the old token would serve, but nobody would be told
    provider.failure = (400, answer)
    first = await tokens().token("t1")
    assert isinstance(first, NoToken)
    assert first.dead
    assert first.text.startswith(answer["error"])
    clock.at += 9999
    assert await tokens().token("t1") == first
    assert len(provider.asked) == 1
    assert ((await kept()).dead, (await kept()).failed_at) == (True, clock() - 9999)
    provider.failure = None
    await connected(refresh="r9")
    assert await tokens().token("t1") == "a0"
    assert not (await kept()).dead


async def test_reuse_of_an_old_refresh_token_revokes_all(tokens, connected, provider, clock):
    await connected()
    clock.at += 3000
    await tokens().token("t1")
    await connected(refresh="r0")  # as a database would that was restored from yesterday
    provider.good.discard("r0")
    clock.at += 3000
    found = await tokens().token("t1")
    assert isinstance(found, NoToken)
    assert found.dead
    assert provider.good == set()


@pytest.mark.parametrize("answer", [(503, {"error": "invalid_grant"}), (401, {"error": "invalid_client"})])
async def test_what_may_pass_is_tried_again_later(tokens, connected, kept, provider, clock, answer):
    await connected()
    clock.at += 3000
    provider.failure = answer
    assert await tokens().token("t1") == "a0"  # which is still good
    clock.at += 601
    found = await tokens().token("t1")
    assert isinstance(found, NoToken)
    assert not found.dead
    asked = len(provider.asked)
    assert await tokens().token("t1") == found  # the provider is spared
    assert len(provider.asked) == asked
    assert (await kept()).last_error == found.text
    provider.failure = None
    clock.at += SPARED_FOR
    assert await tokens().token("t1") == provider.access[0]
    assert ((await kept()).last_error, (await kept()).failed_at) == ("", None)


async def test_an_application_needs_no_refresh_token(tokens, connected, provider, clock):
    await connected(kind=Kind.APPLICATION, refresh="")
    clock.at += 3000
    assert await tokens().token("t1") == provider.access[0]
    assert provider.asked[0]["grant_type"] == "client_credentials"


async def test_an_application_that_is_gone_is_the_operators_to_mend(group, files, clock, connected):
    await connected()
    clock.at += 3601
    found = await OAuthTokens(group, files, open_apps(Config(), clock), clock).token("t1")
    assert found == NoToken('the configuration has no [[oauth]] with name = "ms" any more', dead=False)


async def test_tokens_are_bound_to_their_tenant(group, tokens, connected, kept):
    made = await connected()
    await group.write(lambda store: store.add_tenant(Tenant("t2", "De Linde", "x@linde.example", "nl", NOW)))
    await group.write(lambda store: store.put_oauth_connection(replace(made, tenant_id="t2")))
    with pytest.raises(VaultError):
        await tokens().token("t2")


async def test_tokens_are_sealed_anew(group, tokens, connected, kept, files):
    await connected()
    files[0].write_text(f"{fresh_key()}\n{files[0].read_text()}")
    vault = open_vault(files)
    anew = resealed(await kept(), vault)
    assert await group.write(lambda store: store.seal_oauth_connection(anew))
    assert resealed(await kept(), vault) is None
    files[0].write_text(files[0].read_text().partition("\n")[0])
    assert await tokens().token("t1") == "a0"
    stale = replace(anew, refreshed_at=1.0)
    assert not await group.write(lambda store: store.seal_oauth_connection(stale))


def test_endpoints_are_known_and_may_be_others():
    known = endpoints_of(OAuthApp(name="a", provider="microsoft", client_id="x"))
    assert known.token == "https://login.microsoftonline.com/common/oauth2/v2.0/token"
    assert "offline_access" in known.scope
    ours = OAuthApp(name="a", provider="microsoft", client_id="x", directory="d-1", token="https://t.example/")
    assert endpoints_of(ours).token == "https://t.example/"
    assert endpoints_of(ours).authorize == "https://login.microsoftonline.com/d-1/oauth2/v2.0/authorize"
    google = endpoints_of(OAuthApp(name="g", provider="google", client_id="x"))
    assert google.consent == {"access_type": "offline", "prompt": "consent"}
    assert (google.device, google.application_scope) == ("", "")


def test_a_secret_comes_from_a_file_or_the_environment(tmp_path, monkeypatch):
    app = OAuthApp(name="my-app", provider="google", client_id="x")
    assert secret_of(app) == ""
    monkeypatch.setenv("RELAY_SECRET_OAUTH_MY_APP", "from-environment")
    assert secret_of(app) == "from-environment"
    (tmp_path / "secret").write_text("from-file\n")
    named = OAuthApp(name="my-app", provider="google", client_id="x", client_secret_file=str(tmp_path / "secret"))
    assert secret_of(named) == "from-file"
