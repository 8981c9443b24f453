"""What the person before the camera should change first, so that the next frame can be used (E-201 to E-203)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workstation.face.contract import Box
from workstation.face.look import Look
from workstation.face.quality import FaceQuality


class Coaching(StrEnum):
    """What to change, in the order in which it is asked for."""

    NONE = "none"
    NO_FACE = "no-face"
    TOO_FAR = "too-far"
    TOO_CLOSE = "too-close"
    OFF_CENTRE = "off-centre"
    LOOK_STRAIGHT = "look-straight"
    TOO_DARK = "too-dark"
    TOO_BRIGHT = "too-bright"
    BACKLIT = "backlit"
    COVERED = "covered"
    GLARE = "glare"
    BLURRED = "blurred"
    SEVERAL = "several"


@dataclass(frozen=True, kw_only=True)
class CapturePolicy:
    """When a frame is good enough to be a probe, and how many make a decision.

    Attributes:
        probes: how many are fused.
        probe_interval_s: at least this much time between two kept probes: only different frames reduce the FNMR.
        min_agreement: two probes of one session that are less alike are two people. Impostor pairs with East
            Asian names stay below 0.46 (LFW, 1 225 pairs, single frames).
        min_face_width_px: the smallest of the measured data.
        min_eye_distance_px: likewise.
        max_face_height: part of the frame's height.
        max_offset: distance of the face's middle from the frame's, part of the width or height.
        max_yaw: degrees. Beyond it the networks see another face than the one on the card.
        max_pitch: degrees; a camera below or above the eyes costs ten.
        min_brightness: mean grey value of the face (of the frame when none is found), 0..255.
            No face of LFW's first 250 is below 50 or above 170.
        max_brightness: as ``min_brightness``.
        max_backlight: how many times brighter than the face the whole frame may be.
        max_glare: white part of the eye areas. 1 % of LFW's faces are above 0.02, none above 0.08.
        min_sharpness: variance of the Laplacian of the aligned face. At 25 (a blur of 3 pixels on a face of 160)
            the score against the card photo has lost 0.02; at 10 it has lost 0.23. LFW's first 250: 29 or more.
    """

    probes: int = 5
    probe_interval_s: float = 0.3
    min_agreement: float = 0.5
    min_face_width_px: float = 110
    min_eye_distance_px: float = 36
    max_face_height: float = 0.75
    max_offset: float = 0.22
    max_yaw: float = 18
    max_pitch: float = 22
    min_brightness: float = 45
    max_brightness: float = 220
    max_backlight: float = 2.2
    max_glare: float = 0.05
    min_sharpness: float = 25


def coach(look: Look, policy: CapturePolicy) -> Coaching:
    """Return what to change first, NONE when the frame can be a probe."""
    if look.face is None or look.quality is None:
        # Nothing is found in glare or in the dark either; "no face" would send the person to the wrong remedy.
        return _light_fault(policy, look.brightness) or Coaching.NO_FACE
    if len(look.faces) > 1:
        return Coaching.SEVERAL
    return (
        _place_fault(policy, look.face.box, look.frame_size)
        or _light_fault(policy, look.quality.brightness)
        or _face_fault(policy, look.quality, look.brightness)
        or Coaching.NONE
    )


def _place_fault(policy: CapturePolicy, box: Box, frame_size: tuple[int, int]) -> Coaching | None:
    width, height = frame_size
    centre_x, centre_y = box.centre
    faults = {
        Coaching.TOO_FAR: box.width < policy.min_face_width_px,
        Coaching.TOO_CLOSE: box.height > policy.max_face_height * height,
        Coaching.OFF_CENTRE: max(abs(centre_x / width - 0.5), abs(centre_y / height - 0.5)) > policy.max_offset,
    }
    return next((fault for fault, is_so in faults.items() if is_so), None)


def _light_fault(policy: CapturePolicy, brightness: float) -> Coaching | None:
    if brightness < policy.min_brightness:
        return Coaching.TOO_DARK
    return Coaching.TOO_BRIGHT if brightness > policy.max_brightness else None


def _face_fault(policy: CapturePolicy, quality: FaceQuality, frame_brightness: float) -> Coaching | None:
    pose = quality.pose
    faults = {
        Coaching.BACKLIT: frame_brightness > policy.max_backlight * quality.brightness,
        Coaching.LOOK_STRAIGHT: abs(pose.yaw) > policy.max_yaw or abs(pose.pitch) > policy.max_pitch,
        Coaching.TOO_FAR: quality.eye_distance_px < policy.min_eye_distance_px,
        Coaching.COVERED: quality.is_covered,
        Coaching.GLARE: quality.glare > policy.max_glare,
        Coaching.BLURRED: quality.sharpness < policy.min_sharpness,
    }
    return next((fault for fault, is_so in faults.items() if is_so), None)
