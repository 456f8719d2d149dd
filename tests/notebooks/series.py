"""The notebooks that the tests of this directory run over."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.ipynb", "solutions/*.ipynb")
    for path in (ROOT / "notebooks").glob(pattern)
)
IDS = [str(path) for path in NOTEBOOKS]
