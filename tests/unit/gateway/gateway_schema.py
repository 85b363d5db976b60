"""A message with a field of every kind, and services whose bindings our API does not use."""

from __future__ import annotations

from typing import Any

from google.api import annotations_pb2, http_pb2, httpbody_pb2
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

_SCALARS = {
    name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in (
        *("double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string", "bytes"),
        *("uint32", "sfixed32", "sfixed64", "sint32", "sint64"),
    )
}
_MESSAGES = {
    "timestamp": "Timestamp",
    "duration": "Duration",
    "mask": "FieldMask",
    "structure": "Struct",
    "anything": "Value",
    "elements": "ListValue",
    "nothing": "Empty",
    "wrapped_int64": "Int64Value",
    "wrapped_bytes": "BytesValue",
    "wrapped_bool": "BoolValue",
}
# The pool knows a file once its module is there.
assert duration_pb2 and empty_pb2 and field_mask_pb2 and struct_pb2 and timestamp_pb2 and wrappers_pb2 and httpbody_pb2


def _message() -> descriptor_pb2.DescriptorProto:
    message = descriptor_pb2.DescriptorProto(name="Everything")
    field = descriptor_pb2.FieldDescriptorProto
    number = 0

    def add(name: str, kind: int, **more: Any) -> None:
        nonlocal number
        number += 1
        more.setdefault("label", field.LABEL_OPTIONAL)
        message.field.add(name=name, number=number, type=kind, **more)

    for name, kind in _SCALARS.items():
        add(f"{name}_value", kind)
        add(f"{name}_list", kind, label=field.LABEL_REPEATED)
    for name, kind in _MESSAGES.items():
        add(name, field.TYPE_MESSAGE, type_name=f".google.protobuf.{kind}")
    add("inner", field.TYPE_MESSAGE, type_name=".gateway.test.Everything")
    add("inners", field.TYPE_MESSAGE, type_name=".gateway.test.Everything", label=field.LABEL_REPEATED)
    add("colour", field.TYPE_ENUM, type_name=".gateway.test.Colour")
    for name, key, value in (
        ("labels", field.TYPE_STRING, field.TYPE_STRING),
        ("flags", field.TYPE_BOOL, field.TYPE_INT64),
    ):
        entry = message.nested_type.add(name=f"{name.capitalize()}Entry", options={"map_entry": True})
        entry.field.add(name="key", number=1, type=key, label=field.LABEL_OPTIONAL)
        entry.field.add(name="value", number=2, type=value, label=field.LABEL_OPTIONAL)
        type_name = f".gateway.test.Everything.{entry.name}"
        add(name, field.TYPE_MESSAGE, type_name=type_name, label=field.LABEL_REPEATED)
    message.oneof_decl.add(name="choice")
    message.oneof_decl.add(name="_maybe")
    add("left", field.TYPE_STRING, oneof_index=0)
    add("right", field.TYPE_MESSAGE, type_name=".gateway.test.Everything", oneof_index=0)
    add("maybe", field.TYPE_INT32, oneof_index=1, proto3_optional=True)
    return message


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="gateway/test/everything.proto",
        package="gateway.test",
        syntax="proto3",
        dependency=[
            *(
                f"google/protobuf/{name}.proto"
                for name in ("timestamp", "duration", "field_mask", "struct", "empty", "wrappers")
            ),
            "google/api/annotations.proto",
            "google/api/httpbody.proto",
        ],
        message_type=[_message()],
    )
    file.enum_type.add(name="Colour", value=[{"name": "NONE", "number": 0}, {"name": "RED", "number": 3}])
    service = file.service.add(name="Odd")
    for name, rule, output, streaming in (
        ("Verb", {"post": "/v1/{string_value=things/*}:stop", "body": "inner"}, "gateway.test.Everything", False),
        ("Get", {"get": "/v1/{string_value=things/*}"}, "gateway.test.Everything", False),
        ("Deep", {"get": "/v1/files/{string_value=**}/raw"}, "google.api.HttpBody", False),
        (
            "Typed",
            {"get": "/v1/typed/{int32_value}/{colour}/{timestamp}/{string_list}"},
            "gateway.test.Everything",
            False,
        ),
        ("Custom", {"custom": {"kind": "report", "path": "/v1/report"}}, "gateway.test.Everything", False),
        ("Part", {"get": "/v1/part", "response_body": "inner"}, "gateway.test.Everything", False),
        ("Raw", {"get": "/v1/raw"}, "google.api.HttpBody", True),
        ("Hidden", None, "gateway.test.Everything", False),
    ):
        method = service.method.add(
            name=name, input_type=".gateway.test.Everything", output_type=f".{output}", server_streaming=streaming
        )
        if rule is not None:
            method.options.Extensions[annotations_pb2.http].CopyFrom(http_pb2.HttpRule(**rule))
    return file


_POOL = descriptor_pool.Default()
_POOL.AddSerializedFile(_file().SerializeToString())
Everything: Any = GetMessageClass(_POOL.FindMessageTypeByName("gateway.test.Everything"))
ODD: ServiceDescriptor = _POOL.FindServiceByName("gateway.test.Odd")
