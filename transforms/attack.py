"""MITRE ATT&CK, Enterprise: what flow records suggest, never what was done there."""

# The technique that a port suggests which answered.
MOVEMENT = {
    22: "T1021.004", 3389: "T1021.001", 445: "T1021.002", 139: "T1021.002", 5985: "T1021.006",
    5986: "T1021.006", 5900: "T1021.005", 135: "T1021.003",
}  # fmt: skip
# The names of all techniques that a story tells.
TECHNIQUES = {
    "T1021.001": "Remote Desktop Protocol", "T1021.002": "SMB/Windows Admin Shares",
    "T1021.003": "Distributed Component Object Model", "T1021.004": "SSH", "T1021.005": "VNC",
    "T1021.006": "Windows Remote Management", "T1046": "Network Service Discovery",
    "T1048": "Exfiltration Over Alternative Protocol", "T1071": "Application Layer Protocol",
    "T1110": "Brute Force", "T1133": "External Remote Services",
}  # fmt: skip
