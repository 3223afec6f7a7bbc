// usage: node link.mjs DIST OUT
//
// Makes OUT/ui_files.cpp from the files that Vite left in DIST: each gzipped, unless that makes it larger, its bytes taken
// in by the assembler. Prints nothing. The names in DIST/assets carry a digest of what is in them.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const [dist, out] = process.argv.slice(2);
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

const packed = join(out, 'packed');
rmSync(packed, { recursive: true, force: true });
mkdirSync(packed, { recursive: true });
const names = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(dist.length + 1))
  .filter((name) => !name.startsWith('.vite/'))
  .sort();

const parts = names.map((name, i) => {
  const type = types[extname(name)];
  if (!type) throw new Error(`${name}: a file of a type that is not known here; add it to link.mjs`);
  const bytes = readFileSync(join(dist, name));
  const small = gzipSync(bytes, { level: 9 });
  const isGzipped = small.length < bytes.length;
  const file = join(packed, `${i}`);
  writeFileSync(file, isGzipped ? small : bytes);
  return { name, type, isGzipped, file, size: isGzipped ? small.length : bytes.length };
});

const text = (value) => JSON.stringify(value);
writeFileSync(
  join(out, 'ui_files.cpp'),
  `// Made by web/link.mjs.
#include "server/ui_pages.hpp"

${parts
  .map(
    ({ file }, i) =>
      `asm(".section .rodata\\n.balign 16\\nmeshflow_ui_${i}:\\n.incbin ${text(text(file)).slice(1, -1)}\\n.byte 0\\n.previous\\n");
extern "C" __attribute__((visibility("hidden"))) const char meshflow_ui_${i}[];`,
  )
  .join('\n')}

namespace meshflow::server {

std::span<const UiFile> built_in_ui_files() noexcept {
  static const UiFile files[] = {
${parts.map(({ name, type, isGzipped, size }, i) => `      {${text(name)}, ${text(type)}, {meshflow_ui_${i}, ${size}}, ${isGzipped}},`).join('\n')}
  };
  return files;
}

}  // namespace meshflow::server
`,
);
