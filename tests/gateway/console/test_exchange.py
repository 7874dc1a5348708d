"""Files that are brought in: damaged ones, ones that name what is none of their business, and endless ones."""

import io
import zipfile
from collections.abc import Mapping
from html import unescape
from pathlib import Path

import httpx
import pytest

from gateway.console import exchange
from gateway.errors import CentreError
from tests.gateway.console.house import DOCUMENT, field
from tests.gateway.console.living import LivingHouse
from tests.gateway.console.test_admin import submit

TOML = exchange.as_toml(dict(DOCUMENT))
SECRET = "TOP SECRET"  # of somebody else


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return out.getvalue()


def damaged(upload: bytes, begin: int = 45, end: int = 200) -> bytes:
    return upload[:begin] + bytes(one ^ 0x5A for one in upload[begin:end]) + upload[end:]


def naming(name: str) -> dict[str, bytes]:
    """A centre file for each place where a file can be named."""
    return {
        "zones": TOML.replace(b"[centre]\n", f'[centre]\nzones = "{name}"\n'.encode()),
        "photo": TOML.replace(b'name = "Carmen Vella"\n', f'name = "Carmen Vella"\nphoto = "{name}"\n'.encode()),
        "calendar": TOML + f'\n[[calendars]]\nid = "c"\nfile = "{name}"\n'.encode(),
    }


METHODS = {"deflate": zipfile.ZIP_DEFLATED, "lzma": zipfile.ZIP_LZMA, "bzip2": zipfile.ZIP_BZIP2}
UNREADABLE = {
    **{f"{name} damaged": damaged(packed({"centre.toml": TOML}, method)) for name, method in METHODS.items()},
    "lzma header": damaged(packed({"centre.toml": TOML}, zipfile.ZIP_LZMA), 41, 50),
    "lzma end": damaged(packed({"centre.toml": TOML}, zipfile.ZIP_LZMA), 300, 310),
    "half": packed({"centre.toml": TOML})[:200],
    "PK": b"PK",
    "long name": packed({"x" * 300 + ".toml": TOML}),
    "digits": b"a = " + b"9" * 10_000,
    "hex": b"a = 0x" + b"f" * 10_000,
    "deep": b"a = " + b"[" * 100_000,
    "two folders": packed({"a/centre.toml": TOML, "b\\centre.toml": TOML}),
    "none": packed({"centre.txt": TOML}),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_can_not_be_read_is_an_answer(name: str) -> None:
    with pytest.raises(CentreError) as caught:
        exchange.unpacked(UNREADABLE[name])
    if name == "two folders":
        assert "a/centre.toml and b" in str(caught.value)


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_what_can_be_read(method: int) -> None:
    mac = {"house/centre.toml": b"\xef\xbb\xbf" + TOML, "__MACOSX/house/._centre.toml": b"x", "house/.DS_Store": b"x"}
    assert exchange.unpacked(packed(mac, method))["centre"]["id"] == "haven"


@pytest.mark.parametrize("where", ["zones", "photo", "calendar"])
def test_no_file_of_the_gateway_can_be_named(tmp_path: Path, where: str) -> None:
    secret = tmp_path / "secret.ics"
    secret.write_text(SECRET)
    for name in (str(secret), "../" * 20 + str(secret)[1:], "/dev/zero", "centre.toml", "/proc/self/cmdline"):
        toml = naming(name)[where]
        alone, beside = packed({"centre.toml": toml}), packed({"centre.toml": toml, "other.ics": b""})
        for upload, expected in ((toml, "a ZIP with all"), (alone, "a ZIP with all"), (beside, "in the ZIP")):
            with pytest.raises(CentreError) as caught:
                exchange.unpacked(upload)
            [problem] = caught.value.problems
            assert SECRET not in str(problem)
            assert ("JPEG" if where == "photo" else expected) in problem.expected


async def upload(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    form = await client.get("/admin/exchange")
    token = field(form.text, "_csrf_token")
    return await client.post("/admin/exchange", data={"_csrf_token": token}, files={"file": ("centre.toml", body)})


async def test_a_page_and_the_api_say_what_is_wrong_and_no_more_than_can_be_read(home: LivingHouse) -> None:
    many = "".join(f'[[residents]]\nid = "q{n}"\nname = "Q"\nroom = "1"\n' for n in range(1000))
    async with home.signed_in("sam") as sam:
        for name in ("lzma damaged", "digits", "two folders"):
            assert (await upload(sam, UNREADABLE[name])).status_code == 422, name
        page = await upload(sam, TOML + many.encode())
        assert page.status_code == 422
        assert page.text.count("expected a [[care_plans]]") == 200
        assert "and 800 more" in unescape(page.text)
        document = home.newest()
        document["residents"] += [{"id": f"q{n}", "name": "Q", "room": "1"} for n in range(1000)]
        checked = (await sam.post("/api/centre/check", json=document)).json()
        assert (len(checked["problems"]), checked["more"]) == (200, 800)
        put = await sam.put(
            "/api/centre", json=document, headers={"If-Match": (await sam.get("/api/centre")).headers["etag"]}
        )
        assert (put.status_code, len(put.json()["problems"]), put.json()["more"]) == (422, 200, 800)
        document = home.newest() | {"calendars": [{"id": "c", "file": "/etc/hostname"}]}
        problems = (await sam.post("/api/centre/check", json=document)).json()["problems"]
        assert "calendars[0].file" in {problem["key"] for problem in problems}  # no key of a document


async def test_a_device_is_not_brought_in_twice_in_other_capitals(home: LivingHouse) -> None:
    async with home.signed_in("sam") as sam:
        for address, status in (("BUTTON-1", 422), ("BUTTON-2", 303)):
            answer = await submit(sam, "/admin/pair/device", type="sos_button", format="native", address=address)
            assert answer.status_code == status, address
            assert ("This device is here already." in answer.text) is (status == 422)
