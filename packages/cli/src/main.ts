import { parseCommandLine } from './program.ts';
import { listenForCancellation } from './terminal/cancellation.ts';
import { describeFailure, type ErrorReport, renderFailure, UsageError } from './terminal/error-report.ts';
import { liveDisplay } from './terminal/live-display.ts';
import { createProgressLine } from './terminal/progress-line.ts';
import { exitCodes, type VerbContext } from './verb.ts';
import { verbs } from './verbs/all-verbs.ts';
import { readVersion } from './version.ts';

/**
 * Runs the command line and resolves to the exit code: 0 done, 1 failed, 2 wrong usage, 130 cancelled.
 * Results go to stdout (with `--json` one JSON document, for errors too), everything else to stderr.
 */
export async function main(args: readonly string[]): Promise<number> {
  surviveClosedPipes();
  const parsed = parseCommandLine(verbs, readVersion(), args);
  if (parsed.kind === 'say') {
    process.stdout.write(parsed.text);
    return exitCodes.ok;
  }
  if (parsed.kind === 'wrong') {
    const { report, exitCode } = describeFailure(new UsageError(parsed.message), false);
    sayFailure(report, args.includes('--json'));
    return exitCode;
  }

  const { verb, args: verbArgs, options, common } = parsed.invocation;
  const progress = createProgressLine(process.stderr);
  const cancellation = listenForCancellation(() => progress.print('glisson: cancelling …'));
  const context: VerbContext = {
    json: common.json === true,
    threads: common.threads,
    control: {
      signal: cancellation.signal,
      onProgress: common.quiet ? undefined : progress.onProgress,
    },
    ...(!common.quiet && !common.json && { display: liveDisplay(process.stderr, progress) }),
    note: (text) => {
      if (!common.quiet) progress.print(text);
    },
  };
  try {
    const result = await verb.run(verbArgs, options, context);
    progress.finish();
    process.stdout.write(common.json ? `${JSON.stringify(result.json)}\n` : `${result.text.trimEnd()}\n`);
    return result.exitCode ?? exitCodes.ok;
  } catch (error) {
    progress.finish();
    const failure = describeFailure(error, cancellation.signal.aborted);
    sayFailure(failure.report, common.json === true);
    if (common.debug) console.error(error);
    return failure.exitCode;
  } finally {
    cancellation.dispose();
    // A worker that ignores the signal must not keep a cancelled process alive.
    if (cancellation.signal.aborted) setTimeout(() => process.exit(exitCodes.cancelled), 500).unref();
  }
}

function sayFailure(report: ErrorReport, asJson: boolean): void {
  if (asJson) process.stdout.write(`${JSON.stringify({ error: report })}\n`);
  process.stderr.write(`${renderFailure(report)}\n`);
}

/** A reader that closes early (`| head`) is no error: what is left to say is dropped. */
function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
