// Output that passes the server's Content-Security-Policy (src/server/ui_pages.cpp): no inline script or style, nothing
// loaded from elsewhere, no address written anywhere but in index.html's <base>.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  base: './',
  publicDir: false,
  cacheDir: here('../build/web/cache'),
  resolve: { alias: { '@': here('./src') } },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: process.env.MESHFLOW_WEB_OUT ?? here('../build/web/dist'),
    emptyOutDir: true,
    manifest: true, // for check_size.mjs
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
