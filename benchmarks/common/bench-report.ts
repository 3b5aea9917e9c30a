import { readFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One compared figure. Lower is better unless `higherIsBetter`; `target` is what `judge` holds it to. */
export interface BenchCase {
  readonly name: string;
  readonly unit: string;
  /** Median of ours; null when it could not run. */
  readonly ours: number | null;
  /** Median of the peer; null when there is none, or it could not run. */
  readonly peer: number | null;
  /** ours / peer; null without a peer. */
  readonly ratio: number | null;
  /** Limit for the ratio (`judge: 'ratio'`) or for ours (`judge: 'ours'`); null: only reported. */
  readonly target: number | null;
  readonly judge: 'ratio' | 'ours';
  readonly higherIsBetter: boolean;
  /** Why a figure is missing, or how it was made. */
  readonly note?: string;
}

export interface BenchReport {
  readonly schema: 'glisson-bench/1';
  readonly bench: string;
  readonly machine: Record<string, string | number>;
  readonly versions: Record<string, string>;
  readonly cases: readonly BenchCase[];
  /** Cases that missed their target or could not run; empty when all is well. */
  readonly shortfalls: Record<string, { value: number | null; target: number | null; reason?: string }>;
}

/** The repository; benchmarks run from benchmarks/dist. */
export const repositoryRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A case with the usual defaults: lower is better, judged by the ratio when there is a peer. */
export function benchCase(
  entry: Pick<BenchCase, 'name' | 'unit' | 'ours' | 'target'> & Partial<BenchCase>,
): BenchCase {
  const peer = entry.peer ?? null;
  const ratio = entry.ratio ?? (peer !== null && entry.ours !== null && peer > 0 ? entry.ours / peer : null);
  return { judge: 'ours', higherIsBetter: false, ...entry, peer, ratio };
}

/** Gathers machine, versions and shortfalls around the cases. */
export function makeReport(
  bench: string,
  cases: readonly BenchCase[],
  versions: Record<string, string> = {},
): BenchReport {
  const shortfalls: Record<string, { value: number | null; target: number | null; reason?: string }> = {};
  for (const entry of cases) {
    const value = entry.judge === 'ratio' ? entry.ratio : entry.ours;
    if (value === null) {
      shortfalls[entry.name] = { value: null, target: entry.target, reason: entry.note ?? 'could not run' };
    } else if (entry.target !== null) {
      const met = entry.higherIsBetter ? value >= entry.target : value <= entry.target;
      if (!met) shortfalls[entry.name] = { value, target: entry.target };
    }
  }
  const processors = cpus();
  const onnxruntime = JSON.parse(
    readFileSync(join(repositoryRoot, 'node_modules', 'onnxruntime-node', 'package.json'), 'utf8'),
  ) as { version: string };
  return {
    schema: 'glisson-bench/1',
    bench,
    machine: {
      processor: processors[0]?.model ?? 'unknown',
      cores: processors.length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      platform: `${platform()} ${arch()}`,
    },
    versions: { node: process.versions.node, onnxruntime: onnxruntime.version, ...versions },
    cases,
    shortfalls,
  };
}

const shown = (value: number | null) =>
  value === null ? '-' : Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);

/** Table on stderr when `json`, else on stdout; with `json` the report as the last line of stdout. */
export function printReport(report: BenchReport, json: boolean): void {
  const rows = report.cases.map((entry) => [
    entry.name,
    entry.unit,
    shown(entry.ours),
    shown(entry.peer),
    shown(entry.ratio),
    entry.target === null
      ? '-'
      : `${entry.judge} ${entry.higherIsBetter ? '>=' : '<='} ${shown(entry.target)}`,
    report.shortfalls[entry.name] ? 'MISSED' : 'ok',
    entry.note ?? '',
  ]);
  const header = ['case', 'unit', 'ours', 'peer', 'ratio', 'target', '', 'note'];
  const table = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const text = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  const stream = json ? process.stderr : process.stdout;
  stream.write(`${text.join('\n')}\n`);
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
}
