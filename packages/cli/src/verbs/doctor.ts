import type { Verb } from '../verb.ts';

type DoctorOptions = Record<string, never>;

export const doctor: Verb<DoctorOptions> = {
  name: 'doctor',
  summary: 'Check this installation, and print what a bug report needs',
  options: [],
  examples: [
    { command: 'glisson doctor', meaning: 'problems first, then versions and machine' },
    { command: 'glisson doctor --json', meaning: 'for a bug report' },
  ],
  async run(_args, _options, context) {
    const { examine, renderExamination } = await import('../doctor/examine.ts');
    const examination = await examine(context.threads);
    return {
      json: examination,
      text: renderExamination(examination),
      exitCode: examination.problems.length > 0 ? 1 : 0,
    };
  },
};
