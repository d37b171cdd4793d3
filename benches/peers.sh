# shellcheck shell=bash
# The programs that tidewatch is measured beside; other scripts read this one in.
#
# tcpdump and capinfos come from the system's packages, which only root can install. NFStream comes from PyPI into a virtual
# environment that is kept in PEERS (unless set, tidewatch-peers in the folder for temporary files).
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

# Makes the environment if there is none; its Python is $peers/bin/python.
nfstream() {
    if ! "$peers/bin/python" -c 'import nfstream' 2>/dev/null; then
        echo "NFStream is installed in $peers" >&2
        { python3 -m venv "$peers" && "$peers/bin/pip" install --quiet nfstream; } >&2 || return 1
        "$peers/bin/python" -c 'import nfstream' || return 1
    fi
}

# The same for the forests that ours are measured beside.
forests() {
    if ! "$peers/bin/python" -c 'import coniferest, isotree, pandas, sklearn' 2>/dev/null; then
        echo "scikit-learn, isotree and coniferest are installed in $peers" >&2
        { python3 -m venv "$peers" && "$peers/bin/pip" install --quiet scikit-learn isotree coniferest pandas; } >&2 \
            || return 1
    fi
}

# The same for what reads Parquet.
tables() {
    if ! "$peers/bin/python" -c 'import polars' 2>/dev/null; then
        echo "polars is installed in $peers" >&2
        { python3 -m venv "$peers" && "$peers/bin/pip" install --quiet polars; } >&2 || return 1
    fi
}
