// node client.js CA-URL < token: sigstore-js gets a certificate and signs with it.
'use strict';
const { readFileSync } = require('node:fs');
const { X509Certificate, verify } = require('node:crypto');
const assert = require('node:assert');
const { FulcioSigner } = require('@sigstore/sign');

async function main() {
  const token = readFileSync(0, 'utf8').trim();
  const signer = new FulcioSigner({
    fulcioBaseURL: process.argv[2],
    identityProvider: { getToken: async () => token },
  });
  const data = Buffer.from('signed by sigstore-js');
  const result = await signer.sign(data);
  assert.strictEqual(result.key.$case, 'x509Certificate');
  const cert = new X509Certificate(result.key.certificate);
  assert.ok(verify('sha256', data, cert.publicKey, result.signature));
  assert.match(cert.subjectAltName, /acme\/widget/);
  console.log('sigstore-js accepted', cert.subjectAltName);
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
