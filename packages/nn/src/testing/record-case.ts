import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { type InputAttributes, inputOperator, type Tensor, topologicalOrder } from '../graph/tensor.ts';
import { writeModel } from '../onnx/write-model.ts';
import { evaluate } from '../reference/evaluate.ts';

/** The tests that stand for an operator, by the end of their names. */
const comparison = 'ONNX Runtime gives the value and the derivative of the float64 reference';

/** One graph of an operator's test, to be run again on other execution providers: see tools/nn-features.mjs. */
export interface RecordedCase {
  /** The test file, e.g. 'pooling'. */
  readonly family: string;
  readonly name: string;
  /** Bytes of the ONNX model in base64, in the form for the CPU and in the portable one. */
  readonly models: { readonly plain: string; readonly portable: string };
  readonly feeds: Readonly<
    Record<
      string,
      { readonly type: string; readonly dims: readonly number[]; readonly data: readonly number[] }
    >
  >;
  /** The value and the derivatives in float64, by the names of the model's outputs. */
  readonly expected: Readonly<Record<string, readonly number[]>>;
}

/** Writes the graph of the running test to the folder GLISSON_OPERATOR_CASES, if that is set. */
export function recordCase(outputs: readonly Tensor[], feeds: ReadonlyMap<Tensor, ArrayLike<number>>): void {
  const folder = process.env.GLISSON_OPERATOR_CASES;
  const { currentTestName = '', testPath = '' } = expect.getState();
  if (folder === undefined || !currentTestName.endsWith(comparison)) return;
  const family = basename(testPath, '.test.ts');
  // vitest quotes a case's name where it stands for a value.
  const name = currentTestName.split(' > ').slice(0, -1).join(' > ').replaceAll("'", '');
  const named = Object.fromEntries(outputs.map((tensor, i) => [`out${i}`, tensor]));
  const model = (portable: boolean) =>
    Buffer.from(writeModel({ name: 'case', outputs: named, portable })).toString('base64');
  const inputs = topologicalOrder(outputs).filter(({ operator }) => operator.name === inputOperator.name);
  const recorded: RecordedCase = {
    family,
    name,
    models: { plain: model(false), portable: model(true) },
    feeds: Object.fromEntries(
      inputs.map((tensor) => [
        (tensor.attributes as InputAttributes).name,
        { type: tensor.type, dims: tensor.shape, data: Array.from(feeds.get(tensor)!) },
      ]),
    ),
    expected: Object.fromEntries(
      evaluate(outputs, feeds).map((values, i) => [`out${i}`, Array.from(values)]),
    ),
  };
  mkdirSync(folder, { recursive: true });
  // vitest shortens names: the graph itself tells cases apart.
  const text = JSON.stringify(recorded);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const file = `${family} ${name} ${hash}.json`.replace(/[^\w.]+/g, '-');
  writeFileSync(join(folder, file), text);
}
