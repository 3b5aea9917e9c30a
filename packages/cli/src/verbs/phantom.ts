import type { PhantomPreset } from '@glisson/imaging/phantom/create-phantom';
import { Option } from 'commander';
import { positiveInteger, seedNumber } from '../options.ts';
import type { Verb } from '../verb.ts';

interface PhantomOptions {
  readonly patients: number;
  readonly seed: number;
  readonly preset: PhantomPreset;
  readonly force?: boolean;
}

export const phantom: Verb<PhantomOptions> = {
  name: 'phantom',
  arguments: '<out>',
  summary: 'Make synthetic abdominal CT studies with liver lesions, as DICOM with the truth',
  description:
    'Each patient gets a folder with a CT series (dicom/) and its true labels (truth.nii.gz: 0 background, ' +
    '1 liver, 2 lesion). The same seed gives the same files. The folder can be trained on as it is.',
  options: [
    new Option('--patients <number>', 'how many').default(1).argParser(positiveInteger),
    new Option('--seed <number>', 'which ones').default(1).argParser(seedNumber),
    new Option(
      '--preset <name>',
      'size: demo (256 x 256, the liver only) or full (512 x 512, lung bases to pelvis)',
    )
      .choices(['demo', 'full'])
      .default('demo'),
    new Option('--force', 'replace what is there'),
  ],
  examples: [
    { command: 'glisson phantom phantoms --patients 4 --seed 7', meaning: 'four small studies to train on' },
    {
      command: 'glisson phantom big --preset full --json',
      meaning: 'one study of the size of a real one; facts as JSON',
    },
  ],
  async run([out], { patients, seed, preset, force }, { control }) {
    const { writePhantoms } = await import('@glisson/imaging/phantom/write-phantoms');
    const study = await writePhantoms(out!, { patients, seed, preset, force: force === true }, control);
    const rows = study.phantoms.map(({ id, geometry, lesions, liverVolumeMl }) => {
      const volume = lesions.reduce((sum, lesion) => sum + lesion.volumeMl, 0);
      const count = `${lesions.length} ${lesions.length === 1 ? 'lesion' : 'lesions'}`;
      return `  ${id}  ${geometry.size.join(' x ')} voxels, liver ${liverVolumeMl.toFixed(0)} ml, ${count} of ${volume.toFixed(1)} ml together`;
    });
    return { json: { out, ...study }, text: [`Wrote ${out}:`, ...rows].join('\n') };
  },
};
