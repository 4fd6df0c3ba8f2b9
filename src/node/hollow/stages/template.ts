/** Fills templates (template-parser.ts) in, with the functions that stages use. */
import { stringify } from 'yaml';
import { parseTemplate, type Expression, type Node } from './template-parser.ts';

export type TemplateFunction = (...parameters: readonly unknown[]) => unknown;
export type Template = (data: unknown, functions?: Readonly<Record<string, TemplateFunction>>) => string;

/** `extra` names the functions that are handed in when it is filled in. Throws Error for what is not understood. */
export function compileTemplate(source: string, extra: readonly string[] = []): Template {
  const nodes = parseTemplate(source);
  const known = new Set([...Object.keys(builtIn), ...extra]);
  for (const name of calledIn(nodes)) if (!known.has(name)) throw new Error(`a template calls ${name}, which is not there`);
  return (data, functions = {}) => {
    const scope: Scope = { dot: data, variables: new Map([['$', { value: data }]]), functions: { ...builtIn, ...functions } };
    return render(nodes, scope);
  };
}

function* calledIn(nodes: readonly Node[]): Generator<string> {
  for (const node of nodes) {
    if (node.kind === 'text') continue;
    yield* callsOf(node.value);
    if ('body' in node) yield* calledIn([...node.body, ...node.otherwise]);
  }
}

function* callsOf(expression: Expression): Generator<string> {
  if (expression.kind === 'path' && typeof expression.from !== 'string') yield* callsOf(expression.from);
  if (expression.kind !== 'call') return;
  yield expression.name;
  for (const parameter of expression.parameters) yield* callsOf(parameter);
}

interface Scope {
  readonly dot: unknown;
  readonly variables: ReadonlyMap<string, { value: unknown }>;
  readonly functions: Readonly<Record<string, TemplateFunction>>;
}

function render(nodes: readonly Node[], outer: Scope): string {
  const variables = new Map(outer.variables);
  const scope = { ...outer, variables };
  let text = '';
  for (const node of nodes) {
    switch (node.kind) {
      case 'text':
        text += node.text;
        break;
      case 'print':
        text += print(evaluate(node.value, scope));
        break;
      case 'set': {
        const value = evaluate(node.value, scope);
        const known = variables.get(`$${node.variable}`);
        if (node.declares || !known) variables.set(`$${node.variable}`, { value });
        else known.value = value;
        break;
      }
      case 'if':
        text += render(isTrue(evaluate(node.value, scope)) ? node.body : node.otherwise, scope);
        break;
      case 'with': {
        const value = evaluate(node.value, scope);
        text += isTrue(value) ? render(node.body, { ...scope, dot: value }) : render(node.otherwise, scope);
        break;
      }
      case 'range':
        text += renderRange(node, scope);
    }
  }
  return text;
}

function renderRange(node: Node & { kind: 'range' }, scope: Scope): string {
  const value = evaluate(node.value, scope);
  const entries: (readonly [unknown, unknown])[] = Array.isArray(value) ? [...(value as unknown[]).entries()] : isMap(value) ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)) : [];
  if (entries.length === 0) return render(node.otherwise, scope);
  return entries
    .map(([index, element]) => {
      const variables = new Map(scope.variables);
      if (node.index !== undefined) variables.set(`$${node.index}`, { value: index });
      if (node.element !== undefined) variables.set(`$${node.element}`, { value: element });
      return render(node.body, { ...scope, variables, dot: element });
    })
    .join('');
}

function evaluate(expression: Expression, scope: Scope): unknown {
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'path': {
      const { from, fields } = expression;
      let value = from === '.' ? scope.dot : typeof from === 'string' ? scope.variables.get(from)?.value : evaluate(from, scope);
      for (const field of fields) value = isMap(value) ? value[field] : undefined;
      return value;
    }
    default:
      return scope.functions[expression.name]?.(...expression.parameters.map((parameter) => evaluate(parameter, scope)));
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

function print(value: unknown): string {
  if (value === undefined || value === null) return '<no value>';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function at(container: unknown, key: unknown): unknown {
  if (Array.isArray(container)) return (container as unknown[])[Number(key)];
  return isMap(container) ? container[String(key)] : undefined;
}

const builtIn: Readonly<Record<string, TemplateFunction>> = {
  and: (...values) => (values.every(isTrue) ? values.at(-1) : values.find((value) => !isTrue(value))),
  or: (...values) => (values.some(isTrue) ? values.find(isTrue) : values.at(-1)),
  not: (value) => !isTrue(value),
  eq: (value, ...others) => others.includes(value),
  ne: (value, other) => value !== other,
  lt: (a, b) => (a as number) < (b as number),
  le: (a, b) => (a as number) <= (b as number),
  gt: (a, b) => (a as number) > (b as number),
  ge: (a, b) => (a as number) >= (b as number),
  len: (value) => (Array.isArray(value) || typeof value === 'string' ? value.length : isMap(value) ? Object.keys(value).length : 0),
  index: (container, ...keys) => keys.reduce(at, container),
  print: (...values) => values.map(print).join(''),
  printf: (format, ...values) => {
    let next = 0;
    return String(format).replace(/%[sdvq%]/g, (verb) => (verb === '%%' ? '%' : verb === '%q' ? JSON.stringify(print(values[next++])) : print(values[next++])));
  },
  dict: (...pairs) => Object.fromEntries(Array.from({ length: pairs.length >> 1 }, (_, pair) => [String(pairs[2 * pair]), pairs[2 * pair + 1]])),
  list: (...values) => values,
  default: (otherwise, value) => (isTrue(value) ? value : otherwise),
  quote: (value) => JSON.stringify(print(value)),
  Quote: (value) => JSON.stringify(typeof value === 'string' ? value : JSON.stringify(value ?? null)),
  YAML: (value) => stringify(value),
};
