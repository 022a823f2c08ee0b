// Writes a repository signed by tuf-js's own models: every kind of key, a delegation by paths,
// succinct hash bins, two roots.
// usage: node publish.js DIR
const fs = require('fs');
const path = require('path');
const crypto = require('crypto');
const { canonicalize } = require('@tufjs/canonical-json');
const {
  Key, Metadata, MetaFile, Root, Signature, Snapshot, TargetFile, Targets, Timestamp,
} = require('@tufjs/models');
const { Delegations } = require('@tufjs/models/dist/delegations');
const { DelegatedRole, Role, SuccinctRoles } = require('@tufjs/models/dist/role');

const out = process.argv[2];
const sha256 = (data) => crypto.createHash('sha256').update(data).digest('hex');
const later = new Date(Date.now() + 30 * 86400e3).toISOString().replace(/\.\d+Z$/, 'Z');
const signed = { version: 1, specVersion: '1.0.31', expires: later };

const kinds = {
  ed25519: ['ed25519', {}, (key) => ({ keyType: 'ed25519', scheme: 'ed25519', public: Buffer.from(key.export({ format: 'jwk' }).x, 'base64url').toString('hex') })],
  ecdsa: ['ec', { namedCurve: 'P-256' }, (key) => ({ keyType: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', public: key.export({ type: 'spki', format: 'pem' }) })],
  rsa: ['rsa', { modulusLength: 2048 }, (key) => ({ keyType: 'rsa', scheme: 'rsassa-pss-sha256', public: key.export({ type: 'spki', format: 'pem' }) })],
};

// A key and its signer: sign(bytes) gives a Signature, as Metadata.sign() wants it.
function makeKey(kind) {
  const [type, options, describe] = kinds[kind];
  const { publicKey, privateKey } = crypto.generateKeyPairSync(type, options);
  const { keyType, scheme, public: text } = describe(publicKey);
  const keyID = sha256(canonicalize({ keytype: keyType, scheme, keyval: { public: text } }));
  const how = kind === 'rsa'
    ? { key: privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
    : privateKey;
  const digest = kind === 'ed25519' ? null : 'sha256';
  return {
    key: new Key({ keyID, keyType, scheme, keyVal: { public: text } }),
    sign: (bytes) => new Signature({ keyID, sig: crypto.sign(digest, bytes, how).toString('hex') }),
  };
}

function save(body, name, ...signers) {
  const metadata = new Metadata(body);
  signers.forEach((s) => metadata.sign(s.sign));
  const text = JSON.stringify(metadata.toJSON());
  fs.writeFileSync(path.join(out, name), text);
  return new MetaFile({ version: body.version, length: text.length, hashes: { sha256: sha256(text) } });
}

function target(name, text) {
  const file = path.join(out, 'targets', path.dirname(name), `${sha256(text)}.${path.basename(name)}`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return new TargetFile({ path: name, length: text.length, hashes: { sha256: sha256(text) } });
}

fs.mkdirSync(path.join(out, 'targets'), { recursive: true });
const [ed, ec, rsa, online] = ['ed25519', 'ecdsa', 'rsa', 'ecdsa'].map(makeKey);

const root = new Root({ ...signed, roles: {
  root: new Role({ keyIDs: [], threshold: 3 }),
  targets: new Role({ keyIDs: [], threshold: 1 }),
  snapshot: new Role({ keyIDs: [], threshold: 1 }),
  timestamp: new Role({ keyIDs: [], threshold: 1 }),
} });
[ed, ec, rsa].forEach((s) => root.addKey(s.key, 'root'));
root.addKey(rsa.key, 'targets');
['snapshot', 'timestamp'].forEach((role) => root.addKey(online.key, role));
save(root, '1.root.json', ed, ec, rsa);
root.version = 2;
root.unrecognizedFields['x-note'] = 'line\nbreak \u00e9 \\ "';
save(root, '2.root.json', ed, ec, rsa);

const snapshot = new Snapshot(signed);
const project = new Targets(signed);
project.addTarget(target('project/a.txt', 'delegated'));
snapshot.meta['project.json'] = save(project, '1.project.json', ec);

const succinct = new SuccinctRoles({ keyIDs: [rsa.key.keyID], threshold: 1, bitLength: 4, namePrefix: 'bin' });
const hub = new Targets({ ...signed, delegations: new Delegations({ keys: { [rsa.key.keyID]: rsa.key }, succinctRoles: succinct }) });
snapshot.meta['bins.json'] = save(hub, '1.bins.json', ed);
const bins = {};
for (const name of succinct.getRoles()) bins[name] = new Targets(signed);
for (let i = 0; i < 40; i++) bins[succinct.getRoleForTarget(`bins/${i}`)].addTarget(target(`bins/${i}`, `bins/${i}`));
for (const [name, role] of Object.entries(bins)) snapshot.meta[`${name}.json`] = save(role, `1.${name}.json`, rsa);

const targets = new Targets({ ...signed, delegations: new Delegations({
  keys: { [ec.key.keyID]: ec.key, [ed.key.keyID]: ed.key },
  roles: {
    project: new DelegatedRole({ name: 'project', keyIDs: [ec.key.keyID], threshold: 1, terminating: true, paths: ['project/*.txt'] }),
    bins: new DelegatedRole({ name: 'bins', keyIDs: [ed.key.keyID], threshold: 1, terminating: false, paths: ['bins/*'] }),
  },
}) });
targets.addTarget(target('top.txt', 'top'));
snapshot.meta['targets.json'] = save(targets, '1.targets.json', rsa);
save(new Timestamp({ ...signed, snapshotMeta: save(snapshot, '1.snapshot.json', online) }), 'timestamp.json', online);
