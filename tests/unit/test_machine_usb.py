"""The USB bus as sysfs shows it, and the kernel's events."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import CancelToken
from drivers.machine.kernel_events import KernelPlugEvents, open_socket, parse_event
from drivers.machine.usb_bus import SysfsUsbBus, group_names


def plug(root: Path, name: str, ids: str, device_class: str, *interfaces: str, product: str = "") -> None:
    vendor_id, product_id = ids.split(":")
    fields = {"idVendor": vendor_id, "idProduct": product_id, "bDeviceClass": device_class}
    if product:
        fields["product"] = product
    write(root / name, fields)
    for number, interface in enumerate(interfaces):
        write(root / f"{name}:1.{number}", {"bInterfaceClass": interface})


def write(folder: Path, fields: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for field, text in fields.items():
        (folder / field).write_text(text + "\n", encoding="utf-8")


def test_what_is_plugged_in(tmp_path: Path) -> None:
    plug(tmp_path, "usb1", "1d6b:0002", "09", "09")
    plug(tmp_path, "1-1", "046d:0825", "ef", "0e", "0e", "01", product="Webcam C270")
    plug(tmp_path, "1-1.4", "0781:5581", "00", "08", product="Ultra\x1b[31m")
    found = SysfsUsbBus(tmp_path).devices()
    assert found is not None
    assert [(device.kind, device.product) for device in found] == [
        ("046d:0825:01,0e,ef", "Webcam C270"),
        ("0781:5581:08", "Ultra[31m"),
    ]


def test_no_bus_is_not_an_empty_bus(tmp_path: Path) -> None:
    assert SysfsUsbBus(tmp_path / "none").devices() is None
    assert SysfsUsbBus(tmp_path).devices() == ()


def test_a_device_that_leaves_while_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "1-2").mkdir()
    (tmp_path / "1-2:1.0").mkdir()
    plug(tmp_path, "1-3", "096e:0309", "00")
    assert [device.kind for device in SysfsUsbBus(tmp_path).devices() or ()] == ["096e:0309:"]


@given(st.lists(st.text(alphabet="0123456789-.:usb", max_size=10) | st.text(max_size=10)))
def test_names_of_sysfs(names: list[str]) -> None:
    found = group_names(names)
    assert set(found) <= set(names)
    for device, interfaces in found.items():
        assert all(interface.startswith(f"{device}:") for interface in interfaces)


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=200))
def test_whatever_a_device_says(tmp_path_factory: pytest.TempPathFactory, ids: bytes, kind: bytes, name: bytes) -> None:
    root = tmp_path_factory.mktemp("sysfs")
    (root / "1-1").mkdir()
    for field, data in (("idVendor", b"096e"), ("idProduct", ids), ("bDeviceClass", kind), ("product", name)):
        (root / "1-1" / field).write_bytes(data)
    for device in SysfsUsbBus(root).devices() or ():
        assert len(device.kind) <= 12
        assert device.product.isprintable()
        assert device.product.encode()


EVENT = b"add@/devices/pci0/usb1/1-1\0ACTION=add\0SUBSYSTEM=usb\0SEQNUM=7\0"


def test_an_event() -> None:
    assert parse_event(EVENT)["SUBSYSTEM"] == "usb"
    assert parse_event(b"libudev\0\xfe\xed") == {}


@given(st.binary(max_size=200))
def test_whatever_the_kernel_says(data: bytes) -> None:
    assert "" not in parse_event(data)


@pytest.fixture
def line() -> Iterator[tuple[KernelPlugEvents, socket.socket]]:
    ours, kernels = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    events = KernelPlugEvents(lambda: ours)
    yield events, kernels
    events.close()
    kernels.close()


def test_only_what_is_plugged_wakes(line: tuple[KernelPlugEvents, socket.socket]) -> None:
    events, kernel = line
    cancel = CancelToken()
    kernel.send(EVENT.replace(b"=usb", b"=net"))
    timer = threading.Timer(0.2, kernel.send, (EVENT,))
    timer.start()
    assert events.wait(cancel=cancel)
    timer.join()
    cancel.cancel()
    assert not events.wait(cancel=cancel)


def test_the_kernel_lets_anybody_listen() -> None:
    listener = open_socket()
    assert listener.fileno() >= 0
    listener.close()


class Failing(socket.socket):
    """Has something to read, and fails to."""

    error = 0

    def recv(self, *args: int) -> bytes:
        raise OSError(self.error, "no")


@pytest.fixture
def failing() -> Iterator[Failing]:
    ours = Failing(socket.AF_INET, socket.SOCK_DGRAM)
    ours.bind(("127.0.0.1", 0))
    ours.sendto(b"x", ours.getsockname())
    yield ours
    ours.close()


def test_events_that_were_lost_count_as_one(failing: Failing) -> None:
    failing.error = errno.ENOBUFS
    assert KernelPlugEvents(lambda: failing).wait(cancel=CancelToken())


def test_a_socket_that_broke_is_an_error_and_is_opened_anew(failing: Failing) -> None:
    failing.error = errno.EIO
    ours, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    sockets = [ours, failing]
    events = KernelPlugEvents(sockets.pop)
    with pytest.raises(OSError, match="no"):
        events.wait(cancel=CancelToken())
    kernel.send(EVENT)
    assert events.wait(cancel=CancelToken())
    events.close()
    kernel.close()
