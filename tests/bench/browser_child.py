"""Child process of the browser benchmark: the locked browser alone, full screen, on the page that is its argument."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from PySide6.QtWidgets import QApplication

from workstation.evaluation import engine

if TYPE_CHECKING:
    from workstation.evaluation.entry import Entry


def main(url: str) -> int:
    engine.prepare_application_attributes()
    app = QApplication(sys.argv[:1])
    engine.prepare(drill=True)
    view = engine.create_view()
    # A shown window would be made anew for the page's surface, and under openbox it does not come back by itself.
    view.open(_entry(url))
    view.showFullScreen()
    code = app.exec()
    del view
    return code


def _entry(url: str) -> Entry:
    """Make the pack when the engine is already there, as in the kiosk, where it is prepared long before."""
    from kiosk_config.pack.model import MainSitePack, OriginRule, PageMark, TicketGet  # noqa: PLC0415
    from workstation.evaluation.entry import Entry  # noqa: PLC0415

    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    now = datetime.now(UTC)
    pack = MainSitePack(
        main_site_id="bench",
        name="bench",
        serial=1,
        issued_at=now,
        valid_until=now + timedelta(days=1),
        origins=(OriginRule(origin=origin),),
        launch=TicketGet(url=url),
        arrived=PageMark(origin=origin),
    )
    return Entry(pack=pack)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
