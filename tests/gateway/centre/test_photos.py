"""Photos of residents: a small picture beside the centre file, and nothing else."""

from pathlib import Path

import pytest

from gateway.centre.load import centre_from_document, load_centre, to_document
from gateway.centre.photos import LARGEST, bytes_of
from gateway.errors import CentreError

CENTRE = """
[centre]
id = "haven"
name = "Haven House"
timezone = "Europe/Malta"
[[residents]]
id = "r01"
name = "Carmen Vella"
room = "101"
photo = "PHOTO"
[[carers]]
id = "nora"
name = "Nora Borg"
[[carers.contacts]]
channel = "log"
[[policies]]
id = "standard"
failsafe = ["nora"]
[[policies.steps]]
to = ["nora"]
wait_s = 60
[[care_plans]]
resident = "r01"
policy = "standard"
"""
JPEG, PNG, WEBP = b"\xff\xd8\xff\xe0 jpeg", b"\x89PNG\r\n\x1a\n png", b"RIFF....WEBP"


def file_in(folder: Path, data: bytes | None, name: str = "carmen.jpg") -> Path:
    if data is not None:
        (folder / "carmen.jpg").write_bytes(data)
    (folder / "centre.toml").write_text(CENTRE.replace("PHOTO", name))
    return folder / "centre.toml"


@pytest.mark.parametrize(("data", "kind"), [(JPEG, "image/jpeg"), (PNG, "image/png"), (WEBP, "image/webp")])
def test_a_photo_becomes_part_of_the_centre(tmp_path: Path, data: bytes, kind: str) -> None:
    centre = load_centre(file_in(tmp_path, data))
    photo = centre.residents[0].photo
    assert photo is not None
    assert bytes_of(photo) == (kind, data)
    (tmp_path / "carmen.jpg").unlink()  # from now on it is in the centre
    assert centre_from_document(to_document(centre)).residents[0].photo == photo
    assert load_centre(file_in(tmp_path, None, photo)).residents[0].photo == photo


@pytest.mark.parametrize(
    "data",
    [None, b"", b"<svg onload='x'/>", b"GIF89a", JPEG + b" " * LARGEST],
    ids=["none", "empty", "svg", "gif", "big"],
)
def test_what_is_no_photo(tmp_path: Path, data: bytes | None) -> None:
    with pytest.raises(CentreError, match=r"residents\[0\]\.photo.*JPEG, PNG or WebP"):
        load_centre(file_in(tmp_path, data))


@pytest.mark.parametrize(
    "url", ["data:image/png;base64,%%%", "data:text/html;base64,AAAA", "data:image/png;base64,AAAA"]
)
def test_what_is_no_data_url_of_a_photo(tmp_path: Path, url: str) -> None:
    with pytest.raises(CentreError, match="JPEG, PNG or WebP"):
        load_centre(file_in(tmp_path, None, url))
