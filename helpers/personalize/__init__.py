"""Amazon Personalize on this machine: a service that an unmodified boto3 client talks to.

Two doors to the same room: :func:`session` in this process, ``python -m helpers serve`` for every other program.

Rooms, from the ground up: ``errors``, ``wire`` (the protocol); ``store``, ``kinds``, ``resources`` (what there is); ``storage``,
``imports``, ``deletion``, ``data``, ``groups``, ``events``, ``attribution``, ``reports`` (the data); ``domains``, ``choosing``,
``training``, ``trainings`` (the learning); ``deployment``, ``runtime``, ``answered``, ``answering``, ``batch`` (the answers);
``catalogue``, ``solution_rules``, ``rules``, ``jobs``, ``work``, ``schedule``, ``life``, ``service`` (the whole); ``serving``,
``server``, ``session``, ``moto_door`` (the doors); ``waiting``, ``quick`` (a client's side).
"""

from helpers.personalize import quick
from helpers.personalize.jobs import train_here, train_in_process
from helpers.personalize.service import Service
from helpers.personalize.session import close, connect, session
from helpers.personalize.waiting import wait

__all__ = ["Service", "close", "connect", "quick", "session", "train_here", "train_in_process", "wait"]
