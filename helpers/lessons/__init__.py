"""The checks of the exercises, one file a lesson; :mod:`helpers.lesson` tells how to add one."""
