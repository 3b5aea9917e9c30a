// npm run bench:gradients [-- --json --python PATH --seeds 1,2,3,4,5 --only TEXT]
// Gradients of whole networks in training, over all parameters: |g - g64| / |g64| in float32, ours (with plain and with
// fast kernels) beside PyTorch's, both against PyTorch's float64 on the same weights, images and targets. Medians over
// seeds, of the ratios as well: in some of them, rounding carries an activation across the kink of a ReLU on one side
// and not on the other, and that weighs a thousand times more than all other rounding; deep networks have such
// activations with every seed and on both sides. Parameters whose exact gradient is zero, such as biases before a batch
// norm, are left out of that and given as |g| / |g64 of all|.
import { parseArgs } from 'node:util';
import type { InputAttributes } from '@glisson/nn/graph/tensor';
import type { Network } from '@glisson/nn/models/network';
import { writeModel } from '@glisson/nn/onnx/write-model';
import { openEngine } from '@glisson/nn/runtime/engine';
import { probeChannelBlock } from '@glisson/nn/runtime/probe-blocks';
import { type GradientGraph, gradientGraph } from '@glisson/nn/testing/gradient-graph';
import { runTorch } from '@glisson/nn/testing/run-torch';
import { type BenchCase, benchCase, makeReport, median, printReport } from './common/bench-report.ts';
import { gradientCases } from './nn/gradient-cases.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    python: { type: 'string', default: '/usr/bin/python3' },
    seeds: { type: 'string', default: '1,2,3,4,5' },
    only: { type: 'string', default: '' },
  },
});
const seeds = options.seeds.split(',').map(Number);
const mostTimesTorch = 3;
/** Below this part of the largest gradient, an exact gradient is taken for zero. */
const zero = 1e-12;
const mostOfZero = 1e-5;

interface Errors {
  /** |g - g64| / |g64| over the parameters that have a gradient. */
  readonly relative: number;
  /** |g| / |g64 of all| over those whose exact gradient is zero; null where there are none. */
  readonly ofZero: number | null;
}

function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
}

function errorsOf(found: readonly ArrayLike<number>[], exact: readonly Float64Array[]): Errors {
  const norms = exact.map(norm);
  const largest = Math.max(...norms);
  const isZero = norms.map((length) => length <= zero * largest);
  let difference = 0;
  let ofZero = 0;
  for (const [k, values] of exact.entries()) {
    if (isZero[k]) ofZero += norm(found[k]!) ** 2;
    else difference += norm(values.map((value, i) => found[k]![i]! - value)) ** 2;
  }
  const size = norm(norms);
  return {
    relative: Math.sqrt(difference) / size,
    ofZero: isZero.includes(true) ? Math.sqrt(ofZero) / size : null,
  };
}

/** The gradients of each parameter from what torch_networks.py gives: the logits stand first. */
function split(values: Float64Array, { gradients, arrays }: GradientGraph): Float64Array[] {
  let at = arrays.target!.values.length;
  return gradients.map(({ shape }) => {
    const size = shape.reduce((product, length) => product * length, 1);
    at += size;
    return values.subarray(at - size, at);
  });
}

/** The gradients of each parameter on ONNX Runtime. */
async function runOurs({ gradients, feeds }: GradientGraph, channelBlock: number): Promise<Float32Array[]> {
  const names = gradients.map((_, index) => `gradient${index}`);
  const outputs = Object.fromEntries(gradients.map((tensor, index) => [names[index]!, tensor]));
  const engine = await openEngine(writeModel({ name: 'gradients', outputs, channelBlock }), { threads: 1 });
  try {
    const inputs = [...feeds].map(([tensor, values]) => {
      const { name } = tensor.attributes as InputAttributes;
      return [name, { data: values.slice(), dims: tensor.shape }] as const;
    });
    const found = await engine.send({ kind: 'run', feeds: Object.fromEntries(inputs) });
    return names.map((name) => found[name]!.data as Float32Array);
  } finally {
    await engine.close();
  }
}

interface Measured {
  readonly plain: Errors;
  readonly fast: Errors;
  readonly torch: Errors;
}

async function measure(
  { network, image, torch, padding }: (typeof gradientCases)[number],
  seed: number,
): Promise<Measured> {
  const graph = gradientGraph(network, image, seed);
  const request = { ...torch, padding: padding ?? 'same', training: true, gradient: graph.names } as const;
  const [exact, rounded] = runTorch(
    options.python,
    (['float64', 'float32'] as const).map((dtype) => ({ ...request, dtype, arrays: graph.arrays })),
  ).map((values) => split(values, graph)) as [Float64Array[], Float64Array[]];
  const channelBlock = await probeChannelBlock();
  const plain = await runOurs(graph, 1);
  const fast = channelBlock === 1 ? plain : await runOurs(graph, channelBlock);
  return { plain: errorsOf(plain, exact), fast: errorsOf(fast, exact), torch: errorsOf(rounded, exact) };
}

function casesOf(network: Network, measured: readonly Measured[]): BenchCase[] {
  const medianOf = (pick: (one: Measured) => number | null) => {
    const values = measured.map(pick).filter((value) => value !== null);
    return values.length === 0 ? null : median(values);
  };
  const ofZero = medianOf(({ torch }) => torch.ofZero);
  return (['plain', 'fast'] as const).flatMap((kernels) => [
    benchCase({
      name: `${network.name}, ${kernels} kernels`,
      unit: '|g - g64| / |g64|',
      ours: medianOf((one) => one[kernels].relative),
      peer: medianOf(({ torch }) => torch.relative),
      ratio: medianOf((one) => one[kernels].relative / one.torch.relative),
      target: mostTimesTorch,
      judge: 'ratio',
    }),
    ...(ofZero === null
      ? []
      : [
          benchCase({
            name: `${network.name}, ${kernels} kernels: gradients that are zero`,
            unit: '|g| / |g64|',
            ours: medianOf((one) => one[kernels].ofZero),
            peer: ofZero,
            target: mostOfZero,
          }),
        ]),
  ]);
}

const cases: BenchCase[] = [];
for (const entry of gradientCases) {
  const { network } = entry;
  if (!network.name.includes(options.only)) continue;
  process.stderr.write(`bench: ${network.name} …\n`);
  try {
    const measured: Measured[] = [];
    for (const seed of seeds) measured.push(await measure(entry, seed));
    cases.push(...casesOf(network, measured));
  } catch (error) {
    const note = (error as Error).message.split('\n')[0]!;
    cases.push(
      benchCase({
        name: network.name,
        unit: '|g - g64| / |g64|',
        ours: null,
        target: mostTimesTorch,
        judge: 'ratio',
        note,
      }),
    );
  }
}
printReport(makeReport('gradients', cases), options.json);
