"""How both come to the server, and what it says when it refuses something."""

import os
from urllib.parse import unquote

import grpc


def channel_to(address):
    """Where others can reach the server it has TLS: then this is grpc.secure_channel(address, grpc.ssl_channel_credentials())."""
    return grpc.insecure_channel(address)


def credentials():
    return [("authorization", "Bearer " + os.environ["MILLRACE_TOKEN"])]


def told(error):
    """What was wrong, and what to do about it: `millrace-code` is for programs, the hint for people."""
    trailers = dict(error.trailing_metadata() or ())
    text = f"{trailers.get('millrace-code', error.code().name)}: {error.details()}"
    hint = unquote(trailers.get("millrace-hint", ""))
    return f"{text}\n  {hint}" if hint else text
