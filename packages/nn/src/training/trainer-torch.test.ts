import { expect, test } from 'vitest';
import { runPython } from '../../../../testing/python.ts';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { averageShare } from '../optimisers/moving-average.ts';
import type { OptimiserOptions } from '../optimisers/optimiser-of.ts';
import { classifiedBatch } from '../testing/classified-batches.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { tinyClassifier } from '../testing/tiny-networks.ts';
import { classification } from './classification.ts';
import { declarationsOf } from './declarations.ts';
import type { ParameterGroup } from './groups.ts';
import { initialWeights } from './initialise.ts';
import { createTrainer, type TrainerOptions } from './trainer.ts';
import type { Weights } from './weights.ts';

const script = `
import copy, json, sys, torch
from torch import nn
data = json.load(sys.stdin)

class Tiny(nn.Module):
    def __init__(self, normed):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 8, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(8, 8, 3, groups=2)
        self.fc = nn.Linear(8 * 2 * 3, 3)
        if normed:
            self.bn1, self.bn2 = nn.BatchNorm2d(8), nn.BatchNorm2d(8, momentum=0.3, eps=1e-3)
        else:
            self.bn1 = self.bn2 = nn.Identity()
    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 2)
        return self.fc(torch.flatten(torch.relu(self.bn2(self.conv2(x))), 1))

def tensor(array): return torch.tensor(array['values'], dtype=torch.float64).reshape(array['shape'])

results = []
for case in data:
    model = Tiny(case['normed']).double()
    model.load_state_dict({name: tensor(array) for name, array in case['weights'].items()}, strict=False)
    parameters = dict(model.named_parameters())
    for name in case['frozen']:
        parameters[name].requires_grad = False
    for module in case['frozenNorms']:
        getattr(model, module).eval()
    groups = [{'params': [parameters[name] for name in group['names']], 'weight_decay': group['weightDecay'],
               'lr': 1, 'factor': group['learningRate']} for group in case['groups']]
    optimiser = getattr(torch.optim, case['type'])(groups, lr=1, **case['options'])
    average = copy.deepcopy(model.state_dict())
    losses, norms = [], []
    for step in range(case['steps']):
        optimiser.zero_grad()
        for part in range(case['microBatches']):
            batch = case['batches'][step * case['microBatches'] + part]
            loss = nn.functional.cross_entropy(model(tensor(batch['images'])), torch.tensor(batch['targets']))
            (loss / case['microBatches']).backward()
            losses.append(loss.item())
        trained = [p for p in parameters.values() if p.requires_grad]
        norms.append(nn.utils.clip_grad_norm_(trained, case['clipNorm']).item())
        for group in optimiser.param_groups: group['lr'] = case['rates'][step] * group['factor']
        optimiser.step()
        state = model.state_dict()
        for name, value in average.items():
            if value.is_floating_point(): value += case['shares'][step] * (state[name] - value)
    flat = lambda state: {name: value.flatten().tolist() for name, value in state.items() if value.is_floating_point()}
    results.append({'losses': losses, 'norms': norms, 'weights': flat(model.state_dict()), 'average': flat(average)})
print(json.dumps(results))
`;

interface Case {
  readonly name: string;
  readonly normed: boolean;
  readonly optimiser: OptimiserOptions;
  readonly groups?: readonly ParameterGroup[];
  /** The same groups for PyTorch, written out: names, factor, decay. */
  readonly torch: readonly (readonly [names: string, learningRate: number, weightDecay: number])[];
  readonly frozen?: readonly string[];
  readonly frozenNorms?: readonly string[];
  readonly clipNorm: number;
  readonly microBatches: number;
}

const steps = 6;
const averageDecay = 0.8;
const imageShape = [4, 2, 8, 10];
const rates = Array.from({ length: steps }, (_, i) => 0.05 / (i + 1));
const biases = 'conv2.bias fc.bias';
const affine = 'bn1.weight bn1.bias bn2.weight bn2.bias';

const cases: Case[] = [
  {
    name: 'SGD, one group',
    normed: true,
    optimiser: { name: 'sgd' },
    torch: [[`conv1.weight conv2.weight fc.weight ${biases} ${affine}`, 1, 0]],
    clipNorm: 1e9,
    microBatches: 1,
  },
  {
    name: 'SGD with Nesterov momentum and decay, clipped',
    normed: true,
    optimiser: { name: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 0.1 },
    torch: [
      ['conv1.weight conv2.weight fc.weight', 1, 0.1],
      [`${biases} ${affine}`, 1, 0],
    ],
    clipNorm: 0.7,
    microBatches: 1,
  },
  {
    name: 'Adam with groups and L2, four micro-batches',
    normed: false,
    optimiser: { name: 'adam', epsilon: 1e-4, weightDecay: 0.1 },
    groups: [
      { names: ['conv1'], learningRate: 0.25 },
      { names: ['fc', 'conv2.bias'], weightDecay: 0.3, learningRate: 2 },
    ],
    torch: [
      ['conv1.weight', 0.25, 0.1],
      ['fc.weight', 2, 0.3],
      [biases, 2, 0],
      ['conv2.weight', 1, 0.1],
    ],
    clipNorm: 0.5,
    microBatches: 4,
  },
  {
    name: 'AdamW with norms, two micro-batches',
    normed: true,
    optimiser: { name: 'adamw', beta1: 0.8, beta2: 0.95, epsilon: 1e-4, weightDecay: 0.2 },
    torch: [
      ['conv1.weight conv2.weight fc.weight', 1, 0.2],
      [`${biases} ${affine}`, 1, 0],
    ],
    clipNorm: 2,
    microBatches: 2,
  },
  {
    name: 'AdamW, the first layers frozen',
    normed: true,
    optimiser: { name: 'adamw', epsilon: 1e-4, weightDecay: 0.2 },
    groups: [{ names: ['conv1', 'bn1'], frozen: true }],
    torch: [
      ['conv2.weight fc.weight', 1, 0.2],
      [`${biases} bn2.weight bn2.bias`, 1, 0],
    ],
    frozen: ['conv1.weight', 'bn1.weight', 'bn1.bias'],
    frozenNorms: ['bn1'],
    clipNorm: 2,
    microBatches: 1,
  },
  {
    name: 'SGD, a layer in the middle and its norm frozen',
    normed: true,
    optimiser: { name: 'sgd', momentum: 0.5 },
    groups: [{ names: ['conv2', 'bn2'], frozen: true }],
    torch: [['conv1.weight fc.weight fc.bias bn1.weight bn1.bias', 1, 0]],
    frozen: ['conv2.weight', 'conv2.bias', 'bn2.weight', 'bn2.bias'],
    frozenNorms: ['bn2'],
    clipNorm: 1e9,
    microBatches: 2,
  },
];

