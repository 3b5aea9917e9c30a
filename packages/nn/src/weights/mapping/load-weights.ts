import { NetworkError } from '../../errors/network-error.ts';
import { checkValue } from '../../options/check-options.ts';
import { recordOf } from '../../options/rules.ts';
import { torchNamesOfKeras } from '../keras/keras-names.ts';
import type { OpenWeights } from '../open-weights.ts';
import { aNamedArray, type NamedArray } from '../safetensors.ts';
import { adaptArray } from './adapt-array.ts';
import type { LoadReport } from './load-report.ts';
import { type Assignment, type LoadOptions, type LoadPlan, type NamedShape, planLoad } from './plan-load.ts';

export interface LoadedWeights {
  /** By the network's names, each of the size of its wanted shape; row-major. */
  readonly values: Readonly<Record<string, Float32Array>>;
  /** The same with their shapes, as a trainer takes them (`initial`). */
  readonly arrays: Readonly<Record<string, NamedArray>>;
  readonly report: LoadReport;
}

/**
 * Maps the arrays of a weight file onto a network, by name and shape: takes off prefixes, knows the names of
 * torchvision and timm, sums or repeats the first layer's input channels, and reshapes linear layers to convolutions.
 * Every array of either side is in the report.
 * @param wanted the network's parameters and running statistics
 * @param arrays of the file; they are not changed, but `values` may share their buffers
 * @throws NetworkError 'shape-mismatch', 'state-mismatch', as `planLoad` does; 'not-finite' for NaN or infinite numbers
 */
export function loadWeights(
  wanted: readonly NamedShape[],
  arrays: Readonly<Record<string, NamedArray>>,
  options: LoadOptions = {},
): LoadedWeights {
  checkValue(
    'loadWeights: arrays',
    arrays,
    recordOf(`arrays by name, each ${aNamedArray.expected}`, aNamedArray),
  );
  const available = Object.entries(arrays).map(([name, { shape }]) => ({ name, shape }));
  const { assignments, report } = planLoad(wanted, available, options);
  return result(
    assignments.map((assignment) => adapt(arrays[assignment.from]!, assignment)),
    { assignments, report },
  );
}

/**
 * The same from an open file, of which only the arrays that are needed are read. The file stays open. The names of
 * keras.applications' VGG and DenseNet are known, too.
 * @throws NetworkError also as `OpenWeights.read` does
 */
export async function loadWeightsFrom(
  file: OpenWeights,
  wanted: readonly NamedShape[],
  options: LoadOptions = {},
): Promise<LoadedWeights> {
  const places = file.format === 'keras' ? torchNamesOfKeras(file.arrays.map(({ name }) => name)) : undefined;
  const { assignments, report } = planLoad(wanted, file.arrays, { places, ...options });
  const values: Float32Array[] = [];
  for (const assignment of assignments) values.push(adapt(await file.read(assignment.from), assignment));
  return result(values, { assignments, report });
}

function result(values: readonly Float32Array[], { assignments, report }: LoadPlan): LoadedWeights {
  const named = assignments.map(({ name, shape }, i) => ({ name, shape, values: values[i]! }));
  return {
    values: Object.fromEntries(named.map((array) => [array.name, array.values])),
    arrays: Object.fromEntries(named.map(({ name, ...array }) => [name, array])),
    report,
  };
}

function adapt(array: NamedArray, { from, fileShape, adaptations }: Assignment): Float32Array {
  checkFinite(array.values, from);
  return adaptations.reduce((values, adaptation) => adaptArray(values, fileShape, adaptation), array.values);
}

function checkFinite(values: Float32Array, name: string): void {
  // A loop: findIndex takes seconds for the arrays of a VGG.
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new NetworkError('not-finite', `'${name}' of the file holds ${values[i]} at index ${i}.`);
    }
  }
}
