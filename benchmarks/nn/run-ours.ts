// Our side of bench:nn, in a process of its own: prepares one case, then runs it once per line on stdin.
// run-ours.js CASE THREADS; prints one JSON line per run ({"ms"}), and {"parameters", "peakMib", "version"} at the end.
import { createInterface } from 'node:readline';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { sizeOf } from '@glisson/nn/graph/shape';
import { createPredictor } from '@glisson/nn/runtime/predictor';
import { declarationsOf } from '@glisson/nn/training/declarations';
import { exportModel } from '@glisson/nn/training/export-model';
import type { ParameterGroup } from '@glisson/nn/training/groups';
import { initialWeights } from '@glisson/nn/training/initialise';
import { createTrainer } from '@glisson/nn/training/trainer';
import { crossEntropyOnly } from './cross-entropy-only.ts';
import { caseOf, type NetworkCase } from './networks.ts';

const [name, threads] = [process.argv[2]!, Number(process.argv[3])];
const random = createRandom(1, 'bench');
const chosen = caseOf(name);
const run = chosen.training ? await trainingRun(chosen) : await inferenceRun(chosen);

interface Run {
  readonly parameters: number;
  once(): Promise<number>;
}

function normals(count: number): Float32Array {
  return Float32Array.from({ length: count }, () => random.normal());
}

/** Times a step as its caller sees it; the batch is there before the clock starts, as on PyTorch's side. */
async function trainingRun({ network, imageShape, frozen }: NetworkCase): Promise<Run> {
  const groups: ParameterGroup[] = frozen === undefined ? [] : [{ names: frozen, frozen: true }];
  const trainer = await createTrainer({
    network,
    imageShape,
    loss: crossEntropyOnly,
    optimiser: { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    groups,
    random,
    threads,
  });
  const pixels = network.task === 'segmentation' ? imageShape.slice(2) : [];
  const images = normals(sizeOf(imageShape));
  const classes = network.classes;
  const targets = Uint8Array.from({ length: imageShape[0]! * sizeOf(pixels) }, (_, i) => (i * 7) % classes);
  return {
    parameters: trainer.parameterCount,
    once: async () => {
      const batch = { images: images.slice(), targets: targets.slice(), learningRate: 1e-4 };
      const start = performance.now();
      await trainer.step(batch);
      return performance.now() - start;
    },
  };
}

async function inferenceRun({ network, imageShape }: NetworkCase): Promise<Run> {
  const declarations = declarationsOf(network, imageShape);
  const weights = initialWeights(network, declarations, { random });
  const model = exportModel({ network, weights, imageShape, size: imageShape.slice(2) });
  const predictor = await createPredictor(model, { threads });
  const image = normals(sizeOf(imageShape));
  return {
    parameters: declarations.parameterCount,
    once: async () => {
      const copy = image.slice();
      const start = performance.now();
      await predictor.run(copy, imageShape);
      return performance.now() - start;
    },
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'run') break;
  process.stdout.write(`${JSON.stringify({ ms: await run.once() })}\n`);
}
const peakMib = process.resourceUsage().maxRSS / 1024;
process.stdout.write(
  `${JSON.stringify({ parameters: run.parameters, peakMib, version: process.versions.node })}\n`,
);
process.exit(0);
