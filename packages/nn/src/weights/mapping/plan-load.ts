import { NetworkError } from '../../errors/network-error.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../../graph/shape.ts';
import { checkOptions, checkValue, type Rules } from '../../options/check-options.ts';
import { anything, flag, listOf, objectWith, optional, text, wholeFromZero } from '../../options/rules.ts';
import type { TorchPlace } from '../keras/keras-names.ts';
import { type Adaptation, describeAdaptation } from './adapt-array.ts';
import {
  isBatchCounter,
  possibleNames,
  type Rename,
  usualHeads,
  usualPrefixes,
  usualRenames,
} from './array-names.ts';
import type { LoadReport } from './load-report.ts';

/** An array by name, in a file or in a network. */
export interface NamedShape {
  readonly name: string;
  readonly shape: Shape;
}

export interface LoadOptions {
  /** The file's names in the terms of PyTorch, for files of another library; others stay as they are. */
  readonly places?: ReadonlyMap<string, TorchPlace>;
  /** Taken off the file's names where the rest is wanted (default `usualPrefixes`). */
  readonly prefixes?: readonly string[];
  /** Other names that an array of the file may have, besides `usualRenames`. */
  readonly renames?: readonly Rename[];
  /** Where in the network the file belongs: 'encoder.' loads `conv1.weight` into `encoder.conv1.weight`. */
  readonly into?: string;
  /** Arrays of the file that are left out: those whose name, as it is or would be in the network, begins so. */
  readonly skip?: readonly string[];
  /**
   * The array that sees the image, and so may have another number of input channels than the file's (default: the
   * first one that is wanted of four axes or more, below `into`).
   */
  readonly firstLayer?: string;
  /** Reverses the input channels of the first layer: for weights trained on BGR and images in RGB. */
  readonly flipChannels?: boolean;
  /** Layers that are skipped, and reported, when they are for another number of classes (default `usualHeads`). */
  readonly heads?: readonly string[];
  /** Nothing may be missing (below `into`) and nothing skipped, batch counters and `skip` excepted. */
  readonly strict?: boolean;
}

const names = optional(listOf('names', text));
const rules: Rules<LoadOptions> = {
  places: anything,
  prefixes: names,
  renames: optional(listOf('renames, { pattern, replacement }', objectWith('', {}))),
  into: { expected: 'a text', accepts: (value) => value === undefined || typeof value === 'string' },
  skip: names,
  firstLayer: optional(text),
  flipChannels: optional(flag),
  heads: names,
  strict: optional(flag),
};
const namedShapes = listOf(
  'arrays, { name, shape }',
  objectWith('', { name: text, shape: listOf('', wholeFromZero) }),
);

/** Which array of a file goes where. */
export interface Assignment {
  /** In the network. */
  readonly name: string;
  /** In the file. */
  readonly from: string;
  readonly shape: Shape;
  readonly fileShape: Shape;
  /** In the order in which they are done. */
  readonly adaptations: readonly Adaptation[];
}

export interface LoadPlan {
  /** In the order of the network. */
  readonly assignments: readonly Assignment[];
  readonly report: LoadReport;
}

/**
 * Finds for each array of a network the one of a file that belongs there, by names and shapes alone.
 * @param wanted the network's parameters and running statistics
 * @param available what the file holds
 * @throws NetworkError 'shape-mismatch' when arrays of one name differ in shape, save for the first layer's channels
 * and the head's classes; 'state-mismatch' when nothing fits at all, or not everything under `strict`
 */
