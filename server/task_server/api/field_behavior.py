"""What the contract says of a message's fields (AIP-203), read from its options."""

from __future__ import annotations

import functools

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor

_OUTPUT_ONLY = field_behavior_pb2.FieldBehavior.Value("OUTPUT_ONLY")


@functools.cache
def output_only(message: Descriptor) -> frozenset[str]:
    """The names of the fields that this service alone sets; what a caller says in them counts for nothing."""
    return frozenset(
        field.name
        for field in message.fields
        if _OUTPUT_ONLY in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    )
