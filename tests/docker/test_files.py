"""The files of docker/ and .github/: linters, schemas, and what no linter knows. Nothing is built here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("*Dockerfile"))
SCRIPTS = [*sorted(DOCKER.glob("*.sh")), ROOT / ".ci" / "run", ROOT / "tools" / "setup.sh"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def check(tool: str, *words: str | Path) -> None:
    """Run a linter of the development extra; its words are the failure."""
    beside = Path(sys.executable).parent / tool
    found = str(beside) if beside.exists() else shutil.which(tool)
    assert found, f'{tool} is missing: pip install "vlgym[dev]"'
    done = subprocess.run([found, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_something_to_check() -> None:
    names = [path.name for path in DOCKERFILES]
    assert names == ["Dockerfile", "android-emulator.Dockerfile", "trainer.Dockerfile"]
    assert len(WORKFLOWS) == 2


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint(path: Path) -> None:
    check("hadolint", path)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck(path: Path) -> None:
    check("shellcheck", path)


def test_compose_schema() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DOCKER / "compose.yaml")


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_workflow_schema(schema: str) -> None:
    check("check-jsonschema", "--builtin-schema", schema, *WORKFLOWS)


def test_workflows_are_safe() -> None:
    check("zizmor", "--offline", "--no-progress", *WORKFLOWS)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_and_versions_named(path: Path) -> None:
    uses = re.findall(r"^\s*- uses: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert uses
    for line in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


# ---------------------------------------------------------------- Dockerfiles


def instructions(path: Path, name: str) -> list[str]:
    """Return the arguments of every instruction `name`, continuation lines joined."""
    text = re.sub(r"\\\n\s*(?:#[^\n]*\n\s*)*", " ", path.read_text(encoding="utf-8"))
    return re.findall(rf"^{name}\s+(.+)$", text, re.MULTILINE)


def ignored(path: str) -> bool:
    """Return whether .dockerignore keeps a file of the repository from builds (its last matching line decides)."""
    out = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        if not line or line.startswith("#"):
            continue
        first, whole = path.partition("/")[0], re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(whole, first) or re.fullmatch(whole + "(?:/.*)?", path):
            out = not line.startswith("!")
    return out


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_what_is_copied_exists_and_reaches_the_build(path: Path) -> None:
    for line in instructions(path, "COPY"):
        words = [word for word in line.split() if not word.startswith("--")]
        if "--from=" in line:
            continue
        for source in words[:-1]:
            assert (ROOT / source).exists(), source
            assert source == "." or not ignored(source), f"{source} is left out by .dockerignore"


def test_the_build_sees_what_the_package_needs_and_no_more() -> None:
    assert not any(map(ignored, ("pyproject.toml", "README.md", "LICENSE", "constraints-cpu.txt")))
    assert not any(map(ignored, ("vlgym/core/env.py", "agents/vlgym_agents/cli.py", "envs_assets/android/icons.txt")))
    assert all(map(ignored, (".git/config", ".venv/bin/python", "runs/a/config.json", "tests/test_repo.py")))
    assert all(map(ignored, ("vlgym/__pycache__/a.pyc", "vlgym/core/__pycache__/a.pyc", "docs/learning.png")))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_run_as_nobody_in_particular_under_an_init(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = re.split(r"^FROM ", text, flags=re.MULTILINE)
    last = [stage for stage in targets if "ENTRYPOINT" in stage]
    assert last
    for stage in last:
        assert re.search(r"^USER 10001$", stage, re.MULTILINE)
        assert re.search(r'^ENTRYPOINT \["(?:/usr/bin/)?tini"', stage, re.MULTILINE)
    assert instructions(path, "FROM")[0] == "${BASE_IMAGE} AS " + ("python" if path.name == "Dockerfile" else "system")
    assert not re.search(r"<<|^# syntax=", text, re.MULTILINE), "neither old podman nor old Docker reads these"


def test_rollout_images_have_no_torch() -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("requirements", DOCKER / "requirements.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    lines = re.findall(r"requirements\.py ([a-z ]*)>", (DOCKER / "Dockerfile").read_text(encoding="utf-8"))
    assert len(lines) == 4
    for extras in lines:
        assert not [line for line in module.requirements(*extras.split()) if line.startswith("torch")]
    assert [line for line in module.requirements("all") if line.startswith("torch")]
    with pytest.raises(SystemExit, match="no extra 'wbe'"):
        module.requirements("wbe")


# ---------------------------------------------------------------- one profile, written in three places


def compose() -> dict[str, Any]:
    import yaml

    loaded: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


FLAGS = {
    "--network": ("network_mode", "none"),
    "--tmpfs": ("tmpfs", ["/tmp"]),
    "--cap-drop": ("cap_drop", ["ALL"]),
    "--security-opt": ("security_opt", ["no-new-privileges:true"]),
    "--user": ("user", "10001"),
    "--memory": ("mem_limit", "2g"),
    "--cpus": ("cpus", 2),
    "--pids-limit": ("pids_limit", 512),
    "--shm-size": ("shm_size", "256m"),
}


@pytest.mark.parametrize("service", ["web", "android", "embodied"])
def test_compose_and_script_and_page_agree_on_the_profile(service: str) -> None:
    found = compose()["services"][service]
    script = (DOCKER / "ci.sh").read_text(encoding="utf-8")
    page = (DOCKER / "README.md").read_text(encoding="utf-8")
    assert found["read_only"] is True
    assert "--read-only" in script
    for flag, (key, value) in FLAGS.items():
        assert found[key] == value
        plain = str(value[0] if isinstance(value, list) else value).lower().removesuffix(":true")
        assert re.search(rf"{flag} {re.escape(plain)}\b", script), f"{flag} {plain}"
        assert f"`{flag} {plain}`" in page, f"{flag} {plain}"
    assert found["build"]["target"] == service


def test_seccomp_profile_denies_by_default_and_allows_a_sandbox() -> None:
    profile = json.loads((DOCKER / "seccomp-chromium.json").read_text(encoding="utf-8"))
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    free = {name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule
            for name in rule["names"]}  # fmt: skip
    assert {"clone", "unshare", "chroot", "seccomp", "read", "openat", "futex", "execve"} <= free
    dangerous = {
        "mount",
        "ptrace",
        "bpf",
        "kexec_load",
        "init_module",
        "setns",
        "keyctl",
        "reboot",
        "open_by_handle_at",
    }
    assert not free & (dangerous | {"io_uring_setup", "userfaultfd", "perf_event_open", "process_vm_writev"})
    assert len(free) == sum(len(rule["names"]) for rule in profile["syscalls"] if "args" not in rule) - 1


# ---------------------------------------------------------------- the emulator's ladder, with a stand-in for Google's


EMULATOR = """#!/bin/sh
echo "$@" >>"$CALLS"
case "$*" in *"-accel on"*) [ "$HANGS" = no ] || exec sleep 600 ;; esac
touch "$BOOTED"
exec sleep 600
"""
ADB = """#!/bin/sh
case "$*" in *boot_completed*) [ -f "$BOOTED" ] && echo 1 ;; esac
exit 0
"""


def with_emulator(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    for name, text in (("emulator", EMULATOR), ("adb", ADB)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    known = {"PATH": f"{folder}:{os.environ['PATH']}", "TMPDIR": str(folder), "BOOTED": str(folder / "booted")}
    known |= {"CALLS": str(folder / "calls"), "VLGYM_BOOT_S": "2", "VLGYM_SLOW_BOOT_S": "5", **variables}
    return subprocess.run(
        ["bash", str(DOCKER / "emulator.sh"), *command], env=known, capture_output=True, text=True, timeout=60
    )


def test_emulator_takes_acceleration_that_boots(tmp_path: Path) -> None:
    done = with_emulator(tmp_path, "echo", "played", HANGS="no")
    first, second = done.stdout.splitlines()
    assert json.loads(first)["accel"] == "kvm"
    assert (second, done.returncode) == ("played", 0)
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_emulator_gives_up_acceleration_that_hangs_and_records_it(tmp_path: Path) -> None:
    done = with_emulator(tmp_path, "sh", "-c", "echo played; exit 3", HANGS="yes")
    first, second = done.stdout.splitlines()
    assert json.loads(first) == {"kind": "emulator", "accel": "none", "boot_s": json.loads(first)["boot_s"]}
    assert (second, done.returncode) == ("played", 3)
    assert [line.split("-accel ")[1][:3] for line in (tmp_path / "calls").read_text().splitlines()] == ["on ", "off"]


def test_emulator_that_must_be_accelerated_says_what_is_missing(tmp_path: Path) -> None:
    done = with_emulator(tmp_path, "echo", "played", HANGS="yes", VLGYM_ACCEL="kvm")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--device /dev/kvm" in done.stderr
