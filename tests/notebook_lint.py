"""What every committed notebook must keep to. Each rule is a function from a notebook to the sentences it has to complain about.

Three kinds of notebook: ``lesson`` (``NN_topic.ipynb``), ``report`` (in ``reports/``: parameters, hidden code) and
``solution`` (in ``solutions/``: the answers to a lesson's exercises). A rule names the kinds it holds for.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from notebook_page import RULES, Page, kind_of, rule, text_of

from helpers import lesson, notebooks
from helpers.errors import InputError
from helpers.report import RECORD_MIME

MAX_BYTES, MAX_CELLS, MAX_ROWS = 300_000, 60, 12
MAX_LINES = {"lesson": 15, "solution": 15, "report": 20}
HEADER_ROWS = ("You will learn", "You need", "Read + run", "Next")
END_SECTIONS = ("What we learned", "Sources")
EXAMPLE_ACCOUNTS = {"000000000000", "111122223333", "123456789012"}

FORBIDDEN_CODE = {
    r"^\s*[!%]": "a shell or magic command",
    r"\b(pip|conda) install\b|\bensurepip\b": "an installation",
    r"\bsubprocess\b|os\.(system|popen)|\bget_ipython\b": "a shell command",
    r"^\s*(import|from) (requests|urllib|http|socket|pooch|httpx)\b|\bread_csv\(.https?:|\bdownload\.fetch\b": "network access",
    r"warnings\.(filterwarnings|simplefilter|catch_warnings)|warn\s*=\s*lambda": "a warnings filter: remove the cause",
    r"\bclear_output\b|\btqdm\b": "a progress display: nbval cannot compare it",
    r"\bperf_counter\b|\btime\.time\(|\bprocess_time\b|datetime\.now\(|\.today\(": "a clock: its reading differs in every run",
}
"""Pattern in a code line -> what it is."""

FORBIDDEN_TEXT = {
    r"/(?:home|Users|root|tmp|work|private|var/folders|mnt|opt)/\w": "an absolute path",
    r"\b[A-Za-z]:\\{1,2}Users\\": "an absolute path",
    r"\b(?!\S*@example\.)[\w.+-]+@[\w-]+\.[a-z]{2,}\b": "an e-mail address",
    r"\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}|-----BEGIN [A-Z ]*PRIVATE KEY": "a secret",
}
"""Pattern anywhere, sources or outputs -> what it leaks."""

FORBIDDEN_OUTPUT = {
    r"\b0x[0-9a-f]{6,}\b": "an object's address",
    r"\bnp\.(float|int|str|bool)\w*\(": "a bare NumPy value: format it",
    r"\b\d[\d,.]*\s?(ms|\u00b5s|us|secs?|seconds)\b|\b\d+\.\d+\s?s\b": "a timing",
    r"\b(train|score)_seconds\b|\bpeak_mb\b": "a timing or memory figure",
    r"\b\d+%\|": "a progress bar",
}
"""Pattern in printed text or tables -> why it cannot be stored."""


def problems(path: Path) -> list[str]:
    """Return every complaint about one notebook, as ``rule: sentence``."""
    page = Page(path, kind_of(path))
    return [f"{name}: {text}" for name, (check, kinds) in RULES.items() if page.kind in kinds for text in check(page)]


# ---------------------------------------------------------------- form


@rule("lesson")
def header(page: Page) -> Iterator[str]:
    head = notebooks.header(page.notebook)
    if not head.title.startswith(f"{page.number} ") or page.cells[0][1].cell_type != "markdown":
        yield f"cell 0 must start with '# {page.number} Title'"
    if len(head.promise.split()) < 5:
        yield "cell 0 must promise in one sentence what the reader gets"
    for name in HEADER_ROWS:
        if not head.rows.get(name):
            yield f"the table of cell 0 lacks the row {name!r}"
    if not re.search(r"\d+( min)? \+ <?\s?\d+ (s|min)\b", head.rows.get("Read + run", "")):
        yield "write Read + run as '10 + 1 min' or '10 min + 5 s'"


@rule("report", "solution")
def title(page: Page) -> Iterator[str]:
    head = notebooks.header(page.notebook)
    if not head.title or len(head.promise.split()) < 5:
        yield "cell 0 must hold '# Title' and a sentence that says what this is for"


@rule("lesson", "report")
def parameters(page: Page) -> Iterator[str]:
    tagged = page.tagged("parameters")
    if len(tagged) != 1 or len(page.code) < 2 or page.code[1][0] != tagged[0][0]:
        yield "the second code cell, and only that, carries the tag 'parameters'"
        return
    place, cell = tagged[0]
    try:
        names = list(notebooks.literals(cell.source, page.path.name))
    except InputError as fault:
        yield str(fault)
        return
    if names[:2] != ["SEED", "DATASET"]:
        yield f"SEED and DATASET come first, not {names[:2]}"
    if any("#" not in line for line in cell.source.splitlines() if re.match(r"[A-Z_]+ *=", line)):
        yield "every parameter has a comment that says what it is, its unit or range"
    loaded = {name for i, later in page.code if i > place for name in _loaded(later.source)}
    for name in names:
        if name not in loaded:
            yield f"parameter {name} is never used"


@rule("lesson", "report")
def imports(page: Page) -> Iterator[str]:
    if not page.code or not re.match(r"(import|from) ", page.code[0][1].source):
        yield "the first code cell imports"
    for i, cell in page.code[1:]:
        if re.search(r"^(import|from) \w", cell.source, re.MULTILINE):
            yield f"cell {i} imports; the first code cell is the place"


@rule("lesson")
def prose_before_code(page: Page) -> Iterator[str]:
    free = {i for i, _ in page.code[:3]}  # imports, parameters, what is derived from them
    for i, _ in page.code:
        if i not in free and page.cells[i - 1][1].cell_type != "markdown":
            yield f"cell {i} follows code; say first what the question is"


@rule("lesson")
def sections(page: Page) -> Iterator[str]:
    titles = list(page.sections())
    numbered = [title for title in titles if title not in (*END_SECTIONS, "Exercises")]
    for place, title in enumerate(numbered, 1):
        if not re.match(rf"{place} \w", title):
            yield f"section {title!r} must be called '{place} ...'"
    if tuple(titles[-2:]) != END_SECTIONS:
        yield f"the last sections are {' and '.join(map(repr, END_SECTIONS))}"
    if not any("xercise" in title for title in titles):
        yield "a section is called 'Exercises'"
    if len(re.findall(r"^[-*] ", page.sections().get("What we learned", ""), re.MULTILINE)) != 3:
        yield "'What we learned' holds three bullets"
    if not re.search(r"\b(19|20)\d\d\b.*https?://", page.sections().get("Sources", ""), re.DOTALL):
        yield "'Sources' names author, year and link"


@rule()
def length(page: Page) -> Iterator[str]:
    if len(page.cells) > MAX_CELLS:
        yield f"{len(page.cells)} cells; at most {MAX_CELLS}"
    for i, cell in page.code:
        lines = sum(bool(line.strip()) for line in cell.source.splitlines())
        if lines > MAX_LINES[page.kind]:
            yield f"cell {i} has {lines} lines; at most {MAX_LINES[page.kind]}"
        if len(re.findall(r"^\s*(def|class) ", cell.source, re.MULTILINE)) > 1:
            yield f"cell {i} defines more than one function"


@rule()
def size(page: Page) -> Iterator[str]:
    if (found := page.path.stat().st_size) > MAX_BYTES:
        yield f"{found:,} bytes; at most {MAX_BYTES:,}"


@rule()
def metadata(page: Page) -> Iterator[str]:
    if extra := sorted(page.raw["metadata"].keys() - {"kernelspec", "language_info"}):
        yield f"remove the notebook metadata {extra}; make outputs does"
    if page.raw["metadata"].get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is called python3"
    for i, cell in enumerate(page.raw["cells"]):
        if extra := sorted(cell["metadata"].keys() - {"tags", "alt"}):
            yield f"cell {i} carries the metadata {extra}; make outputs removes it"


@rule()
def ids(page: Page) -> Iterator[str]:
    found = [cell.get("id", "") for cell in page.raw["cells"]]
    if page.raw.get("nbformat_minor", 0) < 5 or not all(found) or len(set(found)) < len(found):
        yield "every cell needs an id of its own (nbformat 4.5)"
    elif any(re.fullmatch(r"\d{1,3}", name) for name in found):
        yield "cell ids were renumbered; keep the original ones"


@rule()
def links(page: Page) -> Iterator[str]:
    for i, cell in page.prose:
        for image, address in re.findall(r"(!?)\[[^\]]*\]\(([^)\s#]+)[^)]*\)", cell.source):
            if image and address.startswith("http"):
                yield f"cell {i} shows a picture from the network"
            elif ":" not in address and not (page.path.parent / address).exists():
                yield f"cell {i} links to {address}, which does not exist"


# ---------------------------------------------------------------- outputs


@rule()
def executed(page: Page) -> Iterator[str]:
    counts = [cell.execution_count for _, cell in page.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}; run all cells in order (make outputs)"


@rule()
def clean_outputs(page: Page) -> Iterator[str]:
    for i, cell in page.code:
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"cell {i} stores an error"
            if output.get("name") == "stderr":
                yield f"cell {i} stores a warning or other text of the error stream: remove its cause"
            for pattern, what in FORBIDDEN_OUTPUT.items():
                if found := re.search(pattern, text_of(output)):
                    yield f"cell {i} shows {what}: {found[0]!r}"
            if text_of(output).partition("<tbody>")[2].count("<tr") > MAX_ROWS:
                yield f"cell {i} shows more than {MAX_ROWS} rows"
            if re.match(r"(<Axes|Axes\(|<matplotlib|\[<matplotlib|Text\()", output.get("data", {}).get("text/plain", "")):
                yield f"cell {i} shows the name of an object: end it with plots.show or assign it to _"


@rule()
def compared(page: Page) -> Iterator[str]:
    for tag in ("nbval-skip", "nbval-ignore-output", "raises-exception"):
        for i, cell in page.tagged(tag):
            widget = any("widget-view" in mime for output in cell.get("outputs", []) for mime in output.get("data", {}))
            if not (widget and tag == "nbval-ignore-output"):
                yield f"cell {i} hides its output from the tests by the tag {tag}"


@rule()
def alt_text(page: Page) -> Iterator[str]:
    for i, cell in page.code:
        around = [page.cells[j][1].source for j in (i - 1, i + 1) if 0 <= j < len(page.cells)]
        for output in cell.outputs:
            images = [mime for mime in output.get("data", {}) if mime.startswith("image/")]
            told = [output.get("metadata", {}).get(mime, {}).get("alt", "") for mime in images] + [cell.metadata.get("alt", "")]
            in_prose = any(re.search(r"alt text: *\w", text, re.IGNORECASE) for text in around)
            if images and not in_prose and not any(len(text.split()) >= 4 for text in told):
                yield f"cell {i} shows a figure without a text alternative: use plots.show(ax, alt=...)"


@rule("lesson", "report")
def recorded(page: Page) -> Iterator[str]:
    outputs = [output for _, cell in page.code for output in cell.outputs]
    count = sum(len(output.get("data", {}).get(RECORD_MIME, {})) for output in outputs)
    if not 2 <= count <= 6:
        yield f"record(...) keeps 2 to 6 values, not {count}"


# ---------------------------------------------------------------- content


@rule()
def code(page: Page) -> Iterator[str]:
    for i, cell in page.code:
        for pattern, what in FORBIDDEN_CODE.items():
            if found := re.search(pattern, cell.source, re.MULTILINE):
                yield f"cell {i} holds {what}: {found[0].strip()!r}"


@rule()
def leaks(page: Page) -> Iterator[str]:
    for i, cell in page.cells:
        text = "\n".join([cell.source, *(text_of(output) for output in cell.get("outputs", []))])
        for pattern, what in FORBIDDEN_TEXT.items():
            if found := re.search(pattern, text):
                yield f"cell {i} holds {what}: {found[0]!r}"
        for account in re.findall(r"arn:aws[\w-]*:[\w-]*:[\w-]*:(\d{12}):", text):
            if account not in EXAMPLE_ACCOUNTS:
                yield f"cell {i} holds the account number {account}"


@rule("lesson")
def exercises(page: Page) -> Iterator[str]:
    cells = page.tagged("exercise")
    expected = [f"{page.number}.{k}" for k in range(1, len(cells) + 1)]
    if not 2 <= len(cells) <= 4:
        yield f"{len(cells)} cells are tagged 'exercise'; a lesson has 2 to 4"
    if sorted(lesson.exercises(page.number)) != expected:
        yield f"registered are {sorted(lesson.exercises(page.number))}, the notebook has {expected}"
    for (i, cell), number in zip(cells, expected, strict=True):
        if not cell.source.startswith("answer = ...") or f'check("{number}", answer)' not in cell.source:
            yield f'cell {i} must start with `answer = ...` and hold `check("{number}", answer)`'
        if f"{number}: not answered yet" not in "".join(text_of(output) for output in cell.get("outputs", [])):
            yield f"cell {i} must be stored unanswered"


@rule("solution")
def solved(page: Page) -> Iterator[str]:
    said = "\n".join(text_of(output) for _, cell in page.code for output in cell.outputs)
    for number in lesson.exercises(page.number):
        if f"{number}: {lesson.TICK}" not in said:
            yield f"exercise {number} is not ticked"
    if not lesson.exercises(page.number):
        yield f"lesson {page.number} has no exercises"


def _loaded(source: str) -> set[str]:
    """Return the names a cell reads; none where it is not Python, which the rule ``code`` then says."""
    try:
        nodes = ast.walk(ast.parse(source))
    except SyntaxError:
        return set()
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
