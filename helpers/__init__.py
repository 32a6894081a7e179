"""A local, open counterpart of Amazon Personalize: data in, recipe chosen, recommendations and metrics out.

Rooms, from the ground up (imports point down only):

* ground      ``errors``, ``interactions``, ``schemas``, ``splits``, ``metrics``: no files, no models
* data        ``datasets``: a name or a folder becomes a ``Dataset``; the Glue preparation; the generated shop
* recipes     ``recipes``: one module a recipe, one registry
* evaluation  ``evaluation``, ``leaderboard``: split, fit, rank, measure; ``provenance``: what a number depended on
* face        ``lesson``, ``lessons``, ``plots`` inside a notebook; ``notebooks``, ``pages``, ``report``, ``course``,
              ``course_page`` run notebooks and make pages of them, ``same_digits`` on every machine;
              ``__main__``, ``console`` the command line
"""

__version__ = "0.1.0"
