/** The languages that stages are written in: queries, selectors, delays, templates. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRandom } from '../../../base/random.ts';
import { parseDelay, parseGoDuration } from './delay.ts';
import { parseQuery } from './query.ts';
import { parseSelector } from './selector.ts';
import { compileTemplate } from './template.ts';

const pod = {
  metadata: { name: 'web', labels: { app: 'web' }, annotations: { 'example.com/delay': '1m30s', until: '2026-01-01T00:00:05Z' }, ownerReferences: [{ kind: 'Job' }, { kind: 'Node' }] },
  spec: { containers: [{ name: 'a', image: 'x' }, { name: 'b', image: 'y' }] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }, { type: 'Initialized', status: 'False' }] },
};

describe('queries', () => {
  const answers: readonly (readonly [query: string, answer: readonly unknown[]])[] = [
    ['.status.phase', ['Running']],
    ['.metadata.annotations["example.com/delay"]', ['1m30s']],
    ['.metadata.ownerReferences.[].kind', ['Job', 'Node']],
    ['.metadata.ownerReferences[1].kind', ['Node']],
    ['.status.conditions.[] | select( .type == "Ready" ) | .status', ['True']],
    ['.status.conditions[] | select(.type != "Ready") | .status', ['False']],
    ['.status.nothing.[].at.all', []],
    ['.metadata.deletionTimestamp', []],
  ];
  for (const [query, answer] of answers) test(query, () => assert.deepEqual(parseQuery(query)(pod), answer));
  test('more of jq is refused', () => {
    for (const query of ['.a | length', '.a + 1', 'select(.a)', '.a as $x | $x', '{a: .b}']) assert.throws(() => parseQuery(query), /more of jq than is supported/, query);
  });
});

test('selectors', () => {
  const matches = (selector: Parameters<typeof parseSelector>[0]) => parseSelector(selector)(pod);
  assert.ok(matches({}));
  assert.ok(matches({ matchLabels: { app: 'web' } }) && !matches({ matchLabels: { app: 'db' } }));
  assert.ok(matches({ matchAnnotations: { until: pod.metadata.annotations.until } }));
  const expression = (operator: string, key: string, ...values: string[]) => matches({ matchExpressions: [{ key, operator, values }] });
  assert.ok(expression('In', '.status.phase', 'Pending', 'Running') && !expression('In', '.status.nothing', 'x'));
  assert.ok(expression('NotIn', '.status.phase', 'Pending') && expression('NotIn', '.status.nothing', 'x'));
  assert.ok(expression('Exists', '.metadata.ownerReferences.[].kind') && !expression('Exists', '.metadata.finalizers'));
  assert.ok(expression('DoesNotExist', '.metadata.finalizers'));
  assert.throws(() => matches({ matchExpressions: [{ cel: { expression: 'true' } }] }), /CEL/);
});

test('delays', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const delay = (spec: Parameters<typeof parseDelay>[0]) => parseDelay(spec)(pod, seededRandom(1), now);
  assert.equal(delay(undefined), 0);
  assert.equal(delay({ durationMilliseconds: 5 }), 5);
  assert.equal(delay({ durationMilliseconds: 5, durationFrom: { expressionFrom: '.metadata.annotations["example.com/delay"]' } }), 90_000);
  assert.equal(delay({ durationMilliseconds: 5, durationFrom: { jq: { expression: '.metadata.annotations["nothing"]' } } }), 5);
  const drawn = delay({ durationMilliseconds: 1000, jitterDurationMilliseconds: 2000 });
  assert.ok(drawn >= 1000 && drawn < 2000);
  assert.equal(delay({ durationMilliseconds: 60_000, jitterDurationFrom: { expressionFrom: '.metadata.annotations.until' } }), 5000, 'a sooner end cuts it short');
  assert.deepEqual(['1.5s', '200ms', '1h2m', '-3s', '0', '5', 'soon'].map(parseGoDuration), [1500, 200, 3_720_000, -3000, 0, undefined, undefined]);
});

describe('templates', () => {
  const cases: readonly (readonly [name: string, template: string, filled: string])[] = [
    ['fields', '{{ .metadata.name }} {{ .nothing.at.all }}', 'web <no value>'],
    ['range', '{{ range $i, $c := .spec.containers }}{{ $i }}={{ $c.name }}{{ .image }} {{ end }}', '0=ax 1=by '],
    ['range over nothing', '{{ range .nothing }}x{{ else }}none{{ end }}', 'none'],
    ['variables and scopes', '{{ $a := 1 }}{{ if true }}{{ $a = 2 }}{{ $b := 3 }}{{ $b }}{{ end }}{{ $a }}', '32'],
    ['the root within a range', '{{ $root := . }}{{ range .spec.containers }}{{ $root.status.phase }}{{ $.metadata.name }}{{ end }}', 'RunningwebRunningweb'],
    ['else if', '{{ if eq .status.phase "Failed" }}1{{ else if eq .status.phase "Running" }}2{{ else }}3{{ end }}', '2'],
    ['with', '{{ with .metadata.labels }}{{ .app }}{{ end }}{{ with .nothing }}x{{ else }}y{{ end }}', 'weby'],
    ['or with a fallback', '{{ $a := or .metadata.annotations dict }}{{ or ( index $a "none" ) "default" }}', 'default'],
    ['and, not, ne', '{{ and .status true }} {{ not .nothing }} {{ ne "a" "b" }}', 'true true true'],
    ['pipes', '{{ .metadata.name | Quote }} {{ "a" | printf "%s-%s" "b" }}', '"web" b-a'],
    ['index of a list', '{{ ( index .spec.containers 1 ).name }}', 'b'],
    ['trimming', 'a  {{- " b " -}}  c', 'a b c'],
    ['comments', 'a{{/* nothing }} of it */}}b', 'ab'],
    ['functions of the caller', '{{ Now | Quote }}', '"then"'],
  ];
  for (const [name, template, filled] of cases) test(name, () => assert.equal(compileTemplate(template, ['Now'])(pod, { Now: () => 'then' }), filled));
  test('what is not understood is refused when it is read', () => {
    assert.throws(() => compileTemplate('{{ unknownFunction 1 }}'), /calls unknownFunction/);
    assert.throws(() => compileTemplate('{{ if true }}'), /without an end/);
    assert.throws(() => compileTemplate('{{ end }}'), /without a beginning/);
    assert.throws(() => compileTemplate('{{ ( 1 }}'), /open/);
    assert.throws(() => compileTemplate('{{ define "x" }}{{ end }}'), /not supported/);
  });
});
