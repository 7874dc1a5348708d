"""A carer without a language of their own reads, and is told, in that of the house."""

from tests.gateway.console.living import LivingHouse
from tests.gateway.console.test_admin import submit


async def test_a_carer_without_a_language_has_that_of_the_house(home: LivingHouse) -> None:
    document = home.newest()
    document["centre"]["language"] = "de"
    for carer in document["carers"]:
        carer.pop("language", None)
    await home.apply(document)
    async with home.signed_in("sam") as sam:
        new = await sam.get("/admin/new/carers")
        assert "Normal: Deutsch</option>" in new.text
        assert '<html lang="de"' in new.text
        assert (await sam.get("/api/account")).json()["language"] == "de"
        assert "Normal: English</option>" in (await sam.get("/admin/entry/centre/centre")).text
        # what somebody chose for themselves, or an older version says, stays
        chosen = await submit(sam, "/admin/entry/carers/nora", name="Nora Borg", role="carer", language="en",
                              **{"contacts.0.channel": "log"})  # fmt: skip
        assert chosen.status_code == 303, chosen.text
    index = home.index
    assert [index.language_of(index.carers[one]) for one in ("nora", "bo")] == ["en", "de"]
    assert index.language_of(None) == "de"
