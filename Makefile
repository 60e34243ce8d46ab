# make demo: simulate, restore and judge a small experiment.    make test: every test.
# make paper: the experiment of Ihara et al. (2022), or SCALE=0.1 of it (an hour and a quarter).
# make test-report: the report's pages in a browser.    make test-slurm: the cluster's profile, and what
# may fail, on Slurm on this machine, as root.    All set up what they need in .venv.

PYTHON ?= python3
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake --profile profiles/local
SEED ?= 0

.PHONY: demo paper test soak test-report test-slurm test-bm3d lint format config bench-convert bench-distortion bench-training \
  bench-restore bench-context bench-evaluate bench-quality bench-plan bench-series lock clean

demo: .venv/ready
	$(SNAKEMAKE) --configfile configs/demo.yaml
	@echo "The report: $(CURDIR)/results/report/index.html"

# fields of view, frames and epochs times SCALE; what it measured beside what the paper says: results.md
SCALE ?= 1
PAPER = paper/$(SCALE)
paper: .venv/bm3d
	$(BIN)/python -m stemjax.scaled configs/paper.yaml $(SCALE) $(PAPER)
	$(SNAKEMAKE) --directory $(PAPER) --configfile $(PAPER)/config.yaml
	$(BIN)/python -m stemjax.report.paper.results $(PAPER) $(SCALE) $(PAPER)/results.md
	@echo "The report: $(CURDIR)/$(PAPER)/results/report/index.html"
	@echo "Claim by claim: $(CURDIR)/$(PAPER)/results.md"

# BM3D, whose licence allows non-commercial use only, into .venv
.venv/bm3d: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps bm3d==4.0.3 bm4d==4.2.5
	@touch $@

test: .venv/ready
	$(BIN)/pytest -n 2 --dist loadfile

# the report in Chromium, which is installed where it may be; otherwise these tests are skipped
test-report: .venv/ready
	@for name in chromium chromium-browser google-chrome; do command -v $$name && exit; done; \
	test "$$(id -u)" != 0 || \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } || true
	timeout 300 $(BIN)/pytest -m browser tests/report/test_browser.py

# twenty SIGKILLs at random moments, each followed by a rerun; about a quarter of an hour
KILLS ?= 20
soak: .venv/ready
	$(BIN)/python -m tests.workflow.soak $(SEED) $(KILLS)

# the profile and what fails, on a Slurm cluster of this machine, installed where it is missing
test-slurm: .venv/ready
	bash tests/slurm/cluster.sh install
	timeout --foreground --signal=INT --kill-after=60 1500 \
	  $(BIN)/pytest -m slurm -v -s --durations=0 tests/slurm; \
	status=$$?; bash tests/slurm/cluster.sh stop; exit $$status

test-bm3d: .venv/bm3d
	$(BIN)/pytest tests/evaluate/test_bm3d.py

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

# config.yaml and its schema, from stemjax/config.py
config: .venv/ready
	$(BIN)/python -m stemjax.config_files

# conversion against plain h5py and zarr: times, their ratio, peak memory
bench-convert: .venv/ready
	$(BIN)/python benchmarks/convert.py

# the distortion map against the simulator's truth, by both methods, and its speed
bench-distortion: .venv/ready
	$(BIN)/python benchmarks/distortion.py $(PICTURES)

# training speed beside PyTorch, and what drawing patches costs
bench-training: .venv/ready benchmarks/peers/.venv/ready
	$(BIN)/python benchmarks/training.py

# memory and speed of restoring a series, beside the bare network and PyTorch
bench-restore: .venv/ready benchmarks/peers/.venv/ready
	$(BIN)/python benchmarks/restore.py

# frames restored with neighbours in time beside frames restored alone, against the truth
bench-context: .venv/ready
	$(BIN)/python benchmarks/context.py $(SEED)

# what measuring 16 fields of view of 50 frames costs, with BM3D where it is installed
bench-evaluate: .venv/ready
	$(BIN)/python benchmarks/evaluate.py

# planning a thousand acquisitions with nothing to do, beside a bare Snakefile
bench-plan: .venv/ready
	$(BIN)/python benchmarks/plan.py

# six heating series of 2,000 frames through Slurm on this machine, as root; half an hour
bench-series: .venv/ready
	$(BIN)/python benchmarks/series.py

# restored frames beside CARE and BM3D, against the simulator's truth
STEPS ?= 1280
bench-quality: .venv/ready benchmarks/peers/.venv/ready
	$(BIN)/python benchmarks/quality.py $(STEPS) $(SEED)

benchmarks/peers/.venv/ready: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv benchmarks/peers/.venv
	benchmarks/peers/.venv/bin/python -m pip install --quiet -r $<
	@touch $@

# requirements.lock, from pyproject.toml; needs uv
lock:
	uv pip compile --universal --fork-strategy fewest --python-version 3.11 --extra dev \
	  --generate-hashes --no-header --no-annotate --upgrade pyproject.toml -o requirements.lock

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "stemjax needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@echo "Setting up .venv (a minute or two, about 1 GB)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf results logs raw/simulated .snakemake
