import {
  doubleField,
  integerField,
  joinPieces,
  messageField,
  type Pieces,
  textField,
} from '@glisson/nn/onnx/protobuf-writer';
import type { FieldValue, RunRecord } from '../../record/run-record.ts';
import { pluginValue, type SummaryValue } from './events.ts';

/** Field numbers of the messages of TensorBoard's plugin `hparams` and of google.protobuf.Value. */
const field = {
  data: { start: 3, end: 4 },
  start: { hparams: 1, time: 5 },
  end: { status: 1, time: 2 },
  entry: { key: 1, value: 2 },
  value: { number: 2, text: 3, isTrue: 4 },
} as const;

/** Numbers of the plugin's states. */
const status = { finished: 1, failed: 2, stopped: 2, damaged: 0, running: 3 } as const;

/**
 * The values by which the plugin `hparams` knows a run: its hyperparameters (a field without a value is left out, since the plugin has
 * no nulls) with their types, and how it ended. No experiment is declared, so that TensorBoard gathers columns from all runs that
 * it sees.
 */
export function hparamsValues(
  record: RunRecord,
  hparams: Readonly<Record<string, FieldValue>>,
  times: { readonly started: number; readonly ended: number },
): SummaryValue[] {
  const entries = Object.entries(hparams).flatMap(([name, value]) =>
    value === null
      ? []
      : [
          messageField(
            field.start.hparams,
            textField(field.entry.key, name),
            messageField(field.entry.value, protobufValue(value)),
          ),
        ],
  );
  const start = joinPieces([
    messageField(field.data.start, ...entries, doubleField(field.start.time, times.started)),
  ]);
  const end = joinPieces([
    messageField(
      field.data.end,
      integerField(field.end.status, status[record.state]),
      doubleField(field.end.time, times.ended),
    ),
  ]);
  return [
    pluginValue('_hparams_/session_start_info', 'hparams', start),
    pluginValue('_hparams_/session_end_info', 'hparams', end),
  ];
}

function protobufValue(value: number | string | boolean): Pieces {
  if (typeof value === 'number') return doubleField(field.value.number, value);
  if (typeof value === 'boolean') return integerField(field.value.isTrue, value ? 1 : 0);
  return textField(field.value.text, value);
}
