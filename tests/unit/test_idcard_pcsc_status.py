from __future__ import annotations

import pytest

from drivers.errors import ErrorCode
from drivers.idcard.pcsc_status import absence_detail, device_error, masked


@pytest.mark.parametrize(
    ("hresult", "code"),
    [
        (0x80100003, ErrorCode.READER_ABSENT),
        (0x80100009, ErrorCode.READER_ABSENT),
        (0x80100013, ErrorCode.READER_ABSENT),
        (0x80100017, ErrorCode.READER_ABSENT),
        (0x8010001D, ErrorCode.READER_ABSENT),
        (0x8010001E, ErrorCode.READER_ABSENT),
        (0x80100027, ErrorCode.READER_ABSENT),
        (0x8010002E, ErrorCode.READER_ABSENT),
        (0x8010006A, ErrorCode.READER_ABSENT),
        (0x00000005, ErrorCode.READER_ABSENT),
        (0x8010000C, ErrorCode.CARD_LIFTED),
        (0x80100066, ErrorCode.CARD_LIFTED),
        (0x80100067, ErrorCode.CARD_LIFTED),
        (0x80100068, ErrorCode.CARD_LIFTED),
        (0x80100069, ErrorCode.CARD_LIFTED),
        (0x8010000B, ErrorCode.CARD_READER_BROKEN),
        (0x8010001F, ErrorCode.CARD_READER_BROKEN),
        (0x80100022, ErrorCode.CARD_READER_BROKEN),
        (0x80100016, ErrorCode.CARD_UNREADABLE),
        (0x12345678, ErrorCode.CARD_UNREADABLE),
    ],
)
def test_results_and_their_codes(hresult: int, code: ErrorCode) -> None:
    error = device_error(hresult)
    assert error.code is code
    assert error.context == {"scard": f"SCARD 0x{hresult:08X}"}


@pytest.mark.parametrize("hresult", [0x80100027, 0x8010006A, 0x8010001F, 0x80100022])
def test_what_only_a_human_can_repair_is_not_tried_again(hresult: int) -> None:
    assert not device_error(hresult).retryable


def test_signed_results_are_the_same() -> None:
    assert masked(-2146435043) == masked(2148532253) == 0x8010001D


@pytest.mark.parametrize(
    ("hresult", "session_name", "cause"),
    [
        (0x8010001D, "", "SCARD 0x8010001D"),
        (0x8010001D, "Console", "SCARD 0x8010001D"),
        (0x8010006A, "", "polkit"),
        (0x80100027, "", "polkit"),
        (0x8010001D, "RDP-Tcp#12", "remote desktop"),
        (0x8010002E, "rdp-tcp#0", "remote desktop"),
        (0x00000005, "", "session 0"),
    ],
)
def test_an_absence_names_its_cause(hresult: int, session_name: str, cause: str) -> None:
    """The Windows cases were never run on Windows; this is what the driver makes of the results it would get."""
    detail = absence_detail(hresult, session_name)
    assert detail.startswith(f"SCARD 0x{hresult:08X}")
    assert cause in detail
