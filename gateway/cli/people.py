"""``telecare simulate provider | carers``: a messaging provider and carers, to try a gateway without telephones."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.common import ERR, fail, print_json

if TYPE_CHECKING:
    from simulators.carer import Carer

_HostOption = Annotated[str, typer.Option("--listen", help="Address to listen at.")]
_SeedOption = Annotated[int, typer.Option("--seed", help="The same seed behaves alike.")]
_SpeedOption = Annotated[float, typer.Option("--speed", min=0.001, help="Carers' seconds in a real one.")]
_ForOption = Annotated[float | None, typer.Option("--for", help="Real seconds; without it until Ctrl+C.")]


def provider(
    *,
    listen: _HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0: a free one.")] = 8090,
    seed: _SeedOption = 1,
    speed: _SpeedOption = 1.0,
    fates: Annotated[
        str, typer.Option("--fates", help="What happens to messages, with weights: taken=8,hanging=1,throttling=1.")
    ] = "taken",
    retry_after: Annotated[int, typer.Option("--retry-after", min=0, help="Seconds that throttling asks for.")] = 30,
    carer: Annotated[
        list[str] | None, typer.Option("--carer", help="Who has a telephone: +35679000000=answers; may be repeated.")
    ] = None,
    inbound: Annotated[
        str, typer.Option("--inbound", help="Where answers by SMS go: {base_url}/sms/{secret} of the gateway.")
    ] = "",
    duration: _ForOption = None,
) -> None:
    """Be a provider of SMS (/sms), calls (/voice) and push (/push); prints each message as a JSON line."""
    from simulators.messaging import Conduct, Message, Messaging
    from simulators.pace import Pace, wall_now
    from simulators.ways import Telephones

    conduct = Conduct(weights=_weights(fates), retry_after_s=retry_after)
    people = _carers(carer or [], seed, speed)
    if people and not inbound:
        ERR.print("Without --inbound nobody answers by SMS, only by the keys of a call.")

    async def play() -> None:
        telephones = Telephones(people, inbound_url=inbound)

        async def on_message(message: Message) -> None:
            print_json(message)
            await telephones.ring(message)

        rng = Random(seed)  # noqa: S311 - a simulation
        one = Messaging(rng=rng, conduct=conduct, pace=Pace(wall_now(), speed=speed), on_message=on_message)
        telephones.provider = one
        async with one.running(host=listen, port=port) as base:
            ERR.print(
                f"The provider is at {base}/sms, {base}/voice and {base}/push; docs/simulators.md has the settings."
            )
            await _wait(duration)
            await telephones.stop()
        ERR.print(f"{len(one.attempts)} requests, {len(one.messages)} taken over, {len(one.receipts)} receipts.")
        for visit in telephones.visits:
            print_json(visit)

    _run(play)


def carers(
    *,
    pager: Annotated[
        list[str] | None, typer.Option("--pager", help="Who answers at the broker: nora=answers; may be repeated.")
    ] = None,
    desk: Annotated[
        str | None, typer.Option("--desk", help="Receive webhooks, and answer by their links: late.")
    ] = None,
    chat: Annotated[
        list[str] | None, typer.Option("--chat", help="Be a chat service; whose chat: 1234=mixed; may be repeated.")
    ] = None,
    listen: _HostOption = "127.0.0.1",
    desk_port: Annotated[int, typer.Option("--desk-port", min=0, max=65535, help="Port of the desk.")] = 8091,
    chat_port: Annotated[int, typer.Option("--chat-port", min=0, max=65535, help="Port of the chat service.")] = 8092,
    site: Annotated[str, typer.Option("--site", help="The care centre's id.")] = "haven",
    topic: Annotated[
        str, typer.Option("--topic", help="Where pagers are told; blanks: {site} {carer}.")
    ] = "telecare/{site}/alert/+",
    host: Annotated[str, typer.Option("--host", help="The broker.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The broker's port.")] = 1883,
    username: Annotated[str | None, typer.Option("--username", help="User name at the broker; blank: {carer}.")] = None,
    password_file: Annotated[Path | None, typer.Option("--password-file", help="File that holds the password.")] = None,
    seed: _SeedOption = 1,
    speed: _SpeedOption = 1.0,
    duration: _ForOption = None,
) -> None:
    """Be carers who answer, ignore, decline or come late; prints what they did as JSON lines at the end."""
    from simulators.desk import Desk
    from simulators.link import Broker, Reached
    from simulators.ways import Chat, Pager

    if not (pager or desk or chat):
        raise fail("Expected at least one of --pager, --desk and --chat.")
    password = None
    if password_file is not None:
        try:
            password = password_file.read_text("utf-8").strip()
        except OSError as error:
            raise fail(f"--password-file: {password_file}: {error.strerror}") from error
    with_pagers = _carers(pager or [], seed, speed)
    with_chats = _carers(chat or [], seed, speed)
    if wrong := [name for name in with_chats if not name.isdecimal()]:
        raise fail(f"--chat: {wrong[0]}: expected the number of a chat")
    at_desk = _carers([f"desk={desk}"], seed, speed)["desk"] if desk else None

    async def play() -> None:
        told: list[Callable[[], list[Any]]] = []
        async with contextlib.AsyncExitStack() as stack:
            if at_desk is not None:
                one = Desk(at_desk)
                url = await stack.enter_async_context(one.running(host=listen, port=desk_port))
                ERR.print(f"The desk takes webhooks at {url}")
                told.append(lambda: one.visits)
            if with_chats:
                service = Chat({int(name): each for name, each in with_chats.items()})
                url = await stack.enter_async_context(service.running(host=listen, port=chat_port))
                ERR.print(f'The chat service is at {url}: [channels.telegram] server = "{url}"')
                told.append(lambda: service.visits)
            for name, each in with_pagers.items():
                user = username.replace("{carer}", name) if username else None
                broker = Broker(host=host, port=port, username=user, password=password)
                wanted = topic.replace("{site}", site).replace("{carer}", name)
                device = Pager(broker, site=site, carer_id=name, carer=each, topic=wanted)
                if await device.start_listening() is Reached.AWAY:
                    await device.stop_listening()
                    raise fail(f"No broker answers at {host}:{port}: start it, or name another.", code=1)
                stack.push_async_callback(device.stop_listening)
                told.append(lambda device=device: device.visits)  # type: ignore[misc]
            await _wait(duration)
        for visits in told:
            for visit in visits():
                print_json(visit)

    _run(play)


async def _wait(seconds: float | None) -> None:
    await asyncio.sleep(seconds if seconds is not None else 10**9)


def _run(play: Callable[[], Any]) -> None:
    from simulators.errors import SimulatorError

    try:
        asyncio.run(play())
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except SimulatorError as error:
        raise fail(str(error), code=1) from error
    except OSError as error:
        raise fail(f"--port: can't listen there: {error.strerror or error}", code=1) from error


def _carers(texts: list[str], seed: int, speed: float) -> dict[str, "Carer"]:
    """Carers by name, from ``name=character``."""
    from simulators.carer import CHARACTERS, Carer, Character
    from simulators.pace import Pace, wall_now

    found: dict[str, Carer] = {}
    for text in texts:
        name, _, word = text.partition("=")
        if not name or word not in set(Character):
            raise fail(f"{text}: expected a name, =, and one of {', '.join(Character)}")
        rng = Random(f"{seed}/{name}")  # noqa: S311 - a simulation
        found[name] = Carer(rng=rng, manners=CHARACTERS[Character(word)], pace=Pace(wall_now(), speed=speed))
    return found


def _weights(text: str) -> dict[Any, float]:
    from simulators.messaging import Fate

    found: dict[Fate, float] = {}
    for part in text.split(","):
        name, _, weight = part.strip().partition("=")
        try:
            found[Fate(name)] = float(weight or 1)
        except ValueError:
            raise fail(f"--fates: {part.strip()}: expected a weight for some of {', '.join(Fate)}: taken=8") from None
    if not all(weight >= 0 for weight in found.values()) or not sum(found.values()) > 0:
        raise fail(f"--fates: {text}: expected weights of 0 or more, not all of them 0")
    return found
