// peer.js verify TRUSTED-ROOT BUNDLE ARTIFACT IDENTITY ISSUER: sigstore-js verifies a bundle.
// peer.js sign CA-URL ARTIFACT < token: sigstore-js signs and prints the bundle.
'use strict';
const { readFileSync } = require('node:fs');
const { bundleFromJSON, bundleToJSON } = require('@sigstore/bundle');
const { TrustedRoot } = require('@sigstore/protobuf-specs');
const { FulcioSigner, MessageSignatureBundleBuilder } = require('@sigstore/sign');
const { Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');

function check([rootFile, bundleFile, artifact, identity, issuer]) {
  const root = TrustedRoot.fromJSON(JSON.parse(readFileSync(rootFile, 'utf8')));
  const bundle = bundleFromJSON(JSON.parse(readFileSync(bundleFile, 'utf8')));
  const verifier = new Verifier(toTrustMaterial(root), {
    ctlogThreshold: 1,
    tlogThreshold: 0,
    tsaThreshold: 1,
  });
  const signer = verifier.verify(toSignedEntity(bundle, readFileSync(artifact)), {
    subjectAlternativeName: identity,
    extensions: { issuer },
  });
  console.log('sigstore-js accepted', signer.identity.subjectAlternativeName);
}

async function sign([ca, artifact]) {
  const token = readFileSync(0, 'utf8').trim();
  const signer = new FulcioSigner({
    fulcioBaseURL: ca,
    identityProvider: { getToken: async () => token },
  });
  const builder = new MessageSignatureBundleBuilder({ signer, witnesses: [] });
  const bundle = await builder.create({ data: readFileSync(artifact) });
  console.log(JSON.stringify(bundleToJSON(bundle)));
}

async function main() {
  const [command, ...args] = process.argv.slice(2);
  await (command === 'verify' ? check(args) : sign(args));
}

main().catch((err) => {
  console.error(err.message);
  process.exit(1);
});
