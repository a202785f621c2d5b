#!/usr/bin/env python3
"""Runs OpenStack Swift with its S3 layer as one small server on loopback, for the tests: unlike moto it checks
signatures, their time and the digests of bodies.

    hack/object-store.py --port PORT --folder FOLDER

Run it with the Python of `hack/setup signatures`. Access key `test:tester`, secret `testing`, region us-east-1. What it started ends
with it.
"""

import argparse
import ctypes
import os
import pwd
import signal
import socket
import subprocess
import sys
from pathlib import Path

KEY, SECRET = "test:tester", "testing"

COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
user = {user}
log_level = WARNING
"""

BACKEND = COMMON + """
[pipeline:main]
pipeline = {kind}-server

[app:{kind}-server]
use = egg:swift#{kind}
"""

PROXY = COMMON + """
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck listing_formats s3api tempauth slo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:s3api]
use = egg:swift#s3api
location = us-east-1
dns_compliant_bucket_names = false
allowable_clock_skew = 900
force_swift_request_proxy_log = false

[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin

[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:slo]
use = egg:swift#slo
minimum_segment_size = 1
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write(folder: Path, port: int) -> dict[str, Path]:
    """Configuration files by kind of server, and the rings that name the one device."""
    # Here, so that --help needs no Swift.
    from swift.common.ring import RingBuilder

    (folder / "devices/disk").mkdir(parents=True)
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = test\n")
    user = pwd.getpwuid(os.getuid()).pw_name
    files = {}
    for kind in ("account", "container", "object"):
        backend = free_port()
        builder = RingBuilder(0, 1, 0)
        builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1.0, "ip": "127.0.0.1", "port": backend,
                         "device": "disk"})
        builder.rebalance()
        builder.get_ring().save(str(folder / f"{kind}.ring.gz"))
        files[kind] = folder / f"{kind}.conf"
        files[kind].write_text(BACKEND.format(port=backend, folder=folder, kind=kind, user=user))
    files["proxy"] = folder / "proxy.conf"
    files["proxy"].write_text(PROXY.format(port=port, folder=folder, user=user))
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="an empty folder for data and configuration")
    options = parser.parse_args()
    folder = options.folder.resolve()
    files = write(folder, options.port)
    programs = Path(sys.executable).parent
    libc = ctypes.CDLL(None)

    def end_with_parent():
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    children = [
        subprocess.Popen([sys.executable, programs / f"swift-{kind}-server", path], stdin=subprocess.DEVNULL,
                         cwd=folder, preexec_fn=end_with_parent)
        for kind, path in files.items()
    ]
    for child in children:
        child.wait()
    sys.exit("a server of Swift ended: see its output above")


if __name__ == "__main__":
    main()
