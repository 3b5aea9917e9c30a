import { type Geometry, identityDirection } from '@glisson/imaging/geometry/geometry';
import { createLabelmap, type Labelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import type { Scan } from '@glisson/imaging/volume/scan';
import { createVolume, type Volume } from '@glisson/imaging/volume/volume';
import type { Plan } from '../plan/plan.ts';
import type { TrainedModel } from '../predict/loaded-model.ts';
import type { TilePredictor } from '../predict/predict-slices.ts';

/** HU of the block phantom's tissues. */
const hu = { air: -1000, body: 0, liver: 110, lesion: 60 } as const;

/** A body of blocks in LPS order: 3 lesions of different sizes in a liver that lies off-centre. */
export function blockPhantom(): { volume: Volume; truth: Labelmap } {
  const geometry: Geometry = {
    size: [60, 44, 14],
    spacing: [0.8, 0.9, 3],
    origin: [-31.7, -120.3, 55.5],
    direction: identityDirection,
  };
  const [width, height, depth] = geometry.size;
  const voxels = new Int16Array(width * height * depth).fill(hu.air);
  const truth = new Uint8Array(voxels.length);
  const fill = (low: number[], high: number[], value: number, label: number) => {
    for (let k = low[2]!; k < high[2]!; k++) {
      for (let j = low[1]!; j < high[1]!; j++) {
        voxels.fill(value, low[0]! + width * (j + height * k), high[0]! + width * (j + height * k));
        truth.fill(label, low[0]! + width * (j + height * k), high[0]! + width * (j + height * k));
      }
    }
  };
  fill([4, 3, 0], [55, 40, 13], hu.body, 0);
  fill([8, 6, 2], [36, 30, 11], hu.liver, 1);
  fill([10, 8, 3], [20, 15, 8], hu.lesion, 2);
  fill([25, 20, 5], [31, 24, 7], hu.lesion, 2);
  fill([30, 9, 8], [33, 12, 10], hu.lesion, 2);
  return { volume: createVolume(geometry, voxels), truth: createLabelmap(geometry, truth, liverLabels) };
}

export function scanOf(volume: Volume, changes: Partial<Scan> = {}): Scan {
  return {
    volume,
    format: 'nifti',
    path: '/scans/blocks.nii.gz',
    isHounsfield: true,
    slices: Array.from({ length: volume.geometry.size[2] }, () => ({})),
    findings: [],
    ...changes,
  };
}

/** A plan whose training scans looked like the block phantom. */
export function thresholdPlan(changes: Partial<Plan> = {}): Plan {
  return {
    version: 1,
    recipe: 'threshold',
    labels: [...liverLabels],
    preprocess: {
      windowHU: [-160, 240],
      spacingMm: [0.8, 0.9],
      contextSlices: 1,
      contextSpacingMm: 3,
      meanHU: 30,
      sdHU: 80,
    },
    network: {
      family: 'unet-2d',
      inputChannels: 3,
      classes: 3,
      baseChannels: 8,
      maxChannels: 16,
      levels: 3,
      convolutionsPerLevel: 1,
    },
    training: {
      seed: 1,
      steps: 1,
      batchSize: 1,
      patchSize: [16, 16],
      optimiser: { name: 'adam', learningRate: 1e-3, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 },
      schedule: { name: 'constant', warmupSteps: 0, power: 1 },
      loss: { crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1, 1] },
      sampling: { lesion: 0.4, liver: 0.3, anywhere: 0.3 },
      augmentation: {
        spatialProbability: 0,
        rotationDegrees: 0,
        scale: [1, 1],
        flipProbability: [0, 0],
        intensityProbability: 0,
        shiftHU: 0,
        contrast: [1, 1],
        noiseHU: 0,
      },
      stepsPerEpoch: 1,
      validationSlices: 1,
      weightAverageDecay: 0,
    },
    split: { train: ['a'], validation: ['b'], test: [], patients: { a: 'a', b: 'b' } },
    inference: { tileSize: [24, 16], overlap: 0.5, mirror: false },
    postprocess: {
      liverThreshold: 0.5,
      lesionThreshold: 0.5,
      largestLiverOnly: true,
      fillLiverHoles: true,
      lesionsInLiverOnly: true,
      minLesionMl: 0.01,
      minLiverMl: 1,
    },
    fingerprint: {
      cases: 2,
      patients: 2,
      spacingMm: [
        [0.8, 0.8],
        [0.9, 0.9],
        [3, 3],
      ],
      sizeVoxels: [
        [60, 60],
        [44, 44],
        [14, 14],
      ],
      fieldOfViewMm: [
        [48, 48],
        [39.6, 39.6],
        [42, 42],
      ],
      rangeHU: [-1000, 110],
      liverPercentilesHU: [100, 110, 120],
      lesionPercentilesHU: [50, 60, 70],
      liverVolumeMl: [10, 15],
      lesionVoxelShare: 0.02,
      dataHash: '0',
    },
    ...changes,
  };
}

export function modelOf(plan: Plan): TrainedModel {
  const hash = 'a'.repeat(64);
  return {
    kind: 'trained',
    plan,
    onnx: new Uint8Array(),
    hash,
    planHash: 'b'.repeat(64),
    path: '/runs/threshold/model.onnx',
  };
}

/** Stands for a network: lesion from 45 to 85 HU (0.8), liver from 85 to 150 HU (0.9), read off the middle channel. */
export function thresholdPredictor({ preprocess }: Plan): TilePredictor {
  return {
    run: async (input, dims) => {
      const [batch, channels, height, width] = dims as [number, number, number, number];
      const area = height * width;
      const data = new Float32Array(batch * 3 * area);
      for (let n = 0; n < batch; n++) {
        const middle = (n * channels + (channels - 1) / 2) * area;
        for (let i = 0; i < area; i++) {
          const value = input[middle + i]! * preprocess.sdHU + preprocess.meanHU;
          const lesion = value >= 45 && value < 85 ? 0.8 : 0;
          const liver = value >= 85 && value < 150 ? 0.9 : 0;
          data[n * 3 * area + i] = 1 - lesion - liver;
          data[(n * 3 + 1) * area + i] = liver;
          data[(n * 3 + 2) * area + i] = lesion;
        }
      }
      return { data, dims: [batch, 3, height, width] };
    },
  };
}
