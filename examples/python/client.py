"""Enqueues tasks over gRPC, and waits for their ends:

    python3 client.py localhost:7421 --count 10000

The token of a producer comes from the environment: MILLRACE_TOKEN.
"""

import argparse
import json
import sys
import time
import uuid

import grpc

from connection import channel_to, credentials, told
from generated import pb

BATCH = 500


def enqueue(tasks, ids, metadata):
    """In batches. The ids are ours: a batch that is sent again, since its answer was lost, makes no second task."""
    for start in range(0, len(ids), BATCH):
        batch = [
            pb.NewTask(type="square", id=id, input=pb.Json(text=json.dumps({"n": n})), queue="python")
            for n, id in enumerate(ids[start : start + BATCH], start)
        ]
        request = pb.EnqueueManyRequest(tasks=batch, atomic=True)
        repeated(lambda: tasks.EnqueueMany(request, metadata=metadata, timeout=30))


def repeated(call, attempts=5):
    """What the server could not do just now may work in a moment."""
    for attempt in range(attempts):
        try:
            return call()
        except grpc.RpcError as error:
            passing = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED)
            if error.code() not in passing or attempt == attempts - 1:
                raise
            trailers = dict(error.trailing_metadata() or ())
            time.sleep(int(trailers.get("millrace-retry-after-ms", 250 * 2**attempt)) / 1000)


def ends(tasks, ids, metadata):
    """How each has ended. Waits for one after the other: most have ended when it is their turn."""
    for id in ids:
        while True:
            request = pb.GetResultRequest(id=id, within="20s")
            result = repeated(lambda: tasks.GetResult(request, metadata=metadata, timeout=30))
            if result.outcome != "pending":
                yield id, result
                break


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    try:
        return measured(options)
    except grpc.RpcError as error:
        print(told(error), file=sys.stderr)
        return 1


def measured(options):
    metadata = credentials()
    with channel_to(options.address) as channel:
        tasks = pb.TaskServiceStub(channel)
        ids = [str(uuid.uuid4()) for _ in range(options.count)]
        began = time.monotonic()
        enqueue(tasks, ids, metadata)
        enqueued = time.monotonic()
        wrong = 0
        for n, (id, result) in enumerate(ends(tasks, ids, metadata)):
            if result.outcome != "succeeded" or json.loads(result.result.text) != n * n:
                wrong += 1
                print(f"{id}: {result.outcome}", file=sys.stderr)
        ended = time.monotonic()
    print(
        json.dumps(
            {
                "tasks": len(ids),
                "wrong": wrong,
                "enqueuedPerSecond": round(len(ids) / (enqueued - began)),
                "endedPerSecond": round(len(ids) / (ended - began)),
            }
        )
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
