# What rules are told by config and sheet: targets, inputs, settings.

import os
import re
from dataclasses import replace

from snakemake.exceptions import WorkflowError

from stemjax.errors import UserError
from stemjax.experiment import read_experiment
from stemjax.model.stored import PARAMETERS, RECORD
from stemjax.provenance import PACKAGE, code_digest
from stemjax.selection import restored_rows, select, session_rows

# Jobs inherit it: with memory in huge pages, networks learn and restore a tenth faster.
os.environ.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
# And import this stemjax, whose code the digests are of, also where another one is installed.
os.environ.update(
    PYTHONPATH=os.pathsep.join(
        filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")])
    )
)
# The bars of `--logger rich` need the terminal for themselves; logs have what jobs say.
if "rich" in workflow.output_settings.log_handler_settings:
    os.environ.update(STEMJAX_BARS="1")

try:
    # A mistake in config or sheet stops here, before any job.
    EXPERIMENT = read_experiment(config, "results/models")
except UserError as error:
    raise WorkflowError(str(error)) from None
CONFIG, SHEET, MADE = EXPERIMENT.config, EXPERIMENT.sheet, EXPERIMENT.made
SESSIONS = sorted({row.session for row in SHEET.values()})
JUDGED = restored_rows(SHEET, "all")
# By model, the acquisitions that it restores.
RESTORED = {
    model: restored_rows(SHEET, entry.restore) for model, entry in CONFIG.models.items()
}


def any_of(names):
    """Match any of these names and nothing else."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    acquisition=any_of(SHEET),
    session=any_of(SESSIONS),
    model=any_of(CONFIG.models),


# Targets


def all_records():
    """Name the records of all stages."""
    return [
        *collect("results/converted/{acquisition}.json", acquisition=SHEET),
        *collect("results/dcfi/{acquisition}.json", acquisition=SHEET),
        *collect("results/distortion/{session}.json", session=SESSIONS),
        *collect("results/dataset/{model}.json", model=CONFIG.trained),
        *collect("results/models/{model}/model.json", model=CONFIG.models),
        *restored("results/restored/{model}/{acquisition}.json"),
        *evaluation_records(),
        *restored("results/report/movies/{model}/{acquisition}.json", ["series"]),
    ]


def evaluation_records():
    """Name what was measured: on what every method starts from, and on each model's frames."""
    return [
        *collect("results/evaluation/{acquisition}/baselines.json", acquisition=JUDGED),
        *restored("results/evaluation/{acquisition}/{model}.json"),
    ]


def restored(pattern, roles=("test", "series")):
    """Fill in a pattern for every model and every acquisition of these roles that it restores."""
    return [
        pattern.format(model=model, acquisition=name)
        for model, names in RESTORED.items()
        for name in names
        if SHEET[name].role in roles
    ]


# Inputs


def raw_files(wildcards):
    """Name the microscope's files of an acquisition."""
    return SHEET[wildcards.acquisition].raw_files()


def session_record(wildcards):
    """Name the map of an acquisition's session."""
    return f"results/distortion/{SHEET[wildcards.acquisition].session}.json"


def session_selection(session):
    """Choose the acquisitions that a session's map is fitted to: none where it is borrowed."""
    borrows = session in CONFIG.distortion.borrow
    return select(
        [] if borrows else session_rows(SHEET, session),
        f"results/selection/distortion/{session}.json",
        keep=CONFIG.distortion.on_new_data == "keep",
    )


def model_selection(model):
    """Choose the acquisitions that a model learns from."""
    return select(
        EXPERIMENT.model_rows[model],
        f"results/selection/models/{model}.json",
        keep=CONFIG.model(model).train.on_new_data == "keep",
        patterns=CONFIG.model(model).acquisitions,
    )


def selected(selection, stage):
    """Name a stage's records of the chosen acquisitions; those idle last time start nothing."""
    paths = {name: f"results/{stage}/{name}.json" for name in selection.acquisitions}
    return [
        ancient(path) if name in selection.idle else path
        for name, path in paths.items()
    ]


def borrowed_map(wildcards):
    """Name the map that a session takes over, if it does."""
    lender = CONFIG.distortion.borrow.get(wildcards.session)
    if lender in SESSIONS:
        return f"results/distortion/{lender}.json"
    return lender or []


def session_converted(wildcards):
    """Name the converted acquisitions that a session's map is fitted to."""
    return selected(session_selection(wildcards.session), "converted")


def session_dcfi(wildcards):
    """Name the integrated acquisitions that a session's map is fitted to."""
    return selected(session_selection(wildcards.session), "dcfi")


def model_converted(wildcards):
    """Name the converted acquisitions that a model learns from."""
    return selected(model_selection(wildcards.model), "converted")


def model_dcfi(wildcards):
    """Name the integrated acquisitions that a model learns from."""
    return selected(model_selection(wildcards.model), "dcfi")


