import type { Evaluation } from './evaluate-pairs.ts';

/** The evaluation as an aligned table for a terminal, problems below it. */
export function evaluationText({ cases, summary, problems }: Evaluation): string {
  const header = [
    'case',
    'liver Dice',
    'liver IoU',
    'lesion Dice',
    'lesion IoU',
    'liver ml (ref)',
    'lesion ml (ref)',
  ];
  const score = (value: number) => value.toFixed(4);
  const volumes = (found: number, reference: number) => `${found.toFixed(1)} (${reference.toFixed(1)})`;
  const rows = cases.map(({ id, liver, lesion }) => [
    id,
    score(liver.dice),
    score(liver.iou),
    score(lesion.dice),
    score(lesion.iou),
    volumes(liver.predictionMl, liver.referenceMl),
    volumes(lesion.predictionMl, lesion.referenceMl),
  ]);
  if (summary !== null) {
    const { liver, lesion } = summary;
    rows.push(
      [
        'mean',
        score(liver.meanDice),
        score(liver.meanIou),
        score(lesion.meanDice),
        score(lesion.meanIou),
        '',
        '',
      ],
      [
        'global',
        score(liver.globalDice),
        score(liver.globalIou),
        score(lesion.globalDice),
        score(lesion.globalIou),
        '',
        '',
      ],
    );
  }
  const lines = alignColumns([header, ...rows]);
  const notes = problems.map((problem) => `not scored: ${problem.message}`);
  if (problems.length > 0) notes.push(`${problems.length} cases were not scored: the summary is incomplete.`);
  return [...lines, ...notes].join('\n');
}

function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}
