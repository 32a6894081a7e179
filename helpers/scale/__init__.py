"""The same preparation and recipes on Apache Spark, for when one machine is not enough.

The way of the data, from raw files to lists:

* :mod:`generate` (with :mod:`walk`): a shop of any size;
* :mod:`prepare_job`, the job, and :mod:`prepare`, what it does: raw files -> three datasets (:mod:`raw_events`,
  :mod:`raw_tables`, :mod:`invoices`: what is read; :mod:`usable`, :mod:`staging`: what is kept, dropped, put aside;
  :mod:`typed`: schemas and CSV; :mod:`files`: written whole or not at all);
* :mod:`tables`: datasets as DataFrames; :mod:`splits`; :mod:`popularity`, :mod:`sims` (with :mod:`pairs`), :mod:`als`,
  :mod:`hrnn`: training; :mod:`batch`: lists for everybody; :mod:`metrics`;
* :mod:`curve`: what was measured, and what more cores would make of it.

What a recipe computes from its counts stays in :mod:`helpers.recipes`; here is only how the counts are made when the events
lie on many machines. Models are written in the ordinary format and load with ``recipes.load``.

Needs the extra ``spark`` and a Java runtime; :func:`helpers.scale.session.why_not` says what is missing. :mod:`daemon` is what
Spark starts its Python workers from.
"""
