"""Plain data of the export -> HL7 FHIR R4 resources as plain data. Codes are LOINC and units UCUM where they exist.

Source: https://hl7.org/fhir/R4/ ; LOINC codes of the vital signs profile (https://hl7.org/fhir/R4/observation-vitalsigns.html),
93832-4 sleep duration, 59284-0 consent document. What has no code there is named in words (CodeableConcept.text).
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"

Resource = dict[str, Any]

# field -> (LOINC code or None, words, UCUM unit, category)
_QUANTITIES: Final[dict[str, dict[str, tuple[str | None, str, str, str]]]] = {
    "vitals": {
        "heart_rate_bpm": ("8867-4", "Heart rate", "/min", "vital-signs"),
        "respiratory_rate_bpm": ("9279-1", "Respiratory rate", "/min", "vital-signs"),
        "spo2_percent": ("2708-6", "Oxygen saturation in Arterial blood", "%", "vital-signs"),
        "temperature_c": ("8310-5", "Body temperature", "Cel", "vital-signs"),
    },
    "sleep": {
        "movement_percent": (None, "Movement in bed", "%", "activity"),
        "score": (None, "Sleep score of the device", "{score}", "activity"),
    },
    "continence": {"saturation_percent": (None, "Saturation of the continence product", "%", "survey")},
    "motion": {"steps": ("55423-8", "Number of steps in unspecified time Pedometer", "{steps}", "activity")},
    "status": {"battery_percent": (None, "Battery of the device", "%", "survey")},
}
_BOOLEANS: Final = {
    "bed": {"in_bed": ("In bed", "activity")},
    "sleep": {"asleep": ("Asleep", "activity")},
    "room": {"present": ("Present in the room", "activity")},
    "motion": {"moving": ("Moving", "activity")},
}
_STRINGS: Final = {
    "help": {"phase": ("Call for help", "survey")},
    "fall": {"phase": ("Fall, as the device says", "survey")},
    "sleep": {"stage": ("Sleep stage", "activity")},
    "continence": {"state": ("State of the continence product", "survey")},
    "room": {"room": ("Room", "activity")},
    "motion": {"posture": ("Posture", "activity")},
}
_SEVERITY: Final = {"high": "high", "medium": "moderate", "low": "low"}
_SENT: Final = {
    "sent": "completed", "delivered": "completed", "read": "completed", "failed_for_good": "stopped",
    "withdrawn": "not-done",
}  # fmt: skip


def urn(site: str, kind: str, name: object) -> str:
    """A resource's address within the bundle: always the same for the same thing."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'telecare/{site}/{kind}/{name}')}"


def patient(site: str, person: Resource) -> Resource:
    """The person."""
    entry = person["resident"]
    made: Resource = {
        "resourceType": "Patient",
        "id": _id(entry["id"]),
        "identifier": [{"system": f"urn:telecare:{site}", "value": entry["id"]}],
        "active": True,
        "name": [{"use": "usual", "text": entry["name"]}],
    }
    head, comma, data = entry.get("photo", "").partition(",")
    if comma:
        made["photo"] = [{"contentType": head.removeprefix("data:").removesuffix(";base64"), "data": data}]
    return made


def devices(site: str, person: Resource) -> Iterator[tuple[str, Resource]]:
    """Device and, for each time in which the person had it, DeviceUseStatement; with their addresses."""
    subject = {"reference": urn(site, "Patient", person["resident"]["id"])}
    for one in person["devices"]:
        made: Resource = {
            "resourceType": "Device",
            "id": _id(one["id"]),
            "identifier": [{"system": f"urn:telecare:{site}:device", "value": one["id"]}],
            "type": {"text": one["type"]},
        }
        if one.get("model"):
            made["modelNumber"] = one["model"]
        yield urn(site, "Device", one["id"]), made
    for number, one in enumerate(person["assignments"]):
        period = {"start": one["from"]} | ({"end": one["to"]} if one.get("to") else {})
        yield (
            urn(site, "DeviceUseStatement", f"{one['device']}/{one['from']}"),
            {
                "resourceType": "DeviceUseStatement",
                "id": f"use-{number}",
                "status": "completed" if one.get("to") else "active",
                "subject": subject,
                "timingPeriod": period,
                "device": {"reference": urn(site, "Device", one["device"])},
            },
        )


