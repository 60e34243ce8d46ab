"""Settings of the simulated microscope; a part of :mod:`stemjax.config`."""

from fnmatch import fnmatchcase
from typing import Any

from pydantic import Field, create_model

from stemjax.config_section import Section, optional


class SimulatedAcquisition(Section):
    """What may differ between simulated acquisitions."""

    frames: int = Field(10, ge=1)
    """rapid frames of a train or test field of view"""
    series_frames: int = Field(100, ge=1)
    """rapid frames of a heating series"""
    pixel_size_nm: float = Field(2.1, gt=0)
    """pixel size of both scans in nanometres"""
    current_pa: float = Field(50.0, ge=0)
    """beam current in picoamperes: the dose, and with it the noise"""
    specimen: str = "steel"
    """steel, aluminium, or the path of a picture that is taken for the specimen"""
    temperatures_c: tuple[float, float] = (90.0, 400.0)
    """degrees Celsius at the start and at the end of a heating series, in its log alone"""

    @property
    def picture(self) -> str | None:
        """The picture that serves as specimen, if one does."""
        return None if self.specimen in ("steel", "aluminium") else self.specimen


SimulatedEntry = create_model(
    "SimulatedEntry",
    __base__=Section,
    __doc__="Acquisitions by id or glob: what differs from the rest.",
    **optional(SimulatedAcquisition),
)


class Simulate(SimulatedAcquisition):
    """Make the sheet's missing files under raw/simulated/ with a simulated microscope."""

    size: int = Field(256, ge=64)
    """height and width of a frame in pixels"""
    seed: int = Field(0, ge=0)
    """seed of specimen, distortion and noise"""
    acquisitions: dict[str, SimulatedEntry] = {}
    """settings of acquisitions that differ, by id or glob: any of these but size and seed"""

    def of(self, acquisition: str) -> "Simulate":
        """Resolve one acquisition's settings: its own over those of all, the last entry first."""
        own: dict[str, Any] = {}
        for pattern, entry in self.acquisitions.items():
            if fnmatchcase(acquisition, pattern):
                own |= entry.model_dump(exclude_none=True)
        return self.model_copy(update={**own, "acquisitions": {}})
