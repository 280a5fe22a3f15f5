"""bench/start.py DIRECTORY ORIGIN ...: does the calls that bench/record.lua wrote down with Python's
requests, one after the other on kept-alive connections. Prints the seconds that they took, without
Python's own start and its imports."""
import pathlib
import sys
import time

import requests

began = time.monotonic()
directory, origins = pathlib.Path(sys.argv[1]), sys.argv[2:]
session = requests.Session()
for line in (directory / "calls").read_text().splitlines():
    method, which, path, number = line.split(" ")
    lines = (directory / (number + ".headers")).read_text().splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    body = (directory / (number + ".body")).read_bytes()
    session.request(method, origins[int(which) - 1] + path, headers=headers, data=body or None,
                    verify=False)
print("seconds", time.monotonic() - began)
