/** What a cell can hold; null is an empty one. */
export type Cell = string | number | boolean | Date | null;

export interface Column {
  readonly name: string;
  /** Scores on test patients: a row that is flagged is flagged here. */
  readonly isTestResult?: boolean;
}

export interface Row {
  readonly cells: readonly Cell[];
  /** Its test results are of patients that chose something. */
  readonly isFlagged: boolean;
}

/** A table as all formats write it; what is a number stays one. */
export interface ExportTable {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** Numbers as text at full precision, with a point in every locale. */
export function numberText(value: number): string {
  return String(value);
}
