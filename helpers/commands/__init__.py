"""Commands of ``python -m helpers``, a module a group; ``helpers/__main__.py`` registers them."""
