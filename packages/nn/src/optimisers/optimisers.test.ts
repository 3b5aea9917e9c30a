import { describe, expect, test } from 'vitest';
import { runPython } from '../../../../testing/python.ts';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { mul } from '../operators/elementwise.ts';
import { evaluate } from '../reference/evaluate.ts';
import { randomValues } from '../testing/check-operator.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { runGraph } from '../testing/run-graph.ts';
import type { AdamOptions } from './adam.ts';
import type { AdamWOptions } from './adamw.ts';
import { clipFactor, globalNorm } from './clip-norm.ts';
import { averageShare, movingAverage } from './moving-average.ts';
import type { UpdateTime } from './optimiser.ts';
import { type OptimiserOptions, optimiserOf } from './optimiser-of.ts';
import type { SgdOptions } from './sgd.ts';

const count = 6;
const stepCount = 7;
const random = testRandom(8);
const numbers = () => Float32Array.from({ length: count }, () => random.normal());
const start = numbers();
const slopes = Array.from({ length: stepCount }, numbers);
const rates = slopes.map((_, i) => 0.1 / (i + 1));

type Run = (
  outputs: readonly Tensor[],
  feeds: ReadonlyMap<Tensor, ArrayLike<number>>,
) => Promise<ArrayLike<number>[]>;
const onOnnxRuntime: Run = runGraph;
const inFloat64: Run = async (outputs, feeds) => evaluate(outputs, feeds);

/** The parameters after every step. */
async function steps(options: OptimiserOptions, run: Run): Promise<ArrayLike<number>[]> {
  const optimiser = optimiserOf(options);
  const [parameters, gradient] = [input('parameters', [count]), input('gradient', [count])];
  const memory = Object.fromEntries(optimiser.memory.map((name) => [name, input(name, [count])]));
  const numbersOf = new Map<Tensor, (time: UpdateTime) => number>();
  const next = optimiser.update({
    parameters,
    gradient,
    memory,
    weightDecay: optimiser.weightDecay,
    rate: (compute) => {
      const tensor = input(`rate${numbersOf.size}`, []);
      numbersOf.set(tensor, compute);
      return tensor;
    },
  });
  const outputs = [next.parameters, ...optimiser.memory.map((name) => next.memory[name]!)];
  let state: ArrayLike<number>[] = [start, ...optimiser.memory.map(() => new Float32Array(count))];
  const path: ArrayLike<number>[] = [];
  for (const [i, slope] of slopes.entries()) {
    const time = { learningRate: rates[i]!, step: i + 1 };
    const feeds = new Map<Tensor, ArrayLike<number>>([
      [gradient, slope],
      ...[parameters, ...Object.values(memory)].map((tensor, k) => [tensor, state[k]!] as const),
      ...[...numbersOf].map(([tensor, compute]) => [tensor, [compute(time)]] as const),
    ]);
    state = await run(outputs, feeds);
    path.push(state[0]!);
  }
  return path;
}

/** The same by hand: one parameter at a time, as the papers and PyTorch's documentation write it. */
function stepsByHand(rule: (p: number, g: number, lr: number, t: number, m: number[]) => number): number[][] {
  const memories = Array.from(start, () => [0, 0]);
  let p = [...start];
  return slopes.map((slope, i) => {
    p = p.map((value, k) => rule(value, slope[k]!, rates[i]!, i + 1, memories[k]!));
    return p;
  });
}

function sgdByHand({ momentum = 0, nesterov = false, weightDecay = 0 }: SgdOptions) {
  return stepsByHand((p, g, lr, t, m) => {
    const slope = g + weightDecay * p;
    m[0] = t === 1 ? slope : momentum * m[0]! + slope;
    return p - lr * (nesterov ? slope + momentum * m[0]! : m[0]!);
  });
}

function adamByHand(options: AdamOptions | AdamWOptions) {
  const { name, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  return stepsByHand((p, g, lr, t, m) => {
    const slope = name === 'adam' ? g + weightDecay * p : g;
    m[0] = beta1 * m[0]! + (1 - beta1) * slope;
    m[1] = beta2 * m[1]! + (1 - beta2) * slope ** 2;
    const decayed = name === 'adamw' ? p - lr * weightDecay * p : p;
    const [mean, square] = [m[0]! / (1 - beta1 ** t), m[1]! / (1 - beta2 ** t)];
    return decayed - (lr * mean) / (Math.sqrt(square) + epsilon);
  });
}

const cases: { options: OptimiserOptions; torch: string; byHand: () => number[][] }[] = [];
for (const options of [
  { name: 'sgd' },
  { name: 'sgd', weightDecay: 0.3 },
  { name: 'sgd', momentum: 0.9 },
  { name: 'sgd', momentum: 0.8, weightDecay: 0.2 },
  { name: 'sgd', momentum: 0.8, nesterov: true, weightDecay: 0.2 },
] as const) {
  const { momentum = 0, nesterov = false, weightDecay = 0 }: SgdOptions = options;
  const flag = nesterov ? 'True' : 'False';
  cases.push({
    options,
    torch: `SGD([p], lr=1, momentum=${momentum}, nesterov=${flag}, weight_decay=${weightDecay})`,
    byHand: () => sgdByHand(options),
  });
}
for (const options of [
  { name: 'adam' },
  { name: 'adam', beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.4 },
  { name: 'adamw' },
  { name: 'adamw', beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.4 },
] as const) {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 }: AdamOptions | AdamWOptions = options;
  const type = options.name === 'adam' ? 'Adam' : 'AdamW';
  cases.push({
    options,
    torch: `${type}([p], lr=1, betas=(${beta1}, ${beta2}), eps=${epsilon}, weight_decay=${weightDecay})`,
    byHand: () => adamByHand(options),
  });
}

