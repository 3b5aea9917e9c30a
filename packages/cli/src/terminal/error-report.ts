import { type Explanation, explain } from '@glisson/imaging/errors/imaging-error';
import { exitCodes } from '../verb.ts';

/** An error as a person and a program may read it: the `error` of the JSON document. */
export interface ErrorReport {
  readonly code: string;
  /** One sentence; the parts below are kept out of it. */
  readonly message: string;
  readonly where?: string;
  readonly found?: string;
  readonly expected?: string;
  readonly advice?: string;
}

export interface Failure {
  readonly report: ErrorReport;
  readonly exitCode: number;
  /** False for mistakes in glisson itself. */
  readonly isExpected: boolean;
}

/** A wrong command line that commander cannot know about. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const systemErrors: Record<string, readonly [code: string, message: string]> = {
  ENOENT: ['not-found', 'There is no such file or folder.'],
  EACCES: ['not-readable', 'This file or folder may not be opened: no permission.'],
  EPERM: ['not-readable', 'This file or folder may not be opened: no permission.'],
  EISDIR: ['not-readable', 'This is a folder where a file is needed.'],
  ENOTDIR: ['not-found', 'A part of this path is a file, not a folder.'],
  ENOSPC: ['not-writable', 'The disk is full.'],
  EROFS: ['not-writable', 'This file system is read-only.'],
  EMFILE: ['not-readable', 'Too many files are open on this machine.'],
};

/** Sorts any thrown value into a report, an exit code, and whether it is a mistake of ours. */
export function describeFailure(error: unknown, isCancelled: boolean): Failure {
  if (isCancelled || isAbort(error)) {
    return {
      report: { code: 'cancelled', message: 'Cancelled. Nothing was left half-written.' },
      exitCode: exitCodes.cancelled,
      isExpected: true,
    };
  }
  if (error instanceof UsageError) {
    return {
      report: { code: 'usage', message: error.message },
      exitCode: exitCodes.usage,
      isExpected: true,
    };
  }
  if (error instanceof Error) {
    const { code, explanation } = error as Error & { code?: unknown; explanation?: Explanation };
    if (typeof code === 'string' && isOurCode(code)) {
      return {
        report: explainedReport(code, error.message, explanation ?? {}),
        // An option with an impossible value is the command line's fault, wherever it was found out.
        exitCode: code === 'option-invalid' ? exitCodes.usage : exitCodes.failure,
        isExpected: true,
      };
    }
    const known = typeof code === 'string' ? systemErrors[code] : undefined;
    if (known !== undefined) {
      const { path } = error as NodeJS.ErrnoException;
      return {
        report: { code: known[0], message: known[1], where: path, found: `${code}` },
        exitCode: exitCodes.failure,
        isExpected: true,
      };
    }
  }
  return {
    report: {
      code: 'internal',
      message: `Something inside glisson went wrong: ${error instanceof Error ? error.message : String(error)}`,
      advice:
        'This is a mistake of glisson, not yours. Run the command again with --debug, and report what it prints together with `glisson doctor`.',
    },
    exitCode: exitCodes.failure,
    isExpected: false,
  };
}

/** Codes of Glisson's own errors are words with hyphens; those of Node are capitals. */
function isOurCode(code: string): boolean {
  return /^[a-z]+(-[a-z]+)*$/.test(code);
}

function isAbort(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'AbortError' || (error as { code?: unknown }).code === 'cancelled';
}

function explainedReport(code: string, message: string, explanation: Explanation): ErrorReport {
  // The message is the summary followed by the parts; here they stand apart.
  const tail = explain('', explanation);
  const summary = tail !== '' && message.endsWith(tail) ? message.slice(0, -tail.length) : message;
  const { where, found, expected, advice } = explanation;
  return { code, message: summary, where, found, expected, advice };
}

/** The report as lines for stderr. */
export function renderFailure(report: ErrorReport): string {
  const lines = [`glisson: ${report.message}`];
  if (report.where !== undefined) lines.push(`  where:    ${report.where}`);
  if (report.found !== undefined) lines.push(`  found:    ${report.found}`);
  if (report.expected !== undefined) lines.push(`  expected: ${report.expected}`);
  if (report.advice !== undefined) lines.push(`  ${report.advice}`);
  return lines.join('\n');
}
