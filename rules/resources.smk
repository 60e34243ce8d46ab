# What rules ask of a machine: memory in megabytes and time in minutes. Both grow with what a job works
# on, as the records tell, and with each attempt. GPUs are a profile's to ask for.

import math

from stemjax.provenance import read_json

DEFAULT_UNET = CONFIG.model_fields["unet"].default


def ask(base, each=0.0, of=None):
    """Ask for `base` megabytes or minutes, and `each` for a unit of work; more at each attempt.

    The base of memory holds the libraries, and what Snakemake itself takes of a Slurm job's.
    """

    def asked(wildcards, input, attempt):
        return int((base + (each * of(wildcards, input) if of else 0)) * attempt)

    return asked


def ask_to_restore(wildcards, input, attempt, threads):
    """Ask for megabytes; each thread may be a process of its own (docs/series.md)."""
    width = max(1, restoring_unet(input)["features"] / DEFAULT_UNET.features)
    frame = one_frame(wildcards, input)
    return int((600 + 600 * threads * width + 100 * frame) * attempt)


def record_sizes(input):
    """Give, of each converted acquisition that is usable, its frames and a frame's megapixels.

    Before there are records, the error tells Snakemake that it is too early to say.
    """
    paths = [input.converted] if isinstance(input.converted, str) else input.converted
    records = [read_json(str(path)) for path in paths]
    return [
        (record["frames"], math.prod(record["shape"]) / 1e6)
        for record in records
        if record["status"] == "ok"
    ]


def input_megabytes(wildcards, input):
    """Work: the input's size."""
    return input.size_mb


def input_files(wildcards, input):
    """Work: the number of input files."""
    return len(input)


def one_frame(wildcards, input):
    """Work: the largest frame, in megapixels."""
    return max((frame for _, frame in record_sizes(input)), default=0)


def fields_of_view(wildcards, input):
    """Work: one frame of each acquisition, in megapixels."""
    return sum(frame for _, frame in record_sizes(input))


def all_frames(wildcards, input):
    """Work: all frames of all acquisitions, in megapixels."""
    return sum(frames * frame for frames, frame in record_sizes(input))


def measured_frames(wildcards, input):
    """Work: the frames that are measured, in megapixels."""
    most = CONFIG.evaluate.frames
    return sum(min(frames, most) * frame for frames, frame in record_sizes(input))


def simulated_frame(wildcards, input):
    """Work: a simulated frame, in megapixels."""
    return CONFIG.simulate.size**2 / 1e6


def simulated_frames(wildcards, input):
    """Work: the simulated frames of an acquisition, in megapixels."""
    series = SHEET[wildcards.acquisition].role == "series"
    settings = CONFIG.simulate.of(wildcards.acquisition)
    frames = settings.series_frames if series else settings.frames
    return frames * simulated_frame(wildcards, input)


def network_cost(unet):
    """Compare a network's work on a pixel with the default one's."""
    width = unet["features"] / DEFAULT_UNET.features
    return width**2 * (unet["depth"] + 1) / (DEFAULT_UNET.depth + 1)


def restoring_unet(input):
    """Give the network that restores; one without channels where the model was refused."""
    model = read_json(str(input.model))
    return model.get("config", {}).get("unet", {"features": 0, "depth": 0})


def restored_frames(wildcards, input):
    """Work: an acquisition's frames in megapixels, at the cost of the default network."""
    return all_frames(wildcards, input) * network_cost(restoring_unet(input))


def learned_frames(wildcards, input):
    """Work: the frames that a model learns from, in megapixels."""
    train = CONFIG.model(wildcards.model).train
    # A refused data set has no steps.
    steps = read_json(str(input.dataset)).get("steps_per_epoch", 0)
    return steps * train.batch_size * train.patch**2 / 1e6


def trained_frames(wildcards, input):
    """Work: all that passes a network in training, in megapixels, at the default one's cost."""
    model = CONFIG.model(wildcards.model)
    passed = learned_frames(wildcards, input) * model.train.epochs
    return passed * network_cost(model.unet.model_dump())


def training(wildcards, input):
    """Work: megabytes of a training, the frames it learns from and a batch on its way."""
    model = CONFIG.model(wildcards.model)
    batch = model.train.batch_size * model.train.patch**2 * model.unet.features / 1e6
    return 5 * learned_frames(wildcards, input) + 160 * batch
