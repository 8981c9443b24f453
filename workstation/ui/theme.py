"""Design tokens (colour, type, spacing) and the style sheet made from them; the only place that knows sizes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QApplication

DESIGN_WIDTH: Final = 1920
DESIGN_HEIGHT: Final = 1080
LARGE_TEXT: Final = 1.2
_SMALLEST_TEXT: Final = 12

FONT_FAMILIES: Final = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
)


class Color(StrEnum):
    """The palette, sRGB."""

    INK = "#12203A"
    MUTED = "#5A6780"
    LINE = "#DCE3EF"
    CONTROL = "#B9C6DE"
    PAGE = "#F3F6FB"
    SURFACE = "#FFFFFF"
    QUIET = "#EEF2F8"
    BRAND = "#0B3D91"
    BRAND_BRIGHT = "#1F5FD6"
    BRAND_DEEP = "#082E6E"
    BRAND_SOFT = "#E8F0FE"
    BRAND_LINE = "#C9DBFB"
    OK = "#0C6B4A"
    OK_SOFT = "#E3F5EC"
    OK_LINE = "#B5E2CC"
    WARN = "#8A4B00"
    WARN_SOFT = "#FFF3DF"
    WARN_LINE = "#F2D5A0"
    BAD = "#B3261E"
    BAD_SOFT = "#FDE9E7"
    BAD_LINE = "#E7B5B1"
    BAR = "#0A1C3D"
    BAR_TEXT = "#C9D6EE"
    BAR_OK = "#35D28F"
    BAR_WARN = "#FFB547"
    BAR_BAD = "#FF8A80"
    STAGE = "#1C263A"
    STAGE_LIGHT = "#5B6B86"
    DISABLED = "#69748B"
    CONFERENCE = "#0F1B33"


class Tone(StrEnum):
    """Meaning of a coloured mark. Every toned mark also has an icon and a word."""

    OK = "ok"
    INFO = "info"
    WARN = "warn"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True)
class ToneColors:
    """Foreground, background and outline of a tone on light surfaces; ``on_bar`` is the mark on the dark header."""

    text: Color
    soft: Color
    line: Color
    on_bar: Color


TONES: Final = {
    Tone.OK: ToneColors(Color.OK, Color.OK_SOFT, Color.OK_LINE, Color.BAR_OK),
    Tone.INFO: ToneColors(Color.BRAND, Color.BRAND_SOFT, Color.BRAND_LINE, Color.BAR_TEXT),
    Tone.WARN: ToneColors(Color.WARN, Color.WARN_SOFT, Color.WARN_LINE, Color.BAR_WARN),
    Tone.BAD: ToneColors(Color.BAD, Color.BAD_SOFT, Color.BAD_LINE, Color.BAR_BAD),
    Tone.QUIET: ToneColors(Color.MUTED, Color.QUIET, Color.LINE, Color.BAR_TEXT),
}

TEXT_PAIRS: Final = (
    (Color.INK, Color.PAGE),
    (Color.INK, Color.SURFACE),
    (Color.MUTED, Color.PAGE),
    (Color.MUTED, Color.SURFACE),
    (Color.MUTED, Color.QUIET),
    (Color.DISABLED, Color.SURFACE),
    (Color.BRAND, Color.SURFACE),
    (Color.BRAND, Color.BRAND_SOFT),
    (Color.SURFACE, Color.BRAND),
    (Color.SURFACE, Color.BRAND_BRIGHT),
    (Color.SURFACE, Color.BAD),
    (Color.BAD, Color.SURFACE),
    (Color.BAR_TEXT, Color.BAR),
    (Color.SURFACE, Color.BAR),
    (Color.SURFACE, Color.STAGE),
    (Color.BAR, Color.BAR_WARN),
    *((tone.text, tone.soft) for tone in TONES.values()),
    *((tone.text, Color.SURFACE) for tone in TONES.values()),
    (Color.BAR_TEXT, Color.CONFERENCE),
    *((tone.on_bar, Color.BAR) for tone in TONES.values()),
)
"""Every (text, background) pair the widgets use; WCAG 2.1 wants 4.5:1 and a test measures it."""


class Role(StrEnum):
    """What a text is, which fixes its size, weight and colour."""

    TITLE = "title"
    LEAD = "lead"
    HEADING = "heading"
    STATEMENT = "statement"
    DIGITS = "digits"
    BODY = "body"
    STRONG = "strong"
    NOTE = "note"
    CAPTION = "caption"


_TYPE_SCALE: Final = {
    Role.TITLE: (44, 700, Color.INK),
    Role.LEAD: (24, 400, Color.MUTED),
    Role.HEADING: (28, 600, Color.INK),
    Role.STATEMENT: (30, 600, Color.INK),
    Role.DIGITS: (72, 700, Color.BRAND),
    Role.BODY: (22, 400, Color.INK),
    Role.STRONG: (22, 600, Color.INK),
    Role.NOTE: (20, 400, Color.MUTED),
    Role.CAPTION: (17, 400, Color.MUTED),
}


@dataclass(frozen=True)
class Theme:
    """Sizes for one window size and one text size.

    Attributes:
        scale: 1.0 at 1920x1080.
        large_text: whether the expert asked for larger text (字体 A+).
    """

    scale: float = 1.0
    large_text: bool = False

    @classmethod
    def for_size(cls, width: int, height: int, *, large_text: bool) -> Theme:
        """Return the theme that fits the 1920x1080 design into ``width`` x ``height`` pixels."""
        scale = min(width / DESIGN_WIDTH, height / DESIGN_HEIGHT)
        return cls(round(min(max(scale, 0.5), 2.0), 3), large_text)

    def px(self, design: float) -> int:
        """Return a length of the 1920x1080 design in pixels, at least 1."""
        return max(1, round(design * self.scale))

    def text(self, design: float) -> int:
        """Return a text size of the design in pixels, enlarged when large text is on."""
        factor = LARGE_TEXT if self.large_text else 1.0
        return max(_SMALLEST_TEXT, round(design * self.scale * factor))

    def with_text(self, design: float) -> int:
        """Return a length that must grow with the text it holds (a button's height)."""
        return self.px(design * (1.1 if self.large_text else 1.0))

    def style_sheet(self) -> str:
        """Return the application's style sheet at this size."""
        return f"{_BASE}\n{self._text_rules()}\n{self._surface_rules()}\n{self._button_rules()}"

    def _text_rules(self) -> str:
        rules = [
            f'QLabel[role="{role}"] {{ font-size: {self.text(size)}px; font-weight: {weight}; color: {color}; }}'
            for role, (size, weight, color) in _TYPE_SCALE.items()
        ]
        rules += [f'QLabel[tone="{tone}"] {{ color: {colors.text}; }}' for tone, colors in TONES.items()]
        rules += [
            f"#header QLabel {{ color: {Color.BAR_TEXT}; font-size: {self.text(20)}px; }}",
            f"#header QLabel#product, #header QLabel#booth {{ color: {Color.SURFACE}; font-weight: 600; }}",
            f"#header QLabel#product {{ font-size: {self.text(22)}px; }}",
            f"#header QLabel#clock {{ color: {Color.SURFACE}; font-size: {self.text(26)}px; font-weight: 600; }}",
            f"#drill QLabel {{ color: {Color.BAR}; font-size: {self.text(20)}px; font-weight: 700; }}",
            f"#step QLabel {{ font-size: {self.text(22)}px; color: {Color.MUTED}; }}",
            f'#step[stage="now"] QLabel {{ color: {Color.BRAND}; font-weight: 600; }}',
            f'#step[stage="done"] QLabel {{ color: {Color.OK}; }}',
            f"#conference QLabel {{ color: {Color.BAR_TEXT}; font-size: {self.text(22)}px; }}",
            f"#tag QLabel {{ font-size: {self.text(18)}px; font-weight: 600; }}",
            f"#banner QLabel {{ font-size: {self.text(20)}px; font-weight: 600; }}",
            f"#banner QLabel#detail {{ font-size: {self.text(18)}px; font-weight: 400; }}",
            f"#banner QLabel#code {{ font-size: {self.text(16)}px; font-weight: 400; }}",
        ]
        return "\n".join(rules)

    def _surface_rules(self) -> str:
        radius = self.px(16)
        rules = [
            f"#header {{ background: {Color.BAR}; }}",
            f"#drill {{ background: {Color.BAR_WARN}; }}",
            f"#footer {{ background: {Color.SURFACE}; border-top: 1px solid {Color.LINE}; }}",
            f"#aside {{ background: {Color.SURFACE}; border-right: 1px solid {Color.LINE}; }}",
            f"#address {{ background: {Color.SURFACE}; border-bottom: 1px solid {Color.LINE}; }}",
            f"#slot {{ background: {Color.SURFACE}; }}",
            f"#tabs {{ background: {Color.PAGE}; border-bottom: 1px solid {Color.LINE}; }}",
            f"#plain {{ background: {Color.SURFACE}; }}",
            f"#rule {{ background: {Color.LINE}; }}",
            f"#conference {{ background: {Color.CONFERENCE}; }}",
            "#veil { background: rgba(10, 28, 61, 150); }",
            f'#step {{ border-radius: {self.px(12)}px; }} #step[stage="now"] {{ background: {Color.BRAND_SOFT}; }}',
            f"#card {{ background: {Color.SURFACE}; border: 1px solid {Color.LINE}; border-radius: {radius}px; }}",
        ]
        for tone, colors in TONES.items():
            fill = f"background: {colors.soft}; border: 1px solid {colors.line};"
            rules += [
                f'#card[tone="{tone}"] {{ {fill} border-radius: {radius}px; }}',
                f'#banner[tone="{tone}"] {{ background: {colors.soft}; border-bottom: 1px solid {colors.line}; }}',
                f'#tag[tone="{tone}"] {{ background: {colors.soft}; border-radius: {self.with_text(38) // 2}px; }}',
                f'#medallion[tone="{tone}"] {{ background: {colors.soft}; }}',
            ]
        return "\n".join(rules)

    def _button_rules(self) -> str:
        box = f"border-radius: {self.px(12)}px; padding: 0 {self.px(30)}px; font-size: {self.text(20)}px;"
        ring = f"border-color: {Color.BAR_WARN};"
        small = f"border-radius: {self.px(8)}px; padding: 0 {self.px(12)}px; font-size: {self.text(18)}px;"
        return f"""
QPushButton {{ {box} font-weight: 600; border: {self.px(2)}px solid {Color.CONTROL};
    background: {Color.SURFACE}; color: {Color.BRAND}; }}
QPushButton:hover {{ background: {Color.BRAND_SOFT}; }}
QPushButton:pressed {{ background: {Color.BRAND_LINE}; }}
QPushButton:focus {{ border-color: {Color.BRAND_BRIGHT}; background: {Color.BRAND_SOFT}; }}
QPushButton:disabled {{ color: {Color.DISABLED}; border-color: {Color.LINE}; background: {Color.SURFACE}; }}
QPushButton[kind="primary"] {{ background: {Color.BRAND}; border-color: {Color.BRAND}; color: {Color.SURFACE}; }}
QPushButton[kind="primary"]:hover {{ background: {Color.BRAND_BRIGHT}; border-color: {Color.BRAND_BRIGHT}; }}
QPushButton[kind="primary"]:focus {{ {ring} }}
QPushButton[kind="primary"]:pressed {{ background: {Color.BRAND_DEEP}; }}
QPushButton[kind="primary"]:disabled {{ background: {Color.QUIET}; border-color: {Color.LINE};
    color: {Color.MUTED}; }}
QPushButton[kind="danger"] {{ color: {Color.BAD}; border-color: {Color.BAD_LINE}; }}
QPushButton[kind="danger"]:hover {{ background: {Color.BAD_SOFT}; }}
QPushButton[kind="danger"]:focus {{ border-color: {Color.BAD}; background: {Color.BAD_SOFT}; }}
QPushButton[kind="danger"]:disabled {{ color: {Color.DISABLED}; border-color: {Color.LINE}; }}
QPushButton[fit="small"] {{ {small} border-width: 1px; }}
QPushButton[join="left"] {{ border-top-right-radius: 0; border-bottom-right-radius: 0; border-right: none; }}
QPushButton[join="right"] {{ border-top-left-radius: 0; border-bottom-left-radius: 0; border-left: none; }}
QPushButton[chosen="yes"] {{ background: {Color.BRAND_SOFT}; border-color: {Color.BRAND}; }}
QLineEdit {{ border: {self.px(2)}px solid {Color.CONTROL}; border-radius: {self.px(8)}px; padding: 0 {self.px(14)}px;
    background: {Color.SURFACE}; color: {Color.INK}; font-size: {self.text(20)}px; }}
QLineEdit:focus {{ border-color: {Color.BRAND_BRIGHT}; }}
QCheckBox {{ color: {Color.INK}; font-size: {self.text(20)}px; spacing: {self.px(12)}px; }}
QCheckBox::indicator {{ width: {self.px(24)}px; height: {self.px(24)}px; }}
"""


_BASE = f"""
#window {{ background: {Color.PAGE}; }}
QLabel {{ background: transparent; color: {Color.INK}; }}
QPushButton {{ outline: none; }}
"""


def install_fonts(app: QApplication) -> str:
    """Give the application the first installed family of ``FONT_FAMILIES`` and return its name.

    Returns:
        The family in use; the platform's default when none of ours is installed.
    """
    installed = set(QFontDatabase.families())
    chosen = [family for family in FONT_FAMILIES if family in installed]
    font = QFont(app.font())
    if chosen:
        font.setFamilies([*chosen])
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    app.setFont(font)
    return font.family()
