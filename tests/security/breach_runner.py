"""A runner that runs plain Python: the language layer is taken as broken, and what is left is the kernel's."""

from __future__ import annotations

import _thread
import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import resource
import select
import signal
import socket
import struct
import threading
import time

from task_server.sandbox.profile import CODE_PROFILE

PROFILE = CODE_PROFILE
#: Loaded by the zygote, so that no attack fails for want of a file to import.
LOADED = (_thread, ctypes, errno, fcntl, mmap, os, resource, select, signal, socket, struct, threading, time)
MACHINE = platform.machine()
ZYGOTE = 0


def prepare():
    """Remember what children could guess but not ask for, the id of their maker; and load what looking names up needs."""
    global ZYGOTE
    ZYGOTE = os.getpid()
    socket.getaddrinfo("127.0.0.1", 80)


def run(job, channel):
    """Run the program and answer with what it returns, or with what it raised."""
    os.getppid = lambda: ZYGOTE
    request = json.loads(job)
    names = {"MACHINE": MACHINE, "CANARY_PORT": request["port"], "__name__": "attack"}
    try:
        exec(compile(request["source"], "attack", "exec"), names)
        value = names["run"]()
    except BaseException as error:
        value = f"raised {type(error).__name__}: {error}"
    channel.result(json.dumps(value).encode())
