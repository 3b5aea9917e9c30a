import { ImagingError } from '@glisson/imaging/errors/imaging-error';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { readLabelmap } from '@glisson/imaging/scan/read-labelmap';
import { liverLabels } from '@glisson/imaging/volume/labelmap';
import { PipelineError } from '../errors/pipeline-error.ts';
import { evaluateCase } from './evaluate-case.ts';
import { findCaseFiles, matchCases } from './match-cases.ts';
import { isFolder, pairFiles } from './pair-files.ts';
import { type EvaluationSummary, type ScoredCase, summarise } from './summarise.ts';

/** A case that could not be scored, with the reason. */
export interface EvaluationProblem {
  readonly id: string;
  readonly code: string;
  readonly message: string;
}

/** Result of `glisson evaluate`. */
export interface Evaluation {
  readonly schema: 'glisson.evaluation/1';
  readonly cases: readonly ScoredCase[];
  /** Over the scored cases; null when there are none. */
  readonly summary: EvaluationSummary | null;
  /** Unmatched or unusable cases; a summary beside problems is incomplete. */
  readonly problems: readonly EvaluationProblem[];
}

/**
 * Scores one pair of labelmap files, or all cases of two folders (matched by case id, see `caseIdOf`).
 * In folders a case without partner, or one that cannot be read or compared, is listed as a problem;
 * a single pair throws instead. Beside a file, a folder stands for the labels.nii.gz in it.
 * @throws PipelineError `data-invalid`, ImagingError of the readers, `geometry-mismatch`, `label-unknown`
 */
export async function evaluatePaths(
  reference: string,
  prediction: string,
  control: TaskControl = {},
): Promise<Evaluation> {
  const [a, b] = await Promise.all([isFolder(reference), isFolder(prediction)]);
  if (!a || !b) {
    const [pair] = await pairFiles(reference, prediction);
    const scores = await evaluateFiles(pair!.reference, pair!.prediction, control);
    return finish([{ id: pair!.id, ...scores }], []);
  }
  const match = matchCases(await findCaseFiles(reference), await findCaseFiles(prediction));
  const cases: ScoredCase[] = [];
  const problems: EvaluationProblem[] = [
    ...match.onlyReference.map(({ id, path }) => ({
      id,
      code: 'no-prediction',
      message: `Case ${id} has a reference (${path}) and no prediction.`,
    })),
    ...match.onlyPrediction.map(({ id, path }) => ({
      id,
      code: 'no-reference',
      message: `Case ${id} has a prediction (${path}) and no reference.`,
    })),
  ];
  for (const [n, pair] of match.pairs.entries()) {
    control.signal?.throwIfAborted();
    try {
      cases.push({ id: pair.id, ...(await evaluateFiles(pair.reference, pair.prediction, control)) });
    } catch (error) {
      if (!(error instanceof ImagingError || error instanceof PipelineError) || error.code === 'cancelled') {
        throw error;
      }
      problems.push({ id: pair.id, code: error.code, message: error.message });
    }
    control.onProgress?.({ stage: 'evaluate', done: n + 1, total: match.pairs.length, unit: 'cases' });
  }
  return finish(cases, problems);
}

async function evaluateFiles(reference: string, prediction: string, control: TaskControl) {
  const quiet = { signal: control.signal };
  const truth = await readLabelmap(reference, { labels: liverLabels }, quiet);
  const found = await readLabelmap(prediction, { labels: liverLabels }, quiet);
  return evaluateCase(truth, found, { reference, prediction });
}

function finish(cases: readonly ScoredCase[], problems: readonly EvaluationProblem[]): Evaluation {
  return { schema: 'glisson.evaluation/1', cases, summary: summarise(cases), problems };
}
