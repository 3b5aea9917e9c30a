"""Reads an event file of TensorBoard without TensorBoard: records checked by crcmod, messages parsed by google.protobuf from
descriptors that are built here from the published field numbers. Prints JSON."""
import json
import struct
import sys

import crcmod.predefined
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

crc32c = crcmod.predefined.mkCrcFun("crc-32c")
F = descriptor_pb2.FieldDescriptorProto
kinds = dict(double=F.TYPE_DOUBLE, float=F.TYPE_FLOAT, int64=F.TYPE_INT64, int32=F.TYPE_INT32, bool=F.TYPE_BOOL,
             string=F.TYPE_STRING, bytes=F.TYPE_BYTES)
messages = {
    "Event": [("wall_time", 1, "double"), ("step", 2, "int64"), ("file_version", 3, "string"), ("summary", 5, "Summary")],
    "Summary": [("value", 1, "*Value")],
    "Value": [("tag", 1, "string"), ("simple_value", 2, "float?"), ("tensor", 8, "Tensor"), ("metadata", 9, "Metadata")],
    "Metadata": [("plugin_data", 1, "PluginData"), ("display_name", 2, "string"), ("data_class", 4, "int32")],
    "PluginData": [("plugin_name", 1, "string"), ("content", 2, "bytes")],
    "Tensor": [("dtype", 1, "int32"), ("shape", 2, "Shape"), ("string_val", 8, "*bytes")],
    "Shape": [("dim", 2, "*Dim")],
    "Dim": [("size", 1, "int64"), ("name", 2, "string")],
    "HParamsData": [("version", 1, "int32"), ("session_start_info", 3, "Start"), ("session_end_info", 4, "End")],
    "Start": [("hparams", 1, "*Entry"), ("model_uri", 2, "string"), ("group_name", 4, "string"), ("start_time_secs", 5, "double")],
    "End": [("status", 1, "int32"), ("end_time_secs", 2, "double")],
    "Entry": [("key", 1, "string"), ("value", 2, "Any")],
    "Any": [("number_value", 2, "double?"), ("string_value", 3, "string?"), ("bool_value", 4, "bool?")],
}
file = descriptor_pb2.FileDescriptorProto(name="events.proto", package="t", syntax="proto2")
for name, fields in messages.items():
    message = file.message_type.add(name=name)
    for field, number, kind in fields:
        kind = kind.rstrip("?")
        label = F.LABEL_REPEATED if kind.startswith("*") else F.LABEL_OPTIONAL
        kind = kind.lstrip("*")
        one = message.field.add(name=field, number=number, label=label)
        if kind in kinds:
            one.type = kinds[kind]
        else:
            one.type, one.type_name = F.TYPE_MESSAGE, ".t." + kind
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
# The names of these two have changed between versions of protobuf.
class_of = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
try:
    from google.protobuf.unknown_fields import UnknownFieldSet as unknown_fields
except ImportError:
    def unknown_fields(message):
        return message.UnknownFields()


def parse(name, data):
    message = class_of(pool.FindMessageTypeByName("t." + name))()
    message.ParseFromString(data)
    assert not unknown(message), name
    return message


def unknown(message):
    """Whether fields were written that the published messages do not have."""
    if len(unknown_fields(message)) > 0:
        return True
    return any(unknown(one) for field, value in message.ListFields() if field.type == F.TYPE_MESSAGE
               for one in (value if field.label == F.LABEL_REPEATED else [value]))


def masked(data):
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    at = 0
    while at < len(data):
        (length, check) = struct.unpack_from("<QI", data, at)
        assert check == masked(data[at:at + 8]), "length"
        content = data[at + 12:at + 12 + length]
        assert len(content) == length
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked(content), "data"
        at += 16 + length
        yield content


out = []
for content in records(open(sys.argv[1], "rb").read()):
    event = parse("Event", content)
    values = []
    for value in event.summary.value:
        one = dict(tag=value.tag)
        if value.HasField("simple_value"):
            one["value"] = repr(value.simple_value)
        if value.HasField("tensor"):
            one["text"] = value.tensor.string_val[0].decode()
            one["shape"] = [dim.size for dim in value.tensor.shape.dim]
            one["dtype"] = value.tensor.dtype
        if value.HasField("metadata"):
            one["plugin"] = value.metadata.plugin_data.plugin_name
            if one["plugin"] == "hparams":
                data = parse("HParamsData", value.metadata.plugin_data.content)
                one["start"] = data.session_start_info.start_time_secs
                one["hparams"] = {entry.key: getattr(entry.value, entry.value.ListFields()[0][0].name)
                                  for entry in data.session_start_info.hparams}
                one["status"] = data.session_end_info.status
        values.append(one)
    out.append(dict(version=event.file_version, time=event.wall_time, step=event.step, values=values))
print(json.dumps(out))
