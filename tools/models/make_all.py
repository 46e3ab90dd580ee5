"""Makes every demo model, each in a process of its own.

One process a model, so that no model can see what another one left behind. `--check` makes them,
says which files differ from before, and fails when there is one.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODELS = HERE.parents[1] / "models"
NAMES = ["churn", "wafer", "digits", "trees", "sentiment"]


def digests() -> dict[str, str]:
    """SHA-256 of every file the makers own, by its path under `models`."""
    files = [each for name in NAMES for each in (MODELS / name).rglob("*") if each.is_file()]
    return {
        str(each.relative_to(MODELS)): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in sorted(files)
    }


def main() -> int:
    before = digests()
    for name in NAMES:
        subprocess.run([sys.executable, "-B", str(HERE / f"make_{name}.py")], check=True)
    after = digests()
    changed = sorted(path for path in after if after[path] != before.get(path))
    print(f"{len(after)} files, {len(changed)} changed", *changed, sep="\n  ")
    return 1 if "--check" in sys.argv[1:] and changed else 0


if __name__ == "__main__":
    sys.exit(main())
