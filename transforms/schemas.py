"""Every row shape that crosses a boundary, one line per column, with its unit."""

from transforms.flow_fields import FIELDS, Field


def _columns_of(ddl: str) -> tuple[str, ...]:
    """Column names of a DDL text that has one column per line."""
    return tuple(line.split()[0].strip("`") for line in ddl.strip().splitlines())


def _ddl_of(field: Field) -> str:
    kind = "STRING" if field.kind in ("text", "tag", "address") else "BIGINT"
    comment = field.comment.replace("'", "\\'")
    return f"`{field.name}` {kind} COMMENT '{comment}'"


RECORD = (
    ",\n".join(_ddl_of(field) for field in FIELDS)
    + ",\nextra MAP<STRING,STRING> COMMENT 'columns that no published version knows, as written'"
)

# The account of one object; every count is of lines. Kept by the scanner, stored in `objects`.
ACCOUNT = """
    sha256          STRING COMMENT 'hex, over the bytes as read from the store',
    version_id      STRING COMMENT 'S3 version that was read; null where the bucket keeps none',
    bytes_read      BIGINT COMMENT 'octets as read from the store',
    bytes_inflated  BIGINT COMMENT 'octets of text after decompression',
    header          STRING COMMENT 'first line, verbatim; null where there is no header',
    lines           BIGINT COMMENT 'all lines of the object',
    header_lines    BIGINT COMMENT 'the header and its repetitions',
    blank_lines     BIGINT COMMENT 'empty or only spaces',
    set_aside_lines BIGINT COMMENT 'lines without any needle of the subject, not parsed',
    parsed_lines    BIGINT COMMENT 'lines that became a flow record',
    refused_lines   BIGINT COMMENT 'lines in quarantine',
    nodata_lines    BIGINT COMMENT 'lines that say NODATA, whoever they concern',
    skipdata_lines  BIGINT COMMENT 'lines that say SKIPDATA, whoever they concern',
    in_window_lines BIGINT COMMENT 'parsed lines whose interval meets the window',
    out_of_window_lines BIGINT COMMENT 'parsed lines whose interval does not',
    first_start     BIGINT COMMENT 'Unix seconds, earliest start among parsed lines',
    last_end        BIGINT COMMENT 'Unix seconds, latest end among parsed lines',
    outcome         STRING COMMENT 'read, transit, empty, refused, unreadable, other_kind, …',
    reason          STRING COMMENT 'why it was not read, as a sentence'
"""

# What the scanner hands to Spark: each row is one record, one refused line or one account.
SCANNED = f"""
    object_uri     STRING,
    object_version STRING COMMENT 'version id, else etag',
    object_line    BIGINT COMMENT 'first line is 1',
    record         STRUCT<{RECORD}>,
    transit        MAP<STRING,STRING> COMMENT 'a record of a transit gateway, by field',
    refused        STRUCT<text: STRING, reason: STRING, is_unsearched: BOOLEAN>,
    account        STRUCT<{ACCOUNT}>
"""

OBJECTS = f"""
    uri             STRING COMMENT 'where the object is',
    etag            STRING COMMENT 'as listed',
    size            BIGINT COMMENT 'octets, as listed',
    last_modified   TIMESTAMP COMMENT 'UTC, as listed; never decides what is read',
    account_id      STRING COMMENT 'from the key',
    region          STRING COMMENT 'from the key',
    flow_log_id     STRING COMMENT 'from the key',
    slot_at         TIMESTAMP COMMENT 'UTC, five-minute slot in the file name',
    {ACCOUNT.strip()},
    run_id          STRING COMMENT 'run that wrote this row'
"""

QUARANTINE = """
    object_uri  STRING COMMENT 'where the line or object is',
    object_line BIGINT COMMENT 'first line is 1; null when the whole object is refused',
    record_id   STRING COMMENT 'set when OpenSearch refused the document of a stored flow',
    stage       STRING COMMENT 'object, line or document: what was refused',
    text        STRING COMMENT 'the line, capped',
    reason      STRING COMMENT 'why, as a sentence',
    run_id      STRING COMMENT 'run that wrote this row'
"""

END_LABELS = """
    {end}_name         STRING COMMENT 'instance name, else interface name, of its owner',
    {end}_interface_id STRING COMMENT 'owner of {end}addr',
    {end}_instance_id  STRING COMMENT 'owner of {end}addr',
    {end}_subnet_id    STRING COMMENT 'subnet that holds {end}addr',
    {end}_subnet_name  STRING COMMENT 'its name',
    {end}_vpc_id       STRING COMMENT 'VPC that holds {end}addr',
    {end}_vpc_name     STRING COMMENT 'its name',
    {end}_ring         STRING COMMENT 'where it lies: own vpc, other vpc, aws service, internet, …',
    {end}_basis        STRING COMMENT 'interface, address, cidr, record, … or ambiguous',
    {end}_candidates   ARRAY<STRING> COMMENT 'ids that fit where it is ambiguous, at most 20'
"""