/** Pretrained weights, so to speak: norms whose every number matters. */
function firstWeights(normed: boolean): Weights {
  const network = tinyClassifier({ batchNorm: normed });
  const random = testRandom(11);
  const weights = initialWeights(network, declarationsOf(network, imageShape), { random });
  for (const [name, { values }] of Object.entries(weights)) {
    if (name.startsWith('bn')) for (const i of values.keys()) values[i] = 1 + 0.3 * Math.abs(random.normal());
  }
  return weights;
}

function batchesOf({ microBatches }: Case) {
  return Array.from({ length: steps * microBatches }, (_, i) => classifiedBatch(i, imageShape));
}

function optimiserForTorch(options: OptimiserOptions) {
  if (options.name === 'sgd') {
    const { momentum = 0, nesterov = false } = options;
    return { type: 'SGD', options: { momentum, nesterov } };
  }
  const { name, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  return { type: name === 'adam' ? 'Adam' : 'AdamW', options: { betas: [beta1, beta2], eps: epsilon } };
}

function forTorch(each: Case) {
  return {
    normed: each.normed,
    weights: Object.fromEntries(
      Object.entries(firstWeights(each.normed)).map(([key, { shape, values }]) => [
        key,
        { shape, values: [...values] },
      ]),
    ),
    ...optimiserForTorch(each.optimiser),
    groups: each.torch.map(([names, learningRate, weightDecay]) => ({
      names: names.split(' '),
      learningRate,
      weightDecay,
    })),
    frozen: each.frozen ?? [],
    frozenNorms: each.frozenNorms ?? [],
    steps,
    microBatches: each.microBatches,
    clipNorm: each.clipNorm,
    rates,
    shares: rates.map((_, i) => averageShare(averageDecay, i + 1)),
    batches: batchesOf(each).map(({ images, targets }) => ({
      images: { shape: imageShape, values: [...images] },
      targets: [...targets],
    })),
  };
}

interface TorchResult {
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  readonly weights: Readonly<Record<string, number[]>>;
  readonly average: Readonly<Record<string, number[]>>;
}

function errorOf(found: Weights, expected: TorchResult['weights']): number {
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  const names = Object.keys(found);
  return relativeError(
    names.flatMap((name) => [...found[name]!.values]),
    names.flatMap((name) => expected[name]!),
  );
}

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(
    ['python3-torch'],
    'whole steps as PyTorch: losses, norms of gradients, weights, statistics, averages',
  ),
  async () => {
    const expected = runPython<TorchResult[]>(script, cases.map(forTorch));
    for (const [i, each] of cases.entries()) {
      const { losses, norms, weights, average } = expected[i]!;
      const options: TrainerOptions = {
        network: tinyClassifier({ batchNorm: each.normed }),
        imageShape,
        loss: classification(),
        optimiser: each.optimiser,
        groups: each.groups ?? [],
        clipNorm: each.clipNorm,
        microBatches: each.microBatches,
        weightAverageDecay: averageDecay,
        random: testRandom(1),
        initial: firstWeights(each.normed),
        threads: 1,
      };
      const trainer = await createTrainer(options);
      const foundLosses: number[] = [];
      const foundNorms: number[] = [];
      for (const [k, batch] of batchesOf(each).entries()) {
        const learningRate = rates[Math.floor(k / each.microBatches)]!;
        const { loss, gradientNorm, updated } = await trainer.step({ ...batch, learningRate });
        foundLosses.push(loss);
        if (updated) foundNorms.push(gradientNorm);
      }
      expect(relativeError(foundLosses, losses), each.name).toBeLessThan(1e-5);
      expect(relativeError(foundNorms, norms), each.name).toBeLessThan(1e-5);
      expect(errorOf(await trainer.weights({ averaged: false }), weights), each.name).toBeLessThan(1e-5);
      expect(errorOf(await trainer.weights({ averaged: true }), average), each.name).toBeLessThan(1e-5);
      await trainer.close();
    }
  },
);
