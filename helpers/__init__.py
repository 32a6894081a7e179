"""A local, open counterpart of Amazon Personalize: data in, recipe chosen, recommendations and metrics out.

Rooms, from the ground up (imports point down only):

* ground      :mod:`helpers.errors`, :mod:`helpers.interactions`, :mod:`helpers.schemas`, :mod:`helpers.splits`, :mod:`helpers.metrics`
* data        :mod:`helpers.datasets`
* recipes     :mod:`helpers.recipes`
* evaluation  :mod:`helpers.evaluation`
* face        :mod:`helpers.plots`, :mod:`helpers.lesson`, :mod:`helpers.report`, :mod:`helpers.course`, ``python -m helpers``
"""

__version__ = "0.1.0"
