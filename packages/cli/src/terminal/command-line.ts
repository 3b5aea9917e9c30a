/** The command line as a person would type it again. */
export function commandLine(args: readonly string[] = process.argv.slice(2)): string {
  return ['glisson', ...args.map(quoted)].join(' ');
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
