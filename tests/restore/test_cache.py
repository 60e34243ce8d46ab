"""Compiled networks are kept between jobs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stemjax.restore import cache

ROOT = Path(__file__).parents[2]
JOB = """
import sys
from pathlib import Path
import jax
import numpy as np
from stemjax.restore.cache import keep_compiled
from stemjax.restore.frames import bind, load_network
from tests.handmade import Handmade, settings, straight

SCALE = {"rapid_offset": 3e4, "rapid_scale": 8e3, "target_offset": 3e4, "target_scale": 6e3}
record = Handmade(Path(sys.argv[1])).model("m", settings(), SCALE)
keep_compiled()
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # the network is tiny
hits = []
jax.monitoring.register_event_listener(
    lambda event, **_: hits.append(event) if event.endswith("/cache_hits") else None
)
restore = bind(load_network(record.parent), straight(32), 32)
hits.clear()
restore(np.zeros((5, 32, 32), np.uint16))
print(len(hits))
"""


def test_the_second_job_compiles_nothing(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    env.pop("JAX_COMPILATION_CACHE_DIR", None)
    command = [sys.executable, "-c", JOB, str(tmp_path)]
    jobs = [subprocess.run(command, env=env, capture_output=True, text=True) for _ in range(2)]
    assert [job.stdout for job in jobs] == ["0\n", "1\n"], jobs[1].stderr
    assert list((tmp_path / "cache/stemjax").glob("*/jit__apply-*"))


def test_each_kind_of_cpu_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = set()
    for flags in ("avx2", "avx2 avx512f", "avx2 avx512f"):
        info = f"processor : 0\ncpu MHz : 2000.{len(kinds)}\nflags : {flags}\n"
        (tmp_path / "cpuinfo").write_text(info)
        monkeypatch.setattr(cache, "CPU", tmp_path / "cpuinfo")
        kinds.add(cache._kind_of_cpu())
    assert len(kinds) == 2
