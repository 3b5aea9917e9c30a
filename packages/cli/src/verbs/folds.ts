import { Option } from 'commander';
import { positiveInteger, seedNumber } from '../options.ts';
import type { Verb } from '../verb.ts';

interface FoldsOptions {
  readonly folds: number;
  readonly seed: number;
  readonly out?: string;
  readonly force?: boolean;
}

export const folds: Verb<FoldsOptions> = {
  name: 'folds',
  arguments: '<data>',
  summary: 'Divide the patients of a data set into folds, once, for runs that can be compared',
  description:
    'Patients, never scans or slices, are dealt to folds that are alike in the volume of lesions. The file says which ' +
    'files were divided; train refuses it when the data has changed since. As many folds as patients leave one patient ' +
    'out at a time. With --json the hash by which runs name the folds is foldsHash.',
  options: [
    new Option('--folds <number>', 'how many').default(5).argParser(positiveInteger),
    new Option('--seed <number>', 'of the dealing').default(1).argParser(seedNumber),
    new Option('--out <file>', 'where to write them (default: DATA.folds.json beside the data)'),
    new Option('--force', 'replace folds that are there'),
  ],
  examples: [
    { command: 'glisson folds liver --folds 5 --seed 1', meaning: 'writes liver.folds.json' },
    {
      command: 'glisson folds liver --folds 9 --out one-out.json',
      meaning: 'nine patients: one out at a time',
    },
  ],
  async run([data], { folds: count, seed, out, force = false }, { control }) {
    const { join } = await import('node:path');
    const { assertMayWriteFile } = await import('@glisson/imaging/files/whole-files');
    const { createFolds } = await import('@glisson/pipeline/folds/create-folds');
    const { foldsHash } = await import('@glisson/pipeline/folds/folds');
    const { foldsFileOf, writeFolds } = await import('@glisson/pipeline/folds/folds-file');
    const { cacheFolder } = await import('@glisson/pipeline/preprocess/cache-folder');
    const { renderTable } = await import('../terminal/table.ts');
    const file = out ?? foldsFileOf(data!);
    assertMayWriteFile(file, force);
    const made = await createFolds(
      data!,
      { folds: count, seed, cache: join(cacheFolder(), 'preprocessed') },
      control,
    );
    await writeFolds(file, made);
    const rows = made.folds.map((patients, f) => {
      const cases = patients.flatMap((patient) => made.patients[patient]!.cases);
      const volumes = patients.map((patient) => made.patients[patient]!.lesionMl);
      const known = volumes.filter((ml) => ml !== null);
      const mean = known.length === 0 ? '' : (known.reduce((a, b) => a + b, 0) / known.length).toFixed(1);
      return [String(f + 1), String(patients.length), String(cases.length), mean, patients.join(' ')];
    });
    const hash = foldsHash(made);
    const how =
      made.stratifiedBy === null ? 'by chance: no labels are there' : 'alike in the volume of lesions';
    const text = [
      renderTable(['fold', 'patients', 'scans', 'lesions ml', 'who'], rows),
      '',
      `Dealt ${how}. Written to ${file} (${hash.slice(0, 12)}).`,
      `Next: glisson train --data ${data} --folds ${file} --fold 1 --out RUN`,
    ];
    return { json: { file, foldsHash: hash, ...made }, text: text.join('\n') };
  },
};