# Null where the packet's own address is the outer one, or is not recorded.
PACKET_END_LABELS = """
    {end}_name         STRING COMMENT 'instance name, else interface name, of its owner',
    {end}_interface_id STRING COMMENT 'owner of {end}addr',
    {end}_instance_id  STRING COMMENT 'owner of {end}addr',
    {end}_subnet_name  STRING COMMENT 'name of the subnet that holds {end}addr',
    {end}_ring         STRING COMMENT 'where it lies: own vpc, other vpc, aws service, internet, …',
    {end}_basis        STRING COMMENT 'as src_basis'
"""

LABELS = f"""
    interface_name STRING COMMENT 'description, else Name tag, else instance name, else type',
    vpc_name       STRING COMMENT 'name of the VPC of the interface',
    subnet_name    STRING COMMENT 'name of the subnet of the interface',
    instance_name  STRING COMMENT 'name of the instance of the interface',
    {END_LABELS.format(end="src").strip()},
    {END_LABELS.format(end="dst").strip()},
    {PACKET_END_LABELS.format(end="pkt_src").strip()},
    {PACKET_END_LABELS.format(end="pkt_dst").strip()}
"""

FLOWS = f"""
    record_id   STRING COMMENT '40 hex: SHA-256 over uri, version id or etag, line number',
    start_at    TIMESTAMP COMMENT 'UTC, first packet of the aggregation interval',
    end_at      TIMESTAMP COMMENT 'UTC, last packet of the aggregation interval',
    role        STRING COMMENT 'part of the subject: own_interface, other_end, behind, unknown_vpc',
{RECORD},
    {LABELS.strip()},
    object_uri  STRING COMMENT 'object that holds the line',
    object_line BIGINT COMMENT 'first line is 1',
    run_id      STRING COMMENT 'run that wrote this row'
"""

# Records of transit gateways: no interface saw them, so that they are no flows. Columns that AWS
# defines keep its names.
TRANSIT = """
    record_id   STRING COMMENT '40 hex: SHA-256 over uri, version id or etag, line number',
    start_at    TIMESTAMP COMMENT 'UTC, first packet of the aggregation interval',
    end_at      TIMESTAMP COMMENT 'UTC, last packet of the aggregation interval',
    side        STRING COMMENT 'end that is the subject: src or dst; null with --scope everything',
    version     BIGINT COMMENT '6',
    resource_type STRING COMMENT 'TransitGateway',
    account_id  STRING COMMENT 'owner of the transit gateway',
    tgw_id      STRING COMMENT 'transit gateway that wrote the record',
    tgw_attachment_id       STRING COMMENT 'attachment that wrote the record',
    tgw_pair_attachment_id  STRING COMMENT 'attachment at which the packets leave, or came in',
    flow_direction          STRING COMMENT 'ingress into the gateway, or egress out of it',
    tgw_src_vpc_account_id  STRING COMMENT 'owner of the VPC of the source',
    tgw_dst_vpc_account_id  STRING COMMENT 'owner of the VPC of the destination',
    tgw_src_vpc_id          STRING COMMENT 'VPC of the source; null for VPN and Direct Connect',
    tgw_dst_vpc_id          STRING COMMENT 'VPC of the destination; null for VPN, Direct Connect',
    tgw_src_subnet_id       STRING COMMENT 'subnet of the gateway in the VPC of the source',
    tgw_dst_subnet_id       STRING COMMENT 'subnet of the gateway in the VPC of the destination',
    tgw_src_eni             STRING COMMENT 'interface of the gateway in the VPC of the source',
    tgw_dst_eni             STRING COMMENT 'interface of the gateway in the destination VPC',
    tgw_src_az_id           STRING COMMENT 'availability zone id at the source',
    tgw_dst_az_id           STRING COMMENT 'availability zone id at the destination',
    srcaddr     STRING COMMENT 'source of the packets',
    dstaddr     STRING COMMENT 'destination of the packets',
    srcport     BIGINT COMMENT '0 for protocols without ports',
    dstport     BIGINT COMMENT '0 for protocols without ports',
    protocol    BIGINT COMMENT 'IANA number',
    packets     BIGINT COMMENT 'packets in the aggregation interval, at this attachment',
    bytes       BIGINT COMMENT 'octets in the aggregation interval, at this attachment',
    start       BIGINT COMMENT 'Unix seconds, first packet',
    end         BIGINT COMMENT 'Unix seconds, last packet',
    log_status  STRING COMMENT 'OK, NODATA or SKIPDATA',
    type        STRING COMMENT 'IPv4 or IPv6',
    packets_lost_no_route     BIGINT COMMENT 'lost: the route table has no route',
    packets_lost_blackhole    BIGINT COMMENT 'lost: the route is a black hole',
    packets_lost_mtu_exceeded BIGINT COMMENT 'lost: larger than the MTU',
    packets_lost_ttl_expired  BIGINT COMMENT 'lost: their time to live was over',
    tcp_flags   BIGINT COMMENT 'OR over the interval: FIN 1, SYN 2, RST 4, SYN-ACK 18',
    region      STRING COMMENT 'region of the transit gateway',
    pkt_src_aws_service STRING COMMENT 'AWS service that owns the source',
    pkt_dst_aws_service STRING COMMENT 'AWS service that owns the destination',
    extra       MAP<STRING,STRING> COMMENT 'columns that no published version knows, as written',
    object_uri  STRING COMMENT 'object that holds the line',
    object_line BIGINT COMMENT 'first line is 1',
    run_id      STRING COMMENT 'run that wrote this row'
"""

