"""Who holds a lease: a process of a host. One that is gone gives its leases back at once; far ones expire by time."""

import os
import socket
from pathlib import Path

_STARTED = 21  # field 22 of /proc/PID/stat: when the process started, in clock ticks since boot


def this_holder() -> str:
    """The name of this process: host, number, start. A number used again later is another holder."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start_of(os.getpid())}"


def is_gone(holder: str) -> bool:
    """True if the holder is a process of this host that runs no more. Of other hosts nothing is known."""
    host, _, rest = holder.rpartition(":")[0].rpartition(":")
    started = holder.rpartition(":")[2]
    if host != socket.gethostname() or not rest.isdigit():
        return False
    return _start_of(int(rest)) != started


def _start_of(number: int) -> str:
    try:
        told = Path(f"/proc/{number}/stat").read_text("ascii", errors="replace")
    except OSError:
        return ""
    after_name = told.rpartition(")")[2].split()
    return after_name[_STARTED - 2] if len(after_name) > _STARTED - 2 else ""
