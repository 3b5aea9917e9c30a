/** Runs the command line; resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  process.stderr.write(`glisson ${args.join(' ')}: not built yet\n`);
  return 1;
}
