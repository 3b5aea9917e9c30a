import type { ContrastPhase } from '@glisson/imaging/phantom/patient-anatomy';
import type { EvaluationSummary, ScoredCase } from '../evaluate/summarise.ts';

/** A patient that training never looked at. */
export interface UnseenPatient extends ScoredCase {
  readonly phase: ContrastPhase;
  /** Lesions that the phantom has. */
  readonly lesions: number;
  readonly lesionsFound: number;
}

/** What the demo did and how well. */
export interface DemoResult {
  readonly page: string;
  readonly seed: number;
  /** How many patients did what. */
  readonly patients: { readonly training: number; readonly validation: number; readonly unseen: number };
  readonly unseen: readonly UnseenPatient[];
  /** Over the unseen patients. */
  readonly summary: EvaluationSummary;
  /** Which of them the page and the folder `segmentation` show. */
  readonly shown: string;
  /** Wall-clock seconds a stage. */
  readonly seconds: Readonly<Record<string, number>>;
}
