/**
 * Reads the part of Go's text/template that stages are written in: pipelines,
 * variables, `if`, `range`, `with`. Named templates and comments beyond
 * `{{/* *\/}}` are not known; what is not known is refused here.
 */
export type Expression =
  | { readonly kind: 'literal'; readonly value: unknown }
  /** `.a.b`, `$x.a`: from the dot or a variable, by these fields. */
  | { readonly kind: 'path'; readonly from: Expression | '.' | string; readonly fields: readonly string[] }
  /** The last argument of all but the first of a pipeline is the result before it. */
  | { readonly kind: 'call'; readonly name: string; readonly parameters: readonly Expression[] };

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly value: Expression }
  | { readonly kind: 'set'; readonly variable: string; readonly declares: boolean; readonly value: Expression }
  | { readonly kind: 'if' | 'with'; readonly value: Expression; readonly body: readonly Node[]; readonly otherwise: readonly Node[] }
  | {
      readonly kind: 'range';
      readonly value: Expression;
      readonly index: string | undefined;
      readonly element: string | undefined;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };

interface Action {
  readonly text: string;
  readonly action: boolean;
}

const tokenPattern = /\s*(?:("(?:[^"\\]|\\.)*")|(`[^`]*`)|(-?\d+(?:\.\d+)?)|(\$\w*(?:\.\w+)*)|(\.(?:\w+(?:\.\w+)*)?)|(:=|[=|(),])|([A-Za-z_]\w*))/y;

export function parseTemplate(source: string): readonly Node[] {
  const parser = new Parser(actionsOf(source));
  const { nodes, ended } = parser.block();
  if (ended !== undefined) throw new Error(`a template has {{ ${ended} }} without a beginning`);
  return nodes;
}

