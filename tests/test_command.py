import subprocess
import sys
from pathlib import Path

from transforms.dead_letters import DeadLetter, to_line

ROOT = Path(__file__).parent.parent


def test_whoever_reads_may_stop(tmp_path: Path) -> None:
    """`… | head` ends the command; it does not fail."""
    path = tmp_path / "dead.jsonl"
    path.write_bytes(b"".join(to_line(DeadLetter(b"{}", {"dl_reason": f"r{n}"}, "m", 0.0)) for n in range(3_000)))
    command = [sys.executable, "-m", "pipeline.dead_letters", str(path)]

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as view:
        assert view.stdout
        assert view.stderr
        first = view.stdout.readline()
        view.stdout.close()
        shown = view.stderr.read()

    assert (first, shown, view.returncode) == ("3,000 dead letters\n", "", 141)
