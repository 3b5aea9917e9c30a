import { noResults, type RunRecord } from '../../record/run-record.ts';
import type { ExportRun } from '../export-run.ts';

/** A finished training for tests. */
export function fixtureRun(
  name: string,
  change: Partial<RunRecord> = {},
  flaggedPatients: readonly string[] = [],
): ExportRun {
  const record: RunRecord = {
    id: `${name}-1a2b`,
    folder: `/runs/${name}`,
    kind: 'train',
    state: 'finished',
    error: null,
    command: 'glisson train phantoms',
    recipe: 'patch-small',
    seed: 7,
    started: '2026-11-25T15:22:03.500Z',
    ended: '2026-11-25T15:24:03.500Z',
    seconds: 120.25,
    coreSeconds: 201.125,
    gitCommit: '0123456789abcdef0123456789abcdef01234567',
    environment: { node: 'v20.20.2', cores: 2 },
    planHash: 'a'.repeat(64),
    modelHash: 'b'.repeat(64),
    dataHash: 'c'.repeat(64),
    foldsHash: null,
    files: {},
    weights: { origin: 'phantoms', file: 'phantoms.safetensors', sha256: 'd'.repeat(64) },
    sweep: null,
    evaluates: null,
    split: null,
    fields: {
      recipe: 'patch-small',
      'training.seed': 7,
      'training.optimiser.learningRate': 1e-7,
      'training.patchSize': '65,65',
      'training.small': null,
      'postprocess.lesionsInLiverOnly': true,
    },
    results: {
      ...noResults,
      steps: 20,
      epochs: 2,
      bestEpoch: 2,
      bestStep: 20,
      validationLesionDice: 0.1 + 0.2,
      validationScore: 0.1 + 0.2,
      validationSlices: 'all',
      testLesionDice: 0.25,
      testLesionIoU: 1 / 7,
      testCases: 1,
    },
    cases: [
      caseOf('volume-1', 'patient-1', 'validation', 0.1 + 0.2),
      caseOf('volume-2', 'patient-2', 'test', 0.25),
    ],
    choosers: ['patient-1'],
    watched: [],
    findings: [],
    ...change,
  };
  return { name, record, flaggedPatients };
}

function caseOf(name: string, patient: string, side: 'validation' | 'test', lesionDice: number) {
  return {
    case: name,
    patient,
    side,
    liverDice: null,
    lesionDice,
    liverIoU: null,
    lesionIoU: null,
    liverMl: null,
    lesionMl: 12.5,
    liverReferenceMl: null,
    lesionReferenceMl: 11,
    grid: 'scan',
  } as const;
}

/** Lines of metrics.jsonl and log.jsonl of the same run. */
export const fixtureMetrics = [
  { kind: 'steps', step: 5, loss: 0.75, accuracy: 0.5, learningRate: 1e-7 },
  { kind: 'steps', step: 10, loss: null, accuracy: 0.625, learningRate: 1e-7 },
  { kind: 'epoch', epoch: 1, step: 10, liverDice: null, lesionDice: 0.125, score: 0.125, best: true },
  { kind: 'watched', epoch: 1, step: 10, liverDice: null, lesionDice: 0.0625, score: 0.0625 },
  { kind: 'steps', step: 20, loss: 0.25, softDice: [0.9, 0.5, 0.25], learningRate: 1e-7 },
  {
    kind: 'epoch',
    epoch: 2,
    step: 20,
    trainingLoss: 0.375,
    trainingAccuracy: 0.75,
    liverDice: null,
    lesionDice: 0.5,
    validationLoss: 0.625,
    score: 0.5,
    best: true,
  },
] as const;

export const fixtureLog = [
  { time: '2026-11-25T15:22:03.500Z', event: 'started', step: 0 },
  { time: '2026-11-25T15:23:03.500Z', event: 'epoch', epoch: 1, step: 10 },
  { time: '2026-11-25T15:24:03.500Z', event: 'epoch', epoch: 2, step: 20 },
  { time: '2026-11-25T15:24:03.600Z', event: 'finished', seconds: 120.25 },
] as const;
