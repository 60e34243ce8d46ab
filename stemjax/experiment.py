"""An experiment as its config and sheet describe it: read once, and checked before any job."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stemjax.config import Config, Simulate, parse_config
from stemjax.distortion.borrow import check_borrow
from stemjax.errors import UserError
from stemjax.model.stored import check_models
from stemjax.selection import model_rows
from stemjax.sheet import Acquisition, check_files, read_sheet, simulated_files

OF_SERIES = {"series_frames", "temperatures_c"}  # settings of the simulation


@dataclass(frozen=True)
class Experiment:
    """What is to be done.

    Attributes:
        config: the settings.
        sheet: rows by acquisition.
        made: files that the simulated microscope makes.
        model_rows: by model that is trained, the acquisitions that it may learn from.
    """

    config: Config
    sheet: dict[str, Acquisition]
    made: set[str]
    model_rows: dict[str, list[str]]


def read_experiment(content: Mapping[str, Any], models: str | Path) -> Experiment:
    """Read the sheet that a config names, and check all that they say of each other and of files.

    Args:
        content: of the config file, as YAML gives it.
        models: folder of the models that are made here.

    Raises:
        UserError: one line that names the key, or the sheet's row.
    """
    config = parse_config(content)
    sheet = read_sheet(config.acquisitions)
    made = simulated_files(sheet) if config.simulate else set()
    check_files(sheet, made)
    if config.simulate:
        _check_simulated(config.simulate, sheet)
    check_borrow(config.distortion.borrow, [row.session for row in sheet.values()])
    alone = config.distortion.acquisition
    if alone and alone not in sheet:
        raise UserError(f"distortion.acquisition: the sheet has no acquisition '{alone}'")
    check_models(config, models)
    _check_packages(config)
    chosen = {
        name: model_rows(sheet, name, config.model(name).acquisitions) for name in config.trained
    }
    return Experiment(config, sheet, made, chosen)


def _check_simulated(simulate: Simulate, sheet: Mapping[str, Acquisition]) -> None:
    """Check that pictures exist, and that what is said of single acquisitions is said of some."""
    for pattern, entry in simulate.acquisitions.items():
        roles = {row.role for name, row in sheet.items() if fnmatchcase(name, pattern)}
        where = f"simulate.acquisitions: '{pattern}'"
        if not roles:
            raise UserError(f"{where} fits no acquisition of the sheet")
        for key in entry.model_dump(exclude_none=True):
            if key in OF_SERIES and "series" not in roles:
                raise UserError(f"{where} fits no series, of which alone {key} tells")
            if key == "frames" and roles == {"series"}:
                raise UserError(f"{where} fits series alone, whose number is series_frames")
    for name in sheet:
        picture = simulate.of(name).picture
        if picture and not Path(picture).is_file():
            raise UserError(f"simulate.specimen: no picture '{picture}' exists")


def _check_packages(config: Config) -> None:
    """Check that a filter's package is there; one is optional, for its licence."""
    needing = [name for name in config.evaluate.baselines if name.startswith("bm3d")]
    if needing and find_spec("bm3d") is None:
        raise UserError(
            f"evaluate.baselines: '{needing[0]}' needs the package bm3d, whose licence allows "
            "non-commercial use only: pip install 'bm3d>=4.0.3', or leave it out"
        )
