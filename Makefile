.DEFAULT_GOAL := help
.PHONY: help setup lab test notebooks image bench protos

installed := .venv/installed
all_notebooks = $(wildcard notebooks/*.ipynb notebooks/solutions/*.ipynb)

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lab: $(installed) ## open the notebooks in JupyterLab
	.venv/bin/jupyter lab --ServerApp.root_dir='$(CURDIR)' \
		--LabApp.default_url=/lab/tree/notebooks/00_opening.ipynb \
		$(if $(filter 0,$(shell id -u)),--allow-root)

test: $(installed) ## run everything CI runs: style, types, imports, tests, notebooks
	.venv/bin/pytest

setup: $(installed) ## make .venv and install everything into it (lab and test do so by themselves)

notebooks: $(installed) ## run all notebooks and store their outputs in place
	.venv/bin/jupyter execute --inplace --timeout=60 $(all_notebooks)
	.venv/bin/python tools/normalise.py $(all_notebooks)
	.venv/bin/python tools/navigate.py $(all_notebooks)
	.venv/bin/python tools/figures.py

image: $(installed) ## write the image of the notebooks to build/debian.tar, for ctr images import
	.venv/bin/python tools/image.py build/debian.tar

bench: $(installed) ## measure beside the real containerd, where it is installed
	.venv/bin/python -m bench

protos: $(installed) ## generate companion/api from protos/
	.venv/bin/python protos/generate.py

$(installed): pyproject.toml constraints.txt
	@tools/setup
	@touch $@
