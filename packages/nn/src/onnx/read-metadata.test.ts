import { expect, test } from 'vitest';
import { NetworkError } from '../errors/network-error.ts';
import { input } from '../graph/tensor.ts';
import { relu } from '../operators/elementwise.ts';
import { readModelMetadata } from './read-metadata.ts';
import { writeModel } from './write-model.ts';

const outputs = { y: relu(input('x', [1])) };
const metadata = { plan: `{"text":"${'long '.repeat(100)}"}`, schlüssel: 'µ', empty: '' };
const model = writeModel({ name: 'm', outputs, metadata });

test('metadata of a model, whatever its length and letters', () => {
  expect(readModelMetadata(model)).toEqual(metadata);
  expect(readModelMetadata(writeModel({ name: 'm', outputs }))).toEqual({});
});

test('the same graph gives the same bytes', () => {
  expect(writeModel({ name: 'm', outputs, metadata })).toEqual(model);
});

test('what is no whole model is refused', () => {
  for (const bytes of [
    new Uint8Array(0),
    new TextEncoder().encode('{"no":"model"}'),
    model.subarray(0, model.length - 3),
  ]) {
    expect(() => readModelMetadata(bytes)).toThrow(NetworkError);
  }
});
