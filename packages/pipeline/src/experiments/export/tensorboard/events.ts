import {
  bytesField,
  doubleField,
  floatField,
  integerField,
  joinPieces,
  messageField,
  type Pieces,
  textField,
} from '@glisson/nn/onnx/protobuf-writer';

/** Field numbers of TensorFlow's messages Event, Summary, SummaryMetadata and TensorProto, as far as they are written. */
const field = {
  event: { wallTime: 1, step: 2, fileVersion: 3, summary: 5 },
  summary: { value: 1 },
  value: { tag: 1, simpleValue: 2, tensor: 8, metadata: 9 },
  metadata: { pluginData: 1, dataClass: 4 },
  pluginData: { name: 1, content: 2 },
  tensor: { type: 1, shape: 2, text: 8 },
  shape: { dimension: 2 },
  dimension: { size: 1 },
} as const;

const typeString = 7;
const classTensor = 2;

/** A value of a summary. */
export type SummaryValue = Pieces;

/** The first event of a file. */
export function versionEvent(time: number): Uint8Array {
  return joinPieces([
    doubleField(field.event.wallTime, time),
    textField(field.event.fileVersion, 'brain.Event:2'),
  ]);
}

/** Values of one step; `time` in seconds since 1970. */
export function summaryEvent(time: number, step: number, values: readonly SummaryValue[]): Uint8Array {
  return joinPieces([
    doubleField(field.event.wallTime, time),
    integerField(field.event.step, step),
    messageField(field.event.summary, ...values.map((value) => messageField(field.summary.value, value))),
  ]);
}

/** A number under a tag. TensorBoard knows float32 only. */
export function scalarValue(tag: string, value: number): SummaryValue {
  return [...textField(field.value.tag, tag), ...floatField(field.value.simpleValue, value)];
}

/** A text in Markdown under a tag, for the plugin `text`. */
export function textValue(tag: string, text: string): SummaryValue {
  const tensor = messageField(
    field.value.tensor,
    integerField(field.tensor.type, typeString),
    messageField(
      field.tensor.shape,
      messageField(field.shape.dimension, integerField(field.dimension.size, 1)),
    ),
    textField(field.tensor.text, text),
  );
  return [...textField(field.value.tag, tag), ...tensor, ...metadata('text', new Uint8Array(), classTensor)];
}

/** Data of a plugin that has no value besides. */
export function pluginValue(tag: string, plugin: string, content: Uint8Array): SummaryValue {
  return [...textField(field.value.tag, tag), ...metadata(plugin, content)];
}

function metadata(plugin: string, content: Uint8Array, dataClass?: number): Pieces {
  return messageField(
    field.value.metadata,
    messageField(
      field.metadata.pluginData,
      textField(field.pluginData.name, plugin),
      bytesField(field.pluginData.content, content),
    ),
    ...(dataClass === undefined ? [] : [integerField(field.metadata.dataClass, dataClass)]),
  );
}
