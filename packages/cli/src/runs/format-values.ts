import { formatDuration } from '../terminal/rate.ts';

/** Headings of columns; others are headed by their own names. */
const headings: Readonly<Record<string, string>> = {
  validationLesionDice: 'lesion val',
  validationLiverDice: 'liver val',
  testLesionDice: 'lesion test',
  testLiverDice: 'liver test',
  seconds: 'time',
  coreSeconds: 'core time',
  'training.optimiser.learningRate': 'lr',
};

export function headingOf(column: string): string {
  return headings[column] ?? column;
}

/** A value for a table: Dice with three digits, times as h:mm:ss, hashes short. */
export function formatValue(column: string, value: number | string | undefined): string {
  if (value === undefined) return '';
  if (/seconds$/i.test(column)) return formatDuration(Number(value));
  if (typeof value === 'number') {
    if (/(dice|iou|score)$/i.test(column)) return value.toFixed(3);
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  }
  if (/^(started|ended)$/.test(column)) return value.slice(0, 16).replace('T', ' ');
  if (/^[0-9a-f]{40,64}$/.test(value)) return value.slice(0, 8);
  return value;
}
