"""Compiled networks, kept between jobs."""

import os
from pathlib import Path

import jax

from stemjax.provenance import digest

WORTH_KEEPING_S = 0.2  # of compilation
CPU = Path("/proc/cpuinfo")
CPU_LINES = ("model name", "flags", "CPU part", "Features")  # of x86 and of ARM


def keep_compiled() -> None:
    """Let JAX keep what it compiles in the user's cache, before it computes anything.

    A frame shape is then compiled once, not by every job. What is compiled for one kind of CPU
    may not run on another, and the machines of a cluster share their users' folders: each kind
    has its own. JAX's own setting, ``JAX_COMPILATION_CACHE_DIR``, goes before.
    """
    if jax.config.jax_compilation_cache_dir is None:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        jax.config.update("jax_compilation_cache_dir", str(Path(base, "stemjax", _kind_of_cpu())))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", WORTH_KEEPING_S)


def _kind_of_cpu() -> str:
    lines = CPU.read_text().splitlines() if CPU.exists() else []
    kind = [line for line in lines if line.startswith(CPU_LINES)]
    return digest(sorted(set(kind)))[:12]
