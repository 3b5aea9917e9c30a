import { readFile } from 'node:fs/promises';

/** Lines of a JSONL file, and whether it ends in the middle of one (or holds one that is no JSON). */
export interface JsonLines {
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** Number of the first line (from 1) that is no JSON object; null when all are. */
  readonly brokenLine: number | null;
}

/** Reads what can be read of a JSONL file; undefined when there is none. A line that a killed process began ends it. */
export async function readJsonLines(path: string): Promise<JsonLines | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const lines: Record<string, unknown>[] = [];
  for (const [n, line] of text.split('\n').entries()) {
    if (line === '') continue;
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value !== 'object' || value === null) return { lines, brokenLine: n + 1 };
      lines.push(value as Record<string, unknown>);
    } catch {
      return { lines, brokenLine: n + 1 };
    }
  }
  return { lines, brokenLine: null };
}
