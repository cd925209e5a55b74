# make course   install, then run notebooks 00…13 in order; executed copies in runs/course/
# make test     install, then lint, unit tests, the widgets in a browser, and all notebooks in
#               their fast preset
# make site     the course, how-tos, cards and reference as web pages: runs/site/html
# make course-lite   the same with fewer packages: notebooks 00 to 04, lab, explore
# make bundle   the course and its packages in one folder, for machines without a network
#               (PLATFORM=linux, linux-arm, macos or windows; LITE=1; BUNDLE=folder)
# make bundle-check   install that folder without a network and run notebook 00 from it
# make lab      JupyterLab in the course's environment, with notebooks/
#               (another folder: make lab NOTEBOOKS=runs/student)
# make explore  the encoders' maps and the face lab as a page of your browser
#               (your own: make explore FACES=faces.parquet ENCODER=folder, or either)
# make camera   your own face on the encoders' maps, as a page of your browser
#               (a film instead: make camera FILM=film.mp4; the file of your face: OWN=me.parquet)
# make student, make solutions   copies of the notebooks without solutions, or with all of them
#               filled in: runs/student/, runs/solutions/ (again: answers there are lost)
# make checkpoint 6   what notebook 06 needs from those before it, for whoever starts there
# make slides   the slides of docs/instructor/slides.md: runs/slides/
# make minutes  count again the minutes in the notebooks and docs/instructor/, after a change
# make notebooks   execute the notebooks in place, as they are shown in the repository
# make data, make weights, make study, make ablation   make again what ships in data/, weights/
# make benchmark   speed and memory, ours and the peers; results in benchmarks/results/
# make readability, make outside   what a judge reads in the shipped faces, and what the shipped
#               encoders are worth on faces of another make (data_prep/README.md: London)
# The second faces as well: make data ICT=folder, a clone of github.com/USC-ICT/ICT-FaceKit
# Another Python: make course PYTHON=python3.12
# PyTorch without CUDA: TORCH_INDEX=address, that of pytorch.org's page for CPU builds

PYTHON ?= python3
# The ICT FaceKit's clone or .npz file, of which `make data` makes the second faces.
ICT ?=
VENV := .venv
PY := $(VENV)/bin/python
TORCH_INDEX ?=
INSTALL := $(PY) tools/install.py $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)")
# What lab and explore need: the course, or, where that alone is installed, its lighter form.
READY := $(if $(wildcard $(VENV)/.course),$(VENV)/.course,$(or $(wildcard $(VENV)/.lite),$(VENV)/.course))

# Without these, glibc hands the memory of every training step back and fetches it anew: on two
# cores the steps took about a sixth longer.
export MALLOC_MMAP_THRESHOLD_ ?= 33554432
export MALLOC_TRIM_THRESHOLD_ ?= 4294967296
export MALLOC_TOP_PAD_ ?= 268435456
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

.PHONY: help course course-lite bundle bundle-check test site lab explore camera student solutions checkpoint \
	slides minutes notebooks data weights study ablation readability outside benchmark rendering \
	browser heads clean
help:
	@awk '!/^# / { exit } { sub(/^# /, ""); print }' Makefile

course: rendering $(VENV)/.course heads
	$(PY) -m tools.run_notebooks --out runs/course

course-lite: rendering $(VENV)/.lite
	@$(PY) -m fermodels.faces
	$(PY) -m tools.run_notebooks --out runs/course 00 01 02 03 04

PLATFORM ?=
LITE ?=
BUNDLE ?= runs/bundle
bundle: $(VENV)/.course
	$(if $(TORCH_INDEX),PIP_EXTRA_INDEX_URL="$(TORCH_INDEX)") $(PY) -m tools.bundle "$(BUNDLE)" \
		$(if $(PLATFORM),--platform $(PLATFORM)) $(if $(LITE),--requirements requirements-lite.txt)

bundle-check: $(VENV)/.course
	$(PY) -m tools.bundle_check "$(BUNDLE)"

NOTEBOOKS ?= notebooks
lab: $(READY)
	@test -d "$(NOTEBOOKS)" || { echo "there is no folder $(NOTEBOOKS):" \
		"make student makes runs/student, and make course runs/course"; exit 1; }
	$(PY) -m jupyterlab --notebook-dir="$(NOTEBOOKS)"

YOURS = $(if $(FACES),--faces "$(FACES)") $(if $(ENCODER),--encoder "$(ENCODER)")
explore: rendering $(READY)
	$(PY) tools/explore.py $(YOURS)

camera: $(READY)
	$(PY) tools/explore.py --camera $(YOURS) $(if $(FILM),--film "$(FILM)") $(if $(OWN),--own "$(OWN)")

student: $(VENV)/.course
	$(PY) -m tools.editions $@

solutions: $(VENV)/.course
	$(PY) -m tools.editions $@

