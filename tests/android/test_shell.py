"""The shell: the same as mksh with toybox, and never beyond the device."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from shell_reference import MKSH, TOYBOX, Lines, Reference
from small_device import SmallDevice

import vlgym.android.shell
import vlgym.android.state
from vlgym.android.shell.commands import COMMANDS
from vlgym.android.state.image import PROGRAMS

FIXED = (Path(__file__).parent / "shell_lines.txt").read_text(encoding="utf-8").rstrip("\n").split("\n%%\n")
needs_reference = pytest.mark.skipif(not (MKSH and TOYBOX), reason="needs Debian's packages mksh and toybox")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(tmp_path_factory.mktemp("reference"))


@pytest.fixture
def device() -> SmallDevice:
    return SmallDevice()


def ours(device: SmallDevice, line: str) -> tuple[bytes, int]:
    """Run a line in an empty folder, as Reference.run does."""
    device.state.rooted = True
    device.state.files.mkdir("/data/local/tmp/here")
    result = device.shell("cd /data/local/tmp/here\n" + line)
    device.state.files.remove("/data/local/tmp/here", tree=True)
    return result.stdout, result.code


@needs_reference
@pytest.mark.parametrize("start", range(0, len(FIXED), 16))
def test_fixed_lines_do_what_mksh_and_toybox_do(reference: Reference, device: SmallDevice, start: int) -> None:
    for line in FIXED[start : start + 16]:
        assert ours(device, line) == reference.run(line), line


@needs_reference
@pytest.mark.parametrize("start", range(5000, 5064, 16))
def test_drawn_lines_do_what_mksh_and_toybox_do(reference: Reference, device: SmallDevice, start: int) -> None:
    for seed in range(start, start + 16):
        line = Lines(seed).draw()
        assert ours(device, line) == reference.run(line), line


# ---------------------------------------------------------------- whatever the line is


def mutilated(seed: int, count: int) -> Iterator[str]:
    """Yield lines that are broken in some place, and words thrown together."""
    rng = random.Random(seed)
    words = [word for line in FIXED for word in re.split(r"(\s+)", line)]
    signs = [
        "\0",
        "\ud800",
        "é",
        "${",
        "$((",
        "))",
        "`",
        "'",
        '"',
        "\\",
        "|",
        "&&",
        ";;",
        "<<",
        "(",
        ")",
        "{",
        "}",
        "[",
        "*",
        "-",
        "--",
        "-1",
        "9" * 30,
        "%s",
        "%d",
        "/",
        "..",
        "$@",
        "$(",
        "content://sms",
        "a=$a$a",
        "\n",
        ">",
    ]
    programs = sorted(COMMANDS)
    for _ in range(count):
        if rng.random() < 0.5:
            line = list(rng.choice(FIXED))
            for _ in range(rng.randrange(1, 5)):
                place = rng.randrange(len(line) + 1)
                line[place : place + rng.randrange(3)] = [rng.choice(signs)] if rng.random() < 0.6 else []
            yield "".join(line)
        else:
            yield rng.choice(programs) + " " + " ".join(rng.choice(words + signs) for _ in range(rng.randrange(6)))


@pytest.mark.parametrize("seed", range(4))
def test_no_line_raises(device: SmallDevice, seed: int) -> None:
    for line in mutilated(seed, 150):
        device.state.rooted = bool(seed % 2)
        result = device.shell(line, b"some\ninput\n")
        assert 0 <= result.code <= 255, line
        assert len(result.stdout) <= 17 << 20


@pytest.mark.parametrize(
    "line",
    [
        "while :; do :; done",
        "f() { f; }; f",
        "f() { f | f; }; f",
        'eval_me=\'eval "$eval_me"\'; eval "$eval_me"',
        "a=x; while :; do a=$a$a; done",
        "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done",
        "echo x | sed ':a;s/./&&/g;ba'",
        "echo " + "{a,b}" * 22,
        "su 0 sqlite3 /data/x.db "
        "'with recursive t(a) as (select 1 union all select a + 1 from t) select count(*) from t'",
        "echo " + "$(" * 500 + ")" * 500,
        "(" * 5000,
        "echo $((" + "(" * 1000 + "1" + ")" * 1000 + "))",
    ],
)
def test_what_never_ends_is_ended(device: SmallDevice, line: str) -> None:
    assert device.shell(line).code != 0
    assert device.shell("echo still here").stdout == b"still here\n"


def modules() -> list[Path]:
    folders = [Path(package.__file__ or "").parent for package in (vlgym.android.shell, vlgym.android.state)]
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_nothing_reaches_the_host(path: Path) -> None:
    """State and shell import nothing that starts programs, opens files or tells the host's time."""
    banned = {
        "subprocess",
        "shutil",
        "pathlib",
        "socket",
        "time",
        "tempfile",
        "glob",
        "pty",
        "importlib",
        "ctypes",
        "random",
    }
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        names = [name for name in names if name != "random.Random"]  # it has a seed
        assert not [name for name in names if name.partition(".")[0] in banned]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "eval", "exec", "compile", "__import__"), node.lineno
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            assert node.attr in ("strerror", "fsencode"), node.lineno
        if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today"):
            assert not (isinstance(node.value, ast.Name) and node.value.id in ("datetime", "date")), node.lineno