function actionsOf(source: string): Action[] {
  const actions: Action[] = [];
  let trimNext = false;
  let at = 0;
  for (const match of source.matchAll(/\{\{(-\s)?((?:"(?:[^"\\]|\\.)*"|`[^`]*`|\/\*[\s\S]*?\*\/|(?!\}\}|\s-\}\}).)*?)(\s-)?\}\}/gs)) {
    let text = source.slice(at, match.index);
    if (trimNext) text = text.trimStart();
    if (match[1] !== undefined) text = text.trimEnd();
    if (text !== '') actions.push({ text, action: false });
    const inner = (match[2] ?? '').trim();
    if (!inner.startsWith('/*')) actions.push({ text: inner, action: true });
    trimNext = match[3] !== undefined;
    at = match.index + match[0].length;
  }
  const tail = source.slice(at);
  actions.push({ text: trimNext ? tail.trimStart() : tail, action: false });
  return actions;
}

class Parser {
  readonly #actions: readonly Action[];
  #at = 0;

  constructor(actions: readonly Action[]) {
    this.#actions = actions;
  }

  /** Up to `end` or `else`, whose text is returned. */
  block(): { nodes: Node[]; ended: string | undefined } {
    const nodes: Node[] = [];
    for (let next = this.#actions[this.#at]; next; next = this.#actions[this.#at]) {
      this.#at++;
      if (!next.action) {
        nodes.push({ kind: 'text', text: next.text });
        continue;
      }
      const [, word = '', rest = ''] = /^(\w*)\s*([\s\S]*)$/.exec(next.text) ?? [];
      if (word === 'end' || word === 'else') return { nodes, ended: next.text };
      if (word === 'if' || word === 'with' || word === 'range') nodes.push(this.#branch(word, rest));
      else if (word === 'define' || word === 'template' || word === 'block' || word === 'break' || word === 'continue') throw new Error(`templates with {{ ${word} }} are not supported`);
      else nodes.push(statement(next.text));
    }
    return { nodes, ended: undefined };
  }

  #branch(kind: 'if' | 'with' | 'range', head: string): Node {
    const { nodes: body, ended } = this.block();
    let otherwise: readonly Node[] = [];
    if (ended === undefined) throw new Error(`a template has {{ ${kind} ${head} }} without an end`);
    const chained = /^else\s+(if|with)\s+([\s\S]*)$/.exec(ended);
    if (chained) otherwise = [this.#branch(chained[1] as 'if' | 'with', chained[2] as string)];
    else if (ended === 'else') {
      const second = this.block();
      if (second.ended !== 'end') throw new Error(`a template has {{ ${kind} ${head} }} without an end`);
      otherwise = second.nodes;
    }
    if (kind !== 'range') return { kind, value: expression(head), body, otherwise };
    const [, first, second, rest] = /^(?:\$(\w+)\s*(?:,\s*\$(\w+)\s*)?:=)?([\s\S]*)$/.exec(head) ?? [];
    const named = second === undefined ? { index: undefined, element: first } : { index: first, element: second };
    return { kind, ...named, value: expression(rest ?? ''), body, otherwise };
  }
}

function statement(text: string): Node {
  const assignment = /^\$(\w+)\s*(:?=)\s*([\s\S]+)$/.exec(text);
  if (!assignment) return { kind: 'print', value: expression(text) };
  const [, variable = '', operator, value = ''] = assignment;
  return { kind: 'set', variable, declares: operator === ':=', value: expression(value) };
}

function expression(text: string): Expression {
  const tokens: string[] = [];
  tokenPattern.lastIndex = 0;
  const end = text.trimEnd().length;
  while (tokenPattern.lastIndex < end) {
    const match = tokenPattern.exec(text);
    if (!match) throw new Error(`a template has {{ ${text} }}, which is not understood`);
    tokens.push(match[0].trim());
  }
  const reader = { tokens, at: 0, text };
  const value = pipeline(reader);
  if (reader.at < tokens.length) throw new Error(`a template has {{ ${text} }}, which is not understood`);
  return value;
}

interface Reader {
  readonly tokens: readonly string[];
  readonly text: string;
  at: number;
}

function pipeline(reader: Reader): Expression {
  let value = command(reader, undefined);
  while (reader.tokens[reader.at] === '|') {
    reader.at++;
    value = command(reader, value);
  }
  return value;
}

/** An operand, or a function with its arguments, the piped one last. */
function command(reader: Reader, piped: Expression | undefined): Expression {
  const first = reader.tokens[reader.at];
  if (first === undefined) throw new Error(`a template has {{ ${reader.text} }}, which ends too soon`);
  if (!/^[A-Za-z_]/.test(first) || isConstant(first)) {
    if (piped) throw new Error(`a template has {{ ${reader.text} }}: only functions can be piped into`);
    return operand(reader);
  }
  reader.at++;
  const parameters: Expression[] = [];
  for (let next = reader.tokens[reader.at]; next !== undefined && next !== '|' && next !== ')'; next = reader.tokens[reader.at]) parameters.push(operand(reader));
  return { kind: 'call', name: first, parameters: piped ? [...parameters, piped] : parameters };
}

const isConstant = (token: string) => token === 'true' || token === 'false' || token === 'nil';

function operand(reader: Reader): Expression {
  const token = reader.tokens[reader.at++] as string;
  if (token === '(') {
    const inner = pipeline(reader);
    if (reader.tokens[reader.at++] !== ')') throw new Error(`a template has {{ ${reader.text} }}, in which a parenthesis is open`);
    const fields = reader.tokens[reader.at];
    if (!fields?.startsWith('.') || fields === '.') return inner;
    reader.at++;
    return { kind: 'path', from: inner, fields: fields.slice(1).split('.') };
  }
  if (token.startsWith('"')) return { kind: 'literal', value: JSON.parse(token) as unknown };
  if (token.startsWith('`')) return { kind: 'literal', value: token.slice(1, -1) };
  if (token.startsWith('.')) return { kind: 'path', from: '.', fields: token === '.' ? [] : token.slice(1).split('.') };
  if (token.startsWith('$')) {
    const [from = '', ...fields] = token.split('.');
    return { kind: 'path', from, fields };
  }
  if (isConstant(token)) return { kind: 'literal', value: token === 'nil' ? undefined : token === 'true' };
  if (/^-?\d/.test(token)) return { kind: 'literal', value: Number(token) };
  if (/^[A-Za-z_]/.test(token)) return { kind: 'call', name: token, parameters: [] };
  throw new Error(`a template has {{ ${reader.text} }}, which is not understood`);
}
