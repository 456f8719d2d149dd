"""Links between notebooks, documents and files of the tree lead somewhere."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "bench/**/*.md", "notebooks/**/*.ipynb")
    for path in ROOT.glob(pattern)
    if ".ipynb_checkpoints" not in path.parts
)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|(?:href|src)=[\"']([^\"']+)[\"']")
CODE_BLOCK = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
ANCHOR = re.compile(r"<a\s+(?:id|name)=[\"']([^\"']+)[\"']")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@cache
def text(page: Path) -> str:
    """The prose of a document or a notebook, with what its cells display, and without code blocks."""
    if page.suffix != ".ipynb":
        return CODE_BLOCK.sub("", page.read_text())
    prose = []
    for cell in nbformat.read(page, as_version=4).cells:
        if cell.cell_type == "markdown":
            prose.append(CODE_BLOCK.sub("", cell.source))
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            prose += [data[kind] for kind in ("text/markdown", "text/html") if kind in data]
    return "\n".join(prose)


def anchors(page: Path) -> set[str]:
    """What may stand after the `#` of a link to this page: JupyterLab's and a code host's spelling differ."""
    headings = [re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", r"\1", title) for title in HEADING.findall(text(page))]
    if page.suffix == ".ipynb":
        slugs = {title.replace(" ", "-") for title in headings}
    else:
        slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}
    return slugs | set(ANCHOR.findall(text(page)))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_resolve(page: Path) -> None:
    for groups in LINK.findall(CODE.sub("", text(ROOT / page))):
        link = unquote("".join(groups))
        if ELSEWHERE.match(link):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page.parent / name).resolve() if name else ROOT / page
        assert target.exists(), f"{page}: {link}: no such file"
        assert target.is_relative_to(ROOT), f"{page}: {link}: outside the tree"
        assert not anchor or anchor in anchors(target), f"{page}: {link}: no such heading"
