# What workstation.face.dlib_engine uses of dlib-bin 20.0.1.
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

class vector:
    def __iter__(self) -> Iterator[float]: ...

class face_recognition_model_v1:
    def __init__(self, file_name: str) -> None: ...
    def compute_face_descriptor(self, img: npt.NDArray[np.uint8], num_jitters: int = ...) -> vector: ...
