#!/bin/sh
# Installs the course from this folder, without a network, on Linux and macOS:
#   sh install.sh [FOLDER]      FOLDER: where it goes; default: fermodels-course in your home
#   PYTHON=/path/to/python3 sh install.sh      with a Python that is not found by its name
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
to=${1:-"$HOME/fermodels-course"}
python=${PYTHON:-python@VERSION@}
command -v "$python" >/dev/null || python=python3
"$python" -c 'import sys
found = "%d.%d" % sys.version_info[:2]
found == "@VERSION@" or sys.exit("these packages are for Python @VERSION@, and this is Python " + found)'

mkdir -p "$to"
to=$(CDPATH='' cd -- "$to" && pwd)
# What is there stays: somebody may have worked in the notebooks. The README comes last.
if [ ! -e "$to/README.md" ]; then
    echo "copying data, weights and notebooks to $to"
    for part in configs data weights notebooks LICENSE README.md; do
        cp -R "$here/course/$part" "$to/"
    done
fi
echo "installing the packages, some minutes"
"$python" -m venv "$to/.venv"
"$to/.venv/bin/python" -m pip install --disable-pip-version-check --quiet --no-index \
    --find-links "$here/wheels" --requirement "$here/packages.txt"
cat >"$to/start.sh" <<'END'
#!/bin/sh
# JupyterLab with the course's notebooks.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
FERMODELS_ROOT=$here exec "$here/.venv/bin/python" -m jupyterlab --notebook-dir="$here/notebooks"
END
echo "done. This opens the notebooks:  sh '$to/start.sh'"