def observations(site: str, subject: str, known: frozenset[str], reading: Resource) -> Iterator[Resource]:
    """What a reading measured, each value an Observation; nothing for what the device did not say.

    Args:
        site: the centre's id.
        subject: the address of the Patient.
        known: ids of the devices that are in the bundle.
        reading: a line of gateway.store.export.readings.
    """
    at = reading["observed_at"] or reading["received_at"]
    kind = reading["kind"]
    base: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"reference": subject},
        "effectiveDateTime": _time(at),
        "issued": _time(reading["received_at"]),
        "device": {"reference": urn(site, "Device", reading["device"])}
        if reading["device"] in known
        else {"display": reading["device"]},
    }
    for field, (code, words, unit, category) in _QUANTITIES.get(kind, {}).items():
        if reading.get(field) is not None:
            yield base | _about(words, category, code) | {"valueQuantity": _quantity(reading[field], unit)}
    for field, (words, category) in _BOOLEANS.get(kind, {}).items():
        if reading.get(field) is not None:
            yield base | _about(words, category) | {"valueBoolean": reading[field]}
    for field, (words, category) in _STRINGS.get(kind, {}).items():
        if reading.get(field) is not None:
            yield base | _about(words, category) | {"valueString": str(reading[field])}
    if kind == "position":
        parts = [("Longitude, WGS 84", reading["lon"], "deg"), ("Latitude, WGS 84", reading["lat"], "deg")]
        if reading.get("accuracy_m") is not None:
            parts.append(("Radius of the accuracy", reading["accuracy_m"], "m"))
        yield (
            base
            | _about("Position", "activity")
            | {
                "component": [
                    {"code": {"text": words}, "valueQuantity": _quantity(v, unit)} for words, v, unit in parts
                ]
            }
        )
    if kind == "sleep" and reading.get("start") and reading.get("end"):
        start, end = datetime.fromisoformat(reading["start"]), datetime.fromisoformat(reading["end"])
        hours = round((end - start).total_seconds() / 3600, 3)
        night = {key: value for key, value in base.items() if key != "effectiveDateTime"}
        yield (
            night
            | _about("Sleep duration", "activity", "93832-4")
            | {"effectivePeriod": {"start": _time(start), "end": _time(end)}, "valueQuantity": _quantity(hours, "h")}
        )


def consent(subject: str, number: int, at: datetime, agreed: Resource, how: str) -> Resource:
    """What the person agreed to from a time on; ``agreed`` is gateway.centre.model.Consents as plain data."""
    location = agreed.get("location", "never")
    said = [("deny" if location == "never" else "permit", f"Location: {location}")]
    said += [
        ("permit" if agreed.get(purpose) else "deny", purpose.capitalize())
        for purpose in ("sleep", "continence", "activity", "search")
    ]
    said += [("permit", f"Relatives may see: {purpose}") for purpose in agreed.get("relatives", ())]
    code_system = "http://terminology.hl7.org/CodeSystem"
    return {
        "resourceType": "Consent",
        "id": f"consent-{number}",
        "status": "active",
        "scope": {"coding": [{"system": f"{code_system}/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": LOINC, "code": "59284-0"}]}],
        "patient": {"reference": subject},
        "dateTime": _time(at),
        "policyRule": {
            "coding": [{"system": f"{code_system}/v3-ActCode", "code": "OPTIN"}],
            "text": how or "As noted.",
        },
        "provision": {"type": "deny", "provision": [{"type": kind, "code": [{"text": text}]} for kind, text in said]},
    }


def ended(agreed: Resource, at: datetime) -> Resource:
    """A consent in whose place another one came at that time."""
    period = {"start": agreed["dateTime"], "end": _time(at)}
    return {**agreed, "status": "inactive", "provision": {**agreed["provision"], "period": period}}


def alert(site: str, subject: str, one: Resource) -> Iterator[tuple[str, Resource]]:
    """An alert as a DetectedIssue, and each message about it as a Communication."""
    address = urn(site, "DetectedIssue", one["id"])
    made: Resource = {
        "resourceType": "DetectedIssue",
        "id": f"alert-{one['id']}",
        "status": "final" if one["state"] == "closed" else "preliminary",
        "code": {"text": one["rule"]},
        "severity": _SEVERITY[one["priority"]],
        "patient": {"reference": subject},
        "identifiedDateTime": _time(one["raised_at"]),
        "detail": one["reason"]["sentence"],
    }
    if one["closed_at"]:
        text = f"{one['outcome']}: {one['note']}" if one["note"] else str(one["outcome"])
        made["mitigation"] = [{"action": {"text": text}, "date": _time(one["closed_at"])}]
    yield address, made
    for told in one["told"]:
        yield (
            urn(site, "Communication", told["id"]),
            {
                "resourceType": "Communication",
                "id": f"message-{told['id']}",
                "status": _SENT.get(told["state"], "in-progress"),
                "category": [{"text": told["purpose"]}],
                "subject": {"reference": subject},
                "about": [{"reference": address}],
                "medium": [{"text": told["channel"]}],
                "sent": _time(told["created_at"]),
                "recipient": [{"display": told["carer"]}],
            },
        )


def _about(words: str, category: str, code: str | None = None) -> Resource:
    coded = {"text": words} | ({"coding": [{"system": LOINC, "code": code, "display": words}]} if code else {})
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {"category": [{"coding": [{"system": system, "code": category}]}], "code": coded}


def _quantity(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _time(at: datetime | str) -> str:
    return at if isinstance(at, str) else at.isoformat().replace("+00:00", "Z")


def _id(text: str) -> str:
    """FHIR's ids have no underscore."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", text)[:64]
