# SPDX-License-Identifier: Apache-2.0
"""The house: which rooms there are, and what may import what. Rooms are told here, files are not."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the bottom up: each room may import itself and those above it in this list.
ROOMS = (
    "transforms.model",
    "transforms.dead_letters",
    "transforms.amplitude",
    "transforms.iterable",
    "transforms.mapping",
    "transforms.delivery",
    "transforms",  # its own files: the steps
    "pipeline.graph",
    "pipeline.run_options",
    "pipeline.config",
    "pipeline.sources",
    "pipeline.records",
    "pipeline.reports",
    "pipeline.preview",
    "pipeline.authoring",
    "pipeline.serve",
    "pipeline.readiness",
    "pipeline.runs",
    "pipeline.dataflow",
    "pipeline.cli",
    "pipeline",  # its own files: what `python -m` runs
    "pipeline.sandbox.arguments",
    "pipeline.sandbox.iterable",
    "pipeline.sandbox.oracle",
    "pipeline.sandbox.traffic",
    "pipeline.sandbox.pubsub",
    "pipeline.sandbox.stage",
    "pipeline.sandbox.soak",
    "pipeline.sandbox.virtual",
    "pipeline.sandbox.dataflow",
    "pipeline.sandbox.bench",
    "pipeline.sandbox",  # its own files: `make run`
)
COMMANDS = {
    "pipeline.__main__",
    "pipeline.main",
    "pipeline.replay",
    "pipeline.dead_letters",
    "pipeline.config.__main__",
    "pipeline.dataflow.__main__",
}

# Which files or rooms know a library; all else is plain Python.
IMPORTERS = {
    "click": {"pipeline.cli"},
    "jinja2": {"pipeline.cli", "pipeline.reports"},
    "prometheus_client": {"pipeline.cli"},
    "apache_beam": {
        "transforms",
        "pipeline.graph",
        "pipeline.run_options",
        "pipeline.runs",
        "pipeline.dataflow",
        "pipeline.cli",
    },
    "requests": {"transforms.iterable"},
    "yaml": {"pipeline.config"},
    "pydantic": {"pipeline.config"},
    "rich": {"pipeline.reports"},
    "google": {
        "transforms.dead_letters",
        "transforms.iterable",
        "pipeline.sources",
        "pipeline.readiness",
        "pipeline.dataflow",
    },
}


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree: ast.Module) -> Iterator[str]:
    """Full names of imported modules; of `from package import module` the package and the longer name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "a relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


RUNS_THE_PROGRAM = {
    "pipeline.sandbox.soak",
    "pipeline.sandbox.bench",
    "pipeline.sandbox.virtual",
    "pipeline.sandbox.dataflow",
}

FILES = sorted([*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("transforms/**/*.py")])
IMPORTS = {module_name(file): set(imports_of(ast.parse(file.read_bytes()))) for file in FILES}


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def room_of(module: str) -> str:
    """The longest name in ROOMS that it is in; of a command, the room of commands."""
    return "pipeline" if module in COMMANDS else max((room for room in ROOMS if is_in(module, room)), key=len)


def importers_of(package: str) -> set[str]:
    return {module for module, names in IMPORTS.items() if any(is_in(name, package) for name in names)}


def in_sandbox(module: str) -> bool:
    return is_in(module, "pipeline.sandbox")


def test_there_is_something_to_read() -> None:
    """The tests of this file look at every module of every room."""
    assert {"pipeline.main", "pipeline.sandbox.iterable.server", "transforms.delivery.scheduler"} < IMPORTS.keys()
    assert {room_of(module) for module in IMPORTS} == set(ROOMS)


def test_imports_point_down() -> None:
    """Never back up, and so never in a circle of rooms: what happens to messages does not know how it was launched."""
    offenders = {
        (module, name)
        for module, names in IMPORTS.items()
        for name in names & IMPORTS.keys()
        if ROOMS.index(room_of(name)) > ROOMS.index(room_of(module))
    }

    assert set() == offenders


def test_every_room_says_what_it_is() -> None:
    """Its `__init__.py` is a contents page."""
    rooms = [ROOT / room.replace(".", "/") for room in ROOMS if (ROOT / room.replace(".", "/")).is_dir()]

    assert [room for room in rooms if not ast.get_docstring(ast.parse((room / "__init__.py").read_bytes()))] == []


def test_the_sandbox_imports_nothing_of_what_it_tests() -> None:
    """What Iterable must hold is known without a line of the program under test; but for the rooms that run it."""
    offenders = {
        (module, name)
        for module, names in IMPORTS.items()
        for name in names
        if in_sandbox(module)
        and room_of(module) not in RUNS_THE_PROGRAM
        and (is_in(name, "transforms") or (is_in(name, "pipeline") and not in_sandbox(name)))
    }

    assert set() == offenders


@pytest.mark.parametrize("library", IMPORTERS)
def test_a_library_is_known_in_its_own_rooms_only(library: str) -> None:
    """YAML, HTTP, the screen, Pub/Sub and Beam each have their place; rules and the delivery core have none of them."""
    rooms = {room_of(module) for module in importers_of(library) if not in_sandbox(module)}

    assert IMPORTERS[library] == rooms


def test_one_file_writes_to_the_screen() -> None:
    """It redacts what goes there: no other prints, writes to stdout or stderr, or sets up a log; but for progress."""
    writers = {"print", "sys.stdout.write", "sys.stderr.write", "logging.basicConfig", "logging.StreamHandler"}
    offenders = {
        (module_name(file), ast.unparse(node))
        for file in FILES
        if not in_sandbox(module_name(file)) and module_name(file) != "pipeline.reports.screen"
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in writers
    }

    assert set() == offenders


def test_the_nouns_need_no_library() -> None:
    """What every file may import."""
    imported = {
        name.partition(".")[0]
        for module in IMPORTS
        if room_of(module) == "transforms.model"
        for name in IMPORTS[module]
    }

    assert imported - {"transforms"} <= sys.stdlib_module_names


def test_no_file_at_the_top_of_a_room_that_is_run_is_named_like_a_library() -> None:
    """`python pipeline/main.py` puts the room first on the path: a requests.py there would hide the real one."""
    libraries = sys.stdlib_module_names | packages_distributions().keys()
    names = {file.stem for file in FILES if file.parent.parent == ROOT} - {"__init__", "__main__"}

    assert set() == names & libraries


def test_tests_lie_like_what_they_test() -> None:
    """Of a file in a room, the tests are in the room of the same name under tests/, in a file of the same name."""
    modules = {module.replace(".", "/").replace("__main__", "main") for module in IMPORTS}
    tested = {
        str(package / file.relative_to(folder).with_name(file.name.removeprefix("test_")).with_suffix(""))
        for package in map(Path, ("transforms", "pipeline", "pipeline/sandbox"))
        for folder in [ROOT / "tests" / package.name]
        for file in folder.rglob("test_*.py")
    }

    assert tested - modules == set()


def test_no_wait_with_an_end_is_on_a_simple_queue() -> None:
    """CPython's waits without end where its time is over as it finds a wake-up that an earlier `get` left behind."""
    offenders = [
        file for file in FILES if re.search(r"SimpleQueue\[", text := file.read_text()) and ".get(timeout=" in text
    ]

    assert offenders == []


def test_every_file_tells_its_license() -> None:
    assert [file for file in FILES if not file.read_text().startswith("# SPDX-License-Identifier: Apache-2.0\n")] == []
