// sigstore-js as a program of its own would use it: nothing but a TUF root and its mirror.
//
//   client.js sign CACHE MIRROR ROOT TOKEN-FILE FILE BUNDLE     signs FILE
//   client.js attest CACHE MIRROR ROOT TOKEN-FILE FILE BUNDLE   FILE is an in-toto statement
//   client.js verify CACHE MIRROR ROOT BUNDLE ARTIFACT IDENTITY ISSUER
'use strict';
const { readFileSync, writeFileSync } = require('node:fs');
const { bundleToJSON } = require('@sigstore/bundle');
const { SigningConfig } = require('@sigstore/protobuf-specs');
const { bundleBuilderFromSigningConfig } = require('@sigstore/sign');
const { initTUF } = require('@sigstore/tuf');
const sigstore = require('sigstore');

const IN_TOTO = 'application/vnd.in-toto+json';

async function sign(attest, [cachePath, mirrorURL, rootPath, tokenFile, file, out]) {
  const token = readFileSync(tokenFile, 'utf8').trim();
  const client = await initTUF({ cachePath, mirrorURL, rootPath });
  const config = JSON.parse(await client.getTarget('signing_config.v0.2.json'));
  const builder = bundleBuilderFromSigningConfig({
    signingConfig: SigningConfig.fromJSON(config),
    identityProvider: { getToken: async () => token },
    bundleType: attest ? 'dsseEnvelope' : 'messageSignature',
    fetchOptions: { timeout: 20000, retry: { retries: 1 } },
  });
  const bundle = await builder.create({ data: readFileSync(file), type: attest ? IN_TOTO : undefined });
  writeFileSync(out, JSON.stringify(bundleToJSON(bundle)));
}

function verify([tufCachePath, tufMirrorURL, tufRootPath, bundle, artifact, identity, issuer]) {
  const data = readFileSync(artifact);
  return sigstore.verify(JSON.parse(readFileSync(bundle, 'utf8')), data, {
    tufCachePath,
    tufMirrorURL,
    tufRootPath,
    ctLogThreshold: 1,
    tlogThreshold: 1,
    certificateIdentityURI: identity,
    certificateIssuer: issuer,
  });
}

const [command, ...args] = process.argv.slice(2);
(command === 'verify' ? verify(args) : sign(command === 'attest', args)).catch((err) => {
  console.error(err.message, err.cause ?? '');
  process.exit(1);
});