# The word after it is the notebook's number, and no target.
ifeq (checkpoint,$(firstword $(MAKECMDGOALS)))
NUMBER := $(word 2,$(MAKECMDGOALS))
ifneq (,$(NUMBER))
.PHONY: $(NUMBER)
$(NUMBER): ; @:
endif
endif
checkpoint: $(VENV)/.course
	$(PY) -m tools.checkpoint $(NUMBER)

slides: $(VENV)/.course
	$(PY) -m tools.slides

minutes: $(VENV)/.course
	$(PY) -m tools.minutes --write

# Threads: a laptop's, so that times on a large machine stay comparable and shared ones usable.
test: export OMP_NUM_THREADS ?= 2
test: export FERMODELS_PRESET := fast
test: export FERMODELS_PROGRESS := 0
test: export FERMODELS_RUNS := $(CURDIR)/runs/test
test: rendering $(VENV)/.dev browser heads site
	rm -rf runs/test
	$(PY) -m ruff check .
	$(VENV)/bin/lint-imports
	$(PY) -m pytest --durations=10 --ignore=tests/browser
	$(PY) -m pytest --verbose --durations=10 tests/browser
	$(PY) -m pytest --nbval-lax --nbval-current-env --nbval-sanitize-with tools/nbval.cfg \
		--nbval-cell-timeout=300 --timeout=0 --durations=10 notebooks

# Anew each time: only pages that are read again warn. Notebooks are shown as they are.
site: $(VENV)/.site
	rm -rf runs/site
	$(PY) -m sphinx --quiet --fail-on-warning --builder html --conf-dir docs \
		--doctree-dir runs/site/doctrees . runs/site/html
	$(PY) -m tools.check_site runs/site/html --external runs/site/external.txt

# Runs of earlier versions must not stand in for training.
notebooks: rendering $(VENV)/.course heads
	rm -rf runs/notebooks
	FERMODELS_PRESET=laptop FERMODELS_PROGRESS=0 FERMODELS_RUNS=$(CURDIR)/runs/notebooks \
		$(PY) -m tools.run_notebooks --in-place

data: rendering $(VENV)/.data heads
	$(PY) -m data_prep anny-views data/anny_views_kdef.parquet --protocol kdef
	$(PY) -m data_prep anny-views data/anny_views_ddcf.parquet --protocol ddcf
	$(PY) -m data_prep anny-views data/anny_views_wide.parquet --protocol wide --subjects 40 --seed 1
	$(PY) -m data_prep anny-clips data/anny_clips.parquet
	@if [ -n "$(ICT)" ]; then \
		$(PY) -m data_prep second-face-model "$(ICT)" data/second_faces.parquet; \
	else \
		echo "data/second_faces.parquet stays as it is: to make it again, make data ICT=path of" \
			"the ICT FaceKit (its repository's clone, or ict_facekit.npz)"; \
	fi

# Pre-trained on people who do not ship: a quarter of an hour to draw the wide world's, five to
# seven minutes for the studio's. What follows goes on from the first release's encoder, made on its
# faces, which the history of this repository holds.
WIDE := runs/wide.parquet
STUDIO := runs/studio.parquet
RELEASE_1 := runs/release-1/weights/clmex-anny-views-v1
FIRST := runs/clmex-first
SECOND := runs/clmex-second
POOL := --decoded runs/decoded --groups-per-batch 5
LONG := --epoch-steps 400
BOTH := --data $(WIDE) $(STUDIO) $(POOL) --precision bf16-mixed
$(WIDE): | rendering $(VENV)/.data heads
	@mkdir -p runs
	$(PY) -m data_prep anny-views $@ --protocol wide --subjects 1600
$(STUDIO): | rendering $(VENV)/.data heads
	@mkdir -p runs
	$(PY) -m data_prep anny-views $@ --protocol kdef --subjects 500 --seed 1

$(RELEASE_1):
	@mkdir -p runs/release-1
	git archive c8e99c3 weights/clmex-anny-views-v1 | tar -x -C runs/release-1

