// usage: node check_size.mjs DIST
//
// Fails where the UI is larger than it may be, gzipped: the first screen (the page, its frame and Search) 60 kB, all of it
// 300 kB. Prints what there is, the largest first.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const kFirstMax = 60_000;
const kAllMax = 300_000;
const kFirst = ['index.html', 'src/screens/search/search_screen.tsx'];

const [dist] = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'));
const size = (name) => gzipSync(readFileSync(join(dist, name)), { level: 9 }).length;

// An entry's own files and those that it imports at once.
const files = new Set(['index.html']);
const add = (key) => {
  const entry = manifest[key];
  if (!entry) throw new Error(`the manifest has no ${key}; does check_size.mjs name the first screen rightly?`);
  if (files.has(entry.file)) return;
  files.add(entry.file);
  for (const css of entry.css ?? []) files.add(css);
  for (const each of entry.imports ?? []) add(each);
};
for (const key of kFirst) add(key);

const all = ['index.html', ...readdirSync(join(dist, 'assets')).map((name) => `assets/${name}`)];
const sum = (names) => [...names].reduce((total, name) => total + size(name), 0);
const first = sum(files);
const total = sum(all);
for (const name of all.sort((a, b) => size(b) - size(a))) {
  console.log(`${String(size(name)).padStart(8)} ${files.has(name) ? 'first' : '     '} ${name}`);
}
console.log(`first screen ${first} of ${kFirstMax} bytes, everything ${total} of ${kAllMax}`);
if (first > kFirstMax || total > kAllMax) {
  console.error('check_size: past the budget; load more of it lazily, or leave something out');
  process.exit(1);
}
