"""The dry run: figures that can be worked out by hand, and nothing touched."""

import json
from pathlib import Path

import pytest

from jobs.pipeline.dry_run import Platform, Prices, estimate, read_prices
from jobs.trace_instance import main
from tests.support.services import DemoDay

PRICES = Prices(
    "2026-01-01", "a test", 0.4, 5.0, (Platform("cluster", 60, 1_000_000, 10, 6.0, 600),)
)


def test_the_slower_of_bytes_and_requests_decides_and_a_least_time_is_billed() -> None:
    by_bytes, by_requests = (
        estimate(10, 540_000_000, PRICES, on_s3=False)[0],
        estimate(2_000, 1, PRICES, on_s3=True)[0],
    )

    assert (by_bytes.minutes, by_bytes.usd) == pytest.approx((10.0, 1.0))
    # 60 s + 200 s; 600 s are billed; 2,000 gets at 0.4 and 2 lists at 5 a thousand
    assert by_requests.minutes == pytest.approx(260 / 60)
    assert by_requests.usd == pytest.approx(1.0 + 0.8 + 0.01)


def test_a_dry_run_says_what_there_is_to_read_and_writes_nothing(
    demo_day: DemoDay, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    cut = sorted((demo_day.folder / "flow-logs").rglob("*T1200Z*.log.gz"))
    octets = sum(path.stat().st_size for path in cut)
    listed = tmp_path / "objects.txt"
    listed.write_text("# noon\n\n" + "\n".join(map(str, cut)) + "\n")
    flags = demo_day.flags(tmp_path / "out")
    del flags[:2]  # --flow_logs

    assert main([*flags, "--object_list", str(listed), "--dry_run", "true"]) == 0

    said = capsys.readouterr().out
    assert f"2 listed, 2 to read ({octets:,} bytes), 0 skipped" in said
    assert read_prices().as_of in said
    assert [line[4:42].strip() for line in said.splitlines() if " minutes " in line] == [
        "laptop", "Glue, 10 workers G.1X", "EMR Serverless, 10 workers of 4 vCPU",
    ]  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_prices_that_cannot_be_read_are_said(
    demo_day: DemoDay, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"as_of": "2026-01-01", "source": "x", "platforms": []}))

    flags = [*demo_day.flags(tmp_path / "out"), "--dry_run", "true", "--prices", str(prices)]

    assert main(flags) == 2
    assert "'usd_per_1000_gets'" in capsys.readouterr().err
