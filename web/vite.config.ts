import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The built files lie where the Python package serves them from.
export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: "../python/flyball/ops/dashboard/page",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
  },
});
