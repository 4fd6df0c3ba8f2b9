/**
 * The text form of label selectors: `app=web,tier in (a,b),!canary,weight>5`.
 * Grammar and error texts are those of upstream's labels.Parse.
 */
import {
  checkedRequirement,
  everyLabel,
  LabelSelector,
  type LabelOperator,
  type LabelRequirement,
} from './label-selector.ts';
import { labelKeyProblems } from './label-syntax.ts';
import { SelectorError } from './selector-error.ts';

type TokenKind =
  'identifier' | 'end' | 'error' | '(' | ')' | ',' | '!' | '=' | '==' | '!=' | '>' | '<' | 'in' | 'notin';
interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const symbols = new Set(['(', ')', ',', '!', '=', '==', '!=', '>', '<']);
const binaryOperators: Readonly<Partial<Record<TokenKind, LabelOperator>>> = {
  in: 'in',
  notin: 'notin',
  '=': '=',
  '==': '==',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
};

/** Throws SelectorError with the text that the API answers. */
export function parseLabelSelector(text: string): LabelSelector {
  if (text === '') return everyLabel;
  return new LabelSelector(new Parser(tokenize(text)).parse());
}

function isSpace(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\r' || char === '\n';
}

function isSymbol(char: string): boolean {
  return '=!(),><'.includes(char);
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (isSpace(char)) {
      at++;
      continue;
    }
    const start = at;
    if (isSymbol(char)) {
      at += symbols.has(text.slice(at, at + 2)) ? 2 : 1;
      const symbol = text.slice(start, at);
      tokens.push({ kind: symbol as TokenKind, text: symbol });
      continue;
    }
    while (at < text.length && !isSpace(text.charAt(at)) && !isSymbol(text.charAt(at))) at++;
    const word = text.slice(start, at);
    tokens.push({ kind: word === 'in' || word === 'notin' ? word : 'identifier', text: word });
  }
  tokens.push({ kind: 'end', text: '' });
  return tokens;
}

const endToken: Token = { kind: 'end', text: '' };

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const next = this.#peek();
      if (next.kind === 'end') return requirements;
      if (next.kind !== 'identifier' && next.kind !== '!') {
        throw new SelectorError(`found '${next.text}', expected: !, identifier, or 'end of string'`);
      }
      try {
        requirements.push(this.#requirement());
      } catch (error) {
        if (error instanceof SelectorError)
          throw new SelectorError(`unable to parse requirement: ${error.message}`);
        throw error;
      }
      const separator = this.#take();
      if (separator.kind === 'end') return requirements;
      if (separator.kind !== ',')
        throw new SelectorError(`found '${separator.text}', expected: ',' or 'end of string'`);
      const following = this.#peek();
      if (following.kind !== 'identifier' && following.kind !== '!') {
        throw new SelectorError(`found '${following.text}', expected: identifier after ','`);
      }
    }
  }

  /** The next token where `in` and `notin` are plain words. */
  #peek(): Token {
    const token = this.#tokens[this.#at] ?? endToken;
    return token.kind === 'in' || token.kind === 'notin' ? { kind: 'identifier', text: token.text } : token;
  }

  #take(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #requirement(): LabelRequirement {
    let token = this.#take();
    const negated = token.kind === '!';
    if (negated) token = this.#take();
    if (token.kind !== 'identifier') throw new SelectorError(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const problems = labelKeyProblems(key);
    if (problems.length > 0) {
      throw new SelectorError(`<nil>: Invalid value: ${JSON.stringify(key)}: ${problems.join('; ')}`);
    }
    if (negated) return checkedRequirement(key, '!', []);
    const next = this.#peek();
    if (next.kind === 'end' || next.kind === ',') return checkedRequirement(key, 'exists', []);
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? this.#valueSet() : [this.#exactValue()];
    return checkedRequirement(key, operator, values);
  }

  #operator(): LabelOperator {
    const token = this.#tokens[this.#at++] ?? endToken;
    const operator = binaryOperators[token.kind];
    if (operator === undefined) {
      throw new SelectorError(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`);
    }
    return operator;
  }

  #exactValue(): string {
    const next = this.#peek();
    if (next.kind === 'end' || next.kind === ',') return '';
    this.#at++;
    if (next.kind !== 'identifier') throw new SelectorError(`found '${next.text}', expected: identifier`);
    return next.text;
  }

  /** `(a,,b)`: values may be empty; sorted and without repeats. */
  #valueSet(): string[] {
    const open = this.#take();
    if (open.kind !== '(') throw new SelectorError(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.kind === ')') {
      this.#at++;
      return [''];
    }
    if (first.kind !== 'identifier' && first.kind !== ',') {
      throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = new Set<string>();
    for (;;) {
      const token = this.#take();
      const next = this.#peek();
      if (token.kind === 'identifier') {
        values.add(token.text);
        if (next.kind === ')') break;
        if (next.kind !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or ')'`);
      } else if (token.kind === ',') {
        if (values.size === 0 || next.kind === ',') values.add('');
        if (next.kind === ')') {
          values.add('');
          break;
        }
      } else {
        throw new SelectorError(`found '${token.text}', expected: ',', or identifier`);
      }
    }
    this.#at++;
    return [...values].sort();
  }
}
