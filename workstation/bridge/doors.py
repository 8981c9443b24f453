"""What one stay needs to enter its main site: the pack of that site, and what the site server granted. GUI thread."""

from __future__ import annotations

from typing import Protocol

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import AccountForm, MainSitePack
from workstation.evaluation.entry import Account, Entry
from workstation.evaluation.marks import origin_of
from workstation.health.trust import PUBLIC_TRUST, MainSiteTrust, trust_of
from workstation.journey.events import LaunchGranted
from workstation.journey.facts import Attempt
from workstation.journey.meeting import ConferenceKind
from workstation.site.contract import Launch


class Packs(Protocol):
    """What is needed of the booth's packs."""

    def get(self, main_site_id: str) -> MainSitePack:
        """Return the pack of a main site. Raises ``KioskError`` without one that may be used."""


class Doors:
    """Opens no page itself; ticket and account are given away once and kept nowhere else.

    Args:
        packs: of this booth. Asked anew each time, so that a pack that came meanwhile counts.
    """

    def __init__(self, packs: Packs) -> None:
        self._packs = packs
        self._main_site_id = ""
        self._entry: Entry | None = None

    def expect(self, main_site_id: str) -> None:
        """Say which main site it will be."""
        self._main_site_id, self._entry = main_site_id, None

    def origin(self) -> str | None:
        """Return where the main site is entered, for the probes; ``None`` without a pack."""
        try:
            return origin_of(self._packs.get(self._main_site_id).launch.url)
        except KioskError:
            return None  # the self-check says so, with what is missing

    def trust(self) -> MainSiteTrust:
        """Return what its hosts must show the probes; the public authorities suffice without a pack."""
        try:
            return trust_of(self._packs.get(self._main_site_id))
        except KioskError:
            return PUBLIC_TRUST  # as for ``origin``

    def conference(self) -> ConferenceKind:
        """Return the conference that the main site's pack asks for; none without a pack."""
        try:
            return ConferenceKind(self._packs.get(self._main_site_id).conference)
        except KioskError:
            return ConferenceKind.NONE  # as for ``origin``

    def forget(self) -> None:
        """Forget the main site and what was granted."""
        self._main_site_id, self._entry = "", None

    def drop_grant(self) -> None:
        """Forget what was granted."""
        self._entry = None

    def pack(self) -> MainSitePack:
        """Return the pack of the main site that was said.

        Raises:
            KioskError: there is none that may be used (E-508).
        """
        return self._packs.get(self._main_site_id)

    def needs_account(self, *, by_account: bool) -> bool:
        """Whether the site has to be asked for an account rather than for a ticket.

        Raises:
            KioskError: there is no pack to enter by.
        """
        return by_account or isinstance(self._packs.get(self._main_site_id).launch, AccountForm)

    def take(self, attempt: int, launch: Launch) -> LaunchGranted:
        """Keep what the site granted until the page is opened.

        Raises:
            KioskError: there is no pack; E-504 when the site names another main site than the expert has confirmed;
                E-505 when it grants nothing that the pack could use.
        """
        if launch.main_site_id != self._main_site_id:
            raise KioskError(ErrorCode.MAIN_SITE_NOT_TRUSTED, "the launch names another main site", retryable=False)
        pack = self._packs.get(self._main_site_id)
        granted = launch.account
        account = None if granted is None else Account(user=granted.user, password=granted.password)
        entry = Entry(pack=pack, ticket=launch.ticket or "", account=account)
        form = entry.form
        if (form is None and not entry.ticket) or (form is not None and account is None):
            raise KioskError(ErrorCode.TICKET_REFUSED, "nothing that this pack could use", retryable=False)
        self._entry = entry
        return LaunchGranted(
            attempt=Attempt(attempt),
            account_tries=0 if form is None else form.tries,
            has_fallback=pack.fallback is not None,
        )

    def use(self) -> Entry | None:
        """Give the way in away, once."""
        entry, self._entry = self._entry, None
        return entry
