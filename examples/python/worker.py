"""A worker over gRPC: runs tasks of the type `square`, so many at a time, and drains on SIGTERM:

    python3 worker.py localhost:7421 --slots 20

The token of a worker comes from the environment: MILLRACE_TOKEN.
"""

import argparse
import json
import queue
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import grpc

from connection import channel_to, credentials, told
from generated import pb

QUEUE = "python"


def square(run):
    """A handler: what it returns is kept as the result, what it raises is tried again."""
    return run.input["n"] ** 2


HANDLERS = {"square": square}


class Run:
    """One run of a task, as its handler sees it."""

    def __init__(self, task, say):
        self.task = task
        self.input = json.loads(task.json)
        # a handler that takes long looks here whether it is still wanted
        self.aborted = threading.Event()
        self.say = say

    def progress(self, fraction, text=""):
        self.say(progress=pb.RunRequest.Progress(run=self.task.run, fraction=fraction, text=text))


class Stream:
    """One stream, which to the server is one worker. What is said goes through a queue: it is said from several threads."""

    def __init__(self, slots, pool):
        self.pool = pool
        self.outgoing = queue.SimpleQueue()
        self.runs = {}
        self.completed = 0
        self.ended = threading.Event()
        definitions = [pb.RunRequest.Definition(type=name, queue=QUEUE) for name in HANDLERS]
        self.say(begin=pb.RunRequest.Begin(tasks=definitions, queues={QUEUE: slots}, name="python"))

    def run(self, channel, metadata):
        """Until it is drained, by this side or by the other one. What it breaks with is raised."""
        try:
            for response in pb.WorkerServiceStub(channel).Run(iter(self.outgoing.get, None), metadata=metadata):
                self.hear(response)
        finally:
            self.ended.set()
            self.outgoing.put(None)
            # what still runs is run by others as well, if the stream broke: what is said of it counts for nothing
            for run in list(self.runs.values()):
                run.aborted.set()

    def say(self, **message):
        self.outgoing.put(pb.RunRequest(**message))

    def drain(self):
        """No more tasks: the stream ends when those that run have ended."""
        self.say(drain=pb.RunRequest.Drain())

    def hear(self, response):
        kind = response.WhichOneof("message")
        if kind == "begun":
            beat_every = response.begun.beat_every
            seconds = beat_every.seconds + beat_every.nanos / 1e9
            threading.Thread(target=self.beat, args=[seconds], daemon=True).start()
            print("ready", flush=True)
        elif kind == "task":
            run = Run(response.task, self.say)
            self.runs[response.task.run] = run
            self.pool.submit(self.handle, run)
        elif kind == "abort" and response.abort.run in self.runs:
            self.runs[response.abort.run].aborted.set()

    def beat(self, seconds):
        """Also while tasks run: a worker that is silent for as long as its lease is taken for dead."""
        while not self.ended.wait(seconds):
            self.say(beat=pb.RunRequest.Beat())

    def handle(self, run):
        task = run.task
        try:
            result = json.dumps(HANDLERS[task.type](run))
            done = pb.RunRequest.Done(run=task.run, succeeded=pb.RunRequest.Succeeded(json=result))
        except Exception as error:
            failed = pb.RunRequest.Failed(name=type(error).__name__, message=str(error), stack=traceback.format_exc())
            done = pb.RunRequest.Done(run=task.run, failed=failed)
        del self.runs[task.run]
        self.completed += 1
        self.say(done=done)


class Worker:
    """One stream after the other, until this side wants to end: a server that is started anew, or away, is waited for."""

    def __init__(self, address, slots):
        self.address = address
        self.slots = slots
        self.stream = None
        self.draining = threading.Event()
        self.completed = 0

    def drain(self, *_):
        self.draining.set()
        if self.stream is not None:
            self.stream.drain()

    def run(self, metadata):
        with ThreadPoolExecutor(self.slots) as pool:
            while True:
                self.stream = Stream(self.slots, pool)
                if self.draining.is_set():
                    return
                try:
                    with channel_to(self.address) as channel:
                        self.stream.run(channel, metadata)
                except grpc.RpcError as error:
                    if error.code() != grpc.StatusCode.UNAVAILABLE:
                        raise
                    print(told(error), file=sys.stderr, flush=True)
                self.completed += self.stream.completed
                self.draining.wait(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--slots", type=int, default=20)
    options = parser.parse_args()
    worker = Worker(options.address, options.slots)
    signal.signal(signal.SIGTERM, worker.drain)
    signal.signal(signal.SIGINT, worker.drain)
    try:
        worker.run(credentials())
    except grpc.RpcError as error:
        print(told(error), file=sys.stderr)
        return 1
    print(json.dumps({"completed": worker.completed}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
