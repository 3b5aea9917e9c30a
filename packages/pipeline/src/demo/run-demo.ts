import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileWhole, writeFolderWhole } from '@glisson/imaging/files/whole-files';
import { type PhantomEntry, writePhantoms } from '@glisson/imaging/phantom/write-phantoms';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { readLabelmap } from '@glisson/imaging/scan/read-labelmap';
import { readScan } from '@glisson/imaging/scan/read-scan';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Scan } from '@glisson/imaging/volume/scan';
import { evaluateCase } from '../evaluate/evaluate-case.ts';
import { summarise } from '../evaluate/summarise.ts';
import { loadModel } from '../predict/load-model.ts';
import type { LoadedModel } from '../predict/loaded-model.ts';
import { segmentScan } from '../predict/segment-scan.ts';
import type { Segmentation } from '../predict/segmentation.ts';
import { writeSegmentation } from '../report/write-outputs.ts';
import { trainRun } from '../train/train-run.ts';
import { renderDemoPage } from './demo-page.ts';
import type { DemoResult, UnseenPatient } from './demo-result.ts';
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
 * The main job on synthetic scans: phantom patients are made as DICOM, a small U-Net is trained on most of them,
 * the series of those that it has not seen are segmented and scored against their truth, and `index.html` shows it
 * all. `out` appears whole or not at all.
 */
export async function runDemo(options: DemoOptions, control: TaskControl = {}): Promise<DemoResult> {
  const { seed, threads } = options;
  const { training, validation, unseen } = demoSettings.patients;
  const seconds: Record<string, number> = {};
  const timed = async <T>(stage: string, work: () => Promise<T>): Promise<T> => {
    control.signal?.throwIfAborted();
    const start = performance.now();
    const result = await work();
    seconds[stage] = (performance.now() - start) / 1000;
    return result;
  };

  return writeFolderWhole(options.out, options.force && entriesOfADemo, async (folder) => {
    const data = join(folder, 'phantoms');
    const run = join(folder, 'run');
    const cache = join(folder, 'cache');
    const patients = training + validation + unseen;
    const { phantoms } = await timed('phantoms', () =>
      writePhantoms(data, { ...demoSettings.phantom, patients, seed }, control),
    );
    const names = phantoms.map(({ id }) => id);
    await timed('training', () =>
      trainRun(
        {
          data,
          recipe: 'unet-2d',
          out: run,
          set: { ...demoSettings.set, 'training.seed': String(seed) },
          validation: names.slice(training, training + validation),
          test: names.slice(training + validation),
          cache,
          threads,
        },
        control,
      ),
    );
    const model = await loadModel(run);
    const held = phantoms.slice(training + validation);
    const patientsSeen = await timed('segmentation', () => segmentAll(data, held, model, threads, control));
    const [shown] = patientsSeen as [SegmentedPatient];
    await timed('outputs', () =>
      writeSegmentation(
        join(folder, 'segmentation'),
        shown.scan,
        shown.segmentation,
        { model, force: false },
        control,
      ),
    );
    const comparisons = await drawComparisons(shown.scan.volume, shown.segmentation.labelmap, shown.truth);
    const scored = patientsSeen.map(({ patient }) => patient);
    const result: DemoResult = {
      page: join(options.out, 'index.html'),
      seed,
      patients: demoSettings.patients,
      unseen: scored,
      summary: summarise(scored)!,
      shown: shown.patient.id,
      seconds,
    };
    const page = renderDemoPage({
      result,
      comparisons,
      lesions: shown.segmentation.lesions,
      warnings: shown.segmentation.warnings,
      curveSvg: await readFile(join(run, 'curve.svg'), 'utf8'),
    });
    const middle = comparisons[comparisons.length >> 1];
    if (middle !== undefined) await writeFileWhole(join(folder, 'comparison.png'), middle.png);
    await writeFileWhole(join(folder, 'index.html'), page);
    const evaluation = { summary: result.summary, unseen: result.unseen };
    await writeFileWhole(join(folder, 'evaluation.json'), `${JSON.stringify(evaluation, null, 2)}\n`);
    await rm(cache, { recursive: true, force: true });
    return result;
  });
}

interface SegmentedPatient {
  readonly patient: UnseenPatient;
  readonly scan: Scan;
  readonly truth: Labelmap;
  readonly segmentation: Segmentation;
}

/** Segments and scores patients one after the other; volumes are small enough to keep. */
async function segmentAll(
  data: string,
  phantoms: readonly PhantomEntry[],
  model: LoadedModel,
  threads: number | undefined,
  control: TaskControl,
): Promise<SegmentedPatient[]> {
  const segmented: SegmentedPatient[] = [];
  for (const { id, image, label, phase, lesions } of phantoms) {
    const scan = await readScan(join(data, image), {}, control);
    const segmentation = await segmentScan(
      scan,
      model,
      { threads },
      { signal: control.signal, onProgress: (event) => control.onProgress?.({ ...event, note: id }) },
    );
    const truth = await readLabelmap(join(data, label), {}, control);
    const scores = evaluateCase(truth, segmentation.labelmap, {
      reference: `the truth of ${id}`,
      prediction: `the prediction for ${id}`,
    });
    const lesionsFound = segmentation.lesions.length;
    segmented.push({
      patient: { id, phase, lesions: lesions.length, lesionsFound, ...scores },
      scan,
      truth,
      segmentation,
    });
  }
  return segmented;
}
