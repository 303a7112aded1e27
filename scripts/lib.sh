# shellcheck shell=bash
# What the scripts share: sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

# Where cargo puts what it builds, and what the set-up keeps between runs.
target=${CARGO_TARGET_DIR:-$root/target}
case $target in
/*) ;;
*) target=$root/$target ;;
esac
# shellcheck disable=SC2034 # scripts/setup uses it
venv=$target/venv

# A rustup that was installed a moment ago is not in the PATH of this shell yet.
if [ -d "${CARGO_HOME:-$HOME/.cargo}/bin" ]; then
    PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
fi
# Debian keeps administrators' programs out of an ordinary user's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

is_root() {
    [ "$(id -u)" = 0 ]
}

on_linux() {
    [ "$(uname -s)" = Linux ]
}

# True if this process may make the namespaces that the scenarios run in.
can_unshare() {
    on_linux && is_root && unshare --mount --net --pid --fork --mount-proc true 2>/dev/null
}
