"""A worker over gRPC: runs tasks of the type `square`, so many at a time, and drains on SIGTERM:

    python3 worker.py localhost:7421 --slots 20

The token of a worker comes from the environment: MILLRACE_TOKEN.
"""

import argparse
import json
import os
import queue
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import grpc

from generated import pb


def square(task, _say):
    """A handler: gets the task, and a way to say more of it; its result is what is kept."""
    return json.loads(task.json)["n"] ** 2


HANDLERS = {"square": square}


class Worker:
    """One stream. What it wants to say goes through a queue, since it is said from several threads."""

    def __init__(self, address, slots):
        self.channel = grpc.insecure_channel(address)
        self.slots = slots
        self.outgoing = queue.SimpleQueue()
        self.stopped = threading.Event()
        self.aborted = {}
        self.completed = 0

    def run(self, metadata):
        """Until it is drained. What the stream ends with is raised."""
        definitions = [pb.RunRequest.Definition(type=name, queue="python") for name in HANDLERS]
        begin = pb.RunRequest.Begin(tasks=definitions, queues={"python": self.slots}, name="python")
        self.say(begin=begin)
        responses = pb.WorkerServiceStub(self.channel).Run(iter(self.outgoing.get, None), metadata=metadata)
        try:
            with ThreadPoolExecutor(self.slots) as pool:
                for response in responses:
                    self.hear(response, pool)
        finally:
            self.stopped.set()
            self.outgoing.put(None)
            self.channel.close()

    def drain(self, *_):
        """No more tasks: the stream ends when those that run have ended."""
        self.say(drain=pb.RunRequest.Drain())

    def say(self, **message):
        self.outgoing.put(pb.RunRequest(**message))

    def hear(self, response, pool):
        kind = response.WhichOneof("message")
        if kind == "begun":
            beat_every = response.begun.beat_every
            seconds = beat_every.seconds + beat_every.nanos / 1e9
            threading.Thread(target=self.beat, args=[seconds], daemon=True).start()
            print("ready", flush=True)
        elif kind == "task":
            self.aborted[response.task.run] = threading.Event()
            pool.submit(self.handle, response.task)
        elif kind == "abort" and response.abort.run in self.aborted:
            # a handler that takes long looks here whether it is still wanted
            self.aborted[response.abort.run].set()

    def beat(self, seconds):
        """Also while tasks run: a worker that is silent for as long as its lease is taken for dead."""
        while not self.stopped.wait(seconds):
            self.say(beat=pb.RunRequest.Beat())

    def handle(self, task):
        try:
            result = json.dumps(HANDLERS[task.type](task, self.say))
            done = pb.RunRequest.Done(run=task.run, succeeded=pb.RunRequest.Succeeded(json=result))
        except Exception as error:
            failed = pb.RunRequest.Failed(name=type(error).__name__, message=str(error), stack=traceback.format_exc())
            done = pb.RunRequest.Done(run=task.run, failed=failed)
        self.aborted.pop(task.run, None)
        self.completed += 1
        self.say(done=done)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--slots", type=int, default=20)
    options = parser.parse_args()
    worker = Worker(options.address, options.slots)
    signal.signal(signal.SIGTERM, worker.drain)
    signal.signal(signal.SIGINT, worker.drain)
    try:
        worker.run([("authorization", "Bearer " + os.environ["MILLRACE_TOKEN"])])
    except grpc.RpcError as error:
        print(f"{error.code().name}: {error.details()}", file=sys.stderr)
        return 1
    print(json.dumps({"completed": worker.completed}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
