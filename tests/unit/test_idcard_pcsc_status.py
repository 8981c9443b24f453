from __future__ import annotations

import pytest

from drivers.errors import ErrorCode
from drivers.idcard.pcsc_status import device_error, masked


@pytest.mark.parametrize(
    ("hresult", "code"),
    [
        (0x80100003, ErrorCode.READER_ABSENT),
        (0x80100009, ErrorCode.READER_ABSENT),
        (0x80100013, ErrorCode.READER_ABSENT),
        (0x80100017, ErrorCode.READER_ABSENT),
        (0x8010001D, ErrorCode.READER_ABSENT),
        (0x8010001E, ErrorCode.READER_ABSENT),
        (0x8010002E, ErrorCode.READER_ABSENT),
        (0x8010000C, ErrorCode.CARD_LIFTED),
        (0x80100069, ErrorCode.CARD_LIFTED),
        (0x8010000B, ErrorCode.CARD_UNREADABLE),
        (0x80100016, ErrorCode.CARD_UNREADABLE),
        (0x80100066, ErrorCode.CARD_UNREADABLE),
        (0x80100068, ErrorCode.CARD_UNREADABLE),
        (0x12345678, ErrorCode.CARD_UNREADABLE),
    ],
)
def test_results_and_their_codes(hresult: int, code: ErrorCode) -> None:
    error = device_error(hresult)
    assert error.code is code
    assert error.context == {"scard": f"SCARD 0x{hresult:08X}"}


def test_signed_results_are_the_same() -> None:
    assert masked(-2146435043) == masked(2148532253) == 0x8010001D
