# SPDX-License-Identifier: Apache-2.0
"""Buildah with a storage of its own, and stand-ins for the base images of the Dockerfile. Knows none of its steps.

Python's image is this machine's: its /usr and its Python, mounted, with the packages of requirements.txt and no others;
or, if IMAGE_TEST=full, a new Debian into which pip installs them. Beam's boot and Google's launcher are scripts.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
IS_FULL = os.environ.get("IMAGE_TEST") == "full"
TOOLS = ("buildah", "mmdebstrap") if IS_FULL else ("buildah",)
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LAUNCHER = "/opt/google/dataflow/python_template_launcher"
LAUNCHER_IMAGE = "localhost/launcher"
PROGRAMS = {
    "docker.io/apache/beam_python{PYTHON_VERSION}_sdk:{BEAM_VERSION}": "/opt/apache/beam/boot",
    LAUNCHER_IMAGE: LAUNCHER,
}
LAUNCH = '#!/bin/sh\nexec python "$FLEX_TEMPLATE_PYTHON_PY_FILE" "$@"\n'
ACCOUNTS = ("passwd", "group", "shadow", "gshadow", "login.defs", "ld.so.cache", "nsswitch.conf")


def why_not() -> str:
    """What keeps this machine from building; nothing if it can."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"needs {' and '.join(missing)}: on Debian 12, apt-get install {' '.join(missing)}"
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        return "needs root that may mount: buildah mounts folders into what it builds"
    if not IS_FULL and not Path("/bin").is_symlink():
        return "needs a Linux whose /bin is in /usr: the stand-in is made of it; or IMAGE_TEST=full"
    return ""


class Buildah:
    """Its commands; its storage and what is mounted lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        storage = ("--root", folder / "root", "--runroot", folder / "run")
        self._command = ["buildah", "--storage-driver", "vfs", *map(str, storage)]
        self._isolation = ("--isolation", "chroot", "--network", "host")
        self._mounts: tuple[str, ...] = ()

    def __call__(self, *words: object) -> str:
        """Its stdout; an AssertionError with all it said if it fails."""
        ended = subprocess.run(
            [*self._command, *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, f"buildah {words[0]}: {ended.stdout[-3000:]}{ended.stderr[-3000:]}"
        return ended.stdout.strip()

    def make_bases(self) -> None:
        versions = dict(re.findall(r"^ARG (\w+_VERSION)=(\S+)$", DOCKERFILE, re.MULTILINE))
        base = self("from", "scratch")
        (self._add_debian if IS_FULL else self._add_this_machine)(base)
        self("commit", "--quiet", base, f"docker.io/library/python:{versions['PYTHON_VERSION']}-slim")
        for image, place in PROGRAMS.items():
            script = self._folder / "script"
            script.write_text(LAUNCH)
            container = self("from", "scratch")
            self("copy", "--chmod", "755", container, script, place)
            self("commit", "--quiet", container, image.format(**versions))

    def build(self, target: str, *options: str) -> str:
        """A container of the Dockerfile's `target`."""
        image = f"localhost/{target}"
        layers = str(not IS_FULL).lower()  # each would be a copy of everything, a gigabyte
        given = ("--pull-never", f"--layers={layers}", "--build-arg", f"LAUNCHER={LAUNCHER_IMAGE}", *options)
        self("bud", *given, *self._isolation, *self._mounts, "--target", target, "--tag", image, ".")
        return self("from", "--pull-never", image)

    def run(self, container: str, *command: object, user: str = "", mounts: tuple[object, ...] = ()) -> str:
        """`mounts`: paths that are the same in it. Buildah itself looks for a command on no other path than root's."""
        more = [word for path in mounts for word in ("--volume", f"{path}:{path}")]
        who = ("--user", user) if user else ()
        return self("run", *self._isolation, *self._mounts, *more, *who, container, "--", "/usr/bin/env", *command)

    def remove(self) -> None:
        self("rm", "--all")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _add_this_machine(self, base: str) -> None:
        python = self._folder / "python"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", python], check=True)
        packages = Path(sysconfig.get_path("purelib")).resolve()
        _link_pinned(packages, next(python.glob("lib/python*/site-packages")))
        (python / "bin" / "pip").write_text('#!/bin/sh\nexec python -m pip "$@"\n')
        (python / "bin" / "pip").chmod(0o755)
        places = {path: path for path in ("/usr", sys.base_prefix, str(packages))} | {str(python): "/python"}
        self._mounts = tuple(word for place, to in places.items() for word in ("--volume", f"{place}:{to}:ro"))
        root = Path(self("mount", base))
        for name in ("etc", "tmp", "home", "root"):
            (root / name).mkdir(mode=0o755)
        (root / "tmp").chmod(0o1777)
        for path in Path("/").iterdir():
            if path.is_symlink() and str(path.readlink()).lstrip("/").startswith("usr/"):
                shutil.copy2(path, root / path.name, follow_symlinks=False)
        for name in ACCOUNTS:
            if (path := Path("/etc", name)).exists():
                shutil.copy2(path, root / "etc" / name)
        self("umount", base)
        path_of_it = "PATH=/python/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
        for value in (path_of_it, "PIP_NO_INDEX=1", "PIP_DISABLE_PIP_VERSION_CHECK=1"):
            self("config", "--env", value, base)

    def _add_debian(self, base: str) -> None:
        debian = self._folder / "debian.tar"
        packages = "--include=python3,python3-venv,python3-pip,ca-certificates"
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", packages, "bookworm", debian], check=True)
        self("add", base, debian, "/")
        debian.unlink()
        for name in ("python", "pip"):
            self("run", *self._isolation, base, "--", "ln", "-sf", f"/usr/bin/{name}3", f"/usr/local/bin/{name}")
        # In Python's own image nothing marks its packages as Debian's.
        self("run", *self._isolation, base, "--", "rm", "-f", "/usr/lib/python3.11/EXTERNALLY-MANAGED")
        self._mounts = tuple(
            word for place in sorted(set(_pip_places())) for word in ("--volume", f"{place}:{place}:ro")
        )


def _link_pinned(packages: Path, site: Path) -> None:
    """What requirements.txt pins of `packages`, and pip; so that nothing else can be imported."""
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    found = [each for each in importlib.metadata.distributions() if _plain(each.name) in {"pip", *map(_plain, pinned)}]
    names = {file.parts[0] for each in found for file in each.files or []} - {"..", "__pycache__"}
    for name in names:
        (site / name).symlink_to(packages / name)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pip_places() -> Iterator[str]:
    """Where this machine's pip looks, as far as it is on disk: its configuration, its packages, the certificates."""
    yield "/etc/ssl/certs"
    shown = subprocess.check_output([sys.executable, "-m", "pip", "config", "debug"], text=True)
    yield from (line.strip().partition(", exists: True")[0] for line in shown.splitlines() if "exists: True" in line)
    values = subprocess.check_output([sys.executable, "-m", "pip", "config", "list"], text=True)
    for word in values.replace("'", " ").replace("\\n", " ").split():
        place = word.removeprefix("file://")
        if os.path.isabs(place) and os.path.exists(place):
            yield os.path.dirname(place) if os.path.basename(place) == "simple" else place  # its links point beside it
