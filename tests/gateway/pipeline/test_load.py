"""The centre of the benchmarks: its generator walks people in and out within seconds."""

import json
from datetime import timedelta
from pathlib import Path

from bench.centre import write_centre
from gateway.centre.load import load_centre
from tests.gateway.pipeline.chain import START, Chain, foreign

HOME = {"n": 0, "device": "dev0", "lat": 63.0, "lon": 10.0, "radius_m": 200.0}
WALKS = 6


def test_every_walk_out_of_the_zone_is_told_however_soon_it_follows_the_last(tmp_path: Path) -> None:
    chain = Chain(tmp_path, load_centre(write_centre(tmp_path / "centre", [HOME])))
    heard, fixed = START, START - timedelta(days=7)  # the generator's times are of a week ago, a minute apart
    for walk in range(1, WALKS + 1):
        for north in (0.0, 0.01):
            heard, fixed = heard + timedelta(seconds=0.6), fixed + timedelta(minutes=1)
            fix = {"_type": "location", "tid": "00", "lat": HOME["lat"] + north, "lon": HOME["lon"], "acc": 10}
            payload = json.dumps({**fix, "batt": 80, "tst": int(fixed.timestamp())}).encode()
            chain.clock.move_to(heard)
            chain.take(foreign("owntracks", "owntracks/site/dev0", payload, heard))
        told = chain.rows("SELECT * FROM notifications WHERE purpose IN ('alert', 'repeat')")
        assert len(told) == walk, f"walk {walk} was not told"
