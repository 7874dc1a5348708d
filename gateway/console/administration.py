"""Every route of the administration, in one list."""

from litestar import Router

from gateway.console import (
    admin,
    admin_entries,
    admin_pairing,
    admin_people,
    admin_plans,
    admin_rules,
    admin_try,
    admin_versions,
    centre_api,
    centre_trials_api,
    devices_api,
    user_page,
)


def routers() -> tuple[Router, ...]:
    """Pages below /admin for managers, /admin/users for administrators, /set-password, and the API of the centre."""
    return (
        admin.router(),
        admin_entries.router(),
        admin_plans.router(),
        admin_rules.router(),
        admin_try.router(),
        admin_pairing.router(),
        admin_versions.router(),
        *admin_people.routers(),
        user_page.router(),
        centre_api.router(),
        centre_trials_api.router(),
        devices_api.router(),
    )
