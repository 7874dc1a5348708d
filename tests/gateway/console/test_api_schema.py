"""The JSON API as strangers' programs use it: whatever fits its description, or does not, is answered as described."""

import asyncio
import sys
from pathlib import Path

import pytest

from gateway.console import tokens
from gateway.console.tokens import Scope
from tests.gateway.console.living import LivingHouse

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
PATIENCE_S = 240


@pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="schemathesis is not installed")
async def test_every_operation_answers_as_it_is_described(tmp_path: Path) -> None:
    house = LivingHouse(tmp_path)
    await house.start()
    try:
        await house.raise_alert()
        token = await house.writer.write(
            lambda tx: tokens.make(tx, "sam", name="test", scopes=list(Scope), days=1, by="sam")
        )
        run = await asyncio.create_subprocess_exec(
            SCHEMATHESIS, "run", f"{house.url}/api/schema/openapi.json", "-H", f"Authorization: Bearer {token}",
            "--phases", "fuzzing", "--max-examples", "3", "--seed", "1", "--checks", CHECKS, "--no-color",
            "--continue-on-failure", "--generation-database", "none",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await run.communicate()
        assert run.returncode == 0, said.decode()[-6000:]
        assert "Selected:" in said.decode()
    finally:
        await house.stop()


async def test_a_refusal_is_a_problem_at_every_operation(tmp_path: Path) -> None:
    house = LivingHouse(tmp_path)
    await house.start()
    await house.give_passwords()
    try:
        async with house.client() as stranger, house.signed_in("rita") as client:
            for form in ("json", "yaml"):
                assert (await stranger.get(f"/api/schema/openapi.{form}")).status_code == 401
                first, again = [await client.get(f"/api/schema/openapi.{form}") for _ in range(2)]
                assert first.content == again.content
            schema = (await client.get("/api/schema/openapi.json")).json()
    finally:
        await house.stop()
    operations = [one for item in schema["paths"].values() for one in item.values() if isinstance(one, dict)]
    assert len(operations) > 50
    refused = [list(one["responses"]["default"]["content"]) for one in operations]
    assert refused == [["application/problem+json"]] * len(operations)
    assert set(schema["components"]["schemas"]["Problem"]["required"]) == {"type", "title", "status", "detail"}
    needs = {one["operationId"]: one["security"][0] for one in operations}
    assert needs["openAlerts"] == {"token": ["read"]}
    assert needs["answerAlert"] == {"token": ["answer"]}
    assert needs["shelve"] == {"token": ["write"]}
    assert needs["makeToken"] == needs["users"] == {"session": []}
    assert set(schema["components"]["securitySchemes"]) == {"token", "session"}
    assert all(one["summary"] and one["operationId"] for one in operations)
    assert len(needs) == len(operations), "each has a name of its own"
