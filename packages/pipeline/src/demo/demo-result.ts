import type { CaseScores } from '../evaluate/evaluate-case.ts';

/** What the demo did and how well. */
export interface DemoResult {
  readonly page: string;
  readonly seed: number;
  readonly patients: number;
  readonly unseenPatient: string;
  readonly scores: CaseScores;
  readonly lesionsFound: number;
  /** Wall-clock seconds a stage. */
  readonly seconds: Readonly<Record<string, number>>;
}
