"""What protoc makes of the .proto files, in a temporary folder, so that nothing that is generated needs to be kept:
`pb` has all messages of the services, and a stub for each, as `pb.TaskServiceStub(channel)`.

In a project of your own, generate at build time (pip install grpcio-tools):

    python -m grpc_tools.protoc -I proto --python_out=. --pyi_out=. --grpc_python_out=. proto/millrace/v1/*.proto
"""

import atexit
import importlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import types

from google.protobuf import descriptor_pb2, duration_pb2, timestamp_pb2


def folder_of_protos():
    default = pathlib.Path(__file__).parents[2] / "packages" / "server" / "proto"
    return pathlib.Path(os.environ.get("MILLRACE_PROTO", default))


def generate():
    protos = folder_of_protos()
    folder = tempfile.mkdtemp(prefix="millrace-python-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # Debian keeps the files of these in libprotobuf-dev; all that is needed of them the library has as well
    known = pathlib.Path(folder, "known.pb")
    known.write_bytes(descriptor_pb2.FileDescriptorSet(file=[as_file(duration_pb2), as_file(timestamp_pb2)]).SerializeToString())
    names = ["values", *sorted(path.stem for path in protos.glob("millrace/v1/*_service.proto"))]
    files = [f"millrace/v1/{name}.proto" for name in names]
    protoc = os.environ.get("PROTOC", "protoc")
    subprocess.run([protoc, f"--descriptor_set_in={known}", f"-I{protos}", f"--python_out={folder}", *files], check=True)
    sys.path.insert(0, folder)
    found = types.SimpleNamespace()
    for name in names:
        module = importlib.import_module(f"millrace.v1.{name}_pb2")
        for message in module.DESCRIPTOR.message_types_by_name:
            setattr(found, message, getattr(module, message))
        for service, descriptor in module.DESCRIPTOR.services_by_name.items():
            setattr(found, f"{service}Stub", stub_of(descriptor, found))
    return found


def as_file(module):
    return descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)


def stub_of(service, messages):
    """A class whose objects have a method for each of the service: what the plugin of grpcio-tools would write down."""

    def __init__(self, channel):
        streams = descriptor_pb2.ServiceDescriptorProto()
        service.CopyToProto(streams)
        for method, kind in zip(service.methods, streams.method):
            kinds = {
                (False, False): channel.unary_unary,
                (False, True): channel.unary_stream,
                (True, True): channel.stream_stream,
            }
            call = kinds[kind.client_streaming, kind.server_streaming](
                f"/{service.full_name}/{method.name}",
                request_serializer=getattr(messages, method.input_type.name).SerializeToString,
                response_deserializer=getattr(messages, method.output_type.name).FromString,
            )
            setattr(self, method.name, call)

    return type(f"{service.name}Stub", (), {"__init__": __init__})


pb = generate()
