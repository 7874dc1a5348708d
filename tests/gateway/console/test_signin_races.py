"""A password is set anew because somebody else knows the old one: what is under way with the old one is refused."""

import asyncio
import json
import threading
from collections.abc import Callable
from functools import partial

import pytest
from argon2 import PasswordHasher

from gateway.console import own_account, proofs, signin
from gateway.console.accounts import Check, check, store_hash
from gateway.console.sessions import SessionStore
from gateway.store import access
from gateway.store.database import reader
from gateway.store.writer import Tx
from tests.brokers import PATIENCE_S
from tests.gateway.console.house import PASSWORD, House, sign_in

SAFE = "set by the administrator"
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(SAFE)
THEIRS = "a password of an intruder"

RESET: Callable[[Tx], object] = partial(store_hash, carer="nora", password_hash=_HASH, by="sam")
REMOVED: Callable[[Tx], object] = partial(access.remove, carer="nora", by="sam")


class Slow:
    """Checks a password as usual, and waits with the answer until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, password_hash: str | None, password: str) -> Check:
        found = check(password_hash, password)
        self.begun.set()
        assert self.go.wait(PATIENCE_S)
        return found


@pytest.mark.parametrize("meanwhile", [RESET, REMOVED])
async def test_a_sign_in_with_the_old_password_under_way_becomes_no_session(
    house: House, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Tx], object]
) -> None:
    slow = Slow()
    monkeypatch.setattr(signin, "check", slow)
    async with house.client() as client:
        trying = asyncio.create_task(sign_in(client, "nora"))
        await asyncio.to_thread(slow.begun.wait, PATIENCE_S)
        await house.writer.write(meanwhile)
        slow.go.set()
        assert (await trying).status_code == 401
        assert (await client.get("/api/alerts")).status_code == 401
    assert house.ask("SELECT carer FROM sessions") == []
    assert house.ask("SELECT action FROM audit WHERE action LIKE 'session.%' AND who = 'nora'") == [
        ("session.refused",)
    ]


async def test_a_change_of_the_old_password_under_way_does_not_take_the_new_one_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow()
    async with house.signed_in() as client:
        monkeypatch.setattr(own_account, "check", slow)
        wanted = {"old": PASSWORD, "new": THEIRS, "revoke_tokens": True}
        trying = asyncio.create_task(client.post("/api/account/password", json=wanted))
        await asyncio.to_thread(slow.begun.wait, PATIENCE_S)
        await house.writer.write(RESET)
        slow.go.set()
        assert (await trying).status_code == 401
    assert house.ask("SELECT password_hash FROM accounts WHERE carer = 'nora'") == [(_HASH,)]
    assert house.ask("SELECT carer FROM sessions") == []


async def test_of_two_changes_with_the_same_old_password_one_is_done(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.signed_in() as client:
        slow, wanted = Slow(), {"old": PASSWORD, "revoke_tokens": True}
        monkeypatch.setattr(own_account, "check", slow)
        first = asyncio.create_task(client.post("/api/account/password", json={**wanted, "new": THEIRS}))
        await asyncio.to_thread(slow.begun.wait, PATIENCE_S)
        monkeypatch.setattr(own_account, "check", check)
        assert (await client.post("/api/account/password", json={**wanted, "new": SAFE})).status_code == 200
        slow.go.set()
        answer = await first
        assert (answer.status_code, answer.json()["detail"][:26]) == (422, "Your old password is wrong")
    async with house.client() as client:
        assert (await sign_in(client, "nora", SAFE)).status_code == 303


@pytest.mark.parametrize(
    ("proof", "taken"),
    [
        (proofs.by_passkey("k1"), "DELETE FROM passkeys"),
        (proofs.by_identity("https://id.example", "s"), "DELETE FROM identities"),
        (proofs.by_passkey("k1"), "UPDATE passkeys SET carer = 'bo'"),
        (None, "DELETE FROM accounts WHERE carer = 'nora'"),
        (["something"], "UPDATE accounts SET changed_at = changed_at"),
    ],
)
async def test_a_session_begins_only_with_what_still_opens(house: House, proof: list[str] | None, taken: str) -> None:
    def given(tx: Tx) -> None:
        tx.db.execute("INSERT INTO passkeys VALUES ('k1', 'nora', x'00', 0, 'phone', 1, NULL)")
        tx.db.execute(
            "INSERT INTO identities (issuer, subject, carer, shown, linked_by, linked_at)"
            " VALUES ('https://id.example', 's', 'nora', '', 'nora', 1)"
        )

    await house.writer.write(given)
    [(stored,)] = house.ask("SELECT password_hash FROM accounts WHERE carer = 'nora'")
    data = json.dumps({"carer": "nora", "mark": "m", proofs.PROOF: proof or proofs.by_password(stored)})
    db = reader(house.path)
    try:
        store = SessionStore(lambda: db, house.writer, house.clock)
        await store.set("before", data)
        assert await store.exists("before") == (proof != ["something"])
        assert proofs.PROOF not in (await store.get("before") or b"").decode()
        await house.writer.write(lambda tx: tx.db.execute(taken) and None)
        await store.set("after", data)
        assert not await store.exists("after")
    finally:
        db.close()
