/**
 * What the demo trains on and how: small enough for two laptop cores in under four minutes, large enough to
 * find lesions in patients it has not seen. Chosen on other seeds than those that `npm run bench:phantom` reports.
 */
export const demoSettings = {
  /** They are numbered in this order; the first unseen one is shown. */
  patients: { training: 24, validation: 2, unseen: 4 },
  /** As `glisson phantom` makes them by itself: every contrast phase, one to eight lesions, all sizes and contrasts. */
  phantom: { preset: 'demo' },
  set: {
    // A narrow window makes faint lesions stand out before the first convolution.
    'preprocess.windowHU': '-60,200',
    'preprocess.spacingMm': '2,2',
    'network.levels': '4',
    'training.steps': '1600',
    'training.stepsPerEpoch': '400',
    // Small patches, many of them, most on lesions, small lesions as often as large ones.
    'training.patchSize': '64,64',
    'training.batchSize': '16',
    'training.lesionDraw': 'lesion',
    'training.sampling.lesion': '0.5',
    'training.sampling.liver': '0.3',
    'training.sampling.anywhere': '0.2',
    // Many patients of one make: variety comes from them.
    'training.augmentation.spatialProbability': '0.3',
    'training.augmentation.intensityProbability': '0',
    'training.optimiser.learningRate': '0.002',
    'training.validationSlices': '24',
    /** Two validation patients are too few to choose it: over seeds the choice swings from 0.05 to 0.95. */
    'postprocess.lesionThreshold': '0.5',
  },
} as const;