# The first of the three was run before brows, resting faces and disgust were as they are now.
weights: $(WIDE) $(STUDIO) $(RELEASE_1)
	$(PY) -m studies.pretrain clmex --out $(FIRST) --data $(WIDE) $(POOL) $(LONG) \
		--results $(FIRST) --runs runs/pretrain/first --images-seen 1200000 \
		--learning-rate 2e-3 --start $(RELEASE_1)
	cp $(FIRST)/pretrain_clmex.json weights/clmex-anny-views/results/pretrain_first.json
	$(PY) -m studies.pretrain clmex --out $(SECOND) --data $(WIDE) $(POOL) $(LONG) \
		--results $(SECOND) --runs runs/pretrain/second --images-seen 1000000 \
		--learning-rate 2e-3 --start $(FIRST)
	cp $(SECOND)/pretrain_clmex.json weights/clmex-anny-views/results/pretrain_second.json
	$(PY) -m studies.pretrain clmex --out weights/clmex-anny-views $(BOTH) $(LONG) \
		--images-seen 1200000 --learning-rate 2e-3 --start $(SECOND)
	$(PY) -m studies.pretrain clmex --out weights/clmex-anny-views-96px $(BOTH) \
		--results weights/clmex-anny-views-96px --runs runs/pretrain/96px \
		--images-seen 200000 --image-size 96 --learning-rate 1e-3 --start weights/clmex-anny-views
	$(PY) -m studies.pretrain clmex --out weights/clmex-anny-views-early \
		--results weights/clmex-anny-views-early --runs runs/pretrain/early --seed 1 \
		--images-seen 105000 --groups-per-batch 3 --optimizer muon --augment mild \
		--precision bf16-mixed --epoch-steps 50 --validate-every 4
	$(PY) -m studies.pretrain simclr --out weights/simclr-anny-views $(BOTH) $(LONG) \
		--images-seen 2000000 --augment strong
	$(PY) -m studies.clips_pretrain --out weights/conclugen-anny-clips

# London: a prepared file, or its folder, see data_prep/README.md; without it, second faces only.
LONDON ?=
# The other shape: settings that were chosen on validation people of the first.
CHOSEN := weights/clmex-anny-views/results
CHILDREN = --data data/anny_views_ddcf.parquet --encoders runs/study-ddcf --results $(CHOSEN)/ddcf
study: $(VENV)/.dev
	$(PY) -m studies.hardness
	$(PY) -m studies.study_pretrain
	$(PY) -m studies.search
	$(PY) -m studies.image_study $(if $(LONDON),--london "$(LONDON)")
	$(PY) -m studies.study_pretrain $(CHILDREN) --settings $(CHOSEN)/study_pretrain.csv
	$(PY) -m studies.image_study $(CHILDREN) --fractions 1 0.2 --settings $(CHOSEN)/search.csv \
		--second none --london none
	$(PY) -m studies.frozen
	$(PY) -m studies.readability
	$(PY) -m studies.head_yaw
	$(PY) -m studies.outside weights/clmex-anny-views weights/clmex-anny-views-96px \
		weights/simclr-anny-views $(if $(LONDON),--london "$(LONDON)")
	$(PY) -m studies.report
	$(PY) -m studies.clips_search
	$(PY) -m studies.clips_study
	$(PY) -m studies.clips_report

# Hours of one core; what is finished is kept, so it can be stopped and started again.
ablation: $(WIDE) $(STUDIO)
	$(PY) -m studies.ablation --pool $(WIDE) --decoded runs/decoded
	$(PY) -m studies.ablation_report

# The judge is in the tests' environment.
readability: $(VENV)/.dev
	$(PY) -m studies.readability

outside: $(VENV)/.course
	$(PY) -m studies.outside weights/clmex-anny-views weights/clmex-anny-views-96px \
		weights/simclr-anny-views

# The peers are in the tests' environment. Leave the machine alone meanwhile: half an hour or more.
benchmark: rendering $(VENV)/.dev heads
	$(PY) -m benchmarks $(TOPICS)

rendering:
	@$(PYTHON) tools/check_rendering.py

# Without a browser its tests are skipped; on CI they must run.
browser: $(VENV)/.dev
	@$(PY) tools/check_browser.py || [ -z "$$CI" ]

# Anny's cache: minutes on a new machine, seconds after that.
heads: $(VENV)/.course
	@$(PY) -m fermodels.faces

$(PY):
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 10) or sys.exit( \
		f"Python 3.10 or newer is needed, $(PYTHON) is {v[0]}.{v[1]}: make … PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.course: requirements.txt constraints.txt pyproject.toml | $(PY)
	@echo "installing the course (PyTorch and its libraries are some gigabytes: a few minutes)"
	@$(INSTALL) -r requirements.txt
	@$(INSTALL) --no-deps --editable .
	@touch $@

$(VENV)/.lite: requirements-lite.txt constraints.txt pyproject.toml | $(PY)
	@echo "installing notebooks 00 to 04 (PyTorch and its libraries are some gigabytes)"
	@$(INSTALL) -r requirements-lite.txt
	@$(INSTALL) --no-deps --editable .
	@touch $@

$(VENV)/.data: requirements-data.txt $(VENV)/.course
	@$(INSTALL) -r requirements-data.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements-data.txt requirements-judge.txt $(VENV)/.course
	@$(INSTALL) -r requirements-dev.txt
	@$(INSTALL) --no-deps -r requirements-judge.txt
	@touch $@

$(VENV)/.site: requirements-site.txt $(VENV)/.course
	@$(INSTALL) -r requirements-site.txt
	@touch $@

clean:
	rm -rf runs $(VENV)
