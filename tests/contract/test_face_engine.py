"""One contract for every face engine, on two public-domain portraits and the drill's scenes."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from onnx import TensorProto, helper

from assets.build_models import ensure
from drivers.contracts import Image
from drivers.errors import ErrorCode, KioskError
from drivers.simulated.bench import BenchFile, BenchState, Scene
from drivers.simulated.camera import SimulatedCamera
from kiosk_config.model import Face
from tests.portraits import HEADS, card_photo, roster_photo
from workstation.face import dlib_engine
from workstation.face.contract import DetectedFace, FaceEngine, ReferenceKind, compare, fuse
from workstation.face.dlib_engine import DlibFaceEngine
from workstation.face.engines import EngineKind, make_engine
from workstation.face.onnx_engine import OnnxFaceEngine

NETWORKS = ["fr_detect", "fr_landmark", "fr_eye", "fr_liveness"]
"""Of both engines; the describer is each engine's own."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def models_dir() -> Path:
    return ensure()


@pytest.fixture(scope="module", params=EngineKind)
def engine(request: pytest.FixtureRequest, models_dir: Path) -> FaceEngine:
    return make_engine(request.param, models_dir)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> dict[Scene, Image]:
    bench = BenchFile(tmp_path_factory.mktemp("bench") / "bench.json")
    bench.write(BenchState())
    camera = SimulatedCamera(bench)
    pictures = {}
    for scene in Scene:
        bench.change(scene=scene)
        camera.open()
        pictures[scene] = camera.read(timeout_s=5).image
    return pictures


@pytest.fixture
def copy(models_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(models_dir, tmp_path / "models"))


def score(engine: FaceEngine, photo: Image, picture: Image) -> float:
    reference = engine.describe_reference(photo)
    (face,) = engine.detect(picture)
    assert reference is not None
    return compare(reference, engine.describe(picture, face))


def refused(call: Callable[[], object]) -> KioskError:
    with pytest.raises(KioskError) as caught:
        call()
    assert caught.value.code is ErrorCode.FACE_ENGINE_FAILED
    return caught.value


def test_every_engine_can_be_configured() -> None:
    assert get_args(Face.model_fields["engine"].annotation) == tuple(EngineKind)


class TestComparison:
    @pytest.mark.parametrize("person", HEADS)
    def test_the_same_person_is_a_match(self, engine: FaceEngine, live, person: Scene) -> None:
        clean = score(engine, roster_photo(person), live[person])
        assert clean >= engine.policies[ReferenceKind.ROSTER_PHOTO].match_threshold
        # dlib's threshold for card photos is out of reach for most people: they go to the human (docs/adr/0006).
        policy = engine.policies[ReferenceKind.CARD_PHOTO]
        needed = policy.grey_threshold if isinstance(engine, DlibFaceEngine) else policy.match_threshold
        assert score(engine, card_photo(person), live[person]) >= needed

    @pytest.mark.parametrize("photo", [card_photo, roster_photo])
    @pytest.mark.parametrize(("on_card", "seated"), [tuple(HEADS), tuple(HEADS)[::-1]])
    def test_another_person_is_not(self, engine: FaceEngine, live, on_card: Scene, seated: Scene, photo) -> None:
        for policy in engine.policies.values():
            assert score(engine, photo(on_card), live[seated]) < policy.grey_threshold

    def test_thresholds_are_sound_and_say_what_they_rest_on(self, engine: FaceEngine) -> None:
        assert set(engine.policies) == set(ReferenceKind)
        for policy in engine.policies.values():
            assert -1 < policy.grey_threshold < policy.match_threshold < 1
            assert 0 < policy.fmr_east_asian_names < 0.01
            assert 0 <= policy.fnmr < 1
            assert policy.data_set

    def test_embeddings_are_unit_vectors_and_repeat(self, engine: FaceEngine, live) -> None:
        photo, picture = card_photo(Scene.PERSON_A), live[Scene.PERSON_A]
        (face,) = engine.detect(picture)
        described = [(engine.describe_reference(photo), engine.describe(picture, face)) for _ in range(2)]
        for one, other in zip(*described, strict=True):
            assert one is not None
            assert one.dtype == np.float32
            assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
            assert np.array_equal(one, other)
            assert compare(one, other) == pytest.approx(1, abs=1e-5)

    def test_fused_probes_are_one_embedding_that_is_nearer(self, engine: FaceEngine, live) -> None:
        picture = live[Scene.PERSON_A]
        (face,) = engine.detect(picture)
        bright = np.asarray(cv2.convertScaleAbs(picture, alpha=1.2), np.uint8)
        probes = [engine.describe(picture, face), engine.describe(bright, face)]
        fused = fuse(probes)
        assert np.linalg.norm(fused) == pytest.approx(1, abs=1e-5)
        assert min(compare(fused, probe) for probe in probes) >= compare(*probes)


