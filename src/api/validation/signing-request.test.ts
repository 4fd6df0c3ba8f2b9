import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signingRequestProblem } from './signing-request.ts';

/** CN=jane, a P-256 key, signed with it. */
const good =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISk1IRUNBUUF3RHpFTk1Bc0dBMVVFQXd3RWFtRnVaVEJaTUJNR0J5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSApBMElBQk1VYjZMbkFlOE16dGlnTStNVi9jM3NWNmRuZmhUUXRRbHpXRnRTZHR5Ynh2YUFqZjhkaCtwQTlvSFYyCmdVUWRTNTNIUmdiNjNxUlBUa1RWNXBRUVdBR2dBREFLQmdncWhrak9QUVFEQWdOSUFEQkZBaUVBeTRGemlzS1AKTXRRYlJmdGc1M3ZxbkJudDJTNmNCY3RJRkUzRkIxNnRBNXNDSUFZMGd0dVJYUXI0ZG8wWlNBYlpCTGNjN0lndApxVVBXUU9qMzZiT1ZLSFRtCi0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=';

/** The PEM with its DER changed by `change`. */
function changed(change: (der: Buffer) => Buffer): string {
  const pem = Buffer.from(good, 'base64').toString();
  const der = change(Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64'));
  const block = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  return Buffer.from(block).toString('base64');
}

describe('signing requests', () => {
  test('one that is signed with its own key is good', () =>
    assert.equal(signingRequestProblem(good), undefined));

  test('what is no PEM, or of another type, is refused', () => {
    const other = Buffer.from(good, 'base64').toString().replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE');
    for (const text of ['', 'AAAA', Buffer.from(other).toString('base64')])
      assert.equal(signingRequestProblem(text), 'PEM block type must be CERTIFICATE REQUEST');
  });

  test('one that was changed after it was signed is refused', () => {
    const tampered = changed((der) => Buffer.from(der.toString('latin1').replace('jane', 'root'), 'latin1'));
    assert.equal(signingRequestProblem(tampered), 'x509: invalid signature');
  });

  test('no cut of it is taken, and none throws', () => {
    for (let size = 0; size < 200; size += 7)
      assert.notEqual(signingRequestProblem(changed((der) => der.subarray(0, size))), undefined);
  });
});
