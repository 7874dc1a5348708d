"""The vendor's own JavaScript codec for raw LoRaWAN payloads, run in a sandbox; see docs/codecs.md.

At start the shell calls ``Codecs.load(paths)`` and gives ``codecs.decoders()`` to the pure devices package
(devices.profiles.library.build). ``Codecs.decode(model, fport, data)`` decodes one payload.
"""

from gateway.codecs.codecs import Codecs
from gateway.codecs.limits import Limits

__all__ = ["Codecs", "Limits"]