class TestFinding:
    @pytest.mark.parametrize(("scene", "count"), [(Scene.NOBODY, 0), (Scene.PERSON_A, 1), (Scene.TWO, 2)])
    def test_faces_are_counted_the_largest_first(self, engine: FaceEngine, live, scene: Scene, count: int) -> None:
        areas = [face.box.width * face.box.height for face in engine.detect(live[scene])]
        assert len(areas) == count
        assert areas == sorted(areas, reverse=True)

    def test_landmarks_lie_on_the_face(self, engine: FaceEngine, live) -> None:
        (face,) = engine.detect(live[Scene.PERSON_A])
        left_eye, right_eye = face.landmarks[36:42].mean(axis=0), face.landmarks[42:48].mean(axis=0)
        chin, nose = face.landmarks[8], face.landmarks[30]
        assert face.box.x < left_eye[0] < nose[0] < right_eye[0] < face.box.x + face.box.width
        assert face.box.y < left_eye[1] < nose[1] < chin[1]

    def test_eyes_and_passive_score_are_shares(self, engine: FaceEngine, live) -> None:
        picture = live[Scene.PERSON_A]
        (face,) = engine.detect(picture)
        passive = engine.passive_score(picture, face)
        assert passive is not None
        assert all(0 <= value <= 1 for value in (*engine.eye_openness(picture, face), passive))

    def test_a_face_says_nothing_of_itself(self, engine: FaceEngine, live) -> None:
        (face,) = engine.detect(live[Scene.PERSON_A])
        assert "landmarks" not in repr(face)

    @pytest.mark.parametrize("turn", [cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE])
    def test_a_turned_picture_gives_a_typed_result(self, engine: FaceEngine, live, turn: int) -> None:
        picture = np.asarray(cv2.rotate(live[Scene.PERSON_A], turn), np.uint8)
        require_typed(engine, picture)
        turned_photo = np.asarray(cv2.rotate(roster_photo(Scene.PERSON_A), turn), np.uint8)
        require_typed(engine, turned_photo)

    @pytest.mark.parametrize("level", [0, 127, 255])
    def test_a_picture_without_a_face_is_no_reference(self, engine: FaceEngine, level: int) -> None:
        assert engine.describe_reference(np.full((126, 102, 3), level, np.uint8)) is None


def require_typed(engine: FaceEngine, picture: Image) -> None:
    """Every method gives what its type says, or a typed error."""
    reference = engine.describe_reference(picture)
    assert reference is None or np.linalg.norm(reference) == pytest.approx(1, abs=1e-5)
    for face in engine.detect(picture):
        assert isinstance(face, DetectedFace)
        assert np.linalg.norm(engine.describe(picture, face)) == pytest.approx(1, abs=1e-5)
        assert all(0 <= value <= 1 for value in engine.eye_openness(picture, face))
        passive = engine.passive_score(picture, face)
        assert passive is None or 0 <= passive <= 1


