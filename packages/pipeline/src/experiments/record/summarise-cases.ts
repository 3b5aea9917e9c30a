import type { CaseRecord, RunResults } from './run-record.ts';

type Measure = 'liverDice' | 'lesionDice' | 'liverIoU' | 'lesionIoU';

/** Mean over the cases that have the measure; null when none has. */
export function meanOfCases(cases: readonly CaseRecord[], measure: Measure): number | null {
  const values = cases.map((c) => c[measure]).filter((value) => value !== null);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Scores of the test cases, on the grid of their scans. */
export function testResults(
  cases: readonly CaseRecord[],
): Pick<RunResults, 'testLiverDice' | 'testLesionDice' | 'testLiverIoU' | 'testLesionIoU' | 'testCases'> {
  const tested = cases.filter(({ side, grid }) => side === 'test' && grid === 'scan');
  return {
    testLiverDice: meanOfCases(tested, 'liverDice'),
    testLesionDice: meanOfCases(tested, 'lesionDice'),
    testLiverIoU: meanOfCases(tested, 'liverIoU'),
    testLesionIoU: meanOfCases(tested, 'lesionIoU'),
    testCases: tested.length,
  };
}

/** Mean of the two, or the one there is. */
export function scoreOf(liverDice: number | null, lesionDice: number | null): number | null {
  const known = [liverDice, lesionDice].filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
