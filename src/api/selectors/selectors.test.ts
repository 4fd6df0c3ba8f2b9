import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { KubeObject } from '../object.ts';
import { selectableFieldsOf, supportedFieldSelector } from './field-labels.ts';
import { parseFieldSelector } from './field-selector.ts';
import { labelSelectorOf, selectorFromLabels } from './label-selector.ts';
import { parseLabelSelector } from './parse-label-selector.ts';

const fails = (text: string, message: string) =>
  assert.throws(
    () => parseLabelSelector(text),
    (error: Error) => (assert.equal(error.message, message), true),
  );

describe('label selectors', () => {
  test('canonical text', () => {
    for (const [text, canonical] of [
      ['', ''],
      ['x=a,y=b,z=c', 'x=a,y=b,z=c'],
      ['z=c , x == a', 'x==a,z=c'],
      ['x in (b,a),!y', 'x in (a,b),!y'],
      ['x notin ()', 'x notin ()'],
      ['x in (foo,,baz),y,z notin ()', 'x in (,baz,foo),y,z notin ()'],
      ['x>1,z<5', 'x>1,z<5'],
      ['x=', 'x='],
      ['x!=a', 'x!=a'],
      ['in=in', 'in=in'],
      ['!in', '!in'],
    ] as const)
      assert.equal(parseLabelSelector(text).toString(), canonical);
  });

  test('errors in the words of upstream', () => {
    fails('=v', "found '=', expected: !, identifier, or 'end of string'");
    fails('a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
    fails('a in b', "unable to parse requirement: found 'b' expected: '('");
    fails('a=b c', "found 'c', expected: ',' or 'end of string'");
    fails('a=b,', "found '', expected: identifier after ','");
    fails('a=(', "unable to parse requirement: found '(', expected: identifier");
    fails(
      'a>x',
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    );
    assert.throws(
      () => parseLabelSelector('a/b/c=d'),
      /^SelectorError: unable to parse requirement: <nil>: Invalid value: "a\/b\/c": a valid label key must consist/,
    );
    assert.throws(
      () => parseLabelSelector('a=b@'),
      /unable to parse requirement: values\[0\]\[a\]: Invalid value: "b@": a valid label must be an empty string/,
    );
  });

  test('matching', () => {
    const labels = { app: 'web', tier: 'a', weight: '7' };
    for (const [text, expected] of [
      ['app=web', true],
      ['app!=web', false],
      ['none!=x', true],
      ['app in (web,db)', true],
      ['none notin (x)', true],
      ['app,!none', true],
      ['!app', false],
      ['weight>6', true],
      ['weight<7', false],
      ['tier>1', false],
      ['constructor', false],
    ] as const)
      assert.equal(parseLabelSelector(text).matches(labels), expected, text);
    assert.deepEqual(parseLabelSelector('tier in (a),x').exact(), { key: 'tier', value: 'a' });
    assert.equal(labelSelectorOf(undefined).matches({}), false);
    assert.equal(labelSelectorOf({}).matches({}), true);
    assert.equal(
      labelSelectorOf({
        matchLabels: { app: 'web' },
        matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }],
      }).matches(labels),
      true,
    );
    assert.throws(
      () => labelSelectorOf({ matchExpressions: [{ key: 'x', operator: 'Near' }] }),
      /"Near" is not a valid label selector operator/,
    );
    assert.equal(selectorFromLabels({ app: 'web' }).matches(labels), true);
  });

  test('any text either parses to something that parses to itself, or is refused as a selector', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ab=!(),<> in.-]{0,14}$/), (text) => {
        let canonical: string;
        try {
          canonical = parseLabelSelector(text).toString();
        } catch (error) {
          assert.equal((error as Error).name, 'SelectorError');
          return;
        }
        assert.equal(parseLabelSelector(canonical).toString(), canonical);
      }),
    );
  });
});

describe('field selectors', () => {
  test('parsing, escaping, matching', () => {
    const selector = parseFieldSelector('spec.nodeName=n1,status.phase!=Running,a==b');
    assert.equal(selector.exact('spec.nodeName'), 'n1');
    assert.equal(selector.exact('status.phase'), undefined);
    assert.equal(selector.toString(), 'a=b,spec.nodeName=n1,status.phase!=Running');
    assert.equal(selector.matches({ 'spec.nodeName': 'n1', a: 'b' }), true);
    assert.equal(selector.matches({ 'spec.nodeName': 'n1', a: 'b', 'status.phase': 'Running' }), false);
    assert.equal(parseFieldSelector('a=x\\,y\\=z\\\\').requirements[0]?.value, 'x,y=z\\');
    assert.throws(() => parseFieldSelector('abc'), /invalid selector: 'abc'; can't understand 'abc'/);
    assert.throws(
      () => parseFieldSelector('a=b=c'),
      /invalid field selector: unescaped character in value: 61/,
    );
    assert.throws(() => parseFieldSelector('a=\\x'), /invalid field selector: invalid escape sequence: \\x/);
    assert.equal(parseFieldSelector('').isEmpty, true);
  });

  test('supported labels', () => {
    const supported = (text: string, group: string, resource: string) =>
      supportedFieldSelector(parseFieldSelector(text), group, 'v1', resource).toString();
    assert.equal(supported('spec.host=x', '', 'pods'), 'spec.nodeName=x');
    assert.equal(supported('regarding.name=x', 'events.k8s.io', 'events'), 'involvedObject.name=x');
    assert.throws(() => supported('spec.foo=x', '', 'pods'), /field label not supported: spec.foo/);
    assert.throws(
      () => supported('metadata.namespace=x', '', 'nodes'),
      /field label not supported: metadata.namespace/,
    );
    assert.throws(() => supported('spec.x=1', 'batch', 'jobs'), /field label "spec.x" not supported for Job/);
    assert.throws(
      () => supported('spec.x=1', '', 'configmaps'),
      /"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"/,
    );
  });

  test('values off an object', () => {
    const fields = selectableFieldsOf('', 'pods');
    const pod = {
      metadata: { name: 'p' },
      spec: { nodeName: 'n', hostNetwork: true },
      status: { podIPs: [{ ip: '1.2.3.4' }], phase: 'Running' },
    } as unknown as KubeObject;
    const values = Object.fromEntries(
      fields.valuesOf(pod).map((value, i) => [fields.names[i] as string, value]),
    );
    assert.equal(values['spec.nodeName'], 'n');
    assert.equal(values['spec.hostNetwork'], 'true');
    assert.equal(values['status.podIP'], '1.2.3.4');
    assert.equal(values['status.podIPs'], '');
  });
});