class TestBadPictures:
    @settings(max_examples=25)
    @given(picture=st_numpy.arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60), st.just(3))))
    def test_any_small_picture_gives_a_typed_result(self, engine: FaceEngine, picture: Image) -> None:
        require_typed(engine, picture)

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(share=st.floats(0.02, 0.99), quality=st.integers(1, 95))
    def test_a_truncated_photo_gives_a_typed_result(self, engine: FaceEngine, share: float, quality: int) -> None:
        _, encoded = cv2.imencode(".jpg", roster_photo(Scene.PERSON_B), [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = cv2.imdecode(encoded[: int(share * encoded.size)], cv2.IMREAD_COLOR)
        if picture is None:
            refused(lambda: engine.describe_reference(picture))
        else:
            require_typed(engine, np.asarray(picture, np.uint8))

    @pytest.mark.parametrize("shape", [(1, 1, 3), (1, 4096, 3), (4096, 1, 3), (3, 1000, 3)])
    def test_extreme_shapes_give_a_typed_result(self, engine: FaceEngine, shape: tuple[int, int, int]) -> None:
        picture = np.random.default_rng(7).integers(0, 256, shape, np.uint8)
        assert engine.describe_reference(picture) is None
        assert engine.detect(picture) == ()

    @pytest.mark.parametrize("shape", [(126, 102), (126, 102, 4), (126, 102, 1), (0, 0, 3), (5000, 10, 3)])
    def test_what_is_no_picture_is_refused(self, engine: FaceEngine, shape: tuple[int, ...]) -> None:
        for method in (engine.detect, engine.describe_reference):
            refused(lambda ask=method: ask(np.zeros(shape, np.uint8)))

    @pytest.mark.parametrize("picture", [None, "", np.zeros((9, 9, 3), np.float32)], ids=["none", "text", "floats"])
    def test_what_is_not_even_pixels_is_refused(self, engine: FaceEngine, picture: object) -> None:
        for method in (engine.detect, engine.describe_reference):
            refused(lambda ask=method: ask(picture))

    def test_a_face_far_outside_the_picture_gives_a_typed_result(self, engine: FaceEngine, live) -> None:
        (face,) = engine.detect(live[Scene.PERSON_A])
        small = np.ascontiguousarray(live[Scene.PERSON_A][:20, :20])
        assert np.linalg.norm(engine.describe(small, face)) == pytest.approx(1, abs=1e-5)


def rewrite(models_dir: Path, change: Callable[[dict], None]) -> None:
    manifest = json.loads((models_dir / "manifest.json").read_text())
    change(manifest)
    (models_dir / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("kind", EngineKind)
class TestNetworksOfBoth:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_another_network_is_refused(self, copy: Path, kind: EngineKind, name: str) -> None:
        with (copy / f"{name}.onnx").open("ab") as file:
            file.write(b"\0")
        assert refused(lambda: make_engine(kind, copy)).context == {"network": f"{name}.onnx"}

    @pytest.mark.parametrize("name", NETWORKS)
    def test_a_missing_network_is_refused(self, copy: Path, kind: EngineKind, name: str) -> None:
        (copy / f"{name}.onnx").unlink()
        assert refused(lambda: make_engine(kind, copy)).context == {"network": f"{name}.onnx"}

    def test_a_missing_folder_is_refused(self, tmp_path: Path, kind: EngineKind) -> None:
        refused(lambda: make_engine(kind, tmp_path / "none"))

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1}', "\x00", "[" * 100_000])
    def test_a_broken_manifest_is_refused(self, copy: Path, kind: EngineKind, text: str) -> None:
        (copy / "manifest.json").write_text(text)
        refused(lambda: make_engine(kind, copy))

    def test_a_site_may_do_without_the_passive_network(self, copy: Path, kind: EngineKind, live) -> None:
        rewrite(copy, lambda manifest: manifest.pop("passive"))
        engine = make_engine(kind, copy)
        picture = live[Scene.PERSON_A]
        assert engine.passive_score(picture, engine.detect(picture)[0]) is None

    def test_identity_tells_engines_and_manifests_apart(self, copy: Path, kind: EngineKind, models_dir: Path) -> None:
        rewrite(copy, lambda manifest: manifest.update(version="9"))
        hashes = {make_engine(each, folder).identity.sha256 for each in EngineKind for folder in (copy, models_dir)}
        assert len(hashes) == 4
        assert make_engine(kind, copy).identity.licence


class TestManifest:
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(document=JSON)
    def test_any_json_gives_a_typed_error(self, copy: Path, document: object) -> None:
        (copy / "manifest.json").write_text(json.dumps(document))
        refused(lambda: OnnxFaceEngine(copy))

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data(), value=JSON)
    def test_any_change_of_a_manifest_gives_an_engine_or_a_typed_error(
        self, copy: Path, models_dir: Path, data: st.DataObject, value: object
    ) -> None:
        manifest = json.loads((models_dir / "manifest.json").read_text())
        target, key = manifest, data.draw(st.sampled_from(sorted(manifest)))
        while isinstance(target[key], dict) and data.draw(st.booleans()):
            target = target[key]
            key = data.draw(st.sampled_from(sorted(target)))
        target[key] = value
        (copy / "manifest.json").write_text(json.dumps(manifest))
        try:
            assert OnnxFaceEngine(copy).policies
        except KioskError as error:
            assert error.code is ErrorCode.FACE_ENGINE_FAILED  # noqa: PT017 - either outcome is right

    def test_thresholds_upside_down_are_refused(self, copy: Path) -> None:
        rewrite(copy, lambda manifest: manifest["thresholds"]["card-photo"].update(grey_threshold=0.9))
        assert refused(lambda: OnnxFaceEngine(copy)).context == {"reference": "card-photo"}

    def test_a_kind_of_reference_without_thresholds_is_refused(self, copy: Path) -> None:
        rewrite(copy, lambda manifest: manifest["thresholds"].pop("roster-photo"))
        assert refused(lambda: OnnxFaceEngine(copy)).context == {"reference": "roster-photo"}

    def test_a_site_brings_its_own_describer(self, copy: Path, live) -> None:
        (copy / "fr_feature.onnx").rename(copy / "site_net.onnx")

        def change(manifest: dict) -> None:
            manifest.update(name="site", version="2027.1", licence="LicenseRef-site")
            manifest["describer"]["file"] = "site_net.onnx"
            manifest["thresholds"]["card-photo"]["match_threshold"] = 0.6

        rewrite(copy, change)
        engine = OnnxFaceEngine(copy)
        assert (engine.identity.name, engine.identity.version, engine.identity.licence) == (
            "site", "2027.1", "LicenseRef-site",
        )  # fmt: skip
        assert engine.policies[ReferenceKind.CARD_PHOTO].match_threshold == 0.6
        assert score(engine, card_photo(Scene.PERSON_A), live[Scene.PERSON_A]) >= 0.6


class TestDescriberOfOnnx:
    @pytest.fixture
    def replaced(self, copy: Path) -> Callable[[list[int]], Path]:
        """Put a network in the describer's place that answers every picture with ones of this shape."""

        def replace(shape: list[int]) -> Path:
            content = constant_network(shape)
            (copy / "fr_feature.onnx").write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            rewrite(copy, lambda manifest: manifest["describer"].update(sha256=digest))
            return copy

        return replace

    def test_a_network_of_the_right_shape_is_taken(self, replaced) -> None:
        assert OnnxFaceEngine(replaced([1, 512])).policies

    @pytest.mark.parametrize("shape", [[1, 511], [1, 128], [1, 512, 7, 7]])
    def test_a_network_of_another_shape_is_refused(self, replaced, shape: list[int]) -> None:
        assert "embedding" in str(refused(lambda: OnnxFaceEngine(replaced(shape))))

    def test_what_is_no_network_is_refused(self, copy: Path) -> None:
        content = b"no network"
        (copy / "fr_feature.onnx").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        rewrite(copy, lambda manifest: manifest["describer"].update(sha256=digest))
        assert refused(lambda: OnnxFaceEngine(copy)).context == {"network": "fr_feature.onnx"}

    def test_a_changed_describer_is_refused(self, copy: Path) -> None:
        with (copy / "fr_feature.onnx").open("ab") as file:
            file.write(b"\0")
        assert refused(lambda: OnnxFaceEngine(copy)).context == {"network": "fr_feature.onnx"}


def constant_network(shape: list[int]) -> bytes:
    """Return an ONNX network: the input's mean brings its constant into play and then nothing."""
    size = int(np.prod(shape))
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weight", "bias"], ["row"]),
        helper.make_node("Reshape", ["row", "shape"], ["output"]),
    ]
    constants = [
        helper.make_tensor("weight", TensorProto.FLOAT, [3, size], np.zeros(3 * size, np.float32)),
        helper.make_tensor("bias", TensorProto.FLOAT, [size], np.ones(size, np.float32)),
        helper.make_tensor("shape", TensorProto.INT64, [len(shape)], np.array(shape, np.int64)),
    ]
    given_picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 112, 112])
    answer = helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "constant", [given_picture], [answer], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


