# How the scripts here begin; they read this in.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# begin LEAST MOST ARGUMENT...: says how the script is used if it has too few or too many arguments; `binary` becomes the program that
# is tried, which the last of them may name, and `work` a folder that goes with the script.
begin() {
    local least=$1 most=$2
    shift 2
    if [ $# -lt "$least" ] || [ $# -gt "$most" ]; then
        sed -n '/^# usage/,/^set/s/^# //p' "$0" >&2
        exit 2
    fi
    binary=${!most:-${BINARY:-${CARGO_TARGET_DIR:-$root/target}/release/tidewatch}}
    if [ ! -x "$binary" ]; then
        echo "$binary: no such program; hint: cargo build --release" >&2
        exit 1
    fi
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
}

# Runs a command. Exit code 3 means that the work was done, though a capture was cut short; what, is said on standard error.
whole_or_cut() {
    local code=0
    "$@" || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || exit "$code"
}
