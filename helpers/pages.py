"""Turn executed notebooks into HTML pages that open offline: no script, no style sheet, no picture from elsewhere."""

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from bs4 import BeautifulSoup
from jinja2 import pass_context
from latex2mathml.converter import convert as to_mathml
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
_REMOTE = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #57606a; --paper: #ffffff; --panel: #f4f6f8; --line: #d0d7de;
  --link: #0b5cad; --good: #1a7f37; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --quiet: #a3adb8; --paper: #14181d; --panel: #1f252c;
  --line: #3a434d; --link: #7ab8ff; --good: #5fd38d; --bad: #ff8f85; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 71rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK KR", "Malgun Gothic", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.25; } h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
p, li { max-width: 58rem; }
a { color: var(--link); } a:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; background: var(--paper); padding: .5rem; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .85rem; }
pre { overflow-x: auto; line-height: 1.45; margin: 0; }
.input pre { background: var(--panel); border-left: 3px solid var(--link); padding: .6rem .8rem; margin-top: .8rem; }
.output pre { padding: .4rem .8rem; white-space: pre-wrap; } .output_stderr, .output_error { border-left: 3px solid var(--bad); }
.output_html, .rendered_html, .scroll { overflow-x: auto; }
img { max-width: 100%; height: auto; background: #ffffff; border-radius: 4px; }
table { border-collapse: collapse; border: 0; margin: .8rem 0; font-size: .925rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; border: 0; border-bottom: 1px solid var(--line); text-align: right; }
th { color: var(--quiet); } tbody th { text-align: left; white-space: nowrap; }
.text_cell_render th, .text_cell_render td, td.words, th.words { text-align: left; }
caption { text-align: left; color: var(--quiet); padding: .3rem 0; }
math { font-size: 1.05em; } .good { color: var(--good); } .bad { color: var(--bad); }
.about, footer { color: var(--quiet); font-size: .875rem; }
.about { background: var(--panel); padding: .6rem 1rem; border-radius: 6px; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; padding: 0; list-style: none; }
.cards li { border: 1px solid var(--line); border-radius: 8px; padding: 1rem; background: var(--panel); }
.cards h3 { margin: 0 0 .3rem; font-size: 1.05rem; } .cards p { margin: .3rem 0; }
.cards dl { display: grid; grid-template-columns: 1fr auto; gap: 0 .8rem; margin: .5rem 0 0; font-size: .85rem; }
.cards dt { color: var(--quiet); } .cards dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
.cards p, footer, .about { overflow-wrap: anywhere; }
@media print { body { max-width: none; } .input pre { border: 1px solid #cccccc; } }
"""


def page(title: str, body: str) -> str:
    """Return a whole HTML page with this project's style, light or dark as the reader's system asks; ``body`` is HTML."""
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight").replace("background: #0d1117;", "")
    light = HtmlFormatter(style="default").get_style_defs(".highlight").replace("background: #f8f8f8;", "")
    style = f"{_STYLE}\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<style>{style}</style>\n</head>\n<body>\n<a class="skip" href="#main">Skip to the content</a>\n'
        f'<main id="main">\n{body}\n</main>\n</body>\n</html>\n'
    )


def notebook_page(
    notebook: nbformat.NotebookNode,
    about: Mapping[str, Any] | None = None,
    *,
    hide_code: bool = False,
    links: str = "drop",
    folder: Path | None = None,
) -> str:
    """Return an executed notebook as one page that needs no network.

    Formulas become MathML, local pictures are embedded, remote ones become links, widgets leave their static twin.

    Args:
        about: provenance to show under the first heading and its paragraph, as :func:`helpers.report.write` collects it.
        hide_code: leave out all code; single cells are left out by the tag ``remove-input``.
        links: ``html`` points links to other notebooks at the pages beside this one, ``drop`` keeps only their text.
        folder: the notebook's folder, where its local pictures are.
    """
    config = Config(
        {
            "TagRemovePreprocessor": {"enabled": True, "remove_input_tags": {"remove-input", "injected-parameters"}},
            "TemplateExporter": {"exclude_input_prompt": True, "exclude_output_prompt": True, "exclude_input": hide_code},
        }
    )
    exporter = _Exporter(template_name="basic", config=config, embed_images=True, exclude_anchor_links=True)
    body, _ = exporter.from_notebook_node(_without_widgets(notebook), {"metadata": {"path": str(folder or "")}})
    soup = BeautifulSoup(body, "html.parser")
    _make_offline(soup, links)
    _align(soup)
    heading = soup.find("h1")
    if about and heading:
        (heading.find_next_sibling("p") or heading).insert_after(BeautifulSoup(_about(about), "html.parser"))
    return page(heading.get_text() if heading else "Notebook", str(soup))


def align_words(body: str) -> str:
    """Return HTML with table cells of words marked, and the heads of whole columns of them: words read better from the left."""
    soup = BeautifulSoup(body, "html.parser")
    _align(soup)
    return str(soup)


def _align(soup: BeautifulSoup) -> None:
    for cell in soup.select("td"):
        if re.search(r"[^\W\d_]{2}", cell.get_text()):
            cell["class"] = [*cell.get("class", []), "words"]
    for table in soup.select("table"):
        rows = [row.find_all(["th", "td"], recursive=False) for row in table.select("tbody tr")]
        for place, head in enumerate(table.select("thead tr:first-child > th")):
            column = [row[place] for row in rows if place < len(row)]
            if column and all(cell.name == "th" or "words" in cell.get("class", []) for cell in column):
                head["class"] = [*head.get("class", []), "words"]


def references(text: str) -> list[str]:
    """Return what a page would fetch from the network on opening: remote scripts, styles, pictures, frames, fonts."""
    soup = BeautifulSoup(text, "html.parser")
    fetched = [tag[name] for tag in soup.find_all(True) for name in ("src", "srcset", "data", "poster") if tag.has_attr(name)]
    fetched += [tag.get("href", "") for tag in soup.find_all(["link", "use", "image"])]
    styles = "\n".join([*(tag.get_text() for tag in soup.find_all("style")), *(tag["style"] for tag in soup.select("[style]"))])
    fetched += [a or b for a, b in re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", styles)]
    return [address for address in fetched if _REMOTE.match(address)]


def table(frame: pd.DataFrame, caption: str, *, digits: int = 4) -> str:
    """Return a DataFrame as an accessible HTML table with a caption; fractions get ``digits`` decimals."""
    text = frame.to_html(border=0, float_format=lambda x: f"{x:.{digits}f}", justify="unset")
    text = text.replace("<thead>", f"<caption>{html.escape(caption)}</caption>\n<thead>", 1).replace("<th>", '<th scope="col">')
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(caption)}">{text}</div>'


class _Renderer(IPythonRenderer):
    """Markdown whose formulas become MathML, which browsers show without any script."""

    def block_math(self, body: str) -> str:
        return _formula(body, "block")

    def inline_math(self, body: str) -> str:
        return _formula(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return _formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")


class _Exporter(HTMLExporter):
    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        attachments = context.get("cell", {}).get("attachments", {})
        path = context.get("resources", {}).get("metadata", {}).get("path", "")
        renderer = _Renderer(escape=False, attachments=attachments, embed_images=True, path=path, exclude_anchor_links=True)
        return MarkdownWithMath(renderer=renderer).render(source)


def _formula(latex: str, display: str) -> str:
    try:
        return to_mathml(latex.strip(), display=display)
    except Exception:  # the converter has many error types; whatever it cannot read is shown as it was written
        return f"<code>{html.escape(latex.strip())}</code>"


def _without_widgets(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy without widget views: they need a running kernel, and each has a static twin beside it."""
    copy = nbformat.from_dict(notebook)
    copy.metadata.pop("widgets", None)
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if WIDGET_MIME not in output.get("data", {})]
    return copy


def _make_offline(soup: BeautifulSoup, links: str) -> None:
    for tag in soup.find_all(["script", "link", "iframe", "object", "embed"]):
        tag.decompose()
    for image in soup.find_all("img", src=_REMOTE):
        link = soup.new_tag("a", href=image["src"])
        link.string = f"[picture: {image.get('alt') or image['src']}]"
        image.replace_with(link)
    for link in soup.find_all("a", href=True):
        target, _, fragment = link["href"].partition("#")
        if not target or ":" in target or target.startswith("//"):
            continue
        if links == "html" and target.endswith(".ipynb"):
            link["href"] = f"{target.removesuffix('.ipynb')}.html" + (f"#{fragment}" if fragment else "")
        else:
            link.unwrap()


def _about(about: Mapping[str, Any]) -> str:
    parameters = ", ".join(f"{name} = {value!r}" for name, value in about["parameters"].items())
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    data, commit = about["data_sha256"], about["commit"]
    lines = [
        f"Made {about['finished']} in {about['seconds']:.0f} s from <code>{html.escape(about['notebook'])}</code>",
        f"Parameters: {html.escape(parameters) or 'none'}",
        f"Data: SHA-256 <code>{data}</code>" if data else "",
        f"Code: commit <code>{commit}</code>" if commit else "",
        html.escape(versions),
    ]
    summary = f"Made {about['finished'][:10]}: how, and from which data and code"
    return f'<details class="about"><summary>{summary}</summary><p>{"<br>".join(filter(None, lines))}</p></details>'