// Constants of the graph (decays, 1 - beta) are float32, also in the float64 evaluation.
const limit = 1e-6;

describe.each(cases)('$torch', ({ options, byHand }) => {
  test.each([
    ['in float64', inFloat64],
    ['on ONNX Runtime', onOnnxRuntime],
  ] as const)('every step %s as by hand', async (_, run) => {
    const found = await steps(options, run);
    for (const [i, expected] of byHand().entries()) {
      expect(relativeError(found[i]!, expected), `step ${i + 1}`).toBeLessThan(limit);
    }
  });
});

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'every step of every optimiser as PyTorch'),
  async () => {
    const expected = runPython<number[][][]>(
      `
import json, sys, torch
data = json.load(sys.stdin)
def path(make):
    p = torch.tensor(data['start'], dtype=torch.float64)
    optimiser = make(p)
    for slope, rate in zip(data['slopes'], data['rates']):
        for group in optimiser.param_groups: group['lr'] = rate
        p.grad = torch.tensor(slope, dtype=torch.float64)
        optimiser.step()
        yield p.tolist()
print(json.dumps([list(path(make)) for make in [
${cases.map(({ torch }) => `    lambda p: torch.optim.${torch},`).join('\n')}
]]))
`,
      { start: [...start], slopes: slopes.map((slope) => [...slope]), rates },
    );
    for (const [k, { options, torch }] of cases.entries()) {
      const found = await steps(options, inFloat64);
      for (const [i, values] of found.entries()) {
        expect(relativeError(values, expected[k]![i]!), `${torch}, step ${i + 1}`).toBeLessThan(limit);
      }
    }
  },
);

test.each([
  { name: 'sgd', momentum: 1 },
  { name: 'sgd', nesterov: true },
  { name: 'sgd', weightDecay: -1 },
  { name: 'adam', beta1: 1 },
  { name: 'adam', beta2: Number.NaN },
  { name: 'adamw', epsilon: -1e-8 },
  { name: 'adamw', weightDecay: Number.POSITIVE_INFINITY },
  { name: 'lamb' },
] as OptimiserOptions[])('refuses %o', (options) => {
  expect(() => optimiserOf(options)).toThrow(expect.objectContaining({ code: 'value-invalid' }));
});

describe('clipping by the norm of all vectors', () => {
  const vectors = [input('a', [2]), input('b', [1])];
  const values = [[3, 4], [12]];
  test.each([
    { limit: 26, factor: 1 },
    { limit: 13, factor: 13 / (13 + 1e-6) },
    { limit: 6.5, factor: 6.5 / (13 + 1e-6) },
  ])('limit $limit', async ({ limit, factor }) => {
    const norm = globalNorm(vectors);
    const feeds = new Map(vectors.map((vector, i) => [vector, values[i]!]));
    const outputs = [norm, ...vectors.map((vector) => mul(vector, clipFactor(norm, limit)))];
    for (const run of [inFloat64, onOnnxRuntime]) {
      const [length, ...clipped] = await run(outputs, feeds);
      expect(length![0]).toBeCloseTo(13, 5);
      expect(
        relativeError(
          clipped.flatMap((part) => Array.from(part)),
          [3, 4, 12].map((x) => x * factor),
        ),
      ).toBeLessThan(3e-7);
    }
  });
});

test('the norm of arrays, small ones joined and large ones by themselves', async () => {
  const shapes = [[200, 100], [3, 2, 5], [1], [30_000]];
  const arrays = shapes.map((shape, i) => input(`x${i}`, shape));
  const feeds = new Map(arrays.map((array, i) => [array, randomValues(shapes[i]!, i + 1)]));
  const exact = Math.sqrt(
    [...feeds.values()].flatMap((values) => [...values]).reduce((sum, x) => sum + x * x, 0),
  );
  for (const run of [inFloat64, onOnnxRuntime]) {
    const [norm] = await run([globalNorm(arrays)], feeds);
    expect(norm![0]! / exact).toBeCloseTo(1, 6);
  }
});

test('the moving average follows quickly at first, then by its decay', async () => {
  expect([1, 2, 90, 1e6].map((step) => averageShare(0.9, step))).toEqual([
    1 - 2 / 11,
    1 - 3 / 12,
    1 - 0.9,
    1 - 0.9,
  ]);
  const [average, value, share] = [input('average', [2]), input('value', [2]), input('share', [])];
  const feeds = new Map([
    [average, [1, 5]],
    [value, [3, 5]],
    [share, [0.25]],
  ]);
  expect([...(await runGraph([movingAverage(average, value, share)], feeds))[0]!]).toEqual([1.5, 5]);
});
