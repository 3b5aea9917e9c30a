import { csvText } from './csv.ts';
import type { ExportRun } from './export-run.ts';
import { jsonDocument } from './json.ts';
import { markdownText } from './markdown.ts';
import { casesTable, hyperparametersTable, type RunTableName, runsTable, wholeTable } from './run-tables.ts';
import { xlsxBytes } from './xlsx.ts';

/** Formats that are one file. */
export const fileFormats = ['csv', 'xlsx', 'json', 'markdown'] as const;
export type FileFormat = (typeof fileFormats)[number];

/** Where an export goes when nothing is said. */
export const usualNames: Readonly<Record<FileFormat | 'tensorboard', string>> = {
  csv: 'runs.csv',
  xlsx: 'runs.xlsx',
  json: 'runs.json',
  markdown: 'runs.md',
  tensorboard: 'runs-tensorboard',
};

/**
 * Runs as the content of one file. A workbook has all tables, a CSV one of them (`runs`: with the hyperparameters in it, as
 * `plan.…`), Markdown the few columns that fit on a page, JSON the whole records.
 * @throws PipelineError `option-invalid` where a workbook cannot hold so many
 */
export async function exportedFile(
  runs: readonly ExportRun[],
  format: FileFormat,
  table: RunTableName,
): Promise<string | Uint8Array> {
  switch (format) {
    case 'csv':
      return csvText(
        { runs: wholeTable, hyperparameters: hyperparametersTable, cases: casesTable }[table](runs),
      );
    case 'xlsx':
      return xlsxBytes([
        runsTable(runs),
        hyperparametersTable(runs),
        { ...casesTable(runs), name: 'per-case results' },
      ]);
    case 'json':
      return `${JSON.stringify(jsonDocument(runs), null, 2)}\n`;
    case 'markdown':
      return markdownText(runs);
  }
}
