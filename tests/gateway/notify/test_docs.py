"""What the documents say is what the program does."""

import re
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from gateway.alerts.model import Purpose
from gateway.clock import SystemClock
from gateway.notify.channel import PermanentFailure
from gateway.notify.channels.mqtt import Body as MqttBody
from gateway.notify.channels.webhook import Data
from gateway.notify.states import State
from tests.gateway.notify.conftest import outgoing
from tests.gateway.notify.test_channels import SECRET, webhook

DOCS = Path(__file__).parents[3] / "docs"
WEBHOOK = (DOCS / "webhook.md").read_text("utf-8")
NOTIFICATIONS = (DOCS / "notifications.md").read_text("utf-8")


async def test_the_example_of_a_receiver_works(httpserver: HTTPServer) -> None:
    [example] = re.findall(r"```python\n(.*?)```", WEBHOOK, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, "webhook.md", "exec"), names)
    got: list[Any] = []

    def receive(request: Request) -> Response:
        headers = {key.lower(): value for key, value in request.headers.items()}
        status, data = names["receive"](request.get_data(), headers, SECRET)
        got.append((status, data))
        forged = names["receive"](request.get_data() + b" ", headers, SECRET)
        got.append(forged)
        return Response(status=status)

    httpserver.expect_request("/").respond_with_handler(receive)
    channel = webhook("localhost")
    message = outgoing(SystemClock(), httpserver.url_for("/"))
    await channel.send(message)
    await channel.send(message)
    await channel.close()
    assert [status for status, _ in got] == [200, 401, 200, 401]
    assert got[0][1]["link"] == message.link
    assert got[2][1] is None, "the second time it is known"


def test_every_field_purpose_and_state_is_documented() -> None:
    for field in Data.__struct_fields__:
        assert f'"{field}"' in WEBHOOK
        assert f"`{field}`" in WEBHOOK
    for purpose in Purpose:
        assert f"`{purpose}`" in WEBHOOK
    for state in State:
        assert f"| {state} |" in NOTIFICATIONS
    [fields] = re.findall(r"payload is JSON: `(.*?)`", NOTIFICATIONS, re.DOTALL)
    assert fields.split() == list(MqttBody.__struct_fields__)


async def test_addresses_with_passwords_are_refused_as_documented() -> None:
    with pytest.raises(PermanentFailure):
        await webhook().send(outgoing(SystemClock(), "https://a:b@example.org/"))
