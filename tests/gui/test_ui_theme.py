"""Design tokens and icons: enough contrast, sizes that follow the window, no icon missing and none left over."""

from __future__ import annotations

import sys
from importlib.resources import files
from xml.etree import ElementTree as ET

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QLabel

from workstation.ui.icons import Icon, pixmap
from workstation.ui.theme import TEXT_PAIRS, Color, Theme, install_fonts


def luminance(color: Color) -> float:
    """Return the relative luminance of WCAG 2.1."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("text", "background"), TEXT_PAIRS)
def test_text_has_enough_contrast(text: Color, background: Color) -> None:
    darker, lighter = sorted((luminance(text), luminance(background)))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("size", "scale"), [((1920, 1080), 1.0), ((1366, 768), 0.711), ((1280, 1024), 0.667), ((300, 200), 0.5)]
)
def test_the_design_fits_the_window(size: tuple[int, int], scale: float) -> None:
    assert Theme.for_size(*size, large_text=False).scale == pytest.approx(scale, abs=0.001)


def test_large_text_is_larger_everywhere_but_in_the_margins() -> None:
    normal, large = Theme(1.0), Theme(1.0, large_text=True)
    assert large.text(20) == 24
    assert large.px(20) == normal.px(20)
    assert normal.style_sheet() != large.style_sheet()


@pytest.mark.parametrize("icon", Icon)
def test_icons_belong_to_one_set(icon: Icon) -> None:
    root = ET.fromstring(files("assets").joinpath("icons", f"{icon}.svg").read_bytes())  # noqa: S314
    assert root.get("viewBox") == "0 0 24 24"
    assert (root.get("stroke-width"), root.get("stroke-linecap")) == ("1.75", "round")


def test_no_icon_is_left_over() -> None:
    drawn = {path.name for path in files("assets").joinpath("icons").iterdir() if path.name.endswith(".svg")}
    assert drawn == {f"{icon}.svg" for icon in Icon}


@pytest.mark.parametrize("icon", Icon)
def test_icons_are_drawn_in_the_asked_colour(qapp: QApplication, icon: Icon) -> None:
    image: QImage = pixmap(icon, 48, Color.BRAND, 2.0).toImage()
    assert image.size().toTuple() == (96, 96)
    opaque = [
        image.pixelColor(x, y).name().upper()
        for x in range(96)
        for y in range(96)
        if image.pixelColor(x, y).alpha() == 255
    ]
    assert len(opaque) > 100
    assert set(opaque) == {Color.BRAND}


def test_qt_calls_do_not_use_up_none(qapp: QApplication) -> None:
    """PySide6 6.12.0 on Python 3.11 takes a reference of None per call and aborts after some thousands."""
    label = QLabel()
    before = sys.getrefcount(None)
    for _ in range(200):
        label.setText("")
    assert sys.getrefcount(None) > before - 100


def test_a_font_with_chinese_is_found(qapp: QApplication) -> None:
    assert install_fonts(qapp) == "Noto Sans CJK SC"
