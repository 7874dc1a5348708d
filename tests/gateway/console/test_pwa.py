"""The console as an app: manifest, service worker, the page without a connection, this phone."""

import re
import zlib
from pathlib import Path

from gateway.console import icons
from gateway.console.files import lean_script, lean_style
from gateway.console.pages import STATIC, STATIC_URL
from tests.gateway.console.house import House
from tests.gateway.console.test_push import open_push


async def test_the_manifest_names_icons_that_are_there(house: House) -> None:
    async with house.client() as client:
        answer = await client.get("/manifest.webmanifest")
        assert answer.headers["content-type"].startswith("application/manifest+json")
        found = answer.json()
        assert (found["name"], found["start_url"], found["scope"]) == ("Haven House", "/", "/")
        assert {icon["sizes"] for icon in found["icons"]} == {"any", "192x192", "512x512"}
        for icon in found["icons"]:
            picture = await client.get(icon["src"])
            assert (picture.status_code, picture.headers["content-type"]) == (200, icon["type"])


def test_the_icons_are_those_of_our_own_drawing() -> None:
    for name, size, mask in icons.ICONS:
        kept, drawn = (STATIC / name).read_bytes(), icons.draw(size, mask=mask)
        assert _pixels(kept) == _pixels(drawn), f"{name}: python -m gateway.console.icons draws it anew"


def _pixels(png: bytes) -> bytes:
    at = png.index(b"IDAT")
    return zlib.decompress(png[at + 4 : at + 4 + int.from_bytes(png[at - 4 : at], "big")])


async def test_the_service_worker_is_of_one_version(house: House) -> None:
    async with house.client() as client:
        worker = await client.get("/sw.js?lang=da")
        assert worker.headers["content-type"].startswith("text/javascript")
        assert worker.headers["cache-control"] == "no-cache"
        assert 'const LANGUAGE = "da";' in worker.text
        listed = re.findall(rf'"({STATIC_URL}/[^"]+)"', worker.text)
        assert f"{STATIC_URL}/board.js" in listed
        for file in listed:
            assert (await client.get(file)).status_code == 200, file
        shell = await client.get("/shell", params={"lang": "da", "of": STATIC_URL})
        assert '<html lang="da">' in shell.text
        assert (await client.get("/shell", params={"of": "/static/older"})).status_code == 404
        # whatever the empty page or the board asks for is among the files that are kept together
        for page in (shell.text, (await _board(house))):
            for file in re.findall(rf'(?:src|href)="({STATIC_URL}/[^"]+)"', page):
                assert file in listed, file
        for file in listed:
            if file.endswith(".js"):
                text = Path(STATIC / Path(file).name).read_text("utf-8")
                for name in re.findall(r'(?:from |import\()"\./([^"]+)"', text):
                    assert f"{STATIC_URL}/{name}" in listed, name


async def _board(house: House) -> str:
    async with house.signed_in() as nora:
        return (await nora.get("/")).text


async def test_what_is_kept_on_a_phone_is_about_nobody(house: House) -> None:
    await house.raise_alert()
    async with house.signed_in() as nora:
        for path in ("/sw.js", f"/shell?of={STATIC_URL}", "/manifest.webmanifest"):
            text = (await nora.get(path)).text
            for secret in ("Nora", "nora", "Carmen", "101", "Help pressed"):
                assert secret not in text, (path, secret)


async def test_static_files_are_sent_small(house: House) -> None:
    async with house.client() as client:
        answer = await client.get(f"{STATIC_URL}/console.css", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.text == lean_style((STATIC / "console.css").read_text("utf-8"))
        assert "/*" not in answer.text
        whole = await client.get(f"{STATIC_URL}/console.css", headers={"Accept-Encoding": "identity"})
        assert (whole.text, whole.headers.get("content-encoding")) == (answer.text, None)
        picture = await client.get(f"{STATIC_URL}/icon-192.png")
        assert picture.content == (STATIC / "icon-192.png").read_bytes()


def test_only_remarks_are_left_out_of_scripts() -> None:
    script = 'import a from "./a.js"; // why\n\n  // no\n  const url = `https://a/${b}`; // said\n  f("a // b");\n'
    assert lean_script(script) == 'import a from "./a.js";\nconst url = `https://a/${b}`;\nf("a // b");\n'
    for path in STATIC.glob("*.js"):
        for line in path.read_text("utf-8").splitlines():
            assert line.count("`") % 2 == 0, f"{path.name}: a text over several lines would be changed: {line}"
            assert "/*" not in line or "*/" in line, f"{path.name}: a comment over several lines: {line}"
    assert lean_style("a,\n b { color: red; } /* why\n */\n@media (x) { c > d:hover { top: 0; } }") == (
        "a,b{color: red;}@media (x){c > d:hover{top: 0;}}"
    )


async def test_this_phone_says_what_this_house_can_do(house: House) -> None:
    async with house.signed_in() as nora:
        html = (await nora.get("/phone")).text
        assert "This house does not send messages to browsers." in html
        assert 'id="push-on"' not in html
    await open_push(house)
    async with house.signed_in() as nora:
        html = (await nora.get("/phone")).text
        assert 'data-key="BPublic"' in html
        assert "You are not told by browser yet." in html
