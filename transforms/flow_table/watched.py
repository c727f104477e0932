"""What a watch remembers beside a flow table: how far each instance is judged, what it told."""

WATCH_RUNS = """
    instance_id    STRING COMMENT 'an instance of the watch-list',
    number         BIGINT COMMENT 'number of the last run whose objects it is judged over',
    from_at        TIMESTAMP COMMENT 'UTC, start of the time; null where it was only listed',
    to_at          TIMESTAMP COMMENT 'UTC, end of the time, not part of it',
    coverage       STRING COMMENT 'FULL, PARTIAL or NONE; null without a record of it',
    told           BIGINT COMMENT 'rows of watched that came with it',
    run_id         STRING COMMENT 'run that wrote this row'
"""

WATCHED = """
    instance_id    STRING COMMENT 'an instance of the watch-list',
    peer           STRING COMMENT 'address of the other end',
    service_port   BIGINT COMMENT 'port of the side that did not begin',
    protocol       BIGINT COMMENT 'IANA number',
    initiator      STRING COMMENT 'subject, peer or unknown',
    reasons        ARRAY<STRING> COMMENT 'as in peers: first what speaks against the row',
    first_at       TIMESTAMP COMMENT 'UTC, first attempt in the time that was judged',
    told_at        TIMESTAMP COMMENT 'UTC',
    run_id         STRING COMMENT 'run that told it'
"""

WATCH_SHAPES = {"watch_runs": WATCH_RUNS, "watched": WATCHED}
