"""What jobs ask of a cluster: memory and time after their work, more at each attempt, no GPU."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, ROWS, Experiment

stand_in = runpy.run_path(str(ROOT / "benchmarks/plan.py"))["stand_in"]
# Prints what each rule declares, and what a job of it asks for at its first two attempts.
TELL = """
import json, sys
from pathlib import Path
from snakemake.api import SnakemakeApi
from snakemake.io import IOCache
from snakemake.settings.types import ConfigSettings, ResourceSettings
snakefile, folder = map(Path, sys.argv[1:])
with SnakemakeApi() as api:
    flow = api.workflow(
        resource_settings=ResourceSettings(cores=64),
        config_settings=ConfigSettings(configfiles=[folder / "config.yaml"]),
        snakefile=snakefile, workdir=folder)._workflow
    flow.iocache = IOCache(0)
    names = {"acquisition": "series-0000", "session": "day-0", "model": "dlf-slow"}
    names["scatteritem"] = "1-of-1"
    told = {}
    for rule in flow.rules:
        wildcards = {name: names[name] for name in rule.wildcard_names}
        if rule.name == "load_model":
            wildcards["model"] = "lent"
        made, _, _, _ = rule.expand_input(wildcards)
        asked = [rule.expand_resources(wildcards, made, n) for n in (1, 2)]
        told[rule.name] = {
            "log": bool(rule.log), "conda": bool(rule.conda_env),
            "benchmark": bool(rule.benchmark), "local": rule.name in flow._localrules,
            "asked": [dict(each.items()) for each in asked]}
print(json.dumps(told))
"""
SMALL = {"collect_metrics", "load_model", "simulate_log"}
OF_FRAMES = {
    *("integrate_acquisition", "fit_distortion", "assemble_dataset", "evaluate_baselines"),
    *("evaluate_restored", "restore_acquisition", "restore_part", "render_movie"),
}
GB = 1000


def tell(folder: Path) -> dict[str, Any]:
    """Tell what the rules declare and ask for, in an experiment that is done."""
    command = [sys.executable, "-c", TELL, str(ROOT / "Snakefile"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    rules: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    del rules["all"]  # without a script, local by itself
    return rules


def change(folder: Path, **changes: Any) -> None:
    """Change what the records of converted acquisitions say."""
    for path in (folder / "results/converted").glob("*.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write an experiment that is done, of 50 frames of 512 x 512, with all rules at work."""
    made: Path = tmp_path / "made"
    stand_in(made, {"train": 4, "test": 1, "series": 1})
    lent = made / "lent"
    lent.mkdir()
    (lent / "parameters.safetensors").write_bytes(b"")
    config = {"models": {"dlf-slow": {}, "dlf-dcfi": {}, "lent": {"load": "lent"}}}
    (made / "config.yaml").write_text(json.dumps({**config, "simulate": {"size": 512}}))
    network = {"unet": {"features": 16, "depth": 3}}
    model = {"status": "ok", "digest": "-", "scale": {}, "config": network}
    for path in (lent, made / "results/models/dlf-slow"):
        (path / "model.json").write_text(json.dumps(model))
    dataset = {"status": "ok", "steps_per_epoch": 400}
    (made / "results/dataset/dlf-slow.json").write_text(json.dumps(dataset))
    return made


def test_every_rule_has_what_a_cluster_needs(folder: Path) -> None:
    for rule, told in tell(folder).items():
        assert told["log"], rule
        assert told["conda"], rule
        assert told["local"] == (rule in SMALL), rule
        assert told["benchmark"] or rule in SMALL, rule
        asked = told["asked"][0]
        assert 0 < asked["mem_mb"] < 16 * GB, rule
        assert asked["runtime"] > 0, rule
        # GPUs come from the profile, and attempts: as a rule's they would be made within one job.
        assert not {"gpu", "gpus", "gres"} & set(asked), rule
    rules = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    assert not re.search(r"^\s*retries\b", rules, re.MULTILINE)


def test_the_second_attempt_asks_for_twice_as_much(folder: Path) -> None:
    for rule, told in tell(folder).items():
        first, second = told["asked"]
        for resource in ("mem_mb", "runtime"):
            assert second[resource] == pytest.approx(2 * first[resource], abs=1), rule


def test_larger_frames_ask_for_more_memory_and_more_frames_for_more_time(folder: Path) -> None:
    before = tell(folder)
    change(folder, shape=[2048, 2048])
    larger = tell(folder)
    change(folder, shape=[512, 512], frames=2000)
    longer = tell(folder)
    for rule in OF_FRAMES:
        was, large, long = (told[rule]["asked"][0] for told in (before, larger, longer))
        assert large["mem_mb"] > was["mem_mb"], rule
        if rule not in ("fit_distortion", "evaluate_baselines", "evaluate_restored"):
            assert long["runtime"] > was["runtime"], rule
        assert long["mem_mb"] == was["mem_mb"], rule  # a series is worked on in parts


def test_training_asks_for_what_its_pairs_take(folder: Path) -> None:
    asked = tell(folder)["train_unet"]["asked"][0]["mem_mb"]
    more = {"status": "ok", "steps_per_epoch": 20_000}
    (folder / "results/dataset/dlf-slow.json").write_text(json.dumps(more))
    pixels = (20_000 - 400) * 32 * 64**2
    assert tell(folder)["train_unet"]["asked"][0]["mem_mb"] - asked > pixels * 4 / 1e6


def test_refused_data_ask_for_little(folder: Path) -> None:
    before = tell(folder)
    refused = json.dumps({"status": "refused", "reason": "a test"})
    for path in folder.glob("results/[cd]*/*.json"):
        path.write_text(refused)
    (folder / "results/models/dlf-slow/model.json").write_text(refused)
    for rule, told in tell(folder).items():
        assert told["asked"][0]["mem_mb"] <= before[rule]["asked"][0]["mem_mb"]


def test_memory_is_yet_to_be_told_before_there_are_records(tmp_path: Path) -> None:
    new = Experiment(tmp_path / "new")
    new.folder.mkdir()
    new.write_config()
    new.write_sheet(ROWS)
    said = new.run("--dry-run")
    assert "mem_mb=<TBD>" in said
    made = [block for block in said.split("\nrule ") if block.startswith("simulate_acquisition")]
    assert made
    assert "<TBD>" not in "".join(made)


def test_other_resources_start_nothing(finished: Experiment) -> None:
    """Memory and time are no params: a changed formula or profile makes no result anew."""
    changed = ["--set-resources", "convert_acquisition:mem_mb=1", "train_unet:runtime=7"]
    assert finished.planned(*changed) == set()
