"""Debian's mksh and toybox, Android's own shell and tools, as the measure of ours; and lines to compare on."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

MKSH, TOYBOX = shutil.which("mksh"), shutil.which("toybox")
TOOLS = """
base64 basename cat chmod cksum cmp comm cp cut dirname du egrep env fgrep find grep head ln ls md5sum mkdir mv
nl paste printenv printf readlink rev rm rmdir sed seq sha1sum sha256sum sort stat strings tac tail tee touch
uniq wc which xargs xxd date uname
""".split()
"""Tools that are toybox's in the reference too."""


class Reference:
    """Runs lines in mksh with toybox's tools, each in an empty folder of its own."""

    def __init__(self, folder: Path) -> None:
        assert MKSH
        assert TOYBOX
        self._folder = folder
        tools = folder / "bin"
        tools.mkdir()
        for name in TOOLS:
            os.symlink(TOYBOX, tools / name)
        self._environment = {"PATH": str(tools), "HOME": "/", "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def run(self, line: str) -> tuple[bytes, int]:
        """Return standard output and status."""
        with tempfile.TemporaryDirectory(dir=self._folder) as place:
            done = subprocess.run(
                [MKSH or "", "-c", "umask 0\n" + line],
                cwd=place,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=20,
            )
        return done.stdout, done.returncode


class Lines:
    """Draws command lines from a small grammar of what scripts do."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def _pick(self, *choices: str) -> str:
        return self._random.choice(choices)

    def _number(self) -> str:
        return str(self._random.randrange(-3, 20))

    def _word(self) -> str:
        return self._pick(
            "a",
            "b2",
            "'c d'",
            '"e  f"',
            "$x",
            '"$x"',
            "${y:-no}",
            "$(echo s)",
            "`echo t`",
            "$((x+2))",
            "*",
            "f?",
            "g\\ h",
            '"$(echo "q $x")"',
            "${w#a}",
            "${w%b}",
            "${#w}",
            "''",
            '"it\'s"',
            "$*",
            '"$@"',
            "a{1,2}",
            "${w/b/X}",
            "\\$x",
            "${w:1:2}",
            "[fg]1",
            "~x",
            "=",
            "${u+set}",
            "${x:+yes}",
            "-n",
            "#no",
        )

    def _words(self) -> str:
        return " ".join(self._word() for _ in range(self._random.randrange(1, 4)))

    def _arithmetic(self) -> str:
        parts = [self._pick("x", self._number().replace("-", "0-"), "(x*2)", "0x1f")]
        for _ in range(self._random.randrange(3)):
            parts += [
                self._pick("+", "-", "*", "/", "%", "<", "<=", "==", "!=", "&", "|", "^", "<<", "&&", "||"),
                self._pick("x", "1", "3", "7", "(2+1)", "~1", "!x"),
            ]
        return " ".join(parts)

    def _condition(self) -> str:
        return self._pick(
            f"[ {self._number()} {self._pick('-lt', '-ge', '-eq', '-ne')} {self._number()} ]",
            f'[ "$x" = {self._pick("5", "a")} ]',
            "[ -f f1 ]",
            "[ -d d ]",
            "[ -z '' ]",
            '[ -n "$u" ]',
            "test -e nosuch",
            "[ ! -s f0 ]",
            "true",
            "false",
            f"[[ $w == {self._pick('a*', '*b', 'x?', '[a-c]*')} ]]",
            f"(( {self._arithmetic()} ))",
            "grep -q b f1",
        )

    def _filter(self) -> str:
        number = str(self._random.randrange(1, 4))
        return self._pick(
            "sort",
            "sort -r",
            "sort -n",
            "sort -u",
            "uniq",
            "uniq -c",
            f"head -n {number}",
            f"tail -n {number}",
            "wc -l",
            "tac",
            "cut -d' ' -f1",
            f"cut -c{number}-",
            "grep a",
            "grep -v b",
            "grep -n '[0-9]'",
            "grep -c .",
            "grep -o '[a-z]*'",
            "sed 's/a/A/'",
            "sed 's/[0-9]/<&>/g'",
            f"sed -n {number}p",
            f"sed {number}d",
            "sed '$d'",
            "rev",
            "cat",
            "md5sum",
            "sed -n '/b/p'",
            f"tail -n +{number}",
            "paste -s -d,",
            "nl",
            "xxd",
            "base64",
            'while read l; do echo "[$l]"; done',
            "grep -E 'a|b'",
            "sed -E 's/(.)(.)/\\2\\1/'",
            "grep -i A",
            "sed '1!G;h;$!d'",
            "tee d/.t",
            "cksum",
        )

    def _source(self) -> str:
        return self._pick(
            f"echo {self._words()}",
            "cat f1",
            "cat f1 f2",
            f"seq {self._random.randrange(1, 12)}",
            "ls",
            "ls -a",
            "printf '%s\\n' b a c",
            f"printf '%s-%d\\n' {self._word()} {self._number().replace('-', '')}",
            "echo 'b 2 x\na 1 y'",
            "find f0 f1 g1 -type f",
            f"printf '%5s|%-4s|%03d\\n' ab {self._word()} 7",
        )

    def _simple(self) -> str:
        text = self._source() + "".join(f" | {self._filter()}" for _ in range(self._random.randrange(3)))
        return text + self._pick("", "", "", " > d/.o; cat d/.o", " >> d/.o; wc -c d/.o", " 2>/dev/null")

    def _statement(self, depth: int = 0) -> str:
        kind = self._random.randrange(12 if depth < 2 else 5)
        if kind < 4:
            return self._simple()
        if kind == 4:
            return self._pick(
                f"x={self._word()}",
                f"x=$(({self._arithmetic()}))",
                f"w={self._pick('abcab', 'a*b', '')}",
                "set -- 1 '2 3' 4",
                "mkdir -p d/e; touch d/e/z",
                "rm -r d",
                "cp f1 d/",
                "mv f2 f3",
                "cd d",
                "shift",
                "unset x",
                "y=$x$w",
            )
        inner, other = self._statement(depth + 1), self._statement(depth + 1)
        return self._pick(
            f"if {self._condition()}; then {inner}; else {other}; fi",
            f'for i in {self._words()}; do echo "$i"; {inner}; done',
            f"{self._condition()} && {inner}",
            f"{self._condition()} || {inner}",
            f"( {inner}; exit 3 ); echo $?",
            f"{{ {inner}; }} | wc -c",
            f"case {self._word()} in a*) {inner};; *) {other};; esac",
            f"f() {{ {inner}; return 2; }}; f p q; echo $?",
            f"n=0; while [ $n -lt 2 ]; do n=$((n+1)); {inner}; done",
            f'echo "$({inner})"',
            f"! {inner}; echo $?",
            f"eval '{'echo $x'}'",
        )

    def draw(self) -> str:
        """Return a line; files f0 (empty), f1, f2, g1 and folder d are there, x is 5 and w is "ab"."""
        begin = "x=5; w=ab; mkdir d; touch f0 d/.h d/k; echo 'a b' > f1; printf 'b\\na\\n' > f2; echo 1 > g1\n"
        begin += "set -- p 'q r'\n"
        return begin + "\n".join(self._statement() for _ in range(self._random.randrange(1, 4)))
