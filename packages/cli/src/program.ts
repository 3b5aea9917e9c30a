import { Command, CommanderError, Option } from 'commander';
import { positiveInteger } from './options.ts';
import type { AnyVerb, Verb } from './verb.ts';

export const researchUseOnly = 'Research use only, not a medical device.';

/** What the command line asked for. */
export interface Invocation {
  readonly verb: Verb<Record<string, unknown>>;
  readonly args: readonly string[];
  readonly options: Record<string, unknown>;
  readonly common: CommonOptions;
}

/** Options that every verb has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly debug?: boolean;
  readonly threads?: number;
}

/** The outcome of reading a command line. */
export type ParsedCommandLine =
  | { readonly kind: 'run'; readonly invocation: Invocation }
  /** Help or version: `text` belongs on stdout. */
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'wrong'; readonly message: string };

/** Reads a command line (without `node` and the script's name). Runs nothing and prints nothing. */
export function parseCommandLine(
  verbs: readonly AnyVerb[],
  version: string,
  args: readonly string[],
): ParsedCommandLine {
  let invocation: Invocation | undefined;
  let said = '';
  const capture = (text: string) => {
    said += text;
  };
  const program = new Command('glisson')
    .description(
      'Finds liver tumours in CT scans: DICOM in, measured black-and-white lesion masks out.\n' +
        'Reads, trains, segments and evaluates on this machine; nothing leaves it but runs that you export to MLflow.\n' +
        researchUseOnly,
    )
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [verb]', 'print the help of a verb')
    .showSuggestionAfterError()
    .configureHelp({ helpWidth: 100 })
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ glisson demo --out demo            the whole way on synthetic scans, in a few minutes\n' +
        '  $ glisson inspect ~/scans            what is in a folder of scans\n' +
        '  $ glisson help segment               help of one verb, with examples',
    );
  for (const verb of verbs) {
    addVerb(program, verb as unknown as Invocation['verb'], (found) => {
      invocation = found;
    });
  }
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ writeOut: capture, writeErr: capture, outputError: capture });
  }

  if (args.length === 0)
    return { kind: 'wrong', message: `A verb is missing.\n\n${program.helpInformation()}` };
  try {
    program.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'say', text: said };
    const message = said.trim() === '' ? error.message : said;
    return { kind: 'wrong', message: message.trim().replace(/^error: /, '') };
  }
  if (invocation === undefined) return { kind: 'say', text: said };
  return { kind: 'run', invocation };
}

function addVerb(
  program: Command,
  verb: Invocation['verb'],
  onChosen: (invocation: Invocation) => void,
): void {
  const command = program
    .command(`${verb.name}${verb.arguments ? ` ${verb.arguments}` : ''}`)
    .summary(verb.summary)
    .description(`${verb.summary}${verb.description ? `\n\n${verb.description}` : ''}`)
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ helpWidth: 100 });
  for (const option of verb.options) command.addOption(option);
  command
    .addOption(new Option('--json', 'print one JSON document on stdout'))
    .addOption(
      new Option('--threads <number>', 'threads of the engine (default: all cores)').argParser(
        positiveInteger,
      ),
    )
    .addOption(new Option('--quiet', 'no progress and notes'))
    .addOption(new Option('--debug', 'show where an error comes from'));
  const examples = verb.examples.map(({ command: line, meaning }) => `  # ${meaning}\n  $ ${line}`);
  command.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  command.action(() => {
    const options = command.opts<Record<string, unknown> & CommonOptions>();
    onChosen({ verb, args: command.args, options, common: options });
  });
}
