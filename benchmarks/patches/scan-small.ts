// patch-small on a whole scan, in a process of its own: scan-small.js SCAN THREADS. Body mask, network opened, then slice by
// slice: clipped, padded, judged at stride 4 where the body lies, scores outside of it left out. Prints {"seconds",
// "slices", "judged", "peakMib"}; reading the file is not timed.
import { bodyMask } from '@glisson/imaging/process/body-mask';
import { boundingBox } from '@glisson/imaging/process/index-box';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { readScan } from '@glisson/imaging/scan/read-scan';
import { denseNetwork } from '@glisson/nn/dense/dense-network';
import { patchCnn } from '@glisson/nn/models/patch-cnn';
import { createPredictor } from '@glisson/nn/runtime/predictor';
import { declarationsOf } from '@glisson/nn/training/declarations';
import { exportModel } from '@glisson/nn/training/export-model';
import { initialWeights } from '@glisson/nn/training/initialise';

const patch = 65;
const half = (patch - 1) / 2;
const stride = 4;
const [low, high] = [-160, 240];

const [path, threads] = [process.argv[2]!, Number(process.argv[3])];
const { volume } = await readScan(path);
const [width, height, depth] = volume.geometry.size;

const start = performance.now();
const body = bodyMask(volume);
const box = boundingBox(body, volume.geometry.size);
if (box === undefined) throw new Error(`${path}: no body`);

/** Windows of an axis that are centred on multiples of the stride within the body's box. */
const axisWindows = (axis: 0 | 1) => {
  const first = Math.ceil(box.start[axis] / stride);
  const count = Math.floor((box.end[axis] - 1) / stride) - first + 1;
  return { first, count, from: first * stride - half, pixels: (count - 1) * stride + patch };
};
const [across, down] = [axisWindows(0), axisWindows(1)];

const network = patchCnn({ inputChannels: 1, classes: 2 });
const size = [down.pixels, across.pixels];
const predictor = await createPredictor(
  exportModel({
    network: denseNetwork(network, { patchSize: [patch, patch], outputStride: stride }),
    weights: initialWeights(network, declarationsOf(network), { random: createRandom(1, 'bench') }),
    imageShape: [1, 1, ...size],
    size,
  }),
  { threads },
);

/** The part of a slice that the windows see, clipped and scaled to 0..1; beyond the slice 0. */
function cut(slice: number): Float32Array {
  const pixels = new Float32Array(down.pixels * across.pixels);
  for (let y = Math.max(0, -down.from); y < Math.min(down.pixels, height - down.from); y++) {
    const from = (slice * height + y + down.from) * width + across.from;
    for (let x = Math.max(0, -across.from); x < Math.min(across.pixels, width - across.from); x++) {
      const hu = Math.min(high, Math.max(low, volume.voxels[from + x]!));
      pixels[y * across.pixels + x] = (hu - low) / (high - low);
    }
  }
  return pixels;
}

let judged = 0;
const lesion = new Float32Array(depth * down.count * across.count);
for (let slice = 0; slice < depth; slice++) {
  const inSlice = body.subarray(slice * width * height, (slice + 1) * width * height);
  if (!inSlice.includes(1)) continue;
  const { data } = await predictor.run(cut(slice), [1, 1, ...size]);
  for (let j = 0; j < down.count; j++) {
    for (let i = 0; i < across.count; i++) {
      if (inSlice[(down.first + j) * stride * width + (across.first + i) * stride] !== 1) continue;
      const window = j * across.count + i;
      lesion[slice * down.count * across.count + window] = data[down.count * across.count + window]!;
      judged++;
    }
  }
}
const seconds = (performance.now() - start) / 1000;
const peakMib = process.resourceUsage().maxRSS / 1024;
const windows = `${across.count} x ${down.count}`;
process.stdout.write(`${JSON.stringify({ seconds, slices: depth, windows, judged, peakMib })}\n`);
process.exit(0);
