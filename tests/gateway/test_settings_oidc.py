"""[console.oidc] of gateway.toml: what is taken, what is refused, and that the secret stays one."""

from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.settings import load_settings
from gateway.settings.oidc import Oidc, is_safe

LEAST = '[console.oidc]\nissuer = "https://login.example.org/realms/care"\nclient_id = "telecare"\n'


def loaded(folder: Path, text: str, env: dict[str, str] | None = None) -> Oidc:
    path = folder / "gateway.toml"
    path.write_text(text, "utf-8")
    oidc = load_settings(path, env or {}).console.oidc
    assert oidc is not None
    return oidc


def problems(folder: Path, text: str) -> dict[str, tuple[str, str]]:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, text)
    return {
        problem.key.removeprefix("console.oidc."): (problem.value, problem.expected)
        for problem in caught.value.problems
    }


def test_little_is_enough_and_nobody_is_linked_by_a_claim(tmp_path: Path) -> None:
    oidc = loaded(tmp_path, LEAST)
    assert (oidc.client_secret, oidc.claim, oidc.name) == (None, None, "OpenID Connect")
    assert oidc.scopes == ("openid", "profile", "email")
    path = tmp_path / "gateway.toml"
    path.write_text("", "utf-8")
    assert load_settings(path, {}).console.oidc is None


def test_the_secret_comes_from_a_file_or_a_variable(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n", "utf-8")
    (tmp_path / "ca.pem").write_text("", "utf-8")
    by_file = loaded(tmp_path, LEAST + 'client_secret_file = "key"\nca = "ca.pem"\n')
    by_variable = loaded(tmp_path, LEAST + 'client_secret_env = "OIDC"\n', {"OIDC": "from a variable"})
    for oidc, secret in ((by_file, "from a file"), (by_variable, "from a variable")):
        assert oidc.client_secret is not None
        assert oidc.client_secret.get_secret_value() == secret
        assert secret not in repr(oidc) + oidc.model_dump_json()
    assert by_file.ca == tmp_path / "ca.pem"


def test_every_mistake_is_told_at_once_and_no_secret_with_it(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        '[console.oidc]\nissuer = "http://login.example.org"\nclient_secret = "hush"\nnam = "x"\n'
        'scopes = ["email"]\nclaim = "two words"\nca = "nowhere.pem"\ntimeout_s = 0\n',
    )
    assert set(found) == {"issuer", "client_id", "client_secret", "nam", "scopes", "claim", "ca", "timeout_s"}
    assert "https" in found["issuer"][1]
    assert "client_secret_file" in found["client_secret"][1]
    assert 'did you mean "name"?' in found["nam"][1]
    assert "openid" in found["scopes"][1]
    assert "hush" not in str(found)


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://login.example.org/realms/care", True),
        ("https://login.example.org:8443/", True),
        ("http://localhost:8080/realms/care", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://login.example.org", False),
        ("http://localhost.example.org", False),
        ("http://192.168.1.5", False),
        ("https://name@login.example.org", False),
        ("https://login.example.org:port", False),
        ("https:///realms", False),
        ("https://login example.org", False),
        ("ftp://login.example.org", False),
    ],
)
def test_where_a_secret_may_be_sent(address: str, safe: bool) -> None:
    assert is_safe(address) is safe