# What the records of one flow log say of one interface in one five-minute slot of the window; see
# `transforms.coverage.slots`.
COVERAGE = """
    flow_log_id  STRING COMMENT 'from the keys; null: no record, or keys do not tell',
    account_id   STRING COMMENT 'from the key',
    region       STRING COMMENT 'from the key',
    interface_id STRING COMMENT 'null: the row is about the objects of the flow log',
    slot_at      TIMESTAMP COMMENT 'UTC, start of the five-minute slot',
    status       STRING COMMENT 'what was seen of it; see the page on coverage',
    ok_records   BIGINT COMMENT 'records with traffic that end in the slot',
    nodata_records   BIGINT COMMENT 'records that say that there was none',
    skipdata_records BIGINT COMMENT 'records that say that AWS lost some',
    has_accept   BOOLEAN COMMENT 'a flow of the flow log is an ACCEPT; null: there is none of it',
    has_reject   BOOLEAN COMMENT 'a flow of the flow log is a REJECT; null: there is none of it',
    run_id       STRING COMMENT 'run that wrote this row'
"""

# Both directions of one 5-tuple, at all interfaces that saw it, joined while the gap is short.
# "Out" is away from the subject, "in" towards it.
CONVERSATIONS = """
    conversation_id   STRING COMMENT '40 hex: SHA-256 over 5-tuple and first second',
    hop               INT COMMENT '1: the subject takes part; from 2 on: a machine on the path',
    protocol          BIGINT COMMENT 'IANA number',
    subject_address   STRING COMMENT 'the address of the subject (from hop 2 on: of that machine)',
    subject_port      BIGINT COMMENT '0 for protocols without ports',
    peer              STRING COMMENT 'address of the other end',
    peer_port         BIGINT COMMENT '0 for protocols without ports',
    peer_name         STRING COMMENT 'its name when the packet flew',
    peer_interface_id STRING COMMENT 'its interface, where labels know it',
    peer_instance_id  STRING COMMENT 'its instance, where labels know it',
    peer_subnet_name  STRING COMMENT 'its subnet',
    peer_vpc_name     STRING COMMENT 'its VPC',
    peer_ring         STRING COMMENT 'where it lies: own vpc, other vpc, aws service, internet, …',
    peer_aws_service  STRING COMMENT 'AWS service that owns the address, where records say it',
    initiator         STRING COMMENT 'subject, peer or unknown',
    initiator_basis   STRING COMMENT 'rule that says so: one side, SYN-ACK, SYN times, order, …',
    certainty         STRING COMMENT 'proven, likely or unknown: how sure it is who began',
    service_port      BIGINT COMMENT 'port of the side that did not begin; null where unknown',
    outcome           STRING COMMENT 'BLOCKED_SRC, BLOCKED_DST, NO_ANSWER, REFUSED, ANSWERED, DATA',
    outcome_basis     STRING COMMENT 'flags, counters, action, nothing came back',
    first_at          TIMESTAMP COMMENT 'UTC, earliest start of its records',
    last_at           TIMESTAMP COMMENT 'UTC, latest end of its records',
    observation_point STRING COMMENT 'subject, peer or middle: where it was counted',
    observed_at       STRING COMMENT 'interface whose records give packets and bytes',
    packets_out       BIGINT COMMENT 'packets from the subject, at that interface',
    packets_in        BIGINT COMMENT 'packets to the subject, at that interface',
    bytes_out         BIGINT COMMENT 'octets from the subject, headers included',
    bytes_in          BIGINT COMMENT 'octets to the subject, headers included',
    payload_out       BIGINT COMMENT 'bytes_out less the smallest headers; null where not recorded',
    payload_in        BIGINT COMMENT 'bytes_in less the smallest headers: an upper bound',
    records           BIGINT COMMENT 'flow records joined, at all interfaces',
    copies            BIGINT COMMENT 'records equal to one of another object: left out of sums',
    is_contradicted   BOOLEAN COMMENT 'seen by the peer, not by the subject that recorded then',
    points            ARRAY<STRING> COMMENT 'observation points that saw it, sorted',
    run_id            STRING COMMENT 'run that wrote this row'
"""

