// usage: node client.js CACHE METADATA-URL ROOT [TARGET TARGETS-URL FILE]
// Refreshes; with a target, downloads it to FILE.
const fs = require('fs');
const { Updater } = require('tuf-js');

const [dir, url, root, target, base, file] = process.argv.slice(2);
fs.mkdirSync(dir, { recursive: true });
if (!fs.existsSync(`${dir}/root.json`)) fs.copyFileSync(root, `${dir}/root.json`);
const updater = new Updater({
  metadataDir: dir,
  metadataBaseUrl: url,
  targetDir: dir,
  targetBaseUrl: base,
});
(async () => {
  await updater.refresh();
  if (target) {
    const info = await updater.getTargetInfo(target);
    if (!info) throw new Error(`no target ${target}`);
    await updater.downloadTarget(info, file, base);
  }
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
