"""How ids, names and keys are spelled: each pattern stands here, and everything else uses it.

The patterns match ASCII only and are meant for `re.fullmatch`. Digits are `[0-9]`, because `\\d`
also takes the digits of other scripts.
"""

RUN_ID = r"[0-9]{8}t[0-9]{6}z-[0-9a-f]{4}"
RUN_ID_EXAMPLE = "20261124t023730z-54d7"

# With a prefix and a run id, the name of an index stays far below OpenSearch's 255 bytes.
CASE_ID_LIMIT = 41
CASE_ID = rf"[a-z0-9][a-z0-9-]{{2,{CASE_ID_LIMIT - 1}}}"

SHA256 = r"[0-9a-f]{64}"

ACCOUNT_ID = r"[0-9]{12}"
# eu-west-1, us-gov-east-1, ap-southeast-7, eusc-de-east-1
REGION = r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}"
# AWS IAM user guide, "IAM identifiers": letters, digits and +=,.@_-, and slashes in a path.
ROLE_NAME = r"[A-Za-z0-9_+=,.@-]+"
ROLE_ARN = rf"arn:aws[a-z-]*:iam::{ACCOUNT_ID}:role/[A-Za-z0-9_+=,.@/-]+"

# Amazon VPC user guide, "Flow log files": the begin of an object's name. Groups: account, region,
# flow log. Also for Spark, whose regular expressions are Java's.
FLOW_LOG_OBJECT = rf"({ACCOUNT_ID})_vpcflowlogs_([a-z0-9-]+)_(fl-[0-9a-f]+)_[0-9]{{8}}T[0-9]{{4}}Z_"

# AWS KMS developer guide, "Key identifiers": up to the key's own name. Group: region.
KMS_KEY = rf"arn:aws[a-z-]*:kms:([a-z0-9-]+):{ACCOUNT_ID}:(?:key|alias)/"


def resource_id(kind: str) -> str:
    """The pattern of an AWS id of this kind, such as `i`, `eni` or `vpc`: 8 or 17 hex digits."""
    return rf"{kind}-[0-9a-f]{{8,17}}"
