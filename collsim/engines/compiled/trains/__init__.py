"""Message trains: where messages do not meet, each is one event, and times are still those of packets (docs/trains.md).

`engine.try_trains` is the entry; it gives None where nothing is known, and packets are run.
"""
