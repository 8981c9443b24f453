"""Vendors' return codes as SAM statuses, and the SAM's number as one family prints it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from drivers.idcard.vendor import profiles
from drivers.idcard.vendor.native import UnfitError
from drivers.simulated.sam import SAM_ID

NAMES = "OpenPort ClosePort GetSAMStatus GetSAMID StartFindIDCard SelectIDCard ReadBaseMsg ReadNewAppMsg ReadIINSNDN"


def sam_library(profile: str, code: int, *, answers: bool = True) -> Any:
    """Return a library whose functions all return ``code``, and whose SAM still says it is well or not."""
    prefix, well = ("Syn_", 0) if profile == "syn" else ("SDT_", 0x90)
    functions: dict[str, Any] = {prefix + name: lambda *_: code for name in NAMES.split()}
    functions[prefix + "GetSAMStatus"] = lambda *_: well if answers else 1
    return profiles.make(profile, SimpleNamespace(**functions), 1001)


def cvr_library(code: int, *, number: bytes = b"", authenticates: int | None = None) -> Any:
    def tell(buffer: Any) -> int:
        buffer.value = number
        return 1 if number else 0

    functions = {name: lambda *_: code for name in ("CVR_InitComm", "CVR_CloseComm", "CVR_ReadBaseMsg")}
    found = code if authenticates is None else authenticates
    return profiles.make("cvr", SimpleNamespace(**functions, CVR_Authenticate=lambda: found, CVR_GetSAMID=tell), 1001)


@pytest.mark.parametrize(
    ("profile", "command", "code", "status"),
    [
        ("sdt", profiles.FIND, 0x9F, profiles.FOUND),
        ("sdt", profiles.FIND, 0x80, profiles.NO_CARD),
        ("sdt", profiles.SELECT, 0x90, profiles.SUCCESS),
        ("sdt", profiles.READ_BASE, 0x66, 0x66),
        ("sdt", profiles.READ_BASE, 2, profiles.CHECKSUM_ERROR),
        ("sdt", profiles.READ_BASE, 3, profiles.CHECKSUM_ERROR),
        ("sdt", profiles.READ_BASE, 9, profiles.READ_FAILED),
        ("syn", profiles.FIND, 0, profiles.FOUND),
        ("syn", profiles.FIND, 0x80, profiles.NO_CARD),
        ("syn", profiles.FIND, -1, profiles.NO_CARD),
        ("syn", profiles.SELECT, 0, profiles.SUCCESS),
        ("syn", profiles.SELECT, -7, profiles.SELECT_FAILED),
        ("syn", profiles.READ_NEWEST_ADDRESS, 0x91, 0x91),
        ("syn", b"\x60\x00", 0, profiles.UNRECOGNISED),
    ],
)
def test_codes_of_the_sam_families(profile: str, command: bytes, code: int, status: int) -> None:
    assert sam_library(profile, code).answer(command)[0] == status


@pytest.mark.parametrize("profile", ["sdt", "syn"])
@pytest.mark.parametrize("code", [1, 2, 3, 5, 9, -1, 1 << 20])
def test_a_sam_that_does_not_answer_any_more_is_lost(profile: str, code: int) -> None:
    sam = sam_library(profile, code, answers=False)
    with pytest.raises(profiles.LostError, match=str(code)):
        sam.answer(profiles.READ_BASE)
    with pytest.raises(profiles.LostError, match="port 1001"):
        sam.open()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (1, profiles.FOUND),
        (2, profiles.NO_CARD),
        (-1, profiles.NO_CARD),
        (3, profiles.FOUND),
        (-2, profiles.FOUND),
        (0, profiles.NO_CARD),
    ],
)
def test_codes_of_the_cvr_family(code: int, status: int) -> None:
    sam = cvr_library(code, number=str(SAM_ID).encode())
    assert sam.answer(profiles.FIND)[0] == status
    assert sam.answer(profiles.SELECT)[0] == (profiles.SUCCESS if code == 1 else profiles.SELECT_FAILED)


def test_a_cvr_reader_that_does_not_answer_any_more_is_lost() -> None:
    for command in (profiles.FIND, profiles.READ_BASE, profiles.SAM_STATUS, profiles.SAM_ID):
        with pytest.raises(profiles.LostError):
            cvr_library(0).answer(command)


def test_a_cvr_reader_that_does_not_tell_its_number_is_not_lost() -> None:
    sam = cvr_library(0, authenticates=2)
    assert sam.answer(profiles.SAM_ID)[0] == profiles.UNRECOGNISED
    assert sam.answer(profiles.READ_BASE)[0] == profiles.READ_FAILED


@pytest.mark.parametrize("number", [str(SAM_ID), str(SAM_ID).replace("-", "").replace(".", "")])
def test_the_number_of_the_sam_as_printed(number: str) -> None:
    assert cvr_library(1, number=number.encode()).answer(profiles.SAM_ID) == (profiles.SUCCESS, SAM_ID.raw)


@pytest.mark.parametrize("number", [b"05.03", b"nothing", b"05.03-99999999-9999999999-0000000000"])
def test_what_is_no_number_of_a_sam(number: bytes) -> None:
    assert cvr_library(1, number=number).answer(profiles.SAM_ID)[0] == profiles.UNRECOGNISED


@pytest.mark.parametrize("profile", ["sdt", "syn", "cvr"])
def test_a_missing_function_is_named(profile: str) -> None:
    with pytest.raises(UnfitError, match=r"OpenPort|InitComm"):
        profiles.make(profile, SimpleNamespace(), 1)