PEERS = """
    hop               INT COMMENT '1: peer of the subject; from 2 on: of a machine on the path',
    subject_address   STRING COMMENT 'from hop 2 on: that machine; null at hop 1',
    peer              STRING COMMENT 'address of the other end',
    peer_name         STRING COMMENT 'its name',
    peer_interface_id STRING COMMENT 'its interface, where labels know it',
    peer_instance_id  STRING COMMENT 'its instance, where labels know it',
    peer_subnet_name  STRING COMMENT 'its subnet',
    peer_vpc_name     STRING COMMENT 'its VPC',
    peer_ring         STRING COMMENT 'as in conversations, the nearest of them',
    service_port      BIGINT COMMENT 'port of the side that did not begin',
    protocol          BIGINT COMMENT 'IANA number',
    initiator         STRING COMMENT 'subject, peer or unknown',
    service_class     STRING COMMENT 'remote admin, file, database, …; else null',
    outcome           STRING COMMENT 'the strongest outcome among its conversations',
    attempts          BIGINT COMMENT 'conversations',
    blocked_src       BIGINT COMMENT 'of them: stopped at the subject',
    blocked_dst       BIGINT COMMENT 'of them: stopped at the peer',
    no_answer         BIGINT COMMENT 'of them: nothing came back',
    refused           BIGINT COMMENT 'of them: port closed',
    answered          BIGINT COMMENT 'of them: the service is reachable',
    data              BIGINT COMMENT 'of them: something was exchanged',
    proven            BIGINT COMMENT 'of them: who began is proven',
    likely          BIGINT COMMENT 'of them: who began is likely, not proven',
    contradicted      BIGINT COMMENT 'of them: seen by the peer, not by the subject',
    volume_unknown    BIGINT COMMENT 'of them: the volume is not recorded',
    first_at          TIMESTAMP COMMENT 'UTC, first attempt',
    last_at           TIMESTAMP COMMENT 'UTC, end of the last',
    bytes_out         BIGINT COMMENT 'octets from the subject, each conversation at one point',
    bytes_in          BIGINT COMMENT 'octets to the subject, each conversation at one point',
    is_new_peer       BOOLEAN COMMENT 'not seen in the baseline; null without a baseline',
    is_new_service    BOOLEAN COMMENT 'this service at this peer; null without a baseline',
    standing          STRING COMMENT 'ordinary, or suspicious, changed, unknown',
    reasons           ARRAY<STRING> COMMENT 'for the standing: first what speaks against the row',
    attempts_before   BIGINT COMMENT 'conversations before the first sign, baseline included',
    history_h         DOUBLE COMMENT 'hours with records before the first sign',
    equals            BIGINT COMMENT 'equals that do the same; null where none was compared',
    compared          BIGINT COMMENT 'equals with records; null where labels know none',
    crowd             BIGINT COMMENT 'other machines inside that use it; null where not read',
    points            ARRAY<STRING> COMMENT 'observation points that saw it, sorted',
    run_id            STRING COMMENT 'run that wrote this row'
"""

# One question of an investigation. Detail rows are JSON, so that questions can differ in shape.
ANSWERS = """
    question     STRING COMMENT 'id of the question, as in the report',
    title        STRING COMMENT 'the question, as a person asks it',
    verdict      STRING COMMENT 'the answer in a word or two',
    sentence     STRING COMMENT 'the answer as a sentence',
    figures      MAP<STRING,BIGINT> COMMENT 'the numbers in the sentence',
    details      ARRAY<STRING> COMMENT 'rows of the answer as JSON, capped; figures count all',
    source       STRING COMMENT 'table and filter that the numbers come from, as SQL',
    rule         STRING COMMENT 'the rule in words, with its version',
    parameters   MAP<STRING,STRING> COMMENT 'thresholds that were used',
    run_id       STRING COMMENT 'run that wrote this row'
"""

FLOW_COLUMNS = _columns_of(FLOWS)
LABEL_COLUMNS = _columns_of(LABELS)
OBJECT_COLUMNS = _columns_of(OBJECTS)
ACCOUNT_COLUMNS = _columns_of(ACCOUNT)
QUARANTINE_COLUMNS = _columns_of(QUARANTINE)
