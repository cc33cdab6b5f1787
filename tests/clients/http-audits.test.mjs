// The GraphQL over HTTP specification, as its working group audits it.
//
// PARLOR_URL is the address of a running server, such as http://127.0.0.1:8000.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serverAudits } from 'graphql-http';

const url = new URL('/graphql', process.env.PARLOR_URL).href;
const audits = serverAudits({ url });

test('there are 61 audits', () => {
  assert.equal(audits.length, 61);
});

for (const audit of audits) {
  test(`${audit.id} ${audit.name}`, async () => {
    const result = await audit.fn();
    // The optional ones ("notice") and the recommended ones ("warn") count too.
    assert.equal(result.status, 'ok', result.reason);
  });
}