class TestDescriberOfDlib:
    def test_a_missing_file_is_refused(self, models_dir: Path, tmp_path: Path) -> None:
        assert "cannot be read" in str(refused(lambda: DlibFaceEngine(models_dir, tmp_path / "none.dat")))

    def test_another_file_is_refused_before_dlib_opens_it(self, models_dir: Path, tmp_path: Path) -> None:
        file = tmp_path / "network.dat"
        file.write_bytes(b"no network")
        assert "pinned" in str(refused(lambda: DlibFaceEngine(models_dir, file)))

    def test_a_file_that_dlib_cannot_load_is_refused(self, models_dir: Path, tmp_path: Path, monkeypatch) -> None:
        file = tmp_path / "network.dat"
        file.write_bytes(b"no network")
        monkeypatch.setattr(dlib_engine, "SHA256", hashlib.sha256(b"no network").hexdigest())
        assert "loaded" in str(refused(lambda: DlibFaceEngine(models_dir, file)))

    def test_a_missing_package_is_named(self, models_dir: Path, monkeypatch) -> None:
        monkeypatch.setattr(dlib_engine, "PACKAGE", "no_such_package")
        assert refused(lambda: DlibFaceEngine(models_dir)).context == {"package": "no_such_package"}

    def test_missing_dlib_is_named(self, models_dir: Path, monkeypatch) -> None:
        monkeypatch.setitem(sys.modules, "dlib", None)
        assert refused(lambda: DlibFaceEngine(models_dir)).context == {"package": "dlib"}
