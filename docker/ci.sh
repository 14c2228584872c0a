#!/usr/bin/env bash
# Builds the images of docker/Dockerfile and runs rollouts in them: with Docker where its daemon answers, else with
# podman, which it installs where it may. Without a registry it makes the base image itself from Debian's packages.
#
#   docker/ci.sh build TARGET...                build images vlgym:TARGET
#   docker/ci.sh run TARGET [FLAG...] -- CMD... run CMD in the restricted profile; FLAGs (of `docker run`) come last
#   docker/ci.sh engine [ARG...]                call the engine as the two above do; without ARGs print its name
#
# Environment variables:
#   VLGYM_CI_CACHE    folder of podman's images (default: ~/.cache/vlgym/images)
#   BASE_IMAGE        image to build on (default: debian:bookworm-slim if the engine can pull it, else one made here)
#   CONTAINER_ENGINE  docker or podman (default: see above)
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
cache=${VLGYM_CI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vlgym/images}
own_base=vlgym-base

say() { printf 'docker/ci.sh: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

need() {  # need PROGRAM PACKAGE...: install packages unless the program is there
    have "$1" && return
    shift
    if ! have apt-get || { [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; }; then
        say "install $* (or start a Docker daemon) and run this again."
        exit 69
    fi
    say "installing $*"
    local root=env
    [ "$(id -u)" = 0 ] || root='sudo -n'
    $root apt-get -qq -o DPkg::Lock::Timeout=300 update >&2 || say "apt-get update failed; going on with the old lists."
    # runc is named because podman would otherwise choose crun, which refuses hosts with hybrid control groups.
    $root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y \
        --no-install-recommends "$@" >/dev/null
}

choose_engine() {
    engine=${CONTAINER_ENGINE:-}
    if [ -z "$engine" ]; then
        if have docker && docker info >/dev/null 2>&1; then engine=docker; else engine=podman; fi
    fi
    [ "$engine" = podman ] || return 0
    need podman podman buildah runc
    mkdir -p "$cache"
    # Limits that a container without CAP_SYS_RESOURCE may hand on, and settings that need neither systemd nor journald.
    printf '%s\n' '[containers]' 'default_ulimits = ["nofile=16384:16384", "nproc=32768:32768"]' \
        '[engine]' 'runtime = "runc"' 'cgroup_manager = "cgroupfs"' 'events_logger = "file"' >"$cache/containers.conf"
    printf '%s\n' '[storage]' 'driver = "overlay"' "graphroot = \"$cache/store\"" "runroot = \"$cache/run\"" \
        >"$cache/storage.conf"
    export CONTAINERS_CONF=$cache/containers.conf CONTAINERS_STORAGE_CONF=$cache/storage.conf
}

make_base() {  # a minimal Debian that trusts what this machine trusts, so that pip works behind its proxies
    need mmdebstrap mmdebstrap
    local bundle=/etc/ssl/certs/ca-certificates.crt tar=$cache/base.tar
    mkdir -p "$cache"
    say "making the base image from Debian's packages"
    mmdebstrap --quiet --variant=minbase --include=ca-certificates \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --aptopt='Acquire::Languages "none"' --customize-hook="copy-in $bundle /etc/ssl/certs" bookworm "$tar"
    "$engine" import --change "ENV SSL_CERT_FILE=$bundle" --change "ENV PIP_CERT=$bundle" "$tar" "$own_base" >&2
    rm -f "$tar"
}

choose_base() {
    base=${BASE_IMAGE:-}
    [ -z "$base" ] || return 0
    base=$own_base
    [ "$engine" = docker ] || base=localhost/$own_base
    "$engine" image inspect "$base" >/dev/null 2>&1 && return
    if timeout 60 "$engine" pull -q docker.io/library/debian:bookworm-slim >/dev/null 2>&1; then
        base=docker.io/library/debian:bookworm-slim
    else
        make_base
    fi
}

build() {
    choose_base
    mkdir -p "$cache"
    for target in "$@"; do
        local log=$cache/build-$target.log start=$SECONDS
        # Host network: the build needs a package index, and not every machine gives containers a bridge.
        if ! "$engine" build --network host --build-arg "BASE_IMAGE=$base" --target "$target" \
            -f "$here/docker/Dockerfile" -t "vlgym:$target" "$here" >"$log" 2>&1; then
            tail -40 "$log" >&2
            say "the build of $target failed; the whole log is $log"
            exit 1
        fi
        say "built vlgym:$target in $((SECONDS - start)) s"
    done
    # Layers of images that a newer build has replaced; those still in use stay.
    "$engine" image prune -f --filter until=168h >/dev/null 2>&1 || true
}

run() {
    local target=$1 flags=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    [ $# -gt 0 ] && shift
    exec "$engine" run --rm --network none --read-only --tmpfs /tmp --cap-drop all \
        --security-opt no-new-privileges --user 10001 --memory 2g --cpus 2 --pids-limit 512 --shm-size 256m \
        ${flags[@]+"${flags[@]}"} "vlgym:$target" "$@"
}

command=${1:-}
case $command in
    build | run) [ $# -gt 1 ] || { say "$command needs a target: web, android, embodied or all."; exit 64; } ;;
    engine) ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
shift
choose_engine
case $command in
    engine) if [ $# = 0 ]; then echo "$engine"; else "$engine" "$@"; fi ;;
    *) "$command" "$@" ;;
esac
