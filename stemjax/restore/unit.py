"""One unit of a series: the work of a task, in whatever process it runs."""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

import jax
import zarr

from stemjax.dataset.geometry import map_or_identity
from stemjax.io.units import write_unit
from stemjax.provenance import digest
from stemjax.records import read_record
from stemjax.restore.frames import Restore, bind, load_network
from stemjax.typing import AnyFrames

# Of a process: while one thread has the network, others read and write.
NETWORK = Lock()
# On a CPU nothing is gained by writing meanwhile, and a killed job shall lose one unit at most.
ALONE = Lock()


@dataclass(frozen=True)
class Work:
    """What all units of a series have in common.

    Attributes:
        store: to write.
        model: folder of the model.
        distortion: record of the session's map; None to leave frames in rapid geometry.
        made_from: digest of model, map and code.
    """

    store: str
    model: str
    distortion: str | None
    made_from: str


def restore_unit(raw: AnyFrames, inside: slice, unit: slice, work: Work) -> tuple[str, bool]:
    """Restore and write one unit, unless it is there.

    Args:
        raw: frames as recorded, those of the unit and its neighbours.
        inside: where the unit's own are in `raw`.
        unit: where they are in the series.
        work: what they are restored with.

    Returns:
        Digest of the unit's frames, and whether they had to be made.
    """

    def make() -> tuple[AnyFrames, str]:
        with NETWORK:
            made = _restore(work, raw.shape[1:])(raw, inside)
        return made, digest(made)

    store = Path(work.store)
    array = zarr.open_group(store, mode="r+")["0"]
    labels = store.with_suffix(".units")
    identity = digest(raw, work.made_from)
    with ALONE if jax.default_backend() == "cpu" else nullcontext():
        return write_unit(array, unit, labels, identity, make)


@lru_cache(maxsize=2)
def _restore(work: Work, shape: tuple[int, int]) -> Restore:
    """Get the network ready, once for all units."""
    session = read_record(work.distortion) if work.distortion else None
    return bind(load_network(work.model), map_or_identity(session, shape[1]), shape[0])
