"""The same preparation and recipes on Apache Spark, for when one machine is not enough.

The way of the data, one module a step: :mod:`generate` (a shop of any size), :mod:`prepare_job` (raw files -> three datasets,
as a Glue job), :mod:`tables` (datasets -> DataFrames), :mod:`splits`, :mod:`popularity`, :mod:`sims`, :mod:`als` (train),
:mod:`batch` (recommend for everybody), :mod:`metrics`. :mod:`session` starts Spark, :mod:`commit` writes results whole.

What a recipe computes from its counts stays in :mod:`helpers.recipes`; here is only how the counts are made when the events
lie on many machines. Models are written in the ordinary format and load with ``recipes.load``.

Needs the extra ``spark`` and a Java runtime; :func:`helpers.scale.session.why_not` says what is missing.
"""
