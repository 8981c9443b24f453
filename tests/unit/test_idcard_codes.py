from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.idcard.codes import calendar_day, nation_name, sex_name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("01", "汉"),
        ("05", "维吾尔"),
        ("10", "朝鲜"),
        ("11", "满"),
        ("15", "土家"),
        ("25", "水"),
        ("36", "毛南"),
        ("47", "保安"),
        ("56", "基诺"),
        ("97", "其他"),
        ("98", "外国血统中国籍人士"),
        ("00", "未知(00)"),
        ("57", "未知(57)"),
        ("99", "未知(99)"),
        ("1", "未知(1)"),
        ("", ""),
    ],
)
def test_nations(code: str, name: str) -> None:
    assert nation_name(code) == name


def test_every_nation_has_its_own_name() -> None:
    names = {nation_name(f"{code:02d}") for code in range(1, 57)}
    assert len(names) == 56
    assert not any("未知" in name for name in names)


@pytest.mark.parametrize(("code", "name"), [("0", "未知"), ("1", "男"), ("2", "女"), ("9", "未说明"), ("3", "未知(3)")])
def test_sexes(code: str, name: str) -> None:
    assert sex_name(code) == name


@pytest.mark.parametrize("code", ["", "19000229", "1900-3-1", "190003", "１９０００３１２", "19000312 ", "长期"])
def test_codes_that_are_no_day(code: str) -> None:
    assert calendar_day(code) is None


@given(st.dates())
def test_every_day_of_the_calendar(day: date) -> None:
    assert calendar_day(day.isoformat().replace("-", "")) == day
