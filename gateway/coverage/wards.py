"""Wards that are written differently on two sides: alerts would be on nobody's board, and nobody would notice."""

from collections.abc import Iterator

from gateway.centre.index import CentreIndex
from gateway.coverage.model import Finding, Kind
from gateway.store.rotas import Span
from gateway.words import N_
from rules.model import Reason

_UNLIVED = N_("{carer} works in ward {ward}, and nobody lives there: their board stays empty.")
_UNSEEN = N_(
    "Room {room} is in ward {ward}, and nobody works there: its alerts are only on the boards of whoever was told."
)


def wards(index: CentreIndex, whole: Span) -> Iterator[Finding]:
    """Carers whose ward nobody lives in, and wards that are on no board, each with its first resident."""
    lived = {resident.ward for resident in index.residents.values()}
    staff = [carer for carer in index.carers.values() if carer.role != "relative"]
    for carer in staff:
        for ward in carer.wards:
            if ward not in lived:
                what = Reason(_UNLIVED, {"carer": carer.name, "ward": ward})
                yield Finding(kind=Kind.WARD, spans=(whole,), what=what, carer=carer.id)
    if not staff or not all(carer.wards for carer in staff):
        return  # whoever works everywhere sees everybody
    worked = {ward for carer in staff for ward in carer.wards}
    for resident in index.residents.values():
        if resident.ward is not None and resident.ward not in worked:
            worked.add(resident.ward)  # said once
            what = Reason(_UNSEEN, {"room": resident.room, "ward": resident.ward})
            yield Finding(kind=Kind.WARD, spans=(whole,), what=what, resident=resident.id)
