"""Rules of the repository: who may import whom, sizes, tables that resolve, documents that name what exists."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import vlgym.registry
import vlgym_agents.registry

ROOT = Path(__file__).resolve().parent.parent
IGNORED = {"__pycache__", "build", "dist", "runs", ".git", ".venv", ".cache", ".hypothesis"}
IGNORED |= {".pytest_cache", ".mypy_cache", ".ruff_cache"}
MAX_FILE, MAX_FUNCTION = 500, 80
HEAVY = ("torch", "transformers", "tokenizers", "playwright", "cv2", "PIL", "tqdm", "tensorboard", "vlgym_agents")


@cache
def files() -> tuple[Path, ...]:
    """Return the repository's own files: what git knows or would take, or all but outputs where there is no git."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listing.returncode == 0 and (ROOT / ".git").exists():
        found = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        found = [p for p in ROOT.rglob("*") if not IGNORED & set(p.relative_to(ROOT).parts)]
    return tuple(sorted(path for path in found if path.is_file()))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


SOURCES = [path for path in files() if path.suffix == ".py"]
PACKAGES = [path for path in SOURCES if name(path).startswith(("vlgym/", "agents/vlgym_agents/"))]
DOCUMENTS = [path for path in files() if path.suffix == ".md"]
FAMILIES = sorted(
    {path.parent.name for path in PACKAGES if name(path).count("/") == 2 and path.name == "env.py"} - {"core"}
)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path, *, at_import: bool) -> set[str]:
    """Return the modules a file imports; `at_import` leaves out what is imported in functions or for type checkers."""
    found: set[str] = set()
    todo: list[ast.AST] = [tree(path)]
    while todo:
        node = todo.pop()
        if at_import and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if at_import and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            todo += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}:{node.lineno}: imports are absolute"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
        todo += ast.iter_child_nodes(node)
    return found


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def run_python(code: str, **environment: str) -> str:
    """Run code in a fresh interpreter outside the checkout, so that the installed package answers."""
    import os

    done = subprocess.run(
        [sys.executable, "-c", code], cwd="/", env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---------------------------------------------------------------- layers


def test_there_are_families_to_check() -> None:
    assert "webshop" in FAMILIES


@pytest.mark.parametrize("path", PACKAGES, ids=name)
def test_layers(path: Path) -> None:
    every, early = imports(path, at_import=False), imports(path, at_import=True)
    others = {family: f"vlgym.{family}" for family in FAMILIES}
    if name(path).startswith("agents/"):
        banned = tuple(others.values())
        assert not [m for m in every if within(m, *banned)], "the trainer knows environments by the contract only"
        if path.stem in ("advantages", "losses", "types", "policy"):
            assert not [m for m in every if within(m, "vlgym_agents.algos")], "parts do not know methods"
        return
    assert not [m for m in every if within(m, "vlgym_agents")], "environments do not know the trainer"
    assert not [m for m in early if within(m, *HEAVY)], "heavy packages are imported in the function that needs them"
    own = path.relative_to(ROOT / "vlgym").parts[0]
    banned = tuple(module for family, module in others.items() if family != own)
    assert not [m for m in every if within(m, *banned)], "no family imports another, and core imports none"


def test_environments_work_without_the_trainer_and_its_packages(tmp_path: Path) -> None:
    code = f"""
import sys
import tomllib
class Block:
    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] in {set(HEAVY)!r}:
            raise ImportError(fullname + " is blocked")
sys.meta_path.insert(0, Block())
import gymnasium, vlgym
env = gymnasium.make("vlgym/WebShop-v0", catalogue="synthetic:20")
env.reset(seed=1)
observation, reward, terminated, truncated, info = env.step("search[shirt]")
print(info["action_valid"], not info["env_error"])
"""
    assert run_python(code, VLGYM_CACHE=str(tmp_path)).split() == ["True", "True"]


def test_import_adds_little_to_gymnasium() -> None:
    extra = run_python(
        "import sys, gymnasium; before = set(sys.modules); import vlgym; print(*sorted(set(sys.modules) - before))"
    ).split()
    assert [module for module in extra if not within(module, "vlgym")] == []
    assert len(extra) <= 4, extra


def test_agents_is_a_folder_and_no_package() -> None:
    assert not (ROOT / "agents" / "__init__.py").exists()


# ---------------------------------------------------------------- sizes and docstrings


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_sizes(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_FILE, f"{lines} lines"
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", PACKAGES, ids=name)
def test_public_things_have_docstrings(path: Path) -> None:
    assert ast.get_docstring(tree(path)), "a module says what it is for"
    for node in tree(path).body:
        is_public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
        assert not is_public or ast.get_docstring(node), f"{node.name} has no docstring"  # type: ignore[attr-defined, arg-type]


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize("row", vlgym.registry.ENVS, ids=lambda row: row.name)
def test_environment_rows_resolve(row: vlgym.registry.EnvRow) -> None:
    for reference in filter(None, (row.entry_point, row.vector_entry_point)):
        assert isinstance(vlgym_agents.registry.resolve(reference), type)
    assert row.tags
    assert not row.extra or row.extra in project()["optional-dependencies"]


@pytest.mark.parametrize(
    ("row", "reference"),
    [
        *vlgym_agents.registry.ALGOS.items(),
        *vlgym_agents.registry.PROGRAMS.items(),
        *vlgym_agents.registry.MODELS.items(),
    ],
)
def test_method_and_model_rows_resolve(row: str, reference: str) -> None:
    found = vlgym_agents.registry.resolve(reference)
    if row in (*vlgym_agents.registry.ALGOS, *vlgym_agents.registry.PROGRAMS):
        assert found.name == row
        assert found.summary
        assert found.source
    else:
        assert callable(found)


@cache
def project() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]  # type: ignore[no-any-return]


def requirements(*extras: str) -> list[Requirement]:
    """Return what the package and its extras need on Python 3.11, extras of extras included."""
    found: dict[str, Requirement] = {}
    todo = list(project()["dependencies"])
    todo += [text for extra in extras for text in project()["optional-dependencies"][extra]]
    while todo:
        requirement = Requirement(todo.pop())
        if requirement.name == "vlgym":
            todo += [text for extra in requirement.extras for text in project()["optional-dependencies"][extra]]
        elif requirement.marker is None or requirement.marker.evaluate({"python_version": "3.11"}):
            found[requirement.name] = requirement
    return list(found.values())


def test_constraints_fit_what_the_set_up_installs() -> None:
    lines = (ROOT / "constraints-cpu.txt").read_text(encoding="utf-8").splitlines()
    pins = {Requirement(line).name.lower().replace("_", "-"): Requirement(line) for line in lines if line[:1] != "#"}
    for requirement in requirements("dev"):
        assert requirement.name.lower() in pins, f"{requirement.name} is not pinned"
        version = next(iter(pins[requirement.name.lower()].specifier)).version
        assert version in requirement.specifier, f"{requirement} does not allow {version}"


# ---------------------------------------------------------------- documents


def test_readme_begins_with_the_two_commands() -> None:
    lines = [line.strip() for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.strip()]
    assert lines[1].startswith("make train")
    assert lines[2].startswith("make test")


def test_readme_explains_every_dependency() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("## What to install") : text.index("## Measured")]
    development = {Requirement(dependency).name for dependency in project()["optional-dependencies"]["dev"]}
    for requirement in requirements(*project()["optional-dependencies"]):
        if requirement.name not in development:
            assert re.search(rf"\b{re.escape(requirement.name)}\b", table), requirement.name
    for extra in project()["optional-dependencies"]:
        assert f"vlgym[{extra}]" in table


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_documents_name_what_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    commands = set(re.findall(r"\bvlgym-[a-z]+\b(?!/)", text)) - {"vlgym-nano"}
    assert commands <= set(project()["scripts"])
    assert set(re.findall(r"(?:^ {4,}|`)make ([a-z]+)", text, re.MULTILINE)) <= set(targets)
    for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
        assert "://" in link or (path.parent / link).exists(), f"broken link {link}"
    for file in re.findall(r"\b(?:benchmarks|tools|tests)/[\w/]+\.py", text):
        assert (ROOT / file).is_file(), file
    for file, thing in re.findall(r"`((?:vlgym|agents)/[\w/]+\.py): ([\w.]+)`", text):
        assert thing in definitions(ROOT / file), f"{file} has no {thing}"


def definitions(path: Path) -> set[str]:
    """Return the names a module defines: functions, classes, constants and `Class.method`."""
    found: set[str] = set()
    for node in tree(path).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{item.name}" for item in node.body if isinstance(item, ast.FunctionDef)}
        for target in getattr(node, "targets", [getattr(node, "target", None)]):
            if isinstance(target, ast.Name):
                found.add(target.id)
    return found


@pytest.mark.parametrize("script", project()["scripts"].items(), ids=lambda item: item[0])
def test_commands_resolve(script: tuple[str, str]) -> None:
    assert callable(vlgym_agents.registry.resolve(script[1]))


MACHINES = re.compile(
    r"(?<![\w.])/(?:work|root|home|Users|opt)/|(?<!/data/local)/tmp/v"  # /data/local/tmp is a phone's
    r"|pypi\.(?:org|python)|pythonhosted\.|download\.pytorch\.|npmjs\.|deb\.debian\."
)


@pytest.mark.parametrize("path", [path for path in files() if path != Path(__file__).resolve()], ids=name)
def test_no_file_names_a_machine(path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return  # pictures and weights
    found = MACHINES.search(text)
    assert found is None, f"...{text[max(0, found.start() - 40) : found.end() + 40]}..."
