from pathlib import Path

from transforms.model.release import RELEASE


def test_the_package_is_of_the_same_version() -> None:
    """A release changes both."""
    assert f'version="{RELEASE}"' in (Path(__file__).parents[3] / "setup.py").read_text()