export function planLoad(
  wanted: readonly NamedShape[],
  available: readonly NamedShape[],
  options: LoadOptions = {},
): LoadPlan {
  checkValue('loadWeights: wanted', wanted, namedShapes);
  checkOptions('loadWeights', options, rules);
  const { into = '', skip = [], flipChannels = false } = options;
  const heads = new Set(
    (options.heads ?? usualHeads).flatMap((head) => [`${into}${head}.weight`, `${into}${head}.bias`]),
  );
  const wantedShapes = new Map(wanted.map(({ name, shape }) => [name, shape]));
  const firstLayer =
    options.firstLayer ?? wanted.find(({ name, shape }) => name.startsWith(into) && shape.length >= 4)?.name;

  const taken = new Map<string, Assignment>();
  const reasons = new Map<string, string>();
  const misfits: string[] = [];
  for (const { target, file } of matchNames(wantedShapes, available, options)) {
    const leave = (reason: string) => reasons.set(file.name, reason);
    const name = target ?? file.name;
    if (skip.some((prefix) => file.name.startsWith(prefix) || name.startsWith(into + prefix)))
      leave('left out as asked');
    else if (target === undefined) {
      leave(isBatchCounter(file.name) ? 'a counter of training batches' : 'the network has no such array');
    } else if (taken.has(target)) leave(`${target} is loaded from ${taken.get(target)!.from}`);
    else {
      const shape = wantedShapes.get(target)!;
      const isFirst = target === firstLayer;
      const flattened = options.places?.get(file.name)?.flattened;
      const adaptations = fit(file.shape, shape, isFirst && flipChannels, isFirst, flattened);
      if (adaptations !== undefined) {
        taken.set(target, { name: target, from: file.name, shape, fileShape: file.shape, adaptations });
      } else if (heads.has(target)) {
        leave(
          `a head for ${file.shape[0] ?? 'other'} classes; the network's ${target} is ${formatShape(shape)}`,
        );
      } else {
        misfits.push(
          `${target} is ${formatShape(shape)}, ${file.name} of the file ${formatShape(file.shape)}`,
        );
      }
    }
  }
  if (misfits.length > 0) {
    throw new NetworkError(
      'shape-mismatch',
      `The file is of another network: ${some(misfits)}. Leave such arrays out by name if that is meant.`,
    );
  }

  const assignments = wanted.flatMap(({ name }) => taken.get(name) ?? []);
  const report: LoadReport = {
    loaded: assignments.map(({ name, from }) => ({ name, from })),
    adapted: assignments
      .filter(({ adaptations }) => adaptations.length > 0)
      .map(({ name, from, adaptations }) => ({
        name,
        from,
        how: adaptations.map(describeAdaptation).join('; '),
      })),
    skipped: available.flatMap(({ name }) => {
      const reason = reasons.get(name);
      return reason === undefined ? [] : [{ name, reason }];
    }),
    missing: wanted.filter(({ name }) => !taken.has(name)).map(({ name, shape }) => ({ name, shape })),
  };
  if (assignments.length === 0) {
    throw new NetworkError(
      'state-mismatch',
      `None of the ${available.length} arrays of the file belongs into the network. The file has ${some(available.map(({ name }) => name))}; the network wants ${some(wanted.map(({ name }) => name))}.`,
    );
  }
  if (options.strict === true) checkStrictly(report, into);
  return { assignments, report };
}

interface Match {
  readonly file: NamedShape;
  /** In the network; undefined when it has no such array. */
  readonly target: string | undefined;
}

/** Literal names first, so that no renamed array takes the place of one that has the very name. */
function matchNames(
  wanted: ReadonlyMap<string, Shape>,
  available: readonly NamedShape[],
  { places, prefixes = usualPrefixes, renames = [], into = '' }: LoadOptions,
): readonly Match[] {
  const rules = [...renames, ...usualRenames];
  const matches = available.map((file) => {
    const names = possibleNames(places?.get(file.name)?.name ?? file.name, prefixes, rules);
    const target = names.map((name) => into + name).find((name) => wanted.has(name));
    return { file, target };
  });
  const isLiteral = ({ file, target }: Match) => target === into + file.name;
  return [...matches.filter(isLiteral), ...matches.filter((match) => !isLiteral(match))];
}

/** How an array of one shape becomes one of another, or undefined. */
function fit(
  from: Shape,
  to: Shape,
  flips: boolean,
  isFirst: boolean,
  flattened: Shape | undefined,
): readonly Adaptation[] | undefined {
  const adaptations: Adaptation[] = [];
  if (flips) adaptations.push({ kind: 'flip-channels' });
  if (flattened !== undefined) {
    if (sizeOf(flattened) !== from[1]) return undefined;
    adaptations.push({ kind: 'channels-first', map: flattened });
  }
  if (sameShape(from, to)) return adaptations;
  if (isFirst && from.length === to.length && from.every((size, axis) => axis === 1 || size === to[axis])) {
    return [...adaptations, { kind: 'channels', from: from[1]!, to: to[1]! }];
  }
  // A linear layer on a flattened map [C, H, W] is a convolution with a kernel of the map's size.
  const isLinear = (from.length === 2) !== (to.length === 2) && from.length >= 2 && to.length >= 2;
  if (isLinear && from[0] === to[0] && sizeOf(from) === sizeOf(to)) {
    return [...adaptations, { kind: 'reshape', from, to }];
  }
  return undefined;
}

function checkStrictly({ missing, skipped }: LoadReport, into: string): void {
  const problems = [
    ...missing.filter(({ name }) => name.startsWith(into)).map(({ name }) => `${name} is missing`),
    ...skipped
      .filter(({ name, reason }) => !isBatchCounter(name) && reason !== 'left out as asked')
      .map(({ name, reason }) => `${name}: ${reason}`),
  ];
  if (problems.length > 0) {
    throw new NetworkError('state-mismatch', `The file does not fit the network exactly: ${some(problems)}.`);
  }
}

/** The first few of a list. */
function some(items: readonly string[]): string {
  const most = 5;
  return `${items.slice(0, most).join('; ')}${items.length > most ? `; and ${items.length - most} more` : ''}`;
}
