"""Checkpoints beside the model, which survive a failed or killed job."""

import shutil
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from jaxtyping import PyTree

from stemjax.errors import UserError
from stemjax.progress import say
from stemjax.provenance import read_json, write_json

History = list[dict[str, Any]]


class Checkpoints:
    """The newest state of one training, tied to what is being trained.

    A checkpoint of another configuration, data set or code is set aside, not continued, and
    taken up again when that training is.
    """

    def __init__(self, folder: str | Path, identity: str) -> None:
        self.folder = Path(folder)
        folder = self.folder.absolute()
        label = folder / "identity.json"
        there = read_json(label) if label.exists() else "unknown"
        if folder.exists() and there != identity:
            old = _aside(folder, there)
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
            say(f"checkpoints of another training set aside as {old.name}")
        if not folder.exists() and (mine := _aside(folder, identity)).exists():
            mine.rename(folder)
        write_json(label, identity)
        options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
        self._manager = ocp.CheckpointManager(folder / "steps", options=options)

    def save(self, step: int, state: PyTree, history: History) -> None:
        """Write the state after `step` steps.

        Raises:
            UserError: it cannot be written; the checkpoint before is whole.
        """
        args = ocp.args.Composite(
            state=ocp.args.StandardSave(state), history=ocp.args.JsonSave(history)
        )
        try:
            self._manager.save(step, args=args)
        except (OSError, ValueError) as error:  # tensorstore's own are of the latter kind
            reason = str(error).rsplit(": ", 1)[-1]
            raise UserError(
                f"{self.folder}: the checkpoint of step {step} cannot be written ({reason}); make "
                "room and start again: training goes on from the one before"
            ) from None

    def restore(self, fresh: PyTree) -> tuple[int, PyTree, History]:
        """Give steps done, state and history: the newest ones, or 0, `fresh` and nothing."""
        step = self._manager.latest_step()
        if step is None:
            return 0, fresh, []
        shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, fresh)
        args = ocp.args.Composite(
            state=ocp.args.StandardRestore(shapes), history=ocp.args.JsonRestore()
        )
        found = self._manager.restore(step, args=args)
        say(f"training goes on from step {step}")
        return step, found["state"], list(found["history"])

    def close(self) -> None:
        """Let go of the folder."""
        self._manager.close()


def _aside(folder: Path, identity: str) -> Path:
    return folder.with_name(f"{folder.name}.{identity[:8]}")
