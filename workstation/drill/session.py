"""A drill by hand: the kiosk in a window, the drill console beside it, in one session."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import requests
from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication

from drivers.simulated.bench import Scene
from workstation.drill.console import CardChoice, DrillConsole
from workstation.drill.cooperation import Cooperation
from workstation.drill.kiosk import KioskProcess, Line
from workstation.drill.packs import LaunchKind
from workstation.drill.review import CHOICES, WaitingReview
from workstation.drill.roster import BOOTH_ID
from workstation.drill.stage import Stage
from workstation.site.contract import CommandKind
from workstation.ui.theme import install_fonts

_log = logging.getLogger(__name__)

FOLLOW_MS = 100
LEDGER_MS = 2000
STATES = {
    "idle": "空闲",
    "reading-card": "读取身份证",
    "card-problem": "身份证未能使用",
    "fetching-reference": "取登记照片",
    "face-check": "人脸核验",
    "face-problem": "人脸核验未通过",
    "human-review": "等待人工复核",
    "arriving": "上报到场",
    "awaiting-match": "等待名单",
    "task-review": "核对任务",
    "self-check": "设备自检",
    "sound-check": "试音",
    "launching": "跳转主场",
    "evaluating": "评审中",
    "locked": "本工位已锁定",
    "signing-out": "签退、清理",
    "farewell": "离场回执",
    "out-of-service": "暂停服务",
}
_GOOD, _DOUBTFUL, _FAULTY, _OTHER = "名单内，可以签到", "可以读取，需要人工处理", "读取失败", "不是身份证"
CARDS = (
    CardChoice("person-a", "柯敏的身份证", group=_GOOD),
    CardChoice("person-a-moved", "柯敏的身份证（迁过两次地址）", group=_GOOD),
    CardChoice("rare-character", "姓名含生僻字的身份证", group=_GOOD),
    CardChoice("hk-resident", "港澳居民居住证", group=_GOOD),
    CardChoice("foreign-resident-2017", "外国人永久居留身份证（2017 版）", Scene.PERSON_B, group=_GOOD),
    CardChoice("foreign-resident-2023", "外国人永久居留身份证（2023 版）", Scene.PERSON_B, group=_GOOD),
    CardChoice("person-b", "何乐雯的身份证（不在名单）", Scene.PERSON_B, group=_DOUBTFUL),
    CardChoice("person-a-expired", "过期的身份证", group=_DOUBTFUL),
    CardChoice("no-face", "照片无人脸", group=_DOUBTFUL),
    CardChoice("bad-check-digit", "号码校验位错误", group=_FAULTY),
    CardChoice("unknown-type", "类型不明的证件", group=_FAULTY),
    CardChoice("lifted-early", "读到一半就拿走的身份证", group=_FAULTY),
    CardChoice("unreadable", "读不出来的卡", group=_FAULTY),
    CardChoice("bank", "银行卡", group=_OTHER),
    CardChoice("social-security", "社会保障卡", group=_OTHER),
    CardChoice("transit", "公交卡", group=_OTHER),
    CardChoice("passport", "护照", group=_OTHER),
    CardChoice("phone", "手机", group=_OTHER),
)
"""Every drill card and every other card, those that go well first."""


class Session(QObject):
    """Connects the console, the stage and the kiosk.

    Signals:
        line_read(dict): a line of the kiosk's log, emitted in the reading thread.
    """

    line_read = Signal(object)

    def __init__(self, stage: Stage, console: DrillConsole, qt: QApplication) -> None:
        super().__init__()
        self._stage, self._console, self._qt = stage, console, qt
        self.line_read.connect(self._on_line_read)
        console.review_requested.connect(self._on_console_review_requested)
        console.message_requested.connect(self._on_console_message_requested)
        console.roster_requested.connect(self._on_console_roster_requested)
        console.speech_requested.connect(self._on_console_speech_requested)
        self._expert = Cooperation(stage.bench, speak=stage.speak)
        self._kiosk = KioskProcess(stage.config_file, stage.environment, self.line_read.emit)
        self._ticker = QTimer(self)
        self._ticker.setInterval(FOLLOW_MS)
        self._ticker.timeout.connect(self._on_ticker_timeout)
        self._ticker.start()
        self._ledger_ticker = QTimer(self)
        self._ledger_ticker.setInterval(LEDGER_MS)
        self._ledger_ticker.timeout.connect(self._on_ledger_ticker_timeout)
        self._ledger_ticker.start()

    def stop(self) -> None:
        """End the kiosk."""
        self._ticker.stop()
        self._ledger_ticker.stop()
        self._kiosk.stop()

    @Slot()
    def _on_ticker_timeout(self) -> None:
        self._stage.follow()
        self._expert.act()
        if not self._kiosk.is_running:
            self._qt.exit(0)

    @Slot()
    def _on_ledger_ticker_timeout(self) -> None:
        try:
            self._console.show_outages(self._stage.administrator.outages())
        except requests.RequestException:
            self._console.show_outages(None)

    @Slot(object)
    def _on_line_read(self, line: Line) -> None:
        if self._console.cooperates:
            self._expert.hear(line)
        if line.get("event") == "state_entered":
            state = str(line.get("state", ""))
            self._show(STATES.get(state, state))
            self._console.show_review(WaitingReview() if state == "human-review" else None)
        elif line.get("event") == "recorded" and line.get("kind") == "review_sent":
            self._try(self._show_case)
        elif line.get("event") == "recorded" and line.get("code"):
            self._show(f"{line.get('kind')} {line.get('code')}")

    def _show_case(self) -> None:
        administrator = self._stage.administrator
        for case in administrator.waiting_cases():
            pictures = {picture: administrator.picture(case, picture) for picture in case.pictures}
            self._console.show_review(
                WaitingReview(code=case.code, may_repeat=case.may_repeat, card_year=case.card_year, pictures=pictures)
            )

    def _show(self, text: str) -> None:
        self._console.show_event(datetime.now().astimezone().strftime("%H:%M:%S"), text)

    @Slot(object)
    def _on_console_review_requested(self, kind: CommandKind) -> None:
        self._try(lambda: self._review(kind))

    def _review(self, kind: CommandKind) -> None:
        session_id = self._stage.administrator.waiting_review(BOOTH_ID)
        if session_id is None:
            self._show("没有等待复核的专家")
            return
        self._stage.administrator.review(BOOTH_ID, session_id, kind)
        self._show(f"已下达：{CHOICES[kind]}")

    @Slot(str)
    def _on_console_message_requested(self, text: str) -> None:
        self._try(lambda: self._stage.administrator.message(BOOTH_ID, text))

    @Slot(str)
    def _on_console_roster_requested(self, what: str) -> None:
        self._try(lambda: self._stage.deliver_roster(listed=what == "deliver"))

    @Slot()
    def _on_console_speech_requested(self) -> None:
        self._stage.speak()

    def _try(self, call: Callable[[], None]) -> None:
        try:
            call()
        except requests.RequestException as error:
            self._show(f"站点服务器没有接受：{type(error).__name__}")


def run_session(directory: Path, launch: LaunchKind = "ticket-get") -> int:
    """Show kiosk and console until either window is closed."""
    logging.basicConfig(level=logging.INFO)
    qt = QApplication(sys.argv[:1])
    install_fonts(qt)
    if os.geteuid() == 0:
        _log.warning("running as root: in drill mode, and only there, Chromium's sandbox is off")
    with Stage(directory, launch=launch, fullscreen=False) as stage:
        unavailable = {} if stage.has_voice else {"voice": "没有声音服务，不能说话"}
        if "reader" in stage.notes:
            _log.info("simulated reader: %s", stage.notes["reader"])
        console = DrillConsole(stage.bench, CARDS, unavailable=unavailable)
        screen = qt.primaryScreen().availableGeometry()
        console.move(screen.right() - console.width(), screen.y())
        console.show()
        session = Session(stage, console, qt)
        # The ticker lets Python see the signals ten times a second.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: qt.exit(0))
        code = qt.exec()
        session.stop()
    return code
