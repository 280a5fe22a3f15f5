#!/usr/bin/env python3
# Asks a WinRM listener through pywinrm, with its message encryption (NTLM: Debian's python3-kerberos
# cannot encrypt): pywinrm.py URL USER PASSWORD FILE
# Sends the envelope in FILE and prints the answer.
import sys

from winrm.transport import Transport

url, user, password, path = sys.argv[1:]
transport = Transport(endpoint=url, username=user, password=password, auth_method="ntlm",
                      message_encryption="always")
with open(path, "rb") as file:
    message = file.read()
for _ in range(3):
    text = transport.send_message(message)
sys.stdout.write(text.decode() if isinstance(text, bytes) else text)
