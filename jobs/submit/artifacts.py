"""What a run needs on S3: each file under its own hash, so that no upload changes an older run."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from jobs.errors import BadInput
from jobs.storage.object_store import first_line, place_of
from jobs.submit.flags import Launch
from jobs.submit.runs import Refused

_ROOT = Path(__file__).resolve().parents[2]
_EXAMPLE = re.compile(r"s3://my-artifacts/vpc-flow-trace/([\w.-]+)")


def files_of(launch: Launch) -> dict[str, Path]:
    """Name in conf/ → file; raises BadInput where one is missing."""
    found = {
        "trace_instance.py": _ROOT / "jobs/trace_instance.py",
        "vpc_flow_trace.zip": launch.dist / "vpc_flow_trace.zip",
    }
    made_by = "make dist"
    if launch.platform == "glue":
        found["ingest_flows.py"] = _ROOT / "jobs/ingest_flows.py"
        found["packages.gluewheels.zip"] = launch.dist / "packages.gluewheels.zip"
        made_by = "make dist-glue"
    else:
        made_by = "make dist-emr"
        # The name in conf/ stands for the packages of either processor.
        packages = f"packages-{launch.architecture}.tar.gz"
        found["packages-x86_64.tar.gz"] = launch.dist / packages
    missing = [str(path) for path in found.values() if not path.is_file()]
    if missing:
        raise BadInput([f"{path}: found nothing; `{made_by}` makes it" for path in missing])
    return found


def upload(launch: Launch, say: Callable[[str], None]) -> dict[str, str]:
    """Put there what is not there yet; name in conf/ → URI."""
    place = place_of(f"{launch.artifacts}/")
    assert place.bucket is not None
    s3 = boto3.client("s3", region_name=place.bucket.region)
    uris = {}
    for name, path in files_of(launch).items():
        data_sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        key = f"{place.path.strip('/')}/{data_sha256[:16]}/{path.name}".lstrip("/")
        uris[name] = uri = f"s3://{place.bucket.name}/{key}"
        size = path.stat().st_size
        if _is_there(s3, place.bucket.name, key, size):
            say(f"is there    {uri}")
            continue
        say(f"upload      {uri} ({size / 1e6:,.1f} MB)")
        try:
            s3.upload_file(str(path), place.bucket.name, key)
        except S3UploadFailedError as error:
            sentence = f"--artifacts {launch.artifacts}: {first_line(error)}; "
            raise Refused(sentence + "check s3:PutObject and kms:GenerateDataKey", "") from error
    return uris


def _is_there(s3: Any, bucket: str, key: str, size: int) -> bool:
    try:
        return int(s3.head_object(Bucket=bucket, Key=key)["ContentLength"]) == size
    except ClientError:
        return False  # not there, or not ours to look at: the upload will tell


def conf_of(name: str, uris: Mapping[str, str]) -> Any:
    """A file of conf/ with the examples' places replaced by those of the upload."""
    text = files("conf").joinpath(name).read_text(encoding="utf-8")
    return json.loads(_EXAMPLE.sub(lambda found: uris[found[1]], text))
