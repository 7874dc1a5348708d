import io

import numpy
import pytest
import zxingcpp
from PIL import Image, ImageFilter

from gateway.console.pairing import known_as, named_already, read_label
from gateway.console.qr import codes_in
from tests.gateway.console.house import field
from tests.gateway.console.living import LivingHouse


@pytest.mark.parametrize(
    ("code", "kind", "address", "formats"),
    [
        ("LW:D0:1122334455667788:AABBCCDDEEFF0011:AABB1122", "lorawan", "aabbccddeeff0011", ("chirpstack", "tts")),
        ("urn:lw:d0:1122334455667788:aabbccddeeff0011:aabb1122:OABC:S12:PX:CAF2C", "lorawan", "aabbccddeeff0011",
         ("chirpstack", "tts")),
        ("AA-BB-CC-DD-EE-FF-00-11", "dev_eui", "aabbccddeeff0011", ("chirpstack", "tts", "zigbee2mqtt")),
        ("49 015420 323751 8", "imei", "490154203237518", ("traccar",)),
        ("490154203237519", "serial", "490154203237519", ()),
        ("0x00158d0001234567", "zigbee", "0x00158d0001234567", ("zigbee2mqtt",)),
        ("00:15:8D:00:12:34", "mac", "00158d001234", ()),
        ("SOS-1234", "serial", "SOS-1234", ()),
    ],
)  # fmt: skip
def test_a_label_is_read(code: str, kind: str, address: str, formats: tuple[str, ...]) -> None:
    label = read_label(code)
    assert label is not None
    assert (label.kind, label.addresses[0], label.formats) == (kind, address, formats)


def test_the_parts_of_a_lorawan_label() -> None:
    label = read_label("LW:D0:1122334455667788:AABBCCDDEEFF0011:AABB1122:SYY42")
    assert label is not None
    assert (label.join_eui, label.dev_eui, label.vendor, label.serial) == (
        "1122334455667788", "AABBCCDDEEFF0011", "AABB", "YY42"
    )  # fmt: skip


@pytest.mark.parametrize("code", ["", "  ", "x" * 301, "two words", "line\x00break"])
def test_what_is_no_label(code: str) -> None:
    assert read_label(code) is None


def test_a_device_that_is_here_is_found_however_it_is_written() -> None:
    label = read_label("AABBCCDDEEFF0011")
    assert label is not None
    device = {"id": "d1", "format": "tts", "address": "eui-AABBCCDDEEFF0011"}
    assert known_as(label, {"devices": [{"id": "d0", "address": "other"}, device]}) == device
    assert known_as(label, {"devices": []}) is None


def test_serial_numbers_that_differ_in_a_point_are_two_devices() -> None:
    document = {"devices": [{"id": "b1", "format": "native", "address": "SOS-1.11"}]}
    for code, same in (("SOS-11.1", False), ("SOS-111", False), ("sos-1.11", True)):
        label = read_label(code)
        assert label is not None
        assert (known_as(label, document) is not None) is same, code


def test_a_device_that_is_typed_in_other_capitals_is_the_same() -> None:
    document = {"devices": [{"id": "b1", "format": "native", "address": "button-1"}]}
    assert named_already("native", "BUTTON-1", document) == document["devices"][0]
    assert named_already("native", "button-11", document) is None
    assert named_already("owntracks", "button-1", document) is None


def photo(text: str, kind: str = "JPEG") -> bytes:
    """A label as a phone takes it: askew, a little blurred, somewhere in the picture, turned by its EXIF mark."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image(scale=8)
    label = (
        Image.fromarray(numpy.array(code)).convert("RGB").resize((600, 600)).rotate(11, expand=True, fillcolor="#999")
    )
    whole = Image.new("RGB", (3000, 2000), "#999")
    whole.paste(label, (1700, 500))
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    whole.filter(ImageFilter.GaussianBlur(1.5)).save(out, kind, exif=exif)
    return out.getvalue()


LABEL = "LW:D0:1122334455667788:AABBCCDDEEFF0011:AABB1122"


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_code_is_found_in_a_photo(kind: str) -> None:
    assert codes_in(photo(LABEL, kind)) == [LABEL]


def test_what_has_no_code_or_is_no_picture() -> None:
    blank, huge = io.BytesIO(), io.BytesIO()
    Image.new("L", (400, 300), 200).save(blank, "PNG")
    Image.new("1", (9_000, 7_000)).save(huge, "PNG")  # some kilobytes that claim 63 million pixels
    for bad in (b"", b"no picture", photo(LABEL)[:3000], blank.getvalue(), huge.getvalue()):
        assert codes_in(bad) == []


async def test_a_photo_of_a_label_leads_to_the_device(home: LivingHouse) -> None:
    async with home.signed_in("ada") as ada:
        token = field((await ada.get("/admin/pair")).text, "_csrf_token")
        for body, status, words in ((photo(LABEL), 303, ""), (b"none", 422, "No code was found in that picture.")):
            sent = await ada.post(
                "/admin/pair/photo", data={"_csrf_token": token}, files={"picture": ("label.jpg", body, "image/jpeg")}
            )
            assert sent.status_code == status, sent.text
            assert words in sent.text
            if status == 303:
                assert "address=aabbccddeeff0011" in (await ada.get(sent.headers["location"])).headers["location"]
    async with home.signed_in("nora") as nora:
        refused = await nora.post("/admin/pair/photo", files={"picture": ("label.jpg", b"x", "image/jpeg")})
        assert refused.status_code in {401, 403}
