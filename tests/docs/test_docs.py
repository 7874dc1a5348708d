"""The pages hold together: links lead somewhere, nothing is missing, and nothing stands there that must not."""

import ast
import json
import re
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest

from docs import __main__ as making
from docs import cli
from gateway.settings.schema import gateway_schema
from tests.docs.pages import PAGES, ROOT, anchors, blocks, links

CODE = ("devices", "rules", "gateway", "simulators", "tests", "docs", "bench")
LONG = 300

# Put together from parts, so that this file does not hold what it looks for.
_HERE = str(ROOT)
_TYPISTS = ("Cla" + "ude", "Anth" + "ropic", "Chat" + "GPT", "Co" + "pilot", "LL" + "Ms?", "A" + "I")
_ABSENT = {
    "a path of the machine that it was made on": rf"(?<![\w.~-]){re.escape(_HERE)}\b",
    "a folder outside of the repository": re.escape(".." + "/shared"),
    "a home folder": r"(?<![\w.])/(?:home|Users)/[a-z]",
    "a registry's host": "|".join(map(re.escape, ("pypi" + ".org", "pythonhosted" + ".org", "simple" + "/pip"))),
    "who typed it": rf"\b(?:{'|'.join(_TYPISTS)})\b",
}
_MAY = {"a folder outside of the repository": ("tests/", "bench/")}
"""Code that looks for recorded messages beside the repository, and says so when there are none."""


def committed() -> list[Path]:
    """Every file that git knows or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        if target.startswith(("https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), f"{target} is not there"
        assert path.is_relative_to(ROOT), f"{target} leads out of the repository"
        if anchor:
            assert anchor in anchors(path), f"{target}: no such heading; there are {sorted(anchors(path))}"


def test_the_index_knows_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    known = {(index.parent / target).resolve() for target in links(index)}
    decisions = ROOT / "docs" / "adr" / "README.md"
    known |= {(decisions.parent / target).resolve() for target in links(decisions)}
    missing = [page.name for page in (ROOT / "docs").rglob("*.md") if page not in known | {index}]
    assert not missing


def test_generated_texts_are_current() -> None:
    old = [path.name for path, text in making.files().items() if path.read_text("utf-8") != text]
    assert not old, "run: make docs"


def test_every_command_is_told_of() -> None:
    pages = "\n".join(page.read_text("utf-8") for page in PAGES if page.name != "cli.md")
    commands = list(cli.commands())
    assert "telecare centre apply" in commands
    assert not [name for name in commands if not re.search(rf"{name}\b", pages + _listed())]


def _listed() -> str:
    # the command reference is made from the commands themselves, so only what people wrote above it counts
    return cli.PAGE.read_text("utf-8").partition(cli.BEGIN)[0]


def test_every_setting_is_explained() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    schema = json.loads(gateway_schema())
    keys = {key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", {})}
    tables = set(schema["properties"]) | set(schema["$defs"]["Channels"]["properties"]) | {"tls", "sources"}
    assert "keep_alive_s" in keys
    headed = set(re.findall(r"`\[+[\w.]*?(\w+)\]+`", page))
    assert not [key for key in keys - tables - headed if f"| `{key}` |" not in page]
    assert not [table for table in tables if not re.search(rf"`\[+(\w+\.)?{table}\]+`", page)]


def test_the_readme_begins_with_its_two_commands() -> None:
    shell = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert [block.strip() for block in shell[:2]] == ["make demo", "make test"]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    commands = {name.split()[1] for name in cli.commands()}
    for line in "".join(shell).splitlines():
        word, argument = line.split()[:2]
        assert (word == "make" and argument in targets) or (word == "telecare" and argument in commands), line


def test_the_readme_shows_pictures_that_are_there() -> None:
    pictures = [target for target in links(ROOT / "README.md") if "/images/" in target]
    assert len(pictures) == 3
    assert (ROOT / "docs/images/board.png").read_bytes().startswith(b"\x89PNG")
    svg = (ROOT / "docs/images/demo.svg").read_text("utf-8")
    assert "Help" in svg
    assert "url(" not in svg.replace("url(#", ""), "a picture must not load anything from elsewhere"


def test_the_developers_examples_print_what_the_guide_says(tmp_path: Path) -> None:
    page = ROOT / "docs" / "guide-developer.md"
    text = page.read_text("utf-8")
    (tmp_path / "config").symlink_to(ROOT / "config")
    path = str(Path(sys.executable).parent)
    examples = blocks(page, "run")
    assert len(examples) == 2
    for label, block in examples:
        expected = text.partition(f"<!-- output: {label} -->\n```json\n")[2].partition("```")[0]
        done = subprocess.run(
            ["bash", "-eu", "-c", block],
            cwd=tmp_path, env={"PATH": f"{path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout == expected, done.stderr


def test_files_that_the_guides_name_are_there() -> None:
    for name in ("guide-developer.md", "architecture.md", "adr/0003-store.md", "adr/0004-layout.md"):
        text = (ROOT / "docs" / name).read_text("utf-8")
        named = re.findall(r"`((?:devices|rules|gateway|simulators|tests|config|bench|docs)/[\w./]*)`", text)
        assert named, name
        assert not [file for file in named if not (ROOT / file).exists() and "NAME" not in file], name


def test_the_layers_on_the_page_are_those_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    inside = next(contract["layers"] for contract in contracts if contract.get("containers") == ["gateway"])
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert page.partition("<!-- layers -->\n```\n")[2].partition("```")[0].splitlines() == inside


def test_events_of_the_log_are_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    said = re.compile(r'_LOG\.(?:warning|error|critical)\(\s*"([\w.]+)"', re.IGNORECASE)
    serious = {event for path in (ROOT / "gateway").rglob("*.py") for event in said.findall(path.read_text("utf-8"))}
    assert "notify.nobody_told" in serious
    assert not [event for event in sorted(serious) if f"`{event}`" not in page]


@pytest.mark.parametrize("what", _ABSENT)
def test_nothing_stands_in_a_file_that_must_not(what: str) -> None:
    pattern = re.compile(_ABSENT[what])
    found = []
    for path in committed():
        name = str(path.relative_to(ROOT))
        if name.startswith(_MAY.get(what, ())):
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name}:{text[: match.start()].count(chr(10)) + 1}" for match in pattern.finditer(text)]
    assert not found, what


def test_every_module_says_what_it_is() -> None:
    silent = []
    for package in CODE[:4]:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text("utf-8")
            if text.strip() and ast.get_docstring(ast.parse(text)) is None:
                silent.append(str(path.relative_to(ROOT)))
    assert not silent


def test_files_are_short() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for package in CODE
        for path in (ROOT / package).rglob("*.py")
    }
    long = {name: lines for name, lines in lengths.items() if lines > LONG}
    if long:
        listed = ", ".join(f"{name} {lines}" for name, lines in sorted(long.items()))
        warnings.warn(f"{LONG} lines are enough for a file: {listed}", stacklevel=1)
    assert not {name: lines for name, lines in long.items() if lines > 2 * LONG}
