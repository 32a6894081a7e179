"""A local, open counterpart of Amazon Personalize: data in, recipe chosen, recommendations and metrics out.

Rooms, from the ground up (imports point down only):

* ground      ``errors``, ``interactions``, ``schemas``, ``filters``, ``attribute_query``, ``splits``, ``metrics``: no files, no
              models
* data        ``datasets``: a name or a folder becomes a ``Dataset``; the Glue preparation; the generated shop
* recipes     ``recipes``: one module a recipe, one registry; what several recipes stand on (the network, evidence) beside them;
              ``pair_weights``: from counted pairs to weights, wherever they were counted
* evaluation  ``evaluation``, ``leaderboard``: split, fit, rank, measure; ``segmentation``, ``segment_baselines``: the same for
              segments of users; ``segment_lines``: a batch segment job's lines; ``provenance``: what a number depended on
* questions   ``tuning``: which settings, found without a look at the test users; ``fit_check``, ``learning_curves``: does a
              recommender fit these data at all, and how much of them does it need; ``ab_test``: which of two is better
* use         ``text_search``, ``home_page``: what lists are used for
* scale       ``scale``: the preparation and some recipes on Spark (extra ``spark``)
* service     ``personalize``: Amazon Personalize on this machine, for any AWS client; its own rooms are in its text
* face        ``lesson``, ``lessons``, ``plots``, ``plots_tuning``, ``widgets`` inside a notebook; ``notebooks``, ``pages``,
              ``report``, ``course``, ``course_page`` run notebooks and make pages of them, ``same_digits`` on every machine;
              ``sweep``, ``sweep_plan``, ``sweep_checks``, ``sweep_page``, ``workers`` run one over a grid of parameters;
              ``run_files``, ``runs``, ``runs_compare`` find, compare and repeat past runs; ``__main__``, ``commands``,
              ``console`` the command line
"""

__version__ = "0.1.0"
