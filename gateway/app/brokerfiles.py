"""Broker files for a centre: which devices sign in to the broker, and what each may say."""

import os
import stat
from pathlib import Path

from gateway.centre.model import Centre
from gateway.errors import StoreError
from gateway.ingest.broker_config import (
    ACCESS_FILE,
    CREDENTIALS_FILE,
    PASSWORD_FILE,
    BrokerPlan,
    DeviceAccess,
    broker_config,
    make_passwords,
)
from gateway.ingest.broker_users import Added, add_users
from gateway.notify.mqtt_answers import ANSWER_TOPIC, REPLY_TOPIC
from gateway.settings import Settings
from gateway.settings.load import subscriptions_of

_COMMANDS = {
    "tts": ["v3/+/devices/+/down/push"],
    "chirpstack": ["application/+/device/+/command/down"],
    "zigbee2mqtt": ["zigbee2mqtt/#"],  # names may have slashes, so /set can't be named alone
}
"""Where commands go to devices of other formats; see gateway.commands.ways."""


def plan_of(centre: Centre, settings: Settings) -> BrokerPlan:
    """Every native device signs in by itself under its address; other formats come through a bridge of their own.

    A bridge (``bridge-owntracks``, ``bridge-traccar``) may write the topics that the gateway listens to for it. Where
    answers are taken on the broker, each carer with an mqtt contact signs in too (``carer-nora``): writes their own
    answers and nobody else's, and reads the replies and what they are told. Home Assistant is a user of its own.
    """
    native = [DeviceAccess(device.address) for device in centre.devices if device.format == "native"]
    bridged = {device.format for device in centre.devices} - {"native"}
    topics: dict[str, list[str]] = {}
    for subscription in subscriptions_of(settings):
        topics.setdefault(subscription.format, []).extend(subscription.topics)
    bridges = [DeviceAccess(f"bridge-{name}", writes=tuple(topics.get(name, ()))) for name in sorted(bridged)]
    return BrokerPlan(
        site=centre.centre.id,
        devices=(*native, *bridges, *_carers(centre, settings), *_home_assistant(centre, settings)),
        gateway_writes=tuple(_written(centre, settings)),
        in_flight=settings.broker.receive_maximum,
    )


def _carers(centre: Centre, settings: Settings) -> list[DeviceAccess]:
    if not settings.channels.mqtt.answers:
        return []
    site, found = centre.centre.id, []
    for carer in centre.carers:
        told = [way.address or settings.channels.mqtt.topic for way in carer.contacts if way.channel == "mqtt"]
        if not told:
            continue
        reads = [REPLY_TOPIC.format(site=site, carer=carer.id)]
        for template in told:
            reads += _filters(template.replace("{carer}", carer.id), site)
        answer = ANSWER_TOPIC.format(site=site, carer=carer.id)
        found.append(DeviceAccess(f"carer-{carer.id}", writes=(answer,), reads=tuple(dict.fromkeys(reads))))
    return found


def _home_assistant(centre: Centre, settings: Settings) -> list[DeviceAccess]:
    """Home Assistant reads what is shown there, and answers for the one carer of its buttons."""
    there = settings.channels.mqtt.homeassistant
    if there is None:
        return []
    site = centre.centre.id
    reads = (f"{there.prefix}/#", f"{there.states.replace('{site}', site)}/#")
    # its own status, which it says at its start
    writes = [f"{there.prefix}/status"]
    if there.answers_as is not None:
        writes.append(ANSWER_TOPIC.format(site=site, carer=there.answers_as))
    return [DeviceAccess("homeassistant", writes=tuple(writes), reads=reads)]


def _filters(template: str, site: str) -> list[str]:
    """What a channel's template becomes: the topic, and what is only said for information one level below it."""
    levels = ["+" if "{" in level else level for level in template.replace("{site}", site).split("/")]
    return ["/".join(levels), "/".join([*levels, "+"])]


def _written(centre: Centre, settings: Settings) -> list[str]:
    """Topic filters that the gateway publishes to: answers to devices, alerts, and what is said below them."""
    site = centre.centre.id
    templates = [settings.channels.mqtt.topic] + [
        contact.address or settings.channels.mqtt.topic
        for carer in centre.carers
        for contact in carer.contacts
        if contact.channel == "mqtt"
    ]
    filters = [f"telecare/{site}/+/ack", f"telecare/{site}/+/command"]
    for name in sorted({device.format for device in centre.devices}):
        filters += _COMMANDS.get(name, [])
    for template in templates:
        filters += _filters(template, site)
    if settings.channels.mqtt.answers:
        filters.append(REPLY_TOPIC.format(site=site, carer="+"))
    if (there := settings.channels.mqtt.homeassistant) is not None:
        filters += [f"{there.prefix}/+/+/config", f"{there.states.replace('{site}', site)}/+"]
    return list(dict.fromkeys(filters))


def write_broker_files(folder: Path, centre: Centre, settings: Settings) -> list[Path]:
    """Write the broker's files, each readable by its owner only; returns their paths.

    Raises:
        StoreError: a file is there already (its passwords may be in use), or can't be written.
        BrokerError: a device's name can't be a user name.
    """
    plan = plan_of(centre, settings)
    texts = broker_config(plan, make_passwords(plan))
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = [name for name in texts if (folder / name).exists()]
        if there:
            raise StoreError(
                f"{folder}: has {', '.join(there)} already, and devices may use those passwords: name another folder,"
                " or let in what is new with --add."
            )
        for name, text in texts.items():
            file = folder / name
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
                out.write(text)
            written.append(file)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}: name a folder that can be written") from error
    return written


def add_to_broker_files(folder: Path, centre: Centre, settings: Settings) -> Added:
    """Let in whoever of the centre has no user yet; every password that is there stays. Who may read a file, and whose
    it is, stays too.

    Raises:
        StoreError: the files are not there, or can't be read or written.
        BrokerError: a device's name can't be a user name, or the files are not those of this gateway's broker.
    """
    try:
        there = {name: (folder / name).read_text("utf-8") for name in (PASSWORD_FILE, ACCESS_FILE)}
        if (folder / CREDENTIALS_FILE).exists():
            there[CREDENTIALS_FILE] = (folder / CREDENTIALS_FILE).read_text("utf-8")
        added = add_users(plan_of(centre, settings), there)
        for name, text in added.files.items():
            if text != there.get(name, ""):
                _replace(folder / name, text)
    except OSError as error:
        why = f"{error.strerror}: name the folder with {PASSWORD_FILE} and {ACCESS_FILE}"
        raise StoreError(f"{folder}: {why}") from error
    except UnicodeDecodeError as error:
        raise StoreError(f"{folder}: expected UTF-8 text in {PASSWORD_FILE} and {ACCESS_FILE}") from error
    return added


def _replace(file: Path, text: str) -> None:
    beside = file.with_name(file.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        if file.exists():
            old, new = file.stat(), os.fstat(out.fileno())
            if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
                os.fchown(out.fileno(), old.st_uid, old.st_gid)
            os.fchmod(out.fileno(), stat.S_IMODE(old.st_mode))
        out.flush()
        os.fsync(out.fileno())
    beside.replace(file)
