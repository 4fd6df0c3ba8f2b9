/**
 * Field selectors: `spec.nodeName=n1,status.phase!=Running`. Values escape
 * `\`, `,` and `=` with a backslash. Grammar and error texts are upstream's.
 */
import { SelectorError } from './selector-error.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

export class FieldSelector {
  readonly requirements: readonly FieldRequirement[];

  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements;
  }

  get isEmpty(): boolean {
    return this.requirements.length === 0;
  }

  /** A field that an object does not have counts as empty. */
  matches(fields: Readonly<Record<string, string>>): boolean {
    for (const { field, operator, value } of this.requirements) {
      const has = Object.hasOwn(fields, field) ? fields[field] : '';
      if ((has === value) !== (operator === '=')) return false;
    }
    return true;
  }

  /** The value that `field` must have, where one requirement pins it. */
  exact(field: string): string | undefined {
    return this.requirements.find(
      (requirement) => requirement.field === field && requirement.operator === '=',
    )?.value;
  }

  /** The same selector with its fields renamed; `rename` throws for a field that is not supported. */
  renamed(rename: (field: string) => string): FieldSelector {
    return new FieldSelector(
      this.requirements.map((requirement) => ({ ...requirement, field: rename(requirement.field) })),
    );
  }

  toString(): string {
    return this.requirements
      .map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`)
      .join(',');
  }
}

export const everyField = new FieldSelector([]);

export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&');
}

/** Throws SelectorError with the text that the API answers. */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text).sort()) {
    if (term === '') continue;
    const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
    if (!match) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    const [, field = '', operator, value = ''] = match;
    const unescaped = unescapeFieldValue(value);
    // A term without field and value restricts nothing (`=`), as upstream.
    if (field === '' && unescaped === '') continue;
    requirements.push({ field, operator: operator === '!=' ? '!=' : '=', value: unescaped });
  }
  return requirements.length === 0 ? everyField : new FieldSelector(requirements);
}

/** At commas that no backslash precedes. */
function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === ',') {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescapeFieldValue(text: string): string {
  let value = '';
  const chars = [...text];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] as string;
    if (char === ',' || char === '=') {
      throw new SelectorError(`invalid field selector: unescaped character in value: ${char.charCodeAt(0)}`);
    }
    if (char !== '\\') {
      value += char;
      continue;
    }
    const escaped = chars[++at] ?? '';
    if (escaped !== '\\' && escaped !== ',' && escaped !== '=') {
      throw new SelectorError(`invalid field selector: invalid escape sequence: \\${escaped}`);
    }
    value += escaped;
  }
  return value;
}
