// node verify.js DIR ROOT.pem LOG-KEY.pem: the sigstore-js verifier judges DIR's leaf.pem, with its
// embedded SCT, under a trusted root of this CA and this log. A Rekor of our own gives the signing
// time. Prints "accepted IDENTITY" or "refused REASON".
'use strict';
const { readFileSync } = require('node:fs');
const { createHash, createPublicKey, generateKeyPairSync, sign } = require('node:crypto');
const { bundleFromJSON } = require('@sigstore/bundle');
const { TrustedRoot } = require('@sigstore/protobuf-specs');
const { toSignedEntity, toTrustMaterial, Verifier, VerificationError } = require('@sigstore/verify');

const sha256 = (data) => createHash('sha256').update(data).digest();
const b64 = (data) => Buffer.from(data).toString('base64');
const pemBlocks = (text) =>
  [...text.matchAll(/-----BEGIN CERTIFICATE-----([^-]*)-----END/g)].map((m) => m[1].replace(/\s/g, ''));
const spki = (key) => key.export({ type: 'spki', format: 'der' });

function logInstance(key) {
  return {
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: b64(spki(key)), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: { start: '2020-01-01T00:00:00Z' } },
    logId: { keyId: b64(sha256(spki(key))) },
  };
}

// One hashedrekord entry with a signed entry timestamp, members in canonical order.
function rekorEntry(rekor, leafPem, signature, digest) {
  const body = b64(JSON.stringify({
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: digest.toString('hex') } },
      signature: { content: b64(signature), publicKey: { content: b64(leafPem) } },
    },
  }));
  const integratedTime = Math.floor(Date.now() / 1000);
  const id = sha256(spki(rekor.publicKey));
  const promise = JSON.stringify({ body, integratedTime, logID: id.toString('hex'), logIndex: 1 });
  return {
    logIndex: '1',
    logId: { keyId: b64(id) },
    kindVersion: { kind: 'hashedrekord', version: '0.0.1' },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: b64(sign('sha256', Buffer.from(promise), rekor.privateKey)) },
    canonicalizedBody: body,
  };
}

const [dir, rootFile, logKeyFile] = process.argv.slice(2);
const leafPem = readFileSync(`${dir}/leaf.pem`, 'utf8');
const chain = pemBlocks(readFileSync(`${dir}/chain.pem`, 'utf8'));
const artifact = Buffer.from('verified by sigstore-js');
const signature = sign('sha256', artifact, readFileSync(`${dir}/key.pem`));
const rekor = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const root = TrustedRoot.fromJSON({
  mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  tlogs: [logInstance(rekor.publicKey)],
  certificateAuthorities: [{
    certChain: { certificates: pemBlocks(readFileSync(rootFile, 'utf8')).map((rawBytes) => ({ rawBytes })) },
    validFor: { start: '2020-01-01T00:00:00Z' },
  }],
  ctlogs: [logInstance(createPublicKey(readFileSync(logKeyFile)))],
  timestampAuthorities: [],
});
const bundle = bundleFromJSON({
  mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
  verificationMaterial: {
    x509CertificateChain: { certificates: [{ rawBytes: chain[0] }] },
    tlogEntries: [rekorEntry(rekor, leafPem, signature, sha256(artifact))],
  },
  messageSignature: {
    messageDigest: { algorithm: 'SHA2_256', digest: b64(sha256(artifact)) },
    signature: b64(signature),
  },
});
try {
  const verifier = new Verifier(toTrustMaterial(root), { ctlogThreshold: 1, tlogThreshold: 1 });
  const signer = verifier.verify(toSignedEntity(bundle, artifact));
  console.log('accepted', signer.identity.subjectAlternativeName);
} catch (err) {
  if (!(err instanceof VerificationError)) throw err;
  console.log('refused', err.message);
}
