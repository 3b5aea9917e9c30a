import { PipelineError } from '../../errors/pipeline-error.ts';
import { type Literal, operators, type Where } from './where.ts';

/** More than this in one condition is a mistake, and more than a database takes. */
const mostComparisons = 400;
const deepest = 200;

interface Token {
  readonly kind: 'word' | 'quoted' | 'sign' | 'end';
  readonly text: string;
  /** Position from 0. */
  readonly at: number;
}

/**
 * Reads a condition such as `recipe = patch-vgg16 and (lr < 1e-3 or not state in (failed, damaged))`.
 *
 * `or` binds least, then `and`, then `not`; these words, `in` and `none` may be written in capitals. Comparisons are `= != < <= > >=`, `~` for
 * contains, `in (a, b)` and `not in (a, b)`; `= none` and `!= none` ask whether there is a value. Values with blanks, signs or
 * quotes are put in single or double quotes (a quote inside is doubled).
 * @throws PipelineError `option-invalid` that says where reading ended and what was expected there
 */
export function parseWhere(text: string): Where {
  const tokens = tokenise(text);
  let next = 0;
  let comparisons = 0;
  let depth = 0;

  const peek = () => tokens[next]!;
  const take = () => tokens[next++]!;
  const isWord = (word: string) => peek().kind === 'word' && peek().text.toLowerCase() === word;
  const isSign = (sign: string) => peek().kind === 'sign' && peek().text === sign;
  const fail = (expected: string, token = peek()): never => {
    throw wrong(text, token, expected);
  };

  const list = (kind: 'and' | 'or', part: () => Where): Where => {
    const parts = [part()];
    while (isWord(kind)) {
      take();
      parts.push(part());
    }
    return parts.length === 1 ? parts[0]! : { kind, parts };
  };
  const either = (): Where => list('or', both);
  const both = (): Where => list('and', one);
  const one = (): Where => {
    if (++depth > deepest) fail(`at most ${deepest} brackets and words not inside each other`);
    try {
      if (isWord('not')) {
        take();
        return { kind: 'not', part: one() };
      }
      if (isSign('(')) {
        take();
        const inside = either();
        if (!isSign(')')) fail('and, or or )');
        take();
        return inside;
      }
      return comparison();
    } finally {
      depth--;
    }
  };
  const comparison = (): Where => {
    if (++comparisons > mostComparisons) fail(`at most ${mostComparisons} comparisons`);
    if (peek().kind !== 'word' || !isFieldName(peek().text)) fail('the name of a field, not or (');
    const field = take().text;
    if (isWord('in')) return within(field);
    if (isWord('not')) {
      take();
      if (!isWord('in')) fail('in');
      return { kind: 'not', part: within(field) };
    }
    const sign = peek();
    const written = sign.text === '==' ? '=' : sign.text;
    const operator = operators.find((known) => sign.kind === 'sign' && known === written);
    if (operator === undefined) return fail(`one of ${operators.join(' ')} or in`);
    take();
    if (isWord('none')) {
      if (operator !== '=' && operator !== '!=') fail('a value: none goes with = and != only');
      take();
      return { kind: 'has', field, present: operator === '!=' };
    }
    return { kind: 'compare', field, operator, value: literal() };
  };
  const within = (field: string): Where => {
    take();
    if (!isSign('(')) fail('( after in');
    const values: Literal[] = [];
    do {
      take();
      values.push(literal());
    } while (isSign(','));
    if (!isSign(')')) fail(', or )');
    take();
    comparisons += values.length - 1;
    if (comparisons > mostComparisons) fail(`at most ${mostComparisons} comparisons`);
    return { kind: 'in', field, values };
  };
  const literal = (): Literal => {
    const token = peek();
    if (token.kind !== 'word' && token.kind !== 'quoted') fail('a value');
    take();
    return literalOf(token.text, token.kind === 'quoted');
  };

  const where = either();
  if (peek().kind !== 'end') fail('and, or or the end');
  return where;
}

/** A value as written; unquoted numbers are numbers. */
export function literalOf(text: string, quoted: boolean): Literal {
  const isNumber = !quoted && /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text);
  const number = isNumber ? Number(text) : null;
  return { text, number: number !== null && Number.isFinite(number) ? number : null };
}

export function isFieldName(text: string): boolean {
  return /^[a-z_][\w.-]*$/i.test(text) && !isReserved(text);
}

export function isReserved(text: string): boolean {
  return /^(and|or|not|in|none)$/i.test(text);
}

/** Characters of words: all but blanks, quotes, and the signs of the language. */
export const wordPattern = /^[^\s()'"=!<>~,\p{Cc}]+$/u;

function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s+|(==|!=|<=|>=|[=<>~(),])|'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([^\s()'"=!<>~,]+)/gy;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) {
      const sign = text[at]!;
      throw wrong(
        text,
        { kind: 'sign', text: sign, at },
        sign === '!' ? '!=' : sign === "'" || sign === '"' ? `a second ${sign}` : 'a word or a sign',
      );
    }
    const [, sign, single, double, word] = match;
    if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, at });
    else if (single !== undefined) tokens.push({ kind: 'quoted', text: single.replaceAll("''", "'"), at });
    else if (double !== undefined) tokens.push({ kind: 'quoted', text: double.replaceAll('""', '"'), at });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, at });
    const last = tokens.at(-1);
    if (last?.at === at && /\p{Cc}/u.test(last.text)) throw wrong(text, last, 'no control characters');
  }
  return [...tokens, { kind: 'end', text: '', at: text.length }];
}

function wrong(text: string, token: Token, expected: string): PipelineError {
  const found = token.kind === 'end' ? 'the end' : `'${token.text}'`;
  return new PipelineError('option-invalid', 'The condition cannot be read.', {
    where: `--where "${text}", at character ${token.at + 1}`,
    found,
    expected,
    advice: 'For example: recipe=patch-small and (lr<1e-3 or state!=finished).',
  });
}
