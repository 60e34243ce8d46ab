"""The training loop: epochs of patches, metrics, checkpoints."""

import csv
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import NamedSharding
from jaxtyping import PyTree

from stemjax.config import Model
from stemjax.dataset.pairs import Pairs, draw_patches, load_pairs
from stemjax.errors import UserError
from stemjax.model.parameters import load_parameters, new_network, save_parameters
from stemjax.model.stored import PARAMETERS, model_digest
from stemjax.progress import duration, say
from stemjax.provenance import digest, git_revision, versions, written_aside
from stemjax.records import read_record
from stemjax.train.checkpoints import Checkpoints, History
from stemjax.train.devices import sharing
from stemjax.train.picture import draw_validation
from stemjax.train.start import choose_start, keep_last, learned_from
from stemjax.train.step import Batch, make_evaluation, make_step, optimiser
from stemjax.typing import Json

CHECKPOINT_S = 20.0  # at least between checkpoints, which are written at the end of an epoch
VALIDATION_BATCHES = 4


def train(
    model: Model, dataset: str | Path, folder: str | Path, code: str, other: str | None = None
) -> Json:
    """Train one model and write parameters, metrics and a picture into its folder.

    What a step learns from depends on seed and step alone, so a training that goes on from a
    checkpoint ends with the parameters that an undisturbed one would have had.

    Args:
        model: resolved settings.
        dataset: record of the data set.
        folder: of the model.
        code: digest of the code, so that checkpoints of other code are not continued.
        other: record of the model from whose parameters to start, if any.

    Raises:
        Refused: the data set was refused, or the other model was.
        UserError: the loss is no longer a number.
    """
    record = read_record(dataset)
    folder = Path(folder)
    start = choose_start(model, record["digest"], folder, other)
    graph, parameters = (
        load_parameters(start.path, model.unet)
        if start
        else new_network(model.unet, model.train.seed)
    )
    decisive = model.model_dump(mode="json", exclude={"train": {"on_new_data"}})
    identity = digest(decisive, record["digest"], code, start.digest if start else None)
    checkpoints = Checkpoints(folder / "checkpoints", identity)
    learned, history = _learn(graph, parameters, model, record, checkpoints)
    nnx.replace_by_pure_dict(parameters, learned)
    arrays = save_parameters(folder / PARAMETERS, parameters)
    fields = learned_from(record["pairs"], start)
    keep_last(model, record["digest"], folder, fields)
    _write_metrics(folder / "metrics.csv", history)
    picture = draw_validation(graph, parameters, model, record, folder)
    return {
        "digest": model_digest(arrays, record["scale"]),
        "config": model.model_dump(mode="json"),
        "dataset": record["digest"],
        "scale": record["scale"],
        "statistics": record.get("statistics", {}),
        "pairs": [
            {key: entry[key] for key in ("acquisition", "frames", "split", "rows")}
            for entry in record["pairs"]
        ],
        "start": start.describe(record["pairs"]) if start else None,
        "learned": fields,
        "steps": history[-1]["step"],
        "train_loss": history[-1]["train_loss"],
        "validation_loss": history[-1]["validation_loss"],
        "picture": picture,
        "versions": versions("jax", "flax", "optax", "numpy"),
        "revision": git_revision(),
    }


def _learn(
    graph: nnx.GraphDef,
    parameters: nnx.State,
    model: Model,
    record: Json,
    checkpoints: Checkpoints,
) -> tuple[PyTree, History]:
    """Go on from the newest checkpoint to the last step; gives parameters and metrics."""
    settings, per_epoch = model.train, record["steps_per_epoch"]
    steps = per_epoch * settings.epochs
    transformation = optimiser(settings, steps)
    shared, whole = sharing(settings.batch_size)
    first = nnx.to_pure_dict(parameters)
    fresh = jax.device_put(
        {"parameters": first, "optimiser": transformation.init(first)}, whole, may_alias=False
    )
    done, state, history = checkpoints.restore(fresh)
    if done < steps:
        pairs, held_back = load_pairs(record, "train"), load_pairs(record, "validation")
        validate = _validation(graph, held_back, model, shared)
        step, magnitude = make_step(graph, transformation), jax.jit(optax.tree.norm)
        begun = last = time.monotonic()
        for epoch in range(done // per_epoch, settings.epochs):
            began = time.monotonic()
            losses = []
            for k in range(epoch * per_epoch, (epoch + 1) * per_epoch):
                batch = _batch(pairs, model, (settings.seed, 0, k), shared)
                # Of two steps under way, each may hold the threads that the other's devices need.
                jax.block_until_ready(losses[-1:])
                state["parameters"], state["optimiser"], value = step(
                    state["parameters"], state["optimiser"], *batch
                )
                losses.append(value)
            loss = float(jnp.mean(jnp.stack(losses)))
            # The last step's own result shows in no loss yet.
            if not np.isfinite(loss + float(magnitude(state["parameters"]))):
                raise UserError(
                    f"training diverged in epoch {epoch + 1} (loss {loss}); lower "
                    f"train.learning_rate; earlier checkpoints are in {checkpoints.folder}"
                )
            now = time.monotonic()
            history.append(
                {
                    "epoch": epoch + 1,
                    "step": (epoch + 1) * per_epoch,
                    "train_loss": loss,
                    "validation_loss": validate(state["parameters"]),
                    "seconds": round(now - began, 3),
                }
            )
            left = (now - begun) / (epoch + 1 - done // per_epoch) * (settings.epochs - epoch - 1)
            say(_progress(history[-1], settings.epochs, left))
            if now - last > CHECKPOINT_S or epoch + 1 == settings.epochs:
                checkpoints.save((epoch + 1) * per_epoch, state, history)
                last = now
    checkpoints.close()
    return state["parameters"], history


def _batch(
    pairs: Pairs, model: Model, seed: tuple[int, ...], shared: NamedSharding
) -> tuple[Batch, Batch]:
    rng = np.random.default_rng(seed)
    settings = model.train
    patches = draw_patches(pairs, rng, settings.batch_size, settings.patch, model.unet.context)
    return jax.device_put(patches, shared)


def _validation(
    graph: nnx.GraphDef, pairs: Pairs, model: Model, shared: NamedSharding
) -> Callable[[PyTree], float | None]:
    """Make the validation loss, always of the same patches; None where nothing is held back."""
    if not pairs.fields:
        return lambda parameters: None
    batches = [
        _batch(pairs, model, (model.train.seed, 1, k), shared) for k in range(VALIDATION_BATCHES)
    ]
    evaluation = make_evaluation(graph)
    return lambda parameters: float(
        np.mean([float(evaluation(parameters, *batch)) for batch in batches])
    )


def _progress(row: Json, epochs: int, left: float) -> str:
    held = row["validation_loss"]
    validation = "" if held is None else f", validation {held:.4f}"
    losses = f"loss {row['train_loss']:.4f}{validation}"
    return f"train: epoch {row['epoch']}/{epochs}, {losses}, about {duration(left)} left"


def _write_metrics(path: Path, history: History) -> None:
    with written_aside(path) as aside, open(aside, "w", newline="") as file:
        table = csv.DictWriter(file, history[0].keys())
        table.writeheader()
        table.writerows(history)
