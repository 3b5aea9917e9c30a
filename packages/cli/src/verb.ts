import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Option } from 'commander';

/** Exit codes of the command; documented in docs/reference/cli.md. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, cancelled: 130 } as const;

/** What a verb is given besides its own arguments and options. */
export interface VerbContext {
  /** Whether the result will be printed as JSON: then a verb need not prepare text. */
  readonly json: boolean;
  /** Threads of the engine, when the user chose a number. */
  readonly threads?: number;
  /** Progress on stderr, and the signal of Ctrl-C. Passed on to every long-running function. */
  readonly control: TaskControl;
  /** A place above the progress line for what changes as it runs; undefined where nobody would see it. */
  readonly display?: Display;
  /** Prints a line on stderr (nothing under --quiet), above the progress line. */
  note(text: string): void;
}

/** Part of a terminal that is rewritten. */
export interface Display {
  readonly columns: number;
  readonly colour: boolean;
  /** Shows lines in place of the last ones. */
  show(lines: readonly string[]): void;
}

/** What a verb has to say at its end. */
export interface VerbResult {
  /** The one JSON document of `--json`. */
  readonly json: unknown;
  /** The same for a person. */
  readonly text: string;
  /** Default 0; a verb that finds what it was asked to look for (a problem) may end with 1. */
  readonly exitCode?: number;
}

/** One verb of the command. Loads its library code inside `run`, so that `--help` is instant. */
export interface Verb<Options> {
  readonly name: string;
  /** Positional arguments as commander writes them, e.g. `<in> <out>`. */
  readonly arguments?: string;
  /** One line of the list of verbs. */
  readonly summary: string;
  /** Paragraphs of the verb's own help. */
  readonly description?: string;
  readonly options: readonly Option[];
  /** Command lines that work as they stand, each with its meaning. */
  readonly examples: readonly { readonly command: string; readonly meaning: string }[];
  run(args: readonly string[], options: Options, context: VerbContext): Promise<VerbResult>;
}

/** A verb whose option type only it knows: commander's values are what its `options` declare. */
export type AnyVerb = Verb<never>;
