// tuf.js root CACHE MIRROR ROOT TRUSTED-ROOT: sigstore-js starts from ROOT (or its cache), refreshes
// from MIRROR, and must get what TRUSTED-ROOT says.
// tuf.js verify CACHE MIRROR ROOT BUNDLE ARTIFACT IDENTITY ISSUER: and verifies a bundle with it.
'use strict';
const assert = require('node:assert');
const { readFileSync } = require('node:fs');
const { TrustedRoot } = require('@sigstore/protobuf-specs');
const tuf = require('@sigstore/tuf');
const sigstore = require('sigstore');

const read = (file) => JSON.parse(readFileSync(file, 'utf8'));

async function root([cachePath, mirrorURL, rootPath, wanted]) {
  const got = await tuf.getTrustedRoot({ mirrorURL, rootPath, cachePath });
  assert.deepStrictEqual(TrustedRoot.toJSON(got), TrustedRoot.toJSON(TrustedRoot.fromJSON(read(wanted))));
  assert(got.certificateAuthorities.length > 0 && got.ctlogs.length > 0);
  const client = await tuf.initTUF({ mirrorURL, rootPath, cachePath });
  assert.deepStrictEqual(JSON.parse(await client.getTarget('trusted_root.json')), read(wanted));
  console.log('sigstore-js has the trusted root:', got.certificateAuthorities.length, 'CAs');
}

async function verify([tufCachePath, tufMirrorURL, tufRootPath, bundle, artifact, identity, issuer]) {
  await sigstore.verify(read(bundle), readFileSync(artifact), {
    tufCachePath,
    tufMirrorURL,
    tufRootPath,
    ctLogThreshold: 1,
    tlogThreshold: 1,
    certificateIdentityURI: identity,
    certificateIssuer: issuer,
  });
  console.log('sigstore-js accepted', bundle);
}

const [command, ...args] = process.argv.slice(2);
(command === 'root' ? root(args) : verify(args)).catch((err) => {
  console.error(err.message);
  process.exit(1);
});
