"""What reading with somebody's library costs: its own CPU seconds, wall-clock seconds, and memory at the most."""

import importlib.metadata
import json
import sys
import time


def peak():
    """In MB. What `getrusage` tells is at least what whoever has started this program had."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def of(package, read):
    """Runs `read(base, token)`, which yields records, and prints what it cost as JSON."""
    base, token = sys.argv[1:]
    wall, cpu = time.monotonic(), time.process_time()
    count = sum(1 for _ in read(base, token))
    print(
        json.dumps(
            {
                "version": importlib.metadata.version(package),
                "count": count,
                "wall": time.monotonic() - wall,
                "cpu": time.process_time() - cpu,
                "peak": peak(),
            }
        )
    )
