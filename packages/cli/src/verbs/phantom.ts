import { Option } from 'commander';
import { positiveInteger, seedNumber } from '../options.ts';
import type { Verb } from '../verb.ts';

interface PhantomOptions {
  readonly patients: number;
  readonly seed: number;
  readonly preset: string;
  readonly force?: boolean;
}

export const phantom: Verb<PhantomOptions> = {
  name: 'phantom',
  arguments: '<out>',
  summary: 'Make synthetic abdominal CT studies with liver lesions, as DICOM with the truth',
  description:
    'Each patient gets a folder with a CT series (dicom/) and its true labels (truth.nii.gz: 0 background,\n' +
    '1 liver, 2 lesion). The same seed gives the same files. The folder can be trained on as it is.',
  options: [
    new Option('--patients <number>', 'how many').default(1).argParser(positiveInteger),
    new Option('--seed <number>', 'which ones').default(1).argParser(seedNumber),
    new Option('--preset <name>', 'size of the scans').choices(['small', 'full']).default('small'),
    new Option('--force', 'replace what is there'),
  ],
  examples: [
    { command: 'glisson phantom phantoms --patients 4 --seed 7', meaning: 'four small studies to train on' },
    {
      command: 'glisson phantom big --preset full --json',
      meaning: 'one study of the size of a real one; facts as JSON',
    },
  ],
  async run() {
    throw new Error('not there yet');
  },
};
