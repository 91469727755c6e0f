import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Steps and wiring: all else is plain Python, testable without a runner.
BEAM = {
    "pipeline.chunk_runner",
    "pipeline.graph",
    "pipeline.options",
    "pipeline.runs",
    "transforms.apply_rule",
    "transforms.arrive",
    "transforms.branch",
    "transforms.identify",
    "transforms.in_process",
    "transforms.key_by_shard",
    "transforms.leave",
    "transforms.lists",
    "transforms.send_collected",
    "transforms.send_keyed",
    "transforms.track",
}
IMPORTERS = {
    "apache_beam": BEAM,
    "requests": {"transforms.iterable_client"},
    "yaml": {"pipeline.config_yaml"},
    "rich": {"pipeline.progress"},
    "google": {
        "pipeline.archives",
        "pipeline.leases",
        "pipeline.subscription",
        "transforms.dead_letter_sinks",
        "transforms.pubsub_errors",
    },
}
# The nouns: what every file may import imports next to nothing.
OURS_IN_NOUNS = {
    "transforms.events": set(),
    "transforms.errors": set(),
    "transforms.paths": set(),
    "transforms.outcomes": {"transforms.events"},
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


RUNS_THE_PROGRAM = {"pipeline.sandbox.chaos_run", "pipeline.sandbox.bench.outage", "pipeline.sandbox.stepping_clock"}

FILES = sorted([*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("transforms/**/*.py")])
IMPORTS = {module_name(file): set(imports_of(ast.parse(file.read_bytes()))) for file in FILES}


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def importers_of(package: str) -> set[str]:
    return {module for module, names in IMPORTS.items() if any(is_in(name, package) for name in names)}


def in_sandbox(module: str) -> bool:
    return is_in(module, "pipeline.sandbox")


def test_there_is_something_to_read() -> None:
    """The tests of this file look at every module of both rooms."""
    assert {"pipeline.main", "pipeline.sandbox.iterable.server", "transforms.outbox"} < IMPORTS.keys()


def test_transforms_never_imports_pipeline() -> None:
    """What happens to messages does not know how it was launched."""
    offenders = {module for module in importers_of("pipeline") if is_in(module, "transforms")}

    assert set() == offenders


def test_nothing_but_the_sandbox_imports_the_sandbox() -> None:
    """No worker code runs what is there for trying and testing."""
    offenders = {module for module in importers_of("pipeline.sandbox") if not in_sandbox(module)}

    assert set() == offenders


def test_the_sandbox_imports_nothing_of_what_it_tests() -> None:
    """What Iterable must hold is known without a line of the program under test; but for the files that run it."""
    offenders = {
        (module, name)
        for module, names in IMPORTS.items()
        for name in names
        if in_sandbox(module)
        and module not in RUNS_THE_PROGRAM
        and (is_in(name, "transforms") or (is_in(name, "pipeline") and not in_sandbox(name)))
    }

    assert set() == offenders


@pytest.mark.parametrize("library", IMPORTERS)
def test_a_library_is_known_in_its_own_files_only(library: str) -> None:
    """YAML, HTTP, the screen, Pub/Sub and Beam each have their place; rules and the delivery core have none of them."""
    importers = {module for module in importers_of(library) if not in_sandbox(module)}

    assert IMPORTERS[library] == importers


def test_one_file_writes_to_the_screen() -> None:
    """It redacts what goes there: no other prints, writes to stdout or stderr, or sets up a log; but for progress."""
    writers = {"print", "sys.stdout.write", "sys.stderr.write", "logging.basicConfig", "logging.StreamHandler"}
    offenders = {
        (module_name(file), ast.unparse(node))
        for file in FILES
        if not in_sandbox(module_name(file)) and module_name(file) != "pipeline.screen"
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in writers
    }

    assert set() == offenders


def test_pydantic_is_known_to_the_config_alone() -> None:
    """Only pipeline/config*.py validates with it; nothing of the config's model reaches a step."""
    offenders = {
        module
        for module in importers_of("pydantic") | importers_of("pydantic_core")
        if not module.startswith("pipeline.config") and not in_sandbox(module)
    }

    assert set() == offenders


@pytest.mark.parametrize("noun", OURS_IN_NOUNS)
def test_the_nouns_import_next_to_nothing(noun: str) -> None:
    """Events, errors, paths and outcomes are below everything else of ours, and need no library."""
    from_ours = {name for name in IMPORTS[noun] if name in IMPORTS}
    libraries = {name.partition(".")[0] for name in IMPORTS[noun]} - {"transforms"}

    assert OURS_IN_NOUNS[noun] == from_ours
    assert libraries <= sys.stdlib_module_names


def test_no_module_is_named_like_a_library() -> None:
    """`python pipeline/main.py` puts the room first on the path: a requests.py there would hide the real one."""
    libraries = sys.stdlib_module_names | packages_distributions().keys()
    names = {file.stem for file in FILES} - {"__init__", "__main__"}

    assert set() == names & libraries