def test_system_bin_lists_the_programs() -> None:
    assert sorted(COMMANDS) == sorted(PROGRAMS)


# ---------------------------------------------------------------- sessions


def test_a_session_remembers_and_a_new_one_does_not(device: SmallDevice) -> None:
    shell = vlgym.android.shell.Shell(device)  # type: ignore[arg-type]
    shell.run("x=1; cd /sdcard; f() { echo f; }")
    assert shell.run("echo $x; pwd; f").stdout == b"1\n/sdcard\nf\n"
    assert device.shell("echo [$x]; pwd").stdout == b"[]\n/\n"
    assert shell.run("exit 7").code == 7


def test_standard_input_reaches_the_commands(device: SmallDevice) -> None:
    assert device.shell("cat", b"a\0b\xff\n").stdout == b"a\0b\xff\n"
    assert device.shell("read x; echo $x; cat", b"one\ntwo\n").stdout == b"one\ntwo\n"
    assert device.shell("sh", b"echo $((2+3))\n").stdout == b"5\n"


def test_bytes_survive_the_shell(device: SmallDevice) -> None:
    data = bytes(range(256))
    assert device.shell("cat > /sdcard/all; cat /sdcard/all", data).stdout == data
    assert device.shell(r"printf '\xff\303\251'").stdout == b"\xff\xc3\xa9"
    for line in (
        "touch $'\\377'; ls; stat $'\\377'; find . -type f",
        "sqlite3 x.db \"SELECT '\udcff'\"",
        "input text \udcff\ud800",
    ):
        device.shell("cd /data/local/tmp; " + line)
    assert b"\xff" in device.shell("ls /data/local/tmp").stdout
    assert device.shell("echo 'é' | sed 's/é/e/'").stdout == b"e\n"


def test_the_shell_user_may_less_than_root(device: SmallDevice) -> None:
    denied = device.shell("ls /data/data")
    assert denied.code == 1
    assert denied.stderr == b"ls: /data/data: Permission denied\n"
    assert device.shell("cat /data/data/org.tasks/databases/database").code == 1
    assert device.shell("echo x > /system/build.prop").code == 1
    assert device.shell("id -un").stdout == b"shell\n"
    assert device.shell("su 0 id -un; su -c 'whoami' root; su shell whoami").stdout == b"root\nroot\nshell\n"
    device.state.rooted = True
    assert b"org.tasks" in device.shell("ls /data/data").stdout
    assert device.shell("whoami").stdout == b"root\n"


def test_sleep_passes_the_device_s_time_only(device: SmallDevice) -> None:
    before = device.state.clock.now_us
    assert device.shell("sleep 2; date +%s").stdout == f"{before // 1_000_000 + 2}\n".encode()


def test_sed_and_grep_beyond_the_reference(device: SmallDevice) -> None:
    assert device.shell("printf 'hello\\n' | sed 's/l/L/2'").stdout == b"helLo\n"
    assert device.shell("seq 3 | sed '2a after'").stdout == b"1\n2\nafter\n3\n"
    assert device.shell("echo ab | tr a-b A-B").stdout == b"AB\n"
    assert device.shell("printf 'a b c\\n' | xargs -n 1 echo").stdout == b"a\nb\nc\n"
    assert device.shell("expr 2 + 3 \\* 4; expr abc : 'a\\(.\\)'").stdout == b"14\nb\n"
