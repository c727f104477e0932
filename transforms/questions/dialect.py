"""The SQL that Spark and DuckDB share: what DuckDB is told before it runs a statement of an answer.

docs/reference/query-without-spark.md says the same to people.
"""

DUCKDB_NAMES = (
    "SET TimeZone = 'UTC'",
    "CREATE MACRO unix_timestamp(moment) AS CAST(floor(epoch(moment)) AS BIGINT)",
    "CREATE MACRO array_join(words, separator) AS array_to_string(words, separator)",
    "CREATE MACRO slice(items, first, number) AS list_slice(items, first, first + number - 1)",
)
