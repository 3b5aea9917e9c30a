import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileWhole, writeFolderWhole } from '@glisson/imaging/files/whole-files';
import { writePhantoms } from '@glisson/imaging/phantom/write-phantoms';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { readLabelmap } from '@glisson/imaging/scan/read-labelmap';
import { readScan } from '@glisson/imaging/scan/read-scan';
import { evaluateCase } from '../evaluate/evaluate-case.ts';
import { loadModel } from '../predict/load-model.ts';
import { segmentScan } from '../predict/segment-scan.ts';
import { writeSegmentation } from '../report/write-outputs.ts';
import { trainRun } from '../train/train-run.ts';
import { renderDemoPage } from './demo-page.ts';
import type { DemoResult } from './demo-result.ts';
import { demoSettings } from './demo-settings.ts';
import { drawComparisons } from './draw-comparisons.ts';

export interface DemoOptions {
  readonly out: string;
  readonly seed: number;
  readonly force: boolean;
  readonly threads?: number;
}

/** What --force may replace. */
const entriesOfADemo = /^(phantoms|run|segmentation|comparison\.png|evaluation\.json|index\.html)$/;

/**
 * The main job on synthetic scans: phantom patients are made as DICOM, a small U-Net is trained on all but one,
 * the unseen one's series is segmented and scored against its truth, and `index.html` shows it all.
 * `out` appears whole or not at all.
 */
export async function runDemo(options: DemoOptions, control: TaskControl = {}): Promise<DemoResult> {
  const { seed, threads } = options;
  const seconds: Record<string, number> = {};
  const timed = async <T>(stage: string, work: () => Promise<T>): Promise<T> => {
    control.signal?.throwIfAborted();
    const start = performance.now();
    const result = await work();
    seconds[stage] = (performance.now() - start) / 1000;
    return result;
  };
  const patient = (number: number) => `patient-${String(number).padStart(3, '0')}`;
  const unseenPatient = patient(demoSettings.patients);

  return writeFolderWhole(options.out, options.force && entriesOfADemo, async (folder) => {
    const phantoms = join(folder, 'phantoms');
    const run = join(folder, 'run');
    const cache = join(folder, 'cache');
    await timed('phantoms', () =>
      writePhantoms(phantoms, { ...demoSettings.phantom, patients: demoSettings.patients, seed }, control),
    );
    await timed('training', () =>
      trainRun(
        {
          data: phantoms,
          recipe: 'unet-2d',
          out: run,
          set: { ...demoSettings.set, 'training.seed': String(seed) },
          test: [unseenPatient],
          validation: [patient(demoSettings.patients - 2), patient(demoSettings.patients - 1)],
          cache,
          threads,
        },
        control,
      ),
    );
    const study = join(phantoms, unseenPatient);
    const scan = await readScan(join(study, 'dicom'), {}, control);
    const model = await loadModel(run);
    const segmentation = await timed('segmentation', () => segmentScan(scan, model, { threads }, control));
    await timed('outputs', () =>
      writeSegmentation(join(folder, 'segmentation'), scan, segmentation, { model, force: false }, control),
    );
    const truth = await readLabelmap(join(study, 'truth.nii.gz'), {}, control);
    const scores = evaluateCase(truth, segmentation.labelmap, {
      reference: 'truth',
      prediction: 'prediction',
    });
    const comparisons = await drawComparisons(scan.volume, segmentation.labelmap, truth);
    const result: DemoResult = {
      page: join(options.out, 'index.html'),
      seed,
      patients: demoSettings.patients,
      unseenPatient,
      scores,
      lesionsFound: segmentation.lesions.length,
      seconds,
    };
    const page = renderDemoPage({
      result,
      comparisons,
      lesions: segmentation.lesions,
      warnings: segmentation.warnings,
      curveSvg: await readFile(join(run, 'curve.svg'), 'utf8'),
    });
    const middle = comparisons[comparisons.length >> 1];
    if (middle !== undefined) await writeFileWhole(join(folder, 'comparison.png'), middle.png);
    await writeFileWhole(join(folder, 'index.html'), page);
    await writeFileWhole(join(folder, 'evaluation.json'), `${JSON.stringify(scores, null, 2)}\n`);
    await rm(cache, { recursive: true, force: true });
    return result;
  });
}
