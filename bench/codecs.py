"""What a message with a JavaScript codec costs: ``python -m bench.codecs``."""

import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from gateway.codecs import Codecs

# Written for this measurement in the way of vendors' codecs: channels and types, 16-bit numbers, a history of fixes.
CODEC = """
function number(bytes, at) { return (bytes[at] | bytes[at + 1] << 8) << 16 >> 16; }
function decodeUplink(input) {
  var bytes = input.bytes, found = {}, i = 0;
  while (i < bytes.length) {
    var channel = bytes[i++], type = bytes[i++];
    if (channel === 1 && type === 0x75) { found.battery = bytes[i]; i += 1; }
    else if (channel === 3 && type === 0x67) { found.temperature = number(bytes, i) / 10; i += 2; }
    else if (channel === 4 && type === 0x88) {
      found.longitude = (number(bytes, i) + number(bytes, i + 2) * 65536) / 1e6;
      found.latitude = (number(bytes, i + 4) + number(bytes, i + 6) * 65536) / 1e6;
      i += 8;
    } else if (channel === 6 && type === 0xd9) {
      var mac = [];
      for (var n = 0; n < 6; n++) mac.push(('0' + bytes[i + 1 + n].toString(16)).slice(-2));
      (found.wifi = found.wifi || []).push({ mac: mac.join(':'), rssi: bytes[i + 7] - 256 });
      i += 8;
    } else throw new Error('unknown channel ' + channel);
  }
  return { data: found, warnings: [], errors: [] };
}
"""
# Vendors' codecs have 5 to 10 kB, most of it tables and channels that a message does not use.
TABLES = "\n".join(
    f"function read{n}(bytes) {{ var words = {{0: 'off', 1: 'on'}}; return words[bytes[{n}]] || 'unknown'; }}"
    for n in range(80)
)
ALONE = "Array.prototype.last = function () { return this[this.length - 1]; };\n"
"""With this each message needs a new context."""
BUTTON = bytes.fromhex("01756403671201")
SCAN = bytes.fromhex("01756403671201" + "06d90024e124000001b3" * 5)
MESSAGES = 1_000
PACE_S = 0.01
"""Between two messages at their usual pace: nothing is left to do for the one before."""
BURST = 30
"""So many at once: a round of all devices in a house."""
REST_S = 0.05


def bursts(codecs: Codecs, model: str, data: bytes) -> list[float]:
    taken = []
    for _ in range(MESSAGES // BURST):
        time.sleep(REST_S)
        taken += measure(codecs, model, data, 0.0, BURST)
    return sorted(taken)


def measure(codecs: Codecs, model: str, data: bytes, pause_s: float, messages: int = MESSAGES) -> list[float]:
    taken = []
    for _ in range(messages):
        began = time.perf_counter()
        codecs.decode(model, 85, data)
        taken.append((time.perf_counter() - began) * 1e6)
        if pause_s:
            time.sleep(pause_s)
    return sorted(taken)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "codec.js"
        path.write_text(CODEC + TABLES, encoding="utf-8")
        alone = Path(folder) / "alone.js"
        alone.write_text(ALONE + CODEC + TABLES, encoding="utf-8")
        began = time.perf_counter()
        codecs = Codecs.load({"bench/codec": path, "bench/alone": alone})
        took_ms = (time.perf_counter() - began) * 1e3
        print(f"start and first load of two codecs of {path.stat().st_size} bytes: {took_ms:.0f} ms")
        try:
            for name, model, data in (
                ("a button", "bench/codec", BUTTON),
                ("five access points", "bench/codec", SCAN),
                ("a new context each time", "bench/alone", BUTTON),
            ):
                for pace, run in (
                    ("one every 10 ms", partial(measure, codecs, model, data, PACE_S)),
                    (f"{BURST} at once", partial(bursts, codecs, model, data)),
                    ("without a pause", partial(measure, codecs, model, data, 0.0)),
                ):
                    taken = run()
                    print(f"{name}, {len(data)} bytes, {pace}: {statistics.mean(taken):.0f} µs a message, ", end="")
                    p10, p50, p99 = (taken[len(taken) * part // 100] for part in (10, 50, 99))
                    print(f"best {taken[0]:.0f}, p10 {p10:.0f}, p50 {p50:.0f}, p99 {p99:.0f}")
        finally:
            codecs.close()


if __name__ == "__main__":
    main()
