/**
 * What the demo trains on and how: small enough for two laptop cores in under four minutes, large enough to
 * find lesions in a patient it has not seen (`npm run bench:phantom` measures both over five seeds).
 */
export const demoSettings = {
  /** The last one is unseen; the one before validates. */
  patients: 9,
  phantom: { preset: 'demo' },
  set: {
    'preprocess.spacingMm': '1.6,1.6',
    'network.levels': '4',
    'training.steps': '320',
    'training.stepsPerEpoch': '80',
    'training.patchSize': '128,128',
  },
} as const;
