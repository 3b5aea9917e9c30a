/**
 * What the demo trains on and how: small enough for two laptop cores in under four minutes, large enough to
 * find lesions in a patient it has not seen. Chosen on other seeds than those that `npm run bench:phantom` reports.
 */
export const demoSettings = {
  /** The last one is unseen; the two before validate. */
  patients: 13,
  phantom: {
    preset: 'demo',
    /** Three lesions or more, so that a single tiny one does not decide a patient's score. */
    lesions: [3, 8],
    /** Not the full range of phantoms (5 to 60 mm, 15 to 60 HU): two minutes do not teach the faintest and smallest. */
    lesionDiameterMm: [10, 60],
    lesionContrastHu: [25, 60],
    /** The usual phase for the liver; ten patients are too few to learn all four. */
    phase: 'portal-venous',
  },
  set: {
    'preprocess.spacingMm': '2,2',
    'network.levels': '4',
    'training.steps': '640',
    'training.stepsPerEpoch': '160',
    'training.patchSize': '96,96',
    'training.optimiser.learningRate': '0.002',
    'training.validationSlices': '24',
    /** Two validation patients are too few to choose it: over seeds the choice swings from 0.05 to 0.95. */
    'postprocess.lesionThreshold': '0.5',
  },
} as const;