def model_maps(wildcards):
    """Name the maps of the acquisitions that a model learns from, each once."""
    selection = model_selection(wildcards.model)
    chosen = {name: SHEET[name].session for name in selection.acquisitions}
    at_work = {
        session for name, session in chosen.items() if name not in selection.idle
    }
    paths = {
        session: f"results/distortion/{session}.json"
        for session in sorted(set(chosen.values()))
    }
    return [
        path if session in at_work else ancient(path) for session, path in paths.items()
    ]


def model_start(wildcards):
    """Name the model from whose parameters another's training starts, if one does."""
    other = CONFIG.model(wildcards.model).warm_start
    return f"results/models/{other}/model.json" if other else []


def finished_model(wildcards):
    """Name the files of a finished model that is taken over."""
    return [f"{model_source(wildcards)}/{name}" for name in (RECORD, PARAMETERS)]


def series_parts(wildcards):
    """Name the parts of a series that other jobs restore, where the profile shares it out."""
    folder = f"results/restored/{wildcards.model}/{wildcards.acquisition}.parts"
    parts = gather.restore(f"{folder}/{{scatteritem}}.json")
    is_series = SHEET[wildcards.acquisition].role == "series"
    return parts if is_series and len(parts) > 1 else []


def truth(wildcards):
    """Name the simulated truth of an acquisition, if there is one."""
    return SHEET[wildcards.acquisition].truth or []


def shown_files():
    """Name the logs and simulated truths that the report shows."""
    rows = [SHEET[name] for name in JUDGED]
    return [file for row in rows for file in (row.log, row.truth) if file]


def movie_log(wildcards):
    """Name the log of an acquisition, if it has one."""
    return row_log(wildcards) or []


# Settings, as plain values in which Snakemake sees a change


def judged_row(wildcards):
    """Give an acquisition's row of the sheet, but for the log, which judges nothing."""
    return vars(replace(SHEET[wildcards.acquisition], log=""))


def raw_settings(wildcards):
    """Give that of a row which conversion depends on; the rest is left empty."""
    return vars(
        replace(SHEET[wildcards.acquisition], session="", role="", log="", truth="")
    )


def specimen_picture(wildcards):
    """Name the picture that serves as specimen, if one does."""
    return CONFIG.simulate.of(wildcards.acquisition).picture or []


def simulated_settings(wildcards):
    """Give what the simulated microscope records of an acquisition depends on."""
    series = SHEET[wildcards.acquisition].role == "series"
    other = {"temperatures_c", "frames" if series else "series_frames"}
    return CONFIG.simulate.of(wildcards.acquisition).model_dump(exclude=other)


def simulated_heating(wildcards):
    """Give what the simulated log of a series depends on."""
    keys = {"size", "series_frames", "temperatures_c"}
    return CONFIG.simulate.of(wildcards.acquisition).model_dump(include=keys)


def raw_sizes(wildcards):
    """Give the sizes of an acquisition's files: one that was mended may bear its old date."""
    files = [
        file
        for file in raw_files(wildcards)
        if file not in MADE and os.path.isfile(file)
    ]
    return {file: os.path.getsize(file) for file in files}


def row_session(wildcards):
    """Give an acquisition's session."""
    return SHEET[wildcards.acquisition].session


def row_role(wildcards):
    """Give an acquisition's role."""
    return SHEET[wildcards.acquisition].role


def row_log(wildcards):
    """Give the path of an acquisition's log, empty where there is none."""
    return SHEET[wildcards.acquisition].log


def sheet_settings():
    """Give all rows of the sheet."""
    return [vars(row) for row in SHEET.values()]


def session_settings(wildcards):
    """Give the settings of a session's fit, or whose map it borrows."""
    lender = CONFIG.distortion.borrow.get(wildcards.session)
    if lender:
        return {"lender": lender}
    settings = CONFIG.distortion.model_dump(exclude={"on_new_data", "borrow"})
    alone = SHEET.get(CONFIG.distortion.acquisition)
    if alone and alone.session != wildcards.session:
        settings["acquisition"] = None  # it is of another session
    return settings


def model_settings(wildcards):
    """Give a model's resolved settings; a change of policy alone changes no model."""
    return CONFIG.model(wildcards.model).model_dump(
        mode="json", exclude={"train": {"on_new_data"}}
    )


def model_source(wildcards):
    """Give the folder that a finished model is taken over from."""
    return os.path.normpath(CONFIG.loaded[wildcards.model])


def dataset_settings(wildcards):
    """Give those settings of a model that decide what it learns from."""
    keys = {"batch_size", "patch", "validation", "split", "scale", "seed"}
    own = dict.fromkeys(("target", "correct", "frames", "acquisitions"), True)
    model = CONFIG.model(wildcards.model)
    if model.target == "rapid":  # a target is a frame that the network does not see
        own["unet"] = {"context"}
    return model.model_dump(mode="json", include={**own, "train": keys})


def model_sessions(wildcards):
    """Tell which session's map belongs to which acquisition that a model learns from."""
    return {
        name: SHEET[name].session
        for name in model_selection(wildcards.model).acquisitions
    }
