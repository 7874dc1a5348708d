from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.codecs import Codecs, Limits

Load = Callable[..., Codecs]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Codecs of texts by model; their process ends with the test."""
    made: list[Codecs] = []

    def _load(texts: dict[str, str], limits: Limits | None = None) -> Codecs:
        paths = {}
        for number, (model, text) in enumerate(texts.items()):
            paths[model] = tmp_path / f"{len(made)}-{number}.js"
            paths[model].write_text(text, encoding="utf-8")
        made.append(Codecs.load(paths, limits))
        return made[-1]

    yield _load
    for codecs in made:
        codecs.close()
