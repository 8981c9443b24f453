"""人脸核验: the mirror, who is being verified, how far it is, and the way to a human."""

from __future__ import annotations

from typing import cast

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from workstation.journey.events import Intent
from workstation.journey.states import FaceCheck
from workstation.ui.messages import Messages
from workstation.ui.screens.base import TitledScreen
from workstation.ui.theme import Theme, Tone
from workstation.ui.views import Coaching, FaceView, Scene
from workstation.ui.widgets.basics import Card, ProgressBar, Tag, text
from workstation.ui.widgets.camera_view import CameraView
from workstation.ui.widgets.people import HolderCard


class FaceScreen(TitledScreen):
    """Coaches in words; needs no button on a good day."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        self._camera = CameraView(theme, messages.text("face.no_picture"))
        self._holder = HolderCard(theme, messages)
        self._progress = _ProgressCard(theme, messages)
        self._manual = self.button("face.manual", Intent.MANUAL)
        side = QWidget()
        side.setFixedWidth(theme.px(460))
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(24))
        for part in (self._holder, self._progress, self._manual):
            column.addWidget(part)
        column.addStretch(1)
        self.add_stage((self._camera, 1), (side, 0))

    def show_scene(self, scene: Scene) -> None:
        """Show coaching, progress and the person."""
        face, words = scene.face, self.messages
        self.show_head(self._title(scene), self._lead(scene))
        hint = f"prompt.{face.prompt}" if face.prompt else f"coaching.{face.coaching}"
        self._camera.show_face(face, words.text(hint))
        self._holder.show_holder(scene.holder, scene.portrait)
        self._progress.show_face(scene.face)

    def _title(self, scene: Scene) -> str:
        if scene.face.prompt:
            return self.messages.text(f"prompt_title.{scene.face.prompt}")
        return self.messages.text("face.title_lift" if scene.journey.card_present else "face.title")

    def _lead(self, scene: Scene) -> str:
        state, face = cast("FaceCheck", scene.journey.state), scene.face
        if face.prompt:
            return self.messages.text("face.lead_action", number=face.actions_done + 1, total=face.actions_total)
        return self.messages.text("face.lead", tries=state.tries, most=face.max_tries)

    def show_frame(self, frame: QImage | None) -> None:
        """Show a camera picture."""
        self._camera.show_frame(frame)

    def primary(self) -> QWidget | None:
        """Return nothing: the check goes by itself, and Enter must not end it by accident."""
        return None


class _ProgressCard(Card):
    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, heading=messages.text("face.progress"), spacing=14)
        self._messages = messages
        self._quality, self._single, self._liveness, self._comparison = (
            self._row(theme, messages.text(key))
            for key in ("face.quality", "face.single", "face.liveness", "face.comparison")
        )
        self._bar = ProgressBar(theme)
        self.column.addSpacing(theme.px(6))
        self.column.addWidget(self._bar)

    def _row(self, theme: Theme, caption: str) -> Tag:
        tag = Tag(theme)
        row = QHBoxLayout()
        row.addWidget(text(caption, wrap=True), 1)
        row.addWidget(tag)
        self.column.addLayout(row)
        return tag

    def show_face(self, view: FaceView) -> None:
        """Show the four judgements and how far the check is."""
        several, seen = view.coaching is Coaching.SEVERAL, view.coaching is not Coaching.NO_FACE
        words = self._messages
        waiting = (words.text("face.waiting"), Tone.QUIET)
        good = (words.text("face.good"), Tone.OK)
        adjust = (words.text("face.adjust"), Tone.WARN)
        usable = view.coaching is Coaching.NONE or view.prompt is not None
        self._quality.show_state(*(good if usable else waiting if several or not seen else adjust))
        alone = (words.text("face.yes"), Tone.OK)
        self._single.show_state(*((words.text("face.no"), Tone.WARN) if several else alone if seen else waiting))
        running = (words.text("face.running"), Tone.INFO)
        is_answered = view.actions_done >= view.actions_total
        off = (words.text("face.off"), Tone.QUIET)
        done = off if view.actions_total == 0 else good
        self._liveness.show_state(*(done if is_answered else running if view.kept or view.prompt else waiting))
        self._comparison.show_state(*(running if view.kept and is_answered else waiting))
        self._bar.set_fraction(view.progress)
