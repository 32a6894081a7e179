"""What the README promises: its example runs, its map is the course, its links lead somewhere."""

import re

import pytest

from helpers import datasets, notebooks

README = (notebooks.PROJECT / "README.md").read_text(encoding="utf-8")


def test_your_own_data_in_five_lines(tmp_path, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    shop = datasets.load("gift-shop")
    shop.interactions.frame()[["USER_ID", "ITEM_ID", "TIMESTAMP"]].to_csv(tmp_path / "interactions.csv", index=False)
    exec(compile(example.replace("path/to/my-folder", str(tmp_path)), "README.md", "exec"), {})
    interval, *items = capsys.readouterr().out.strip().splitlines()
    assert re.fullmatch(r"0\.\d{4} \[0\.\d{4}, 0\.\d{4}\]", interval)
    assert len(re.findall(r"'\d+'", " ".join(items))) == 10


def test_the_map_lists_every_notebook_in_order():
    listed = re.findall(r"^\| \[[^\]]+\]\(notebooks/([^)]+)\.ipynb\)", README, re.MULTILINE)
    there = [path.relative_to(notebooks.NOTEBOOKS).with_suffix("").as_posix() for path in notebooks.all_notebooks()]
    assert listed == there


@pytest.mark.parametrize("name", ["README.md", "GLOSSARY.md", "CHANGELOG.md", "data/README.md", "data/gift-shop/README.md"])
def test_links_to_files_lead_somewhere(name):
    page = notebooks.PROJECT / name
    for address in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert ":" in address or (page.parent / address).exists(), address
