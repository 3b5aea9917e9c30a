import { describe, expect, test } from 'vitest';
import { parseCommandLine } from './program.ts';
import { verbs } from './verbs/all-verbs.ts';

const parse = (...args: string[]) => parseCommandLine(verbs, '1.2.3', args);
const wrong = (...args: string[]): string => {
  const parsed = parse(...args);
  if (parsed.kind !== 'wrong') throw new Error(`${args.join(' ')} was taken as right`);
  return parsed.message;
};

describe('the command line', () => {
  test('help, version and the help of each verb are text for stdout', () => {
    expect(parse('--version')).toEqual({ kind: 'say', text: '1.2.3\n' });
    const help = parse('--help');
    expect(help.kind === 'say' && help.text).toContain('Research use only, not a medical device.');
    for (const { name } of verbs) {
      const byOption = parse(name, '--help');
      const byWord = parse('help', name);
      expect(byOption).toEqual(byWord);
      if (byOption.kind !== 'say') throw new Error(`${name} --help is ${byOption.kind}`);
      expect(byOption.text).toMatch(/--json/);
      expect(byOption.text).toMatch(/Examples:\n {2}# .+\n {2}\$ glisson/);
    }
  });

  test('every example of every verb is a command line that parses', () => {
    for (const verb of verbs) {
      // Others may say what comes next: `train` with the plan of a sweep's winner.
      expect(verb.examples[0]!.command).toMatch(new RegExp(`^glisson ${verb.name}\\b`));
      for (const { command } of verb.examples) {
        const [program, ...args] = command.split(' ');
        expect(program).toBe('glisson');
        const parsed = parse(...args);
        expect(parsed.kind, command).toBe('run');
      }
    }
  });

  test('a wrong word is answered with the nearest right one', () => {
    expect(wrong('segmnt', 'x')).toContain('(Did you mean segment?)');
    expect(wrong('inspect', 'x', '--htlm', 'y')).toContain('(Did you mean --html?)');
    expect(wrong()).toContain('A verb is missing');
    expect(wrong('inspect')).toContain("missing required argument 'path'");
    expect(wrong('inspect', 'a', 'b')).toContain('too many arguments');
    expect(wrong('segment', 'scan', '--out', 'x')).toContain("required option '--model <run>'");
  });

  test('option values are checked before anything runs', () => {
    expect(wrong('phantom', 'x', '--patients', '0')).toContain('whole number from 1');
    expect(wrong('phantom', 'x', '--seed', '1.5')).toContain('whole number');
    expect(wrong('phantom', 'x', '--preset', 'tiny')).toContain('demo, full');
    expect(wrong('convert', 'a', 'b.nii', '--spacing', '1,1')).toContain('x,y,z');
    expect(wrong('convert', 'a', 'b.nii', '--spacing', '1,0,1')).toContain('positive');
    expect(wrong('convert', 'a', 'b.nii', '--window', '240,-160')).toContain('low below high');
    expect(wrong('train', '--data', 'd', '--out', 'o', '--set', 'steps')).toContain('key=value');
    expect(wrong('doctor', '--threads', 'many')).toContain('whole number from 1');
  });

  test('options reach the verb as it declares them', () => {
    const options = (...args: string[]) => {
      const parsed = parse(...args);
      if (parsed.kind !== 'run') throw new Error(JSON.stringify(parsed));
      return parsed.invocation.options;
    };
    expect(options('convert', 'a', 'b.nii', '--window', '-160,240', '--spacing', '1,1,2.5')).toMatchObject({
      window: { low: -160, high: 240 },
      spacing: [1, 1, 2.5],
    });
    expect(
      options('train', '--data', 'd', '--out', 'o', '--set', 'a.b=1', '--set', 'c=x=y', '--test', 'F', 'G'),
    ).toMatchObject({ set: { 'a.b': '1', c: 'x=y' }, test: ['F', 'G'] });
  });
});
