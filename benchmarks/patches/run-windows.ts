// One side of bench:patches, in a process of its own: prepares one case, then runs it once per line on stdin.
// run-windows.js CASE patch|dense THREADS; prints one JSON line per run ({"ms"}: one patch, or one tile or pass), and
// {"parameters", "peakMib", "version"} at the end.
import { createInterface } from 'node:readline';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { denseNetwork } from '@glisson/nn/dense/dense-network';
import { denseTiles } from '@glisson/nn/dense/dense-tiles';
import { sizeOf } from '@glisson/nn/graph/shape';
import { createPredictor } from '@glisson/nn/runtime/predictor';
import { declarationsOf } from '@glisson/nn/training/declarations';
import { exportModel } from '@glisson/nn/training/export-model';
import { initialWeights } from '@glisson/nn/training/initialise';
import { windowsCase } from './cases.ts';

const [name, side, threads] = [process.argv[2]!, process.argv[3]!, Number(process.argv[4])];
const { network, ...windows } = windowsCase(name);
const { patchSize } = windows;
const { tileSize, passStride } = denseTiles(windows);
const size = side === 'patch' ? patchSize : tileSize;
const imageShape = [1, network.inputChannels, ...size];
const random = createRandom(1, 'bench');

/** Weights only set the time through how many zeros they make: spread evenly, as normal numbers take long to draw. */
const spread = { normal: () => Math.sqrt(12) * (random.uniform() - 0.5) };

async function open() {
  const declared = declarationsOf(network, [1, network.inputChannels, ...patchSize]);
  const model = exportModel({
    network: side === 'patch' ? network : denseNetwork(network, { patchSize, outputStride: passStride }),
    weights: initialWeights(network, declared, { random: spread }),
    imageShape,
    size,
  });
  return { parameters: declared.parameterCount, predictor: await createPredictor(model, { threads }) };
}

const { parameters, predictor } = await open();
const image = Float32Array.from({ length: sizeOf(imageShape) }, spread.normal);
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'run') break;
  const pixels = image.slice();
  const start = performance.now();
  await predictor.run(pixels, imageShape);
  process.stdout.write(`${JSON.stringify({ ms: performance.now() - start })}\n`);
}
const peakMib = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ parameters, peakMib, version: process.versions.node })}\n`);
process.exit(0);
