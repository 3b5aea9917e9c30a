import { integerField, joinPieces, messageField, textField } from '../onnx/protobuf-writer.ts';

/** Name of the output that `withUnreadOutput` adds. */
export const unreadName = 'unread';

/**
 * A model with one more output, the first one, that onnxruntime-node cannot read: an empty sequence. After a run,
 * onnxruntime-node 1.30 makes JavaScript arrays of all outputs, one after the other, and copies into them even what it
 * has written into arrays that it was given: for the optimiser that is twice the time of the run itself. At this output
 * it gives up (`isUnread`), when the run is done and all given arrays are filled.
 * @param model ONNX bytes; copied
 */
export function withUnreadOutput(model: Uint8Array): Uint8Array {
  // Fields of onnx.proto. Messages that appear twice in a file are one: this is a part of the model's graph (7).
  const node = messageField(
    1,
    textField(2, unreadName),
    textField(3, unreadName),
    textField(4, 'SequenceEmpty'),
  );
  const sequenceOfFloats = messageField(
    2,
    messageField(4, messageField(1, messageField(1, integerField(1, 1)))),
  );
  const output = messageField(12, textField(1, unreadName), sequenceOfFloats);
  return joinPieces([messageField(7, node, output), [model]]);
}

/** Whether a run was done, and only its outputs were not read. */
export function isUnread(error: unknown): boolean {
  return error instanceof Error && /^Non tensor type is temporarily not supported/.test(error.message);
}
