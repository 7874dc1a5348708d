"""Events in words, for whoever watches a simulation. Ids only: names belong to the gateway's pages."""

from devices.model import Bed, Continence, Fall, Help, Position, Status
from simulators.ground import Ground
from simulators.messages import Event
from simulators.scene import Scene

FALL_WORDS = {
    "suspected": "seems to have fallen",
    "detected": "seems to have fallen",
    "confirmed": "lies on the floor after a fall",
    "cancelled": "says that it was no fall",
    "ended": "is up again after a fall",
}


class Onlooker:
    """Sees what a person would look up for, and says it once."""

    def __init__(self, scene: Scene) -> None:
        self._grounds: dict[str, Ground] = {
            r.id: scene.grounds[r.zone] for r in scene.residents if r.zone is not None and r.zone in scene.grounds
        }
        self._seen: dict[tuple[str, str], str] = {}

    def sees(self, event: Event) -> str | None:
        """One sentence; None for daily routine, and for what has been said and has not changed."""
        match event.reading:
            case Help(phase="pressed"):
                return f"{event.resident} presses the SOS button"
            case Help():
                return f"{event.resident} takes the call for help back"
            case Fall(phase=phase):
                return f"{event.resident} {FALL_WORDS[phase]}"
        words = self._condition(event)
        if words is None:
            return None
        key = (event.device, event.kind)
        before, self._seen[key] = self._seen.get(key), words
        # The first time, only what is unusual is worth a word: everybody is at home, dry and charged at first.
        unusual = words in ("walks out of the safe zone", "needs a change") or "low" in words
        return f"{event.resident} {words}" if words != before and (before is not None or unusual) else None

    def _condition(self, event: Event) -> str | None:
        match event.reading:
            case Bed(in_bed=in_bed):
                return "lies in bed" if in_bed else "is out of bed"
            case Continence(state="change_due" | "leak"):
                return "needs a change"
            case Continence(state="dry"):
                return "is dry"
            case Status(low_battery=low) if low is not None:
                return f"wears {event.device} with a {'low' if low else 'charged'} battery"
            case Position(lon=lon, lat=lat) if (ground := self._grounds.get(event.resident)) is not None:
                inside = ground.inside(ground.to_metres(lon, lat))
                return "is back in the safe zone" if inside else "walks out of the safe zone"
            case _:
                return None
