"""Write Velox EMD files, frame by frame, as far as readers of such files look at them.

The layout follows real files of version 8 and 11 (HDF5, uncompressed, one frame per chunk
of at most 2 MiB, one JSON text per frame in a column of a byte array).
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import UInt16

from stemjax.provenance import written_aside

METADATA_BYTES = 60_000
CHUNK_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True)
class ScanSettings:
    """What the file says about a scan.

    Attributes:
        dwell_us: dwell time in microseconds.
        line_time_us: line time with flyback in microseconds.
        pixel_size_nm: pixel size in nanometres.
        current_pa: screen current in picoamperes.
        started: acquisition start, seconds since 1970.
        rotation: scan rotation in radians.
    """

    dwell_us: float
    line_time_us: float
    pixel_size_nm: float
    current_pa: float
    started: int
    rotation: float = 0.0

    def frame_time_s(self, rows: int) -> float:
        """Seconds from the start of a frame to that of the next."""
        return rows * self.line_time_us * 1e-6


def write_velox(
    path: str | Path,
    frames: Iterable[UInt16[np.ndarray, "y x"]],
    settings: ScanSettings,
    detector: str = "BF",
) -> None:
    """Write one image stack as a Velox EMD file, whole or not at all.

    Args:
        path: the file.
        frames: taken one at a time; all of one shape, at least one.
        settings: of the scan.
        detector: title of the image.
    """
    name = hashlib.md5(Path(path).name.encode(), usedforsecurity=False).hexdigest()
    with written_aside(path) as aside, h5py.File(aside, "w") as file:
        _text(file, "Version", {"version": "8", "format": "Velox"})
        _text(file, "Info", {"applicationVersion": "2.10.0.716"})
        group = file.create_group(f"Data/Image/{name}")
        count = 0
        for count, frame in enumerate(frames, start=1):
            if count == 1:
                _create(group, frame.shape)
            for dataset in ("Data", "Metadata", "FrameLookupTable"):
                group[dataset].resize(count, axis=group[dataset].ndim - 1)
            group["Data"][:, :, count - 1] = frame
            meta = _metadata(frame.shape, settings, detector, count - 1)
            group["Metadata"][:, count - 1] = _padded(meta)
            group["FrameLookupTable"][count - 1] = count - 1
        if not count:
            raise ValueError("a Velox file needs at least one frame")
        operation = {
            "dataPath": f"/Data/Image/{name}",
            "detector": detector,
            "outputs": [],
            "scanArea": ["0.000000", "0.000000", "1.000000", "1.000000"],
        }
        _text(file, f"Operations/StemInputOperation/{name[::-1]}", operation)


def _create(group: h5py.Group, shape: tuple[int, int]) -> None:
    rows = min(shape[0], max(1, CHUNK_BYTES // (2 * shape[1])))
    group.create_dataset(
        "Data", (*shape, 0), "u2", chunks=(rows, shape[1], 1), maxshape=(*shape, None)
    )
    group.create_dataset(
        "Metadata",
        (METADATA_BYTES, 0),
        "u1",
        chunks=(METADATA_BYTES, 1),
        maxshape=(METADATA_BYTES, None),
    )
    group.create_dataset("FrameLookupTable", (0,), "u4", chunks=(1,), maxshape=(None,))


def _text(group: h5py.Group, name: str, content: Any) -> None:
    text = json.dumps(content, indent=4).replace("/", "\\/") + "\n"
    dtype = h5py.string_dtype("ascii")
    group.create_dataset(name, (1,), dtype, data=[text], chunks=(1,))


def _padded(content: Any) -> np.ndarray:
    text = json.dumps(content, indent=4).encode()
    return np.frombuffer(text.ljust(METADATA_BYTES, b"\0"), np.uint8)


def _metadata(shape: tuple[int, int], scan: ScanSettings, detector: str, frame: int) -> Any:
    frame_time = scan.frame_time_s(shape[0])
    pixel = f"{scan.pixel_size_nm * 1e-9:.9e}"
    return {
        "Core": {"MetadataDefinitionVersion": "7.9", "MetadataSchemaVersion": "v1/2013/07"},
        "Instrument": {"InstrumentClass": "Simulated", "InstrumentModel": "stemjax"},
        "Acquisition": {
            "AcquisitionStartDatetime": {"DateTime": str(scan.started + int(frame * frame_time))},
            "BeamType": "",
            "SourceType": "XFEG",
        },
        "Optics": {
            "AccelerationVoltage": "300000",
            "BeamConvergence": "0.0012",
            "ScreenCurrent": f"{scan.current_pa * 1e-12:.6e}",
            "LastMeasuredScreenCurrent": f"{scan.current_pa * 1e-12:.6e}",
        },
        "Stage": {"Position": {"x": "0", "y": "0", "z": "0"}},
        "Scan": {
            "ScanSize": {"width": str(shape[1]), "height": str(shape[0])},
            "DwellTime": f"{scan.dwell_us * 1e-6:.9e}",
            "ScanArea": {"left": "0", "top": "0", "right": "1", "bottom": "1"},
            "MainsLockOn": "false",
            "LineTime": f"{scan.line_time_us * 1e-6:.9e}",
            "LineIntegrationCount": "1",
            "LineInterlacing": "1",
            "FrameTime": f"{frame_time:.9e}",
            "ScanRotation": f"{scan.rotation:.9e}",
        },
        "Detectors": {
            "Detector-0": {
                "DetectorName": detector,
                "DetectorType": "ScanningDetector",
                "Inserted": "true",
                "Enabled": "true",
                "Gain": "30",
                "Offset": "-6",
            }
        },
        "BinaryResult": {
            "DetectorIndex": "0",
            "Detector": detector,
            "PixelSize": {"width": pixel, "height": pixel},
            "PixelUnitX": "m",
            "PixelUnitY": "m",
            "Offset": {"x": "0", "y": "0"},
        },
        "CustomProperties": {
            "MaxPossiblePixelValue": {"type": "long", "value": "65535"},
            "Scan.ScanTransformation.A13": {"type": "double", "value": "0"},
            "Scan.ScanTransformation.A23": {"type": "double", "value": "0"},
        },
    }
