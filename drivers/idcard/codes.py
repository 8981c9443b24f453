"""Codes on ID cards, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

_DAY: Final = re.compile(r"[0-9]{8}")

_SEXES: Final[Mapping[str, str]] = {"0": "未知", "1": "男", "2": "女", "9": "未说明"}

# fmt: off
_NATIONS: Final = (
    "汉", "蒙古", "回", "藏", "维吾尔", "苗", "彝", "壮", "布依", "朝鲜",
    "满", "侗", "瑶", "白", "土家", "哈尼", "哈萨克", "傣", "黎", "傈僳",
    "佤", "畲", "高山", "拉祜", "水", "东乡", "纳西", "景颇", "柯尔克孜", "土",
    "达斡尔", "仫佬", "羌", "布朗", "撒拉", "毛南", "仡佬", "锡伯", "阿昌", "普米",
    "塔吉克", "怒", "乌孜别克", "俄罗斯", "鄂温克", "德昂", "保安", "裕固", "京", "塔塔尔",
    "独龙", "鄂伦春", "赫哲", "门巴", "珞巴", "基诺",
)
# fmt: on
_NATIONS_BY_CODE: Final[Mapping[str, str]] = {
    **{f"{number:02d}": name for number, name in enumerate(_NATIONS, start=1)},
    "97": "其他",
    "98": "外国血统中国籍人士",
}


def sex_name(code: str) -> str:
    """Return what a GB/T 2261.1 code means: 男, 女, 未知 or 未说明; ``未知(N)`` for any other."""
    return _SEXES.get(code, f"未知({code})")


def nation_name(code: str) -> str:
    """Return what a GB/T 3304 code means, without 族; "" for no code.

    Readers disagree about the codes above 56 that the standard leaves open; those are ``未知(NN)``.
    """
    return _NATIONS_BY_CODE.get(code, f"未知({code})" if code else "")


def calendar_day(code: str) -> date | None:
    """Return the day that YYYYMMDD means; ``None`` when it has another form or no calendar has that day."""
    if not _DAY.fullmatch(code):
        return None
    try:
        return date(int(code[:4]), int(code[4:6]), int(code[6:]))
    except ValueError:
        return None
