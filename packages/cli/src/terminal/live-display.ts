import type { Display } from '../verb.ts';
import { isRewritable, type ProgressLine, type ProgressStream } from './progress-line.ts';

/** Rows that a chart leaves to what was there before. */
const fewestRows = 20;

/**
 * The display above a progress line; undefined on what is no terminal, in CI, on terminals with few rows, and where the locale
 * says that signs beyond ASCII cannot be shown.
 */
export function liveDisplay(
  stream: ProgressStream & { readonly rows?: number },
  progress: ProgressLine,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Display | undefined {
  const { CI, LC_ALL, LC_CTYPE, LANG, NO_COLOR } = environment;
  const locale = LC_ALL || LC_CTYPE || LANG;
  const isWide = locale === undefined || locale === '' || /utf-?8/i.test(locale);
  if (!isRewritable(stream) || (CI !== undefined && CI !== '' && CI !== 'false') || !isWide) return undefined;
  if ((stream.rows ?? 24) < fewestRows) return undefined;
  return {
    get columns() {
      // One column short: a full line would wrap on some terminals.
      return (stream.columns ?? 80) - 1;
    },
    colour: NO_COLOR === undefined || NO_COLOR === '',
    show: progress.show,
  };
}
