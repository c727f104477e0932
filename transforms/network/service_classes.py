"""Ports of services by which one machine is entered, emptied or steered from another."""

SERVICE_CLASSES_VERSION = "1"

# Data, printed with every answer that uses it. IANA's registry and the vendors' default ports.
SERVICE_CLASSES: dict[str, tuple[int, ...]] = {
    "remote admin": (22, 23, 135, 3389, 5900, 5985, 5986),
    "file": (139, 445, 873, 2049),
    "directory": (88, 389, 464, 636, 3268, 3269),
    "database": (
        *(1433, 1434, *range(1521, 1527), 3306, 5432, *range(6379, 6384), 9042, 9200, 9300),
        *(11211, *range(27017, 27020)),
    ),
    "control": (2375, 2376, 2379, 2380, 6443, 8443, 8500, 10250),
    "mail": (25,),
}

# Other ports that only servers listen on: they tell the service's end, nothing more.
ORDINARY_SERVICES = (
    *(53, 80, 123, 161, 443, 514, 853, 1194, 1812, 3000, 4500, 4789, 5000, 5353, 6081),
    *(8000, 8008, 8080, 8081, 8088, 8125, 8888, 9000, 9090, 9092, 9100),
)


def class_of(port: str) -> str:
    """SQL text: the class of a column of ports, else null."""
    cases = " ".join(
        f"WHEN {port} IN ({', '.join(map(str, ports))}) THEN '{name}'"
        for name, ports in SERVICE_CLASSES.items()
    )
    return f"CASE {cases} END"


def rank_of(port: str, ephemeral_min: int) -> str:
    """SQL text: 2 for a known service's port, 1 below the ephemeral ports, else 0."""
    known = sorted({port for ports in SERVICE_CLASSES.values() for port in ports})
    listed = ", ".join(map(str, sorted({*known, *ORDINARY_SERVICES})))
    return (
        f"CASE WHEN {port} < 1024 OR {port} IN ({listed}) THEN 2 "
        f"WHEN {port} < {ephemeral_min} THEN 1 ELSE 0 END"
    )
