# shellcheck shell=bash
# The programs that tidewatch is measured beside; other scripts read this one in.
#
# tcpdump and capinfos come from the system's packages, which only root can install. What is in Python comes from PyPI into a
# virtual environment that is kept in PEERS (unless set, tidewatch-peers in the folder for temporary files).
peers=${PEERS:-${TMPDIR:-/tmp}/tidewatch-peers}

# Installs the package $2 if there is no program $1; says so if it cannot.
program() {
    command -v "$1" >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$2"; } \
            >/dev/null 2>&1 </dev/null || true
    fi
    command -v "$1" >/dev/null || { echo "$1 is not installed (package $2): left out" >&2; return 1; }
}

# environment MODULES PACKAGE...: sees to it that $peers/bin/python can import the modules, with these packages from PyPI.
environment() {
    local modules=$1
    shift
    "$peers/bin/python" -c "import $modules" 2>/dev/null && return
    echo "$*: installed in $peers" >&2
    { python3 -m venv "$peers" && "$peers/bin/pip" install --quiet "$@"; } >&2 || return 1
    "$peers/bin/python" -c "import $modules"
}

nfstream() {
    environment nfstream nfstream
}

# The forests that ours are measured beside.
forests() {
    environment 'coniferest, isotree, pandas, sklearn' scikit-learn isotree coniferest pandas
}

# What reads Parquet.
tables() {
    environment polars polars
}
