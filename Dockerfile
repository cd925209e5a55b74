# The course in a container: docker build -t fermodels . ; docker run -p 8888:8888 fermodels
# JupyterLab prints the address to open. TORCH_INDEX, REQUIREMENTS: see docs/install.md.
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends libegl1 libgl1-mesa-dri make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 learner

WORKDIR /home/learner/fermodels
ARG REQUIREMENTS=requirements.txt
ARG TORCH_INDEX=
# Before the rest, so that a change of a notebook does not install everything again.
COPY requirements.txt requirements-lite.txt constraints.txt ./
RUN PIP_EXTRA_INDEX_URL="$TORCH_INDEX" pip install --no-cache-dir \
    --requirement "$REQUIREMENTS" --constraint constraints.txt

COPY --chown=learner:learner . .
RUN pip install --no-cache-dir --no-deps --editable . \
    && mkdir -p runs \
    && chown learner:learner . runs

USER learner
RUN python -m fermodels.faces
EXPOSE 8888
CMD ["python", "-m", "jupyterlab", "--ip=0.0.0.0", "--no-browser", "--notebook-dir=notebooks"]
