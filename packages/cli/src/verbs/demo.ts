import { Option } from 'commander';
import { seedNumber } from '../options.ts';
import type { Verb } from '../verb.ts';

interface DemoOptions {
  readonly out: string;
  readonly seed: number;
  readonly force?: boolean;
}

export const demo: Verb<DemoOptions> = {
  name: 'demo',
  summary: 'The whole way on synthetic scans: make, train, segment, score, report',
  description:
    'Makes phantom patients as DICOM series, trains a small U-Net on most of them, segments and scores those that it ' +
    'has not seen, then writes a page to look at. Under four minutes on two cores; needs no data and no network.',
  options: [
    new Option('--out <folder>', 'where the results go').default('demo'),
    new Option('--seed <number>', 'which phantoms and which training').default(1).argParser(seedNumber),
    new Option('--force', 'replace what is there'),
  ],
  examples: [
    { command: 'glisson demo', meaning: 'run it and open demo/index.html afterwards' },
    { command: 'glisson demo --seed 2 --out demo-2 --json', meaning: 'other patients, scores for a program' },
  ],
  async run(_args, { out, seed, force }, { threads, control }) {
    const { runDemo } = await import('@glisson/pipeline/demo/run-demo');
    const result = await runDemo({ out, seed, force: force ?? false, threads }, control);
    const { lesion, liver } = result.summary;
    const seconds = Object.values(result.seconds).reduce((sum, value) => sum + value, 0);
    return {
      json: { schema: 'glisson.demo/2', ...result },
      text: [
        ...result.unseen.map(
          (patient) =>
            `${patient.id}, ${patient.phase}: lesion Dice ${patient.lesion.dice.toFixed(3)}, ` +
            `liver Dice ${patient.liver.dice.toFixed(3)}, ${patient.lesion.predictionMl.toFixed(1)} ml of lesions; ` +
            `truth ${patient.lesion.referenceMl.toFixed(1)} ml.`,
        ),
        `Mean of ${result.unseen.length} phantom patients unseen in training: lesion Dice ${lesion.meanDice.toFixed(3)}, ` +
          `liver Dice ${liver.meanDice.toFixed(3)} (phantoms; this says nothing about real patients).`,
        `Took ${seconds.toFixed(0)} s. Open ${result.page}`,
      ].join('\n'),
    };
  },
};
